"""Values and ranges of columns over all items that an answer lists: facets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from numpy.typing import NDArray

    from evenshelf.index.view import View

Range = tuple[float, float] | tuple[date, date]
"""The least and the greatest of numbers, of dates, or of moments."""


@dataclass(frozen=True)
class Values:
    """Values of a column.

    Attributes
    ----------
    counts
        How many items hold each of the most frequent values.
    rest
        How often items hold others.
    """

    counts: Mapping[str, int]
    rest: int


def values_of(view: View, query: Any, columns: Sequence[str], beside: NDArray[np.int64]) -> dict[str, Values]:
    """Count the values of columns of texts, the most frequent first, equal ones by name.

    Parameters
    ----------
    view
        The items.
    query
        What matches by its words; None: nothing does.
    columns
        The columns.
    beside
        Rows that are listed as well.
    """
    matching = {} if query is None else view.reader.facets(query, columns)
    found = {}
    for column in columns:
        matched = matching.get(column, Values({}, 0))
        counts, rest = dict(matched.counts), matched.rest
        for value in view.values(column, beside) if len(beside) else ():
            # Of a value that was left out it is not known how many items hold it.
            if value in counts or not matched.rest:
                counts[value] = counts.get(value, 0) + 1
            else:
                rest += 1
        found[column] = Values(dict(sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))), rest)
    return found


def ranges_of(view: View, query: Any, columns: Sequence[str], beside: NDArray[np.int64]) -> dict[str, Range | None]:
    """Return the least and the greatest of columns of numbers and moments; None of one in which no item has any.

    Parameters
    ----------
    view, query, columns, beside
        As for :func:`values_of`.
    """
    matching = {} if query is None else view.reader.spans(query, columns)
    found: dict[str, Range | None] = {}
    for column in columns:
        own = view.numbers(column, beside)
        ends = [*(matching.get(column) or ()), *own[~np.isnan(own)].tolist()]
        found[column] = view.told(column, min(ends), max(ends)) if ends else None
    return found
