"""Position bias: how much less lower places are looked at, with intervals and a second opinion."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import stdtrit

from evenshelf.clicks.cells import Cells
from evenshelf.clicks.harvesting import Harvest, harvest
from evenshelf.clicks.log import ClickLog, Floats
from evenshelf.clicks.models.position_based import Fit, fit_notes
from evenshelf.clicks.sums import sums
from evenshelf.errors import InputError, SettingError
from evenshelf.plurals import counted

LEVEL = 0.95
FEWEST = 5

_FEW_ROWS = 0.02
_APART = 1.25


@dataclass(frozen=True, eq=False)
class PositionBias:
    """How much a place is looked at, compared with the first.

    Attributes
    ----------
    shown, clicks
        ``[K]`` rows, and those that were clicked, by rank from 1.
    examination
        ``[K]`` by the position-based model, relative to rank 1.
    low, high
        ``[K]`` 95 % interval.
    harvest
        The same from items that were shown at several ranks; ``None`` if none was.
    notes
        Why it may be wrong.
    """

    shown: Floats
    clicks: Floats
    examination: Floats
    low: Floats
    high: Floats
    harvest: Harvest | None
    notes: tuple[str, ...]

    @property
    def rates(self) -> Floats:
        """``[K]`` click rate of each rank relative to that of rank 1: bias and relevance in one. nan without rows."""
        with np.errstate(invalid="ignore", divide="ignore"):
            rate = self.clicks / self.shown
            return np.asarray(rate / rate[0])

    def to_dict(self) -> dict[str, Any]:
        """As JSON takes it: one entry for each rank, and the notes."""
        second = np.full(len(self.shown), np.nan) if self.harvest is None else self.harvest.examination
        columns = {
            "rank": range(1, len(self.shown) + 1),
            "shown": self.shown.astype(int).tolist(),
            "clicks": self.clicks.astype(int).tolist(),
            "relative_rate": _told(self.rates),
            "examination": _told(self.examination),
            "low": _told(self.low),
            "high": _told(self.high),
            "harvested": _told(second),
        }
        ranks = [dict(zip(columns, row, strict=True)) for row in zip(*columns.values(), strict=True)]
        repeated = None if self.harvest is None else {"pairs": self.harvest.pairs, "rows": self.harvest.rows}
        return {"ranks": ranks, "shown_at_several_ranks": repeated, "notes": list(self.notes)}


def position_bias(
    log: ClickLog, *, groups: int = 20, seed: int = 0, progress: Callable[[str, int, int | None], None] | None = None
) -> PositionBias:
    """Estimate examination by rank.

    Intervals are of lists, by a jackknife: lists are put into groups at random, and the model is fitted again without
    each group; they are Student's on the logarithm. A bootstrap would draw lists twice, and the model would take the
    pairs in them for surer than they are.

    Parameters
    ----------
    log
        Any.
    groups
        At least 5; of a log of fewer lists as many as it has.
    seed
        Of the groups.
    progress
        Told how many groups are done.

    Raises
    ------
    SettingError
        If there are too few groups.
    InputError
        If the log has too few lists, or all of its rows or none were clicked.
    """
    log.check_clicks()
    if groups < FEWEST:
        raise SettingError(f"{groups} groups are too few for an interval.", hint=f"Take at least {FEWEST}, such as 20.")
    if log.lists < FEWEST:
        raise InputError(
            f"The click log has {counted(log.lists, 'list', 'lists')}, too few for an interval.",
            hint=f"Give at least {FEWEST}.",
        )
    groups = min(groups, log.lists)
    cells = Cells.of(log)
    whole = Fit.of(cells)
    group = np.random.default_rng(seed).permutation(log.lists) % groups
    found = np.empty((groups, log.depth))
    for number in range(groups):
        if progress is not None:
            progress("fitting without some lists", number, groups)
        part = cells.part(log, group[log.listing] != number)
        found[number] = np.log(whole.again(part).told(cells))
    deviation = np.sqrt((groups - 1) / groups * ((found - found.mean(axis=0)) ** 2).sum(axis=0))
    spread = np.exp(float(stdtrit(groups - 1, 0.5 + LEVEL / 2)) * deviation)
    second, examination = harvest(cells), whole.told(cells)
    shown = sums(cells.rank, cells.shown, cells.depth)
    return PositionBias(
        shown,
        cells.clicks_by_rank,
        examination,
        examination / spread,
        examination * spread,
        second if second.pairs else None,
        (*_notes(log, second, examination), *fit_notes(whole)),
    )


def _notes(log: ClickLog, second: Harvest, examination: Floats) -> list[str]:
    notes: list[str] = []
    if not (log.rank == 1).any():
        notes.append("no list has rank 1, so only the ratios of examination of the other ranks mean something")
    if not second.pairs:
        notes.append(
            "no item was shown at more than one rank for the same query, so bias cannot be told from relevance: all of "
            "the fall from rank to rank is taken for bias, and where better items stand above it is less than that"
        )
        return notes
    if second.rows < _FEW_ROWS * len(log):
        notes.append(
            f"only {second.rows:,} of {len(log):,} rows show an item that stood at another rank too, so bias is told "
            "from relevance by little: showing some lists in a random order would tell"
        )
    elif second.weight.sum() / 2 > len(log) / 10:
        shown = sums(log.rank - 1, None, len(examination))
        with np.errstate(divide="ignore", invalid="ignore"):
            apart = np.abs(np.log(second.examination / examination))
        # of rank 1, which both call 1, nothing can be told
        known = np.isfinite(apart) & (np.arange(len(apart)) > 0)
        if known.any() and np.exp(np.average(apart[known], weights=shown[known])) > _APART:
            notes.append(
                "the position-based model and the items that were shown at several ranks disagree: what makes items "
                "clicked changes with the list or over time, or the model does not fit"
            )
    return notes


def _told(values: Floats) -> list[float | None]:
    """Without nan, which JSON does not know."""
    return [round(float(value), 6) if np.isfinite(value) else None for value in values]
