"""Heads reach the optimum that scikit-learn reaches, whatever way the rows are weighted, merged, turned or blended.

Stated tolerance: probabilities within 2e-3 of scikit-learn's, objectives within 1e-5 of it, relatively.
"""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn.linear_model import LogisticRegression

from evenshelf.learners.paths import fit_path
from evenshelf.learners.solver import Memory, fit_together
from evenshelf.learners.training import Training, make_problem, training_part, training_rows
from evenshelf.learners.vectors import prepare, prepare_sparse
from evenshelf.remedies import Rows, catalogue, effective_loss, parse

from .fitting import DIMENSION, STEPS, TOLERANCE, data, fit, of_examples, prepared, probabilities, training

CLOSE = 2e-3


def sklearn_fit(x, y, penalty, sample_weight=None, class_weight=None) -> tuple[np.ndarray, float]:
    """Probabilities and objective ``1/N sum w loss + penalty/2 |W|^2`` of scikit-learn, in float64.

    For two classes scikit-learn has one vector, which is the difference of ours: they are half as long each.
    """
    x = x.astype(np.float64)
    if len(np.unique(y)) == 2:
        penalty = penalty / 2
    model = LogisticRegression(C=1 / (penalty * len(y)), class_weight=class_weight, tol=1e-10, max_iter=20_000)
    model.fit(x, y, sample_weight)
    weight = np.ones(len(y)) if sample_weight is None else sample_weight
    if class_weight == "balanced":
        weight = weight * (len(y) / (len(np.unique(y)) * np.bincount(y)))[y]
    p = model.predict_proba(x)
    value = -(weight * np.log(p[np.arange(len(y)), y])).sum() / len(y)
    return p, value + penalty / 2 * (model.coef_**2).sum()


def scaled(d, vectors):
    """The rows as the heads see them, before they were turned: penalties mean the same for both."""
    return (d.vectors - vectors.mean) / vectors.scale


@pytest.mark.parametrize("penalty", [1e-1, 1e-2, 1e-3, 1e-4])
@pytest.mark.parametrize("counts", [(70, 35, 12, 5), (90, 10), (40, 1, 1, 1, 1)])
def test_plain_heads_are_those_of_scikit_learn(counts: tuple[int, ...], penalty: float) -> None:
    d = data(counts)
    vectors = prepared(d)
    head = fit(training(d, vectors), "none", penalty)
    p, objective = sklearn_fit(scaled(d, vectors), d.target, penalty)
    np.testing.assert_allclose(of_examples(vectors, head), p, atol=CLOSE)
    assert head.fit.objective <= objective * (1 + 1e-5)
    assert head.fit.objective >= objective * (1 - 1e-4)


def test_the_default_penalty_is_that_of_scikit_learn() -> None:
    d = data()
    vectors = prepared(d)
    assert abs(vectors.scale - 1.0) > 0.05  # what the rows are divided by must not change what the default means
    p, _ = sklearn_fit(d.vectors, d.target, 1 / len(d.target))
    np.testing.assert_allclose(of_examples(vectors, fit(training(d, vectors), "none", None)), p, atol=CLOSE)


@pytest.mark.parametrize("penalty", [1e-2, 1e-4])
def test_class_weights_are_those_of_scikit_learn(penalty: float) -> None:
    d = data()
    vectors = prepared(d)
    p, objective = sklearn_fit(scaled(d, vectors), d.target, penalty, class_weight="balanced")
    for spec in ("balanced", "weighted_ce"):
        head = fit(training(d, vectors), spec, penalty)
        np.testing.assert_allclose(of_examples(vectors, head), p, atol=CLOSE, err_msg=spec)
        assert head.fit.objective <= objective * (1 + 1e-5)


@pytest.mark.parametrize("spec", ["random_over", "random_over(strength=0.5)", "random_under"])
def test_resampled_rows_are_copies_fitted_by_scikit_learn(spec: str) -> None:
    d = data()
    vectors = prepared(d)
    train = training(d, vectors)
    remedy = parse(spec)
    rows = training_rows(remedy, train, np.random.default_rng(0))
    # explicit copies, each row as often as its weight says
    copies = np.repeat(rows.first, np.rint(rows.weight).astype(int))
    head = fit(train, remedy, 1e-3, rows)
    p, _ = sklearn_fit(vectors.rows[copies, 1:], vectors.target[copies], 1e-3)
    np.testing.assert_allclose(probabilities(head.scores(vectors.rows[copies])), p, atol=CLOSE)
    weighted, _ = sklearn_fit(
        vectors.rows[:, 1:],
        vectors.target,
        1e-3 * len(copies) / len(vectors.target),
        sample_weight=np.bincount(copies, minlength=len(vectors.target)) + 1e-12,
    )
    np.testing.assert_allclose(probabilities(head.scores(vectors.rows[copies])), weighted[copies], atol=CLOSE)


