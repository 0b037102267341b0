"""Answers judged where the order of ids in a file cannot help.

Files often hold steps of one moment in the order of their item ids. A learner that reads which of two steps came first,
and a split that holds out the last of them, then read ids: what comes next has a higher one. An item with a lower id
than the last step of its user's history cannot be foretold that way, so such wanted items are the order-free part.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evenshelf.study.judges import judge_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from evenshelf.study.results import StudyResult
    from evenshelf.study.verdict import Verdict

ORDER = "order"
"""Name of the trait that tells which way ids go."""
ASCENDING, DESCENDING, SAME, NO_HISTORY = "ascending", "descending", "same item", "no history"
"""Its values: the wanted item's id is above or below that of the last step, or the same, or there is no step."""
METRICS = ("recall_at_10", "ndcg_at_10", "macro_ndcg_at_10")


@dataclass(frozen=True)
class OrderLine:
    """A remedy or a baseline, tuned.

    Attributes
    ----------
    spec
        Of the remedy, or name of the baseline.
    directed
        Whether its learner reads which of two steps came first; ``None`` where the record does not tell.
    every, free
        Values of :data:`METRICS` over all wanted items, and over those of the order-free part.
    """

    spec: str
    directed: bool | None
    every: Mapping[str, float]
    free: Mapping[str, float]


@dataclass(frozen=True)
class OrderFree:
    """What is left where the order of ids cannot help.

    Attributes
    ----------
    rows, of
        Wanted items in the order-free part, and all.
    lines
        In the order of the verdict.
    """

    rows: int
    of: int
    lines: tuple[OrderLine, ...]


def order_free_rows(result: StudyResult) -> NDArray[np.bool_] | None:
    """``[n]`` the evaluated rows of the order-free part; ``None`` where a study has none, or does not tell."""
    if result.traits is None or ORDER not in result.traits.columns or result.baseline.tuned is None:
        return None
    if result.baseline.tuned.rank is None:
        return None
    rows: NDArray[np.bool_] = (result.traits[ORDER] == DESCENDING).to_numpy() & (result.fold >= 0)
    return rows if rows.any() else None


def order_free(result: StudyResult, verdict: Verdict) -> OrderFree | None:
    """Judge all that is tuned on the order-free part beside the whole; ``None`` where there is no such part."""
    rows = order_free_rows(result)
    if rows is None:
        return None
    judge, every = judge_of(result), result.fold >= 0
    known = {entry["spec"]: entry.get("directed") for entry in result.meta.get("baselines", ())}
    lines = []
    for c in verdict.comparisons:
        outcome = result[c.spec].tuned
        if outcome is not None:
            both = [judge.values(outcome, some) for some in (every, rows)]
            values = [{name: found[name] for name in METRICS} for found in both]
            directed = known.get(c.spec) if c.reference else result.meta.get("directed")
            lines.append(OrderLine(c.spec, directed, *values))
    return OrderFree(int(rows.sum()), int(every.sum()), tuple(lines))
