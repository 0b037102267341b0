"""Who gains and who loses under the remedy of a verdict on search: kinds of queries, of items, and single queries.

Parts are compared by the paired bootstrap over groups of queries that are equal or nearly so. A single query is not:
its change is told as it was measured, and may be chance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from evenshelf.study.comparison import jsonable
from evenshelf.study.search_judge import KIND, SCRIPT
from evenshelf.study.statistics import draw_groups, estimate, holm
from evenshelf.study.trait_fairness import Kind, TraitValue
from evenshelf.tasks.search_measures import PARTS, PARTS_OF_ITEMS, ndcg_of_queries

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evenshelf.study.results import Outcome, StudyResult
    from evenshelf.study.verdict import Verdict

QUERIES, ITEMS = "queries", "items"
"""What parts are of: queries by how frequent they are, items by how often they were taken; or the script of queries."""
ENOUGH = 20
"""A script is told of by itself from so many queries on."""
MOST = 10
"""So many queries are told of that gain, and that lose."""
TOLD = ("coverage", "tail_items_shown", "zero_results")
"""Metrics of what is shown, told before and after."""


@dataclass(frozen=True)
class QueryChange:
    """A query under doing nothing and under a remedy.

    Attributes
    ----------
    query, part, frequency
        The query, head, torso or tail, and how frequent it is.
    answers
        How many items are known to answer it.
    before, after
        NDCG@10 in [0, 1].
    """

    query: str
    part: str
    frequency: int
    answers: int
    before: float
    after: float

    @property
    def change(self) -> float:
        """After minus before."""
        return self.after - self.before


@dataclass(frozen=True)
class SearchFairness:
    """What a remedy does to whom, against doing nothing.

    Attributes
    ----------
    base, spec
        Doing nothing, and the recommended remedy or else the best try.
    queries, gain, loss, same
        How many were asked, and have a higher, a lower or the same NDCG@10 under the remedy.
    values
        Parts of queries and of items; `examples` of each are the queries that have a value there. Of items, only those
        of the part count as wanted.
    gaining, losing
        The queries that gain and that lose most.
    shown_before, shown_after
        Values of :data:`TOLD`.
    rest
        By trait, queries in no part, where these are too few.
    enough, alpha, replicates, seed
        As in :class:`evenshelf.study.fairness.Fairness`.
    """

    base: str
    spec: str
    queries: int
    gain: int
    loss: int
    same: int
    values: tuple[TraitValue, ...]
    gaining: tuple[QueryChange, ...]
    losing: tuple[QueryChange, ...]
    shown_before: Mapping[str, float] = field(default_factory=dict)
    shown_after: Mapping[str, float] = field(default_factory=dict)
    rest: Mapping[str, int] = field(default_factory=dict)
    enough: int = ENOUGH
    alpha: float = 0.05
    replicates: int = 1000
    seed: int = 0

    measured = "NDCG@10"
    """What is compared."""
    examples = "queries"
    """What is counted of a part."""

    def shown(self, value: TraitValue) -> bool:
        """Whether a part is shown to gain or lose."""
        return bool(value.p_holm < self.alpha)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able; NaN becomes ``None``."""
        return jsonable(asdict(self))


@dataclass(frozen=True, eq=False)
class _Part:
    """Part of the rows: `rows` ``[n]`` items that are wanted, of the queries that are told of together."""

    trait: str
    value: str
    pooled: int
    rows: NDArray[np.bool_]


def search_fairness(result: StudyResult, verdict: Verdict) -> SearchFairness | None:
    """Compare the rankings of the best remedy with those of doing nothing; ``None`` without a remedy.

    Parameters
    ----------
    result
        Of a study of search.
    verdict
        What :func:`evenshelf.study.verdict.decide` said of it; its draws and level are used here too.
    """
    if verdict.best is None or result.worth is None:
        return None
    before, after = (result[spec].tuned for spec in (verdict.baseline, verdict.best))
    if before is None or after is None:
        return None
    each = _queries(result, (before, after), result.fold >= 0)
    there = ~np.isnan(each[0])
    change = np.where(there, each[1] - each[0], 0.0)
    parts, rest = _parts(result)
    return SearchFairness(
        base=verdict.baseline,
        spec=verdict.best,
        queries=int(there.sum()),
        gain=int((change > 0).sum()),
        loss=int((change < 0).sum()),
        same=int((there & (change == 0)).sum()),
        values=tuple(_compared(result, (before, after), parts, verdict)),
        gaining=_most(result, each, change),
        losing=_most(result, each, -change),
        shown_before={name: before.sets[name] for name in TOLD if name in before.sets},
        shown_after={name: after.sets[name] for name in TOLD if name in after.sets},
        rest=rest,
        alpha=verdict.alpha,
        replicates=verdict.replicates,
        seed=verdict.seed,
    )


