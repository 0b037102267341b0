"""Debiased evidence for ranking: attractions as a table, and weights that undo what was shown where."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from evenshelf.clicks.evidence import Pairs
from evenshelf.clicks.log import Bools, ClickLog, Floats
from evenshelf.clicks.models.base import ClickModel
from evenshelf.clicks.sums import sums
from evenshelf.errors import SettingError


def grades(model: ClickModel, log: ClickLog, *, level: float = 0.95) -> pl.DataFrame:
    """How attractive each item of a log is for each query, by a model.

    Parameters
    ----------
    model
        Fitted to any log; pairs that it does not know have the attraction of a pair that was never shown.
    log
        Whose pairs are told.
    level
        Of intervals, in (0, 1).

    Returns
    -------
    pl.DataFrame
        ``query``, ``item_id``, ``shown`` and ``clicks`` in the log, ``attraction`` in (0, 1) with ``sd``, ``low`` and
        ``high``; in order of queries, the most attractive first.

    Raises
    ------
    SettingError
        If the level is none.
    """
    pairs = Pairs.of(log)
    row = pairs.find(log)
    shown, clicks = sums(row), sums(row, log.clicked).astype(np.int64)
    _, first = np.unique(row, return_index=True)
    place = model.attraction.pairs.find(log)[first]
    columns = {
        "query": pl.Series(log.queries, dtype=pl.String).gather(pairs.query),
        "item_id": pl.Series(log.items, dtype=pl.String).gather(pairs.item),
        "shown": shown,
        "clicks": clicks,
    }
    estimate = model.attraction.with_unseen()
    low, high = estimate.interval(level)
    for name, values in (("attraction", estimate.mean), ("sd", estimate.sd), ("low", low), ("high", high)):
        columns[name] = values[place]
    return pl.DataFrame(columns).sort(["query", "attraction", "item_id"], descending=[False, True, False])


@dataclass(frozen=True, eq=False)
class Weights:
    """What each row of a log counts, if it was clicked.

    Attributes
    ----------
    weight
        ``[N]`` at least 1.
    clipped
        ``[N]`` whether its propensity was below the clip, so that its weight is too small, and what is estimated with
        it biased towards what was shown often, for less variance.
    """

    weight: Floats
    clipped: Bools

    @property
    def clipped_share(self) -> float:
        """Share of rows."""
        return float(self.clipped.mean())


def inverse_propensity(log: ClickLog, examination: Floats, *, clip: float = 0.05, popularity: float = 0.0) -> Weights:
    """Weights by which clicks stand for all clicks that there would be if every place were looked at.

    Without clipping the sum of weighted clicks is unbiased under the position-based model with that examination, and so
    is a loss of a ranking that is summed over clicks (Joachims et al. 2017); clipped propensities bound its variance
    (Wang et al. 2018).

    Parameters
    ----------
    log
        Any.
    examination
        ``[K]`` chance to be looked at by rank, above 0 and, as is usual, 1 at rank 1; ranks below K count as K does.
    clip
        In [0, 1]: smaller propensities count as this one; 0 clips nothing.
    popularity
        In [0, 1]: power of an item's share of the rows, compared with the item that was shown most, by which its
        propensity is multiplied (as of Yang et al. 2018). 0 leaves popularity alone; at 1 an item that is shown often
        in all lists counts no more than others.

    Raises
    ------
    SettingError
        If an option is out of range, or a place was never looked at.
    """
    for name, value in (("clip", clip), ("popularity", popularity)):
        if not 0 <= value <= 1:
            raise SettingError(f"{name} must be between 0 and 1, not {value}.")
    looked = np.asarray(examination, np.float64)
    if not (len(looked) and np.isfinite(looked).all() and (looked > 0).all()):
        raise SettingError(
            "A place that is never looked at has no propensity.", hint="Give examination above 0 for every rank."
        )
    propensity = np.minimum(looked[np.minimum(log.rank, len(looked)) - 1], 1.0)
    if popularity:
        shown = sums(log.item, None, len(log.items))
        propensity = propensity * ((shown / shown.max()) ** popularity)[log.item]
    return Weights(1 / np.maximum(propensity, clip), propensity < clip)


def weighted_rates(log: ClickLog, weights: Weights) -> tuple[Pairs, Floats]:
    """Pairs of a log, and ``[P]`` weighted clicks a row of each: attraction by inverse propensity scoring.

    It may be above 1 where rows are few; :func:`grades` is surer there, and rests on a model.
    """
    pairs = Pairs.of(log)
    row = pairs.find(log)
    return pairs, np.asarray(sums(row, weights.weight * log.clicked) / sums(row))
