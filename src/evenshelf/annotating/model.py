"""The model that suggests labels: a linear head on the titles' vectors, with the class names as prior."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evenshelf.encoders import Encoder, VectorCache, open_encoder
from evenshelf.errors import SettingError
from evenshelf.learners.paths import fit_path
from evenshelf.learners.retrieval import memory_of
from evenshelf.learners.training import Training, training_part
from evenshelf.learners.vectors import Vectors, prepare
from evenshelf.remedies import Remedy, Stage, parse
from evenshelf.shop.progress import Progress
from evenshelf.study.prepare import AUTO, pick_encoder

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]

SUGGESTING = "name_prior + logit_adjust(tau=0.5)"
"""Remedy under which suggestions are made: the one that studies of real shops recommend for macro-F1."""
JUDGING = "name_prior"
"""Remedy under which given labels are judged: without an adjustment, so that a confidence means a frequency."""
TOLERANCE = 3e-4
"""Of the fits; see :class:`evenshelf.learners.solver.Problem`."""


def encode(
    texts: Sequence[str], names: Sequence[str], spec: str = AUTO, *, progress: Progress
) -> tuple[Floats, Floats, Encoder]:
    """Vectors of texts and of class names through the cache, and the encoder that made them."""
    total, done = len(texts) + len(names), 0

    def tell(more: int) -> None:
        nonlocal done
        done += more
        progress("encoding titles", done, total)

    tell(0)
    cache = VectorCache()
    encoder = open_encoder(pick_encoder(texts, spec).spec, texts)
    return cache.encode(encoder, texts, tell), cache.encode(encoder, names, tell), encoder


@dataclass(frozen=True, eq=False)
class Labels:
    """Labelled rows as a head sees them.

    Attributes
    ----------
    vectors
        ``[n, d]`` float32.
    target
        ``[n]`` codes from 0 to C - 1, each class with a row.
    names
        ``[C, d]`` vectors of the class names.
    classes
        ``[C]`` the names, for a remedy that knows classes by them.
    """

    vectors: Floats
    target: Codes
    names: Floats
    classes: tuple[str, ...] = ()


def fit(labels: Labels, remedy: str = SUGGESTING, *, strength: float = 1.0) -> Callable[[Floats], Floats]:
    """Fit on all labelled rows.

    Parameters
    ----------
    strength
        scikit-learn's C on the vectors as they are.

    Returns
    -------
    What gives ``[m, C]`` probabilities for vectors ``[m, d]``.
    """
    prepared = prepare(labels.vectors, labels.target, np.zeros(len(labels.target), np.int64), _distinct(labels.vectors))
    return _predictor(prepared, (-1, 0), labels.names, parse(remedy).bound(labels.classes), strength)


def cross_fitted(
    labels: Labels,
    fold: NDArray[np.integer],
    vectors: Floats,
    unseen: NDArray[np.integer],
    remedy: str = JUDGING,
    *,
    strength: float = 10.0,
    progress: Progress,
) -> Floats:
    """Probabilities of any rows, each by a head that was fitted without one fold of the labelled ones.

    Parameters
    ----------
    fold
        ``[n]`` of the labelled rows, from 0. A class may lie in one fold alone: a head without it has its name only.
    vectors
        ``[m, d]`` of the rows that are asked about.
    unseen
        ``[m]`` the fold that the head of a row must not have seen; -1 where all may be seen. For labelled rows their
        own, without those of fold -1, which are only trained on.

    Returns
    -------
    ``[m, C]``.
    """
    parsed = parse(remedy).bound(labels.classes)
    prepared = prepare(labels.vectors, labels.target, fold, _distinct(labels.vectors))
    found = np.empty((len(vectors), len(labels.names)), np.float32)
    held = np.unique(unseen).tolist()
    progress("fitting folds", 0, len(held))
    for done, number in enumerate(held, start=1):
        others = tuple(f for f in range(-1, prepared.folds) if f != number or number < 0)
        asked = unseen == number
        found[asked] = _predictor(prepared, others, labels.names, parsed, strength)(vectors[asked])
        progress("fitting folds", done, len(held))
    return found


def softmax(scores: Floats) -> Floats:
    """``[n, C]`` probabilities."""
    shifted = np.exp(scores - scores.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True), dtype=np.float32)


def _predictor(
    prepared: Vectors, folds: tuple[int, ...], names: Floats, remedy: Remedy, strength: float
) -> Callable[[Floats], Floats]:
    idle = [stage.value for stage in (Stage.RESAMPLE, Stage.CALIBRATE) if stage in remedy.stages]
    if idle:
        raise SettingError(
            f"{remedy} acts at the stage {' and '.join(idle)}, where a model that suggests labels does nothing.",
            hint="Leave that part out.",
        )
    training = Training.of(prepared, folds, len(names), names)
    penalty = 1.0 / (float(training.count.sum()) * prepared.scale**2 * strength)
    # approached by stronger penalties, each fit starting where the last one ended
    path = [p for p in (1e-3, 1e-4) if p > 2.0 * penalty]
    wanted = [(training_part(remedy), None, [*path, penalty])]
    head = fit_path(training, wanted, tolerance=TOLERANCE, approach=1e-2)[0][-1]

    memory = memory_of(remedy, training)

    def predict(new: Floats) -> Floats:
        turned = prepared.turn((new - prepared.mean) / np.float32(prepared.scale))
        scores = head.scores(np.concatenate([np.ones((len(new), 1), np.float32), turned], axis=1), remedy)
        return softmax(scores if memory is None else memory(scores, memory.look_up(turned)))

    return predict


def _distinct(vectors: Floats) -> Codes:
    """``[n]`` equal numbers for equal vectors."""
    as_bytes = np.ascontiguousarray(vectors).view(np.dtype((np.void, vectors.dtype.itemsize * vectors.shape[1])))
    return np.unique(as_bytes.ravel(), return_inverse=True)[1].reshape(-1).astype(np.int64)
