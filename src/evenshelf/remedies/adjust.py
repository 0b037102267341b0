"""Remedies that change the scores of a trained model and cost no training."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from evenshelf.remedies.base import Remedy, Stage
from evenshelf.remedies.checks import check_range
from evenshelf.remedies.families import Family
from evenshelf.remedies.registry import register
from evenshelf.remedies.rows import Floats, Prior


@register
@dataclass(frozen=True)
class LogitAdjust(Remedy):
    """Subtracts the log prior from the scores: a group is not likelier only because it was seen more often.

    Parameters
    ----------
    tau
        In [0, 3]; 1 aims at balanced accuracy, 0.5 often at macro-F1, 0 does nothing.
    """

    tau: float = 1.0

    name: ClassVar[str] = "logit_adjust"
    title: ClassVar[str] = "Logit adjustment"
    family: ClassVar[Family] = Family.ADJUSTMENT
    paper: ClassVar[str] = "Menon et al., ICLR 2021"
    formula: ClassVar[str] = "s[g] - tau log prior[g]"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.ADJUST,)
    neutral: ClassVar[dict[str, float]] = {"tau": 0.0}
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"tau": (1.0, 0.5)}

    def __post_init__(self) -> None:
        check_range("tau", self.tau, 0.0, 3.0)

    def adjust(self, scores: Floats, prior: Prior, norms: Floats) -> Floats:
        """See :meth:`Remedy.adjust`."""
        return scores - np.float32(self.tau) * prior.log_share


@register
@dataclass(frozen=True)
class TauNorm(Remedy):
    """Divides each group's score by a power of the norm of its weights, which grows with its frequency.

    Scores are taken from the mean over the groups: a constant added to all of them changes no probability before, so
    it must change none after. (The paper's scores have no bias, and that mean is zero.)

    Parameters
    ----------
    tau
        In [0, 2]; 1 makes all weight vectors equally long, 0 does nothing.
    """

    tau: float = 0.5

    name: ClassVar[str] = "tau_norm"
    title: ClassVar[str] = "Tau-normalisation"
    family: ClassVar[Family] = Family.ADJUSTMENT
    paper: ClassVar[str] = "Kang et al., ICLR 2020"
    formula: ClassVar[str] = "(s[g] - mean s) (mean norm / norm w[g]) ** tau"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.ADJUST,)
    neutral: ClassVar[dict[str, float]] = {"tau": 0.0}
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"tau": (0.5, 1.0)}
    norms: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_range("tau", self.tau, 0.0, 2.0)

    def adjust(self, scores: Floats, prior: Prior, norms: Floats) -> Floats:
        """See :meth:`Remedy.adjust`."""
        known = norms > 0
        if not known.any():
            return scores
        scale = np.ones_like(norms)
        # the mean norm keeps the scores' size, and with it the calibration, roughly where it was
        scale[known] = (norms[known].mean(dtype=np.float64) / norms[known]) ** self.tau
        # scores mean the same when a constant is added to a row, so they are scaled from the row's middle
        middle: Floats = scores.mean(axis=1, keepdims=True, where=known, dtype=np.float64).astype(np.float32)
        scaled: Floats = (scores - middle) * scale + middle
        return scaled
