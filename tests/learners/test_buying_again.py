"""What users take again is counted as plain loops count it, and mixed with what is new into one distribution."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenshelf.errors import InputError
from evenshelf.learners.ranking.base import Evidence
from evenshelf.learners.ranking.bundling import kept
from evenshelf.learners.ranking.registry import ranking_learner
from evenshelf.rankers.buying_again import BuyingAgain, Pairs, pairs_of, returns_of
from evenshelf.rankers.kinds import unpacked
from evenshelf.rankers.packing import Unpacked
from evenshelf.remedies import parse
from evenshelf.tasks.baskets import last_held
from evenshelf.tasks.histories import Histories

baskets = st.lists(st.lists(st.lists(st.integers(0, 5), min_size=1, max_size=4), max_size=5), min_size=1, max_size=6)


def histories_of(users: list[list[list[int]]]) -> Histories:
    """Of baskets, each at a moment of its own."""
    made = Histories.of([[f"i{item}" for basket in user for item in basket] for user in users])
    moments = [time for user in users for time, basket in enumerate(user) for _ in basket]
    return replace(made, time=np.array(moments, np.int64))


@given(baskets.filter(any))
def test_pairs_are_those_of_plain_loops(users: list[list[list[int]]]) -> None:
    histories = histories_of(users)
    pairs = pairs_of(histories)
    found = {
        (user, histories.items[item]): (taken, ago)
        for user, item, taken, ago in zip(pairs.user, pairs.item, pairs.taken, pairs.ago, strict=True)
    }
    expected = {}
    for user, own in enumerate(users):
        for item in {i for basket in own for i in basket}:
            places = [place for place, basket in enumerate(own) if item in basket]
            expected[user, f"i{item}"] = len(places), len(own) - places[-1]
    assert found == expected


def regulars(users: int = 200) -> Histories:
    """Each buys one item in every basket, and one at random besides."""
    rng = np.random.default_rng(0)
    return histories_of([[[u % 5, int(rng.integers(0, 6))] for _ in range(4)] for u in range(users)])


def test_what_comes_back_more_often_and_later_is_seen() -> None:
    returns = returns_of(regulars())
    assert returns.rate[2, 0] > 2 * returns.rate[0, 0], "taken three times and once"
    assert (returns.rate > 0).all()
    assert (returns.rate < 1).all()
    assert 0.4 < returns.share[1] < 1.0
    assert ((returns.share > 0) & (returns.share < 1)).all()


@given(st.integers(0, 3))
def test_probabilities_of_all_items_add_up_and_what_is_regular_comes_first(seed: int) -> None:
    histories = regulars()
    evidence = Evidence(histories, repeats=True)
    learner = ranking_learner("item_knn")
    ranker = learner.fitted(evidence, parse("none"), setting=learner.default, seed=seed)
    assert isinstance(ranker, BuyingAgain)
    some = histories.of_users(np.arange(40))
    chance = np.exp(ranker.scores(some).astype(np.float64))
    np.testing.assert_allclose(chance.sum(axis=1), 1.0, atol=1e-4)
    regular = [histories.items.index(f"i{user % 5}") for user in range(40)]
    assert np.mean(chance.argmax(axis=1) == regular) > 0.9
    again = returns_of(histories).chances(some)
    assert again.shape == chance.shape
    nobody = some.kept(np.zeros(len(some.item), bool))
    assert np.isfinite(ranker.scores(nobody)).all()
    assert ranker.bytes > ranker.new.bytes


def test_weights_lift_what_returns_too() -> None:
    histories = regulars()
    weight = np.ones(len(histories.items), np.float32)
    weight[2] = 5.0
    one, two = (returns_of(histories, given).chances(histories).toarray() for given in (None, weight))
    user, item = one.nonzero()
    odds = [chance[user, item] / (1.0 - chance[user, item]) for chance in (one, two)]
    np.testing.assert_allclose(odds[1] / odds[0], weight[item], rtol=1e-6)


@given(baskets.filter(any))
def test_chances_are_probabilities_of_what_was_had_whatever_the_histories(users: list[list[list[int]]]) -> None:
    histories = histories_of(users)
    chances = returns_of(histories).chances(histories)
    had = histories.weights()
    np.testing.assert_array_equal(np.sort(chances.indices), np.sort(had.indices))
    assert ((chances.data > 0) & (chances.data < 1)).all()


def test_what_half_of_the_baskets_had_returns_more_often_than_what_a_tenth_had() -> None:
    # each takes a common item with a chance of its own, in every other basket or in one of ten
    rng = np.random.default_rng(1)
    chance = rng.choice([0.5, 0.1], 400)
    histories = histories_of(
        [[[*([0] if rng.random() < c else []), int(rng.integers(1, 40))] for _ in range(20)] for c in chance]
    )
    returns = returns_of(histories)
    assert returns.slope[3] > 0
    often, seldom = (returns.chance(Pairs(*(np.array([value]) for value in (0, 0, taken, 2, 20)))) for taken in (10, 2))
    assert often > 1.3 * seldom


@given(baskets.filter(any))
def test_the_last_basket_is_held_back_as_a_whole(users: list[list[list[int]]]) -> None:
    histories = histories_of(users)
    held = last_held(histories)
    assert len(set(zip(held.user, held.item, strict=True))) == len(held.user)
    ago = histories.baskets_ago
    for user, own in enumerate(users):
        last = {f"i{item}" for item in own[-1]} if own else set()
        assert {histories.items[item] for item in held.item[held.user == user]} == last
        begin, end = held.earlier.start[user : user + 2]
        rest = [f"i{item}" for basket in own[:-1] for item in basket]
        assert [histories.items[item] for item in held.earlier.item[begin:end]] == rest
        begin, end = histories.start[user : user + 2]
        assert ago[begin:end].tolist() == [len(own) - 1 - place for place, basket in enumerate(own) for _ in basket]


def test_where_nothing_comes_again_the_learner_is_asked_alone() -> None:
    evidence = Evidence(regulars())
    learner = ranking_learner("item_knn")
    assert not isinstance(learner.fitted(evidence, parse("none"), setting=learner.default, seed=0), BuyingAgain)


def test_it_comes_back_from_numbers_and_arrays_and_says_why() -> None:
    histories = regulars()
    evidence = Evidence(histories, repeats=True)
    learner = ranking_learner("item_knn")
    ranker = learner.fitted(evidence, parse("none"), setting=learner.default, seed=0)
    numbers, arrays = kept(ranker, "item_knn").packed()
    again = unpacked("again", Unpacked(numbers, arrays, len(histories.items)))
    one = histories.of_users(np.array([3]))
    np.testing.assert_array_equal(again.scores(one), ranker.scores(one))
    items = np.arange(len(histories.items))
    why = again.grounds(one, items)
    had = set(one.item.tolist())
    scores = np.exp(again.scores(one)[0].astype(np.float64))
    for line, item in enumerate(items.tolist()):
        if item in had:
            assert why.whole[line] == pytest.approx(scores[item], rel=1e-3)
            assert why.parts[line].sum() == pytest.approx(why.whole[line])
            assert why.taken[why.parts[line].argmax()] == item
    with pytest.raises(InputError, match=r"returns\.rate"):
        unpacked("again", Unpacked(numbers, {**arrays, "returns.rate": np.ones(3)}, len(histories.items)))
