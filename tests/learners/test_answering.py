"""Lists hold what may be shown and nothing else, in one order; what is wanted stands where the list has it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenshelf.errors import InputError, SettingError
from evenshelf.learners.ranking.base import Evidence
from evenshelf.learners.ranking.registry import ranking_learner
from evenshelf.rankers.answering import Answers, Rules, answer
from evenshelf.remedies import Prior, Stage, catalogue, parse
from evenshelf.tasks.histories import Histories
from evenshelf.tasks.top_items import NO_ITEM, top

RERANKING = sorted(name for name, kind in catalogue().items() if Stage.RERANK in kind.stages)
REMEDIES = ["none", "logit_adjust(tau=0.5)", *RERANKING, "logit_adjust + calibrated(lam=0.8)"]
APART = [spec for spec in REMEDIES if not any(part.together for part in parse(spec).parts)]


@dataclass(frozen=True, eq=False)
class Tabled:
    """A ranker whose scores are those of a table, a line a user, by id."""

    table: np.ndarray
    bytes: int = 0

    def scores(self, histories: Histories) -> np.ndarray:
        return self.table[[int(user) for user in histories.users]]


class Case:
    """A shop of few items, with many scores that are equal, users without a history, and wishes."""

    def __init__(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        users, items = int(rng.integers(1, 7)), int(rng.integers(2, 15))
        lengths = rng.integers(0, items, users)
        lengths[0] = max(lengths[0], 1)
        start = np.concatenate([[0], np.cumsum(lengths)])
        names = tuple(f"i{number}" for number in range(items))
        taken = rng.integers(0, items, start[-1])
        self.histories = Histories(names, tuple(map(str, range(users))), start, taken)
        self.table = (rng.integers(0, rng.choice([2, 50]), (users, items)) / 4).astype(np.float32)
        self.prior = Prior(np.concatenate([[5, 3], rng.integers(0, 9, items - 2)]))
        vectors = rng.standard_normal((items, 3))
        self.vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
        self.wanted = np.nonzero(rng.random((users, items)) < 0.5)
        self.rules = Rules(
            length=int(rng.integers(1, items + 3)),
            candidates=int(rng.integers(1, items + 3)),
            repeats=bool(rng.integers(0, 2)),
            allowed=rng.random(items) < 0.6 if rng.integers(0, 2) else None,
            seed=int(rng.integers(0, 3)),
        )

    @property
    def may(self) -> np.ndarray:
        """``[U, I]`` what may be shown to whom."""
        may = np.ones(self.table.shape, bool)
        if self.rules.allowed is not None:
            may &= self.rules.allowed
        return may if self.rules.repeats else may & (self.histories.weights().toarray() == 0)

    def answers(self, spec: str, block: int = 500) -> Answers:
        return answer(
            Tabled(self.table),
            parse(spec),
            self.histories,
            self.prior,
            self.rules,
            vectors=self.vectors,
            wanted=self.wanted,
            block=block,
        )


cases = st.builds(Case, st.integers(0, 2**32 - 1))


@given(cases, st.sampled_from(REMEDIES))
def test_lists_hold_what_may_be_shown_once_and_as_much_as_there_is(case: Case, spec: str) -> None:
    lists, may = case.answers(spec).lists, case.may
    assert lists.shape == (len(may), case.rules.length)
    for line, allowed in zip(lists, may, strict=True):
        shown = line[line >= 0]
        assert allowed[shown].all()
        assert len(set(shown)) == len(shown) == min(case.rules.length, allowed.sum())
        assert (line[len(shown) :] == NO_ITEM).all()


@given(cases, st.sampled_from(REMEDIES))
def test_what_is_wanted_has_the_rank_of_its_place(case: Case, spec: str) -> None:
    found, may = case.answers(spec), case.may
    for user, item, rank in zip(*case.wanted, found.rank, strict=True):
        assert np.isfinite(rank) == may[user, item]
        line = found.lists[user].tolist()
        if rank < case.rules.length:
            assert line[int(rank)] == item
        else:
            assert item not in line
    # all places are taken once
    for user in range(len(may)):
        own = found.rank[(case.wanted[0] == user) & np.isfinite(found.rank)]
        assert len(set(own)) == len(own)
        assert (own < may[user].sum()).all()


@given(cases)
def test_without_a_remedy_lists_are_those_of_the_scores(case: Case) -> None:
    scores = np.where(case.may, case.table, -np.inf)
    expected = top(scores, case.rules.length, seed=case.rules.seed)
    np.testing.assert_array_equal(case.answers("none").lists, expected)
    np.testing.assert_array_equal(case.answers("balanced").lists, expected)
    for name in RERANKING:
        neutral = case.answers(f"{name}(lam=0.0)")
        np.testing.assert_array_equal(neutral.lists, expected)
        np.testing.assert_array_equal(neutral.rank, case.answers("none").rank)


@given(cases)
def test_scores_are_adjusted_before_candidates_are_chosen(case: Case) -> None:
    case.rules = Rules(length=case.rules.length, repeats=True)
    adjusted = case.table - np.float32(0.5) * case.prior.log_share
    expected = top(adjusted, case.rules.length)
    np.testing.assert_array_equal(case.answers("logit_adjust(tau=0.5)").lists, expected)


@given(cases, st.sampled_from(REMEDIES), st.integers(1, 4))
def test_blocks_do_not_matter_and_the_scores_of_a_ranker_stay_its_own(case: Case, spec: str, block: int) -> None:
    before = case.table.copy()
    one, two = case.answers(spec), case.answers(spec, block)
    np.testing.assert_array_equal(one.lists, two.lists)
    np.testing.assert_array_equal(one.rank, two.rank)
    np.testing.assert_array_equal(case.table, before)


@given(cases, st.sampled_from(APART))
def test_a_list_is_the_same_whoever_else_is_asked(case: Case, spec: str) -> None:
    together = case.answers(spec).lists
    for user in range(len(together)):
        alone = answer(
            Tabled(case.table),
            parse(spec),
            case.histories.of_users(np.array([user])),
            case.prior,
            case.rules,
            vectors=case.vectors,
        )
        np.testing.assert_array_equal(alone.lists[0], together[user])
        assert len(alone.rank) == 0


@given(cases, st.sampled_from(RERANKING))
def test_re_ranking_orders_candidates_and_nothing_beyond(case: Case, name: str) -> None:
    plain, moved = case.answers("none"), case.answers(f"{name}(lam=0.9)")
    size = max(case.rules.candidates, case.rules.length)
    beyond = plain.rank >= size
    np.testing.assert_array_equal(moved.rank[beyond], plain.rank[beyond])
    assert (moved.rank[~beyond] < size).all()


@settings(max_examples=10)
@given(st.integers(0, 99))
def test_item_neighbourhoods_answer_everyone(seed: int) -> None:
    rng = np.random.default_rng(seed)
    histories = Histories.of([rng.integers(0, 40, rng.integers(1, 6)).tolist() for _ in range(30)], seed=seed)
    learner = ranking_learner("item_knn")
    ranker = learner.fit(Evidence(histories), parse("none"), setting=learner.default, seed=0)
    asked = histories.kept(histories.user > 4)  # five users have no history left
    lists = answer(ranker, parse("xquad"), asked, Prior(histories.counts), Rules(length=10)).lists
    assert (lists >= 0).all()
    had = asked.weights().toarray() > 0
    assert not had[np.arange(30)[:, None], lists].any()


@pytest.mark.parametrize(
    ("change", "error", "said"),
    [
        ({"remedy": parse("mmr"), "vectors": None}, SettingError, "names"),
        ({"remedy": parse("tau_norm")}, SettingError, "weight vector"),
        ({"rules": Rules(allowed=np.ones(1, bool))}, InputError, "allowed"),
        ({"prior": Prior(np.array([4, 3, 2, 1] * 9))}, InputError, "prior"),
        ({"vectors": np.ones((99, 1), np.float32)}, InputError, "vectors"),
        ({"wanted": (np.array([0]), np.array([99]))}, InputError, "items"),
        ({"wanted": (np.array([-1]), np.array([0]))}, InputError, "users"),
        ({"wanted": (np.array([0, 0]), np.array([1, 1]))}, InputError, "twice"),
    ],
)
def test_what_cannot_be_answered_is_refused(change: dict, error: type[Exception], said: str) -> None:
    case = Case(0)
    whole = {"remedy": parse("none"), "histories": case.histories, "prior": case.prior, "vectors": case.vectors}
    with pytest.raises(error, match=said):
        answer(Tabled(case.table), **(whole | change))


@pytest.mark.parametrize("wrong", [{"length": 0}, {"candidates": 0}])
def test_lists_of_nothing_are_refused(wrong: dict[str, int]) -> None:
    with pytest.raises(SettingError, match="below 1"):
        Rules(**wrong)
