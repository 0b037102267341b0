"""Heads of several bags are the mean of heads that are fitted one by one, and vectors that a remedy makes are rows."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evenshelf.learners.bags import bag_rows, fit_bags
from evenshelf.learners.heads import fit_alone
from evenshelf.learners.paths import fit_path
from evenshelf.learners.training import Training, training_part, training_rows
from evenshelf.remedies import Rows, parse
from tests.learners.fitting import STEPS, TOLERANCE, data, fit, prepared, probabilities

CLOSE = 2e-4


def folded(counts: tuple[int, ...] = (60, 24, 9, 1)) -> Training:
    """Training rows in two blocks, with one fold between them left out."""
    d = data(counts)
    fold = np.arange(len(d.target)) % 3
    return Training.of(prepared(d, fold=fold), (-1, 0, 2), len(counts), None)


@pytest.mark.parametrize(
    "spec",
    [
        "balanced_bagging(bags=4)",
        "balanced_bagging(bags=3, quantile=0.0) + logit_adjust",
        "class_mean + balanced_bagging(bags=3, quantile=0.0)",
    ],
)
def test_the_head_is_the_mean_of_those_of_the_bags(spec: str) -> None:
    remedy, train = parse(spec), folded()
    assert len(train.blocks) == 2
    bags = bag_rows(remedy, train, np.random.default_rng(0))
    assert len(bags) == remedy.bags
    assert len({rows.first.tobytes() for rows in bags if rows is not None}) == remedy.bags
    part, penalties = training_part(remedy), (1e-2, 1e-3)
    found = fit_bags(train, [(part, bags, penalties)], tolerance=TOLERANCE, max_steps=STEPS)[0]
    # without laying out the sample by itself: rows that are not in it weigh nothing
    alone = [fit_path(train, [(part, rows, penalties)], tolerance=TOLERANCE, max_steps=STEPS)[0] for rows in bags]
    for level in range(2):
        mean = np.mean([heads[level].fit.weights for heads in alone], axis=0)
        np.testing.assert_allclose(found[level].fit.weights, mean, atol=5e-3)
        scores = np.mean([heads[level].fit.weights for heads in alone], axis=0)
        rows = np.concatenate(train.blocks)
        np.testing.assert_allclose(
            probabilities(rows @ found[level].fit.weights), probabilities(rows @ scores), atol=CLOSE
        )
        assert found[level].fit.seconds > 0
        assert found[level].fit.steps >= remedy.bags


def test_remedies_of_one_bag_are_fitted_as_without_others() -> None:
    train = folded()
    remedies = [parse(spec) for spec in ("balanced_bagging(bags=2)", "none", "smote", "gan(steps=3)", "balanced")]
    tasks = [(r, bag_rows(r, train, np.random.default_rng(1)), (1e-2, 1e-3)) for r in remedies]
    together = fit_bags(train, tasks, tolerance=1e-4)
    for (remedy, bags, penalties), heads in zip(tasks, together, strict=True):
        assert [head.remedy for head in heads] == [remedy, remedy]
        alone = fit_bags(train, [(remedy, bags, penalties)], tolerance=1e-4)[0]
        for one, two in zip(heads, alone, strict=True):
            np.testing.assert_array_equal(one.fit.weights, two.fit.weights)


def test_all_bags_start_where_they_are_told() -> None:
    train, remedy = folded(), parse("balanced_bagging(bags=3, quantile=1.0, strength=0.0)")
    bags = bag_rows(remedy, train, np.random.default_rng(0))
    far = fit_bags(train, [(remedy, bags, (1e-3,))], tolerance=1e-6)[0][0]
    near = fit_bags(train, [(remedy, bags, (1e-3,))], tolerance=1e-6, starts=[far.fit.weights])[0][0]
    assert near.fit.steps < far.fit.steps / 3


def test_bags_of_one_sample_are_what_one_bag_is() -> None:
    d = data()
    several = fit_alone(d.vectors, d.target, 4, parse("balanced_bagging(bags=3, quantile=1.0, strength=0.0)"))
    plain = fit_alone(d.vectors, d.target, 4, parse("none"))
    np.testing.assert_allclose(probabilities(several(d.vectors)), probabilities(plain(d.vectors)), atol=CLOSE)


@pytest.mark.parametrize("penalty", [1e-2, 1e-4])
def test_vectors_that_a_remedy_makes_are_rows_like_any_others(penalty: float) -> None:
    train, remedy = folded(), parse("gan(steps=5)")
    rows = training_rows(remedy, train, np.random.default_rng(0))
    assert rows is not None
    assert rows.made is not None
    assert len(rows.made) > 50
    own = rows.first >= len(train.target)
    target = np.concatenate([train.target, np.zeros(len(rows.made), np.int64)])
    target[rows.first[own]] = rows.target[own]
    built = np.concatenate([np.ones((len(rows.made), 1), np.float32), rows.made], axis=1)
    given = replace(train, blocks=[*train.blocks, built], target=target, count=np.ones(len(target), np.float32))
    plain = Rows.copies(rows.first, rows.target, rows.weight)
    one, two = fit(train, remedy, penalty, rows), fit(given, "none", penalty, plain)
    everything = np.concatenate(given.blocks)
    np.testing.assert_allclose(
        probabilities(everything @ one.fit.weights), probabilities(everything @ two.fit.weights), atol=CLOSE
    )


def test_made_vectors_are_cut_to_the_leading_axes() -> None:
    train = folded()
    rows = training_rows(parse("gan(steps=5)"), train, np.random.default_rng(0))
    assert rows is not None
    assert rows.made is not None
    cut = train.leading(3).extended(rows)
    assert [block.shape[1] for block in cut.blocks] == [4, 4, 4]
    np.testing.assert_array_equal(cut.blocks[-1][:, 1:], rows.made[:, :3])
    assert train.extended(None) is train


def test_merged_rows_keep_their_places_beside_made_ones() -> None:
    d = data((40, 15, 6))
    which = np.repeat(np.arange(len(d.target)), 3)
    merged = prepared(type(d)(d.vectors[which], d.target[which], d.names), same=which)
    train = Training.of(merged, (-1, 0), 3, None)
    assert len(train.target) == 61
    rows = training_rows(parse("gan(steps=5)"), train, np.random.default_rng(0))
    assert rows is not None
    assert rows.made is not None
    given = rows.first < 61
    np.testing.assert_array_equal(train.target[rows.first[given]], rows.target[given])
    assert np.sort(rows.first[~given]).tolist() == list(range(61, 61 + len(rows.made)))
