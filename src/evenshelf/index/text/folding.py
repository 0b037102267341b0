"""One spelling for what a reader takes for the same: width, case, accents, traditional and simplified characters.

What is folded is compared; what is shown stays as it was written. So folding can say, for each character that it gives
out, where in the text it came from.
"""

from __future__ import annotations

import re
import unicodedata
from functools import cache
from typing import Any

_HAN = re.compile("[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff]")
_ACCENTS = re.compile("[\u0300-\u036f]+")
# What belongs to the character before it: marks, vowels and finals of Hangul, the voiced marks of narrow kana.
_MARKS = "\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u064b-\u065f\u1160-\u11ff\u20d0-\u20ff\u3099\u309a\uff9e\uff9f"
_TOGETHER = re.compile(f"[{_MARKS}]")
_CLUSTER = re.compile(f".[{_MARKS}]*", re.DOTALL)
_QUOTES = {"’": "'", "‘": "'", "ʼ": "'", "´": "'", "“": '"', "”": '"', "″": '"', "′": "'"}
_DASHES = dict.fromkeys("‐‑‒–—―−﹣", "-")
_GONE = dict.fromkeys("\u00ad\u200b\u200c\u200d\u2060\ufeff", "")


def fold(text: str) -> str:
    """Fold a text.

    Full and half width, case, accents of Latin, Greek and Cyrillic letters, and traditional against simplified
    Chinese characters (one by one, by OpenCC) are no difference any more; quotes and dashes have one form, and
    what is not seen (soft hyphens, zero width) is gone.

    Examples
    --------
    >>> fold("Ｃafé ＸＰＳ－１３ 運動鞋")
    'cafe xps-13 运动鞋'
    """
    if text.isascii():
        return text.lower()
    if _TOGETHER.search(text) is None:
        return text.translate(_TABLE)
    return "".join(_folded(cluster) for cluster in _CLUSTER.findall(text))


def fold_with_origins(text: str) -> tuple[str, list[int]]:
    """Fold a text and say where each folded character came from.

    Returns
    -------
    folded
        As :func:`fold` gives it.
    origins
        For each character of it the place in `text`, and at the end the length of `text`.
    """
    if text.isascii():
        return text.lower(), list(range(len(text) + 1))
    pieces, origins = [], []
    for match in _CLUSTER.finditer(text):
        piece = _folded(match.group()) if not match.group().isascii() else match.group().lower()
        pieces.append(piece)
        origins += [match.start()] * len(piece)
    return "".join(pieces), [*origins, len(text)]


class _Table(dict[int, str]):
    """Folded characters by code point, found when they are first met."""

    def __missing__(self, code: int) -> str:
        self[code] = folded = _folded(chr(code))
        return folded


_TABLE = _Table()


@cache
def _folded(cluster: str) -> str:
    before, after = "", cluster
    while after != before:
        before, after = after, _once(after)
    return after


def _once(text: str) -> str:
    for table in (_GONE, _QUOTES, _DASHES):
        text = "".join(table.get(letter, letter) for letter in text)
    text = unicodedata.normalize("NFKC", text).casefold()
    # Narrow voiced marks after what they do not belong to come out as a space and a mark.
    text = unicodedata.normalize("NFC", _ACCENTS.sub("", unicodedata.normalize("NFD", text)))
    return _simplifier().convert(text) if _HAN.search(text) else text


@cache
def _simplifier() -> Any:
    from opencc import OpenCC  # noqa: PLC0415 - loaded for Chinese only

    return OpenCC("t2s")
