"""Grades of judgements, by number or by the words of a known scale."""

from __future__ import annotations

import polars as pl

from evenshelf.shop.ingesting.parsing import numbers

ESCI = {"exact": 1.0, "substitute": 0.1, "complement": 0.01, "irrelevant": 0.0}
"""Gains of the Shopping Queries data (Reddy et al., arXiv:2206.06588, 2022)."""

_LETTERS = {word[0]: grade for word, grade in ESCI.items()}


def grades(given: pl.Series, text: pl.Series) -> tuple[pl.Series, bool]:
    """Read a column of grades.

    Parameters
    ----------
    given
        The column as it came.
    text
        Its cells as text, null where there is none.

    Returns
    -------
    grades
        Float64: numbers as they stand, the words of :data:`ESCI` (in any case) by their gains; null where there is
        neither. Single letters count in a column of nothing but ``E``, ``S``, ``C`` and ``I``: elsewhere ``C`` may be
        the third grade of another scale.
    worded
        Whether a word was read, so that the column says more than its numbers.
    """
    found = numbers(given if given.dtype.is_numeric() else text)
    words = text.str.to_lowercase()
    letters = words.drop_nulls().is_in(list(_LETTERS)).all()
    scale = ESCI | (_LETTERS if letters else {})
    said = words.replace_strict(scale, default=None, return_dtype=pl.Float64)
    return pl.select(pl.coalesce(found, said)).to_series(), bool(said.is_not_null().any())
