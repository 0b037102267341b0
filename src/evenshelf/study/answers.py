"""What a fit answers for the rows of a fold: a class, or the labels of a set, with their probabilities.

Where each label of a set has a score of its own, any number of labels is given to a text. A row, which is a pair of a
text and one of its labels, is then answered with that label or with :data:`NOTHING`; labels that are given and not true
are *alarms*, which belong to the text.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.learners.sets import first_of_texts
from evenshelf.learners.vectors import Vectors
from evenshelf.remedies.set_losses import sigmoid
from evenshelf.tasks.label_metrics import NOTHING, macro_f1
from evenshelf.tasks.set_metrics import average_precisions, label_rankings
from evenshelf.tasks.tag_sets import in_set, predicted_of_sets

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Alarms:
    """Labels that were given and are not true.

    Attributes
    ----------
    row
        ``[a]`` the first row of the text in the vectors, rising.
    label
        ``[a]``.
    probability
        ``[a]`` float32.
    """

    row: Codes
    label: Codes
    probability: Floats

    @classmethod
    def none(cls) -> Alarms:
        """No alarm."""
        return cls(np.empty(0, np.int64), np.empty(0, np.int64), np.empty(0, np.float32))


@dataclass(frozen=True, eq=False)
class Answers:
    """The answers for the rows of a fold.

    Attributes
    ----------
    predicted
        ``[m]`` int32.
    p_true, p_predicted
        ``[m]`` float32; 0 where nothing is predicted.
    alarms
        What was given besides.
    ranked
        ``[m]`` int32, where texts have sets: what is predicted where a text is asked for as many labels as it has.
    """

    predicted: NDArray[np.int32]
    p_true: Floats
    p_predicted: Floats
    alarms: Alarms
    ranked: NDArray[np.int32] | None = None


def answers(scores: Floats, vectors: Vectors, index: Codes, *, sets: bool) -> Answers:
    """Read the answers from the scores.

    Parameters
    ----------
    scores
        ``[m, C]`` of the rows `index`; ``[t, C]`` log odds of their texts with `sets`.
    vectors
        A row for each label of a text.
    index
        ``[m]`` rows, those of a text beside each other.
    """
    target = vectors.target[index]
    if not len(index):
        return Answers(np.empty(0, np.int32), np.empty(0, np.float32), np.empty(0, np.float32), Alarms.none())
    if sets:
        return _of_each_label(scores, vectors, index)
    lines = np.arange(len(index))
    example = None if vectors.example is None else vectors.example[index]
    if example is None:
        predicted: NDArray[np.int32] = scores.argmax(axis=1).astype(np.int32)
    else:
        predicted = predicted_of_sets(scores, target, example)
    chance = np.exp(scores - scores.max(axis=1, keepdims=True))
    chance /= chance.sum(axis=1, keepdims=True)
    p_true, p_predicted = (chance[lines, codes].astype(np.float32) for codes in (target, predicted))
    if example is not None:
        p_true, p_predicted = in_set(p_true, example), in_set(p_predicted, example)
    return Answers(predicted, p_true, p_predicted, Alarms.none(), None if example is None else predicted)


def _of_each_label(scores: Floats, vectors: Vectors, index: Codes) -> Answers:
    assert vectors.example is not None
    target, example = vectors.target[index], vectors.example[index]
    first, text = first_of_texts(example)
    given = scores > 0.0
    found = given[text, target]
    p_true = sigmoid(scores[text, target]).astype(np.float32)
    given[text, target] = False
    row, label = np.nonzero(given)
    alarms = Alarms(index[first[row]], label.astype(np.int64), sigmoid(scores[row, label]).astype(np.float32))
    return Answers(
        np.where(found, target, NOTHING).astype(np.int32),
        p_true,
        np.where(found, p_true, np.float32(0.0)),
        alarms,
        predicted_of_sets(scores[text], target, example),
    )


def search_score(found: Answers, vectors: Vectors, index: Codes, classes: int) -> float:
    """Macro-F1 by which a setting is chosen; an alarm counts as often as its text."""
    copies = copies_of_texts(vectors)
    alarms = found.alarms
    return macro_f1(
        np.concatenate([vectors.target[index], np.full(len(alarms.row), NOTHING)]),
        np.concatenate([found.predicted, alarms.label]),
        classes,
        np.concatenate([vectors.count[index], copies[alarms.row]]),
    )


def copies_of_texts(vectors: Vectors) -> Floats:
    """``[u]`` how many examples the text of each row stands for: those of its most frequent label."""
    if vectors.example is None:
        return vectors.count
    _, text = first_of_texts(vectors.example)
    most = np.zeros(int(text.max(initial=-1)) + 1, np.float32)
    np.maximum.at(most, text, vectors.count)
    return most[text]


def rankings(scores: Floats, vectors: Vectors, index: Codes, *, sets: bool) -> dict[str, NDArray[Any]]:
    """How labels and texts are ranked: ``ap`` of each label, ``lrap`` of each text; nothing where there are no sets."""
    if vectors.example is None or not len(index):
        return {}
    first, text = first_of_texts(vectors.example[index])
    of_texts = scores if sets else scores[first]
    has = np.zeros(of_texts.shape, bool)
    has[text, vectors.target[index]] = True
    ap, lrap = average_precisions(of_texts, has), label_rankings(of_texts, has)
    return {"ap": ap.astype(np.float32), "lrap": lrap.astype(np.float32)}
