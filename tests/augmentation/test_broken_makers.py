"""The checks of makers find makers that break what they promise."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import ClassVar

import pytest

from evenshelf.augmentation import Maker, RuleMaker, Source
from evenshelf.augmentation.base import Tell
from evenshelf.augmentation.written import Written
from evenshelf.testing import maker_checks


@dataclass(frozen=True)
class Echo(Maker):
    """Gives the text itself."""

    name: ClassVar[str] = "echo"
    title: ClassVar[str] = "Echo"
    paper: ClassVar[str] = "none"
    languages: ClassVar[str] = "any"

    def _made(self, sources: list[Source], copies: int, seed: int, tell: Tell) -> list[list[str]]:
        tell(len(sources))
        return [[source.text.upper()] for source in sources]


@dataclass(frozen=True)
class Placed(Echo):
    """Gives the text with its place in the call, and tells of no text."""

    name: ClassVar[str] = "placed"

    def _made(self, sources: list[Source], copies: int, seed: int, tell: Tell) -> list[list[str]]:
        return [[f"{source.text} {len(sources)} {place}"] for place, source in enumerate(sources)]


@dataclass(frozen=True)
class Idle(RuleMaker):
    """Makes nothing."""

    name: ClassVar[str] = "idle"
    title: ClassVar[str] = "Idle"
    paper: ClassVar[str] = "none"
    languages: ClassVar[str] = "any"

    def one(self, source: Source, written: Written, rng: random.Random, number: int) -> str | None:
        return None


@pytest.mark.parametrize(
    ("maker", "check"),
    [
        (Echo(), "variants_differ_from_their_text_and_from_each_other"),
        (Placed(), "company_and_number_of_copies_change_nothing"),
        (Placed(), "every_text_is_told"),
        (Idle(), "refused_texts_get_nothing"),
    ],
)
def test_a_broken_promise_is_found(maker: Maker, check: str) -> None:
    (found,) = [one for one in maker_checks(maker) if one.name == check]
    with pytest.raises(AssertionError):
        found()
