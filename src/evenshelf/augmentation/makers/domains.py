"""The same thing as it is said elsewhere: in a search, in a review, in an advertisement."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

from evenshelf.augmentation.base import Draw, DrawingMaker
from evenshelf.augmentation.phrases import DOMAINS, Frequencies, as_advertisement, as_query, as_review, as_title
from evenshelf.augmentation.registry import register
from evenshelf.augmentation.scripts import is_chinese, language_spoken
from evenshelf.augmentation.sources import Corpus, Source
from evenshelf.augmentation.transformer import CAUSAL, Drawing, opened, write
from evenshelf.augmentation.written import Written
from evenshelf.errors import SettingError, near

_SHOWN = {
    "query": (
        ("Title", "Search", "Nike Men Air Max Running Shoes Black", "nike running shoes men"),
        ("标题", "搜索词", "苏泊尔家用不粘炒锅32cm电磁炉通用", "不粘炒锅"),
    ),
    "review": (
        ("Title", "Review", "Fossil Women Leather Wallet Brown", "lovely soft wallet, just the right size"),
        ("标题", "评价", "苏泊尔家用不粘炒锅32cm电磁炉通用", "锅很好用，一点都不粘"),
    ),
    "advertisement": (
        ("Title", "Advertisement", "Fossil Women Leather Wallet Brown", "Carry less, in style: the Fossil wallet"),
        ("标题", "广告语", "苏泊尔家用不粘炒锅32cm电磁炉通用", "轻松下厨，苏泊尔不粘炒锅"),
    ),
    "title": (
        ("Search", "Title", "nike running shoes men", "Nike Men Air Max Running Shoes Black"),
        ("搜索词", "标题", "不粘炒锅", "苏泊尔家用不粘炒锅32cm电磁炉通用"),
    ),
}
"""What a model is shown before the text: names of both sides and an example, in English and in Chinese."""


@register
@dataclass(frozen=True)
class Domains(DrawingMaker):
    """Says a title as a query, a phrase of a review or an advertisement, or one of these as a title.

    Parameters
    ----------
    to
        ``query``, ``review``, ``advertisement`` or ``title``.
    model
        A causal language model by name or folder; without one rules are followed.
    """

    known: Frequencies | None = field(default=None, repr=False, kw_only=True)
    to: str = "query"
    model: str = ""

    name: ClassVar[str] = "domains"
    title: ClassVar[str] = "The words of another domain"
    paper: ClassVar[str] = "after Nogueira et al., arXiv 1904.08375, 2019; Bonifacio et al., SIGIR 2022"
    languages: ClassVar[str] = "English and Chinese; queries by rules in any"
    learns: ClassVar[bool] = True

    def __post_init__(self) -> None:
        if self.to not in DOMAINS:
            raise SettingError(f"to={self.to!r} is none of {', '.join(DOMAINS)}{near(self.to, DOMAINS)}.")

    def learned(self, corpus: Corpus) -> Self:
        """See :meth:`Maker.learned`."""
        return replace(self, known=Frequencies.of(corpus))

    def read_from(self) -> tuple[str, ...]:
        """See :meth:`Maker.read_from`."""
        return (opened(self.model, CAUSAL, self.name).digest,) if self.model else ()

    def check_ready(self) -> None:
        """See :meth:`Maker.check_ready`."""
        super().check_ready()
        if self.model:
            opened(self.model, CAUSAL, self.name)

    def lacking(self, texts: Sequence[str]) -> str | None:
        """See :meth:`Maker.lacking`."""
        if self.to == "query" and not self.model:
            return None
        found = language_spoken([text for text in texts if not is_chinese(text)])
        return None if found in (None, "english") else f"its phrases are English and Chinese, and the texts are {found}"

    def refusal(self, source: Source) -> str | None:
        """See :meth:`Maker.refusal`."""
        reason = super().refusal(source)
        return reason or (None if Written.of(source.text).words else "it has no word")

    def drawn(self, asked: Sequence[Draw]) -> list[str]:
        """See :meth:`DrawingMaker.drawn`."""
        if not self.model:
            return [self._by_rules(one) for one in asked]
        model = opened(self.model, CAUSAL, self.name)
        prompts, rngs = [self._prompt(one.source.text) for one in asked], [one.rng for one in asked]
        return write(model, prompts, rngs, Drawing(0.9), longest=40, one_line=True)

    def _by_rules(self, asked: Draw) -> str:
        assert self.known is not None
        text = asked.source.text
        if self.to == "query":
            return as_query(text, self.known, asked.rng)
        if self.to == "review":
            return as_review(text, self.known, asked.rng)
        if self.to == "advertisement":
            return as_advertisement(text, asked.rng)
        return as_title(text, asked.rng, asked.number)

    def _prompt(self, text: str) -> str:
        said, wanted, example, answer = _SHOWN[self.to][is_chinese(text)]
        return f"{said}: {example}\n{wanted}: {answer}\n\n{said}: {' '.join(text.split())}\n{wanted}:"
