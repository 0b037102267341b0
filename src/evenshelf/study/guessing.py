"""Whether any model of a study knows more than the frequencies of the classes.

Where texts tell nothing of the class, remedies still differ: one that spreads its answers over the classes has a higher
macro-F1 than one that always gives the most frequent class, and neither has learned anything. So every model is held
against answers that are made without looking: always the most frequent class of the training folds, and a class drawn
by its frequency there. Of these two the better one in each metric counts. Draws differ by luck, most of all where
classes are rare, so many are made and the one in the middle is taken.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evenshelf.tasks.label_metrics import NOTHING, macro_f1
from evenshelf.tasks.tag_sets import predicted_of_sets, runs

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evenshelf.study.results import StudyResult
    from evenshelf.study.statistics import Bootstrap
    from evenshelf.tasks.measures import Measures

ANSWERS = {
    "guess constant": "always answering the most frequent class",
    "guess drawn": "drawing answers by class frequency",
}
"""Answers made without looking, by their name in the bootstrap."""
DRAWS = 21
"""How often answers are drawn; those with the median macro-F1 stand for them all."""
_BLOCK = 1 << 22
"""Scores of texts and labels that are held at a time."""
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
        The main or the overall one.
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
    evaluated, classes = result.fold >= 0, len(result.classes)
    rows = evaluated & (result.y >= 0)  # where nothing is true, nothing is asked, and nothing answered
    y, fold = result.y[rows], result.fold[rows]
    example = None if result.example is None else result.example[rows]
    share = np.empty((int(result.fold.max()) + 1, classes))
    for number in np.unique(fold):
        outside = (result.fold != number) & (result.y >= 0)
        known = np.bincount(result.y[outside], minlength=classes).astype(np.float64)
        share[number] = known / known.sum() if known.any() else 1 / classes
    rng = np.random.default_rng([seed, 0x67756573])  # apart from the draws of the bootstrap
    if example is None:
        constant = share.argmax(axis=1)[fold].astype(np.int32)
        draws = [_drawn(fold, share, rng) for _ in range(DRAWS)]
    else:
        constant = _drawn_sets(y, fold, example, share, None)
        draws = [_drawn_sets(y, fold, example, share, rng) for _ in range(DRAWS)]
    draws.sort(key=lambda drawn: macro_f1(y, drawn, classes))
    found = {}
    for name, codes in zip(ANSWERS, (constant, draws[DRAWS // 2]), strict=True):
        found[name] = np.full(int(evaluated.sum()), NOTHING, np.int32)
        found[name][rows[evaluated]] = codes
    return found


def _drawn(fold: NDArray[np.int16], share: NDArray[np.float64], rng: np.random.Generator) -> NDArray[np.int32]:
    """A class for each row, by its frequency outside of the row's fold."""
    drawn = np.empty(len(fold), np.int32)
    for number in np.unique(fold):
        asked = fold == number
        drawn[asked] = rng.choice(share.shape[1], size=int(asked.sum()), p=share[number])
    return drawn


def _drawn_sets(
    y: NDArray[np.int32],
    fold: NDArray[np.int16],
    example: NDArray[np.int64],
    share: NDArray[np.float64],
    rng: np.random.Generator | None,
) -> NDArray[np.int32]:
    """The same for texts with several labels: each label once a text; without `rng` the most frequent ones."""
    pairs, first, row = np.unique(
        np.stack([example, y.astype(np.int64)], axis=1), axis=0, return_index=True, return_inverse=True
    )
    with np.errstate(divide="ignore"):
        score = np.log(share).astype(np.float32)
    bounds = runs(pairs[:, 0])
    starts, sizes = bounds[:-1], np.diff(bounds)
    texts = max(1, _BLOCK // share.shape[1])
    found = np.empty(len(pairs), np.int32)
    for begin in range(0, len(starts), texts):
        some, counts = starts[begin : begin + texts], sizes[begin : begin + texts]
        scores = score[fold[first[some]]]
        if rng is not None:
            # The k largest of perturbed logarithms are k draws without replacement (Gumbel top-k; Kool, ICML 2019).
            scores += rng.gumbel(size=scores.shape).astype(np.float32)
        block = slice(some[0], some[-1] + counts[-1])
        found[block] = predicted_of_sets(np.repeat(scores, counts, axis=0), pairs[block, 1], pairs[block, 0])
    return found[row.reshape(-1)]


def sights(
    bootstrap: Bootstrap, specs: Sequence[str], base: str, answers: Mapping[str, str], measures: Measures
) -> tuple[tuple[Sight, ...], bool]:
    """The baseline and the best model beside guessing, and whether any model is better than guessing.

    A model is better if the interval of its difference to guessing lies above 0 in the main or the overall metric, at a
    level that allows for the number of models and metrics (Bonferroni: models are too much alike for more to be
    gained). The main metric alone misses a model that knows the head.

    Parameters
    ----------
    bootstrap
        Holds ``tuned SPEC`` for each of `specs`, and `answers`.
    specs
        All tuned models, yardsticks included.
    base
        Spec of the baseline.
    answers
        What is answered without looking: in words, by name.
    """
    found: list[Sight] = []
    seen_by = (measures.main, measures.overall)
    informative = False
    level = 1 - CHANCE / (len(specs) * len(seen_by))
    for metric in seen_by:
        guess = max(answers, key=lambda name: bootstrap.interval(name, metric).value)
        values = {spec: bootstrap.interval(f"tuned {spec}", metric).value for spec in specs}
        informative |= any(bootstrap.difference(f"tuned {s}", guess, metric, level).low > 0 for s in specs)
        best = max(sorted(specs), key=values.__getitem__)
        for spec in dict.fromkeys((base, best)):
            gap = bootstrap.difference(f"tuned {spec}", guess, metric)
            guessed = bootstrap.interval(guess, metric).value
            found.append(Sight(spec, metric, values[spec], guessed, answers[guess], gap.value, gap.low, gap.high))
    return tuple(found), informative
