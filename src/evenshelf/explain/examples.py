"""Which training examples a label rests on: what each adds to the margin, and those that are nearest to the text."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.explain.margins import Margin
from evenshelf.explain.refit import Refit
from evenshelf.explain.representer import Represented, represented

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Example:
    """A training text.

    Attributes
    ----------
    text
        As it stands in the shop.
    label
        Of its class.
    count
        How many examples have this text and label.
    value
        What it adds to the margin, all of them together.
    cosine
        Of its vector and that of the explained text.
    """

    text: str
    label: str
    count: int
    value: float
    cosine: float

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "text": self.text,
            "label": self.label,
            "count": self.count,
            "value": round(self.value, 6),
            "cosine": round(self.cosine, 6),
        }


@dataclass(frozen=True)
class ExampleReasons:
    """What the margin of a text is the sum of, in terms of what was trained on.

    The margin at the optimum is ``biases + names + made + answers + rivals + others + left``.

    Attributes
    ----------
    margin
        Of the head at its optimum, before calibration.
    served
        The same of the bundle, whose fit ended a little before.
    biases
        What is said without looking at the text: biases, and what adjustments add to a class.
    names
        What a remedy that pools says, of the names of the classes for one.
    made
        Of rows that the remedy made itself.
    answers, rivals, others
        Of all training examples of the answer's class, of the other class, and of the rest.
    left
        What no example explains, as the fit has not quite come to its optimum.
    supporting, opposing
        Examples that add the most, and that take the most away.
    nearest
        By class (the answer's, then the other one): the nearest examples of it.
    """

    margin: float
    served: float
    biases: float
    names: float
    made: float
    answers: float
    rivals: float
    others: float
    left: float
    supporting: tuple[Example, ...]
    opposing: tuple[Example, ...]
    nearest: tuple[tuple[Example, ...], tuple[Example, ...]]

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        sums = ("margin", "served", "biases", "names", "made", "answers", "rivals", "others", "left")
        return {
            **{name: round(getattr(self, name), 6) for name in sums},
            "supporting": [example.to_dict() for example in self.supporting],
            "opposing": [example.to_dict() for example in self.opposing],
            "nearest": {
                "answer": [example.to_dict() for example in self.nearest[0]],
                "rival": [example.to_dict() for example in self.nearest[1]],
            },
        }


class Examples:
    """The training examples of a bundle, ready to be asked about texts.

    Parameters
    ----------
    refit
        The bundle's head with what it was trained on.
    """

    def __init__(self, refit: Refit) -> None:
        self.refit = refit
        self.represented: Represented = represented(refit)
        vectors = refit.vectors
        self._rows = vectors.index(refit.training.folds)
        self._first = np.zeros(len(vectors.target), np.int64)
        self._first[vectors.row_of[::-1]] = np.arange(len(vectors.row_of))[::-1]
        given = vectors.given(refit.training.folds)
        self._lengths = np.linalg.norm(given, axis=1)

    def reasons(self, vector: NDArray[np.float32], margin: Margin, top: int = 5) -> ExampleReasons:
        """What training examples say of a text.

        Parameters
        ----------
        vector
            ``[d]`` of the text.
        margin
            What is explained.
        top
            How many examples of each kind.
        """
        refit, found = self.refit, self.represented
        combine, constant = self._linear(margin)
        turned = refit.turned(vector[None, :])[0].astype(np.float64)
        products = np.concatenate([block[:, 1:] @ turned.astype(np.float32) for block in refit.training.blocks])
        value = (found.alpha @ combine) * products.astype(np.float64)
        target = refit.training.target

        def said(weights: Floats) -> float:
            return float(turned @ (weights @ combine)) if weights.shape[0] == len(turned) else 0.0

        bias = found.head.fit.weights[0].astype(np.float64)
        biases = float(bias @ combine) + constant
        own, other = target == margin.answer, target == margin.rival
        sums = [float(value[of].sum()) for of in (own, other, ~own & ~other)]
        names, made, left = said(found.centre), said(found.made), said(found.left)
        cosine = self._cosines(vector)
        order = np.argsort(-value, kind="stable")
        near = np.argsort(-cosine, kind="stable")
        return ExampleReasons(
            margin=biases + names + made + left + sum(sums),
            served=float(margin(vector[None, :])[0]),
            biases=biases,
            names=names,
            made=made,
            answers=sums[0],
            rivals=sums[1],
            others=sums[2],
            left=left,
            supporting=tuple(self._example(i, value, cosine) for i in order[:top] if value[i] > 0),
            opposing=tuple(self._example(i, value, cosine) for i in order[::-1][:top] if value[i] < 0),
            nearest=(
                tuple(self._example(i, value, cosine) for i in near[own[near]][:top]),
                tuple(self._example(i, value, cosine) for i in near[other[near]][:top]),
            ),
        )

    def _linear(self, margin: Margin) -> tuple[Floats, float]:
        """``[C]`` how the margin is made of scores before adjustments, and what adjustments add to it."""
        head, remedy = self.represented.head, self.refit.remedy.linear_form
        classes = len(self.refit.task.classes)
        # an adjustment is affine in the scores of a row: what it does to single scores tells all
        units = np.concatenate([np.zeros((1, classes)), np.eye(classes)]).astype(np.float32)
        moved = remedy.adjust(units, head.prior, head.norms).astype(np.float64)
        difference = moved[:, margin.answer] - moved[:, margin.rival]
        return difference[1:] - difference[0], float(difference[0])

    def _cosines(self, vector: NDArray[np.float32]) -> Floats:
        """``[n]`` cosines of the rows as they were given with a vector."""
        vectors = self.refit.vectors
        mean = vectors.mean.astype(np.float64)
        length = float(np.linalg.norm(vector))
        if not length:
            return np.zeros(len(self._rows))
        towards = (vector.astype(np.float64) @ vectors.axes).astype(np.float32)
        rows = np.concatenate([block[:, 1:] @ towards for block in self.refit.training.blocks])
        product = rows.astype(np.float64) * vectors.scale + float(mean @ vector.astype(np.float64))
        return np.asarray(product / (np.maximum(self._lengths, 1e-12) * length), np.float64)

    def _example(self, row: int, value: Floats, cosine: Floats) -> Example:
        task, vectors = self.refit.task, self.refit.vectors
        at = int(self._rows[row])
        assert task.texts is not None
        return Example(
            task.texts[int(self._first[at])],
            task.classes[int(vectors.target[at])],
            int(vectors.count[at]),
            float(value[row]),
            float(cosine[row]),
        )
