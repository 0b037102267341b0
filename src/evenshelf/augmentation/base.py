"""What a maker of texts is: a text in, others like it out, the same ones every time."""

from __future__ import annotations

import dataclasses
import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from hashlib import blake2b
from typing import Any, ClassVar, Protocol, Self

from evenshelf.augmentation.sources import Corpus, Source, sources_of
from evenshelf.augmentation.written import Written, same_key
from evenshelf.encoders.base import fingerprint_of
from evenshelf.errors import InputError
from evenshelf.parameters import check_range, literal

Tell = Callable[[int], None]
"""Is told how many texts were finished since its last call."""

TRIES = 8
"""How often a copy is tried before a text counts as exhausted."""
MISSES = 3
"""After so many drawn texts one after another that are nothing new it counts as exhausted as well."""


class Known(Protocol):
    """What a maker has learned."""

    @property
    def digest(self) -> str:
        """Hex digest of all of it."""


@dataclass(frozen=True)
class Maker(ABC):
    """Makes texts out of texts.

    A frozen value whose fields are its parameters, and :attr:`known`, what it has learned. The variants of a text
    depend on the text, on its label and context where those are read, on the seed, and on what was learned: not on the
    other texts of the call, nor on how many copies are asked for (the first two of five are those of two).

    Attributes
    ----------
    known
        What :meth:`learned` found; ``None`` before.
    """

    known: Known | None = field(default=None, repr=False, kw_only=True)

    name: ClassVar[str]
    """What a spec string calls it."""
    title: ClassVar[str]
    """How a sentence calls it."""
    paper: ClassVar[str]
    """Where it comes from."""
    languages: ClassVar[str]
    """Which languages it can do, in words."""
    learns: ClassVar[bool] = False
    """Whether it has to learn from a corpus first."""
    reads_labels: ClassVar[bool] = False
    """Whether labels of the texts change what it makes."""
    needs_labels: ClassVar[bool] = False
    """Whether it makes nothing of a text without a label."""
    needs_context: ClassVar[bool] = False
    """Whether it makes nothing of a text without a description."""
    incidental: ClassVar[tuple[str, ...]] = ()
    """Parameters that change nothing of what is made, such as where a record is kept."""
    revision: ClassVar[int] = 1
    """Raised when the same settings give other texts."""
    chunk: ClassVar[int] = 2000
    """How many texts a caller that saves its progress should hand over at once."""

    @property
    def spec(self) -> str:
        """The spec string that parses to an equal maker that has learned nothing. Defaults are left out."""
        values = [
            f"{name}={literal(getattr(self, name), default)}"
            for name, default in settings_of(type(self)).items()
            if getattr(self, name) != default
        ]
        return f"{self.name}({', '.join(values)})" if values else self.name

    def __str__(self) -> str:
        return self.spec

    @cached_property
    def fingerprint(self) -> str:
        """Hex digest of all that decides what is made of a text, but the seed."""
        names = [name for name in settings_of(type(self)) if name not in self.incidental]
        settings = [f"{name}={getattr(self, name)!r}" for name in names]
        known = "" if self.known is None else self.known.digest
        return fingerprint_of(self.name, str(self.revision), *settings, known, *self.read_from())

    def read_from(self) -> tuple[str, ...]:
        """Digests of what the parameters only name, such as files, models and programs."""
        return ()

    def learned(self, corpus: Corpus) -> Self:
        """Return this maker with what it has to know of the texts that it will be used beside.

        Parameters
        ----------
        corpus
            Training texts, and no others: what is learned from tested ones leaks into what is made.

        Raises
        ------
        InputError
            If the corpus lacks what has to be learned from.
        """
        return self

    def lacking(self, texts: Sequence[str]) -> str | None:
        """Say why texts like these are not what this maker is for, such as their language; ``None`` if they are."""
        return None

    def refusal(self, source: Source) -> str | None:
        """Say why nothing is made of a text; ``None`` if something may be."""
        if self.needs_labels and source.label is None:
            return "it has no label"
        if self.needs_context and not (source.context or "").strip():
            return "it has no description"
        return None if source.text.strip() else "it is empty"

    def read_of(self, source: Source) -> Source:
        """Return what this maker reads of a source."""
        return Source(
            source.text,
            source.label if self.reads_labels or self.needs_labels else None,
            source.context if self.needs_context else None,
        )

    def check_ready(self) -> None:
        """Raise unless it can make texts now: it has learned, and what it runs is installed.

        Raises
        ------
        InputError
            If it has not learned, or a program or model is missing.
        MissingExtraError
            If a package is missing.
        """
        if self.learns and self.known is None:
            raise InputError(
                f"The maker {self.spec} has not learned from any texts yet.",
                hint="Take what maker.learned(Corpus.of(texts, ...)) returns, with the training texts.",
            )

    def variants(
        self,
        texts: Sequence[str],
        *,
        copies: int,
        seed: int,
        labels: Sequence[str | None] | None = None,
        context: Sequence[str | None] | None = None,
        tell: Tell | None = None,
    ) -> list[list[str]]:
        """Make other texts of each text.

        Parameters
        ----------
        texts
            ``n`` texts.
        copies
            How many at most are made of each, >= 1.
        seed
            Of all randomness.
        labels, context
            Of each text: its class, and its description.
        tell
            Called with the number of texts finished since the last call; the numbers add up to ``n``.

        Returns
        -------
        list of list of str
            For each text up to `copies` texts: none like the text itself or like each other (case, width and white
            space apart).

        Raises
        ------
        SettingError
            If `copies` or `seed` is out of range.
        InputError
            If something is not a text, lengths differ, or as :meth:`check_ready`.
        """
        return self.of_sources(sources_of(texts, labels, context), copies=copies, seed=seed, tell=tell)

    def of_sources(
        self, sources: Sequence[Source], *, copies: int, seed: int, tell: Tell | None = None
    ) -> list[list[str]]:
        """As :meth:`variants`, of sources; equal ones are done once."""
        check_range("copies", copies, 1, whole=True)
        check_range("seed", seed, 0, whole=True)
        self.check_ready()
        tell = tell or _silent
        read = [self.read_of(source) for source in sources]
        distinct = [source for source in dict.fromkeys(read) if self.refusal(source) is None]
        tell(len(sources) - len(distinct))
        made = dict(zip(distinct, self._made(distinct, copies, seed, tell), strict=True)) if distinct else {}
        return [list(made.get(source, ())) for source in read]

    @abstractmethod
    def _made(self, sources: Sequence[Source], copies: int, seed: int, tell: Tell) -> list[list[str]]:
        """Make variants of distinct sources, none of which is refused (at least one)."""


