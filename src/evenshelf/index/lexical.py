"""The engine of words: BM25 by field over tokens that were made here, kept by tantivy.

Tantivy stores and scores; which tokens there are, how they are spelled and which of them must be there together is
decided in :mod:`evenshelf.index.text` and :mod:`evenshelf.index.understanding`.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import tantivy

from evenshelf.errors import InputError
from evenshelf.index.counting import Values
from evenshelf.index.documents import FIELDS, Layout
from evenshelf.index.filters import Among
from evenshelf.index.lexical_writer import FACETS, MARK, ROW, LexicalWriter, marked

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from evenshelf.index.filters import Condition, Filter
    from evenshelf.index.understanding import Alternative, Group, Understood

    Rows = NDArray[np.int64]
    Scores = NDArray[np.float32]

_TOKENS = "tokens"
_META = "meta.json"
"""Tantivy's list of what counts, replaced in one step by each commit."""
MOST_VALUES = 1000
"""Values of a facet that are told, the most frequent ones."""
_LOOKED_AT = 100_000
"""Values that are counted in each part of the index before the most frequent ones are chosen."""

_Query = tantivy.Query
_MUST, _SHOULD, _NOT = tantivy.Occur.Must, tantivy.Occur.Should, tantivy.Occur.MustNot


@dataclass(frozen=True)
class Found:
    """Items that an engine found.

    Attributes
    ----------
    rows
        Rows, best first.
    scores
        Their scores.
    total
        How many match in all.
    """

    rows: Rows
    scores: Scores
    total: int


class LexicalIndex:
    """Tokens and facets of rows, on disk; open one with :meth:`open`, make one with :meth:`create`.

    Parameters
    ----------
    index
        The tantivy index.
    layout
        Which columns there are to filter by.
    folder
        Where it is.
    """

    def __init__(self, index: Any, layout: Layout, folder: Path) -> None:
        # Fields are split at white space alone: what a token is was decided before.
        index.register_tokenizer(_TOKENS, tantivy.TextAnalyzerBuilder(tantivy.Tokenizer.whitespace()).build())
        self._index = index
        self._folder = folder
        self._key = {name: f"{FACETS}.c{i}" for i, name in enumerate(layout.texts)}
        self._number = {name: f"n{i}" for i, name in enumerate(layout.numbers)}

    @classmethod
    def create(cls, folder: Path, layout: Layout) -> LexicalIndex:
        """Make an empty index in a folder that is there and empty."""
        builder = tantivy.SchemaBuilder()
        builder.add_unsigned_field(ROW, indexed=True, fast=True)
        for field in FIELDS:
            builder.add_text_field(field, tokenizer_name=_TOKENS, index_option="freq")
        builder.add_json_field(FACETS, fast=True, tokenizer_name="raw", index_option="basic")
        for i in range(len(layout.numbers)):
            builder.add_float_field(f"n{i}", indexed=True, fast=True)
        return cls(tantivy.Index(builder.build(), path=str(folder)), layout, folder)

    @classmethod
    def open(cls, folder: Path, layout: Layout) -> LexicalIndex:
        """Open the index in a folder.

        Raises
        ------
        InputError
            If there is none, or it is damaged.
        """
        try:
            return cls(tantivy.Index.open(str(folder)), layout, folder)
        except ValueError as error:
            raise InputError(
                f"The words in {folder} cannot be read: {error}",
                hint="Make the index anew: evenshelf index SHOP --anew",
            ) from error

    def committed(self) -> bytes | None:
        """Return what tells one commit from the next; None if it cannot be read."""
        try:
            return (self._folder / _META).read_bytes()
        except OSError:
            return None

    def writer(self, threads: int = 1) -> LexicalWriter:
        """Return what adds rows; there can be one at a time."""
        return LexicalWriter(self._index, self._key, self._number, threads)

    def reader(self, removed: int = 0) -> LexicalReader:
        """Return the index as it is now, for any number of threads; later commits do not change it.

        Parameters
        ----------
        removed
            So many rows were removed from it.
        """
        self._index.reload()
        return LexicalReader(self._index.searcher(), self._index.schema, self._key, self._number, removed)


