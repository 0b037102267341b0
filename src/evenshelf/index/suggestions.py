"""What somebody may be about to type: queries, categories, brands and titles that go on from what is typed.

Made once of all items, and then kept: a change of some items looks at the texts of these alone.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import polars as pl

from evenshelf.index.completions import Completion, Completions
from evenshelf.index.documents import POPULARITY
from evenshelf.index.text.folding import fold

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Self

    from numpy.typing import NDArray

    from evenshelf.index.completions import Found
    from evenshelf.index.view import View

    Rows = NDArray[np.int64]

KINDS = ("query", "category", "brand", "brand and category", "title")
_OF_KIND = (3.0, 2.0, 2.0, 1.0, 0.5)
_QUERY, _TITLE = 0, 4
_COUNTED = {1: (("category",), 1), 2: (("brand",), 1), 3: (("brand", "category"), 2)}
"""Columns whose values are counted, by kind, and how many items must hold a value."""
_TITLES = 50_000
"""The titles of so many items, the most popular ones."""
_LONGEST_TITLE = 80
_APART = 2_000
"""Texts that changed; if there are more, they are put among the others."""

_Key = tuple[int, tuple[str, ...]]


@dataclass(frozen=True)
class Suggestion:
    """A text that may be meant.

    Attributes
    ----------
    text
        The text.
    kind
        Where it is from, see :data:`KINDS`.
    weight
        How often it was asked, or how many items it stands for.
    """

    text: str
    kind: str
    weight: float


class _Source(NamedTuple):
    """Where a text is from; of several that fold to the same the least is told."""

    kind: int
    less: float
    place: tuple[str, ...] | int
    text: str
    weight: float

    @property
    def score(self) -> float:
        return _OF_KIND[self.kind] * math.log1p(self.weight)


@dataclass(frozen=True, eq=False)
class _Base:
    """What was made of all items of a moment.

    Attributes
    ----------
    texts
        Sources by folded text.
    counts
        How many items hold values of columns.
    completions
        The texts, to be found.
    """

    texts: Mapping[str, tuple[_Source, ...]]
    counts: Mapping[_Key, int]
    completions: Completions


@dataclass(frozen=True, eq=False)
class Suggester:
    """Suggestions for the items of a view; make the first with :meth:`of`, those of later views with :meth:`after`.

    Attributes
    ----------
    view
        The items.
    queries
        ``query`` and ``count``, what people searched for.
    base
        What was made of an earlier view.
    texts, counts
        What is otherwise by now.
    gone
        ``[completions of the base]``, which of them are not as they were.
    later
        Those that took their place, or are new.
    since
        Items that came or went since all was made.
    """

    view: View
    queries: pl.DataFrame
    base: _Base
    texts: Mapping[str, tuple[_Source, ...]]
    counts: Mapping[_Key, int]
    gone: NDArray[np.bool_]
    later: Completions
    since: int = 0

    @classmethod
    def of(cls, view: View, queries: pl.DataFrame) -> Self:
        """Make the suggestions of a view."""
        rows = np.flatnonzero(view.alive)
        asked = [(str(query), float(count)) for query, count in queries.select("query", "count").iter_rows()]
        sources = [_Source(_QUERY, 0.0, place, text, count) for place, (text, count) in enumerate(asked)]
        counts = _counts(view, rows)
        sources += [source for key, count in counts.items() if (source := _of_count(key, count)) is not None]
        sources += _titles(view, rows, _TITLES)
        texts: dict[str, list[_Source]] = {}
        for source in sources:
            texts.setdefault(fold(source.text).strip(), []).append(source)
        texts.pop("", None)
        completions = Completions([Completion.of(folded, min(some).score) for folded, some in texts.items()])
        base = _Base({folded: tuple(some) for folded, some in texts.items()}, counts, completions)
        return cls(view, queries, base, {}, {}, np.zeros(len(completions), bool), Completions([]))

    def __len__(self) -> int:
        return len(self.base.completions) - int(self.gone.sum()) + len(self.later)

    def after(self, view: View) -> Suggester:
        """Return the suggestions of a later view of the same generation; these stay as they are.

        Where there are more than 50,000 titles, one that goes makes no room for another, until a quarter as many items
        have changed and all is made anew.
        """
        rows = len(self.view.alive)
        gone = np.flatnonzero(self.view.alive & ~view.alive[:rows])
        new = rows + np.flatnonzero(view.alive[rows:])
        since = self.since + len(gone) + len(new)
        if since > max(_APART, min(_TITLES, len(view)) // 4):
            return Suggester.of(view, self.queries)
        texts, counts = dict(self.texts), dict(self.counts)

        def put(old: _Source | None, now: _Source | None) -> None:
            some = (source for source in (old, now) if source is not None)
            for folded in {fold(source.text).strip() for source in some} - {""}:
                held = texts[folded] if folded in texts else self.base.texts.get(folded, ())
                rest = [one for one in held if old is None or (one.kind, one.place) != (old.kind, old.place)]
                texts[folded] = tuple(rest if now is None else [*rest, now])

        change = Counter(_counts(view, new))
        change.subtract(_counts(view, gone))
        for key, by in change.items():
            before = counts.get(key, self.base.counts.get(key, 0))
            counts[key] = before + by
            put(_of_count(key, before), _of_count(key, before + by))
        for source in _titles(view, gone):
            put(source, None)
        for source in _titles(view, new):
            put(None, source)
        changed = Completions([self._completion(folded, min(some).score) for folded, some in texts.items() if some])
        places = [place for folded in texts if (place := self.base.completions.place.get(folded)) is not None]
        left_out = np.zeros(len(self.base.completions), bool)
        left_out[places] = True
        later = Suggester(view, self.queries, self.base, texts, counts, left_out, changed, since)
        return later if len(texts) <= _APART else later._together()

    def complete(self, typed: str, limit: int = 8) -> list[Suggestion]:
        """Return what goes on from what is typed, the likeliest first.

        Parameters
        ----------
        typed
            The beginning of a text; its last word may be half typed. A mistyped word is corrected where nothing goes on
            from it as it is.
        limit
            So many at most.
        """
        folded = fold(typed).strip()
        if not folded or limit <= 0:
            return []
        found = self._found(folded, limit)
        if not found:
            spelled = " ".join(self._spelled(word) for word in folded.split())
            found = self._found(spelled, limit) if spelled != folded else []
        best = [min(self._sources(one.folded)) for one in found]
        return [Suggestion(source.text, KINDS[source.kind], source.weight) for source in best]

    def _found(self, folded: str, limit: int) -> list[Found]:
        return self._best(Completions.beginning, folded, limit) or self._best(Completions.with_words, folded, limit)

    def _best(self, how: Callable[..., list[Found]], folded: str, limit: int) -> list[Found]:
        kept = how(self.base.completions, folded, limit, self.gone)
        return sorted([*kept, *how(self.later, folded, limit)])[:limit]

    def _spelled(self, word: str) -> str:
        vocabulary = self.view.vocabulary
        if vocabulary[word] or self._best(Completions.beginning, word, 1):
            return word
        return next(iter(vocabulary.corrections(word)), word)

    def _sources(self, folded: str) -> tuple[_Source, ...]:
        return self.texts[folded] if folded in self.texts else self.base.texts[folded]

    def _completion(self, folded: str, score: float) -> Completion:
        """The completion of a text; where its words begin is known if it was there before."""
        for known in (self.later, self.base.completions):
            place = known.place.get(folded)
            if place is not None:
                return known.all[place]._replace(score=score)
        return Completion.of(folded, score)

    def _together(self) -> Suggester:
        """The same suggestions, with those that changed among the others."""
        texts = {**self.base.texts, **self.texts}
        counts = {**self.base.counts, **self.counts}
        kept = [one for one, gone in zip(self.base.completions.all, self.gone.tolist(), strict=True) if not gone]
        base = _Base(
            {folded: some for folded, some in texts.items() if some},
            {key: count for key, count in counts.items() if count},
            Completions([*kept, *self.later.all]),
        )
        none = np.zeros(len(base.completions), bool)
        return Suggester(self.view, self.queries, base, {}, {}, none, Completions([]), self.since)


def _counts(view: View, rows: Rows) -> dict[_Key, int]:
    """How many of some rows hold values of the columns that are counted."""
    counts: dict[_Key, int] = {}
    names = set(view.documents.columns)
    for kind, (columns, _) in _COUNTED.items():
        if len(rows) and all(c in names and view.documents[c].dtype == pl.String for c in columns):
            held = view.documents.select(pl.col(columns).gather(rows)).drop_nulls()
            counts |= {(kind, values[:-1]): values[-1] for values in held.group_by(columns).len().iter_rows()}
    return counts


def _of_count(key: _Key, count: int) -> _Source | None:
    kind, values = key
    return _Source(kind, -float(count), values, " ".join(values), float(count)) if count >= _COUNTED[kind][1] else None


def _titles(view: View, rows: Rows, most: int | None = None) -> list[_Source]:
    """The titles of rows that are not too long, at most so many, those of the most popular items."""
    titles = view.documents["title"].gather(rows)
    short = (titles.str.len_chars() <= _LONGEST_TITLE).to_numpy()
    popular = np.maximum(np.nan_to_num(view.numbers(POPULARITY, rows)), 0.0)[short]
    titles, rows = titles.filter(pl.Series(short)), rows[short]
    chosen = np.lexsort((rows, -popular))[:most]
    found = zip(titles.gather(chosen).to_list(), rows[chosen].tolist(), popular[chosen].tolist(), strict=True)
    return [_Source(_TITLE, -taken, row, title, 1.0 + taken) for title, row, taken in found]
