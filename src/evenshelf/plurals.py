"""Numbers with their words, so that no report says "1 rows"."""

from __future__ import annotations


def plural(n: int, one: str, many: str) -> str:
    """The form of a word that fits to a number."""
    return one if n == 1 else many


def counted(n: int, one: str, many: str) -> str:
    """A number with its word: ``1 row``, ``2,000 rows``."""
    return f"{n:,} {plural(n, one, many)}"
