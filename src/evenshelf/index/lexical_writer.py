"""Writes rows to the engine of words: tokens by field, and what they are filtered by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import tantivy

from evenshelf.index.documents import FIELDS, filled

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import polars as pl

ROW = "row"
FACETS = "facets"
MARK = "="
"""Begins every text that is filtered by; without it tantivy takes ``2025-01-01T00:00:00Z`` for a moment."""
_HEAP = 64_000_000


class LexicalWriter:
    """Adds and removes rows; nothing is seen by readers before :meth:`commit`."""

    def __init__(self, index: Any, key: Mapping[str, str], number: Mapping[str, str], threads: int) -> None:
        # With one thread rows are kept in the order they came in, and so are ties.
        self._writer = index.writer(_HEAP * threads, threads)
        self._schema = index.schema
        self._key = {name: key.removeprefix(f"{FACETS}.") for name, key in key.items()}
        self._number = number

    def add(self, first: int, tokens: Mapping[str, Sequence[str]], facets: pl.DataFrame) -> None:
        """Add rows `first`, `first` + 1, ...

        Parameters
        ----------
        first
            Number of the first row.
        tokens
            For each field the tokens of each row, with spaces between.
        facets
            As :func:`~evenshelf.index.documents.facets_of` gives them.
        """
        fields = [(field, tokens[field]) for field in FIELDS]
        # A frame without columns has no height.
        rows = len(tokens[FIELDS[0]])
        texts: list[dict[str, Any]] = [{} for _ in range(rows)]
        numbers: list[list[tuple[str, float]]] = [[] for _ in range(rows)]
        for name in facets.columns:
            for row, value in filled(facets[name]):
                if name in self._key:
                    texts[row][self._key[name]] = marked(value)
                else:
                    numbers[row].append((self._number[name], value))
        for i in range(rows):
            document = tantivy.Document()
            document.add_unsigned(ROW, first + i)
            for field, words in fields:
                if words[i]:
                    document.add_text(field, words[i])
            if texts[i]:
                document.add_json(FACETS, texts[i])
            for name, number in numbers[i]:
                document.add_float(name, number)
            self._writer.add_document(document)

    def remove(self, rows: Sequence[int]) -> None:
        """Remove rows; rows that are not there are none the worse for it."""
        if rows:
            # By a query: tantivy-py takes the number of a term for a signed one, and deletes nothing.
            self._writer.delete_documents_by_query(
                tantivy.Query.term_set_query(self._schema, ROW, [int(row) for row in rows])
            )

    def commit(self) -> None:
        """Write all that was added and removed to disk."""
        self._writer.commit()

    def close(self) -> None:
        """End, and let another writer begin."""
        self._writer.wait_merging_threads()


def marked(value: str | list[str]) -> str | list[str]:
    """A text, or each of a list, as it is stored."""
    return MARK + value if isinstance(value, str) else [MARK + one for one in value]
