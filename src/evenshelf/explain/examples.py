"""Which training examples a label rests on: what each adds to the margin or does to it, and the nearest ones."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.explain.margins import Margin
from evenshelf.explain.refit import Refit
from evenshelf.explain.representer import Represented, represented
from evenshelf.explain.sensitivity import Influences, Sensitivity, sensitivity_of

Floats = NDArray[np.float64]
REPRESENTER, INFLUENCE = "representer", "influence"
BY = (REPRESENTER, INFLUENCE)
"""By what examples are told: what they add to the margin, or what it would lose without them."""


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
    lost
        What the margin would lose if the head were fitted without them, to first order; ``None`` where that was not
        asked.
    """

    text: str
    label: str
    count: int
    value: float
    cosine: float
    lost: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "text": self.text,
            "label": self.label,
            "count": self.count,
            "value": round(self.value, 6),
            "cosine": round(self.cosine, 6),
            **({} if self.lost is None else {"lost": round(self.lost, 6)}),
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
        Examples that add the most, and that take the most away; by influence those without which the margin would lose
        the most, and gain the most.
    nearest
        By class (the answer's, then the other one): the nearest examples of it.
    by
        One of :data:`BY`.
    error
        By influence: how well its equations were solved; see :class:`~evenshelf.explain.sensitivity.Influences`.
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
    by: str = REPRESENTER
    error: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        sums = ("margin", "served", "biases", "names", "made", "answers", "rivals", "others", "left")
        return {
            "by": self.by,
            **{name: round(getattr(self, name), 6) for name in sums},
            **({"error": self.error} if self.by == INFLUENCE else {}),
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

    @cached_property
    def sensitivity(self) -> Sensitivity:
        """What says what the head would be without an example.

        Raises
        ------
        SettingError
            If that cannot be said under the remedy.
        """
        return sensitivity_of(self.refit, self.represented.head)

    def influences(self, vector: NDArray[np.float32], margin: Margin) -> Influences:
        """``[n]`` what the margin of a text would lose without each training row.

        Held are the adjustments and the prior that the remedy sees, and the weights of the other rows.
        """
        combine, _ = self._linear(margin)
        turned = self.refit.turned(vector[None, :])[0].astype(np.float64)
        return self.sensitivity.of(np.concatenate([[1.0], turned])[:, None] * combine[None, :])

    def reasons(
        self, vector: NDArray[np.float32], margin: Margin, top: int = 5, by: str = REPRESENTER
    ) -> ExampleReasons:
        """What training examples say of a text.

        Parameters
        ----------
        vector
            ``[d]`` of the text.
        margin
            What is explained.
        top
            How many examples of each kind.
        by
            One of :data:`BY`.
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
        influences = self.influences(vector, margin) if by == INFLUENCE else None
        told = value if influences is None else influences.value
        order = np.argsort(-told, kind="stable")
        near = np.argsort(-cosine, kind="stable")
        lost = None if influences is None else influences.value

        def example(row: int) -> Example:
            return self._example(row, value, cosine, lost)

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
            supporting=tuple(example(i) for i in order[:top] if told[i] > 0),
            opposing=tuple(example(i) for i in order[::-1][:top] if told[i] < 0),
            nearest=(
                tuple(example(i) for i in near[own[near]][:top]),
                tuple(example(i) for i in near[other[near]][:top]),
            ),
            by=by,
            error=0.0 if influences is None else influences.error,
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

    def _example(self, row: int, value: Floats, cosine: Floats, lost: Floats | None) -> Example:
        task, vectors = self.refit.task, self.refit.vectors
        at = int(self._rows[row])
        assert task.texts is not None
        return Example(
            task.texts[int(self._first[at])],
            task.classes[int(vectors.target[at])],
            int(vectors.count[at]),
            float(value[row]),
            float(cosine[row]),
            None if lost is None else float(lost[row]),
        )