class LexicalReader:
    """What the index held at one moment."""

    def __init__(
        self, searcher: Any, schema: Any, key: Mapping[str, str], number: Mapping[str, str], removed: int
    ) -> None:
        self._searcher = searcher
        self._schema = schema
        self._key = key
        self._number = number
        self._removed = removed
        self._counted: dict[tuple[str, str], int] = {}

    def __len__(self) -> int:
        return int(self._searcher.num_docs)

    def frequency(self, token: str) -> int:
        """Return in how many items a token stands, in the field in which most have it."""
        return max(self._frequency(field, token) for field in FIELDS)

    def _frequency(self, field: str, token: str) -> int:
        found = int(self._searcher.doc_freq(field, token))
        if 0 < found <= self._removed:
            # Tantivy counts rows that were removed until it merges them away: perhaps there are no others.
            key = (field, token)
            if key not in self._counted:
                self._counted[key] = self.count(self._term(field, token))
            return self._counted[key]
        return min(found, len(self))

    def search(self, query: Any, limit: int) -> Found:
        """Return the best rows for a query of :meth:`query`; ties in the order in which they are stored."""
        if limit <= 0:
            return Found(np.empty(0, np.int64), np.empty(0, np.float32), self.count(query))
        result = self._searcher.search(query, limit=limit)
        return Found(self._rows(result.hits), np.array([s for s, _ in result.hits], np.float32), int(result.count))

    def count(self, query: Any) -> int:
        """Return how many rows match."""
        return int(self._searcher.search(query, limit=1).count)

    def ordered(self, query: Any, column: str, limit: int, *, descending: bool) -> Rows:
        """Return matching rows in the order of a number, ties as they are stored; those without one are left out."""
        order = tantivy.Order.Desc if descending else tantivy.Order.Asc
        there = _Query.boolean_query([(_MUST, query), (_MUST, _Query.exists_query(self._number[column]))])
        result = self._searcher.search(
            there, limit=limit, count=False, order_by_field=self._number[column], order=order
        )
        return self._rows(result.hits)

    def without(self, query: Any, column: str, limit: int) -> Rows:
        """Return matching rows that have no number, the best first."""
        there = _Query.exists_query(self._number[column])
        return self.search(_Query.boolean_query([(_MUST, query), (_NOT, there)]), limit).rows

    def scores(self, query: Any, rows: Rows) -> Scores:
        """Return the scores of rows, 0 of those that do not match."""
        scores = np.zeros(len(rows), np.float32)
        if not len(rows):
            return scores
        # One by one: of hundreds of rows that takes tantivy a third of the time of a set.
        each = _Query.boolean_query([(_SHOULD, _Query.term_query(self._schema, ROW, row)) for row in rows.tolist()])
        both = _Query.boolean_query([(_MUST, _Query.const_score_query(each, 0.0)), (_MUST, query)])
        result = self._searcher.search(both, limit=len(rows), count=False)
        order = np.argsort(rows)
        places = order[np.searchsorted(rows, self._rows(result.hits), sorter=order)]
        scores[places] = [score for score, _ in result.hits]
        return scores

    def facets(self, query: Any, columns: Sequence[str]) -> dict[str, Values]:
        """Return how many matching rows hold each value of columns of texts, the most frequent first."""
        if not columns:
            return {}
        terms = {"size": MOST_VALUES, "segment_size": _LOOKED_AT}
        found = self._searcher.aggregate(query, {c: {"terms": {"field": self._key[c], **terms}} for c in columns})
        return {
            c: Values(
                {b["key"].removeprefix(MARK): int(b["doc_count"]) for b in found[c]["buckets"]},
                int(found[c]["sum_other_doc_count"]),
            )
            for c in columns
        }

    def spans(self, query: Any, columns: Sequence[str]) -> dict[str, tuple[float, float] | None]:
        """Return the least and the greatest number of matching rows."""
        if not columns:
            return {}
        found = self._searcher.aggregate(query, {c: {"stats": {"field": self._number[c]}} for c in columns})
        return {c: (float(found[c]["min"]), float(found[c]["max"])) if found[c]["count"] else None for c in columns}

    def query(
        self,
        understood: Understood,
        weights: Mapping[str, float],
        *,
        needed: int | None,
        allowed: Filter = (),
        bonus: float = 0.0,
    ) -> Any:
        """Return a query of tantivy.

        A word counts as much as in the field where it counts most (a maximum over fields), not as the sum of all:
        attributes say again what the title says.

        Parameters
        ----------
        understood
            What was asked.
        weights
            How much each field counts; fields that are not named do not count.
        needed
            So many of the groups of words that matter an item must have; None: any word will do.
        allowed
            Conditions that all must hold.
        bonus
            What a word in the title counts besides, by weight.
        """
        scored = self._scored(understood, weights, needed, bonus)
        if not allowed:
            return scored
        held = [(_MUST, _Query.const_score_query(self._condition(condition), 0.0)) for condition in allowed]
        return _Query.boolean_query([(_MUST, scored), *held])

    def _scored(self, understood: Understood, weights: Mapping[str, float], needed: int | None, title: float) -> Any:
        groups = [(group, self._group(group, weights, title)) for group in understood.groups]
        if not groups:
            return _Query.const_score_query(_Query.all_query(), 0.0)
        must = [query for group, query in groups if not group.optional]
        bonus = [query for group, query in groups if group.optional]
        if not must:
            return _Query.boolean_query([(_SHOULD, query) for query in bonus])
        if needed is None or needed <= 1:
            return (
                _Query.boolean_query([(_SHOULD, query) for query in must + bonus])
                if needed is None
                else (_with_bonus(_Query.boolean_query([(_SHOULD, query) for query in must]), bonus))
            )
        if needed >= len(must):
            return _Query.boolean_query([(_MUST, q) for q in must] + [(_SHOULD, q) for q in bonus])
        some = _Query.boolean_query([(_SHOULD, query) for query in must], minimum_number_should_match=needed)
        return _with_bonus(some, bonus)

    def _group(self, group: Group, weights: Mapping[str, float], bonus: float) -> Any:
        queries = [self._alternative(alternative, weights, bonus) for alternative in group.alternatives]
        query = queries[0] if len(queries) == 1 else _Query.disjunction_max_query(queries, 0.1)
        return query if group.scored else _Query.const_score_query(query, 0.0)

    def _alternative(self, alternative: Alternative, weights: Mapping[str, float], bonus: float) -> Any:
        tokens = [self._token(token, weights, bonus) for token in alternative.tokens]
        if len(tokens) == 1:
            query = tokens[0]
        elif alternative.least is not None:
            some = [(_SHOULD, token) for token in tokens]
            query = _Query.boolean_query(some, minimum_number_should_match=alternative.least)
        else:
            query = _Query.boolean_query([(_MUST, token) for token in tokens])
        return _boosted(query, alternative.weight)

    def _token(self, token: str, weights: Mapping[str, float], bonus: float) -> Any:
        queries = [_boosted(self._term(field, token), weight) for field, weight in weights.items()]
        best = queries[0] if len(queries) == 1 else _Query.disjunction_max_query(queries)
        if not bonus or "title" not in weights:
            return best
        return _Query.boolean_query([(_SHOULD, best), (_SHOULD, _boosted(self._term("title", token), bonus))])

    def _term(self, field: str, token: str) -> Any:
        return _Query.term_query(self._schema, field, token, index_option="freq")

    def coverage(self, understood: Understood, rows: Rows) -> Scores:
        """Return the share of the groups of words that matter that each row has, each by how rare it is (idf).

        Rare is what few items have (idf of BM25); a group that no item has counts as if one in all had it.
        """
        asked = [group for group in understood.groups if not group.optional]
        if not asked or not len(rows):
            return np.zeros(len(rows), np.float32)
        fields = dict.fromkeys(FIELDS, 1.0)
        rarity = [self._rarity(group) for group in asked]
        held = [
            (_SHOULD, _Query.const_score_query(self._group(group, fields, 0.0), idf))
            for group, idf in zip(asked, rarity, strict=True)
        ]
        return self.scores(_Query.boolean_query(held), rows) / np.float32(sum(rarity))

    def _rarity(self, group: Group) -> float:
        # Of the ways to say it the most frequent one; of a way in parts the part that fewest have.
        frequent = max(min(map(self.frequency, way.tokens)) for way in group.alternatives)
        return math.log1p((len(self) - frequent + 0.5) / (frequent + 0.5))

    def _condition(self, condition: Condition) -> Any:
        if isinstance(condition, Among):
            key = self._key[condition.column]
            if not condition.values:
                query = _not(_Query.exists_query(key))
            else:
                terms = [_Query.term_query(self._schema, key, marked(value)) for value in condition.values]
                query = terms[0] if len(terms) == 1 else _Query.boolean_query([(_SHOULD, term) for term in terms])
        else:
            name = self._number[condition.column]
            if condition.low is None and condition.high is None:
                query = _Query.exists_query(name)
            else:
                query = _Query.range_query(
                    self._schema,
                    name,
                    tantivy.FieldType.Float,
                    condition.low,
                    condition.high,
                    condition.with_low,
                    condition.with_high,
                )
        return _not(query) if condition.negated else query

    def _rows(self, hits: Sequence[tuple[Any, Any]]) -> Rows:
        return np.array(self._searcher.fast_field_values(ROW, [address for _, address in hits]), np.int64)


def _boosted(query: Any, weight: float) -> Any:
    return query if weight == 1 else _Query.boost_query(query, weight)


def _with_bonus(query: Any, bonus: Sequence[Any]) -> Any:
    return _Query.boolean_query([(_MUST, query), *((_SHOULD, b) for b in bonus)]) if bonus else query


def _not(query: Any) -> Any:
    return _Query.boolean_query([(_MUST, _Query.all_query()), (_NOT, query)])
