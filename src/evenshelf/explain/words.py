"""Which words moved a label: by leaving each out, by gradients, or exactly where the vector is a sum over pieces."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.encoders import Encoder
from evenshelf.errors import SettingError, near
from evenshelf.explain.gradients import integrated
from evenshelf.explain.margins import Labelling, Margin
from evenshelf.explain.places import Places


@dataclass(frozen=True)
class WordReason:
    """A word and what it does.

    Attributes
    ----------
    text
        As it is written.
    place
        Which word of the text it is, from 0.
    value
        Part of the margin: above 0 it speaks for the answer, below for the other class.
    probability
        Of the answer without this word; ``None`` where no text without it was looked at.
    """

    text: str
    place: int
    value: float
    probability: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "word": self.text,
            "place": self.place,
            "value": round(self.value, 6),
            "probability_without": None if self.probability is None else round(self.probability, 6),
        }


@dataclass(frozen=True)
class WordReasons:
    """What the words of a text do to a margin.

    Attributes
    ----------
    method
        Name of one of :data:`METHODS`.
    words
        In the order of the text.
    margin
        Of the whole text.
    rest
        The margin less all values. Exactly: what the biases say, and characters of no word. By gradients: the margin
        of a text of padding. By occlusion: that words say less, or more, together than each alone.
    error
        By how much the values miss what they should sum to; 0 where they are no sum, or an exact one.
    """

    method: str
    words: tuple[WordReason, ...]
    margin: float
    rest: float
    error: float = 0.0

    @property
    def strongest(self) -> tuple[WordReason, ...]:
        """The words by what they say for the answer, the most first; equal ones in the order of the text."""
        return tuple(sorted(self.words, key=lambda word: -word.value))

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "method": self.method,
            "margin": round(self.margin, 6),
            "rest": round(self.rest, 6),
            "error": round(self.error, 6),
            "words": [word.to_dict() for word in self.words],
        }


def occlusion(model: Labelling, texts: Sequence[Places], margins: Sequence[Margin]) -> list[WordReasons]:
    """Leave out each word by itself; what the margin loses is its value.

    All texts without a word are encoded together. It asks nothing of the encoder.

    References
    ----------
    Li, Monroe, Jurafsky: Understanding neural networks through representation erasure, 2016.
    """
    asked = [places.text for places in texts]
    for places in texts:
        asked += [places.without([number]) for number in range(len(places.words))]
    vectors = model.encoder.encode(asked)
    chances = model.head.probabilities(vectors)
    found, at = [], len(texts)
    for row, (places, margin) in enumerate(zip(texts, margins, strict=True)):
        count = len(places.words)
        whole = float(margin(vectors[row : row + 1])[0])
        values = whole - margin(vectors[at : at + count])
        without = chances[at : at + count, margin.answer]
        reasons = tuple(WordReason(word, n, float(values[n]), float(without[n])) for n, word in enumerate(places.words))
        found.append(WordReasons("occlusion", reasons, whole, whole - float(values.sum())))
        at += count
    return found


def exact(model: Labelling, texts: Sequence[Places], margins: Sequence[Margin]) -> list[WordReasons]:
    """Take the margin apart into what each piece of the text adds to it, and no more.

    Exact for encoders whose vectors are sums over pieces of the text (``tfidf``, ``fast``), given the lengths that they
    divide by: without a word the text would be shorter, and each of the others count more.

    Raises
    ------
    SettingError
        If the encoder's vectors are no such sums.
    """
    found = []
    for places, margin in zip(texts, margins, strict=True):
        pieces = model.encoder.pieces(places.text)
        if pieces is None:
            raise SettingError(
                f"Vectors of the encoder {model.encoder.name!r} are no sums over pieces of a text, so words have no "
                "exact part in its scores.",
                hint="Leave words out instead (occlusion), which any encoder can be asked.",
            )
        values, _ = places.shared_out(pieces.start, pieces.stop, pieces.vectors @ margin.direction)
        whole = float((pieces.vectors @ margin.direction).sum() + margin.offset)
        found.append(_summed("exact", places, values, whole))
    return found


def gradients(model: Labelling, texts: Sequence[Places], margins: Sequence[Margin]) -> list[WordReasons]:
    """Sum up the slopes of the margin on the way from a text of padding to the text (integrated gradients).

    For language models, by torch; pieces of a text are taken exactly where a part of the encoder sums them.

    Raises
    ------
    SettingError
        If there is no language model in the encoder.
    MissingExtraError
        If torch or transformers is not installed.

    References
    ----------
    Sundararajan, Taly, Yan: Axiomatic attribution for deep networks, ICML 2017.
    """
    run = integrated(model.encoder)
    found = []
    for places, margin in zip(texts, margins, strict=True):
        path = run(places.text, margin.direction)
        values, _ = places.shared_out(path.start, path.stop, path.value)
        whole = float(margin(model.encoder.encode([places.text]))[0])
        found.append(_summed("gradients", places, values, whole, path.error))
    return found


def _summed(method: str, places: Places, values: NDArray[np.float64], whole: float, error: float = 0.0) -> WordReasons:
    reasons = tuple(WordReason(word, n, float(values[n])) for n, word in enumerate(places.words))
    return WordReasons(method, reasons, whole, whole - float(values.sum()), error)


Method = Callable[[Labelling, Sequence[Places], Sequence[Margin]], list[WordReasons]]

METHODS: Mapping[str, Method] = {"occlusion": occlusion, "gradients": gradients, "exact": exact}
"""By name."""


def method_of(name: str) -> Method:
    """The method of a name.

    Raises
    ------
    SettingError
        If there is none.
    """
    if name not in METHODS:
        raise SettingError(
            f"There is no method {name!r}{near(name, METHODS)}.", hint=f"There are: {', '.join(METHODS)}."
        )
    return METHODS[name]


def is_summed(encoder: Encoder) -> bool:
    """Whether the vectors of an encoder are sums over pieces of a text."""
    return encoder.pieces("") is not None
