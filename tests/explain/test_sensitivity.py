"""Influence: the slope of the optimum in the weight of a row, and nearly what fitting again without it gives."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenshelf.errors import SettingError
from evenshelf.explain import Explainer
from evenshelf.explain.examples import Examples
from evenshelf.explain.margins import margin_of
from evenshelf.explain.refit import Refit
from evenshelf.explain.sensitivity import Sensitivity
from evenshelf.learners.solver import ABSENT, Problem
from evenshelf.remedies.losses import CrossEntropy, Focal, MarginCrossEntropy, OffsetCrossEntropy, WeightedCrossEntropy

TEXT = "ruword ru1word so2word blue"


def offsets(problem: Problem) -> np.ndarray:
    """What a loss adds to the scores of each row before the softmax."""
    added = np.zeros((len(problem.target), problem.centre.shape[1]))
    if isinstance(problem.loss, OffsetCrossEntropy):
        added += problem.loss.offset
    if isinstance(problem.loss, MarginCrossEntropy):
        added[np.arange(len(added)), problem.target] -= problem.loss.margin[problem.target]
    return added


def optimum(rows: np.ndarray, problem: Problem, weight: np.ndarray) -> np.ndarray:
    """In double precision, by Newton's method with all of the Hessian, and the total as it was."""
    x, centre, added = rows.astype(np.float64), problem.centre.astype(np.float64), offsets(problem)
    strength = np.full_like(centre, problem.penalty)
    strength[0] = 0.0
    scale, lines = weight / problem.total, np.arange(len(x))
    # an orthonormal basis of what may move: columns that are not frozen, without the common shift of their biases
    free = np.diag(np.repeat(~problem.frozen[None, :], len(centre), axis=0).ravel().astype(float))
    shift = np.zeros_like(centre)
    shift[0, ~problem.frozen] = 1.0 / np.sqrt((~problem.frozen).sum())
    free -= np.outer(shift.ravel(), shift.ravel())
    basis = np.linalg.eigh(free)[1][:, np.linalg.eigh(free)[0] > 0.5]

    def look(at):
        scores = x @ at + added
        scores -= scores.max(axis=1, keepdims=True)
        chances = np.exp(scores)
        chances /= chances.sum(axis=1, keepdims=True)
        away = at - centre
        value = -(scale * np.log(chances[lines, problem.target])).sum() + 0.5 * (strength * away * away).sum()
        return value, chances, away

    at = centre.copy()
    value, chances, away = look(at)
    for _ in range(60):
        wrong = chances.copy()
        wrong[lines, problem.target] -= 1.0
        slope = basis.T @ (x.T @ (scale[:, None] * wrong) + strength * away).ravel()
        if np.linalg.norm(slope) < 1e-13:
            break
        within = np.einsum("n,nc,cd->ncd", scale, chances, np.eye(chances.shape[1]))
        within -= np.einsum("n,nc,nd->ncd", scale, chances, chances)
        curved = np.einsum("na,nb,ncd->acbd", x, x, within).reshape(at.size, at.size) + np.diag(strength.ravel())
        move = (basis @ np.linalg.solve(basis.T @ curved @ basis, slope)).reshape(at.shape)
        part = 1.0
        while look(at - part * move)[0] > value and part > 1e-9:
            part /= 2
        at = at - part * move
        value, chances, away = look(at)
    return at


@st.composite
def problems(draw):
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    classes, width, count = draw(st.integers(2, 4)), draw(st.integers(1, 3)), draw(st.integers(8, 20))
    rows = np.hstack([np.ones((count, 1)), rng.normal(size=(count, width))]).astype(np.float32)
    centre = np.zeros((width + 1, classes), np.float32)
    centre[1:] = draw(st.sampled_from([0.0, 0.5])) * rng.normal(size=(width, classes))
    frozen = np.zeros(classes, bool)
    kind = draw(st.sampled_from(["all", "absent", "named"]))
    if kind != "all" and classes > 2:
        frozen[-1] = True
        centre[0, -1] = ABSENT if kind == "absent" else -1.0
        centre[1:, -1] *= kind == "named"
    known = int((~frozen).sum())
    # each has a row, or there would be no optimum
    target = np.concatenate([np.arange(known), rng.integers(0, known, count - known)])
    by_class = rng.uniform(0.5, 2.0, classes).astype(np.float32)
    loss = draw(
        st.sampled_from(
            [
                CrossEntropy(),
                WeightedCrossEntropy(by_class),
                OffsetCrossEntropy(np.log(by_class)),
                MarginCrossEntropy(by_class),
            ]
        )
    )
    weight = rng.integers(1, 4, count).astype(np.float32)
    penalty = draw(st.sampled_from([0.03, 0.3]))
    return rows, Problem(loss, target, weight, float(weight.sum()), penalty, centre, frozen), rng


