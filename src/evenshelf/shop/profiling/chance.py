"""Figures beside what chance would give: when a pattern is an artefact, and when it is nothing.

A pattern is an artefact if its figure is at least :data:`SIGMAS` standard deviations of chance away from what chance
gives, and by an amount that matters. So neither small data nor large data raise alarms about nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, NamedTuple

import numpy as np
import polars as pl
from scipy.stats import rankdata

if TYPE_CHECKING:
    from numpy.typing import NDArray

SIGMAS = 5.0
"""Standard deviations of chance from which on a figure counts: less than one false alarm in a million."""


class Measured(NamedTuple):
    """A figure, what chance gives, the standard deviation of chance, and the number of observations."""

    figure: float
    expected: float
    deviation: float
    observations: int


@dataclass(frozen=True)
class Artefact:
    """An artefact that was found.

    Attributes
    ----------
    name
        Name of its detector.
    severity
        ``"warning"`` if it is strong enough to change which model looks best, else ``"note"``.
    figure, expected
        What was measured, and what chance would give; shares from 0 to 1 or rank correlations from -1 to 1.
    sigmas
        Distance of the two in standard deviations of chance, >= :data:`SIGMAS`; None if chance always gives the same.
    observations
        Number of steps, users, items or rows that the figure rests on.
    meaning, advice
        One line each.
    """

    name: str
    severity: Literal["note", "warning"]
    figure: float
    expected: float
    sigmas: float | None
    observations: int
    meaning: str
    advice: str


@dataclass(frozen=True)
class Detector:
    """How an artefact is detected.

    Attributes
    ----------
    name, meaning, advice
        As of an :class:`Artefact`.
    least, strong
        Difference of figure and expectation from which on it is a note, and a warning.
    both_sides
        Whether figures below the expectation count as well.
    """

    name: str
    meaning: str
    advice: str
    least: float
    strong: float
    both_sides: bool = True

    def judge(self, measured: Measured | None) -> Artefact | None:
        """Return the artefact, or None if there was nothing to measure or chance explains it."""
        if measured is None:
            return None
        away = measured.figure - measured.expected
        effect = abs(away) if self.both_sides else away
        sigmas = float(effect / measured.deviation) if measured.deviation > 0 else None
        if effect < self.least or (sigmas is not None and sigmas < SIGMAS):
            return None
        severity: Literal["note", "warning"] = "warning" if effect >= self.strong else "note"
        return Artefact(
            self.name,
            severity,
            float(measured.figure),
            float(measured.expected),
            sigmas,
            measured.observations,
            self.meaning,
            self.advice,
        )


def counted(ids: pl.Series) -> pl.Series:
    """Return the rank of each id, from 0: numbers by size if all are whole numbers, else by their characters.

    Parameters
    ----------
    ids
        Distinct texts.

    Examples
    --------
    >>> counted(pl.Series(["9", "10", "7"])).to_list()
    [1, 2, 0]
    """
    numbers = ids.cast(pl.Int64, strict=False)
    key = ids if numbers.null_count() else numbers
    return (key.rank("ordinal") - 1).cast(pl.Int64).rename("rank")


def share_up(steps: pl.DataFrame, group: list[str], value: str) -> Measured | None:
    """Measure how often the next value within a group is the higher one.

    Each value counts once in a group, where it came first. In random order, the number of ascents of m distinct
    values has mean (m - 1) / 2 and variance (m + 1) / 12 (Eulerian numbers).
    """
    distinct = steps.unique([*group, value], keep="first", maintain_order=True)
    same = pl.struct(group) == pl.struct(group).shift()
    sizes = distinct.group_by(group).len().filter(pl.col("len") > 1)["len"].to_numpy().astype(np.int64)
    # Whole numbers: the order of groups is not the same in two runs, and must not reach the last digit.
    total = int((sizes - 1).sum())
    if total == 0:
        return None
    up = distinct.select((same & (pl.col(value) > pl.col(value).shift())).sum()).item()
    return Measured(up / total, 0.5, float(np.sqrt(int((sizes + 1).sum()) / 12)) / total, total)


def correlation(a: NDArray[np.generic], b: NDArray[np.generic]) -> Measured | None:
    """Measure Spearman's rank correlation; by chance it is 0 with variance 1 / (n - 1)."""
    if a.size < 3 or (a == a[0]).all() or (b == b[0]).all():
        return None
    rho = float(np.corrcoef(rankdata(a), rankdata(b))[0, 1])
    return Measured(rho, 0.0, 1 / np.sqrt(a.size - 1), int(a.size))


def same_as_neighbour(labels: NDArray[np.generic]) -> Measured | None:
    """Measure how often a label equals the one before.

    Moments under random order are those of the number of runs of several kinds (Barton, David: Multiple Runs,
    Biometrika 1957).
    """
    n = float(labels.size)
    if n < 3:
        return None
    counts = np.unique(labels, return_counts=True)[1].astype(np.float64)
    squares, cubes = float((counts**2).sum()), float((counts**3).sum())
    if counts.size < 2 or squares == n:
        return None
    variance = (squares * (squares + n * (n + 1)) - 2 * n * cubes - n**3) / (n**2 * (n - 1))
    same = float((labels[1:] == labels[:-1]).mean())
    return Measured(same, (squares - n) / (n * (n - 1)), float(np.sqrt(max(variance, 0.0))) / (n - 1), int(n - 1))