@pytest.mark.parametrize("spec", ["none", "balanced", "focal", "balanced_softmax", "ldam", "random_over", "name_prior"])
def test_merged_rows_give_what_unmerged_ones_give(spec: str) -> None:
    d = data((9, 5, 3))
    times = np.random.default_rng(1).integers(1, 6, len(d.target))
    which = np.repeat(np.arange(len(d.target)), times)
    many = type(d)(d.vectors[which], d.target[which], d.names)
    merged, unmerged = prepared(many, same=which), prepared(many)
    assert len(merged.target) == len(d.target)
    assert len(unmerged.target) == len(which)
    one, two = (fit(training(many, v, names=True), spec, 1e-3) for v in (merged, unmerged))
    if spec == "random_over":
        # draws differ with the order of the rows; what was drawn for the merged rows is fitted in both
        rows = training_rows(parse(spec), training(many, merged), np.random.default_rng(0))
        example = np.array([np.flatnonzero(merged.row_of == row)[0] for row in rows.first])
        first = unmerged.row_of[example]
        again = Rows.copies(first, unmerged.target[first], rows.weight)
        one = fit(training(many, merged), spec, 1e-3, rows)
        two = fit(training(many, unmerged), spec, 1e-3, again)
    np.testing.assert_allclose(of_examples(merged, one), of_examples(unmerged, two), atol=CLOSE)


def test_fitting_together_is_fitting_alone() -> None:
    d = data((40, 15, 6, 1))
    train = training(d, names=True)
    penalties = (1e-1, 1e-2, 1e-3)
    tasks = []
    for kind in (k for k in catalogue().values() if not k.needs):
        remedy = training_part(kind())
        tasks.append((remedy, training_rows(remedy, train, np.random.default_rng(3)), penalties))
    together = fit_path(train, tasks, tolerance=TOLERANCE, max_steps=STEPS)
    for (remedy, rows, _), path in zip(tasks, together, strict=True):
        for penalty, head in zip(penalties, path, strict=True):
            alone = fit(train, remedy, penalty, rows)
            block = np.concatenate(train.blocks)
            np.testing.assert_allclose(
                probabilities(head.scores(block)), probabilities(alone.scores(block)), atol=CLOSE, err_msg=remedy.spec
            )
            assert head.fit.objective == pytest.approx(alone.fit.objective, rel=1e-5), remedy.spec


@pytest.mark.parametrize(
    "spec",
    [
        "smote",
        "smote(k=2) + balanced(power=0.5)",
        "smote + focal",
        "smote + ldam",
        "svm_smote(m=1)",
        "svm_smote(m=1, out_step=1.0)",
    ],
)
def test_rows_on_lines_through_rows_are_fitted_as_if_they_had_been_built(spec: str) -> None:
    d = data((40, 15, 6, 1))
    vectors = prepared(d)
    train = training(d, vectors)
    remedy = parse(spec)
    rows = training_rows(remedy, train, np.random.default_rng(2))
    head = fit(train, remedy, 1e-3, rows)
    assert (rows.step < 0).any() == spec.startswith("svm_smote")
    step = rows.step[:, None]
    built = (1 - step) * vectors.rows[rows.first] + step * vectors.rows[rows.second]
    # the same problem, its rows given instead of blended
    problem = make_problem(remedy, 1e-3, train, rows)
    assert problem.blend is not None
    explicit = make_problem(remedy, 1e-3, train, rows)
    explicit = type(problem)(
        **{
            name: getattr(problem, name)
            for name in ("loss", "target", "weight", "total", "penalty", "centre", "frozen")
        },
        tolerance=TOLERANCE,
    )
    again = fit_together([built.astype(np.float32)], [explicit], max_steps=STEPS)[0]
    assert again.objective == pytest.approx(head.fit.objective, rel=1e-5)
    np.testing.assert_allclose(
        probabilities(vectors.rows @ again.weights), probabilities(vectors.rows @ head.fit.weights), atol=CLOSE
    )
    if spec in ("smote", "svm_smote(m=1)"):
        p, _ = sklearn_fit(built[:, 1:], rows.target, 1e-3 * rows.weight.sum() / len(rows), sample_weight=rows.weight)
        np.testing.assert_allclose(probabilities(built @ head.fit.weights), p, atol=CLOSE)


