"""What a bundle holds is the head that was fitted, in arrays and in ONNX; what cannot be kept is refused."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import onnxruntime
import pytest
from scipy.special import softmax

from evenshelf.bundles.head import ServingHead
from evenshelf.bundles.onnx_head import difference, head_graph
from evenshelf.errors import InputError, SettingError
from evenshelf.learners.bundling import cross_fit, serving_head
from evenshelf.learners.heads import fit_alone
from evenshelf.learners.vectors import prepare
from evenshelf.remedies import Remedy, Stage, parse
from evenshelf.remedies.calibrated import AffineMap, StepMap
from tests.learners.fitting import data

REMEDIES = (
    "none",
    "logit_adjust(tau=0.5)",
    "tau_norm(tau=1.0)",
    "balanced_softmax + tau_norm",
    "name_prior + logit_adjust(tau=0.5) + temperature",
    "smote(k=3) + vector_scaling",
    "threshold_moving",
    "isotonic(least=5)",
)


@pytest.fixture(scope="module")
def d():
    return data()


def fitted(d, spec, **more):
    return fit_alone(d.vectors, d.target, len(d.names), parse(spec), names=d.names, penalty=1e-3, **more)


def new_rows(seed=5, rows=200, dimension=6):
    return np.random.default_rng(seed).standard_normal((rows, dimension)).astype(np.float32)


@pytest.mark.parametrize("spec", REMEDIES)
def test_it_gives_what_the_fitted_head_gives_and_so_does_the_graph(d, spec):
    head = fitted(d, spec)
    served = serving_head(head, d.vectors)
    rows = new_rows()
    wanted = softmax(head(rows).astype(np.float64), axis=1)
    np.testing.assert_allclose(served.probabilities(rows), wanted, atol=1e-5)
    again = ServingHead.of_arrays({name: array.copy() for name, array in served.arrays().items()})
    np.testing.assert_array_equal(again.probabilities(rows), served.probabilities(rows))
    session = onnxruntime.InferenceSession(head_graph(served), providers=["CPUExecutionProvider"])
    scores, probabilities = session.run(["scores", "probabilities"], {"vectors": rows})
    np.testing.assert_allclose(probabilities, served.probabilities(rows), atol=1e-6)
    np.testing.assert_allclose(scores, served.scores(rows), rtol=1e-4, atol=1e-4)


def test_a_class_without_examples_and_name_has_no_chance_in_either(d):
    head = fit_alone(d.vectors, d.target, len(d.names) + 1, parse("tau_norm(tau=1.0)"), penalty=1e-3)
    served = serving_head(head, d.vectors)
    assert served.probabilities(new_rows())[:, -1].max() == 0
    assert difference(head_graph(served), served, new_rows()) < 1e-6


@pytest.mark.parametrize("points", [1, 2, 5])
def test_steps_of_any_number_are_the_same_in_the_graph(points):
    rng = np.random.default_rng(points)
    maps = tuple((np.sort(rng.random(n)), np.sort(rng.random(n))) for n in (points, 1, 3))
    head = ServingHead(rng.standard_normal((4, 3)).astype(np.float32), np.zeros(3, np.float32), StepMap(maps))
    assert difference(head_graph(head), head, new_rows(dimension=4)) < 1e-6


def test_a_graph_of_another_head_is_noticed():
    rng = np.random.default_rng(0)
    one, other = (ServingHead(rng.standard_normal((4, 3)).astype(np.float32), np.zeros(3, np.float32)) for _ in "ab")
    with pytest.raises(InputError, match="differs from the arrays"):
        difference(head_graph(one), other, new_rows(dimension=4))


def test_arrays_that_do_not_fit_are_refused():
    head = ServingHead(np.zeros((4, 3), np.float32), np.zeros(3, np.float32))
    with pytest.raises(InputError, match="missing"):
        ServingHead.of_arrays({"weights": head.weights})
    with pytest.raises(InputError, match="do not fit together"):
        ServingHead.of_arrays({"weights": head.weights, "bias": np.zeros(2, np.float32)})
    short = AffineMap(np.ones(2, np.float32), np.zeros(2, np.float32))
    with pytest.raises(InputError, match="do not fit together"):
        ServingHead.of_arrays(replace(head, calibration=short).arrays())


@dataclass(frozen=True)
class Crooked(Remedy):
    """Adjusts scores as no matrix can."""

    name: ClassVar[str] = "crooked"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.ADJUST,)

    def adjust(self, scores, prior, norms):
        return np.where(scores > 0, 2 * scores, scores)


@dataclass(frozen=True)
class Early(Remedy):
    """Acts at a stage that bundles do not keep."""

    name: ClassVar[str] = "early"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.AUGMENT,)


class Custom:
    notes = ()

    def __call__(self, scores):
        return scores


def test_what_cannot_be_kept_is_refused_and_not_dropped(d):
    head = fitted(d, "none")
    with pytest.raises(SettingError, match="keeps linear heads"):
        serving_head(head.__call__, d.vectors)
    with pytest.raises(SettingError, match="would give other probabilities"):
        serving_head(replace(head, remedy=Crooked()), d.vectors)
    with pytest.raises(SettingError, match="augment"):
        serving_head(replace(head, remedy=Early()), d.vectors)
    with pytest.raises(SettingError, match="Custom"):
        serving_head(replace(head, calibrated=Custom()), d.vectors)


@pytest.mark.parametrize("spec", ["none", "balanced + logit_adjust(tau=0.5)"])
def test_cross_fitting_judges_no_row_by_a_head_that_has_seen_its_fold(d, spec):
    """A row whose label is changed changes the scores of other folds, and not of its own."""
    fold = np.arange(len(d.target)) % 3
    fold[np.flatnonzero(d.target == 3)[0]] = -1

    def scores(target):
        prepared = prepare(d.vectors, target, fold, np.arange(len(target)))
        found = cross_fit(prepared, len(d.names), parse(spec), names=d.names, penalty=1e-3)
        out = np.zeros((len(target), len(d.names)))
        out[np.array([np.flatnonzero(prepared.row_of == row)[0] for row in found.rows])] = found.scores
        return softmax(out, axis=1)

    changed = d.target.copy()
    row = np.flatnonzero((fold == 1) & (changed == 0))[0]
    changed[row] = 1
    before, after = scores(d.target), scores(changed)
    np.testing.assert_allclose(before[fold == 1], after[fold == 1], atol=2e-3)
    assert np.abs(before[fold == 0] - after[fold == 0]).max() > 4e-3
    assert (before[fold == -1] == 0.25).all(), "rows that are always trained on have no scores"


@pytest.mark.parametrize("spec", ["temperature", "isotonic(least=5)"])
def test_rows_are_calibrated_by_the_rows_of_other_folds(d, spec):
    fold = np.arange(len(d.target)) % 3
    prepared = prepare(d.vectors, d.target, fold, np.arange(len(fold)))
    bare, found = (cross_fit(prepared, len(d.names), parse(s), names=None, penalty=1e-3) for s in ("none", spec))
    target, held = prepared.target[found.rows], np.sort(fold)
    ones = np.ones(len(target), np.float32)
    for number in range(3):
        mine = held == number
        alone = parse(spec).calibration(bare.scores[~mine], target[~mine], ones[~mine], found.head.head.prior)
        np.testing.assert_array_equal(found.scores[mine], alone(bare.scores[mine]))
