"""Two texts in one: written with a separator between them, and taken apart again."""

from __future__ import annotations

from collections.abc import Sequence

SEPARATOR = "\t"
"""Stands between the texts of a pair. Blanks of any kind in a row are one blank in each of them, so it cannot occur
there; encoders that know nothing of pairs read it as a blank."""


def pair_text(first: str, second: str) -> str:
    r"""Write a pair as one text.

    Examples
    --------
    >>> pair_text("red shoe", "Nike\tAir  Max")
    'red shoe\tNike Air Max'
    """
    return f"{' '.join(first.split())}{SEPARATOR}{' '.join(second.split())}"


def sides(texts: Sequence[str]) -> tuple[list[str], list[str]]:
    """The first and the second text of each pair, parted at the first separator.

    A text without one is a second text, and its first is empty: the name of a class, or a title without a query.
    """
    parted = [text.partition(SEPARATOR) for text in texts]
    return (
        [first if mark else "" for first, mark, _ in parted],
        [second if mark else first for first, mark, second in parted],
    )
