"""What a query asks for: groups of words, and for each what an item may say instead."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from evenshelf.index.text.folding import fold_with_origins

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from evenshelf.index.synonyms import Phrase, Synonyms
    from evenshelf.index.text.analyzer import Analyzer, QueryWord
    from evenshelf.index.vocabulary import Vocabulary

AS_ASKED = "as asked"
_SYNONYM = 0.9
_CORRECTION = 0.8
_JOINED = 0.5
_PIECE = 1.0
_MOST_PAIRS = 0.6
_Change = tuple[int, int, str]


@dataclass(frozen=True)
class Alternative:
    """Tokens that an item must have to have what was asked.

    Attributes
    ----------
    tokens
        The tokens.
    weight
        What a match is worth, against the score that its tokens have by themselves.
    why
        :data:`AS_ASKED`, or of what it is a synonym or correction.
    least
        So many of the tokens are enough; None: all are needed.
    text
        The words, if they are others than those of the query.
    """

    tokens: tuple[str, ...]
    weight: float = 1.0
    why: str = AS_ASKED
    least: int | None = None
    text: str = ""


@dataclass(frozen=True)
class Group:
    """One or more words of the query that are found together.

    Attributes
    ----------
    text
        The words, folded.
    alternatives
        What an item may say.
    optional
        Whether an item need not have it: it counts for the order alone.
    correction
        What the word was taken for, because no item has it as it was typed.
    meant
        A much more frequent word that it may be a slip of, though some item has it.
    scored
        Whether it counts for the order. Words in scripts without spaces do not: their pieces do, which need not agree
        with anybody's idea of where a word ends (measured, decision 24).
    """

    text: str
    alternatives: tuple[Alternative, ...]
    optional: bool = False
    correction: str | None = None
    meant: str | None = None
    scored: bool = True


@dataclass(frozen=True)
class Understood:
    """A query as it was understood.

    Attributes
    ----------
    text
        As it was typed.
    folded
        As it was folded.
    groups
        Its groups of words; none for an empty query.
    """

    text: str
    folded: str
    groups: tuple[Group, ...]

    @property
    def in_pieces(self) -> bool:
        """Whether pieces of a script without spaces count for the order."""
        return any(not group.scored for group in self.groups)

    @property
    def needed(self) -> int:
        """How many groups are not optional."""
        return sum(not group.optional for group in self.groups)

    @property
    def searched(self) -> str:
        """The folded query with its corrections."""
        return _with(self.folded, self._changes(slips=False))

    @property
    def corrected(self) -> str | None:
        """The query as it was typed, with its corrections, if there are any."""
        return self._typed_with(self._changes(slips=False))

    @property
    def meant(self) -> str | None:
        """The query as it was typed, with the words that it may be slips of, if there are any."""
        slips = any(group.meant for group in self.groups)
        return self._typed_with(self._changes(slips=True)) if slips else None

    def _changes(self, *, slips: bool) -> list[_Change]:
        """Words that are replaced: from where to where in the folded query, and by what."""
        changes: list[_Change] = []
        at = 0
        for group in self.groups:
            start = self.folded.find(group.text, at)
            if start < 0:
                continue
            at = start + len(group.text)
            new = (group.meant if slips else None) or group.correction
            if new is not None:
                changes.append((start, at, new))
        return changes

    def _typed_with(self, changes: list[_Change]) -> str | None:
        if not changes:
            return None
        _, origins = fold_with_origins(self.text)
        return _with(self.text, [(origins[start], origins[end], new) for start, end, new in changes])


def understand(
    text: str,
    analyzer: Analyzer,
    *,
    frequency: Callable[[str], int],
    items: int,
    vocabulary: Vocabulary,
    synonyms: Synonyms,
    correcting: bool = True,
) -> Understood:
    """Take a query apart and say what may be meant.

    Parameters
    ----------
    text
        What was typed.
    analyzer
        The one that the items were indexed with.
    frequency
        In how many items a token stands.
    items
        How many items there are.
    vocabulary
        Words of the catalogue, for corrections of words that stand in no item.
    synonyms
        What the shop says means the same.
    correcting
        Whether words are corrected.
    """

    def rarity(tokens: tuple[str, ...]) -> float:
        frequent = min(map(frequency, tokens))
        return math.log1p((max(items, frequent) - frequent + 0.5) / (frequent + 0.5))

    def alike(text: str, asked: Phrase, phrases: tuple[Phrase, ...]) -> tuple[Alternative, ...]:
        # Each is worth what the one that was asked for would be: its idf and not their own. Otherwise a rare synonym
        # would count more than the word that was typed (as in Lucene's SynonymQuery).
        return tuple(
            Alternative(
                phrase,
                _SYNONYM * rarity(asked) / max(rarity(phrase), 1e-6),
                f"synonym of {text}",
                text=synonyms.written[phrase],
            )
            for phrase in phrases
        )

    analyzed = analyzer.query(text)
    groups: list[Group] = []
    at = 0
    while at < len(analyzed.words):
        length, phrases = synonyms.at(analyzed.words, at)
        if length > 1:
            said = analyzed.words[at : at + length]
            own = Alternative(tuple(token for word in said for token in _tokens(word)))
            groups.append(Group(_text(said), (own, *alike(_text(said), own.tokens, phrases))))
            at += length
            continue
        group = _group(analyzed.words[at])
        groups.append(
            replace(
                group,
                alternatives=(
                    *group.alternatives,
                    *alike(group.text, _tokens(analyzed.words[at]), phrases),
                ),
            )
        )
        at += 1
    if correcting:
        groups = [_corrected(group, frequency, vocabulary, analyzer) for group in groups]
    if groups and all(group.optional for group in groups):
        # Stop words alone are what was asked for, then.
        groups = [replace(group, optional=False) for group in groups]
    joined = (Group(token, (Alternative((token,), _JOINED),), optional=True) for token in analyzed.joined)
    pieces = (Group(token, (Alternative((token,), _PIECE),), optional=True) for token in analyzed.pieces)
    return Understood(text=text, folded=analyzed.folded, groups=(*groups, *joined, *pieces))


def _group(word: QueryWord) -> Group:
    ways = tuple(
        # Of a word in a script without spaces most pairs of characters are enough: who knows where it ends.
        Alternative(way, least=max(1, math.ceil(_MOST_PAIRS * len(way))) if word.in_run and len(way) > 1 else None)
        for way in word.ways
    )
    return Group(word.text, ways, optional=word.stop, scored=not word.in_run)


def _tokens(word: QueryWord) -> tuple[str, ...]:
    return word.ways[0]


def _text(words: tuple[QueryWord, ...]) -> str:
    return " ".join(word.text for word in words)


def _corrected(group: Group, frequency: Callable[[str], int], vocabulary: Vocabulary, analyzer: Analyzer) -> Group:
    if group.optional:
        return group
    if any(all(frequency(token) for token in a.tokens) for a in group.alternatives):
        return replace(group, meant=vocabulary.slip_of(group.text))
    found = vocabulary.corrections(group.text)
    if not found:
        return group
    corrections = (
        Alternative(tuple(analyzer.tokens(word)[-1:]), _CORRECTION, f"correction of {group.text}", text=word)
        for word in found
    )
    return replace(group, alternatives=(*group.alternatives, *corrections), correction=found[0])


def _with(text: str, changes: Sequence[_Change]) -> str:
    """A text with parts of it replaced."""
    for start, end, new in reversed(changes):
        text = text[:start] + new + text[end:]
    return text
