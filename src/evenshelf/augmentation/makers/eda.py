"""Easy data augmentation: a few words replaced, inserted, swapped or left out."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

from evenshelf.augmentation.base import RuleMaker
from evenshelf.augmentation.registry import register
from evenshelf.augmentation.sources import Corpus, Source
from evenshelf.augmentation.substitutes import Substitutes, substitutes_of
from evenshelf.augmentation.written import Written, as_word, in_case
from evenshelf.errors import SettingError, near
from evenshelf.parameters import check_range

OPERATIONS = ("replace", "insert", "swap", "delete")


@register
@dataclass(frozen=True)
class Eda(RuleMaker):
    """Changes a share of the words by one of four operations, each variant by the next.

    Words are replaced by, or get beside them, words that stand in the same places of other titles, in the same class
    if labels are known, and what a file of synonyms says. An operation that a text has no room for gives way to
    the next.

    Parameters
    ----------
    rate
        In (0, 1]: the share of the words that is changed, at least one.
    operations
        Some of ``replace, insert, swap, delete``, in the order in which variants take them.
    synonyms
        Path of a file of synonyms, as search reads it.
    """

    known: Substitutes | None = field(default=None, repr=False, kw_only=True)
    rate: float = 0.1
    operations: str = "replace, insert, swap, delete"
    synonyms: str = ""

    name: ClassVar[str] = "eda"
    title: ClassVar[str] = "Easy data augmentation"
    paper: ClassVar[str] = "Wei & Zou, EMNLP 2019"
    languages: ClassVar[str] = "any; Chinese by the words of jieba, other scripts without spaces by runs of one script"
    learns: ClassVar[bool] = True
    reads_labels: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_range("rate", self.rate, 1e-6, 1.0)
        for operation in self._chosen or ("",):
            if operation not in OPERATIONS:
                raise SettingError(
                    f"operations={self.operations!r}: there is no {operation!r}{near(operation, OPERATIONS)}.",
                    hint=f"There are: {', '.join(OPERATIONS)}.",
                )

    @property
    def _chosen(self) -> tuple[str, ...]:
        return tuple(part.strip() for part in self.operations.split(",") if part.strip())

    def learned(self, corpus: Corpus) -> Self:
        """See :meth:`Maker.learned`."""
        return replace(self, known=substitutes_of(corpus, self.synonyms))

    def refusal(self, source: Source) -> str | None:
        """See :meth:`Maker.refusal`."""
        reason = super().refusal(source)
        return reason or (None if len(Written.of(source.text).words) > 1 else "it has fewer than two words")

    def one(self, source: Source, written: Written, rng: random.Random, number: int) -> str | None:
        """See :meth:`RuleMaker.one`."""
        changes = max(1, round(self.rate * len(written.words)))
        chosen = self._chosen
        for turn in range(len(chosen)):
            text = _DOES[chosen[(number + turn) % len(chosen)]](self, source, written, rng, changes)
            if text is not None and text != source.text:
                return text
        return None

    def _others(self, written: Written, label: str | None) -> dict[int, list[str]]:
        assert self.known is not None
        found = {i: self.known.of(word.key, label) for i, word in enumerate(written.words)}
        return {i: others for i, others in found.items() if others}

    def _replace(self, source: Source, written: Written, rng: random.Random, changes: int) -> str | None:
        others = self._others(written, source.label)
        for place in rng.sample(sorted(others), min(changes, len(others))):
            written = written.put(place, in_case(rng.choice(others[place]), written.words[place].text))
        return written.text if others else None

    def _insert(self, source: Source, written: Written, rng: random.Random, changes: int) -> str | None:
        others = self._others(written, source.label)
        if not others:
            return None
        for _ in range(changes):
            place = rng.choice(sorted(others))
            word = as_word(in_case(rng.choice(others[place]), Written.of(source.text).words[place].text))
            written = written.inserted(rng.randint(0, len(written.words)), word)
        return written.text

    def _swap(self, source: Source, written: Written, rng: random.Random, changes: int) -> str | None:
        for _ in range(changes):
            written = written.swapped(*rng.sample(range(len(written.words)), 2))
        return written.text

    def _delete(self, source: Source, written: Written, rng: random.Random, changes: int) -> str | None:
        gone = rng.sample(range(len(written.words)), min(changes, len(written.words) - 1))
        return written.without(gone).text


_DOES: dict[str, Callable[[Eda, Source, Written, random.Random, int], str | None]] = {
    "replace": Eda._replace,
    "insert": Eda._insert,
    "swap": Eda._swap,
    "delete": Eda._delete,
}
