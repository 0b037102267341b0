"""Sets of classes, judged on titles held out: how often they hold the right class, and how large they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Flags = NDArray[np.bool_]
Codes = NDArray[np.int64]
REPLICATES = 1000
_BLOCK = 100
LEAST = 20
"""Held-out titles of a class from which on it is looked at by itself."""
SLACK = 0.05
"""So much below what was asked for, a class counts as not covered."""


def one_threshold(true: NDArray[np.float32], alpha: float) -> float:
    """Split conformal prediction as in the textbooks: of n calibration rows the floor(alpha (n + 1))-th from below.

    Parameters
    ----------
    true
        ``[n]`` probabilities that calibration rows gave to their own classes.
    """
    place = int(np.floor(alpha * (len(true) + 1) + 1e-9))
    return float(np.sort(true)[place - 1]) if place else 0.0


@dataclass(frozen=True, eq=False)
class Held:
    """Titles held out.

    Attributes
    ----------
    target
        ``[m]`` codes of their classes.
    group
        ``[m]`` equal numbers mean nearly equal titles.
    tail
        ``[m]`` whether the class is one of the tail.
    """

    target: Codes
    group: Codes
    tail: Flags

    def hits(self, sets: Flags) -> Flags:
        """``[m]`` whether the set of a title holds its class."""
        return np.asarray(sets[np.arange(len(self.target)), self.target])


def too_low(hit: Flags, target: Codes, alpha: float) -> float:
    """Share of the classes with enough titles that are covered clearly less than asked for; nan if there is none."""
    titles = np.bincount(target)
    looked = titles >= LEAST
    covered = np.bincount(target, hit)[looked] / titles[looked]
    return float((covered < 1 - alpha - SLACK).mean()) if looked.any() else float("nan")


def intervals(
    values: Mapping[str, tuple[NDArray[np.floating], Flags]], group: Codes, seed: int
) -> dict[str, tuple[float, float, float]]:
    """Means over titles, each with a 95 % interval of a bootstrap over title groups; nan where there is no title.

    Parameters
    ----------
    values
        By name: ``[m]`` a value of each title, and which titles are meant.
    group
        ``[m]``; the groups are drawn, the same ones for all values.
    """
    _, code = np.unique(group, return_inverse=True)
    groups = int(code.max(initial=-1)) + 1
    sums = [np.bincount(code[mine], value[mine], groups) for value, mine in values.values()]
    counts = [np.bincount(code[mine], minlength=groups) for _, mine in values.values()]
    columns = np.stack([*sums, *counts], axis=1).astype(np.float64)
    rng = np.random.default_rng(seed)
    drawn = np.concatenate(
        [rng.multinomial(groups, np.full(groups, 1 / groups), _BLOCK) @ columns for _ in range(REPLICATES // _BLOCK)]
    )
    found = {}
    for number, name in enumerate(values):
        total, titles = columns[:, number].sum(), columns[:, len(values) + number].sum()
        with np.errstate(invalid="ignore", divide="ignore"):
            means = drawn[:, number] / drawn[:, len(values) + number]
        if not titles or not np.isfinite(means).any():
            found[name] = (float("nan"),) * 3
            continue
        low, high = np.nanpercentile(means, [2.5, 97.5])
        found[name] = (float(total / titles), float(low), float(high))
    return found


def middle(found: Sequence[tuple[float, ...]]) -> list[float] | None:
    """Medians over splits, of a value and of the ends of its interval each by itself; ``None`` if it is not known."""
    known = np.array([entry for entry in found if np.isfinite(entry).all()], np.float64)
    return [float(value) for value in np.median(known, axis=0)] if len(known) else None