@given(seed=st.integers(0, 999), least=st.sampled_from([-1.0, -0.1, 0.0]))
def test_the_curvature_of_built_rows_is_at_most_what_counts_for_the_given_ones(seed: int, least: float) -> None:
    rng = np.random.default_rng(seed)
    given_rows, made = 6, 20
    step = rng.uniform(least, 1.0, made).astype(np.float32)
    index = rng.integers(0, given_rows, (2, made))
    lines = np.arange(made)
    blend = sp.csr_array(
        (np.concatenate([1 - step, step]), (np.concatenate([lines, lines]), index.reshape(-1))), (made, given_rows)
    )
    train = training(data((3, 3)))
    problem = make_problem(parse("none"), 1e-3, train, None)
    fields = {name: getattr(problem, name) for name in ("loss", "target", "total", "penalty", "centre", "frozen")}
    problem = type(problem)(**fields, weight=np.ones(made, np.float32), blend=blend)
    doubt, scores = rng.random(made), rng.standard_normal(given_rows)
    assert (doubt * (blend @ scores) ** 2).sum() <= (problem.bound @ doubt * scores**2).sum() * (1 + 1e-5)
    if least == 0.0:
        assert problem.bound is problem.unblend


def test_rows_beyond_sparse_rows_are_fitted_as_if_they_had_been_built() -> None:
    d = data((40, 15, 6, 1))
    n = len(d.target)
    sparse = prepare_sparse(sp.csr_array(d.vectors), d.target, np.zeros(n, np.int64), np.arange(n))
    train = Training.of(sparse, (-1, 0), 4, None)
    rows = training_rows(parse("svm_smote(m=1)"), train, np.random.default_rng(2))
    assert (rows.step < 0).any()
    head = fit(train, "svm_smote(m=1)", 1e-2, rows)
    step = rows.step[:, None]
    given_rows = sparse.rows.toarray()
    built = ((1 - step) * given_rows[rows.first] + step * given_rows[rows.second])[:, 1:]
    p, _ = sklearn_fit(built, rows.target, 1e-2 * rows.weight.sum() / len(rows), sample_weight=rows.weight)
    scores = head.fit.weights[0] + built @ head.fit.weights[1:]
    np.testing.assert_allclose(probabilities(scores), p, atol=CLOSE)


def test_blends_with_two_groups_are_two_rows_with_a_share_each() -> None:
    d = data((30, 12, 5))
    vectors = prepared(d)
    train = training(d, vectors)
    for spec in ("mixup(alpha=1.0)", "mixup(alpha=1.0) + balanced"):
        remedy = parse(spec)
        rows = training_rows(remedy, train, np.random.default_rng(2))
        head = fit(train, remedy, 1e-3, rows)
        step = rows.step[:, None]
        built = ((1 - step) * vectors.rows[rows.first] + step * vectors.rows[rows.second])[:, 1:]
        by_class = remedy.weight(train.prior)
        by_class = np.ones(3) if by_class is None else by_class
        weight = np.concatenate([(1 - rows.share) * by_class[rows.target], rows.share * by_class[rows.other]])
        p, _ = sklearn_fit(
            np.concatenate([built, built]),
            np.concatenate([rows.target, rows.other]),
            1e-3 / 2,  # scikit-learn counts each blend as two rows
            sample_weight=weight,
        )
        ones = np.ones((len(built), 1), np.float32)
        scores = np.concatenate([ones, built], axis=1) @ head.fit.weights
        np.testing.assert_allclose(probabilities(scores), p[: len(built)], atol=CLOSE, err_msg=spec)


