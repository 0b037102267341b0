"""Class means as prior: nearest class means at one end, a plain head at the other, and what names lend between."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from sklearn.neighbors import NearestCentroid

from evenshelf.learners.heads import fit_alone
from evenshelf.learners.training import Training
from evenshelf.learners.vectors import prepare
from evenshelf.remedies import Prior, parse
from evenshelf.remedies.class_means import ClassMean, TextSmoothed, unit
from evenshelf.testing.learners import probabilities, skewed_sample
from evenshelf.testing.strategies import labelled_vectors

COUNTS = (60, 20, 6, 2)


def test_under_a_strong_penalty_the_nearest_mean_wins() -> None:
    vectors, target, _ = skewed_sample((30, 30, 30, 30), spread=0.8)
    head = fit_alone(vectors, target, 4, parse("class_mean"), penalty=1e6)
    weights, _ = head.linear
    centred = vectors - vectors.mean(axis=0)
    means = np.stack([centred[target == group].mean(axis=0) for group in range(4)])
    np.testing.assert_allclose(unit(weights.T), unit(means), atol=1e-4)
    # of means of one length the nearest is the one with the largest product; biases would follow the groups' sizes
    twice = np.concatenate([unit(means) + 0.01, unit(means) - 0.01])
    theirs = NearestCentroid().fit(twice, np.tile(np.arange(4), 2)).predict(unit(centred))
    np.testing.assert_array_equal((centred @ weights).argmax(axis=1), theirs)
    # groups are of one size here, and biases move few rows
    assert (head(vectors).argmax(axis=1) == theirs).mean() > 0.9


def test_under_a_weak_penalty_it_is_a_plain_head() -> None:
    vectors, target, _ = skewed_sample((60, 20, 6, 8), spread=1.5)
    plain, pooled = (
        probabilities(fit_alone(vectors, target, 4, parse(spec), penalty=penalty)(vectors))
        for spec, penalty in (("none", 1e-5), ("class_mean", 1e-5))
    )
    near = np.abs(plain - pooled).max()
    far = np.abs(
        probabilities(fit_alone(vectors, target, 4, parse("class_mean"), penalty=0.1)(vectors))
        - probabilities(fit_alone(vectors, target, 4, parse("none"), penalty=0.1)(vectors))
    ).max()
    assert near < 0.02 < far


@settings(max_examples=25, deadline=None)
@given(labelled_vectors())
def test_means_are_of_training_rows_as_often_as_they_count(sample) -> None:
    rows = np.arange(len(sample.target))
    fold = rows % 3
    alike = np.unique(sample.vectors, axis=0, return_inverse=True)[1].reshape(-1)
    if np.ptp(sample.vectors, axis=0).max(initial=0.0) < 1e-3 * np.abs(sample.vectors).max(initial=1.0):
        return  # as good as equal: refused elsewhere
    vectors = prepare(sample.vectors, sample.target, fold, alike)
    if not len(vectors.index((0, 1))):
        return
    groups = len(sample.prior.counts)
    training = Training.of(vectors, (0, 1), groups, None)
    seen = vectors.rows[vectors.row_of[fold < 2]][:, 1:].astype(np.float64)
    target = sample.target[fold < 2]
    near = 1e-4 * max(1.0, float(np.abs(seen).max()))
    for group in range(groups):
        mine = seen[target == group]
        expected = mine.mean(axis=0) - seen.mean(axis=0) if len(mine) else np.zeros(seen.shape[1])
        np.testing.assert_allclose(training.means[group], expected, atol=near)


def test_means_of_sparse_rows_are_those_of_dense_ones() -> None:
    from scipy.sparse import csr_array

    from evenshelf.learners.vectors import prepare_sparse

    vectors, target, _ = skewed_sample(COUNTS)
    fold = np.arange(len(target)) % 3
    prepared = prepare_sparse(csr_array(vectors), target, fold, np.arange(len(target)))
    training = Training.of(prepared, (0, 2), 4, None)
    rows = np.concatenate([block.toarray()[:, 1:] for block in training.blocks])
    dense = replace(training, blocks=[np.concatenate([np.ones((len(rows), 1), np.float32), rows], axis=1)])
    np.testing.assert_allclose(training.means, dense.means, atol=1e-6)


def test_leading_axes_have_the_leading_numbers_of_the_means() -> None:
    vectors, target, _ = skewed_sample(COUNTS)
    training = Training.of(prepare(vectors, target, np.arange(len(target)) % 2, np.arange(len(target))), (0,), 4, None)
    np.testing.assert_allclose(training.leading(3).means, training.means[:, :3], atol=1e-6)


@pytest.mark.parametrize("spec", ["class_mean", "text_smoothed(kappa=0.0)"])
def test_a_group_that_is_known_by_nothing_has_no_chance(spec: str) -> None:
    vectors, target, names = skewed_sample((40, 12, 0, 3))
    chance = probabilities(fit_alone(vectors, target, 4, parse(spec), names=names)(vectors))[:, 2]
    assert chance.max() < 1e-6


def test_without_rows_lent_it_is_class_mean() -> None:
    vectors, target, names = skewed_sample(COUNTS)
    one, two = (
        fit_alone(vectors, target, 4, parse(spec), names=names, penalty=1e-2)(vectors)
        for spec in ("class_mean(scale=7.0)", "text_smoothed(scale=7.0, kappa=0.0)")
    )
    np.testing.assert_array_equal(one, two)


def test_rows_lent_are_those_of_the_formula() -> None:
    rng = np.random.default_rng(0)
    prior = Prior(np.array([50, 3, 1, 0, 9]))
    names = rng.standard_normal((5, 4)).astype(np.float32)
    means = (rng.standard_normal((5, 4)) * prior.present[:, None]).astype(np.float32)
    remedy = TextSmoothed(kappa=2.0, k=2, sharpness=3.0)
    shown = unit(names - names.mean(axis=0))
    cosine = shown @ shown.T
    for group in range(5):
        others = [h for h in np.argsort(-cosine[group]) if h != group and prior.counts[h]][:2]
        weight = np.exp(3.0 * cosine[group, others]) * prior.counts[others]
        lent = weight @ means[others] / weight.sum()
        n = prior.counts[group]
        expected = (n * means[group] + 2.0 * lent) / (n + 2.0)
        np.testing.assert_allclose(remedy.centre(names, prior, means)[group], 5.0 * unit(expected[None])[0], atol=1e-4)


def test_a_cold_group_is_found_by_the_means_that_its_relatives_lend() -> None:
    rng = np.random.default_rng(1)
    families = np.array([[4.0, 0, 0, 0], [0, 4.0, 0, 0]])
    family = np.array([0, 0, 0, 1, 1, 1])
    own = 0.8 * rng.standard_normal((6, 4))
    target = np.repeat([0, 1, 3, 4, 5], 20)  # group 2 has no row
    vectors = (families[family] + own)[target] + 0.2 * rng.standard_normal((100, 4))
    names = (families[family] + own).astype(np.float32)
    new = (families[0] + own[2] + 0.2 * rng.standard_normal((30, 4))).astype(np.float32)
    p = [
        probabilities(fit_alone(vectors.astype(np.float32), target, 6, parse(spec), names=names, penalty=1.0)(new))
        for spec in ("class_mean", "text_smoothed")
    ]
    assert p[0][:, 2].max() < 1e-6 < p[1][:, 2].min()
    # and more than to a cold one of the other family
    assert p[1][:, 2].mean() > p[1][:, 3:].mean(axis=0).max()


def test_a_mean_that_is_that_of_all_has_no_direction_whatever_rounding_leaves_of_it() -> None:
    means = np.array([[0.3, -0.4], [6e-8, 0.0], [0.0, 0.0]], np.float32)
    np.testing.assert_allclose(unit(means), [[0.6, -0.8], [0.0, 0.0], [0.0, 0.0]], atol=1e-6)


def test_what_it_cannot_do_is_told() -> None:
    prior = Prior(np.array([5, 0, 3, 0]))
    assert ClassMean().notes(prior) == ("2 groups have no row, and so no mean",)
    assert TextSmoothed().notes(prior) == ("2 groups have no row, and the mean of those with similar names",)
    assert TextSmoothed(kappa=0.0).notes(prior) == ("2 groups have no row, and so no mean",)
    assert ClassMean().notes(Prior(np.array([5, 1]))) == ()


def test_names_are_needed_where_they_are_read() -> None:
    prior = Prior(np.array([5, 3]))
    assert "names" in str(parse("text_smoothed").not_applicable(prior, has_names=False))
    assert parse("class_mean").not_applicable(prior, has_names=False) is None
    assert parse("balanced + text_smoothed").reads_names
    assert not parse("balanced + class_mean").reads_names
