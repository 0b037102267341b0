"""What a shop says means the same: a file of synonyms, one line each."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from evenshelf.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from evenshelf.index.text.analyzer import Analyzer, QueryWord

Phrase = tuple[str, ...]


@dataclass(frozen=True)
class Synonyms:
    """Phrases that may stand for phrases, as tokens.

    Attributes
    ----------
    phrases
        For each phrase what an item may say instead.
    longest
        Words of the longest phrase.
    written
        How each phrase was written.
    """

    phrases: Mapping[Phrase, tuple[Phrase, ...]] = field(default_factory=dict)
    longest: int = 0
    written: Mapping[Phrase, str] = field(default_factory=dict)

    def at(self, words: Sequence[QueryWord], start: int) -> tuple[int, tuple[Phrase, ...]]:
        """Return how many words from `start` on are a phrase (the longest that is known), and what may stand for it."""
        for length in range(min(self.longest, len(words) - start), 0, -1):
            phrase = tuple(word.whole for word in words[start : start + length])
            if phrase in self.phrases:
                return length, self.phrases[phrase]
        return 1, ()


def parse_synonyms(lines: Sequence[str], analyzer: Analyzer, *, source: str = "synonyms") -> Synonyms:
    """Read lines of synonyms.

    A line ``sofa, couch, settee`` says that each may stand for each; ``tv => television, telly`` that who asks for the
    first is shown the others as well, but not the other way round. Lines that begin with ``#`` are comments.

    Parameters
    ----------
    lines
        The lines.
    analyzer
        What makes tokens of them.
    source
        What they are called in errors.

    Raises
    ------
    InputError
        If a line says nothing; with the line.
    """
    found: dict[Phrase, list[Phrase]] = {}
    written: dict[Phrase, str] = {}
    for number, line in enumerate(lines, 1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        left, arrow, right = line.partition("=>")
        froms = _phrases(left, analyzer)
        tos = _phrases(right, analyzer) if arrow else froms
        for phrase, text in [*froms, *tos]:
            written.setdefault(phrase, text)
        if not froms or not tos or (not arrow and len(froms) < 2):
            raise InputError(
                f"{source}, line {number}: {line.strip()!r} names nothing that means the same.",
                hint="Write: sofa, couch - or, one way only: tv => television",
            )
        for phrase, _ in froms:
            others = found.setdefault(phrase, [])
            others += [other for other, _ in tos if other != phrase and other not in others]
    return Synonyms(
        phrases={phrase: tuple(others) for phrase, others in found.items()},
        longest=max(map(len, found), default=0),
        written=written,
    )


def _phrases(text: str, analyzer: Analyzer) -> list[tuple[Phrase, str]]:
    """Phrases as tokens, and as they are written."""
    parts = [part.strip() for part in text.replace("，", ",").split(",")]
    phrases = [(tuple(word.whole for word in analyzer.query(part).words), part) for part in parts]
    return [(phrase, part) for phrase, part in phrases if phrase]
