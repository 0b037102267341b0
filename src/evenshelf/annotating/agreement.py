"""How far annotators agree: raw agreement, Cohen's kappa of pairs, Krippendorff's alpha, classes and confusions.

Krippendorff's alpha is computed here: the package for it is under a licence that this one cannot depend on.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from itertools import combinations
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from sklearn.metrics import cohen_kappa_score

from evenshelf.annotating.annotators import read_annotations
from evenshelf.errors import InputError
from evenshelf.shop import Shop

Counts = NDArray[np.float64]

REPLICATES = 1000
"""Of the bootstrap over items."""


@dataclass(frozen=True)
class PairAgreement:
    """Two annotators.

    Attributes
    ----------
    items
        That both labelled.
    agreement
        Share of them with equal labels.
    kappa
        Cohen's kappa (1960), in [-1, 1]; ``None`` if both gave one and the same label throughout.
    """

    first: str
    second: str
    items: int
    agreement: float
    kappa: float | None


@dataclass(frozen=True)
class ClassAgreement:
    """One label.

    Attributes
    ----------
    given
        How often it was given to items with two annotators or more.
    agreement
        If one annotator gave it, the chance that another one who labelled the same item did so too (specific agreement,
        Cicchetti & Feinstein 1990, for several annotators).
    """

    label: str
    given: int
    agreement: float


@dataclass(frozen=True)
class Confusion:
    """Two labels that were given to the same items.

    Attributes
    ----------
    items
        How many.
    """

    first: str
    second: str
    items: int


@dataclass(frozen=True)
class Agreement:
    """How far annotators agree on a target.

    Attributes
    ----------
    items, shared
        Items with an annotation, and those of them with two or more.
    annotations
        Labels per annotator.
    agreement
        Chance that two annotators of an item gave the same label, mean over the shared items; ``None`` without any.
    unanimous
        Share of the shared items on which all agree.
    alpha, alpha_low, alpha_high
        Krippendorff's alpha for nominal labels, 1 at best, 0 as by chance, with a 95 % interval over items; ``None`` if
        there are no shared items, or only one label was ever given.
    pairs
        Annotators with shared items.
    classes
        Labels by falling number.
    confusions
        Most frequent first.
    """

    target: str
    items: int
    shared: int
    annotations: dict[str, int] = field(default_factory=dict)
    agreement: float | None = None
    unanimous: float | None = None
    alpha: float | None = None
    alpha_low: float | None = None
    alpha_high: float | None = None
    pairs: tuple[PairAgreement, ...] = ()
    classes: tuple[ClassAgreement, ...] = ()
    confusions: tuple[Confusion, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)


def agreement(shop: Shop, target: str = "category", *, seed: int = 0) -> Agreement:
    """How far the annotators of a shop agree.

    Parameters
    ----------
    seed
        Of the bootstrap.

    Raises
    ------
    InputError
        If nobody annotated the target.
    """
    found = read_annotations(shop).filter(pl.col("target") == target)
    if not found.height:
        raise InputError(
            f"The shop {shop.path} has no annotations of {target!r}.",
            hint="Hand rows to several people: evenshelf annotate export SHOP --per-annotator ann,bob --overlap 2",
        )
    return agreement_of(
        found["item_id"].to_list(), found["annotator"].to_list(), found["label"].to_list(), target=target, seed=seed
    )


def agreement_of(
    items: Sequence[str], annotators: Sequence[str], labels: Sequence[str], *, target: str = "", seed: int = 0
) -> Agreement:
    """The same of plain sequences ``[n]``: who (`annotators`) gave which label to which item, at most one each."""
    item_names, item = np.unique(np.array(items, dtype=object).astype(str), return_inverse=True)
    label_names, label = np.unique(np.array(labels, dtype=object).astype(str), return_inverse=True)
    given = np.zeros((len(item_names), len(label_names)))
    np.add.at(given, (item, label), 1.0)
    shared = given[given.sum(axis=1) >= 2]
    by_annotator = Counter(annotators)
    plain = Agreement(target, len(item_names), len(shared), dict(sorted(by_annotator.items())))
    if not len(shared):
        return plain
    size = shared.sum(axis=1)
    alpha = krippendorff_alpha(shared)
    low, high = _interval(shared, seed)
    return replace(
        plain,
        agreement=float(((shared * (shared - 1)).sum(axis=1) / (size * (size - 1))).mean()),
        unanimous=float((shared.max(axis=1) == size).mean()),
        alpha=alpha,
        alpha_low=low,
        alpha_high=high,
        pairs=_pairs(items, annotators, labels),
        classes=_classes(shared, label_names),
        confusions=_confusions(shared, label_names),
    )


def krippendorff_alpha(given: Counts) -> float | None:
    """Krippendorff's alpha for nominal labels, several annotators and missing values.

    Parameters
    ----------
    given
        ``[items, labels]`` how many annotators gave the label to the item. Items with fewer than two do not count.

    Returns
    -------
    At most 1; ``None`` if it is not defined: no item with two annotators, or one label only.

    Notes
    -----
    Krippendorff: Computing Krippendorff's Alpha-Reliability (2011): ``1 - (n - 1) * sum of o_ck / sum of n_c n_k`` over
    different labels c and k, where o are coincidences, n_c their sums and n the sum of all.
    """
    size = given.sum(axis=1)
    pairable = given[size >= 2]
    size = size[size >= 2]
    if not len(size):
        return None
    disagreeing = float(((size**2 - (pairable**2).sum(axis=1)) / (size - 1)).sum())
    total = float(size.sum())
    by_chance = total**2 - float((pairable.sum(axis=0) ** 2).sum())
    return None if by_chance == 0.0 else 1.0 - (total - 1.0) * disagreeing / by_chance


def _interval(shared: Counts, seed: int) -> tuple[float | None, float | None]:
    """95 % of the bootstrap over items: each replicate is a weight for each item."""
    rng = np.random.default_rng(seed)
    size = shared.sum(axis=1)
    disagreeing = (size**2 - (shared**2).sum(axis=1)) / (size - 1)
    found = []
    for _ in range(REPLICATES):
        weight = rng.multinomial(len(shared), np.full(len(shared), 1.0 / len(shared)))
        total = float(weight @ size)
        by_chance = total**2 - float(((weight @ shared) ** 2).sum())
        if by_chance > 0.0:
            found.append(1.0 - (total - 1.0) * float(weight @ disagreeing) / by_chance)
    if not found:
        return None, None
    low, high = np.percentile(found, (2.5, 97.5))
    return float(low), float(high)


def _pairs(items: Sequence[str], annotators: Sequence[str], labels: Sequence[str]) -> tuple[PairAgreement, ...]:
    said: dict[str, dict[str, str]] = {}
    for item, who, label in zip(items, annotators, labels, strict=True):
        said.setdefault(who, {})[item] = label
    found = []
    for a, b in combinations(sorted(said), 2):
        both = sorted(said[a].keys() & said[b].keys())
        if not both:
            continue
        first, second = [said[a][i] for i in both], [said[b][i] for i in both]
        same = sum(x == y for x, y in zip(first, second, strict=True)) / len(both)
        one = len({*first, *second}) == 1
        found.append(PairAgreement(a, b, len(both), same, None if one else float(cohen_kappa_score(first, second))))
    return tuple(found)


def _classes(shared: Counts, names: NDArray[np.str_]) -> tuple[ClassAgreement, ...]:
    others = shared.sum(axis=1, keepdims=True) - 1
    agreeing = (shared * (shared - 1) / others).sum(axis=0)
    total = shared.sum(axis=0)
    order = np.lexsort((names, -total))
    return tuple(ClassAgreement(str(names[c]), int(total[c]), float(agreeing[c] / total[c])) for c in order if total[c])


def _confusions(shared: Counts, names: NDArray[np.str_]) -> tuple[Confusion, ...]:
    pairs: Counter[tuple[str, str]] = Counter()
    for row in shared:
        there = [str(name) for name in names[row > 0]]
        pairs.update(combinations(there, 2))
    ordered = sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0]))
    return tuple(Confusion(a, b, count) for (a, b), count in ordered)
