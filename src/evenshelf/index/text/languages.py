"""Languages with spaces between words: their stems, and the words that carry no meaning by themselves."""

from __future__ import annotations

from functools import cache, lru_cache
from typing import TYPE_CHECKING, Any

from evenshelf.errors import SettingError, near

if TYPE_CHECKING:
    from collections.abc import Sequence

LANGUAGES = (
    "english",
    "danish",
    "dutch",
    "finnish",
    "french",
    "german",
    "hungarian",
    "italian",
    "norwegian",
    "portuguese",
    "russian",
    "spanish",
    "swedish",
)
"""Languages with a stemmer (Snowball) and a list of stop words."""

_CHINESE_STOP = frozenset({*"的了和与及或是在有我想要买个款用之等把给", "我要"})
_SAMPLE = 2000
_AHEAD, _FEW = 1.5, 3


def check_language(language: str) -> None:
    """Raise a :class:`SettingError` unless there are stems for a language."""
    if language not in LANGUAGES:
        raise SettingError(
            f"No stems are known for the language {language!r}{near(language, LANGUAGES)}.",
            hint=f"Languages: {', '.join(LANGUAGES)}.",
        )


@lru_cache(maxsize=1 << 17)
def stem(word: str, language: str) -> str:
    """Return the stem of a folded word; words with digits or of one or two letters stay as they are."""
    if len(word) < 3 or not word.isalpha():
        return word
    return str(_stemmer(language).stemWord(word))


@lru_cache(maxsize=1 << 14)
def is_stop(word: str, language: str) -> bool:
    """Whether a folded word is one that says nothing by itself, in the language or in Chinese."""
    if word in _CHINESE_STOP:
        return True
    return word.isalpha() and not _without_stop_words(language).analyze(word)


def language_of(texts: Sequence[str]) -> str:
    """Return the language whose stop words hold the largest share of the words; English if there are none.

    Parameters
    ----------
    texts
        Titles and descriptions; at most 2,000 are looked at, evenly spread.
    """
    looked = " ".join(texts[:: max(1, -(-len(texts) // _SAMPLE))]).lower().split()
    words = " ".join(word for word in looked if word.isalpha())
    said = {language: _stop_words(words, language) for language in LANGUAGES}
    best = max(LANGUAGES, key=lambda language: said[language])
    # Lists of stop words overlap, and titles have few: another language has to be clearly ahead.
    return best if said[best] >= _AHEAD * said["english"] + _FEW else "english"


def _stop_words(words: str, language: str) -> int:
    return len(words.split()) - len(_without_stop_words(language).analyze(words))


@cache
def _stemmer(language: str) -> Any:
    import Stemmer  # noqa: PLC0415 - keeps --help and --version fast

    return Stemmer.Stemmer(language, 0)


@cache
def _without_stop_words(language: str) -> Any:
    from tantivy import Filter, TextAnalyzerBuilder, Tokenizer  # noqa: PLC0415 - keeps --help and --version fast

    return TextAnalyzerBuilder(Tokenizer.whitespace()).filter(Filter.stopword(language)).build()