@settings(max_examples=25, deadline=None)
@given(problems(), st.data())
def test_influence_is_the_slope_of_the_optimum_in_the_weight_of_a_row(made, data):
    rows, problem, rng = made
    best = optimum(rows, problem, problem.weight.astype(np.float64))
    quantity = np.where(problem.frozen, 0.0, rng.normal(size=best.shape))
    cut = data.draw(st.integers(1, len(rows) - 1))
    found = Sensitivity([rows[:cut], rows[cut:]], problem, best.astype(np.float32)).of(quantity)
    assert found.error <= 1e-5
    row, step = data.draw(st.integers(0, len(rows) - 1)), 1e-3
    ends = []
    for part in (1.0 + step, 1.0 - step):
        weight = problem.weight.astype(np.float64)
        weight[row] *= part
        moved = optimum(rows, problem, weight)
        moved[0, ~problem.frozen] -= moved[0, ~problem.frozen].mean()
        ends.append(float((moved * np.where(problem.frozen, 0.0, 1.0) * quantity).sum()))
    slope = (ends[0] - ends[1]) / (2 * step)
    assert found.value[row] == pytest.approx(slope, rel=2e-3, abs=2e-4 * np.abs(found.value).max() + 1e-6)


@pytest.mark.parametrize("remedy", ["none", "name_prior + balanced + logit_adjust(tau=0.5)", "random_over", "tau_norm"])
def test_influence_is_nearly_what_fitting_again_without_the_row_gives(shop, trained, remedy):
    """The head is truly fitted again, with the row's weight at nothing and all else as it was."""
    bundle = trained(remedy)
    refit = Refit.of(bundle, shop)
    examples = Examples(refit)
    vector = bundle.encoder.encode([TEXT])[0]
    margin = margin_of(bundle, bundle.head.probabilities(vector[None, :])[0])
    found = examples.influences(vector, margin)
    combine, _ = examples._linear(margin)
    turned = np.concatenate([[1.0], refit.turned(vector[None, :])[0].astype(np.float64)])
    problem = examples.sensitivity.problem
    rows = np.concatenate(refit.training.blocks)
    rng = np.random.default_rng(0)
    strongest = np.argsort(-np.abs(found.value))[:12]
    asked = np.union1d(strongest, rng.choice(len(rows), 12, replace=False))
    true = []
    for row in asked:
        weight = problem.weight.copy()
        weight[row] = 0.0
        start = examples.represented.head.fit.weights
        without = replace(problem, weight=weight, start=start, tolerance=1e-9)
        fitted = without.descent(_memory(refit)).run(500).weights.astype(np.float64)
        change = examples.represented.head.fit.weights.astype(np.float64) - fitted
        true.append(float(turned @ change @ combine))
    told = found.value[asked]
    assert np.corrcoef(told, true)[0, 1] > 0.95
    assert np.sign(told[np.abs(told) > 0.05]).tolist() == np.sign(np.array(true)[np.abs(told) > 0.05]).tolist()


def _memory(refit):
    from evenshelf.learners.solver import Memory

    return Memory(refit.training.blocks, len(refit.task.classes))


def test_what_has_no_such_curvature_is_refused(shop, trained):
    for remedy, why in (
        ("focal", "no cross entropy"),
        ("smote", "between examples"),
        ("balanced_bagging(bags=3)", "3 heads"),
        ("gan", "rows of its own"),
    ):
        with pytest.raises(SettingError, match=why):
            _ = Examples(Refit.of(trained(remedy), shop)).sensitivity
    rows = np.ones((3, 2), np.float32)
    problem = Problem(Focal(1.0), np.array([0, 1, 0]), np.ones(3, np.float32), 3.0, 0.1, np.zeros((2, 2), np.float32),
                      np.zeros(2, bool))  # fmt: skip
    with pytest.raises(SettingError, match="Focal"):
        Sensitivity([rows], problem, problem.centre)


def test_explanations_tell_examples_by_influence(shop, trained):
    explainer = Explainer.of(trained(), shop)
    (said,) = explainer.explain([TEXT], examples="influence", top=3)
    found = said.examples
    assert found.by == "influence"
    assert found.error < 1e-4
    lost = [example.lost for example in found.supporting]
    assert lost == sorted(lost, reverse=True)
    assert lost[-1] > 0 > found.opposing[0].lost
    assert all(example.lost is not None for near in found.nearest for example in near)
    (plain,) = explainer.explain([TEXT], top=3)
    assert plain.examples.margin == found.margin
    assert "lost" not in plain.examples.to_dict()["supporting"][0]
    assert found.to_dict()["supporting"][0]["lost"] == round(lost[0], 6)
    with pytest.raises(SettingError, match="influence"):
        explainer.explain([TEXT], examples="influense")
