"""What a made text has to pass before it is trained on; what is refused is counted by reason."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.augmentation.sources import Source
from evenshelf.augmentation.written import same_key
from evenshelf.encoders.base import Encoder
from evenshelf.encoders.cache import VectorCache
from evenshelf.errors import InputError
from evenshelf.parameters import check_range

Scores = Callable[[Sequence[str], NDArray[np.int64]], NDArray[np.floating]]
"""Scores ``[m, C]`` of ``m`` texts, given of which source each was made: of a model that was not trained on that."""


@dataclass(frozen=True)
class Variant:
    """A made text and the source of it.

    Attributes
    ----------
    text
        What was made.
    row
        Which source it was made of, from 0.
    source
        That one.
    """

    text: str
    row: int
    source: Source


class Gate(ABC):
    """Refuses some variants."""

    @abstractmethod
    def reasons(self, variants: Sequence[Variant]) -> list[str | None]:
        """Return why each variant is refused; ``None`` where it is kept."""


@dataclass(frozen=True)
class Distinct(Gate):
    """Refuses a variant that a reader takes for its source, for another variant before it, or for a given text.

    Parameters
    ----------
    given
        Texts that are there already, such as all of those that are trained on.
    """

    given: frozenset[str] = frozenset()

    @classmethod
    def beside(cls, texts: Sequence[str]) -> Distinct:
        """Return the gate for texts that are there already."""
        return cls(frozenset(map(same_key, texts)))

    def reasons(self, variants: Sequence[Variant]) -> list[str | None]:
        """See :meth:`Gate.reasons`."""
        seen: set[str] = set()
        found: list[str | None] = []
        for variant in variants:
            key = same_key(variant.text)
            if key == same_key(variant.source.text):
                found.append("the same as its source")
            elif key in self.given:
                found.append("the same as a given text")
            elif key in seen:
                found.append("the same as another variant")
            else:
                found.append(None)
                seen.add(key)
        return found


@dataclass(frozen=True)
class Length(Gate):
    """Refuses what is much shorter or longer than its source.

    Parameters
    ----------
    low, high
        Bounds of the length in characters, against that of the source; 0 <= low <= high.
    """

    low: float = 0.3
    high: float = 3.0

    def __post_init__(self) -> None:
        check_range("low", self.low, 0.0)
        check_range("high", self.high, self.low)

    def reasons(self, variants: Sequence[Variant]) -> list[str | None]:
        """See :meth:`Gate.reasons`."""
        return [self._reason(len(variant.text.strip()), len(variant.source.text.strip())) for variant in variants]

    def _reason(self, length: int, source: int) -> str | None:
        if not length or length < self.low * source:
            return "too short"
        return "too long" if length > self.high * source else None


@dataclass(frozen=True, eq=False)
class Near(Gate):
    """Refuses what an encoder finds too far from its source, or too near to it to teach anything.

    Parameters
    ----------
    encoder
        Any encoder.
    low, high
        Bounds of the cosine, in [-1, 1], low <= high.
    cache
        Where vectors are kept; by default nowhere.
    """

    encoder: Encoder
    low: float = 0.5
    high: float = 1.0
    cache: VectorCache | None = None

    def __post_init__(self) -> None:
        check_range("low", self.low, -1.0, 1.0)
        check_range("high", self.high, self.low, 1.0)

    def reasons(self, variants: Sequence[Variant]) -> list[str | None]:
        """See :meth:`Gate.reasons`."""
        # Rounded: a cosine of one comes out as a little more or less.
        cosine = np.round(cosines(self.encoder, variants, self.cache), 5)
        far = "too far from its source"
        return [
            far if value < self.low else "too near to its source" if value > self.high else None
            for value in cosine.tolist()
        ]


@dataclass(frozen=True, eq=False)
class LabelKept(Gate):
    """Refuses what a classifier takes for another class than that of its source.

    Parameters
    ----------
    scores
        Cross-fitted: it is told of which source each text was made, and scores it by a model that has not seen that.
    classes
        ``[C]`` in the order of the scores.
    rank
        Among so many best classes the label has to be.
    """

    scores: Scores
    classes: tuple[str, ...]
    rank: int = 1

    def __post_init__(self) -> None:
        check_range("rank", self.rank, 1, whole=True)

    def reasons(self, variants: Sequence[Variant]) -> list[str | None]:
        """See :meth:`Gate.reasons`.

        Raises
        ------
        InputError
            If a label is missing or no class, or the scores are of another shape or not finite.
        """
        if not variants:
            return []
        code = {name: i for i, name in enumerate(self.classes)}
        unknown = sorted({repr(v.source.label) for v in variants if v.source.label not in code})
        if unknown:
            raise InputError(
                f"Labels that are no class of the scores: {', '.join(unknown[:5])}.",
                hint="Give every text its label, and all classes in the order of the scores.",
            )
        label = np.array([code[v.source.label or ""] for v in variants])
        rows = np.array([v.row for v in variants], np.int64)
        given: NDArray[Any] = np.asarray(self.scores([v.text for v in variants], rows))
        if given.shape != (len(variants), len(self.classes)) or not np.isfinite(given).all():
            raise InputError(
                f"Scores of shape {given.shape}, where finite ones of {(len(variants), len(self.classes))} are needed.",
                hint="Return one row for each text and one column for each class.",
            )
        own = given[np.arange(len(label)), label]
        better = (given > own[:, None]).sum(axis=1)
        return [None if n < self.rank else "taken for another class" for n in better.tolist()]


def sift(
    sources: Sequence[Source], variants: Sequence[Sequence[str]], gates: Sequence[Gate]
) -> tuple[list[list[str]], Counter[str]]:
    """Keep the variants that every gate lets through.

    Returns
    -------
    kept
        For each source its variants, in their order.
    refused
        How many were refused, by reason.
    """
    left = [
        Variant(text, row, source)
        for row, (source, own) in enumerate(zip(sources, variants, strict=True))
        for text in own
    ]
    refused: Counter[str] = Counter()
    for gate in gates:
        reasons = gate.reasons(left)
        refused.update(reason for reason in reasons if reason is not None)
        left = [variant for variant, reason in zip(left, reasons, strict=True) if reason is None]
    kept: list[list[str]] = [[] for _ in sources]
    for variant in left:
        kept[variant.row].append(variant.text)
    return kept, refused


def cosines(encoder: Encoder, variants: Sequence[Variant], cache: VectorCache | None = None) -> NDArray[np.float32]:
    """``[m]`` cosine of each variant and its source."""
    texts = [text for variant in variants for text in (variant.text, variant.source.text)]
    vectors = cache.encode(encoder, texts) if cache is not None else encoder.encode(texts)
    cosine: NDArray[np.float32] = np.einsum("ij,ij->i", vectors[0::2], vectors[1::2])
    return cosine
