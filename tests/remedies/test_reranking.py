"""Remedies that re-rank do what their formulas say, as plain loops do; and what they are for."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from scipy.stats import entropy

from evenshelf.errors import SettingError
from evenshelf.learners import learner_kinds
from evenshelf.learners.ranking.registry import ranking_learners
from evenshelf.remedies import Offered, Prior, Stage, catalogue, parse
from evenshelf.remedies.filling import popularity_part
from evenshelf.remedies.taste import jensen_shannon
from evenshelf.tasks.list_metrics import gini
from evenshelf.testing.reranking import Case, cases, ordinary_lists

RERANKING = sorted(name for name, kind in catalogue().items() if Stage.RERANK in kind.stages)
strengths = st.sampled_from([0.0, 0.1, 0.3, 0.5, 0.9, 1.0])


def few_lists() -> Case:
    """Long enough that every part of a formula decides somewhere."""
    case = ordinary_lists()
    return Case(case.offered.of(np.arange(8)), case.prior)


def greedy(offered: Offered, line: int, worth) -> list[int]:
    """The first places of a list, each the best by ``worth(candidate, shown)``; the first of those that are as good."""
    left = [c for c in range(offered.items.shape[1]) if offered.items[line, c] >= 0]
    shown: list[int] = []
    while left and len(shown) < offered.length:
        values = [worth(c, shown) for c in left]
        # what a rounding apart is as good
        shown.append(left.pop(next(n for n, v in enumerate(values) if v > max(values) - 1e-6)))
    return shown


def agree(case: Case, spec: str, worth) -> None:
    """The remedy's lists are as good as those of the loop, place by place."""
    offered, order = case.offered, case.order(parse(spec))
    for line in range(len(order)):
        expected = greedy(offered, line, lambda c, shown, line=line: worth(line, c, shown))
        found = order[line, : len(expected)].tolist()
        for place, (one, two) in enumerate(zip(found, expected, strict=True)):
            if one != two:  # only where both are as good
                assert worth(line, one, found[:place]) == pytest.approx(worth(line, two, found[:place]), abs=1e-5)
                break


def relevance(offered: Offered, line: int, candidate: int) -> float:
    return math.exp(float(offered.scores[line, candidate]) - float(offered.scores[line, 0]))


@given(cases(vectors=True), strengths)
@example(few_lists(), 0.3)
def test_mmr_is_relevance_minus_the_largest_likeness(case: Case, lam: float) -> None:
    offered = case.offered

    def worth(line: int, c: int, shown: list[int]) -> float:
        own = offered.vectors[offered.items[line]].astype(float)
        alike = max((float(own[c] @ own[j]) for j in shown), default=0.0)
        return (1 - lam) * relevance(offered, line, c) - lam * alike

    agree(case, f"mmr(lam={lam})", worth)


def shares(case: Case, line: int, parts: np.ndarray, number: int) -> np.ndarray | None:
    """What the user took, by part."""
    if case.offered.tastes is None:
        return None
    taken = case.offered.tastes.toarray()[line]
    amount = np.array([taken[parts == p].sum() for p in range(number)])
    return amount / amount.sum() if amount.sum() else None


def divergence(one: np.ndarray, two: np.ndarray) -> float:
    """Jensen and Shannon's, as entropy of the mean less the mean of entropies."""
    return float(entropy((one + two) / 2, base=2) - (entropy(one, base=2) + entropy(two, base=2)) / 2)


@given(cases(), strengths)
@example(few_lists(), 0.3)
def test_calibrated_lists_come_near_to_what_their_user_took(case: Case, lam: float) -> None:
    parts = popularity_part(case.prior, 0.2, 0.8)

    def worth(line: int, c: int, shown: list[int]) -> float:
        wanted = shares(case, line, parts, 3)
        if wanted is None:
            return -float(c)
        counts = np.bincount(parts[case.offered.items[line, [*shown, c]]], minlength=3)
        return (1 - lam) * relevance(case.offered, line, c) - lam * divergence(wanted, counts / counts.sum())

    agree(case, f"calibrated(lam={lam})", worth)


@given(cases(), strengths)
@example(few_lists(), 0.3)
def test_xquad_adds_the_part_that_is_missing(case: Case, lam: float) -> None:
    parts = np.minimum(popularity_part(case.prior, 0.8, 1.0), 1)

    def worth(line: int, c: int, shown: list[int]) -> float:
        wanted = shares(case, line, parts, 2)
        wanted = np.array([0.5, 0.5]) if wanted is None else wanted
        of = parts[case.offered.items[line]]
        there = float(np.mean(of[shown] == of[c])) if shown else 0.0
        return (1 - lam) * relevance(case.offered, line, c) + lam * wanted[of[c]] * (1 - there)

    agree(case, f"xquad(lam={lam})", worth)


