"""What holds for every learner of rankings, on generated histories; and what each is by its formula."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from itertools import combinations
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from evenshelf.errors import InputError, SettingError
from evenshelf.learners.ranking import ease, lambdamart, sasrec
from evenshelf.learners.ranking.base import Evidence, ItemFacts
from evenshelf.learners.ranking.counting import taken_after, taken_near
from evenshelf.learners.ranking.factors import solver_of
from evenshelf.learners.ranking.item_texts import words_of
from evenshelf.learners.ranking.registry import RankingLearner, ranking_learner, ranking_learners
from evenshelf.learners.ranking.text import history_means
from evenshelf.rankers.base import Floats, Ranker
from evenshelf.rankers.factors import folded_in
from evenshelf.rankers.popularity import Popularity
from evenshelf.rankers.texts import SCALE
from evenshelf.remedies import Remedy, Stage, parse
from evenshelf.tasks.histories import Histories
from evenshelf.testing import ranking_learner_checks

sequences = st.lists(st.lists(st.integers(0, 6), max_size=8), min_size=1, max_size=8).filter(any)
SMALL: dict[str, dict[str, Any]] = {"als": {"factors": 8}, "bpr": {"factors": 8}}
LEARNERS = {name: learner for name, learner in ranking_learners().items() if "titles" not in learner.needs}
"""Those that tune a language model have tests of their own, on one that is small enough."""
NAMES = sorted(LEARNERS)
COUNTING = ["popular", "popular_by_category", "recent", "item_knn", "near", "transitions", "lent"]
DRAWING = {"als", "bpr", "blend", "blend_directed", "sasrec"}
"""Learners that start from draws by code, or draw rows."""
OPTIONAL = {"sasrec": "torch", "als": "implicit", "bpr": "implicit", "blend": "lightgbm", "blend_directed": "lightgbm"}


@pytest.fixture(autouse=True)
def few_rounds(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sasrec, "LOOP", dataclasses.replace(sasrec.LOOP, rounds=2, steps=5))


def shop(users: int = 80, seed: int = 0) -> Evidence:
    """Users keep to one of three kinds of items; words tell the kind; the last item of each kind is never taken."""
    rng = np.random.default_rng(seed)
    ids = [[f"k{kind}-{n}" for n in range(12)] for kind in range(3)]
    share = 1.0 / np.arange(1, 12)
    share /= share.sum()
    steps = [
        [str(i) for i in rng.choice(ids[kind][:-1], rng.integers(2, 8), replace=False, p=share)]
        for kind in rng.integers(0, 3, users)
    ]
    made = Histories.of([*steps, [ids[kind][-1] for kind in range(3)]])
    made = made.kept(made.user < users)
    made = dataclasses.replace(made, time=86_400 * rng.integers(0, 100, len(made.item)))
    words = words_of([[item.split("-")[0], item, "thing"] for item in made.items])
    vectors = rng.normal(size=(len(made.items), 5)).astype(np.float32)
    vectors += 3.0 * words.toarray()[:, :5]
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    kinds = np.array([int(item[1]) for item in made.items], np.int64)
    return Evidence(made, ItemFacts(words=words, vectors=vectors, category=kinds))


def fitted(name: str, evidence: Evidence, remedy: Remedy | None = None, **setting: Any) -> Ranker:
    if name in OPTIONAL:
        pytest.importorskip(OPTIONAL[name])
    learner = ranking_learner(name)
    values = {**learner.default, **SMALL.get(name, {}), **setting}
    return learner.fit(evidence, remedy or parse("none"), setting=values, seed=3)


def strangers(histories: Histories) -> Histories:
    """Somebody with no history, somebody with one step, somebody who takes one item again and again."""
    item = np.array([0, 1, 1, 1], np.int64)
    time = np.zeros(4, np.int64)
    return Histories(histories.items, ("none", "one", "again"), np.array([0, 0, 1, 4]), item, time)


@pytest.mark.parametrize("name", NAMES)
def test_every_learner_of_rankings_keeps_its_promises(name: str) -> None:
    if name in OPTIONAL:
        pytest.importorskip(OPTIONAL[name])
    for check in ranking_learner_checks(ranking_learner(name)):
        check()


@pytest.mark.parametrize("name", NAMES)
def test_everybody_is_answered_about_every_item_and_equal_seeds_say_the_same(name: str) -> None:
    evidence = shop()
    one, two = fitted(name, evidence), fitted(name, evidence)
    assert one.bytes > 0
    for asked in (evidence.histories, strangers(evidence.histories)):
        scores = one.scores(asked)
        assert scores.shape == (len(asked.users), len(asked.items))
        assert scores.dtype == np.float32
        assert np.isfinite(scores).all()
        np.testing.assert_array_equal(scores, two.scores(asked))


@pytest.mark.parametrize("name", NAMES)
def test_who_has_no_history_gets_what_is_popular(name: str) -> None:
    evidence = shop()
    counts = evidence.histories.counts
    scores = fitted(name, evidence).scores(strangers(evidence.histories))[0]
    if name == "recent":
        return
    if name == "bpr":  # its intercepts are what it knows of popularity
        assert counts[np.argsort(-scores)[:5]].mean() > counts.mean()
        return
    assert (np.diff(counts[np.argsort(-scores, kind="stable")]) <= 0).all()


@pytest.mark.parametrize("name", [n for n in NAMES if n not in DRAWING])
def test_other_codes_of_items_change_nothing_but_codes(name: str) -> None:
    evidence = shop()
    made = evidence.histories
    turn = np.random.default_rng(1).permutation(len(made.items))  # new code of each old one
    back = np.argsort(turn)
    turned = dataclasses.replace(made, items=tuple(made.items[old] for old in back), item=turn[made.item])
    facts = evidence.facts
    assert facts.words is not None
    assert facts.vectors is not None
    assert facts.category is not None
    told = ItemFacts(words=facts.words[back], vectors=facts.vectors[back], category=facts.category[back])
    other = Evidence(turned, told)
    np.testing.assert_allclose(
        fitted(name, other).scores(turned)[:, turn], fitted(name, evidence).scores(made), rtol=2e-3, atol=2e-3
    )


@pytest.mark.parametrize("name", COUNTING)
def test_weights_multiply_what_speaks_for_an_item(name: str) -> None:
    evidence, remedy = shop(), parse("inverse_propensity")
    plain = np.exp(fitted(name, evidence).scores(evidence.histories).astype(np.float64))
    weighed = np.exp(fitted(name, evidence, remedy).scores(evidence.histories).astype(np.float64))
    weight = remedy.weight(evidence.prior)
    assert weight is not None
    expected = plain * weight
    # both are known up to a factor of each user, and to a trace of popularity
    kept = plain > 1e-3 * plain.max(axis=1, keepdims=True)
    for line in range(len(plain)):
        ratio = weighed[line, kept[line]] / expected[line, kept[line]]
        np.testing.assert_allclose(ratio, ratio[0], rtol=1e-2)


@pytest.mark.parametrize("name", NAMES)
def test_stages_that_are_declared_change_scores(name: str) -> None:
    evidence, learner = shop(), ranking_learner(name)
    specs = {Stage.WEIGHT: "inverse_propensity", Stage.POOL: "text_smoothed"}
    plain = fitted(name, evidence).scores(evidence.histories)
    for stage, spec in specs.items():
        remedy = parse(spec)
        assert (learner.unsupported(remedy) is None) == (stage in learner.stages)
        if stage in learner.stages:
            assert not np.allclose(fitted(name, evidence, remedy).scores(evidence.histories), plain)


def test_what_a_learner_needs_is_told_before_and_by_the_fit() -> None:
    evidence = shop()
    bare = Evidence(dataclasses.replace(evidence.histories, time=None))
    for name, learner in LEARNERS.items():
        assert learner.lacking(evidence) is None
        assert (learner.lacking(bare) is None) == (not learner.needs)
        if learner.needs:
            with pytest.raises(InputError):
                fitted(name, bare)
    assert {name for name, learner in ranking_learners().items() if learner.directed} >= {"transitions"}


@given(sequences)
def test_transitions_are_those_of_a_plain_loop_and_both_ways_are_nearness(steps: list[list[int]]) -> None:
    made = Histories.of(steps)
    code, expected = {item: n for n, item in enumerate(made.items)}, np.zeros((len(made.items),) * 2)
    for sequence in steps:
        for (m, one), (n, two) in combinations(enumerate(code[str(i)] for i in sequence), 2):
            if one != two and n - m <= 3:
                expected[one, two] += len(sequence) ** -0.5 * 0.7 ** (n - m - 1)
    setting = {"user_weight": 0.5, "decay": 0.7, "most": 3}
    np.testing.assert_allclose(taken_after(made, **setting).toarray(), expected, rtol=1e-5)
    np.testing.assert_allclose(taken_near(made, **setting).toarray(), expected + expected.T, rtol=1e-5)


def fit_numbers(evidence: Evidence, remedy: Remedy, *, setting: Mapping[str, Any], seed: int) -> Popularity:
    """Counts each step as often as the number of its basket says."""
    made = evidence.histories
    return Popularity.of(np.bincount(made.item, made.baskets, len(made.items)) + 0.5)


def test_a_learner_that_reads_numbers_of_baskets_is_found_out() -> None:
    learner = RankingLearner("numbers", "numbers", "Numbers.", "-", fit_numbers)
    checks = {check.name: check for check in ranking_learner_checks(learner)}
    with pytest.raises(AssertionError, match="numbers of baskets change scores"):
        checks["reads_what_is_of_one_basket_and_no_numbers"]()


@pytest.mark.parametrize(
    ("name", "spec"),
    [
        *((name, "none") for name in NAMES if name != "sasrec"),
        *(("text", spec) for spec in ("name_prior", "text_smoothed", "class_mean")),
    ],
)
def test_the_order_inside_of_baskets_is_not_read(name: str, spec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lambdamart, "TREES", 5)
    rng, evidence = np.random.default_rng(0), shop()
    made = evidence.histories
    basket = made.user + np.arange(len(made.item)) // 3
    order = np.lexsort((rng.random(len(basket)), basket))
    assert (order != np.arange(len(order))).any()
    found = []
    for turn in (np.arange(len(order)), order):
        told = dataclasses.replace(made, item=made.item[turn], basket=basket, time=86_400 * basket)
        again = dataclasses.replace(evidence, histories=told)
        found.append(fitted(name, again, parse(spec)).scores(told))
    np.testing.assert_allclose(found[0], found[1], atol=1e-3)


@pytest.mark.parametrize(
    ("name", "spec"),
    [("near", "none"), ("lent", "none"), *(("text", s) for s in ("none", "name_prior", "text_smoothed", "class_mean"))],
)
def test_what_says_so_does_not_read_which_step_came_first(name: str, spec: str) -> None:
    evidence = shop()
    made = dataclasses.replace(evidence.histories, time=None)
    turned = dataclasses.replace(made, item=made.item[np.lexsort((-np.arange(len(made.item)), made.user))])
    one, two = (
        fitted(name, dataclasses.replace(evidence, histories=told), parse(spec)).scores(made) for told in (made, turned)
    )
    np.testing.assert_allclose(one, two, atol=1e-3)


@settings(max_examples=30)
@given(sequences, st.sampled_from([0.0, 0.5]))
def test_ease_is_its_closed_formula(steps: list[list[int]], weight: float) -> None:
    made = Histories.of(steps)
    took = (made.weights().toarray() > 0).astype(np.float64)
    gram = took.T @ (took * np.maximum(took.sum(axis=1), 1)[:, None] ** -weight)
    inverse = np.linalg.inv(gram + 2.0 * np.eye(len(gram)))
    expected = -inverse / np.diag(inverse)
    np.fill_diagonal(expected, 0.0)
    np.testing.assert_allclose(ease.item_weights(made, penalty=2.0, user_weight=weight), expected, atol=1e-5)


def test_ease_mirrors_in_bands(monkeypatch: pytest.MonkeyPatch) -> None:
    made = shop().histories
    whole = ease.item_weights(made, penalty=5.0)
    monkeypatch.setattr(ease, "BAND", 7)
    np.testing.assert_array_equal(ease.item_weights(made, penalty=5.0), whole)


def test_ease_that_does_not_fit_is_refused_with_the_bytes_it_needs() -> None:
    with pytest.raises(SettingError, match="4,000,000,1"):
        ease.check_memory(31_622_777)
    ease.check_memory(10)


@settings(max_examples=20)
@given(st.integers(0, 2**32 - 1), st.sampled_from([0.5, 4.0]))
def test_users_are_folded_in_at_the_optimum(seed: int, confidence: float) -> None:
    rng = np.random.default_rng(seed)
    items = rng.normal(size=(9, 4)).astype(np.float32)
    weights = csr_array((rng.random((5, 9)) * (rng.random((5, 9)) < 0.4)).astype(np.float32))
    found = folded_in(weights, items, solver_of(items, 1.5), confidence)
    for user, line in enumerate(weights.toarray()):
        extra = confidence * line
        system = items.T @ (items * (1 + extra)[:, None]) + 1.5 * np.eye(4)
        np.testing.assert_allclose(
            found[user], np.linalg.solve(system, items.T @ ((1 + extra) * (line > 0))), atol=1e-3
        )


@settings(max_examples=30)
@given(sequences)
def test_means_of_histories_are_those_of_a_plain_loop(steps: list[list[int]]) -> None:
    made = Histories.of(steps)
    rows = np.random.default_rng(0).random((len(made.items), 3)).astype(np.float32)
    made = dataclasses.replace(made, basket=made.user + np.arange(len(made.item)) // 2)
    about: list[tuple[int, Floats]] = []
    for user in range(len(steps)):
        own = np.flatnonzero(made.user == user)
        place = np.unique(made.baskets[own], return_inverse=True)[1]
        for n, step in enumerate(own):
            others = [0.5 ** (abs(place[k] - place[n]) - 1) * rows[made.item[own[k]]] for k in range(len(own))]
            mean = sum(other for k, other in enumerate(others) if place[k] != place[n])
            if np.any(mean):
                about.append((made.item[step], mean / np.linalg.norm(mean)))
    every = np.mean([row for _, row in about], axis=0) if about else 0.0
    expected = np.zeros(rows.shape)
    for item in {item for item, _ in about}:
        expected[item] = np.mean([row for own, row in about if own == item], axis=0) - every
    np.testing.assert_allclose(history_means(made, rows, 0.5), expected, atol=1e-5)


def test_texts_pooled_to_names_are_texts_and_what_was_never_taken_keeps_its_text() -> None:
    evidence = shop()
    bare = Evidence(evidence.histories, ItemFacts(vectors=evidence.facts.vectors))
    plain = fitted("text", bare).scores(bare.histories)
    np.testing.assert_allclose(
        fitted("text", bare, parse(f"name_prior(scale={SCALE})")).scores(bare.histories), plain, atol=1e-4
    )
    pooled = fitted("text", bare, parse("class_mean")).scores(bare.histories)
    # a first step has no history before it
    made = bare.histories
    silent = np.bincount(made.item[made.start[made.user] != np.arange(len(made.item))], minlength=len(made.items)) == 0
    assert silent.any()
    np.testing.assert_allclose(pooled[:, silent], plain[:, silent], atol=1e-4)
    assert not np.allclose(pooled[:, ~silent], plain[:, ~silent])


def test_half_of_a_recent_count_is_lost_in_its_half_life() -> None:
    made = Histories(("a", "b"), ("u",), np.array([0, 2]), np.array([0, 1]), np.array([0, 10 * 86_400]))
    scores = fitted("recent", Evidence(made), half_life=10.0).scores(made)[0]
    np.testing.assert_allclose(np.exp(scores[0] - scores[1]), (0.5 + 0.5) / (1.0 + 0.5), rtol=1e-5)