def _queries(result: StudyResult, outcomes: Sequence[Outcome], rows: NDArray[np.bool_]) -> NDArray[np.float64]:
    """``[2, Q]`` NDCG@10 of each query if only the items of some rows were wanted; NaN where there is none."""
    assert result.worth is not None
    worth, query = result.worth[rows].astype(np.float64), result.y[rows]
    return np.stack([ndcg_of_queries(o.ranks[rows], worth, query, len(result.classes)) for o in outcomes])


def _parts(result: StudyResult) -> tuple[list[_Part], dict[str, int]]:
    """Parts that hold a query, and how many queries are in none, by trait."""
    asked = result.fold >= 0
    bucket = result.classes["bucket"].to_numpy().astype("<U5")[result.y]
    found = [_Part(QUERIES, part, 1, asked & (bucket == part)) for part in PARTS]
    if result.traits is None:
        return _filled(found), {}
    if KIND in result.traits.columns:
        kind = result.traits[KIND].to_numpy().astype("<U5")
        found += [_Part(ITEMS, part, 1, asked & (kind == part)) for part in PARTS_OF_ITEMS]
    if SCRIPT not in result.traits.columns:
        return _filled(found), {}
    script = result.traits[SCRIPT].to_numpy().astype(str)
    sizes = {name: len(np.unique(result.y[asked & (script == name)])) for name in np.unique(script[asked]).tolist()}
    if len(sizes) < 2:  # all queries together are no part of them
        return _filled(found), {}
    large = sorted((name for name, n in sizes.items() if n >= ENOUGH), key=lambda name: (-sizes[name], name))
    small = [name for name in sizes if name not in large]
    found += [_Part(SCRIPT, name, 1, asked & (script == name)) for name in large]
    pooled = sum(sizes[name] for name in small)
    if pooled >= ENOUGH:
        found.append(_Part(SCRIPT, "", len(small), asked & np.isin(script, small)))
    return _filled(found), {SCRIPT: pooled} if 0 < pooled < ENOUGH else {}


def _filled(parts: Sequence[_Part]) -> list[_Part]:
    return [part for part in parts if part.rows.any()]


def _compared(
    result: StudyResult, outcomes: Sequence[Outcome], parts: Sequence[_Part], verdict: Verdict
) -> list[TraitValue]:
    """Each part before and after, with intervals and corrected tests."""
    asked = result.fold >= 0
    _, cluster = np.unique(result.group[asked], return_inverse=True)
    of, clusters = np.zeros(len(result.classes), np.int64), int(cluster.max()) + 1
    of[result.y[asked]] = cluster
    each = [_queries(result, outcomes, part.rows) for part in parts]
    there = [~np.isnan(values[0]) for values in each]
    held = np.stack([np.bincount(of[t], minlength=clusters) for t in there]).astype(np.float32)
    sums = np.stack(
        [
            np.stack([np.bincount(of[t], values[side][t], clusters) for values, t in zip(each, there, strict=True)])
            for side in (0, 1)
        ]
    ).astype(np.float32)

    def score(drawn: NDArray[np.float32]) -> NDArray[np.float64]:
        with np.errstate(invalid="ignore", divide="ignore"):  # no query of the part is in this draw: NaN is meant
            means = (sums @ drawn) / (held @ drawn)
        return np.concatenate(means).astype(np.float64)

    replicates = max(verdict.replicates, int(np.ceil(2 * len(parts) / verdict.alpha)))
    observed, draws = draw_groups(score, clusters, replicates=replicates, seed=verdict.seed)
    count, found = len(parts), []
    for n, part in enumerate(parts):
        moved = there[n] & (each[n][0] != each[n][1])
        diff = estimate(
            float(observed[count + n] - observed[n]),
            draws[count + n] - draws[n],
            differing=len(np.unique(of[moved])),
        )
        before, after = (estimate(float(observed[k]), draws[k]) for k in (n, count + n))
        kind: Kind = "value" if part.value else "others"
        queries = int(there[n].sum())
        found.append(TraitValue(part.trait, part.value, kind, part.pooled, queries, before, after, diff, diff.p))
    corrected = holm([value.diff.p for value in found])
    return [replace(value, p_holm=float(p)) for value, p in zip(found, corrected, strict=True)]


def _most(result: StudyResult, each: NDArray[np.float64], gained: NDArray[np.float64]) -> tuple[QueryChange, ...]:
    """The queries with the largest gain above 0; of equals the most frequent ones."""
    names, parts = result.classes["class"].to_list(), result.classes["bucket"].to_list()
    count = result.classes["count"].to_numpy()
    answers = np.bincount(result.y[result.fold >= 0], minlength=len(names))
    rounded = np.round(gained, 9)  # gains that differ in rounding alone are equal
    best = sorted(np.flatnonzero(gained > 0).tolist(), key=lambda n: (-rounded[n], -count[n], names[n]))[:MOST]
    return tuple(
        QueryChange(names[n], parts[n], int(count[n]), int(answers[n]), float(each[0, n]), float(each[1, n]))
        for n in best
    )
