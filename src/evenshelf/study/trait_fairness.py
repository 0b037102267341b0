"""Which brands, sellers, price bands or other traits gain and lose under a remedy, and how far they lie apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

import numpy as np

from evenshelf.study.statistics import Estimate, centred, chosen_difference, class_by_group, draw_groups, estimate, holm
from evenshelf.tasks.traits import cut

if TYPE_CHECKING:
    import polars as pl
    from numpy.typing import NDArray

ENOUGH = 50
"""A value of a trait is told of by itself from so many evaluated examples on."""
MOST = 20
"""So many values of a trait are told of by themselves: those with most examples. More would cost all of them power."""

Kind = Literal["value", "unknown", "others"]


@dataclass(frozen=True)
class TraitValue:
    """Examples that share a value of a trait.

    Attributes
    ----------
    trait
        Name of the column.
    value
        What the value is called; "" for other kinds.
    kind
        ``value``; ``unknown``: the trait is not known; ``others``: values too small to be told of by themselves.
    pooled
        How many values are among the others; 1 otherwise.
    examples
        Evaluated examples.
    before, after
        Accuracy of doing nothing and of the remedy.
    diff
        Difference, with interval and p-value by the paired bootstrap.
    p_holm
        p-value corrected for all values of all traits.
    """

    trait: str
    value: str
    kind: Kind
    pooled: int
    examples: int
    before: Estimate
    after: Estimate
    diff: Estimate
    p_holm: float


@dataclass(frozen=True)
class TraitGap:
    """How far the best and the worst value of a trait lie apart in accuracy.

    The best and the worst are chosen on the rows as they are, and again in every draw, under doing nothing and under
    the remedy each by itself. Chance alone keeps a gap open, the wider the smaller the values are; it does so before
    and after alike, so the change is what counts. Intervals of the gaps are centred
    (:func:`evenshelf.study.statistics.centred`); that of the change holds the percentiles of its draws and the change
    itself (:func:`evenshelf.study.statistics.chosen_difference`).

    Attributes
    ----------
    trait, values
        Name of the column, and how many of its values take part; the others, pooled, do not.
    best_before, worst_before, best_after, worst_after
        Names of the values; "" for the unknown.
    before, after, diff
        Gap under doing nothing, under the remedy, and the change.
    """

    trait: str
    values: int
    best_before: str
    worst_before: str
    best_after: str
    worst_after: str
    before: Estimate
    after: Estimate
    diff: Estimate


@dataclass(frozen=True)
class _Part:
    """Rows of one value, before anything is measured."""

    trait: str
    value: str
    kind: Kind
    pooled: int
    rows: NDArray[np.intp]


def trait_fairness(
    traits: pl.DataFrame,
    evaluated: NDArray[np.bool_],
    group: NDArray[np.integer],
    right: tuple[NDArray[np.bool_], NDArray[np.bool_]],
    *,
    alpha: float,
    replicates: int,
    seed: int,
) -> tuple[list[TraitValue], list[TraitGap], dict[str, str]]:
    """Accuracy of every value of every trait under doing nothing and under a remedy.

    A value may do worse for the classes it is of, and not for itself: this tells who gains and loses, not why.

    Parameters
    ----------
    traits
        ``[n]`` rows; see :func:`evenshelf.tasks.traits.read_traits`. Bands are those of all rows.
    evaluated
        ``[n]`` whether a row is evaluated.
    group
        ``[n]`` title group.
    right
        ``[n]`` whether doing nothing, and whether the remedy, predicts a row right.
    alpha
        Level of the tests; there are draws enough for a corrected p-value of half of it.
    replicates, seed
        Draws at least, and their seed.

    Returns
    -------
    Values in the order of the traits, gaps of traits with two values or more, and the traits that tell nothing with
    the reason.
    """
    parts: list[_Part] = []
    skipped = {}
    for name in traits.columns:
        found = _parts(traits[name], evaluated)
        if len(found) > 1:
            parts += found
        elif len(found) == 1 and found[0].kind == "value":
            skipped[name] = f"all that can be told of have the value {found[0].value!r}"
        else:
            skipped[name] = f"no two values have {ENOUGH} evaluated examples"
    if not parts:
        return [], [], skipped
    replicates = max(replicates, int(np.ceil(2 * len(parts) / alpha)))
    unique, cluster = np.unique(group[evaluated], return_inverse=True)
    of_group = np.full(len(group), -1, np.intp)
    of_group[evaluated] = cluster
    shape = (len(parts), len(unique))

    def counted(which: Sequence[NDArray[np.intp]]) -> object:
        codes = np.repeat(np.arange(len(which)), [len(rows) for rows in which])
        return class_by_group(codes, of_group[np.concatenate(which)], shape)

    rows = [part.rows for part in parts]
    everything, *hits = counted(rows), *(counted([r[side[r]] for r in rows]) for side in right)
    gaps = _gap_members(parts)

    def score(weights: NDArray[np.float32]) -> NDArray[np.float64]:
        drawn = everything @ weights  # type: ignore[operator]
        lines: list[NDArray[np.float64]] = []
        with np.errstate(invalid="ignore"):  # a draw without any row of a value: NaN is meant
            sides = [np.asarray((h @ weights) / np.where(drawn > 0, drawn, np.nan), np.float64) for h in hits]  # type: ignore[operator]
            for accuracy in sides:
                lines.extend(accuracy)
            for members in gaps.values():
                for accuracy in sides:
                    high = np.where(np.isnan(accuracy[members]), -np.inf, accuracy[members]).max(axis=0)
                    low = np.where(np.isnan(accuracy[members]), np.inf, accuracy[members]).min(axis=0)
                    lines.append(high - low)
        return np.stack(lines)

    observed, draws = draw_groups(score, len(unique), replicates=replicates, seed=seed)
    count = len(parts)
    values = []
    for n, part in enumerate(parts):
        changed = part.rows[right[0][part.rows] != right[1][part.rows]]
        diff = estimate(
            float(observed[count + n] - observed[n]),
            draws[count + n] - draws[n],
            differing=len(np.unique(of_group[changed])),
        )
        before, after = (estimate(float(observed[k]), draws[k]) for k in (n, count + n))
        values.append(
            TraitValue(part.trait, part.value, part.kind, part.pooled, len(part.rows), before, after, diff, diff.p)
        )
    corrected = holm([v.diff.p for v in values])
    values = [replace(v, p_holm=float(p)) for v, p in zip(values, corrected, strict=True)]
    found_gaps = []
    for k, (trait, members) in enumerate(gaps.items()):
        at = 2 * count + 2 * k
        old, new = observed[members], observed[count + members]
        found_gaps.append(
            TraitGap(
                trait=trait,
                values=len(members),
                best_before=values[members[old.argmax()]].value,
                worst_before=values[members[old.argmin()]].value,
                best_after=values[members[new.argmax()]].value,
                worst_after=values[members[new.argmin()]].value,
                before=centred(float(observed[at]), draws[at], floor=0.0),
                after=centred(float(observed[at + 1]), draws[at + 1], floor=0.0),
                diff=chosen_difference(float(observed[at + 1] - observed[at]), draws[at + 1] - draws[at]),
            )
        )
    return values, found_gaps, skipped


def _parts(column: pl.Series, evaluated: NDArray[np.bool_]) -> list[_Part]:
    """Values with enough evaluated examples, in their order; then the unknown, then the others."""
    trait = cut(column)
    where = np.flatnonzero(evaluated)
    code = trait.code[where]
    counts = np.bincount(code[code >= 0], minlength=len(trait.values))
    large = np.argsort(-counts, kind="stable")[:MOST]
    kept = sorted(int(c) for c in large if counts[c] >= ENOUGH)
    parts = [_Part(trait.name, trait.values[c], "value", 1, where[code == c]) for c in kept]
    unknown, others = code < 0, (code >= 0) & ~np.isin(code, kept)
    pooled = int((counts > 0).sum()) - len(kept)
    for kind, many, chosen in (("unknown", 1, unknown), ("others", pooled, others)):
        if chosen.sum() >= ENOUGH:
            parts.append(_Part(trait.name, "", kind, many, where[chosen]))  # type: ignore[arg-type]
    return parts


def _gap_members(parts: Sequence[_Part]) -> dict[str, NDArray[np.intp]]:
    """By trait, the places of the values between which there is a gap."""
    members: dict[str, list[int]] = {}
    for n, part in enumerate(parts):
        if part.kind != "others":
            members.setdefault(part.trait, []).append(n)
    return {trait: np.array(places) for trait, places in members.items() if len(places) > 1}