@dataclass(frozen=True)
class RuleMaker(Maker):
    """A maker that changes one text at a time by rules."""

    @abstractmethod
    def one(self, source: Source, written: Written, rng: random.Random, number: int) -> str | None:
        """Make one text; ``None`` if nothing can be made of it.

        Parameters
        ----------
        source
            The text.
        written
            Its words.
        rng
            Source of all randomness.
        number
            How many variants of the text there are already.
        """

    def _made(self, sources: Sequence[Source], copies: int, seed: int, tell: Tell) -> list[list[str]]:
        made = []
        for source in sources:
            written, rng = Written.of(source.text), stream(self.name, source, seed)
            fresh = Fresh(source.text)
            while len(fresh.kept) < copies:
                before = len(fresh.kept)
                for _ in range(TRIES):
                    text = self.one(source, written, rng, before)
                    if text is None or fresh.add(text):
                        break
                if len(fresh.kept) == before:
                    break
            made.append(fresh.kept)
            tell(1)
        return made


@dataclass(frozen=True)
class DrawingMaker(Maker):
    """A maker that draws texts from a model, many at once."""

    @abstractmethod
    def drawn(self, asked: Sequence[Draw]) -> list[str]:
        """Draw one text for each of those asked for; an empty one where nothing came of it."""

    def draw(self, source: Source, number: int, seed: int) -> Draw:
        """Return what is asked for when a source's text of that number is drawn."""
        return Draw(source, number, stream(self.name, source, seed, number))

    def _made(self, sources: Sequence[Source], copies: int, seed: int, tell: Tell) -> list[list[str]]:
        fresh = [Fresh(source.text) for source in sources]
        drawn, missed = [0] * len(sources), [0] * len(sources)
        left = list(range(len(sources)))
        while left:
            rows = [row for row in left for _ in range(copies - len(fresh[row].kept))]
            asked = []
            for row in rows:
                asked.append(self.draw(sources[row], drawn[row], seed))
                drawn[row] += 1
            for row, text in zip(rows, self.drawn(asked), strict=True):
                # What comes after the last miss is not looked at: it would not have been drawn for fewer copies.
                if missed[row] < MISSES:
                    missed[row] = 0 if fresh[row].add(text) else missed[row] + 1
            still = [row for row in left if missed[row] < MISSES and len(fresh[row].kept) < copies]
            tell(len(left) - len(still))
            left = still
        return [own.kept for own in fresh]


@dataclass(frozen=True)
class Draw:
    """A text that is asked for.

    Attributes
    ----------
    source
        What it is made of.
    number
        How many were drawn of that before.
    rng
        Source of all randomness of this one.
    """

    source: Source
    number: int
    rng: random.Random


class Fresh:
    """Variants of a text that are like neither it nor each other.

    Parameters
    ----------
    text
        The text.

    Attributes
    ----------
    kept
        Variants in the order in which they came.
    """

    def __init__(self, text: str) -> None:
        self._seen = {same_key(text), ""}
        self.kept: list[str] = []

    def add(self, text: str) -> bool:
        """Keep a text if it is new, and say whether it was."""
        key = same_key(text)
        if key in self._seen:
            return False
        self._seen.add(key)
        self.kept.append(text)
        return True


def settings_of(kind: type[Maker]) -> dict[str, Any]:
    """Defaults of the parameters of a maker, by name; what it has learned is none."""
    return {f.name: f.default for f in dataclasses.fields(kind) if f.name != "known"}


def stream(name: str, source: Source, seed: int, copy: int = 0) -> random.Random:
    """Random numbers that belong to a text, whatever else is in the call."""
    parts = (name, source.text, source.label, source.context, seed, copy)
    return random.Random(int.from_bytes(blake2b(repr(parts).encode(), digest_size=16).digest()))  # noqa: S311 - no secret


def _silent(_: int) -> None:
    return None
