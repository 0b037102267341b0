"""One search: what is asked, who finds what, who comes first, and what is told about it."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from evenshelf.index.counting import ranges_of, values_of
from evenshelf.index.documents import FIELDS, POPULARITY
from evenshelf.index.explaining import explanations
from evenshelf.index.filters import describe
from evenshelf.index.ranking import FIRST, Candidates, Ranked, Ranking, fuse
from evenshelf.index.results import Hit, Results
from evenshelf.index.text.highlighting import highlights
from evenshelf.index.understanding import understand

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evenshelf.index.lexical import Found
    from evenshelf.index.requests import Request, Tools
    from evenshelf.index.understanding import Understood
    from evenshelf.index.view import View

    Rows = NDArray[np.int64]

_GROUPS_AT_MOST = 64
"""Words of a query, and pieces of them, that are looked for; who pastes a page means its beginning."""
_RELAXED = ("No item has all of these words.", "No item has any of these words, only parts of them.")
_BY_MEANING = "No item has any of these words. These are near to what they mean."
_ONE_BY_ONE = 3
_NONE = np.empty(0, np.int64)
_NO_SCORES = np.empty(0, np.float32)
_FIELDS = dict.fromkeys(FIELDS, 1.0)


def search(view: View, request: Request, tools: Tools) -> Results:
    """Answer a request.

    Raises
    ------
    InputError
        If the query cannot be used.
    SettingError
        If a column to sort or to count by is not known, or the page makes no sense.
    """
    request.check(tools.layout)
    return _Search(view, request, tools).results()


@dataclass(frozen=True)
class Judged:
    """What a search finds and some items besides, scored.

    Attributes
    ----------
    query
        As it was understood.
    candidates
        The items.
    ranked
        Their scores.
    trust
        In vectors, for this query.
    """

    query: Understood
    candidates: Candidates
    ranked: Ranked
    trust: float


def judge(view: View, request: Request, tools: Tools, rows: Rows) -> Judged:
    """Score some items as a search would, whether it finds them or not.

    Raises
    ------
    InputError
        If the query cannot be used.
    """
    request.check(tools.layout)
    asked = _Search(view, request, tools, also=rows)
    return Judged(asked.understood, asked.told_back, asked.ranked, asked.trust)


@dataclass(frozen=True)
class Matches:
    """What words found.

    Attributes
    ----------
    query
        Of the engine of words: what matches.
    total
        How many items match.
    rows
        The best of them.
    scores
        Their scores.
    needed
        How many words an item must have; None: any will do.
    relaxed
        What was let go, as sentences.
    """

    query: Any
    total: int
    rows: Rows
    scores: NDArray[np.float32]
    needed: int | None = None
    relaxed: tuple[str, ...] = ()


class _Search:
    """The stages of a search, each computed once and when it is needed."""

    def __init__(self, view: View, request: Request, tools: Tools, also: Rows = _NONE) -> None:
        self.view, self.request, self.tools, self.also = view, request, tools, also
        self.began = time.perf_counter()

    @cached_property
    def understood(self) -> Understood:
        found = understand(
            self.request.query,
            self.tools.analyzer,
            frequency=self.view.reader.frequency,
            items=len(self.view.reader),
            vocabulary=self.view.vocabulary,
            synonyms=self.tools.synonyms,
        )
        return replace(found, groups=found.groups[:_GROUPS_AT_MOST])

    @property
    def browsing(self) -> bool:
        """Whether nothing was asked for but what the filters say."""
        return not self.request.query.strip()

    @cached_property
    def vector(self) -> NDArray[np.float32] | None:
        if not self.asks_vectors:
            return None
        return self.tools.encode(self.understood.searched)

    @cached_property
    def ranking(self) -> Ranking:
        """The settings, as they are for the script of this query."""
        return self.tools.ranking.in_pieces() if self.understood.in_pieces else self.tools.ranking

    @property
    def late(self) -> bool:
        """Whether vectors would have taken part, had the query's been there in time."""
        return self.asks_vectors and self.vector is None

    @property
    def asks_vectors(self) -> bool:
        return bool(self.understood.groups) and self.tools.ranking.fusion != "words" and self.trust > 0

    @cached_property
    def trust(self) -> float:
        return 1.0 if self.tools.ranking.fusion == "vectors" else self.tools.trust.of(self.understood.folded)[0]

    @cached_property
    def matches(self) -> Matches:
        if self.tools.ranking.fusion == "vectors" or not (self.understood.groups or self.browsing):
            return Matches(None, 0, _NONE, _NO_SCORES)
        most = max(self.understood.needed, 1)
        query, found = self._asked(most)
        needed: int | None = most
        relaxed = () if found.total else _RELAXED[:1]
        if most > 1 and not self._are_enough(found, most):
            needed, query, found = self._less(most)
        if not found.total and self.understood.in_pieces:
            needed, relaxed = None, _RELAXED[1:]
            query, found = self._asked(None)
        known = self._known(found.rows)
        return Matches(
            query, found.total, found.rows[known], found.scores[known], needed, relaxed if found.total else ()
        )

    def _less(self, most: int) -> tuple[int, Any, Found]:
        """The greatest number of words below `most` that enough items have; 1 if there is none."""
        low, high = 1, most - 1
        # Fewer words are had by more items, so that of many numbers not all need be tried.
        while high - low > _ONE_BY_ONE:
            middle = (low + high) // 2
            if self._are_enough(self._asked(middle)[1], middle):
                low = middle
            else:
                high = middle - 1
        for needed in range(high, low, -1):
            query, found = self._asked(needed)
            if self._are_enough(found, needed):
                return needed, query, found
        return low, *self._asked(low)

    def _asked(self, needed: int | None) -> tuple[Any, Found]:
        query = self._query(needed)
        return query, self.view.reader.search(query, self.tools.ranking.depth)

    def _are_enough(self, found: Found, needed: int) -> bool:
        return found.total >= (1 if needed == 1 else self.tools.ranking.enough)

    @cached_property
    def candidates(self) -> Candidates:
        """Items of both legs, each with what the other says of it."""
        nearest = _NONE
        if self.vector is not None:
            _, floor = self.tools.trust.of(self.understood.folded)
            nearest, cosines = self.view.dense.nearest(
                self.vector, self.tools.ranking.depth, allowed=self.view.mask(self.request.allowed)
            )
            if self.tools.ranking.fusion != "vectors":
                nearest = nearest[cosines >= floor]
        rows = np.union1d(np.union1d(self.matches.rows, nearest), self.also)
        words = np.zeros(len(rows), np.float32)
        matched = np.isin(rows, self.matches.rows, assume_unique=True)
        # However many words an item must have, it is scored by all that it has: so these scores are known.
        words[np.searchsorted(rows, self.matches.rows)] = self.matches.scores if self.understood.groups else 0
        if self.understood.groups and self.tools.ranking.fusion != "vectors":
            words[~matched] = self.view.reader.scores(self._query(None), rows[~matched])
        return Candidates(
            rows=rows,
            words=words,
            coverage=self.view.reader.coverage(self.understood, rows),
            cosines=np.zeros(len(rows), np.float32)
            if self.vector is None
            else self.view.dense.cosines(self.vector, rows),
            popularity=np.maximum(np.nan_to_num(self.view.numbers(POPULARITY, rows)), 0.0).astype(np.float32),
            matched=matched,
            found=matched | np.isin(rows, nearest, assume_unique=True),
        )

    @cached_property
    def ranked(self) -> Ranked:
        usual = fuse(self.told_back, self.ranking, self.trust)
        if self.tools.ranker is None or not len(self.told_back.rows):
            return usual
        return self.tools.ranker(self.view, self.understood, self.told_back, usual, self.trust)

    @cached_property
    def told_back(self) -> Candidates:
        """The candidates, with cosines to where the first of them move the query."""
        ranking, candidates = self.ranking, self.candidates
        if self.vector is None or not ranking.feedback or not candidates.found.any():
            return candidates
        first = np.where(candidates.found, fuse(candidates, ranking, self.trust).scores, -np.inf)
        best = np.argsort(-first, kind="stable")[: min(FIRST, int(candidates.found.sum()))]
        centre = self.view.dense.vectors(candidates.rows[best]).mean(axis=0)
        moved = self.vector + np.float32(ranking.feedback) * centre / max(float(np.linalg.norm(centre)), 1e-9)
        moved /= max(float(np.linalg.norm(moved)), 1e-9)
        return replace(candidates, cosines=self.view.dense.cosines(moved, candidates.rows))

    @cached_property
    def beside(self) -> Rows:
        """Candidates that vectors found and that do not match by words, however deep one looks."""
        candidates = self.candidates
        only = candidates.found & ~candidates.matched
        if len(self.matches.rows) >= self.matches.total:
            return candidates.rows[only]
        # Deeper down than the words' candidates go an item may match as well, but not without any word.
        unsure = candidates.rows[only & (candidates.words > 0)]
        deep = unsure[self.view.reader.scores(self.matches.query, unsure) > 0]
        return np.setdiff1d(candidates.rows[only], deep, assume_unique=True)

    @property
    def total(self) -> int:
        return self.matches.total + len(self.beside)

    @property
    def relaxed(self) -> tuple[str, ...]:
        """What was let go to find something: sentences."""
        by_words = self.understood.groups and self.tools.ranking.fusion != "vectors"
        return (_BY_MEANING,) if by_words and not self.matches.total and self.total else self.matches.relaxed

    def page(self) -> tuple[Rows, NDArray[np.float32]]:
        """Rows of the page and their scores."""
        first, last = self.request.offset, self.request.offset + self.request.limit
        if self.request.sort is not None or self.browsing:
            rows = self._sorted(last)[first:last]
            return rows, np.zeros(len(rows), np.float32)
        order = np.lexsort((self.candidates.rows, -self.ranked.scores))
        rows, scores = self.candidates.rows[order], self.ranked.scores[order]
        if last > len(rows) and self.matches.total > len(self.matches.rows):
            # Beyond the candidates words alone decide.
            deeper = self._alive(self.view.reader.search(self.matches.query, last + len(rows)).rows)
            more = deeper[~np.isin(deeper, rows)]
            rows = np.concatenate([rows, more])
            scores = np.concatenate([scores, np.full(len(more), scores.min(initial=0.0), np.float32)])
        return rows[first:last], scores[first:last]

    def results(self) -> Results:
        rows, scores = self.page()
        total = self.total
        layout, matching = self.tools.layout, self.matches.query if self.matches.total else None
        texts, numbers = ([c for c in self.request.facets if c in all_] for all_ in (layout.texts, layout.numbers))
        values = values_of(self.view, matching, texts, self.beside)
        legs = (("words", self.matches.total > 0), ("vectors", self.vector is not None))
        return Results(
            query=self.request.query,
            hits=self._hits(rows, scores),
            total=total,
            offset=self.request.offset,
            corrected=self.understood.corrected,
            did_you_mean=self.understood.meant,
            relaxed=self.relaxed,
            late=self.late,
            facets={column: one.counts for column, one in values.items()},
            rest={column: one.rest for column, one in values.items() if one.rest},
            ranges=ranges_of(self.view, matching, numbers, self.beside),
            without={} if total or (self.browsing and not self.request.allowed) else self._without(),
            legs=tuple(leg for leg, there in legs if there),
            milliseconds=(time.perf_counter() - self.began) * 1000,
        )

    def _query(self, needed: int | None) -> Any:
        bonus = self.ranking.title_bonus
        return self.view.reader.query(
            self.understood, _FIELDS, needed=needed, allowed=self.request.allowed, bonus=bonus
        )

    def _alive(self, rows: Rows) -> Rows:
        return rows[self._known(rows)]

    def _known(self, rows: Rows) -> NDArray[np.bool_]:
        """Which rows are items of now: a reader in another process may know of more."""
        known: NDArray[np.bool_] = rows < len(self.view.alive)
        known[known] = self.view.alive[rows[known]]
        return known

    def _sorted(self, last: int) -> Rows:
        """The first rows in the order of a column; those without a number come last.

        Ties stay in the order in which the engine of words gives them: one page goes on where the other ended.
        """
        sort = self.request.sort or f"-{POPULARITY}"
        column, descending = sort.removeprefix("-"), sort.startswith("-")
        reader, query = self.view.reader, self.matches.query
        if column not in self.tools.layout.numbers:
            return self._alive(reader.search(query, last).rows)
        numbers = self.view.numbers(column, self.beside)
        has = ~np.isnan(numbers)
        rows, rest = self.beside[has], self.beside[~has]
        if self.matches.total:
            rows = np.concatenate([self._alive(reader.ordered(query, column, last, descending=descending)), rows])
            rest = np.concatenate([self._alive(reader.without(query, column, max(0, last - len(rows)))), rest])
        numbers = self.view.numbers(column, rows)
        return np.concatenate([rows[np.argsort(-numbers if descending else numbers, kind="stable")], rest])

    def _without(self) -> dict[str, int]:
        """How many items there are if one filter is left out."""
        found = {}
        for i, condition in enumerate(self.request.allowed):
            rest = replace(self.request, allowed=self.request.allowed[:i] + self.request.allowed[i + 1 :])
            found[describe(condition)] = _Search(self.view, rest, self.tools).total
        return {text: count for text, count in found.items() if count}

    def _hits(self, rows: Rows, scores: NDArray[np.float32]) -> tuple[Hit, ...]:
        tokens = {t for g in self.understood.groups for a in g.alternatives for t in a.tokens}
        reasons = explanations(self, rows) if self.request.explain else [None] * len(rows)
        return tuple(
            Hit(
                item_id=str(item["item_id"]),
                score=round(float(score), 6),
                item=item,
                highlights=highlights(str(item["title"]), tokens, self.tools.analyzer),
                explanation=reason,
            )
            for item, score, reason in zip(self.view.items(rows), scores, reasons, strict=True)
        )