def test_turned_rows_give_what_the_given_ones_give_and_sparse_what_dense() -> None:
    d = data()
    n = len(d.target)
    fold = np.zeros(n, np.int64)
    turned = prepared(d)
    # sparse rows are neither centred nor turned nor scaled
    plain = prepare_sparse(sp.csr_array(d.vectors / np.float32(turned.scale)), d.target, fold, np.arange(n))
    for spec in ("none", "balanced", "focal", "balanced_softmax", "ldam", "logit_adjust", "tau_norm"):
        one, two = (fit(Training.of(v, (-1, 0), 4, None), spec, 1e-3) for v in (turned, plain))
        p, q = of_examples(turned, one), of_examples(plain, two)
        np.testing.assert_allclose(p, q, atol=CLOSE, err_msg=spec)
    dense = prepare(d.vectors, d.target, fold, np.arange(n))
    blocks = [np.asarray(dense.rows), sp.csr_array(dense.rows)]
    problem = [make_problem(parse("focal"), 1e-3, training(d, dense), None) for _ in blocks]
    fits = []
    for block, p in zip(blocks, problem, strict=True):
        p.tolerance = TOLERANCE
        fits.append(fit_together([block], [p], max_steps=STEPS)[0])
    np.testing.assert_allclose(
        probabilities(dense.rows @ fits[0].weights), probabilities(dense.rows @ fits[1].weights), atol=CLOSE
    )


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 999), power=st.floats(-3, 0))
def test_a_rotation_of_the_vectors_changes_nothing(seed: int, power: float) -> None:
    d = data((20, 8, 3), seed=seed)
    rotation = np.linalg.qr(np.random.default_rng(seed).standard_normal((DIMENSION, DIMENSION)))[0]
    turned = type(d)((d.vectors @ rotation).astype(np.float32), d.target, d.names)
    p, q = (of_examples(v := prepared(x), fit(training(x, v), "none", 10.0**power)) for x in (d, turned))
    np.testing.assert_allclose(p, q, atol=CLOSE)


@pytest.mark.parametrize(
    "spec", ["balanced_softmax", "focal", "ldam", "ldam(beta=0.0)", "weighted_ce", "balanced + focal"]
)
def test_heads_are_at_the_optimum_that_scipy_finds_for_the_remedy_as_it_is_written(spec: str) -> None:
    d = data()
    vectors = prepared(d)
    train = training(d, vectors)
    remedy = parse(spec)
    x, y, n = np.asarray(vectors.rows, np.float64), vectors.target, len(vectors.target)
    loss = effective_loss(remedy, train.prior)
    weight = np.ones(n)
    for by_class in (remedy.weight(train.prior), loss.class_weight()):
        weight = weight if by_class is None else weight * by_class[y]

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        w = flat.reshape(x.shape[1], 4)
        value, gradient = loss.value_and_gradient(x @ w, y, weight)
        pull = w.copy()
        pull[0] = 0.0
        return value / n + 1e-3 / 2 * (pull**2).sum(), (x.T @ gradient / n + 1e-3 * pull).ravel()

    start = np.zeros((x.shape[1], 4))
    found = minimize(objective, start.ravel(), jac=True, method="L-BFGS-B", tol=1e-12, options={"maxiter": 2000})
    weights = found.x.reshape(start.shape)
    norms = np.linalg.norm(weights[1:], axis=0).astype(np.float32)
    scores = remedy.adjust((x @ weights).astype(np.float32), train.prior, norms)
    np.testing.assert_allclose(
        of_examples(vectors, fit(train, remedy, 1e-3)), probabilities(scores)[vectors.row_of], atol=CLOSE
    )


def test_a_change_of_the_gradient_whose_square_vanishes_is_no_error() -> None:
    """So near to the optimum, products of 32-bit numbers are zero."""
    d = data()
    train = training(d)
    descent = make_problem(parse("none"), 1e-3, train, None).descent(Memory(train.blocks, len(d.names)))
    descent.run(2)
    small = np.full_like(descent.weights, 1e-25)
    descent.pairs = [(np.full_like(small, 1e-10), small, 1e30)]
    gradient = descent.gradient()
    direction = descent.aim(gradient.copy())
    assert np.isfinite(direction).all()
    assert np.vdot(direction, gradient) < 0


def test_stronger_penalties_never_give_longer_weights() -> None:
    d = data()
    heads = fit_path(
        training(d), [(parse("none"), None, (1.0, 1e-1, 1e-2, 1e-3))], tolerance=TOLERANCE, max_steps=STEPS
    )
    lengths = [np.linalg.norm(head.fit.weights[1:]) for head in heads[0]]
    assert np.all(np.diff(lengths) > 0)
