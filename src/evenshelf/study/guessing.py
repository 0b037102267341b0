"""Whether any model of a study knows more than the frequencies of the classes.

Where texts tell nothing of the class, remedies still differ: one that spreads its answers over the classes has a higher
macro-F1 than one that always gives the most frequent class, and neither has learned anything. So every model is held
against answers that are made without looking: always the most frequent class of the training folds, and a class drawn
by its frequency there. Of these two the better one in each metric counts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evenshelf.tasks.tag_sets import predicted_of_sets

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evenshelf.study.results import StudyResult
    from evenshelf.study.statistics import Bootstrap

ANSWERS = {
    "guess constant": "always answering the most frequent class",
    "guess drawn": "drawing answers by class frequency",
}
"""Answers made without looking, by their name in the bootstrap."""
SEEN_BY = ("macro_f1", "accuracy")
"""Metrics in one of which a model has to be better than guessing. Macro-F1 alone misses a model that knows the head."""
CHANCE = 0.05
"""Chance, over all models and both metrics, that one looks better than guessing by luck."""


@dataclass(frozen=True)
class Sight:
    """A model beside the better answer that is made without looking.

    Attributes
    ----------
    spec
        The model: the baseline, or the one with the best value.
    metric
        ``macro_f1`` or ``accuracy``.
    value, guessed
        Of the model, and of the answer, in [0, 1].
    answer
        Which answer it is, in words.
    diff, low, high
        `value` minus `guessed`, with a 95 % interval by the paired bootstrap.
    """

    spec: str
    metric: str
    value: float
    guessed: float
    answer: str
    diff: float
    low: float
    high: float


def guesses(result: StudyResult, seed: int) -> dict[str, NDArray[np.int32]]:
    """Answers for the evaluated rows that rest on nothing but how frequent classes are in the training folds.

    Parameters
    ----------
    result
        Rows with a negative fold are trained on in every fold, and get no answer.
    seed
        Of the drawn answers.

    Returns
    -------
    dict
        ``[m]`` class codes, one for each row with a fold, for each name in :data:`ANSWERS`.
    """
    rng = np.random.default_rng([seed, 0x67756573])  # apart from the draws of the bootstrap
    constant, drawn = np.zeros_like(result.y), np.zeros_like(result.y)
    for fold in np.unique(result.fold[result.fold >= 0]):
        asked = result.fold == fold
        share = np.bincount(result.y[~asked], minlength=len(result.classes)).astype(np.float64)
        if not share.any():
            share[:] = 1.0
        if result.example is not None:
            constant[asked], drawn[asked] = _guessed_sets(result.y[asked], result.example[asked], share, rng)
            continue
        constant[asked] = int(share.argmax())
        drawn[asked] = rng.choice(len(share), size=int(asked.sum()), p=share / share.sum())
    rows = result.fold >= 0
    found = (constant[rows].astype(np.int32), drawn[rows].astype(np.int32))
    return dict(zip(ANSWERS, found, strict=True))


def _guessed_sets(
    y: NDArray[np.int32], example: NDArray[np.int64], share: NDArray[np.float64], rng: np.random.Generator
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The same for texts with several labels: the most frequent ones, and ones drawn by frequency, each once a text."""
    pairs, row = np.unique(np.stack([example, y.astype(np.int64)], axis=1), axis=0, return_inverse=True)
    _, text = np.unique(pairs[:, 0], return_inverse=True)
    with np.errstate(divide="ignore"):
        scores = np.log(share).astype(np.float32)
    # The k largest of perturbed logarithms are k draws without replacement (Gumbel top-k; Kool et al., ICML 2019).
    noise = rng.gumbel(size=(int(text.max()) + 1, len(share))).astype(np.float32)
    constant, drawn = (
        predicted_of_sets(given, pairs[:, 1], pairs[:, 0])
        for given in (np.broadcast_to(scores, (len(pairs), len(share))), (scores + noise)[text])
    )
    return constant[row.reshape(-1)], drawn[row.reshape(-1)]


def sights(bootstrap: Bootstrap, specs: Sequence[str], base: str) -> tuple[tuple[Sight, ...], bool]:
    """The baseline and the best model beside guessing, and whether any model is better than guessing.

    A model is better if the interval of its difference to guessing lies above 0 in one of :data:`SEEN_BY`, at a level
    that allows for the number of models and metrics (Bonferroni: models are too much alike for more to be gained).

    Parameters
    ----------
    bootstrap
        Holds ``tuned SPEC`` for each of `specs`, and the answers of :func:`guesses`.
    specs
        All tuned models, yardsticks included.
    base
        Spec of the baseline.
    """
    found: list[Sight] = []
    informative = False
    level = 1 - CHANCE / (len(specs) * len(SEEN_BY))
    for metric in SEEN_BY:
        guess = max(ANSWERS, key=lambda name: bootstrap.interval(name, metric).value)
        values = {spec: bootstrap.interval(f"tuned {spec}", metric).value for spec in specs}
        informative |= any(bootstrap.difference(f"tuned {s}", guess, metric, level).low > 0 for s in specs)
        best = max(sorted(specs), key=values.__getitem__)
        for spec in dict.fromkeys((base, best)):
            gap = bootstrap.difference(f"tuned {spec}", guess, metric)
            guessed = bootstrap.interval(guess, metric).value
            found.append(Sight(spec, metric, values[spec], guessed, ANSWERS[guess], gap.value, gap.low, gap.high))
    return tuple(found), informative
