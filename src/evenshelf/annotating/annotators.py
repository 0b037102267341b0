"""Who an annotator is, however the name is written: people change case and blanks from sheet to sheet."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

import polars as pl

from evenshelf.shop import Shop
from evenshelf.shop.schema import ANNOTATIONS

_SCHEMA = {column.name: column.dtype for column in ANNOTATIONS.columns}


def identity(name: str) -> str:
    """What names of one person have in common: without case, blanks around, and forms of one letter (NFKC)."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", name).casefold()).strip()


class Spellings:
    """The spelling of each annotator that came first, under which all that they said is kept.

    Parameters
    ----------
    names
        Known ones, in the order in which they came.
    """

    def __init__(self, names: Iterable[str] = ()) -> None:
        self._first: dict[str, str] = {}
        self._others: dict[str, dict[str, None]] = {}
        for name in names:
            self.of(name)

    def of(self, name: str) -> str:
        """The first spelling of a name, which is this one if the person is new."""
        first = self._first.setdefault(identity(name), name.strip())
        if name != first:
            self._others.setdefault(first, {})[name] = None
        return first

    def notes(self) -> list[str]:
        """Which names were taken for one person, a sentence each."""
        return [
            f"{', '.join(map(repr, others))} {'is' if len(others) == 1 else 'are'} taken for {first!r}: names that "
            "differ only in case, blanks or forms of letters are one annotator."
            for first, others in self._others.items()
        ]


def read_annotations(shop: Shop) -> pl.DataFrame:
    """Read all annotations, each annotator under one name; of several by one person for one item the last counts.

    Returns
    -------
    polars.DataFrame
        With all columns of :data:`evenshelf.shop.schema.ANNOTATIONS`.
    """
    found = shop.read("annotations")
    missing = [pl.lit(None, dtype=dtype).alias(name) for name, dtype in _SCHEMA.items() if name not in found.columns]
    found = found.with_columns(missing)
    spellings = Spellings()
    names = {name: spellings.of(name) for name in found["annotator"].unique(maintain_order=True).drop_nulls()}
    if all(name == first for name, first in names.items()):
        return found
    one = found.with_columns(pl.col("annotator").replace(names))
    return one.unique(["item_id", "target", "annotator"], keep="last", maintain_order=True)
