"""Nearest training rows: the votes of scikit-learn at one end, the model alone at the other."""

from __future__ import annotations

import pickle

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.neighbors import KNeighborsClassifier

from evenshelf.errors import SettingError
from evenshelf.learners.heads import fit_alone
from evenshelf.learners.retrieval import Memories, memory_of
from evenshelf.learners.training import Training
from evenshelf.learners.vectors import prepare, prepare_sparse
from evenshelf.remedies import Prior, parse
from evenshelf.remedies.retrieve import NearestNeighbours
from evenshelf.testing.learners import probabilities, skewed_sample


def ones(target: np.ndarray) -> np.ndarray:
    return np.ones(len(target), np.float32)


def votes(remedy: NearestNeighbours, vectors: np.ndarray, target: np.ndarray, new: np.ndarray) -> np.ndarray:
    prior = Prior(np.bincount(target, minlength=4))
    memory = remedy.retrieve(vectors, target, ones(target), prior)
    return probabilities(memory(np.zeros((len(new), 4), np.float32), memory.look_up(new)))


@settings(max_examples=30, deadline=None)
@given(k=st.integers(1, 60), temperature=st.sampled_from([0.05, 0.5, 5.0]), seed=st.integers(0, 99))
def test_with_all_the_share_it_votes_as_scikit_learn_does(k: int, temperature: float, seed: int) -> None:
    rng = np.random.default_rng(seed)
    vectors, new = (rng.standard_normal((rows, 3)).astype(np.float32) for rows in (60, 20))
    target = np.concatenate([np.arange(4), rng.integers(0, 4, 56)])
    ours = votes(NearestNeighbours(k=k, share=1.0, temperature=temperature, balance=0.0), vectors, target, new)

    def weights(distance: np.ndarray) -> np.ndarray:
        return np.exp(-(distance**2 - distance[:, :1] ** 2) / temperature)

    theirs = KNeighborsClassifier(k, weights=weights, algorithm="brute").fit(vectors.astype(float), target)
    np.testing.assert_allclose(ours, theirs.predict_proba(new.astype(float)), atol=1e-5)
    np.testing.assert_array_equal(ours.argmax(axis=1), theirs.predict(new.astype(float)))


def test_a_head_with_all_the_share_predicts_what_scikit_learn_predicts() -> None:
    vectors, target, _ = skewed_sample(spread=1.0)
    new = skewed_sample(spread=1.2)[0]
    head = fit_alone(vectors, target, 4, parse("knn(share=1.0, temperature=0.5, balance=0.0)"))
    scale = float(head.scale)

    def weights(distance: np.ndarray) -> np.ndarray:
        near = distance / scale
        return np.exp(-(near**2 - near[:, :1] ** 2) / 0.5)

    theirs = KNeighborsClassifier(10, weights=weights, algorithm="brute").fit(vectors.astype(float), target)
    np.testing.assert_allclose(probabilities(head(new)), theirs.predict_proba(new.astype(float)), atol=1e-4)


@pytest.mark.parametrize("share", [0.0, 0.3, 1.0])
def test_probabilities_are_mixed_by_the_share(share: float) -> None:
    vectors, target, _ = skewed_sample()
    plain = probabilities(fit_alone(vectors, target, 4, parse("none"))(vectors))
    voted = probabilities(fit_alone(vectors, target, 4, parse("knn(share=1.0)"))(vectors))
    mixed = probabilities(fit_alone(vectors, target, 4, NearestNeighbours(share=share))(vectors))
    np.testing.assert_allclose(mixed, (1 - share) * plain + share * voted, atol=1e-5)


def test_balanced_votes_are_divided_by_the_size_of_their_group() -> None:
    vectors = np.array([[0.0], [0.1], [0.2], [-0.15]], np.float32)
    target = np.array([0, 0, 0, 1])
    remedy = NearestNeighbours(k=4, share=1.0, temperature=1000.0, balance=1.0)
    np.testing.assert_allclose(votes(remedy, vectors, target, vectors)[:, :2], 0.5, atol=1e-3)


