"""Titles that a language model writes after a few titles of the same class."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import ClassVar, Self

from evenshelf.augmentation.base import Draw, DrawingMaker
from evenshelf.augmentation.registry import register
from evenshelf.augmentation.scripts import is_chinese
from evenshelf.augmentation.sources import Corpus
from evenshelf.augmentation.transformer import CAUSAL, Drawing, opened, write
from evenshelf.encoders.base import fingerprint_of
from evenshelf.parameters import check_range
from evenshelf.shop.label_words import label_names

KEPT = 64
"""Titles that are kept of each class, evenly spread."""


@dataclass(frozen=True, eq=False)
class Examples:
    """Titles of each class.

    Attributes
    ----------
    titles
        By class, different ones in the order of the corpus.
    """

    titles: Mapping[str, tuple[str, ...]]

    @cached_property
    def digest(self) -> str:
        """See :class:`~evenshelf.augmentation.base.Known`."""
        return fingerprint_of(repr(sorted(self.titles.items())))

    @classmethod
    def of(cls, corpus: Corpus) -> Examples:
        """Take up to :data:`KEPT` titles of each class."""
        found: dict[str, dict[str, None]] = {}
        for text, label in zip(corpus.texts, corpus.label_of, strict=True):
            if label is not None and text.strip():
                found.setdefault(label, {})[" ".join(text.split())] = None
        return cls({label: tuple(own)[:: -(-len(own) // KEPT)] for label, own in found.items()})


@register
@dataclass(frozen=True)
class Generated(DrawingMaker):
    """Has a causal language model go on with a list: the name of the class, some titles of it, the text itself.

    Parameters
    ----------
    model
        By name or folder, or a file of llama.cpp (``.gguf``).
    shots
        Titles of the class before the text, >= 0.
    temperature, top_p
        In [0, 2] and (0, 1], of what is drawn.
    longest
        Tokens of a title, at most.
    """

    known: Examples | None = field(default=None, repr=False, kw_only=True)
    model: str = ""
    shots: int = 5
    temperature: float = 0.9
    top_p: float = 0.95
    longest: int = 40

    name: ClassVar[str] = "generated"
    title: ClassVar[str] = "Titles of a language model"
    paper: ClassVar[str] = "Kumar et al., LifeLongNLP 2020; Yoo et al., EMNLP Findings 2021"
    languages: ClassVar[str] = "those of the model, Chinese among them"
    learns: ClassVar[bool] = True
    needs_labels: ClassVar[bool] = True
    chunk: ClassVar[int] = 64

    def __post_init__(self) -> None:
        check_range("shots", self.shots, 0, whole=True)
        check_range("temperature", self.temperature, 0.0, 2.0)
        check_range("top_p", self.top_p, 1e-6, 1.0)
        check_range("longest", self.longest, 1, whole=True)

    def learned(self, corpus: Corpus) -> Self:
        """See :meth:`Maker.learned`."""
        corpus.need_labels(self.spec)
        return replace(self, known=Examples.of(corpus))

    def read_from(self) -> tuple[str, ...]:
        """See :meth:`Maker.read_from`."""
        return (opened(self.model, CAUSAL, self.name).digest,)

    def check_ready(self) -> None:
        """See :meth:`Maker.check_ready`."""
        super().check_ready()
        opened(self.model, CAUSAL, self.name)

    def drawn(self, asked: Sequence[Draw]) -> list[str]:
        """See :meth:`DrawingMaker.drawn`."""
        model = opened(self.model, CAUSAL, self.name)
        drawing = Drawing(self.temperature, top_p=self.top_p)
        prompts, rngs = [self.prompt(one) for one in asked], [one.rng for one in asked]
        written = write(model, prompts, rngs, drawing, longest=self.longest, one_line=True)
        return [text.removeprefix("-").strip() for text in written]

    def prompt(self, asked: Draw) -> str:
        """Return what the model is given for a text."""
        assert self.known is not None
        label = asked.source.label or ""
        titles = [title for title in self.known.titles.get(label, ()) if title != asked.source.text]
        shown = [*asked.rng.sample(titles, min(self.shots, len(titles))), " ".join(asked.source.text.split())]
        name = " / ".join(label_names(label))
        head = f"商品标题（{name}）：" if is_chinese(asked.source.text) else f"Shop titles of the kind {name}:"
        return "\n".join([head, *(f"- {title}" for title in shown), "-"])
