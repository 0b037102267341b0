"""MLSMOTE: rows with sets of labels between near rows of a rare label."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csc_array, csr_array, vstack

from evenshelf.errors import SettingError
from evenshelf.plurals import counted, plural
from evenshelf.remedies.base import Remedy, Stage
from evenshelf.remedies.checks import check_range
from evenshelf.remedies.families import Family
from evenshelf.remedies.neighbours import nearest_rows
from evenshelf.remedies.registry import register
from evenshelf.remedies.rows import Floats, Prior, SetRows

WAYS = ("ranking", "union", "intersection")
"""How a made row gets its labels from the row it starts from and all neighbours of that."""


@register
@dataclass(frozen=True)
class MLSMOTE(Remedy):
    """Makes a text for each one that has a rare label, on the line to a near text with the same label.

    A label is rare if its imbalance, the count of the most frequent label over its own, is above the mean of all
    labels. Its labels are those that more than half of the text and its neighbours have (``ranking``), all of theirs
    (``union``), or what they share (``intersection``). A label of fewer than k + 1 texts uses all of them, and one of a
    single text repeats it. Counts are those of the given texts: made ones do not change which labels are rare.

    Parameters
    ----------
    k
        Neighbours, >= 1.
    labels
        ``ranking``, ``union`` or ``intersection``.
    amount
        Texts made for each one with a rare label, in [0, 10]; 0 does nothing, the paper makes one.
    """

    k: int = 5
    labels: str = "ranking"
    amount: float = 1.0

    name: ClassVar[str] = "mlsmote"
    title: ClassVar[str] = "MLSMOTE"
    family: ClassVar[Family] = Family.INTERPOLATION
    paper: ClassVar[str] = "Charte, Rivera, del Jesus & Herrera, Knowledge-Based Systems 89, 2015"
    formula: ClassVar[str] = (
        "x[i] + u (x[j] - x[i]), j among the k nearest with the label, where max n / n[g] > its mean"
    )
    stages: ClassVar[tuple[Stage, ...]] = (Stage.RESAMPLE,)
    neutral: ClassVar[dict[str, float]] = {"amount": 0.0}
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"amount": (1.0, 4.0)}
    many_labels: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_range("k", self.k, 1, whole=True)
        check_range("amount", self.amount, 0.0, 10.0)
        if self.labels not in WAYS:
            raise SettingError(f"labels={self.labels!r} is none of {', '.join(WAYS)}.")

    def set_resample(
        self, vectors: Floats, labels: csr_array, prior: Prior, rng: np.random.Generator
    ) -> SetRows | None:
        """See :meth:`Remedy.set_resample`."""
        if self.amount == 0.0:
            return None
        has = csr_array(labels, dtype=np.int32)
        by_label = csc_array(has)
        members = [
            np.sort(by_label.indices[by_label.indptr[group] : by_label.indptr[group + 1]]).astype(np.int64)
            for group in rare_labels(prior)
        ]
        made = [self._between(vectors, has, rows, rng) for rows in members if len(rows)]
        if not made:
            told = "no label is rarer than the mean of all, so no text was made"
            none = np.empty(0, np.int64)
            return SetRows(none, none, none.astype(np.float32), none.astype(np.float32), labels[:0], (told,))
        first, second, step = (np.concatenate(part) for part in zip(*(m[:3] for m in made), strict=True))
        sets = csr_array(vstack([m[3] for m in made]))
        rare, single = len(made), sum(len(rows) == 1 for rows in members)
        labels_of = counted(rare, "label", "labels")
        told = f"{len(first):,} texts were made beside {len(vectors):,} given ones, for {labels_of} rarer than the mean"
        notes = [told]
        few = sum(1 < len(rows) <= self.k for rows in members)
        if few:
            notes.append(f"{counted(few, 'label has', 'labels have')} fewer than {self.k + 1} texts, and all were used")
        if single:
            verb = plural(single, "was", "were")
            notes.append(f"{counted(single, 'label of one text', 'labels of one text')} {verb} repeated")
        return SetRows(first, second, step, np.ones(len(first), np.float32), sets, tuple(notes))

    def _between(
        self, vectors: Floats, has: csr_array, rows: NDArray[np.int64], rng: np.random.Generator
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], Floats, csr_array]:
        """First and second row, step and labels of the rows made for one label, which all `rows` have."""
        k = min(self.k, len(rows) - 1)
        within = vectors[rows]
        near = np.empty((len(rows), 0), np.int64)
        if k:
            near, _ = nearest_rows(within, within, k, np.arange(len(rows)))
        whole, part = divmod(self.amount * len(rows), len(rows))
        more = rng.permutation(len(rows))[: int(np.ceil(part - 1e-9))]
        start = np.concatenate([np.tile(np.arange(len(rows)), int(whole)), more]).astype(np.int64)
        end = near[start, rng.integers(0, k, len(start))] if k else start
        step = rng.random(len(start), dtype=np.float32)
        voters = np.column_stack([np.arange(len(rows)), near])
        bounds = np.arange(len(rows) + 1) * (k + 1)
        votes = csr_array((np.ones(voters.size, np.int32), voters.ravel(), bounds)) @ has[rows]
        least = {"ranking": (k + 1) // 2 + 1, "union": 1, "intersection": k + 1}[self.labels]
        return rows[start], rows[end], step, csr_array(votes >= least)[start]


def rare_labels(prior: Prior) -> NDArray[np.int64]:
    """Labels whose imbalance (IRLbl) is above the mean of all labels that occur (MeanIR)."""
    if not prior.present.any():
        return np.empty(0, np.int64)
    imbalance = prior.counts.max() / np.maximum(prior.counts, 1)
    return np.flatnonzero(prior.present & (imbalance > imbalance[prior.present].mean()))