@settings(max_examples=25, deadline=None)
@given(times=st.lists(st.integers(1, 4), min_size=12, max_size=12), seed=st.integers(0, 99))
def test_equal_rows_of_a_group_are_one_row_with_the_votes_of_all(times: list[int], seed: int) -> None:
    vectors = np.random.default_rng(seed).standard_normal((12, 3)).astype(np.float32)
    target, copies = np.arange(12) % 3, np.repeat(np.arange(12), times)
    order = np.random.default_rng(seed).permutation(len(copies))
    repeated = fit_alone(vectors[copies][order], target[copies][order], 3, parse("knn(share=1.0, k=4)"))
    prepared = prepare(vectors[copies], target[copies], np.zeros(len(copies), np.int64), copies)
    training = Training.of(prepared, (0,), 3, None)
    memory = memory_of(parse("knn(share=1.0, k=4)"), training)
    new = np.random.default_rng(seed + 1).standard_normal((6, 3)).astype(np.float32)
    turned = prepared.turn((new - prepared.mean) / np.float32(prepared.scale))
    merged = memory(np.zeros((6, 3), np.float32), memory.look_up(turned))
    np.testing.assert_allclose(probabilities(repeated(new)), probabilities(merged), atol=1e-4)


def test_scores_are_calibrated_after_what_is_retrieved() -> None:
    vectors, target, _ = skewed_sample(spread=1.0)
    mixed = fit_alone(vectors, target, 4, parse("knn"))
    both = fit_alone(vectors, target, 4, parse("temperature + knn"))
    before, after = (np.diff(head(vectors), axis=1) for head in (mixed, both))
    known = np.abs(before) > 0.1
    ratio = after[known] / before[known]
    np.testing.assert_allclose(ratio, np.median(ratio), rtol=1e-2)
    # found on rows that were not in the memory: their own votes would have made it far too sure
    own = probabilities(mixed(vectors))[np.arange(len(target)), target].mean()
    assert probabilities(both(vectors))[np.arange(len(target)), target].mean() < own + 0.02


def test_a_head_with_a_memory_can_be_pickled() -> None:
    vectors, target, _ = skewed_sample()
    head = fit_alone(vectors, target, 4, parse("knn"))
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(head))(vectors), head(vectors))


def test_rows_are_looked_up_once_for_remedies_that_retrieve_alike() -> None:
    vectors, target, _ = skewed_sample()
    prepared = prepare(vectors, target, np.arange(len(target)) % 2, np.arange(len(target)))
    training = Training.of(prepared, (0,), 4, None)
    memories, rows = Memories(training), prepared.blocks((1,))[0]
    scores = np.zeros((len(rows), 4), np.float32)
    one = memories.mixed(parse("knn"), scores, rows, 1)
    # other rows under the same key show that nothing is looked up again
    again = memories.mixed(parse("knn + logit_adjust"), scores, -rows, 1)
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, memories.mixed(parse("knn"), scores, -rows, 2))
    np.testing.assert_array_equal(memories.mixed(parse("balanced"), scores, rows, 1), scores)


def test_sparse_rows_are_refused() -> None:
    from scipy.sparse import csr_array

    vectors, target, _ = skewed_sample()
    zeros = np.zeros(len(target), np.int64)
    prepared = prepare_sparse(csr_array(vectors), target, zeros, np.arange(len(target)))
    with pytest.raises(SettingError, match="knn looks for near rows"):
        memory_of(parse("knn"), Training.of(prepared, (0,), 4, None))


def test_two_memories_cannot_be_composed() -> None:
    with pytest.raises(SettingError, match="retrieve"):
        parse("knn + knn(k=3)")


def test_few_rows_all_vote_and_that_is_told() -> None:
    eye = np.eye(3, dtype=np.float32)
    memory = parse("knn").retrieve(eye, np.arange(3), ones(eye), Prior(np.ones(3, int)))
    assert memory.notes == ("all 3 rows vote, as there are fewer than 10",)
    said = memory.look_up(eye).toarray()
    np.testing.assert_allclose(said.sum(axis=1), 1.0, rtol=1e-6)
    assert said.argmax(axis=1).tolist() == [0, 1, 2]


def test_where_the_model_offers_nothing_the_neighbours_decide() -> None:
    vectors, target = np.eye(3, dtype=np.float32), np.arange(3)
    memory = NearestNeighbours(k=1, share=0.25).retrieve(vectors, target, ones(target), Prior(np.ones(4, np.int64)))
    scores = np.array([[0.0, 1.0, 2.0, -np.inf], [-np.inf] * 4], np.float32)
    found = memory(scores, memory.look_up(vectors[:2]))
    assert np.isfinite(found).all()
    assert found[1].argmax() == 1
    assert probabilities(found)[1].tolist() == pytest.approx([0.1875, 0.4375, 0.1875, 0.1875])
