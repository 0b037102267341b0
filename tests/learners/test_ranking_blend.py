"""A blend learns from what comes last, finds the tail, re-buys where that is asked, and answers everybody."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from evenshelf.errors import InputError
from evenshelf.learners.ranking import lambdamart
from evenshelf.learners.ranking.base import Evidence, ItemFacts
from evenshelf.learners.ranking.blend import _asked
from evenshelf.learners.ranking.item_texts import words_of
from evenshelf.learners.ranking.lambdamart import Examples
from evenshelf.learners.ranking.registry import ranking_learner
from evenshelf.learners.ranking.sources import sources_of
from evenshelf.learners.ranking.traits import traits_of
from evenshelf.rankers.base import Floats
from evenshelf.rankers.blend import Blend
from evenshelf.rankers.buying_again import returns_of
from evenshelf.rankers.candidates import Candidates, candidates, rarer_half
from evenshelf.remedies import parse
from evenshelf.tasks.baskets import last_held
from evenshelf.tasks.histories import Histories
from evenshelf.tasks.ranking_metrics import cut_by_items, rank_of, ranking_metrics

pytestmark = pytest.mark.usefixtures("few_trees")


@pytest.fixture
def few_trees(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    pytest.importorskip("lightgbm")
    monkeypatch.setattr(lambdamart, "TREES", 30)
    with threadpool_limits(1):  # trees are too small for more, which then only wait for each other
        yield


def shop(users: int = 600, seed: int = 0) -> Evidence:
    """Users keep to one of six kinds of items; words tell the kind, and items are unevenly popular."""
    rng = np.random.default_rng(seed)
    ids = [[f"k{kind}-{n}" for n in range(25)] for kind in range(6)]
    share = 1.0 / np.arange(1, 26)
    share /= share.sum()
    steps = []
    for kind in rng.integers(0, 6, users):
        own = rng.choice(ids[kind], rng.integers(4, 9), replace=False, p=share)
        other = rng.choice(ids[rng.integers(0, 6)], 1)
        steps.append([*own[:2], *other, *own[2:]])
    made = Histories.of(steps)
    return Evidence(made, ItemFacts(words=words_of([[item.split("-")[0], "thing"] for item in made.items])))


def fitted(evidence: Evidence, spec: str = "none", seed: int = 0, **setting: Any) -> Blend:
    learner = ranking_learner("blend")
    found = learner.fit(evidence, parse(spec), setting={**learner.default, **setting}, seed=seed)
    assert isinstance(found, Blend)
    return found


def ranks(scores: Floats, histories: Histories, target: np.ndarray) -> np.ndarray:
    return rank_of(np.where(histories.weights().toarray() > 0, -np.inf, scores), target)


def test_a_blend_beats_what_is_popular_also_on_the_tail() -> None:
    evidence = shop()
    earlier, target = evidence.histories.without_last(1), evidence.histories.last(1)
    made = fitted(replace(evidence, histories=earlier))
    rank = ranks(made.scores(earlier), earlier, target)
    popular = ranks(np.repeat(earlier.counts[None].astype(np.float32), len(target), axis=0), earlier, target)
    assert ranking_metrics(rank)["recall_at_10"] > ranking_metrics(popular)["recall_at_10"] + 0.15
    tail = cut_by_items(earlier.counts)[target] == "tail"
    assert ranking_metrics(rank, tail)["recall_at_10"] > ranking_metrics(popular, tail)["recall_at_10"]
    assert made.tail_bonus in lambdamart.BONUSES
    assert made.bytes > 0


def test_nothing_of_the_history_comes_before_what_is_new_unless_it_may_be_bought_again() -> None:
    rng = np.random.default_rng(0)
    # users buy the same two things again and again
    steps = [[f"i{n}" for n in rng.choice(rng.choice(30, 2, replace=False), 8)] for _ in range(200)]
    evidence = Evidence(Histories.of(steps), repeats=True)
    earlier, target = evidence.histories.without_last(1), evidence.histories.last(1)
    again = fitted(replace(evidence, histories=earlier)).scores(earlier)
    assert ranking_metrics(rank_of(again, target))["recall_at_5"] > 0.9
    new = Evidence(shop(150).histories)
    scores = fitted(new).scores(new.histories)
    had = new.histories.weights().toarray() > 0
    for line, own in zip(scores, had, strict=True):
        assert line[own].max() < np.sort(line[~own])[-10]


def test_what_was_had_is_a_candidate_with_how_often_and_how_long_ago() -> None:
    histories = Histories.of([["a", "b", "a", "c"], ["b", "c"], []])
    evidence = Evidence(histories, repeats=True)
    sources, traits = sources_of(evidence), traits_of(evidence)
    _, found = candidates(histories, sources, traits, returns_of(histories))
    assert found.size.tolist() == [3, 3, 0]
    returns = returns_of(histories)
    chances = returns.chances(histories).toarray()
    often, ago, share, baskets, chance, again = found.features[:, -6:].T
    for place, (user, item) in enumerate(zip(found.user, found.item, strict=True)):
        own = [histories.items[code] for code in histories.item[histories.start[user] : histories.start[user + 1]]]
        name = histories.items[item]
        assert often[place] == own.count(name)
        assert baskets[place] == len(own)
        assert share[place] == pytest.approx(own.count(name) / len(own))
        assert chance[place] == pytest.approx(chances[user, item])
        assert again[place] == pytest.approx(returns.of_had(np.array([len(set(own))]))[0])
        if name in own:
            assert ago[place] == own[::-1].index(name) + 1
        else:
            assert np.isnan(ago[place])
    _, none = candidates(histories, sources, traits)
    assert none.size.tolist() == [0, 1, 0]


def test_categories_are_held_against_those_of_the_history() -> None:
    histories = Histories.of([["a", "b"], ["b", "c"], ["c", "d"], ["d", "a"]])
    kinds = {"a": 0, "b": 0, "c": 1, "d": -1}
    category = np.array([kinds[item] for item in histories.items])
    evidence = Evidence(histories, ItemFacts(category=category))
    _, found = candidates(histories, sources_of(evidence), traits_of(evidence))
    lines = {
        (user, histories.items[item]): n for n, (user, item) in enumerate(zip(found.user, found.item, strict=True))
    }
    share = found.features[:, -2]
    assert share[lines[0, "c"]] == 0.0
    assert share[lines[2, "a"]] == 0.0
    assert share[lines[1, "a"]] == pytest.approx(0.5)


def test_equal_seeds_give_equal_blends_and_who_is_new_gets_what_is_popular() -> None:
    evidence = shop(200)
    histories = evidence.histories
    one, two = (fitted(evidence, seed=3) for _ in range(2))
    np.testing.assert_array_equal(one.scores(histories), two.scores(histories))
    nobody = Histories(histories.items, ("new",), np.array([0, 0]), np.empty(0, np.int64))
    counts = histories.counts[np.argsort(-one.scores(nobody)[0], kind="stable")]
    assert (np.diff(counts) <= 0).all()


def test_scores_of_a_user_do_not_hang_on_who_is_asked_beside() -> None:
    evidence = shop(120)
    made = fitted(evidence)
    whole = made.scores(evidence.histories)
    np.testing.assert_allclose(made.scores(evidence.histories.of_users(np.arange(40, 60))), whole[40:60], atol=1e-4)


def test_without_a_recount_the_last_step_teaches_and_is_not_counted() -> None:
    evidence = shop(200)
    held, whole = fitted(evidence, recount=False), fitted(evidence)
    np.testing.assert_allclose(held.traits.popularity, np.log1p(evidence.histories.without_last(1).counts), rtol=1e-6)
    np.testing.assert_allclose(whole.traits.popularity, np.log1p(evidence.histories.counts), rtol=1e-6)


def test_weights_by_what_users_wanted_turn_to_the_tail() -> None:
    evidence = shop()
    earlier, target = evidence.histories.without_last(1), evidence.histories.last(1)
    known = replace(evidence, histories=earlier)
    tail = cut_by_items(earlier.counts)[target] == "tail"
    found = [
        ranking_metrics(ranks(fitted(known, spec, give=0.0).scores(earlier), earlier, target), tail)["mrr"]
        for spec in ("none", "balanced")
    ]
    assert found[1] > found[0]


def test_the_temperature_is_that_by_which_choices_were_drawn() -> None:
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(4000, 10))
    for temperature in (0.5, 2.0):
        chance = np.exp(scores / temperature)
        chance /= chance.sum(axis=1, keepdims=True)
        wanted = (chance.cumsum(axis=1) > rng.random((4000, 1))).argmax(axis=1)
        some = Candidates(np.tile(np.arange(10), 4000), np.full(4000, 10), np.zeros((40_000, 1), np.float32))
        examples = Examples([some], (np.arange(4000), wanted), np.zeros(10, np.float32), np.ones(4000), 0)
        assert examples.temperature(scores.ravel()) == pytest.approx(temperature, rel=0.2)


def test_places_are_those_among_the_candidates_of_each_user() -> None:
    some = Candidates(np.array([4, 7, 9, 1]), np.array([3, 0, 1]), np.zeros((4, 1), np.float32))
    wanted = np.arange(3), np.array([9, 2, 1])
    examples = Examples([some], wanted, np.zeros(10, np.float32), np.ones(3), 0)
    np.testing.assert_array_equal(examples.places(np.array([0.3, 0.1, 0.2, 0.0])), [1.0, np.inf, 0.0])


def test_the_bonus_is_the_largest_that_costs_no_more_than_is_given() -> None:
    # item 0 is of the tail; a quarter of the users want it, the others item 1, which scores .35 or .85 more
    some = Candidates(np.tile([0, 1], 400), np.full(400, 2), np.zeros((800, 1), np.float32))
    tail = np.array([1.0, 0.0], np.float32)
    wanted = np.repeat([1, 1, 1, 0], 100)
    examples = Examples([some], (np.arange(400), wanted), tail, np.ones(400), 0)
    ahead = np.repeat([0.35, 0.85, 0.85, 0.35], 100)
    scores = np.stack([np.zeros(400), ahead], axis=1).ravel()
    worth = {
        bonus: ranking_metrics(examples.places(scores + np.tile([bonus, 0.0], 400)))["ndcg_at_10"]
        for bonus in lambdamart.BONUSES
    }
    for give in (0.0, 0.02, 0.25):
        largest = max(b for b, found in worth.items() if found >= (1 - give) * max(worth.values()))
        assert examples.chosen(scores, give)[0] == largest
    assert examples.chosen(scores, 0.0)[0] == pytest.approx(0.8)
    assert examples.chosen(scores, 0.25)[0] == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [([5, 1, 3, 2], [0, 1, 0, 1]), ([2, 2, 2, 2], [0.5] * 4), ([0, 4, 4, 9, 4, 9], [1, 2 / 3, 2 / 3, 0, 2 / 3, 0])],
)
def test_the_rarer_half_parts_equals_alike(counts: list[int], expected: list[float]) -> None:
    found = rarer_half(np.array(counts))
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    assert found.sum() == pytest.approx(len(counts) // 2)


def in_baskets(evidence: Evidence, size: int) -> Evidence:
    """The same steps, `size` of them at a time."""
    made = evidence.histories
    return replace(evidence, histories=replace(made, time=(np.arange(len(made.item)) - made.start[made.user]) // size))


def test_a_step_at_a_moment_of_its_own_is_a_basket_as_one_without_a_moment() -> None:
    evidence = shop(150)
    timed = in_baskets(evidence, 1)
    plain, moments = last_held(evidence.histories), last_held(timed.histories)
    np.testing.assert_array_equal(plain.earlier.item, moments.earlier.item)
    np.testing.assert_array_equal(plain.item, moments.item)
    traits = traits_of(evidence)
    one, two = (candidates(e.histories, sources_of(evidence), traits)[1] for e in (evidence, timed))
    np.testing.assert_array_equal(one.features, two.features)


def test_nothing_of_the_last_basket_is_counted_before_it_is_learned_from() -> None:
    one = in_baskets(shop(150), 3)
    made = one.histories
    last = made.baskets_ago == 0
    other = made.item.copy()
    other[last] = np.random.default_rng(5).permutation(other[last])
    two = replace(one, histories=replace(made, item=other))
    held, changed = (fitted(evidence, recount=False) for evidence in (one, two))
    assert len(held.sources) == len(changed.sources)
    for mine, theirs in zip(held.sources, changed.sources, strict=True):
        assert mine.name == theirs.name
        for left, right in ((mine.left, theirs.left), (mine.right, theirs.right)):
            if left is not None:
                assert abs(left - right).max() == 0
    np.testing.assert_array_equal(held.traits.popularity, changed.traits.popularity)


def test_all_of_the_last_basket_is_wanted_and_what_was_had_only_where_it_may_come_again() -> None:
    baskets = [["a", "b"], ["a", "c", "d"]], [["e"]], [["b", "c"], ["d"], ["b", "c"]], [["a"], ["b", "c"]]
    made = Histories.of([[item for basket in user for item in basket] for user in baskets])
    moments = [moment for user in baskets for moment, basket in enumerate(user) for _ in basket]
    held = last_held(replace(made, time=np.array(moments)))
    for repeats, expected in ((True, {0: "acd", 2: "bc", 3: "bc"}), (False, {0: "cd", 3: "bc"})):
        asked, (place, item) = _asked(held, 0, repeats=repeats)
        found: dict[int, str] = {}
        for user, code in zip(asked[place], item, strict=True):
            found[int(user)] = found.get(int(user), "") + made.items[code]
        assert {user: "".join(sorted(items)) for user, items in found.items()} == expected
        assert (np.diff(place) >= 0).all()


def test_several_wanted_items_have_places_of_their_own_and_count_together() -> None:
    some = Candidates(np.array([4, 7, 9, 1, 2]), np.array([3, 2]), np.zeros((5, 1), np.float32))
    wanted = np.array([0, 0, 0, 1]), np.array([9, 4, 5, 1])
    examples = Examples([some], wanted, np.zeros(10, np.float32), np.ones(2), 0)
    assert examples.found.tolist() == [2, 1]
    assert examples.wanted.tolist() == [True, False, True, True, False]
    scores = np.array([0.3, 0.1, 0.2, 0.0, 0.5])
    np.testing.assert_array_equal(examples.places(scores), [1.0, 0.0, np.inf, 1.0])


def test_what_users_buy_in_every_basket_comes_first_also_among_other_things() -> None:
    rng = np.random.default_rng(0)
    steps = [
        [f"i{n}" for _ in range(4) for n in (user % 9, *rng.choice(np.arange(9, 40), 2, False))] for user in range(150)
    ]
    evidence = in_baskets(Evidence(Histories.of(steps), repeats=True), 3)
    histories = evidence.histories
    best = fitted(evidence, give=0.0).scores(histories).argmax(axis=1)
    assert np.mean([histories.items[b] == f"i{user % 9}" for user, b in enumerate(best)]) > 0.9


def test_histories_that_teach_nothing_are_refused() -> None:
    with pytest.raises(InputError, match="something after something else"):
        fitted(Evidence(Histories.of([["a"], ["b"], ["a", "a"]])))
