"""Another view of the same thing: sentences of its description."""

from __future__ import annotations

import html
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar

from evenshelf.augmentation.base import Fresh, Maker, Tell, stream
from evenshelf.augmentation.registry import register
from evenshelf.augmentation.sources import Source
from evenshelf.augmentation.written import Written
from evenshelf.parameters import check_range

_BLOCK = re.compile(r"</?(?:p|li|ul|ol|br|div|h[1-6]|tr|td|th)\b[^<>]*>", re.I)
_TAG = re.compile(r"<[a-zA-Z/!][^<>]*>")
_END = re.compile(r"(?<=[.!?])\s+|(?<=[。！？；])|[\r\n]+|\s[•·▪●]\s*")


@register
@dataclass(frozen=True)
class Views(Maker):
    """Takes sentences of the description of a thing for other texts of it, in an order drawn for each.

    Parameters
    ----------
    fewest, most
        Words of a sentence: shorter ones are left out, longer ones are cut. 1 <= fewest <= most.
    """

    fewest: int = 3
    most: int = 30

    name: ClassVar[str] = "views"
    title: ClassVar[str] = "Sentences of the description"
    paper: ClassVar[str] = "after Giorgi et al., ACL 2021 (spans of one document as views of it)"
    languages: ClassVar[str] = "any whose sentences end with a full stop or a line"
    needs_context: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_range("fewest", self.fewest, 1, whole=True)
        check_range("most", self.most, self.fewest, whole=True)

    def refusal(self, source: Source) -> str | None:
        """See :meth:`Maker.refusal`."""
        reason = super().refusal(source)
        return reason or (None if self._sentences(source) else "its description has no sentence long enough")

    def _sentences(self, source: Source) -> list[str]:
        return sentences(source.context or "", self.fewest, self.most)

    def _made(self, sources: Sequence[Source], copies: int, seed: int, tell: Tell) -> list[list[str]]:
        made = []
        for source in sources:
            found, fresh = self._sentences(source), Fresh(source.text)
            for sentence in stream(self.name, source, seed).sample(found, len(found)):
                fresh.add(sentence)
            made.append(fresh.kept[:copies])
            tell(1)
        return made


def sentences(text: str, fewest: int, most: int) -> list[str]:
    """Split a text into its sentences; marks of HTML are taken out.

    Parameters
    ----------
    text
        Of a description.
    fewest, most
        Words: shorter sentences are left out, and longer ones cut.

    Examples
    --------
    >>> sentences("<p>Light running shoe.</p> Wow! Sole of soft rubber", 3, 30)
    ['Light running shoe.', 'Sole of soft rubber']
    """
    plain = html.unescape(_TAG.sub(" ", _BLOCK.sub("\n", text)))
    found = []
    for piece in _END.split(plain):
        written = Written.of(" ".join(piece.split()))
        if len(written.words) >= fewest:
            found.append(written.without(range(most, len(written.words))).text.strip())
    return found
