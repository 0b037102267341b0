"""Absent and cold classes, names, remedies that share a fit, and the check suite of learners."""

from __future__ import annotations

import numpy as np
import pytest

from evenshelf.learners import learner_kinds
from evenshelf.learners.paths import fit_path
from evenshelf.learners.training import Training, training_part, training_rows
from evenshelf.remedies import catalogue, parse
from evenshelf.testing import Check, learner_checks

from .fitting import TOLERANCE, Data, data, fit, of_examples, prepared, probabilities, training

QUICK = [kind for kind in learner_kinds().values() if kind.reads is None]
"""Those that read texts are held to it with small models: see finetune/test_fits.py."""


@pytest.mark.parametrize("check", [check for kind in QUICK for check in learner_checks(kind)])
def test_every_learner(check: Check) -> None:
    check()


def with_cold(seed: int = 0) -> tuple[Data, np.ndarray, np.ndarray]:
    """Three known groups and a cold one (code 3), and rows that lie at the cold one's name."""
    d = data((30, 20, 10, 8), seed=seed, spread=0.3)
    known = d.target != 3
    return Data(d.vectors[known], d.target[known], d.names), d.vectors[~known], d.target[~known]


def predict(vectors, head, new):
    turned = vectors.turn((new - vectors.mean) / np.float32(vectors.scale))
    return probabilities(head.scores(np.concatenate([np.ones((len(new), 1), np.float32), turned], axis=1)))


@pytest.mark.parametrize("spec", sorted(n for n, kind in catalogue().items() if not kind.needs))
def test_a_class_without_examples_is_never_predicted_without_a_name(spec: str) -> None:
    d, new, _ = with_cold()
    vectors = prepared(d)
    head = fit(training(d, vectors), spec, 1e-3)
    assert predict(vectors, head, np.concatenate([d.vectors, new]))[:, 3].max() == 0.0
    assert head.norms[3] == 0.0
    assert (head.norms[:3] > 0).all()


def test_a_cold_class_with_a_name_is_found_by_its_name() -> None:
    d, new, _ = with_cold()
    vectors = prepared(d)
    named = fit(training(d, vectors, names=True), "name_prior(scale=40.0) + logit_adjust(tau=0.5)", 2e-2)
    assert (predict(vectors, named, new).argmax(axis=1) == 3).mean() > 0.7
    assert (predict(vectors, named, d.vectors).argmax(axis=1) == 3).mean() < 0.05
    assert (predict(vectors, named, d.vectors).argmax(axis=1) == d.target).mean() > 0.8
    without = fit(training(d, vectors, names=True), "name_prior(scale=0.0)", 1e-2)
    assert predict(vectors, without, new)[:, 3].max() == 0.0


def test_weights_shrink_to_the_names_where_the_penalty_is_strong() -> None:
    d = data()
    vectors = prepared(d)
    train = training(d, vectors, names=True)
    strong = fit(train, "name_prior(scale=10.0)", 1e3)
    np.testing.assert_allclose(strong.fit.weights[1:], 10.0 * train.names.T, atol=1e-2)
    # the names turned with the rows: the score of a row is 10 times its cosine-like product with the name
    score = (d.vectors - vectors.mean) / vectors.length @ (d.names / vectors.length).T * 10.0
    ours = (np.asarray(vectors.rows) @ strong.fit.weights)[vectors.row_of] - strong.fit.weights[0]
    np.testing.assert_allclose(ours, score, atol=2e-2)


def test_adjustments_share_a_fit_and_balanced_softmax_is_one_of_them() -> None:
    assert training_part(parse("logit_adjust + tau_norm")).spec == "none"
    assert training_part(parse("balanced + logit_adjust")).spec == "balanced"
    assert training_part(parse("smote + focal + logit_adjust")).spec == "smote + focal"
    d = data()
    vectors = prepared(d)
    train = training(d, vectors)
    rows = np.asarray(vectors.rows)
    plain = fit(train, "none", 1e-3)
    adjusted = plain.scores(rows, parse("logit_adjust"))
    np.testing.assert_allclose(adjusted, plain.scores(rows) - train.prior.log_share, rtol=1e-5, atol=1e-5)
    # as its docstring says: with a free bias, the offset of balanced softmax is a logit adjustment afterwards
    softmax = fit(train, "balanced_softmax", 1e-3)
    np.testing.assert_allclose(probabilities(softmax.scores(rows)), probabilities(adjusted), atol=2e-3)


def test_what_is_done_in_training_comes_before_what_is_done_to_scores() -> None:
    d = data()
    vectors = prepared(d)
    head = fit(training(d, vectors), "none", 1e-3)
    rows = np.asarray(vectors.rows)
    trained_last, trained_first = (
        head.scores(rows, parse(spec)) for spec in ("tau_norm + balanced_softmax", "balanced_softmax + tau_norm")
    )
    np.testing.assert_array_equal(trained_last, trained_first)
    assert np.abs(trained_first - head.scores(rows, parse("tau_norm + logit_adjust"))).max() > 1e-2


def test_class_weights_in_the_loss_and_on_the_rows_share_a_fit() -> None:
    assert training_part(parse("weighted_ce")).spec == "balanced"
    assert training_part(parse("weighted_ce(power=0.5)")).spec == "weighted_ce(power=0.5)"
    prior = training(data(), prepared(data())).prior
    weights = parse("weighted_ce").loss(prior).class_weight()
    np.testing.assert_allclose(parse("balanced").weight(prior), weights, rtol=1e-6)


def test_remedies_see_every_merged_example() -> None:
    d = data((6, 2))
    which = np.repeat(np.arange(8), [1, 1, 1, 1, 1, 1, 3, 3])
    many = Data(d.vectors[which], d.target[which], d.names)
    vectors = prepared(many, same=which)
    train = training(many, vectors)
    assert train.prior.counts.sum() == len(which)
    np.testing.assert_array_equal(train.prior.counts, np.bincount(many.target))
    rows = training_rows(parse("random_over"), train, np.random.default_rng(0))
    weight = np.bincount(train.target[rows.first], rows.weight)
    np.testing.assert_allclose(weight, train.prior.counts.max())


def test_training_rows_are_those_of_the_folds_asked_for() -> None:
    d = data()
    fold = np.arange(len(d.target)) % 4 - 1
    vectors = prepared(d, fold=fold)
    for folds in ((-1, 0, 1), (-1, 2), (0, 2), (-1, 0, 1, 2)):
        train = Training.of(vectors, folds, 4, None)
        inside = np.isin(fold, folds)
        np.testing.assert_array_equal(train.prior.counts, np.bincount(d.target[inside], minlength=4))
        assert sum(len(block) for block in train.blocks) == inside.sum()
        np.testing.assert_array_equal(np.concatenate(train.blocks), np.asarray(vectors.rows)[vectors.index(folds)])


def test_a_path_ends_where_a_single_fit_ends() -> None:
    d = data()
    vectors = prepared(d)
    train = training(d, vectors)
    path = fit_path(
        train, [(parse("none"), None, (1e-1, 1e-2, 1e-3))], tolerance=TOLERANCE, approach=1e-2, max_steps=2000
    )[0]
    np.testing.assert_allclose(
        of_examples(vectors, path[-1]), of_examples(vectors, fit(train, "none", 1e-3)), atol=2e-3
    )