@given(cases(), strengths, st.integers(0, 5))
@example(few_lists(), 0.3, 0)
def test_exposure_makes_items_dearer_user_by_user(case: Case, lam: float, seed: int) -> None:
    offered = case.offered
    order = case.order(parse(f"fair_exposure(lam={lam}, seed={seed})"))
    users, size = offered.items.shape
    attention = [1 / math.log2(p + 2) for p in range(min(offered.length, size))]
    candidates = {int(i) for i in offered.items.ravel() if i >= 0}
    even = users * sum(attention) / max(len(candidates), 1)
    seen = dict.fromkeys(candidates, 0.0)
    for user in np.random.default_rng(seed).permutation(users):
        worth = [
            (1 - lam) * relevance(offered, user, c) - lam * seen[i] / (seen[i] + even)
            for c, i in enumerate(offered.items[user].tolist())
            if i >= 0
        ]
        # places are of falling worth, and nobody outside of the list is worth more
        found = [c for c in order[user].tolist() if c < len(worth)]
        inside, behind = found[: len(attention)], found[len(attention) :]
        assert all(worth[a] >= worth[b] - 1e-6 for a, b in pairwise(inside))
        assert all(worth[inside[-1]] >= worth[b] - 1e-6 for b in behind)
        for c, a in zip(inside, attention, strict=False):
            seen[int(offered.items[user, c])] += a


@given(st.integers(0, 2**32 - 1))
def test_the_divergence_is_that_of_entropies(seed: int) -> None:
    rng = np.random.default_rng(seed)
    one, two = rng.multinomial(4, [1 / 3] * 3, (2, 5)) / 4
    expected = [divergence(a, b) for a, b in zip(one, two, strict=True)]
    np.testing.assert_allclose(jensen_shannon(one, two), expected, atol=1e-9)


@pytest.mark.parametrize(
    ("counts", "parts"),
    [
        ([5, 5, 5, 5], [0, 0, 0, 0]),
        ([60, 20, 10, 5, 5, 0], [0, 1, 2, 2, 2, 2]),
        ([10, 10, 10, 10, 10, 10, 10, 10, 5, 5, 5, 5], [0, 0, 0, 0, 0, 0, 0, 0, 2, 2, 2, 2]),
        ([0, 0], [2, 2]),
    ],
)
def test_parts_are_cut_by_shares_of_examples_and_equal_counts_stay_together(
    counts: list[int], parts: list[int]
) -> None:
    assert popularity_part(Prior(np.array(counts)), 0.2, 0.8).tolist() == parts


def first(case: Case, spec: str) -> np.ndarray:
    """The lists that are seen."""
    return np.take_along_axis(case.offered.items, case.order(parse(spec)), axis=1)[:, : case.offered.length]


def test_each_reaches_what_it_is_for() -> None:
    case = ordinary_lists()
    given_ = case.offered.items[:, : case.offered.length]
    groups = len(case.prior.counts)
    spread = [gini(first(case, f"fair_exposure(lam={lam})"), groups) for lam in (0.1, 0.3, 0.9)]
    assert gini(given_, groups) > spread[0] > spread[1] > spread[2]

    def alike(lists: np.ndarray) -> float:
        own = case.offered.vectors[lists]
        return float((own @ own.transpose(0, 2, 1)).mean())

    assert alike(given_) > alike(first(case, "mmr(lam=0.1)")) > alike(first(case, "mmr(lam=0.6)"))
    parts = popularity_part(case.prior, 0.2, 0.8)
    wanted = case.offered.taken(parts, 3)

    def far(lists: np.ndarray) -> float:
        shown = (parts[lists][:, :, None] == np.arange(3)).mean(axis=1)
        return float(jensen_shannon(wanted, shown).mean())

    assert far(given_) > far(first(case, "calibrated(lam=0.2)")) > far(first(case, "calibrated(lam=0.8)"))
    # of who takes from the tail alone, xquad shows nothing else where it can
    tail = popularity_part(case.prior, 0.8, 1.0) > 0
    users = len(case.offered.items)
    tastes = csr_array(np.repeat(tail[None].astype(np.float32), users, axis=0))
    taker = Case(replace(case.offered, tastes=tastes), case.prior)
    assert tail[first(taker, "xquad(lam=0.6)")].mean() > tail[given_].mean()


@pytest.mark.parametrize("name", RERANKING)
def test_they_are_for_lists_and_not_for_labels(name: str) -> None:
    for kind in learner_kinds().values():
        if kind.__class__.__module__.startswith("evenshelf."):
            assert "rerank" in str(kind.unsupported(parse(name)))
    for learner in ranking_learners().values():
        assert learner.unsupported(parse(f"{name} + logit_adjust")) is None


def test_two_that_re_rank_cannot_be_used_together_and_one_is_passed_through() -> None:
    with pytest.raises(SettingError, match="rerank"):
        parse("mmr + xquad")
    case = ordinary_lists()
    np.testing.assert_array_equal(case.order(parse("logit_adjust + xquad")), case.order(parse("xquad")))


def test_without_vectors_there_is_nothing_to_compare() -> None:
    case = ordinary_lists()
    with pytest.raises(SettingError, match="vectors"):
        parse("mmr").rerank(replace(case.offered, vectors=None), case.prior)
    assert parse("mmr").not_applicable(case.prior, has_names=False)


def test_another_seed_asks_users_in_another_order() -> None:
    case = ordinary_lists()
    one, two = (case.order(parse(f"fair_exposure(seed={seed})")) for seed in (0, 1))
    assert (one != two).any()
