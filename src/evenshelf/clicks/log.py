"""Click logs: which item was shown at which rank of which list, and whether it was clicked."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evenshelf.errors import InputError

Codes = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

ROLES = ("list", "query", "rank", "item", "clicked")
"""Columns of a log."""

RANK_TAKEN = "their rank is taken by an earlier row of the same list"


@dataclass(frozen=True, eq=False)
class ClickLog:
    """Impressions in lists, one row each, in order of lists and of ranks within them.

    Attributes
    ----------
    listing
        ``[N]`` number of the list, non-decreasing from 0 to ``lists - 1``. A list answers one query once.
    query, item
        ``[N]`` codes into `queries` and `items`.
    rank
        ``[N]`` place in the list, from 1; within a list each at most once.
    clicked
        ``[N]`` whether it was clicked.
    queries, items
        Names by code, in alphabetical order. A part of a log keeps all of them, so that codes stay what they were.
    left_out
        Rows that could not be used, by reason.
    """

    listing: Codes
    query: Codes
    rank: Codes
    item: Codes
    clicked: Bools
    queries: tuple[str, ...]
    items: tuple[str, ...]
    left_out: Mapping[str, int] = field(default_factory=dict)

    @classmethod
    def of(cls, listing: Any, query: Any, rank: Any, item: Any, clicked: Any, *, first: int = 1) -> ClickLog:
        """A log from arrays or sequences of equal length, one value a row; see :meth:`of_frame`."""
        columns = dict(zip(ROLES, (listing, query, rank, item, clicked), strict=True))
        lengths = {name: len(values) for name, values in columns.items()}
        if len(set(lengths.values())) > 1:
            told = ", ".join(f"{name} {length:,}" for name, length in lengths.items())
            raise InputError(f"The columns of a click log differ in length: {told}.", hint="Give one value a row.")
        try:
            frame = pl.DataFrame({name: pl.Series(name, values) for name, values in columns.items()})
        except (TypeError, pl.exceptions.PolarsError) as error:
            raise InputError(
                f"A column of the click log mixes types: {error}.", hint="Give values of one type a column."
            ) from error
        return cls.of_frame(frame, first=first)

    @classmethod
    def of_frame(cls, frame: pl.DataFrame, *, names: Mapping[str, str] | None = None, first: int = 1) -> ClickLog:
        """A log from a frame with one row for each impression, in any order.

        Rows of one list and one query are a list: a session that asked two queries has two. Of rows that have the same
        rank in a list the first is kept; the others are counted in :attr:`left_out`.

        Parameters
        ----------
        frame
            With the columns ``list``, ``query``, ``rank``, ``item`` and ``clicked`` (0 / 1 or no / yes), or those that
            `names` says.
        names
            Column of a role, where it is called otherwise.
        first
            What the log calls the first rank, such as 0.

        Raises
        ------
        InputError
            If there is no row, a column is missing, or a value cannot be used: the first row (from 1) that holds one
            is named.
        """
        found = _typed(frame, names or {}, first)
        found = found.with_columns(pl.col("list").rank("dense").cast(pl.Int64) - 1)
        kept = found.unique(["list", "query", "rank"], keep="first", maintain_order=True)
        queries, query = np.unique(kept["query"].to_numpy().astype(np.str_), return_inverse=True)
        items, item = np.unique(kept["item"].to_numpy().astype(np.str_), return_inverse=True)
        listing, rank = kept["list"].to_numpy(), kept["rank"].to_numpy()
        order = np.lexsort((rank, query, listing))
        listing, query = listing[order], query[order].astype(np.int64)
        new = np.ones(len(order), bool)
        new[1:] = (listing[1:] != listing[:-1]) | (query[1:] != query[:-1])
        repeated = found.height - kept.height
        return cls(
            np.cumsum(new) - 1,
            query,
            rank[order],
            item[order].astype(np.int64),
            kept["clicked"].to_numpy()[order],
            tuple(map(str, queries)),
            tuple(map(str, items)),
            {RANK_TAKEN: repeated} if repeated else {},
        )

    def __len__(self) -> int:
        return len(self.rank)

    @cached_property
    def start(self) -> Codes:
        """``[L + 1]`` first row of each list, and the number of rows."""
        return np.searchsorted(self.listing, np.arange(self.lists + 1)).astype(np.int64)

    @property
    def lists(self) -> int:
        """Number of lists."""
        return int(self.listing[-1]) + 1

    @property
    def depth(self) -> int:
        """The lowest place that any list has."""
        return int(self.rank.max())

    @property
    def lengths(self) -> Codes:
        """``[L]`` rows of each list."""
        return np.diff(self.start)

    @cached_property
    def pair(self) -> Codes:
        """``[N]`` one number for each query and item."""
        return self.query * len(self.items) + self.item

    def of_lists(self, lists: Codes) -> ClickLog:
        """Some of the lists, by ascending number, each at most once; names and what was left out stay as they are."""
        keep = np.zeros(self.lists, bool)
        keep[lists] = True
        rows = keep[self.listing]
        return replace(
            self,
            listing=(np.cumsum(keep) - 1)[self.listing[rows]].astype(np.int64),
            query=self.query[rows],
            rank=self.rank[rows],
            item=self.item[rows],
            clicked=self.clicked[rows],
        )

    def split(self, share: float = 0.2, *, seed: int = 0) -> tuple[ClickLog, ClickLog]:
        """Two parts of whole lists, drawn at random: the rest, and about `share` of them.

        Raises
        ------
        InputError
            If there are fewer than two lists.
        """
        if self.lists < 2:
            raise InputError("A click log of one list cannot be split.", hint="Give more lists.")
        drawn = np.random.default_rng(seed).permutation(self.lists)
        held = min(max(round(self.lists * share), 1), self.lists - 1)
        return self.of_lists(np.sort(drawn[held:])), self.of_lists(np.sort(drawn[:held]))

    def check_clicks(self) -> None:
        """Raise an :class:`InputError` unless some rows were clicked and some were not."""
        if self.clicked.all() or not self.clicked.any():
            which = "Every" if self.clicked.any() else "No"
            raise InputError(
                f"{which} row of the click log was clicked, so clicks tell nothing of places or items.",
                hint="Give rows that were clicked and rows that were shown and not clicked.",
            )

    def by_depth(self) -> Iterator[Codes]:
        """Rows that come first in their lists, then those that come second, and so on; each in order of lists."""
        place = np.arange(len(self)) - self.start[self.listing]
        order = np.argsort(place, kind="stable")
        yield from np.split(order, np.cumsum(np.bincount(place))[:-1])


def _typed(frame: pl.DataFrame, names: Mapping[str, str], first: int) -> pl.DataFrame:
    """The columns by role: ``query`` and ``item`` as text, ``rank`` from 1, ``clicked`` as yes or no."""
    columns = {role: names.get(role, role) for role in ROLES}
    missing = [column for column in columns.values() if column not in frame.columns]
    if missing:
        raise InputError(
            f"The click log has no column {', '.join(map(repr, missing))}, but {', '.join(map(repr, frame.columns))}.",
            hint=f"A click log has {', '.join(ROLES)}; say with names= which column is which.",
        )
    if not frame.height:
        raise InputError("The click log has no row.", hint="Give at least one impression.")
    found = frame.select(**{role: pl.col(column) for role, column in columns.items()})
    for role, column in columns.items():
        _refuse(found, found[role].is_null(), role, column, "is empty")
    rank = _numbers(found["rank"])
    wrong = rank.is_null() | ~(rank.is_finite() & (rank == rank.floor()) & (rank >= first)).fill_null(False)
    _refuse(found, wrong, "rank", columns["rank"], f"is not a whole number from {first} up")
    clicked = _numbers(found["clicked"])
    wrong = clicked.is_null() | ~clicked.is_in([0.0, 1.0]).fill_null(False)
    _refuse(found, wrong, "clicked", columns["clicked"], "is neither 0 nor 1")
    try:
        texts = [found[role].cast(pl.String).alias(role) for role in ("query", "item")]
    except pl.exceptions.PolarsError as error:
        raise InputError(f"Queries and items of the click log must be texts or numbers: {error}.") from error
    return pl.DataFrame(
        [found["list"], *texts, (rank - first + 1).cast(pl.Int64).alias("rank"), (clicked == 1.0).alias("clicked")]
    )


def _numbers(values: pl.Series) -> pl.Series:
    """As floats; what is none becomes null. ``true`` and ``false`` are 1 and 0 also as text."""
    if values.dtype == pl.String:
        words = values.str.to_lowercase().replace({"true": "1", "false": "0", "yes": "1", "no": "0"})
        return words.cast(pl.Float64, strict=False)
    if not (values.dtype.is_numeric() or values.dtype == pl.Boolean):
        return pl.Series(values.name, [None] * len(values), dtype=pl.Float64)
    return values.cast(pl.Float64, strict=False)


def _refuse(found: pl.DataFrame, wrong: pl.Series, role: str, column: str, what: str) -> None:
    if wrong.any():
        row = int(wrong.arg_true()[0])
        value = found[role][row]
        more = int(wrong.sum()) - 1
        told = f", and {more:,} more" if more else ""
        raise InputError(
            f"Click log, row {row + 1}, column {column!r}: {value!r} {what}{told}.",
            hint="Correct these rows, or leave them out.",
        )
