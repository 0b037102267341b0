"""Baselines by themselves: each learns, repeats itself, and takes the smallest data there are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evenshelf.baselines import Baseline, Reads, baseline_kinds, baselines_of
from evenshelf.baselines.fitting import Ladder
from evenshelf.baselines.zero_shot import ZERO_SHOT
from evenshelf.encoders.token_ids import OTHER, token_matrix
from evenshelf.errors import SettingError
from evenshelf.learners import Predict
from evenshelf.learners.heads import HEADS
from evenshelf.remedies import parse
from evenshelf.testing.learners import probabilities, skewed_sample

WORDS = (("red", "shoe", "sole", "lace"), ("silk", "scarf", "soft"), ("手", "表", "机", "械"), ("lamp", "bulb"))
FITTED = [b for b in baseline_kinds().values() if b.learner != HEADS]


def texts(counts: tuple[int, ...], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Token numbers of made-up texts, and their classes."""
    rng = np.random.default_rng(seed)
    target = np.repeat(np.arange(len(counts)), counts)
    made = [" ".join(rng.choice(WORDS[c], 3)) + f" no{rng.integers(5)}" for c in target]
    return token_matrix(made, length=8), target


def sample(baseline: Baseline, counts: tuple[int, ...]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    vectors, target, names = skewed_sample(counts, spread=0.3)
    if baseline.reads is Reads.TOKENS:
        vectors, target = texts(counts)
    return vectors, target, names


def fit(baseline: Baseline, vectors: np.ndarray, target: np.ndarray, names: np.ndarray, **more: object) -> Predict:
    if baseline.package:
        pytest.importorskip(baseline.package)
    return baseline.learner.fit(vectors, target, len(names), parse("none"), names=names, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize("baseline", FITTED, ids=lambda b: b.name)
def test_it_learns_and_gives_the_same_bits_for_the_same_seed(baseline: Baseline) -> None:
    vectors, target, names = sample(baseline, (60, 30, 20, 12))
    rows, new = np.arange(len(target)) % 4 > 0, np.arange(len(target)) % 4 == 0
    one, two = (fit(baseline, vectors[rows], target[rows], names, seed=3)(vectors[new]) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    assert one.shape == (new.sum(), len(names))
    assert one.dtype == np.float32
    guess = one.argmax(axis=1)
    right = np.mean([(guess[target[new] == c] == c).mean() for c in range(len(names))])
    assert right > 0.4, f"{right:.2f} of each class are right, and guessing gives 0.25"


@pytest.mark.parametrize("baseline", FITTED, ids=lambda b: b.name)
def test_the_smallest_data_and_classes_without_a_row(baseline: Baseline) -> None:
    for counts in ((1, 1, 0, 0), (3, 0, 0, 0), (9, 1, 1, 0)):
        vectors, target, names = sample(baseline, counts)
        predict = fit(baseline, vectors, target, names)
        scores = predict(vectors)
        assert np.isfinite(scores).all()
        assert len(predict(vectors[:0])) == 0
        if not baseline.names:
            assert probabilities(scores)[:, np.array(counts) == 0].max() < 1e-6


@pytest.mark.parametrize("baseline", FITTED, ids=lambda b: b.name)
@pytest.mark.parametrize("others", [[], [1, 2, 3], list(range(1, 9))], ids=len)
def test_a_class_whose_only_row_equals_one_of_another(baseline: Baseline, others: list[int]) -> None:
    vectors, _, names = sample(baseline, (9, 3, 0, 0))
    rows = [0, 0, *others]
    target = np.array([0, 1, *[0] * len(others)])
    scores = fit(baseline, vectors[rows], target, names)(vectors)
    assert np.isfinite(scores).all()
    np.testing.assert_allclose(probabilities(scores).sum(axis=1), 1.0, atol=1e-5)


@pytest.mark.parametrize("baseline", FITTED, ids=lambda b: b.name)
def test_a_remedy_is_refused_and_not_ignored(baseline: Baseline) -> None:
    vectors, target, names = sample(baseline, (9, 5, 3, 3))
    with pytest.raises(SettingError, match="weight"):
        baseline.learner.fit(vectors, target, 4, parse("balanced"), names=names)
    assert baseline.learner.unsupported(parse("balanced")) is not None


@pytest.mark.parametrize("baseline", FITTED, ids=lambda b: b.name)
def test_its_parameters_are_part_of_what_it_is_known_by(baseline: Baseline) -> None:
    fits = baseline.learner.fit
    numbers = {k: v for k, v in vars(fits).items() if isinstance(v, int)}
    for name, value in numbers.items():
        assert replace(fits, **{name: value + 1}).fingerprint != fits.fingerprint  # type: ignore[type-var, attr-defined]
    assert type(fits).__name__ in fits.fingerprint  # type: ignore[attr-defined]


def test_a_temperature_found_on_rows_that_names_tell_apart_is_low_and_high_on_noise() -> None:
    vectors, target, names = skewed_sample(spread=0.05)
    sure = probabilities(ZERO_SHOT.learner.fit(vectors, target, 4, parse("none"), names=names)(vectors))
    shuffled = np.random.default_rng(0).permutation(target)
    unsure = probabilities(ZERO_SHOT.learner.fit(vectors, shuffled, 4, parse("none"), names=names)(vectors))
    assert sure.max(axis=1).mean() > 0.95
    assert unsure.max(axis=1).mean() < 0.6
    np.testing.assert_array_equal(sure.argmax(axis=1), unsure.argmax(axis=1))


def test_a_bilstm_reads_the_order_of_words() -> None:
    bilstm = baseline_kinds()["bilstm"]
    rng = np.random.default_rng(0)
    firsts = rng.integers(0, 2, 200)
    made = [f"x{rng.integers(9)} {'red blue' if first else 'blue red'} x{rng.integers(9)}" for first in firsts]
    tokens = token_matrix(made)
    names = np.zeros((2, 3), np.float32)
    scores = fit(bilstm, tokens[:150], firsts[:150], names)(tokens[150:])
    assert (scores.argmax(axis=1) == firsts[150:]).mean() > 0.9, "the same words in another order look alike"


def test_tokens_are_numbered_by_frequency_and_the_rest_is_one_other() -> None:
    rows = token_matrix(["a b", "a c", "a 表带"], vocabulary=3, length=3)
    np.testing.assert_array_equal(rows, [[2, 3, 0], [2, 4, 0], [2, OTHER, OTHER]])


@pytest.mark.parametrize("count", range(1, 9))
def test_a_ladder_keeps_its_weakest_end(count: int) -> None:
    found = Ladder((8.0, 4.0, 2.0, 1.0))(count)
    assert 1 <= len(found) <= count
    assert list(found) == sorted(found, reverse=True)
    assert count == 1 or found[-1] == 1.0


def test_names_of_baselines_are_read() -> None:
    assert [b.name for b in baselines_of("words, zero_shot,words")] == ["words", "zero_shot"]
    assert baselines_of("none") == ()
    assert len(baselines_of("all")) == len(baseline_kinds())
    with pytest.raises(SettingError, match="did you mean lightgbm"):
        baselines_of("words,lightgmb")
    with pytest.raises(SettingError, match="No baseline"):
        baselines_of(" , ")
