"""A span of words left out."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import ClassVar

from evenshelf.augmentation.base import RuleMaker
from evenshelf.augmentation.registry import register
from evenshelf.augmentation.sources import Source
from evenshelf.augmentation.written import Written
from evenshelf.parameters import check_range


@register
@dataclass(frozen=True)
class Crop(RuleMaker):
    """Leaves out neighbouring words.

    Parameters
    ----------
    rate
        In (0, 1): the largest share of the words that goes; at least one goes and one stays.
    """

    rate: float = 0.3

    name: ClassVar[str] = "crop"
    title: ClassVar[str] = "Cropped spans"
    paper: ClassVar[str] = "after Shen et al., arXiv 2009.13818, 2020 (span cutoff)"
    languages: ClassVar[str] = "any"

    def __post_init__(self) -> None:
        check_range("rate", self.rate, 1e-6, 1.0, open_high=True)

    def refusal(self, source: Source) -> str | None:
        """See :meth:`Maker.refusal`."""
        reason = super().refusal(source)
        return reason or (None if len(Written.of(source.text).words) > 1 else "it has fewer than two words")

    def one(self, source: Source, written: Written, rng: random.Random, number: int) -> str | None:
        """See :meth:`RuleMaker.one`."""
        size = len(written.words)
        span = rng.randint(1, min(size - 1, max(1, int(self.rate * size))))
        start = rng.randint(0, size - span)
        return written.without(range(start, start + span)).text
