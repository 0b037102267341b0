"""Linear heads on frozen vectors, under any remedy: the learner ``heads``."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evenshelf.errors import SettingError
from evenshelf.learners.bags import bag_rows, fit_bags
from evenshelf.learners.cross_fitting import cross_fitted
from evenshelf.learners.paths import Head, penalties
from evenshelf.learners.registry import LearnerKind, register
from evenshelf.learners.retrieval import memory_of
from evenshelf.learners.training import Training, training_part
from evenshelf.learners.vectors import prepare
from evenshelf.remedies import Calibrated, Remedy, Retrieved, Stage

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]

STAGES = (Stage.RESAMPLE, Stage.WEIGHT, Stage.LOSS, Stage.ADJUST, Stage.RETRIEVE, Stage.CALIBRATE, Stage.POOL)


@dataclass(frozen=True, eq=False)
class LoneHead:
    """A head with the way from vectors as they are given to its axes; can be pickled.

    It holds training rows only under a remedy that retrieves them.

    Attributes
    ----------
    head
        Fitted under the part of the remedy that matters for training.
    remedy
        All of it.
    mean, axes, scale
        See :class:`~evenshelf.learners.vectors.Vectors`.
    calibrated
        What a remedy that calibrates has found, or ``None``.
    retrieved
        The memory of a remedy that retrieves, or ``None``.
    """

    head: Head
    remedy: Remedy
    mean: Floats
    axes: Floats
    scale: float
    calibrated: Calibrated | None = None
    retrieved: Retrieved | None = None

    def __call__(self, new: Floats) -> Floats:
        """``[n, C]`` adjusted scores of vectors ``[n, d]``."""
        turned = self._turned(new)
        rows = np.concatenate([np.ones((len(new), 1), np.float32), turned], axis=1)
        return self._finished(self.head.scores(rows, self.remedy), turned)

    @property
    def linear(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """``[d, C]`` weights on vectors as they are given and ``[C]`` biases, before any adjustment."""
        fitted = self.head.fit.weights.astype(np.float64)
        weights = self.axes.astype(np.float64) @ fitted[1:] / self.scale
        return weights, fitted[0] - self.mean.astype(np.float64) @ weights

    @property
    def notes(self) -> tuple[str, ...]:
        """What the remedy could not do for which classes after training, a sentence each."""
        later = [found.notes for found in (self.retrieved, self.calibrated) if found is not None]
        return sum(later, self.remedy.notes(self.head.prior))

    def adjust(self, scores: Floats, new: Floats) -> Floats:
        """``[n, C]`` scores after all that the remedy does to them.

        Parameters
        ----------
        scores
            ``[n, C]`` from those of :attr:`linear`.
        new
            ``[n, d]`` the vectors that they are of, which a remedy that retrieves looks up.
        """
        adjusted = self.remedy.linear_form.adjust(scores, self.head.prior, self.head.norms)
        return self._finished(adjusted, self._turned(new) if self.retrieved is not None else new)

    def _turned(self, new: Floats) -> Floats:
        return np.asarray(((new - self.mean) / np.float32(self.scale)) @ self.axes, dtype=np.float32)

    def _finished(self, adjusted: Floats, turned: Floats) -> Floats:
        """Scores after what is retrieved, and after calibration."""
        if self.retrieved is not None:
            adjusted = self.retrieved(adjusted, self.retrieved.look_up(turned))
        return adjusted if self.calibrated is None else self.calibrated(adjusted)


def fit_alone(
    vectors: Floats,
    target: Codes,
    groups: int,
    remedy: Remedy,
    *,
    names: Floats | None = None,
    seed: int = 0,
    penalty: float | None = None,
) -> LoneHead:
    """One head fitted by itself, tightly; see :class:`evenshelf.learners.registry.FitScores`.

    A study fits heads together instead, which has the same optimum. `penalty` ``None`` means scikit-learn's C = 1.

    Raises
    ------
    SettingError
        If the remedy acts at a stage that heads cannot honour.
    """
    reason = HEADS.unsupported(remedy)
    if reason:
        raise SettingError(f"{remedy}: {reason}.")
    prepared = prepare(vectors, target, np.zeros(len(target), np.int64), np.arange(len(target)))
    training = Training.of(prepared, (-1, 0), groups, names)
    bags = bag_rows(remedy, training, np.random.default_rng(seed))
    part = training_part(remedy)
    head = fit_bags(training, [(part, bags, (penalty,))], tolerance=1e-8, max_steps=500)[0][0]
    calibrated = None
    if Stage.CALIBRATE in remedy.stages:
        unseen = cross_fitted(fit_alone, vectors, target, groups, remedy, names=names, seed=seed, penalty=penalty)
        calibrated = remedy.calibration(*unseen, training.prior)
    retrieved = None
    if Stage.RETRIEVE in remedy.stages:
        _, same = np.unique(vectors, axis=0, return_inverse=True)
        order = np.argsort(prepared.row_of)
        retrieved = memory_of(remedy, training, same.reshape(-1)[order])
    return LoneHead(head, remedy, prepared.mean, prepared.axes, prepared.scale, calibrated, retrieved)


HEADS = register(
    LearnerKind(
        "heads",
        "linear heads",
        "Linear classifiers on the vectors of an encoder, those of all remedies fitted together.",
        STAGES,
        fit_alone,
        penalties,
        "C = 1",
        averages=True,
    )
)
