"""Remedies that decide, on texts that the model has not seen, which labels a text gets: by thresholds, or by rank."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from evenshelf.plurals import counted
from evenshelf.remedies.after_training import Calibrated
from evenshelf.remedies.base import Remedy, Stage
from evenshelf.remedies.checks import check_range
from evenshelf.remedies.families import Family
from evenshelf.remedies.registry import register
from evenshelf.remedies.rows import Floats, Prior

CUTS = np.linspace(-12.0, 6.0, 181)
"""Log odds that are tried as one cut for all labels."""
_ABSENT = -5e3
"""Scores below are those of labels that the model does not know at all."""


@register
@dataclass(frozen=True)
class LabelThresholds(Remedy):
    """Gives each label a threshold of its own: the one with the best F1 on held-out texts (SCut).

    One of a few texts is a guess, and the best F1 of a label that is hardly known is often that of giving it to all. So
    it is drawn towards the threshold that is best for all labels together (by macro-F1), as if ``prior_texts`` more
    texts with the label had that one.

    Parameters
    ----------
    strength
        In [0, 1], factor of the thresholds in log odds; 0 leaves even odds.
    prior_texts
        In [0, 1000].
    """

    strength: float = 1.0
    prior_texts: float = 5.0

    name: ClassVar[str] = "label_thresholds"
    title: ClassVar[str] = "Thresholds by label"
    family: ClassVar[Family] = Family.ADJUSTMENT
    paper: ClassVar[str] = "Yang, SIGIR 2001 (SCut); F1-optimal: Lipton, Elkan & Naryanaswamy, ECML 2014"
    formula: ClassVar[str] = "s[g] - strength t[g], t[g] = argmax of F1[g] over held-out texts, shrunk to one for all"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.CALIBRATE,)
    neutral: ClassVar[dict[str, float]] = {"strength": 0.0}
    many_labels: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_range("strength", self.strength, 0.0, 1.0)
        check_range("prior_texts", self.prior_texts, 0.0, 1000.0)

    def set_calibration(self, scores: Floats, labels: csr_array, count: Floats, prior: Prior) -> Calibrated | None:
        """See :meth:`Remedy.set_calibration`."""
        if self.strength == 0.0:
            return None
        groups = scores.shape[1]
        if not len(scores):
            told = "thresholds stay at even odds: there is no text that the model has not seen"
            return _Shift(np.zeros(groups, np.float32), (told,))
        has = labels.toarray().astype(bool)
        # a model that has seen no text of a label says nothing of where to cut it, though others may have seen some
        known = prior.present & (scores > _ABSENT)
        seen = count @ (has & known)
        found = {
            g: _best_cut(scores[rows, g], has[rows, g], count[rows])
            for g in np.flatnonzero(seen > 0)
            for rows in [known[:, g]]
        }
        together = _common_cut(scores, has, count, np.flatnonzero(seen > 0))
        cuts = np.full(groups, together)
        for group, own in found.items():
            share = seen[group] / (seen[group] + self.prior_texts)
            cuts[group] += share * (own - together)
        unseen = int((seen == 0).sum())
        told = f"{counted(unseen, 'label has', 'labels have')} no held-out text and the threshold of all together"
        return _Shift((-self.strength * cuts).astype(np.float32), (told,) if unseen else ())


@register
@dataclass(frozen=True)
class RankCut(Remedy):
    """Gives each text its k best scored labels (RCut).

    Right where texts have about equally many labels, such as one value of each of a few attributes.

    Parameters
    ----------
    k
        In [0, 1000]; 0 takes the number with the best macro-F1 on held-out texts.
    """

    k: int = 0

    name: ClassVar[str] = "rank_cut"
    title: ClassVar[str] = "As many labels for each text"
    family: ClassVar[Family] = Family.ADJUSTMENT
    paper: ClassVar[str] = "Yang, SIGIR 2001 (RCut)"
    formula: ClassVar[str] = "s[g] - (s at rank k + s at rank k + 1) / 2"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.CALIBRATE,)
    many_labels: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_range("k", self.k, 0, 1000, whole=True)

    def set_calibration(self, scores: Floats, labels: csr_array, count: Floats, prior: Prior) -> Calibrated | None:
        """See :meth:`Remedy.set_calibration`."""
        if self.k:
            return _Rank(self.k)
        if not len(scores):
            k = max(round(prior.total / max(prior.texts or prior.total, 1)), 1)
            return _Rank(
                k, (f"texts get the mean number of labels, {k}: there is no text that the model has not seen",)
            )
        has = labels.toarray().astype(bool)
        support = count @ has
        order = np.argsort(-scores, axis=1, kind="stable")
        rows = np.arange(len(scores))
        hits, calls = np.zeros((2, scores.shape[1]))
        best, best_k = -1.0, 1
        for k in range(1, int(has.sum(axis=1).max()) + 1):
            given = order[:, k - 1]
            np.add.at(calls, given, count)
            np.add.at(hits, given, count * has[rows, given])
            f1 = float((2.0 * hits / np.maximum(support + calls, 1e-12))[support > 0].mean())
            if f1 > best:
                best, best_k = f1, k
        return _Rank(best_k, (f"each text gets {counted(best_k, 'label', 'labels')}",))


@dataclass(frozen=True, eq=False)
class _Shift:
    """An offset by label."""

    offset: Floats
    notes: tuple[str, ...] = ()

    def __call__(self, scores: Floats) -> Floats:
        return np.asarray(scores + self.offset, dtype=np.float32)


@dataclass(frozen=True, eq=False)
class _Rank:
    """An offset by row that leaves k scores above 0, and those that are equal to the last of them."""

    k: int
    notes: tuple[str, ...] = ()

    def __call__(self, scores: Floats) -> Floats:
        if self.k >= scores.shape[1]:
            lowest = scores.min(axis=1, keepdims=True)
            return np.asarray(scores - lowest + np.float32(1.0), dtype=np.float32)
        ranked = -np.partition(-scores, (self.k - 1, self.k), axis=1)
        last = ranked[:, self.k - 1]
        middle = (last + ranked[:, self.k]) / np.float32(2.0)
        # labels that always occur together have equal scores: both are given rather than none
        middle = np.where(middle < last, middle, np.nextafter(last, np.float32(-np.inf)))
        return np.asarray(scores - middle[:, None], dtype=np.float32)


def _best_cut(score: Floats, has: NDArray[np.bool_], count: Floats) -> float:
    """The score above which to say yes for the best F1, halfway between two texts; equal scores are cut together."""
    order = np.argsort(-score, kind="stable")
    ranked = score[order].astype(np.float64)
    hits, calls = np.cumsum((has * count)[order], dtype=np.float64), np.cumsum(count[order], dtype=np.float64)
    last = np.append(ranked[1:] != ranked[:-1], True)
    f1 = np.where(last, 2.0 * hits / (calls + hits[-1]), -1.0)
    best = int(f1.argmax())
    below = ranked[best + 1] if best + 1 < len(ranked) else ranked[best] - 2.0
    return float(np.clip((ranked[best] + below) / 2.0, CUTS[0], CUTS[-1]))


def _common_cut(scores: Floats, has: NDArray[np.bool_], count: Floats, groups: NDArray[np.int64]) -> float:
    """Of :data:`CUTS` the one with the best macro-F1 over some labels; even odds if there is none."""
    if not len(groups):
        return 0.0
    total = np.zeros(len(CUTS))
    for group in groups:
        order = np.argsort(scores[:, group], kind="stable")
        above = np.searchsorted(scores[order, group], CUTS, side="right")
        hits, calls = (
            np.append(np.cumsum(part[order][::-1], dtype=np.float64)[::-1], 0.0)[above]
            for part in (has[:, group] * count, count)
        )
        total += 2.0 * hits / (calls + float(count @ has[:, group]))
    return float(CUTS[int(total.argmax())])
