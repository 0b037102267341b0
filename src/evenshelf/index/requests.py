"""What is asked of an index, and what answers need besides its items."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from evenshelf.errors import InputError, SettingError, near
from evenshelf.index.ranking import Ranking

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    import numpy as np
    from numpy.typing import NDArray

    from evenshelf.index.documents import Layout
    from evenshelf.index.filters import Filter
    from evenshelf.index.ranking import Ranker
    from evenshelf.index.synonyms import Synonyms
    from evenshelf.index.text.analyzer import Analyzer
    from evenshelf.index.trust import Trust

LONGEST_QUERY = 1000
"""Characters; what is longer is no query, and is refused."""
LARGEST_PAGE = 1000


@dataclass(frozen=True)
class Request:
    """A search as it was asked for.

    Attributes
    ----------
    query
        The text; empty: all items that pass the filters, the most popular first.
    allowed
        Conditions that all must hold.
    sort
        A column of numbers, led by ``-`` for the greatest first; None: by relevance.
    offset, limit
        Which hits.
    facets
        Columns to count.
    explain
        Whether each hit says why it is there.
    """

    query: str
    allowed: Filter = ()
    sort: str | None = None
    offset: int = 0
    limit: int = 10
    facets: tuple[str, ...] = ()
    explain: bool = False

    def check(self, layout: Layout) -> None:
        """Raise what is wrong with it.

        Raises
        ------
        InputError
            If the query is too long, or holds half a character.
        SettingError
            If a column to sort or to count by is not known, or the page makes no sense.
        """
        if len(self.query) > LONGEST_QUERY:
            raise InputError(
                f"The query has {len(self.query):,} characters; more than {LONGEST_QUERY:,} are no query.",
                hint="Search for a few words.",
            )
        if any("\ud800" <= letter <= "\udfff" for letter in self.query):
            raise InputError("The query holds half a character (a lone surrogate).", hint="Send it as UTF-8.")
        if self.offset < 0 or not 0 <= self.limit <= LARGEST_PAGE:
            raise SettingError(
                f"There is no page of {self.limit} hits from {self.offset} on.",
                hint=f"Ask for 0 to {LARGEST_PAGE} hits, from 0 on.",
            )
        if self.sort is not None:
            _known(self.sort.removeprefix("-"), layout.numbers, "sort by")
        for column in self.facets:
            _known(column, layout.filterable, "count by")


@dataclass(frozen=True)
class Tools:
    """What a search needs besides the items.

    Attributes
    ----------
    layout, analyzer, synonyms, trust
        Of the index.
    encode
        Text to vector; None if it is not to be had in time: then words alone are searched.
    ranking
        Settings.
    ranker
        What orders candidates instead of a fusion.
    """

    layout: Layout
    analyzer: Analyzer
    synonyms: Synonyms
    trust: Trust
    encode: Callable[[str], NDArray[np.float32] | None]
    ranking: Ranking = field(default_factory=Ranking)
    ranker: Ranker | None = None


def _known(column: str, columns: Iterable[str], what: str) -> None:
    listed = list(columns)
    if column not in listed:
        raise SettingError(
            f"There is no column {column!r} to {what}{near(column, listed)}.",
            hint=f"Columns: {', '.join(listed) or 'none'}.",
        )
