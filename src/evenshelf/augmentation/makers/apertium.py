"""Back-translation by rules: into another language and back, without a network or a model."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from evenshelf.augmentation.apertium_run import check_direction, direction_digest, translate
from evenshelf.augmentation.base import Fresh, Maker, Tell
from evenshelf.augmentation.registry import register
from evenshelf.augmentation.scripts import language_spoken, unspaced_share
from evenshelf.augmentation.sources import Source
from evenshelf.errors import SettingError

_CALLED = {
    "eng": "english",
    "en": "english",
    "spa": "spanish",
    "es": "spanish",
    "fra": "french",
    "fr": "french",
    "ita": "italian",
    "it": "italian",
    "por": "portuguese",
    "pt": "portuguese",
}
"""Languages whose stop words are known, by the names that Apertium has for them."""


@register
@dataclass(frozen=True)
class Apertium(Maker):
    """Translates a text into another language and back with Apertium, once for each language on the way.

    The same text comes back the same, so there are as many copies as languages named, at most. Words that Apertium does
    not know stay as they are, brands among them, and now and then it takes a brand for a word.

    Parameters
    ----------
    language
        Of the texts, as Apertium calls it.
    through
        Languages to translate through, separated by commas.
    """

    language: str = "eng"
    through: str = "spa"

    name: ClassVar[str] = "apertium"
    title: ClassVar[str] = "Back-translation by rules"
    paper: ClassVar[str] = "Sennrich et al., ACL 2016; Forcada et al., Machine Translation 25, 2011"
    chunk: ClassVar[int] = 500
    languages: ClassVar[str] = "what Apertium has pairs of: English, Spanish, French, Catalan and others; no Chinese"

    def __post_init__(self) -> None:
        names = [self.language, *self._pivots]
        if len(names) < 2 or not all(name.replace("_", "").isalnum() for name in names):
            raise SettingError(
                f"language={self.language!r}, through={self.through!r}: these are no names of languages.",
                hint="Write them as Apertium does, such as language='eng', through='spa, cat'.",
            )

    @property
    def _pivots(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(part.strip() for part in self.through.split(",") if part.strip()))

    @property
    def _directions(self) -> list[tuple[str, str]]:
        return [(f"{self.language}-{pivot}", f"{pivot}-{self.language}") for pivot in self._pivots]

    def read_from(self) -> tuple[str, ...]:
        """See :meth:`Maker.read_from`."""
        return tuple(direction_digest(direction) for both in self._directions for direction in both)

    def check_ready(self) -> None:
        """See :meth:`Maker.check_ready`."""
        for both in self._directions:
            for direction in both:
                check_direction(direction)

    def lacking(self, texts: Sequence[str]) -> str | None:
        """See :meth:`Maker.lacking`."""
        own = _CALLED.get(self.language)
        if sum(map(_unreadable, texts)) > len(texts) / 2:
            return f"it reads {own or self.language}, and most texts are in a script without spaces"
        found = language_spoken(texts)
        if own is not None and found is not None and found != own:
            return f"it reads {own}, and the texts are in {found}"
        return None

    def refusal(self, source: Source) -> str | None:
        """See :meth:`Maker.refusal`."""
        reason = super().refusal(source)
        return reason or ("it is in a script without spaces" if _unreadable(source.text) else None)

    def _made(self, sources: Sequence[Source], copies: int, seed: int, tell: Tell) -> list[list[str]]:
        texts = [source.text for source in sources]
        fresh = [Fresh(text) for text in texts]
        for there, back in self._directions:
            for own, text in zip(fresh, translate(translate(texts, there), back), strict=True):
                own.add(text)
        tell(len(sources))
        return [own.kept[:copies] for own in fresh]


def _unreadable(text: str) -> bool:
    return unspaced_share(text) > 0.5
