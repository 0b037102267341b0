"""Numbers and notes as a report writes them."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

_NUMBER = re.compile(r"\d[\d,]*(?:\.\d+)?")


def number(value: float) -> str:
    """Three decimals without a leading zero, as scores are written: ``.812``; ``n/a`` for NaN."""
    return f"{value:.3f}".removeprefix("0") if math.isfinite(value) else "n/a"


def p_value(p: float) -> str:
    """A p-value in a table: ``.012``, or ``< .001``, as none is zero; a dash for NaN."""
    if not math.isfinite(p):
        return "–"
    return "< .001" if p < 0.001 else number(p)


def count(value: float) -> str:
    """A whole number with separators of thousands."""
    return f"{value:,.0f}"


def small(value: float) -> str:
    """A setting of any size, short: ``3.2e-07``, ``0.5``."""
    return f"{value:.2g}"


def span(low: int, high: int) -> str:
    """Two whole numbers as a range, or one if they are equal."""
    return count(low) if low == high else f"{count(low)} – {count(high)}"


def merged(notes: Iterable[str]) -> list[str]:
    """Notes that differ in their numbers alone as one note with ranges, in order of first appearance.

    Examples
    --------
    >>> merged(["12 rows dropped", "nothing else", "7 rows dropped"])
    ['7 – 12 rows dropped', 'nothing else']
    """
    kinds: dict[str, list[list[str]]] = {}
    for note in notes:
        kinds.setdefault(_NUMBER.sub("\0", note), []).append(_NUMBER.findall(note))
    out = []
    for words, found in kinds.items():
        parts = words.split("\0")
        slots = [sorted(set(column), key=_value) for column in zip(*found, strict=True)]
        ranges = [s[0] if len(s) == 1 else f"{s[0]} – {s[-1]}" for s in slots]
        out.append("".join(a + b for a, b in zip(parts, [*ranges, ""], strict=True)))
    return out


def _value(text: str) -> float:
    return float(text.replace(",", ""))
