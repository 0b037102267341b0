"""All items as they are at one moment: a generation and what changed since, in one numbering of rows."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from evenshelf.index.documents import Layout, facets_of
from evenshelf.index.filters import expression
from evenshelf.index.generation import Generation, spelling_texts
from evenshelf.index.moments import moment_of
from evenshelf.index.row_numbers import RowNumbers

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from evenshelf.index.counting import Range
    from evenshelf.index.dense import DenseIndex
    from evenshelf.index.filters import Filter
    from evenshelf.index.journal import Batch
    from evenshelf.index.lexical import LexicalReader
    from evenshelf.index.vocabulary import Vocabulary

_MASKS = 64


@dataclass(frozen=True)
class View:
    """What a search looks at; never changed, so a search sees one moment from beginning to end.

    Attributes
    ----------
    documents, facets
        Items and what they are filtered by, row by row, those that are gone included.
    alive
        ``[rows]``, which rows are the items of now.
    dense
        Vectors of the rows.
    reader
        Tokens of the rows.
    vocabulary
        Words of the items of now.
    seq
        Number of the last batch that is in it.
    """

    documents: pl.DataFrame
    facets: pl.DataFrame
    alive: NDArray[np.bool_]
    dense: DenseIndex
    reader: LexicalReader
    vocabulary: Vocabulary
    seq: int
    _held: dict[Filter, NDArray[np.bool_]] = field(default_factory=dict, repr=False, compare=False)
    _rows: list[RowNumbers] = field(default_factory=list, repr=False, compare=False)

    @classmethod
    def of(cls, generation: Generation, *, reader: LexicalReader) -> View:
        """Return the items that a generation was built of."""
        return cls(
            documents=generation.documents,
            facets=generation.facets,
            alive=np.ones(generation.documents.height, bool),
            dense=generation.dense,
            reader=reader,
            vocabulary=generation.vocabulary,
            seq=0,
        )

    def __len__(self) -> int:
        return int(self.alive.sum())

    @property
    def rows(self) -> RowNumbers:
        """The row of each item of now."""
        if not self._rows:
            ids = self.documents["item_id"].to_list()
            self._rows.append(RowNumbers({ids[row]: row for row in np.flatnonzero(self.alive).tolist()}))
        return self._rows[0]

    def after(self, batches: Sequence[Batch], seq: int, layout: Layout) -> View:
        """Return the items after batches of changes, the last of number `seq`; :attr:`reader` is still the old one."""
        first = len(self.alive)
        put = [batch for batch in batches if batch.documents.height]
        alive = np.concatenate([self.alive, np.ones(sum(batch.documents.height for batch in put), bool)])
        moved: dict[str, int | None] = {}
        end = first

        def lost(items: Iterable[str]) -> None:
            known = (moved[i] if i in moved else self.rows.get(i) for i in items)
            alive[[row for row in known if row is not None]] = False

        for batch in batches:
            ids = batch.documents["item_id"].to_list() if batch.documents.height else []
            lost(ids)
            moved.update(zip(ids, range(end, end + len(ids)), strict=True))
            end += len(ids)
            # An item that is put and deleted in one batch is deleted.
            lost(batch.deleted)
            moved.update(dict.fromkeys(batch.deleted))
        documents, facets, dense = self.documents, self.facets, self.dense
        added: Sequence[str] = ()
        if put:
            new = pl.concat([batch.documents for batch in put], how="diagonal_relaxed", rechunk=True)
            documents = appended(documents, new)
            # Batch by batch: what a column holds is told by its type there.
            facets = appended(facets, pl.concat([facets_of(batch.documents, layout) for batch in put], rechunk=True))
            dense = dense.extended(np.concatenate([batch.vectors for batch in put]))
            added = spelling_texts(new.filter(pl.Series(alive[first:])), layout)
        gone = np.flatnonzero(self.alive & ~alive[:first])
        removed = spelling_texts(self.documents[gone], layout) if len(gone) else ()
        return replace(
            self,
            documents=documents,
            facets=facets,
            alive=alive,
            dense=dense,
            vocabulary=self.vocabulary.changed(added, removed) if added or removed else self.vocabulary,
            seq=seq,
            _rows=[self.rows.changed(moved)],
        )

    def with_reader(self, reader: LexicalReader) -> View:
        """Return the same items with their tokens as they are now."""
        return replace(self, reader=reader)

    def mask(self, allowed: Filter) -> NDArray[np.bool_]:
        """Return ``[rows]``: which items of now pass a filter."""
        if not allowed:
            return self.alive
        # What a row holds never changes, so earlier and later views have the same; they differ in how many rows.
        known = self._held.get(allowed, np.empty(0, bool))
        if len(known) < len(self.alive):
            facets = self.facets.slice(len(known))
            holds = pl.all_horizontal([expression(condition, facets.schema) for condition in allowed])
            known = np.concatenate([known, facets.select(holds.alias("holds"))["holds"].to_numpy()])
            if len(self._held) >= _MASKS:
                self._held.clear()
            self._held[allowed] = known
        return known[: len(self.alive)] & self.alive

    def items(self, rows: NDArray[np.int64]) -> list[dict[str, Any]]:
        """Return items as they were given, empty columns left out."""
        # One by one: to gather ten rows at once takes polars' threads longer than the ten rows.
        found = [self.documents.row(row, named=True) for row in rows.tolist()]
        return [{name: value for name, value in item.items() if value is not None} for item in found]

    def values(self, column: str, rows: NDArray[np.int64]) -> list[str]:
        """Return what rows hold of a column of texts: each value of a list by itself, nothing where there is none."""
        found = self.facets[column].gather(rows).drop_nulls()
        return (
            found.explode(keep_nulls=False, empty_as_null=False) if isinstance(found.dtype, pl.List) else found
        ).to_list()

    def numbers(self, column: str, rows: NDArray[np.int64]) -> NDArray[np.float64]:
        """Return a column of numbers; NaN where there is none, and everywhere if there is no such column of numbers."""
        if self.facets.schema.get(column) != pl.Float64:
            return np.full(len(rows), np.nan)
        return self.facets[column].gather(rows).fill_null(np.nan).to_numpy()

    def told(self, column: str, least: float, greatest: float) -> Range:
        """Return two numbers of a column as they are told: of a column of dates or moments as these, in UTC."""
        dtype = self.documents[column].dtype if column in self.documents.columns else None
        if dtype == pl.Date:
            return moment_of(least).date(), moment_of(greatest).date()
        if isinstance(dtype, pl.Datetime):
            return moment_of(least), moment_of(greatest)
        return least, greatest


def appended(frame: pl.DataFrame, new: pl.DataFrame) -> pl.DataFrame:
    """A frame with rows under it, in few parts: the last ones are put together where none is far longer than the next.

    So the rows that were there at first are not copied, the others as often as the logarithm of how many there are.
    """
    whole = pl.concat([frame, new], how="diagonal_relaxed", rechunk=False)
    if not whole.width:
        return whole
    *before, last = whole.to_series(0).chunk_lengths()
    while before and before[-1] <= 2 * last:
        last += before.pop()
    kept = whole.height - last
    return pl.concat([whole.slice(0, kept), whole.slice(kept).rechunk()], rechunk=False) if kept else whole.rechunk()
