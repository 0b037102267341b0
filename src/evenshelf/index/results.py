"""What a search gives back."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evenshelf.index.counting import Range


@dataclass(frozen=True)
class Explanation:
    """Why a hit is where it is.

    Attributes
    ----------
    parts
        What each part adds to the score; they add up to it.
    words
        For each word of the query and each field the score by words, before it is scaled.
    cosine
        Cosine of the item's vector to the query's; None if the query was not encoded.
    trust
        How well vectors do at queries like this one, against words.
    notes
        Sentences on synonyms, corrections and how the item was found.
    """

    parts: Mapping[str, float]
    words: Mapping[str, Mapping[str, float]]
    cosine: float | None
    trust: float
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Hit:
    """An item that was found.

    Attributes
    ----------
    item_id
        The item.
    score
        Its score; only the order within one search means anything.
    item
        The item as it was given, empty columns left out.
    highlights
        Pairs ``[start, end)`` of characters of the title that match.
    explanation
        If it was asked for.
    """

    item_id: str
    score: float
    item: Mapping[str, Any]
    highlights: tuple[tuple[int, int], ...] = ()
    explanation: Explanation | None = None


@dataclass(frozen=True)
class Results:
    """The answer to a query.

    Attributes
    ----------
    query
        As it was typed.
    hits
        The page that was asked for.
    total
        How many items there are in all.
    offset
        Place of the first hit, from 0.
    corrected
        The query that was searched for instead, because of a word that no item has.
    did_you_mean
        A query that may have been meant, though there are items with what was typed.
    relaxed
        What was let go to find something: sentences.
    facets
        For each column that was asked for, how many items hold each value, the most frequent first.
    rest
        For each such column with more values than are told, how often items hold the others.
    ranges
        For each column of numbers that was asked for, the least and the greatest; of dates and moments these.
    without
        If nothing was found: how many items there are without each of the filters.
    late
        Whether the query's vector was not there in time, so that words alone answered.
    legs
        What took part: ``"words"``, ``"vectors"``.
    milliseconds
        How long it took.
    """

    query: str
    hits: tuple[Hit, ...]
    total: int
    offset: int = 0
    corrected: str | None = None
    did_you_mean: str | None = None
    relaxed: tuple[str, ...] = ()
    facets: Mapping[str, Mapping[str, int]] = field(default_factory=dict)
    rest: Mapping[str, int] = field(default_factory=dict)
    ranges: Mapping[str, Range | None] = field(default_factory=dict)
    without: Mapping[str, int] = field(default_factory=dict)
    late: bool = False
    legs: tuple[str, ...] = ()
    milliseconds: float = 0.0

    def to_dict(self) -> dict[str, Any]:
        """JSON-able; numbers that are none are null, and what JSON has no type for is a text."""
        return _plain(asdict(self))  # type: ignore[no-any-return]


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(v) for key, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(v) for v in value]
    if isinstance(value, (datetime, date)):
        return value.isoformat()
    if isinstance(value, Decimal):
        return float(value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value if value is None or isinstance(value, (str, int)) else str(value)
