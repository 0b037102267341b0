"""Who gains and who loses under the remedy of a verdict on lists: parts of the catalogue, items, and users.

Exposure is counted, not estimated: in how many of the lists of all users who were asked an item is among the first
ten. So shares of it have no intervals; what users find has them, by the paired bootstrap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from evenshelf.study.class_fairness import gini
from evenshelf.study.comparison import jsonable
from evenshelf.study.trait_fairness import ENOUGH, TraitValue, trait_fairness
from evenshelf.tasks.list_measures import PARTS, K

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

    from evenshelf.study.results import Outcome, StudyResult
    from evenshelf.study.verdict import Verdict

HISTORY = "history"
"""The trait of users by which they are told apart: how long their history was."""
MOST = 10
"""So many items are told of that gain, and that lose."""


@dataclass(frozen=True)
class PartShown:
    """Head, torso, tail or cold.

    Attributes
    ----------
    part
        Which.
    items
        How many there are.
    wanted, before, after
        How often one was wanted, and how many places of lists have one, under doing nothing and under the remedy.
    wanted_share, before_share, after_share
        The same as shares of all, in [0, 1].
    """

    part: str
    items: int
    wanted: int
    before: int
    after: int
    wanted_share: float
    before_share: float
    after_share: float


@dataclass(frozen=True)
class ItemShown:
    """An item, how often it was wanted, and in how many lists it is under doing nothing and under the remedy."""

    item: str
    title: str
    part: str
    wanted: int
    before: int
    after: int

    @property
    def change(self) -> int:
        """Lists that it gains."""
        return self.after - self.before


@dataclass(frozen=True)
class ListFairness:
    """What a remedy does to the exposure of items and to users, against doing nothing.

    Attributes
    ----------
    base, spec
        Doing nothing, and the recommended remedy or else the best try.
    lists, items
        Lists that were made, one a user, and items of the catalogue.
    parts
        Those of the catalogue that hold an item, from the head on.
    shown_before, shown_after
        Items that at least one list has.
    gini_before, gini_after, gini_wanted
        Gini coefficient of the places over all items of the catalogue, and of what was wanted: 0 if all have as many.
    gain, loss, same
        How many items are in more, in fewer and in as many lists under the remedy.
    gaining, losing
        The items that gain and that lose most lists.
    values
        Users by the length of their history: the share of what they want that the first ten places hold.
    skipped
        Traits that tell nothing, with the reason.
    rest
        By trait, wanted items of users in no value, where these are too few.
    enough, alpha, replicates, seed
        As in :class:`evenshelf.study.fairness.Fairness`.
    """

    base: str
    spec: str
    lists: int
    items: int
    parts: tuple[PartShown, ...]
    shown_before: int
    shown_after: int
    gini_before: float
    gini_after: float
    gini_wanted: float
    gain: int
    loss: int
    same: int
    gaining: tuple[ItemShown, ...]
    losing: tuple[ItemShown, ...]
    values: tuple[TraitValue, ...] = ()
    skipped: Mapping[str, str] = field(default_factory=dict)
    rest: Mapping[str, int] = field(default_factory=dict)
    enough: int = ENOUGH
    alpha: float = 0.05
    replicates: int = 1000
    seed: int = 0

    measured = "recall@10"
    """What is compared by traits."""
    examples = "examples"
    """What is counted of a value."""

    def shown(self, value: TraitValue) -> bool:
        """Whether a value is shown to gain or lose."""
        return bool(value.p_holm < self.alpha)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able; NaN becomes ``None``."""
        return jsonable(asdict(self))


def list_fairness(result: StudyResult, verdict: Verdict) -> ListFairness | None:
    """Compare the lists of the best remedy with those of doing nothing; ``None`` without a remedy.

    Parameters
    ----------
    result
        Of a study of lists.
    verdict
        What :func:`evenshelf.study.verdict.decide` said of it; its draws and level are used here too.
    """
    if verdict.best is None:
        return None
    outcomes = [result[spec].tuned for spec in (verdict.baseline, verdict.best)]
    shown = [outcome.shown for outcome in outcomes if outcome is not None and outcome.shown is not None]
    if len(shown) < 2:
        return None
    before, after = shown
    rows = result.fold >= 0
    wanted = np.bincount(result.y[rows], minlength=len(before))
    bucket = result.classes["bucket"].to_numpy().astype("<U5")
    change = after.astype(np.int64) - before
    values, skipped = _users(result, rows, [outcome for outcome in outcomes if outcome is not None], verdict)
    told = sum(value.examples for value in values)
    return ListFairness(
        base=verdict.baseline,
        spec=verdict.best,
        lists=len(np.unique(np.stack([result.fold[rows], result.group[rows]]), axis=1).T),
        items=len(before),
        parts=tuple(_part(name, bucket == name, wanted, before, after) for name in PARTS if (bucket == name).any()),
        shown_before=int((before > 0).sum()),
        shown_after=int((after > 0).sum()),
        gini_before=_gini(before),
        gini_after=_gini(after),
        gini_wanted=_gini(wanted),
        gain=int((change > 0).sum()),
        loss=int((change < 0).sum()),
        same=int((change == 0).sum()),
        gaining=_most(result.classes, change, wanted, before, after),
        losing=_most(result.classes, -change, wanted, before, after),
        values=tuple(values),
        skipped=skipped,
        rest={HISTORY: int(rows.sum()) - told} if values and told < rows.sum() else {},
        alpha=verdict.alpha,
        replicates=verdict.replicates,
        seed=verdict.seed,
    )


def _gini(counts: NDArray[np.integer]) -> float:
    return float(gini(counts[:, None])[0])


def _part(
    name: str,
    members: NDArray[np.bool_],
    wanted: NDArray[np.integer],
    before: NDArray[np.integer],
    after: NDArray[np.integer],
) -> PartShown:
    counts = [int(values[members].sum()) for values in (wanted, before, after)]
    totals = [int(values.sum()) for values in (wanted, before, after)]
    shares = [count / total if total else 0.0 for count, total in zip(counts, totals, strict=True)]
    return PartShown(name, int(members.sum()), *counts, *shares)


def _most(
    classes: pl.DataFrame,
    gained: NDArray[np.integer],
    wanted: NDArray[np.integer],
    before: NDArray[np.integer],
    after: NDArray[np.integer],
) -> tuple[ItemShown, ...]:
    """The items with the largest gain above 0; of equals those that come first by id."""
    ids, buckets = classes["class"].to_list(), classes["bucket"].to_list()
    titles = classes["title"].to_list() if "title" in classes.columns else [""] * len(ids)
    some = sorted(np.flatnonzero(gained > 0).tolist(), key=lambda n: (-gained[n], ids[n]))[:MOST]
    return tuple(
        ItemShown(ids[n], titles[n] or "", buckets[n], int(wanted[n]), int(before[n]), int(after[n])) for n in some
    )


def _users(
    result: StudyResult, rows: NDArray[np.bool_], outcomes: list[Outcome], verdict: Verdict
) -> tuple[list[TraitValue], dict[str, str]]:
    """What users of each length of history find."""
    if result.traits is None or HISTORY not in result.traits.columns:
        return [], {}
    before, after = (outcome.ranks < K for outcome in outcomes)
    values, _, skipped = trait_fairness(
        result.traits.select(HISTORY),
        rows,
        result.group,
        (before, after),
        alpha=verdict.alpha,
        replicates=verdict.replicates,
        seed=verdict.seed,
    )
    return values, skipped
