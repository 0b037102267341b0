"""Runs of scripts that put no spaces between words: where Chinese words end, and pairs of characters for the others."""

from __future__ import annotations

import re
from functools import cache
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

HAN = "\u3005\u3007\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
HIRAGANA = "\u3041-\u309f"
KATAKANA = "\u30a1-\u30ff\u31f0-\u31ff"
HANGUL = "\u1100-\u11ff\u3130-\u318f\uac00-\ud7af"
THAI = "\u0e00-\u0e7f"
UNSPACED = HAN + HIRAGANA + KATAKANA + HANGUL + THAI
"""Character class of scripts whose words are not set apart by spaces, or are a few characters long."""

_HAN = re.compile(f"[{HAN}]")
_KANA = re.compile(f"[{HIRAGANA}{KATAKANA}]")
_RUNS = re.compile(f"[{HAN}]+|[{KATAKANA}]+|[{HIRAGANA}]+|[{HANGUL}]+|[{THAI}]+")
_HIRAGANA = re.compile(f"[{HIRAGANA}]+$")

Span = tuple[int, int]
"""From where to where in a run."""


def is_japanese(text: str) -> bool:
    """Whether a text has kana, so that its Han characters are not to be read as Chinese."""
    return _KANA.search(text) is not None


def words_of_run(run: str, *, japanese: bool) -> Iterator[Span]:
    """Yield the words of a run of unspaced scripts, in order, without gaps between them.

    Chinese words by jieba. Elsewhere a word ends where the script changes, which in Japanese sets nouns of Han
    characters, loan words in katakana and particles in hiragana apart.
    """
    for match in _RUNS.finditer(run):
        if japanese or not _is_han(run[match.start()]):
            yield match.span()
            continue
        at = match.start()
        for word in _jieba().cut(match.group()):
            yield at, at + len(word)
            at += len(word)


def pieces_of_run(run: str, *, japanese: bool) -> set[Span]:
    """All that a run is indexed under: its characters, its pairs of characters, and the longer words in it."""
    size = len(run)
    spans = {(i, i + 1) for i in range(size)} | {(i, i + 2) for i in range(size - 1)}
    if not japanese:
        for match in _RUNS.finditer(run):
            if _is_han(run[match.start()]) and match.end() - match.start() > 2:
                # (word, start, end) of words and of the words in them.
                spans |= {
                    (match.start() + start, match.start() + end)
                    for _, start, end in _jieba().tokenize(match.group(), mode="search")
                }
    return spans


def pairs_of(word: str) -> tuple[str, ...]:
    """Pairs of neighbouring characters of a word; the word itself if it is no longer than a pair."""
    return (word,) if len(word) <= 2 else tuple(word[i : i + 2] for i in range(len(word) - 1))


def is_particle(word: str) -> bool:
    """Whether a word of a run is short and in hiragana, as particles are."""
    return len(word) <= 2 and _HIRAGANA.match(word) is not None


def _is_han(letter: str) -> bool:
    return _HAN.match(letter) is not None


@cache
def _jieba() -> Any:
    import rjieba  # noqa: PLC0415 - its dictionary is loaded for Chinese only

    return rjieba.Jieba()
