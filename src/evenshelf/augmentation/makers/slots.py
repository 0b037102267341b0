"""The same kind of thing with other attributes: another brand, colour, size or number."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import ClassVar, Self

from evenshelf.augmentation.base import RuleMaker
from evenshelf.augmentation.registry import register
from evenshelf.augmentation.slot_values import Slot, SlotValues, slot_values_of
from evenshelf.augmentation.sources import Corpus, Source
from evenshelf.augmentation.written import Written, in_case, same_key
from evenshelf.parameters import check_range


@register
@dataclass(frozen=True)
class Slots(RuleMaker):
    """Puts other values into the slots of a title, such as that of the colour, or two of them in each other's place.

    A value is replaced by another one that titles of the same class have in that slot; words of the label stay.

    Parameters
    ----------
    share
        In (0, 1]: the share of the slots that get another value, at least one.
    swap
        In [0, 1]: how often two values change places instead, where there are two.
    """

    known: SlotValues | None = field(default=None, repr=False, kw_only=True)
    share: float = 0.5
    swap: float = 0.2

    name: ClassVar[str] = "slots"
    title: ClassVar[str] = "Other attributes"
    paper: ClassVar[str] = (
        "after Raiman & Miller, EMNLP 2017 (type swaps); Dai & Adel, COLING 2020 (mention replacement)"
    )
    languages: ClassVar[str] = (
        "any with columns of attributes; colours in English, Chinese, Spanish, French and German are known without"
    )
    learns: ClassVar[bool] = True
    needs_labels: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_range("share", self.share, 1e-6, 1.0)
        check_range("swap", self.swap, 0.0, 1.0)

    def learned(self, corpus: Corpus) -> Self:
        """See :meth:`Maker.learned`."""
        corpus.need_labels(self.spec)
        return replace(self, known=slot_values_of(corpus))

    def refusal(self, source: Source) -> str | None:
        """See :meth:`Maker.refusal`."""
        reason = super().refusal(source)
        if reason is not None or self.known is None:
            return reason
        found = self._found(source, Written.of(source.text))
        return None if len(found) > 1 or any(others for _, others in found) else "no attribute was found in it"

    def _found(self, source: Source, written: Written) -> list[tuple[Slot, list[str]]]:
        """Slots of a title, each with the values that it may have instead."""
        assert self.known is not None
        found = []
        for slot in self.known.slots(written.words, source.label):
            own = same_key(_text_of(written, slot))
            values = self.known.values.get((slot.name, source.label or ""), ())
            found.append((slot, [value for value in values if same_key(value) != own]))
        return found

    def one(self, source: Source, written: Written, rng: random.Random, number: int) -> str | None:
        """See :meth:`RuleMaker.one`."""
        found = self._found(source, written)
        open_slots = [(slot, others) for slot, others in found if others]
        if len(found) > 1 and (not open_slots or rng.random() < self.swap):
            first, second = rng.sample([slot for slot, _ in found], 2)
            return _filled(written, [(first, _text_of(written, second)), (second, _text_of(written, first))])
        if not open_slots:
            return None
        changed = rng.sample(open_slots, max(1, round(self.share * len(open_slots))))
        return _filled(
            written, [(slot, in_case(rng.choice(others), _text_of(written, slot))) for slot, others in changed]
        )


def _text_of(written: Written, slot: Slot) -> str:
    part = written.words[slot.start : slot.stop]
    return "".join(word.text + word.after for word in part[:-1]) + part[-1].text


def _filled(written: Written, values: Sequence[tuple[Slot, str]]) -> str:
    words = list(written.words)
    for slot, text in values:
        words[slot.start] = replace(words[slot.start], text=text, after=words[slot.stop - 1].after)
    gone = {place for slot, _ in values for place in range(slot.start + 1, slot.stop)}
    return replace(written, words=tuple(word for place, word in enumerate(words) if place not in gone)).text
