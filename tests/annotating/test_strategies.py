"""Which rows are chosen: different ones, the same for the same seed, and those that the strategy stands for."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenshelf.annotating.strategies import STRATEGIES, Candidates, farthest_first, nearest_distance, strategy_of
from evenshelf.errors import SettingError


def quiet(what: str, done: int, total: int | None) -> None:
    del what, done, total


def candidates(seed: int, m: int = 40, classes: int = 5, *, cold: bool = False) -> Candidates:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(m, 6)).astype(np.float32)
    vectors[m // 2 :: 3] = vectors[0]  # repeats
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    if cold:
        return Candidates(vectors, None, None, np.full(m, np.inf, np.float32))
    p = rng.dirichlet(np.ones(classes), m).astype(np.float32)
    return Candidates(vectors, p, rng.integers(1, 50, classes), nearest_distance(vectors, vectors[: m // 10]))


@pytest.mark.parametrize("name", STRATEGIES)
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 40))
def test_rows_are_different_and_the_seed_decides(name: str, seed: int, n: int) -> None:
    pool = candidates(seed)
    chosen = STRATEGIES[name].choose(pool, n, np.random.default_rng(seed), quiet)
    assert len(set(chosen.tolist())) == n
    assert chosen.min() >= 0
    assert chosen.max() < len(pool)
    again = STRATEGIES[name].choose(pool, n, np.random.default_rng(seed), quiet)
    assert chosen.tolist() == again.tolist()


@pytest.mark.parametrize("name", [name for name, strategy in STRATEGIES.items() if strategy.cold])
@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 40))
def test_a_cold_start_chooses_as_well(name: str, seed: int, n: int) -> None:
    chosen = STRATEGIES[name].choose(candidates(seed, cold=True), n, np.random.default_rng(seed), quiet)
    assert len(set(chosen.tolist())) == n


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(1, 30), known=st.booleans())
def test_lazy_choice_is_the_plain_greedy_one(seed: int, n: int, *, known: bool) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(30, 4)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    worth = rng.random(30).astype(np.float32) + np.float32(0.01)
    distance = nearest_distance(vectors, -vectors[:2]) if known else np.full(30, np.inf, np.float32)
    chosen = farthest_first(vectors, worth, distance, n, quiet)
    near = distance.astype(np.float64)
    for step, row in enumerate(chosen):
        score = worth * near
        if step or known:
            taken = chosen[:step]
            score[taken] = -1.0
            assert score[row] >= score.max() - 1e-5
        near = np.minimum(near, np.maximum(2.0 - 2.0 * (vectors @ vectors[row]), 0.0))


def test_rows_equal_to_known_ones_come_last() -> None:
    eye = np.eye(4, dtype=np.float32)
    chosen = farthest_first(eye, np.ones(4, np.float32), nearest_distance(eye, eye[:2]), 4, quiet)
    assert set(chosen[:2].tolist()) == {2, 3}


def test_tail_prefers_unsure_rows_of_rare_classes_far_away() -> None:
    vectors = np.eye(4, dtype=np.float32)
    same = np.full(4, 1.0, np.float32)
    sure, unsure = [0.98, 0.01, 0.01], [0.5, 0.49, 0.01]
    rare = [0.01, 0.49, 0.5]
    counts = np.array([100, 100, 1])
    pick = STRATEGIES["tail"].choose
    rng = np.random.default_rng(0)
    p = np.array([sure, unsure, sure, sure], np.float32)
    assert pick(Candidates(vectors, p, counts, same), 1, rng, quiet).tolist() == [1]
    p = np.array([unsure, unsure, rare, unsure], np.float32)
    assert pick(Candidates(vectors, p, counts, same), 1, rng, quiet).tolist() == [2]
    p = np.array([unsure] * 4, np.float32)
    far = np.array([0.1, 0.1, 0.1, 1.0], np.float32)
    assert pick(Candidates(vectors, p, counts, far), 1, rng, quiet).tolist() == [3]


@given(st.integers(0, 2**32 - 1))
def test_what_makes_a_row_worth_asking_is_in_its_range(seed: int) -> None:
    pool = candidates(seed)
    for values in (pool.uncertainty, pool.entropy, pool.rarity):
        assert values.shape == (len(pool),)
        assert values.min() >= -1e-6
        assert values.max() <= 1.0 + 1e-6


def test_no_such_strategy() -> None:
    with pytest.raises(SettingError, match="did you mean margin"):
        strategy_of("margn")
