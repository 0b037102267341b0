"""What is explained: by how much a model scores its answer above another class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from evenshelf.bundles.head import ServingHead
from evenshelf.encoders import Encoder
from evenshelf.errors import SettingError, near

Floats = NDArray[np.float32]


class Labelling(Protocol):
    """What labels texts by a linear head: a bundle, or the model of a fold of a study."""

    @property
    def encoder(self) -> Encoder:
        """Texts to vectors."""

    @property
    def head(self) -> ServingHead:
        """Vectors to probabilities."""

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, by their codes."""


@dataclass(frozen=True, eq=False)
class Model:
    """A model in memory that is no bundle.

    Attributes
    ----------
    encoder, head, classes
        See :class:`Labelling`.
    """

    encoder: Encoder
    head: ServingHead
    classes: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class Margin:
    """The score of one class less that of another, linear in the vector of a text.

    Scores are those of the model's head with its remedy's adjustments, before its calibration, so without one the
    margin is the logarithm of how many times likelier the answer is.

    Attributes
    ----------
    answer, rival
        Codes of the classes.
    direction
        ``[d]`` float64.
    offset
        Margin of the vector 0.
    """

    answer: int
    rival: int
    direction: NDArray[np.float64]
    offset: float

    @classmethod
    def of(cls, model: Labelling, answer: int, rival: int) -> Margin:
        """The margin of one class over another."""
        weights, bias = model.head.weights.astype(np.float64), model.head.bias.astype(np.float64)
        return cls(answer, rival, weights[:, answer] - weights[:, rival], float(bias[answer] - bias[rival]))

    def __call__(self, vectors: Floats) -> NDArray[np.float64]:
        """``[n]`` margins of vectors ``[n, d]``."""
        return np.asarray(vectors.astype(np.float64) @ self.direction + self.offset)


def margin_of(model: Labelling, probabilities: Floats, answer: str | None = None, rival: str | None = None) -> Margin:
    """The margin that explains what a model says of a text.

    Parameters
    ----------
    probabilities
        ``[C]`` of the text.
    answer
        Class whose score is explained; the likeliest if not given.
    rival
        Class that it is compared with; the likeliest other one if not given.

    Raises
    ------
    SettingError
        If the model knows no such class, or both are the same.
    """
    order = np.argsort(-probabilities, kind="stable")
    asked = None if rival is None else code_of(model.classes, rival)
    own = int(order[0]) if answer is None else code_of(model.classes, answer)
    if asked is None:
        asked = int(order[0] if order[0] != own else order[1])
    if own == asked:
        raise SettingError(
            f"The answer is {model.classes[own]!r} itself, which cannot be compared with itself.",
            hint="Name another class, or none for the runner-up.",
        )
    return Margin.of(model, own, asked)


def code_of(classes: Sequence[str], name: str) -> int:
    """The code of a class.

    Raises
    ------
    SettingError
        With close names, if there is none of this name.
    """
    if name not in classes:
        raise SettingError(
            f"The bundle knows no class {name!r}{near(name, classes)}.", hint="Its classes stand in bundle.json."
        )
    return list(classes).index(name)
