"""What queries are answered with: as if every item had a score for every query, though candidates alone have one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array

from evenshelf.index.features import FEATURES
from evenshelf.learners.search.base import Evidence, ItemSide, Pool
from evenshelf.learners.search.texts import Texts
from evenshelf.remedies import Offered, parse
from evenshelf.study.search import answering, cells
from evenshelf.study.search.answering import CANDIDATES, LISTED, answers, memory_of
from evenshelf.study.search.cells import Cells
from evenshelf.tasks.top_items import place_of, top

REMEDIES = (
    "none",
    "logit_adjust",
    "knn",
    "knn(k=3, share=0.5)",
    "mmr",
    "fair_exposure",
    "logit_adjust + knn",
    "knn + mmr",
)


def pool_of(queries, items, seed):
    """Queries with up to all items as candidates, some of which are found and some judged; scores tie now and then."""
    rng = np.random.default_rng(seed)
    sizes = rng.integers(0, items + 1, queries) * (rng.random(queries) < 0.9)
    count = int(sizes.sum())
    pool = Pool(
        queries=np.array([f"query {n}" for n in range(queries)], str),
        vectors=rng.standard_normal((queries, 3)).astype(np.float32),
        count=rng.integers(1, 9, queries).astype(np.float32),
        start=np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64),
        item=np.concatenate([np.zeros(0), *(rng.permutation(items)[:size] for size in sizes)]).astype(np.int64),
        features=np.zeros((count, len(FEATURES)), np.float32),
        found=rng.random(count) < rng.choice([0.0, 0.6, 1.0]),
        grade=rng.choice([0.0, 1.0, 3.0, np.nan], count).astype(np.float32),
        clicked=np.zeros((count, 3), np.float32),
    )
    return pool, rng.integers(-4, 4, count).astype(np.float32)


def side_of(items, seed):
    rng = np.random.default_rng(seed)
    vectors = rng.standard_normal((items, 3)).astype(np.float32)
    titles = Texts.of(f"item {n}" for n in range(items))
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return ItemSide(titles, titles, vectors, rng.integers(0, 50, items))


def in_full(scores, pool, remedy, evidence, *, seed):
    """The same by a table of all queries and all items."""
    items, wanted = len(evidence.items.titles), np.flatnonzero(pool.grade > 0)
    table, shown = np.full((len(pool), items), -np.inf, np.float32), np.zeros((len(pool), items), bool)
    table[pool.query, pool.item], shown[pool.query, pool.item] = scores, pool.found
    table = remedy.adjust(table, evidence.prior, np.ones(items, np.float32))
    judged, table = table, np.where(shown, table, np.float32(-np.inf))
    memory = memory_of(remedy, evidence)
    if memory is not None:
        votes = memory.look_up(pool.vectors)
        judged, table = memory(judged, votes), memory(table, votes)
        table = np.where(shown | (votes.toarray() > 0), table, np.float32(-np.inf))
    rank = place_of(table, pool.query[wanted], pool.item[wanted], seed=seed)
    lists = top(table, min(CANDIDATES, items), seed=seed)
    value = np.take_along_axis(table, np.maximum(lists, 0), axis=1)
    value = np.where(lists >= 0, value, -np.inf).astype(np.float32)
    order = remedy.rerank(Offered(lists, value, LISTED, evidence.items.vectors), evidence.prior)
    if order is not None:
        place, among = np.argsort(order, axis=1), rank < lists.shape[1]
        rank[among] = place[pool.query[wanted][among], rank[among].astype(np.int64)]
        lists = np.take_along_axis(lists, order, axis=1)
    first = lists[:, :LISTED]
    return (
        np.pad(first, ((0, 0), (0, LISTED - first.shape[1])), constant_values=-1),
        rank,
        judged[pool.query, pool.item],
    )


@given(st.integers(1, 9), st.sampled_from([1, 5, 40, 130]), st.integers(0, 999), st.sampled_from(REMEDIES))
def test_candidates_alone_rank_as_all_items_would(queries, items, seed, spec):
    (pool, scores), (known, _) = pool_of(queries, items, seed), pool_of(6, items, seed + 1000)
    evidence, remedy = Evidence(known, side_of(items, seed)), parse(spec)
    (told,) = answers(scores, pool, [remedy], evidence, seed=seed)
    lists, rank, values = in_full(scores, pool, remedy, evidence, seed=seed)
    np.testing.assert_array_equal(told.lists, lists)
    np.testing.assert_array_equal(told.rank, rank)
    np.testing.assert_allclose(told.values, values, rtol=1e-6, err_msg="but for the last bit: sums are of fewer zeros")


@pytest.mark.parametrize("spec", REMEDIES)
def test_a_few_queries_at_a_time_rank_as_all_at_once(spec, monkeypatch):
    (pool, scores), (known, _) = pool_of(30, 40, 1), pool_of(6, 40, 2)
    evidence, remedy = Evidence(known, side_of(40, 3)), [parse(spec)]
    (once,) = answers(scores, pool, remedy, evidence, seed=0)
    for module in (answering, cells):
        monkeypatch.setattr(module, "HELD", 100)
    (often,) = answers(scores, pool, remedy, evidence, seed=0)
    np.testing.assert_array_equal(once.lists, often.lists)
    np.testing.assert_array_equal(once.rank, often.rank)
    np.testing.assert_array_equal(once.values, often.values)


def test_tables_are_as_wide_as_the_most_candidates_however_many_items_there_are():
    """Three queries among a hundred million items."""
    items, line = 10**8, np.array([0, 0, 1, 1, 2])
    held = Cells.of(3, items, line, np.array([5, 7, 8, 99_999_999, 0]))
    assert held.table(np.zeros(5, np.float32)).shape == (3, 2)
    votes = csr_array((np.ones(1, np.float32), ([1], [8])), shape=(3, items))
    assert held.cut(votes).toarray().tolist() == [[0, 0], [1, 0], [0, 0]]


@given(st.integers(1, 6), st.integers(1, 30), st.integers(0, 99))
def test_cells_are_found_where_they_were_put(queries, items, seed):
    pool, scores = pool_of(queries, items, seed)
    held = Cells.of(queries, items, pool.query, pool.item)
    assert len(held.item) == len(pool.item)
    at = held.find(pool.query, pool.item)
    np.testing.assert_array_equal(held.line[at], pool.query)
    np.testing.assert_array_equal(held.item[at], pool.item)
    values = np.empty(len(at), np.float32)
    values[at] = scores
    table = held.table(values)
    np.testing.assert_array_equal(table[held.line, held.column], values)
    assert np.isneginf(table).sum() == table.size - len(at)
    some = np.arange(0, queries, 2)
    changed = held.in_full(values, lambda full, lines: full + lines[:, None].astype(np.float32) + 1, some)
    np.testing.assert_array_equal(changed, np.where(held.line % 2 == 0, values + held.line + 1, values))
