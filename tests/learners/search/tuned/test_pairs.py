"""What is trained on: never an item that answers the query as one of its rivals."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenshelf.errors import InputError
from evenshelf.learners.search.tuned.pairs import TrainingPairs
from evenshelf.learners.search.tuned.visits import Sizes, steps_of, visits_of

QUERIES = ("shoes", "Sofa", "sofa", "phone")
ITEMS = ("red shoe", "RED  shoe", "grey sofa", "sofa cover", "phone", "phone case", "lamp")


@st.composite
def judged(draw):
    """Any judgements of four queries of which two are equal, over seven items of which two are."""
    cells = [(q, i) for q in range(len(QUERIES)) for i in range(len(ITEMS))]
    some = draw(st.lists(st.sampled_from(cells), min_size=1, max_size=20, unique=True))
    grades = draw(st.lists(st.integers(0, 3), min_size=len(some), max_size=len(some)).filter(any))
    mined = draw(st.lists(st.sampled_from(cells), max_size=20))
    query, item = np.array(some).T
    negatives = np.array(mined, np.int64).reshape(-1, 2).T
    return TrainingPairs(
        QUERIES, ITEMS, query, item, np.array(grades, float), np.ones(len(some)), (negatives[0], negatives[1])
    )


def same(one, other):
    return " ".join(one.lower().split()) == " ".join(other.lower().split())


@given(judged())
def test_no_rival_of_a_query_answers_it_or_is_the_twin_of_one_that_does(pairs):
    told = [
        (pairs.queries[q], pairs.items[i])
        for q, i, grade in zip(pairs.query, pairs.item, pairs.grade, strict=True)
        if grade > 0
    ]
    query, item, was_judged = pairs.rivals
    for q, i in zip(query, item, strict=True):
        assert not any(same(pairs.queries[q], asked) and same(pairs.items[i], answer) for asked, answer in told)
    cells = list(zip(query.tolist(), item.tolist(), strict=True))
    assert len(set(cells)) == len(cells)
    refused = {(q, i) for q, i, g in zip(pairs.query, pairs.item, pairs.grade, strict=True) if g == 0}
    for cell, one in zip(cells, was_judged, strict=True):
        assert one == (cell in refused)


@given(judged(), st.integers(1, 3), st.integers(0, 3), st.integers(0, 9))
def test_an_epoch_visits_every_query_that_has_an_answer_and_every_answer_of_it(pairs, answers, rivals, seed):
    sizes = Sizes(answers, rivals, 2)
    visits = visits_of(pairs, sizes, np.random.default_rng(seed))
    told = {(int(pairs.query[i]), int(pairs.item[i])) for i in pairs.positives}
    seen = {(visit.query, int(item)) for visit in visits for item in visit.answers}
    assert seen <= told
    assert {q for q, _ in seen} == {q for q, _ in told}
    for query in {q for q, _ in told}:
        own = sum(q == query for q, _ in told)
        if own <= 4 * answers:
            assert {cell for cell in seen if cell[0] == query} == {cell for cell in told if cell[0] == query}
    assert all(0 < len(visit.answers) <= answers and len(visit.rivals) <= rivals for visit in visits)
    assert [visit for step in steps_of(visits, sizes) for visit in step] == visits


@given(judged())
def test_what_nobody_judged_is_a_rival_only_of_queries_that_have_no_judged_one(pairs):
    query, item, was_judged = pairs.rivals
    known = {q: set(item[(query == q) & was_judged].tolist()) for q in range(len(QUERIES))}
    every = {q: set(item[query == q].tolist()) for q in range(len(QUERIES))}
    for visit in visits_of(pairs, Sizes(4, 99, 2), np.random.default_rng(0)):
        assert set(visit.rivals.tolist()) == (known[visit.query] or every[visit.query])
        assert ((visit.added == 0) == bool(known[visit.query])).all()


def test_pairs_of_judgements_leave_out_what_has_no_text():
    made = TrainingPairs.of({"shoes": {"a": 2.0, "gone": 3.0}, "sofa": {"b": 0.0}}, {"a": "red shoe", "b": "lamp"})
    assert (made.queries, made.items) == (("shoes", "sofa"), ("red shoe", "lamp"))
    assert [made.query.tolist(), made.item.tolist(), made.grade.tolist()] == [[0, 1], [0, 1], [2.0, 0.0]]
    assert made.prior.counts.tolist() == [1, 0]
    with pytest.raises(InputError, match="nothing to learn from"):
        TrainingPairs.of({"shoes": {"gone": 3.0}}, {"a": "red shoe"})
    with pytest.raises(InputError, match="nothing to learn from"):
        TrainingPairs.of({}, {})


def test_the_best_that_nobody_judged_is_mined():
    pairs = TrainingPairs(
        QUERIES, ITEMS, np.array([0, 0, 3]), np.array([0, 4, 4]), np.array([2.0, 0.0, 1.0]), np.ones(3)
    )
    candidates = np.array([(q, i) for q in (0, 3) for i in range(len(ITEMS))])
    score = np.tile([9.0, 8.0, 3.0, 4.0, 7.0, 1.0, 2.0], 2)
    mined = pairs.mined(candidates[:, 0], candidates[:, 1], score, 2)
    # of "shoes" the first answers, the second is its twin, and the fifth was judged
    assert [c.tolist() for c in mined.negatives] == [[0, 0, 3, 3], [3, 2, 0, 1]]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"grade": np.zeros(2)}, "nothing to learn from"),
        ({"weight": np.zeros(2)}, "nothing to learn from"),
        ({"grade": np.array([np.nan, 1.0])}, "A grade"),
        ({"weight": np.array([-1.0, 1.0])}, "A weight"),
        ({"item": np.array([0, 99])}, "codes go from 0 to 99"),
        ({"query": np.array([-1, 0])}, "codes go from -1"),
        ({"query": np.array([0])}, "have 1, 2 rows"),
        ({"negatives": (np.array([0]), np.array([7]))}, "codes go from 0 to 7"),
        ({"negatives": (np.array([0]), np.array([], np.int64))}, "the negatives 1 and 0"),
    ],
)
def test_what_does_not_fit_together_is_told(change, said):
    given = {"query": np.array([0, 1]), "item": np.array([0, 2]), "grade": np.ones(2), "weight": np.ones(2)}
    with pytest.raises(InputError, match=said):
        TrainingPairs(QUERIES, ITEMS, **{**given, **change})
