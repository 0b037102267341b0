"""The one way from a text to tokens, for items when they are indexed and for queries when they are asked."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING

from evenshelf.index.text.folding import fold
from evenshelf.index.text.languages import check_language, is_stop, stem
from evenshelf.index.text.scripts import in_katakana
from evenshelf.index.text.words import joined_code, pieces_of, tokens_of, words_of

if TYPE_CHECKING:
    from evenshelf.index.text.words import Word


@dataclass(frozen=True)
class QueryWord:
    """A word of a query and what an item may say instead.

    Attributes
    ----------
    text
        The word as it was folded.
    start, end
        Where it stands in the folded query.
    whole
        The token of the whole word.
    parts
        Tokens that all together say the same; only ``whole`` if there are none.
    stop
        Whether an item need not have it: a stop word or a particle.
    in_run
        Whether it is of a script without spaces.
    """

    text: str
    start: int
    end: int
    whole: str
    parts: tuple[str, ...]
    stop: bool = False
    in_run: bool = False

    @property
    def ways(self) -> tuple[tuple[str, ...], ...]:
        """Sets of tokens of which an item must have one set in full."""
        whole = (self.whole,)
        return (whole,) if self.parts == whole else (whole, self.parts)


@dataclass(frozen=True)
class AnalyzedQuery:
    """A query, taken apart.

    Attributes
    ----------
    folded
        Its text, folded.
    words
        Its words in order.
    joined
        Tokens of neighbours that may be one word: ``xps13`` for ``xps 13``.
    pieces
        Tokens of the characters, and pairs of them, of scripts without spaces.
    """

    folded: str
    words: tuple[QueryWord, ...]
    joined: tuple[str, ...]
    pieces: tuple[str, ...] = ()


@dataclass(frozen=True)
class Analyzer:
    """Folds, splits and stems.

    Parameters
    ----------
    language
        Whose stems are taken, see :data:`~evenshelf.index.text.languages.LANGUAGES`.

    Raises
    ------
    SettingError
        If the language is not known.
    """

    language: str = "english"

    def __post_init__(self) -> None:
        check_language(self.language)

    def tokens(self, text: str) -> list[str]:
        """Return the tokens of an item's text, in order; equal words give equal tokens wherever they stand."""
        return [self.token(token) for token in tokens_of(fold(text))]

    def token(self, word: str) -> str:
        """Return the token of a folded word: its stem; kana as katakana."""
        return stem(word, self.language) if word.isascii() else stem(in_katakana(word), self.language)

    def query(self, text: str) -> AnalyzedQuery:
        """Take a query apart."""
        folded = fold(text)
        words = words_of(folded)
        joined = [
            joined_code(a.whole, b.whole) if a.kind != "run" and b.start == a.end + 1 else None
            for a, b in pairwise(words)
        ]
        pieces = [self.token(piece) for piece in pieces_of(folded)]
        return AnalyzedQuery(
            folded=folded,
            words=tuple(self._query_word(folded, word) for word in words),
            joined=tuple(token for token in joined if token is not None),
            pieces=tuple(dict.fromkeys(pieces)),
        )

    def _query_word(self, folded: str, word: Word) -> QueryWord:
        return QueryWord(
            text=folded[word.start : word.end],
            start=word.start,
            end=word.end,
            whole=self.token(word.whole),
            parts=tuple(self.token(part) for part in word.parts),
            stop=word.particle or is_stop(word.whole, self.language),
            in_run=word.kind == "run",
        )
