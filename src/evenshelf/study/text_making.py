"""Texts made out of the training texts of a study: made once, sifted, encoded, and told of.

What a maker learns from, and what judges its texts, are the texts of one fold: those of which it makes others. So what
is made of a fold is the same whichever other folds are tested, and no tested label is behind it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.augmentation import (
    Corpus,
    Distinct,
    LabelKept,
    Length,
    MadeCache,
    Near,
    diversity,
    make_texts,
    parse_maker,
)
from evenshelf.augmentation.gates import Gate
from evenshelf.augmentation.making import cpu_seconds
from evenshelf.encoders import Encoder, VectorCache
from evenshelf.remedies import Prior, Remedy, TextMaker, Variants
from evenshelf.study.text_judges import TextJudges
from evenshelf.tasks.label import LabelTask

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]
Tell = Callable[[float, float, str], None]
"""Called with what is done, how much there is in all (same unit), and a few words."""

TIMED = 64
"""Texts that are encoded to measure what it takes; the others may be in the cache."""
SHOWN = 6
"""Texts that are shown with what was made of them."""


@dataclass(frozen=True, eq=False)
class MadeExamples:
    """Texts that were made for a remedy.

    Attributes
    ----------
    source
        ``[m]`` example that each was made of, ascending.
    number
        ``[m]`` from 0, which of the texts that were made of it.
    given
        ``[m, d]`` what a learner is given of each.
    seconds
        CPU time of making and encoding them.
    facts
        What was made and refused, how varied it is, and some of it; JSON-able.
    """

    source: Codes
    number: Codes
    given: Floats
    seconds: float
    facts: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class TextMaking:
    """Makes texts for remedies that train on such.

    Attributes
    ----------
    task
        With texts, each with one label.
    encoder
        Of the study.
    cache
        Of vectors.
    reads
        What the learner reads of texts besides; see :attr:`evenshelf.learners.LearnerKind.reads`.
    made
        Where made texts are kept.
    """

    task: LabelTask
    encoder: Encoder
    cache: VectorCache
    reads: Callable[[Sequence[str]], Floats] | None = None
    made: MadeCache = field(default_factory=MadeCache)

    def unfit(self, maker: TextMaker) -> str | None:
        """Why nothing could be made of the texts of the task, or ``None``."""
        assert self.task.texts is not None
        parsed = parse_maker(maker.maker)
        if parsed.needs_context:
            return f"the maker {parsed.name} needs descriptions, and a study has titles alone"
        return parsed.lacking(self.task.texts)

    def __call__(
        self,
        maker: TextMaker,
        settings: Sequence[Remedy],
        fold: NDArray[np.integer],
        seed: int,
        tell: Tell | None = None,
    ) -> MadeExamples:
        """Make texts out of those of each fold.

        Parameters
        ----------
        maker
            What makes them.
        settings
            The remedies that are to pick from them: no more is made than they could pick.
        fold
            ``[n]`` of each example; texts of a fold are made from that fold alone.
        seed
            Of all randomness.
        """
        task = self.task
        assert task.texts is not None
        parsed = parse_maker(maker.maker)
        key = np.stack([fold.astype(np.int64), task.same, task.target], axis=1)
        _, first = np.unique(key, axis=0, return_index=True)
        first = np.sort(first)
        copies = copies_by_class(settings, task.target[first], task.counts, maker.copies)
        told = _Told(tell, len(first), maker.maker)
        found: list[tuple[int, int, str]] = []
        untreated: Counter[str] = Counter()
        refused: Counter[str] = Counter()
        seconds = 0.0
        for number in np.unique(fold[first]):
            rows = first[fold[first] == number]
            began = cpu_seconds()
            learned = parsed.learned(self._corpus(rows))
            judges = self._judges(rows, seed) if maker.checked else None
            seconds += cpu_seconds() - began
            taken: list[str] = []
            for count in np.unique(copies[copies > 0]):
                asked = rows[copies[task.target[rows]] == count]
                if not len(asked):
                    continue
                made = make_texts(
                    learned,
                    [task.texts[i] for i in asked],
                    copies=int(count),
                    seed=seed,
                    labels=[task.classes[c] for c in task.target[asked]],
                    gates=list(self._gates(maker, rows, asked, judges, taken)),
                    cache=self.made,
                    tell=told,
                )
                seconds += made.seconds
                untreated.update(made.untreated)
                refused.update(made.refused)
                taken += [text for texts in made.texts for text in texts]
                found += [
                    (int(example), place, text)
                    for example, texts in zip(asked, made.texts, strict=True)
                    for place, text in enumerate(texts)
                ]
            told(int((copies[task.target[rows]] == 0).sum()))
        found.sort()
        texts = [text for _, _, text in found]
        seconds += self._seconds_to_encode(texts) * (len(texts) + refused.total()) / max(len(texts), 1)
        given = self.cache.encode(self.encoder, texts)
        if self.reads is not None:
            given = np.hstack([given, self.reads(texts)]) if texts else np.empty((0, self._width), np.float32)
        facts = {
            "maker": maker.maker,
            "fingerprint": parsed.fingerprint,
            "copies": maker.copies,
            "texts": len(texts),
            "sources": len({example for example, _, _ in found}),
            "untreated": dict(sorted(untreated.items())),
            "refused": dict(sorted(refused.items())),
            "seconds": round(seconds, 3),
            **self._shown(found),
        }
        source = np.array([example for example, _, _ in found], np.int64)
        places = np.array([place for _, place, _ in found], np.int64)
        return MadeExamples(source, places, np.asarray(given, np.float32), seconds, facts)

    @property
    def _width(self) -> int:
        more = 0 if self.reads is None else self.reads(["a"]).shape[1]
        return self.encoder.dimension + more

    def _corpus(self, rows: Codes) -> Corpus:
        """Texts of some examples, with their classes. Traits are what a study learns nothing from."""
        task = self.task
        assert task.texts is not None
        return Corpus.of([task.texts[i] for i in rows], [task.classes[c] for c in task.target[rows]])

    def _judges(self, rows: Codes, seed: int) -> TextJudges | None:
        task = self.task
        assert task.texts is not None
        vectors = self.cache.encode(self.encoder, [task.texts[i] for i in rows])
        return TextJudges.of(vectors, task.target[rows], task.group[rows], len(task.classes), seed)

    def _gates(
        self, maker: TextMaker, rows: Codes, asked: Codes, judges: TextJudges | None, taken: Sequence[str]
    ) -> Iterator[Gate]:
        """What is made of those asked for has to pass these, in order.

        Parameters
        ----------
        rows, asked
            Examples of a fold, ascending, and some of them.
        taken
            What was made of others of the fold: the same text must not be of two classes.
        """
        task = self.task
        assert task.texts is not None
        yield Distinct.beside([*(task.texts[i] for i in rows), *taken])
        yield Length()
        if maker.near > -1.0:
            yield Near(self.encoder, low=maker.near, cache=self.cache)
        if judges is not None:
            encode = partial(self.cache.encode, self.encoder)
            yield LabelKept(judges.of_some(encode, np.searchsorted(rows, asked)), task.classes)

    def _seconds_to_encode(self, texts: Sequence[str]) -> float:
        """CPU time that it takes to encode texts, from some of them."""
        some = list(texts[:: max(len(texts) // TIMED, 1)])[:TIMED]
        if not some:
            return 0.0
        began = cpu_seconds()
        self.encoder.encode(some)
        if self.reads is not None:
            self.reads(some)
        return (cpu_seconds() - began) * len(texts) / len(some)

    def _shown(self, found: Sequence[tuple[int, int, str]]) -> dict[str, Any]:
        """How varied made texts are, and some of the rarest classes."""
        task = self.task
        assert task.texts is not None
        of: dict[int, list[str]] = {}
        for example, _, text in found:
            of.setdefault(example, []).append(text)
        sources = list(of)
        texts = [task.texts[i] for i in sources]
        labels = [task.classes[task.target[i]] for i in sources]
        rarest = sorted(sources, key=lambda i: (task.counts[task.target[i]], i))
        seen: set[int] = set()
        shown: list[dict[str, Any]] = []
        for i in rarest:
            if task.target[i] not in seen and len(shown) < SHOWN:
                seen.add(int(task.target[i]))
                shown.append({"class": task.classes[task.target[i]], "text": task.texts[i], "made": of[i][:2]})
        if not sources:
            return {"diversity": None, "shown": []}
        measured = diversity(texts, list(of.values()), labels=labels, encoder=self.encoder, cache=self.cache)
        return {"diversity": measured.as_json(), "shown": shown}


def makers_of(remedies: Sequence[Remedy], budget: int) -> dict[TextMaker, list[Remedy]]:
    """What makes texts for remedies, and the settings at which they pick from them; a budget of one is no setting."""
    found: dict[TextMaker, list[Remedy]] = {}
    for remedy in remedies:
        for setting in [remedy] if budget == 1 else remedy.settings:
            if (maker := setting.text_maker) is not None and maker.maker:
                found.setdefault(maker.made_alike, []).append(setting)
    return found


def check_maker(maker: TextMaker) -> None:
    """Raise before the work if texts cannot be made so.

    Raises
    ------
    SettingError, InputError, MissingExtraError
        See :func:`parse_maker`; if a program, a model or a package is missing.
    """
    parsed = parse_maker(maker.maker)
    if not parsed.learns:
        parsed.check_ready()


def copies_by_class(settings: Sequence[Remedy], target: Codes, counts: Codes, copies: int) -> Codes:
    """``[C]`` how many texts of each one of a class remedies could train on, with one to spare for what is refused."""
    classes, prior = len(counts), Prior(np.asarray(counts, np.int64))
    source = np.repeat(np.arange(len(target)), copies)
    every = Variants(source, np.tile(np.arange(copies), len(target)), target[source])
    needed = np.zeros(classes, np.int64)
    for remedy in settings:
        picked = remedy.pick(every, prior, np.random.default_rng(0))
        if picked is not None and len(picked):
            np.maximum.at(needed, every.target[picked], every.number[picked] + 2)
    return np.minimum(needed, copies)


class _Told:
    """Tells how many texts were looked at."""

    def __init__(self, tell: Tell | None, total: int, maker: str) -> None:
        self._tell, self._total, self._done, self._words = tell, total, 0, f"making texts: {maker}"

    def __call__(self, more: int) -> None:
        self._done += more
        if self._tell is not None:
            self._tell(self._done, self._total, self._words)
