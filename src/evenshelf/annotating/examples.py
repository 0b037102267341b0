"""The items of a shop as annotation sees them: titles, the label there is, groups of titles that are the same."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evenshelf.errors import InputError, SettingError, near
from evenshelf.shop import Shop, title_groups
from evenshelf.shop.schema import ITEMS, MARKS, PROVENANCE

Codes = NDArray[np.int64]

_NO_TARGETS = ("item_id", "title", "description", "image", *MARKS, *PROVENANCE)
_MOST_NUMBERS = 50
"""A column of more different numbers may be a measure and no label: sizes are fewer, prices are more."""
_ALL_DIFFERENT = 1000
"""From so many values on, of which no two are equal, a column names the rows and does not label them."""


@dataclass(frozen=True, eq=False)
class Examples:
    """Items with a title.

    Attributes
    ----------
    item_id, title
        ``[n]`` texts.
    label
        ``[n]`` the value of the target, ``None`` where there is none.
    group
        ``[n]`` equal numbers for titles that are the same to a reader.
    """

    item_id: list[str]
    title: list[str]
    label: list[str | None]
    group: Codes

    @cached_property
    def labelled(self) -> Codes:
        """Numbers of the rows that have a label."""
        return np.flatnonzero([label is not None for label in self.label]).astype(np.int64)

    @cached_property
    def unlabelled(self) -> Codes:
        """Numbers of the rows that have none."""
        return np.flatnonzero([label is None for label in self.label]).astype(np.int64)

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """Labels in use, by name."""
        return tuple(sorted({label for label in self.label if label is not None}))

    @cached_property
    def target(self) -> Codes:
        """``[n labelled]`` codes into :attr:`classes`, in the order of :attr:`labelled`."""
        place = {name: code for code, name in enumerate(self.classes)}
        return np.array([place[name] for row in self.labelled if (name := self.label[row]) is not None], np.int64)


def target_column(items: pl.DataFrame, target: str, *, new: bool = False) -> pl.Series:
    """The column to be labelled, stripped, null where it holds nothing; all null if the shop does not have it yet.

    Parameters
    ----------
    new
        Whether a column that neither the shop nor evenshelf knows may be begun. One that is there is taken as it is, so
        that the same setting serves for every sheet.

    Raises
    ------
    SettingError
        If the column cannot be labelled: it is none by its name, or may hold numbers only.
    InputError
        If it is missing (close names are offered), or what it holds are no labels.
    """
    texts = [
        name
        for name, dtype in items.schema.items()
        if dtype == pl.String and name not in _NO_TARGETS and name != target
    ]
    choice = f"Choose one with --target: {', '.join(texts)}." if texts else "Begin one with --new-target."
    if target in _NO_TARGETS:
        raise SettingError(f"The column {target!r} cannot be labelled.", hint=choice)
    if not target.strip():
        raise SettingError("The column to be labelled has no name.", hint=choice)
    declared = {column.name: column.dtype for column in ITEMS.columns}
    if target not in items.columns:
        if declared.get(target, pl.String) != pl.String:
            raise SettingError(
                f"The column {target!r} of items holds {declared[target]}, also where a shop has none yet, and labels "
                "are texts.",
                hint="Begin a column of another name.",
            )
        if not new and target not in declared:
            raise InputError(
                f"The shop has no column {target!r}{near(target, items.columns)}.",
                hint="A column that is new is begun with --new-target.",
            )
        return pl.Series(target, [None] * items.height, dtype=pl.String)
    if items.schema[target] != pl.String:
        raise InputError(f"The column {target!r} holds {items.schema[target]}, and labels are texts.", hint=choice)
    column = items[target].str.strip_chars().replace("", None)
    values = column.drop_nulls()
    different = values.n_unique()
    numbers = values.cast(pl.Float64, strict=False)
    # What the schema declares to be text is no measure. Codes in other columns are numbers as well, but whole ones, and
    # they come again and again.
    measured = 2 * different > len(values) > 2 * _MOST_NUMBERS or bool((numbers % 1 != 0).any())
    if target not in declared and different > _MOST_NUMBERS and not numbers.null_count() and measured:
        raise InputError(
            f"The column {target!r} holds {different:,} different numbers: that is a measure and no label.", hint=choice
        )
    if different >= _ALL_DIFFERENT and different == len(values):
        raise InputError(
            f"The column {target!r} holds {different:,} values, no two of them equal: they name the rows and do not "
            "label them.",
            hint=choice,
        )
    return column


def read_examples(shop: Shop, target: str, *, new: bool = False) -> Examples:
    """Read the items that have a title.

    Raises
    ------
    InputError, SettingError
        See :func:`target_column`; also if there are no items.
    """
    items = shop.items()
    items = items.with_columns(target_column(items, target, new=new).alias(target))
    items = items.filter(pl.col("title").str.strip_chars() != "")
    if not items.height:
        raise InputError(f"The shop {shop.path} has no items with a title.", hint="Add some: evenshelf ingest")
    titles = items["title"].to_list()
    known = "title_group" in items.columns and not items["title_group"].null_count()
    group = items["title_group"].to_numpy().astype(np.int64) if known else title_groups(titles)
    return Examples(items["item_id"].to_list(), titles, items[target].to_list(), group)
