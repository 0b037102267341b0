"""Losses for long tails and noisy labels: against torch, at their neutral values, and what they do to rare groups."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from evenshelf.learners.paths import fit_path
from evenshelf.remedies import Prior, effective_loss, parse
from evenshelf.remedies.long_tail_losses import SMOOTH
from evenshelf.testing.strategies import priors, scored_rows
from tests.learners.fitting import STEPS, TOLERANCE, data, fit, of_examples, prepared, probabilities, training

torch = pytest.importorskip("torch")

COUNTS = (400, 25, 9, 2)
PRIOR = Prior(np.array(COUNTS))
LONG_TAIL = (
    "class_balanced_focal", "seesaw", "seesaw(compensation=0.0)", "equalization", "generalised_ce", "vs_loss",
)  # fmt: skip


def chosen(scores, target):
    return scores[torch.arange(len(target)), target]


def plain_class_balanced_focal(scores, target, counts):
    weights = (1 - 0.999) / (1 - 0.999**counts)
    weights = weights / ((weights * counts).sum() / counts.sum())
    p = chosen(torch.softmax(scores, 1), target)
    return -weights[target] * (1 - p) ** 2 * torch.log(p)


def plain_seesaw(scores, target, counts):
    """Formulas 5 to 8 of the paper, with nothing held constant."""
    sigma = torch.softmax(scores, 1)
    ratio = counts[None, :] / counts[target][:, None]
    mitigation = torch.where(ratio < 1, ratio**0.8, torch.ones_like(ratio))
    rival = sigma / chosen(sigma, target)[:, None]
    compensation = torch.where(rival > 1, rival**2.0, torch.ones_like(rival))
    factor = mitigation * compensation
    true = torch.nn.functional.one_hot(target, len(counts)).bool()
    others = torch.where(true, torch.zeros_like(scores), factor * torch.exp(scores)).sum(1)
    own = torch.exp(chosen(scores, target))
    return -torch.log(own / (own + others))


def plain_equalization(scores, target, counts, mask=0.9):
    rare = (counts < 0.5 * counts.mean()).to(scores.dtype)
    true = torch.nn.functional.one_hot(target, len(counts))
    weight = 1 - mask * rare * (1 - true)
    return -torch.log(torch.exp(chosen(scores, target)) / (weight * torch.exp(scores)).sum(1))


def plain_generalised(scores, target, counts):
    return (1 - chosen(torch.softmax(scores, 1), target) ** 0.7) / 0.7


def plain_vs(scores, target, counts):
    moved = (counts / counts.max()) ** 0.15 * (scores - scores.mean(1, keepdim=True)) + torch.log(counts / counts.sum())
    return torch.nn.functional.cross_entropy(moved, target, reduction="none")


def ours(spec: str, scores, target, prior: Prior = PRIOR):
    """Value and gradient, the class weights of the loss on the rows."""
    loss = effective_loss(parse(spec), prior)
    by_class = loss.class_weight()
    weight = np.ones(len(target), np.float32) if by_class is None else by_class[target]
    return loss.value_and_gradient(np.array(scores, np.float32), target, weight)


def theirs(plain, scores, target):
    leaf = torch.tensor(scores, dtype=torch.float64, requires_grad=True)
    total = plain(leaf, torch.tensor(target), torch.tensor(COUNTS, dtype=torch.float64)).sum()
    total.backward()
    return total.item(), leaf.grad.numpy()


@settings(max_examples=60, deadline=None)
@given(
    rows=scored_rows(groups=4, max_rows=6),
    case=st.sampled_from(
        [
            ("class_balanced_focal", plain_class_balanced_focal),
            ("seesaw", plain_seesaw),
            ("equalization", plain_equalization),
            ("generalised_ce", plain_generalised),
            ("vs_loss", plain_vs),
        ]
    ),
)
def test_losses_are_those_of_the_papers(rows, case) -> None:
    spec, plain = case
    scores, target, _ = rows
    if spec == "seesaw":  # rounded where two groups tie
        apart = np.abs(scores - scores[np.arange(len(target)), target][:, None])
        assume(((apart > 1.0) | (np.arange(4) == target[:, None])).all())
    value, gradient = ours(spec, scores, target)
    expected, slope = theirs(plain, scores, target)
    assert value == pytest.approx(expected, rel=1e-4, abs=1e-4)
    np.testing.assert_allclose(gradient, slope, rtol=1e-3, atol=2e-4 * max(1.0, np.abs(slope).max()))


@settings(max_examples=60, deadline=None)
@given(rows=scored_rows(groups=4, scale=1.0, max_rows=1))
def test_seesaw_is_the_paper_s_up_to_the_rounding_of_its_edge(rows) -> None:
    scores, target, _ = rows
    more = ours("seesaw", scores, target)[0] - theirs(plain_seesaw, scores, target)[0]
    assert -1e-5 <= more <= 2.0 * SMOOTH * np.log(2.0) + 1e-5


def test_the_gradient_that_the_paper_of_seesaw_uses_is_that_of_no_function() -> None:
    def held(scores):
        """The factor held constant: its Jacobian would be symmetric if it were the gradient of anything."""
        d = scores - scores[0]
        push = np.exp(d + 2.0 * np.maximum(d, 0.0))
        push[0] = 0.0
        return np.append(-push[1:].sum(), push[1:]) / (1.0 + push.sum())

    at, step = np.array([0.0, 1.0, -1.0]), 1e-6
    jacobian = np.stack([(held(at + step * e) - held(at - step * e)) / (2 * step) for e in np.eye(3)])
    assert np.abs(jacobian - jacobian.T).max() > 1e-2


@settings(max_examples=40, deadline=None)
@given(rows=scored_rows(groups=4, scale=4.0, max_rows=1), other=scored_rows(groups=4, scale=4.0, max_rows=1))
def test_seesaw_and_equalization_and_vs_loss_are_convex_in_the_scores(rows, other) -> None:
    one, target, _ = rows
    two = other[0]
    for spec in ("seesaw", "equalization", "vs_loss(gamma=0.3)"):
        middle = ours(spec, (one + two) / 2, target)[0]
        assert middle <= (ours(spec, one, target)[0] + ours(spec, two, target)[0]) / 2 + 1e-4, spec


def test_equalization_is_never_below_the_mean_of_drawn_masks() -> None:
    rng = np.random.default_rng(0)
    scores, target = rng.standard_normal((5, 4)).astype(np.float32), np.array([0, 1, 2, 3, 0])
    counts = torch.tensor(COUNTS, dtype=torch.float64)
    masks = torch.tensor((rng.random((2000, 5, 4)) < 0.9).astype(np.float64))
    leaf, codes = torch.tensor(scores, dtype=torch.float64), torch.tensor(target)
    drawn = np.mean([plain_equalization(leaf, codes, counts, mask).sum().item() for mask in masks])
    assert ours("equalization", scores, target)[0] >= drawn


@settings(max_examples=40, deadline=None)
@given(rows=scored_rows(groups=4, max_rows=4))
def test_at_their_neutral_values_they_are_cross_entropy(rows) -> None:
    scores, target, _ = rows
    value, gradient = ours("none", scores, target)
    for spec in (
        "class_balanced_focal(beta=0.0, gamma=0.0)", "seesaw(mitigation=0.0, compensation=0.0)",
        "seesaw(mitigation=0.0, compensation=1e-6)", "equalization(gamma=0.0)", "equalization(rare=0.0)",
        "generalised_ce(q=0.0)", "generalised_ce(q=1e-6)", "vs_loss(gamma=0.0, tau=0.0)",
        "vs_loss(gamma=1e-9, tau=0.0)",
    ):  # fmt: skip
        same, slope = ours(spec, scores, target)
        assert same == pytest.approx(value, rel=1e-4, abs=1e-4), spec
        np.testing.assert_allclose(slope, gradient, rtol=1e-3, atol=1e-4, err_msg=spec)


def test_known_losses_are_special_cases() -> None:
    rng = np.random.default_rng(1)
    scores, target = rng.standard_normal((6, 4)).astype(np.float32), np.array([0, 1, 2, 3, 0, 1])
    for spec, other in (
        ("class_balanced_focal(beta=0.0)", "focal"),
        ("vs_loss(gamma=0.0)", "balanced_softmax"),
        ("vs_loss(gamma=0.0, tau=0.5)", "balanced_softmax(tau=0.5)"),
    ):
        (value, gradient), (same, slope) = ours(spec, scores, target), ours(other, scores, target)
        assert value == pytest.approx(same, rel=1e-6), spec
        np.testing.assert_allclose(gradient, slope, atol=1e-6, err_msg=spec)
    # the logit-adjusted loss of Menon et al., at any tau
    for tau in (0.5, 1.0, 2.0):
        value, _ = ours(f"balanced_softmax(tau={tau})", scores, target)
        menon = torch.tensor(scores) + tau * torch.log(torch.tensor(COUNTS) / sum(COUNTS))
        expected = torch.nn.functional.cross_entropy(menon, torch.tensor(target), reduction="sum").item()
        assert value == pytest.approx(expected, rel=1e-5)
    composed = parse("effective_number + focal")
    np.testing.assert_allclose(
        composed.weight(PRIOR), parse("class_balanced_focal").loss(PRIOR).class_weight(), rtol=1e-6
    )


@settings(max_examples=60, deadline=None)
@given(prior=priors(min_present=2))
def test_a_rarer_group_is_never_pushed_down_more_where_another_is_true(prior: Prior) -> None:
    groups = len(prior.counts)
    for target in np.flatnonzero(prior.present):
        for spec in ("seesaw", "seesaw(compensation=0.0)", "equalization", "equalization(rare=1.0)"):
            _, gradient = ours(spec, np.zeros((1, groups)), np.array([target]), prior)
            others = np.delete(np.arange(groups), target)
            order = others[np.argsort(prior.counts[others], kind="stable")]
            assert (np.diff(gradient[0, order]) >= -1e-6).all(), spec


def test_the_stronger_the_more_a_rare_group_is_spared() -> None:
    scores, target = np.zeros((1, 4), np.float32), np.array([0])
    for template, values in (
        ("seesaw(mitigation={}, compensation=0.0)", (0.0, 0.5, 1.0, 2.0)),
        ("equalization(gamma={})", (0.0, 0.5, 0.9, 0.99)),
        ("vs_loss(gamma=0.0, tau={})", (0.0, 0.5, 1.0)),
        ("vs_loss(gamma={}, tau=0.0)", (0.0, 0.15, 0.3)),
    ):
        pushed = [ours(template.format(v), scores, target)[1][0, 3] for v in values]
        assert (np.diff(pushed) < 0).all(), (template, pushed)
    ahead = np.array([[0.0, 0.0, 0.0, 2.0]], np.float32)
    pushed = [ours(f"seesaw(compensation={q})", ahead, target)[1][0, 3] for q in (0.0, 1.0, 2.0)]
    assert (np.diff(pushed) > 0).all(), "a group that wrongly wins is pushed more"


def test_generalised_cross_entropy_is_bounded_and_an_unlikely_label_counts_less() -> None:
    scores = np.array([[0.0, 0.0], [0.0, 30.0]], np.float32)
    for q in (0.3, 0.7, 1.0):
        value, gradient = ours(f"generalised_ce(q={q})", scores[1:], np.array([0]), Prior(np.array([9, 1])))
        assert value <= 1.0 / q
        assert np.abs(gradient).max() < 1e-3
        assert np.abs(ours(f"generalised_ce(q={q})", scores[:1], np.array([0]), Prior(np.array([9, 1])))[1]).max() > 0.2


@given(st.lists(st.integers(1, 10**6), min_size=2, max_size=9), st.sampled_from([(0.55, 1.5), (0.5, 0.4), (0.6, 2.6)]))
def test_inverse_propensities_are_those_of_the_paper(counts: list[int], model: tuple[float, float]) -> None:
    a, b = model
    n = np.array(counts, np.float64)
    assume(n.sum() > np.e)
    c = (np.log(n.sum()) - 1.0) * (b + 1.0) ** a
    propensity = 1.0 / (1.0 + c * (n + b) ** -a)
    weights = parse(f"inverse_propensity(a={a}, b={b})").weight(Prior(np.array(counts)))
    np.testing.assert_allclose(weights / weights[0], propensity[0] / propensity, rtol=1e-4)
    assert (weights * n).sum() / n.sum() == pytest.approx(1.0, rel=1e-5)


def test_inverse_propensities_of_two_examples_are_alike() -> None:
    np.testing.assert_array_equal(parse("inverse_propensity").weight(Prior(np.array([1, 1, 0]))), 1.0)


def best_of_scipy(vectors, train, spec: str, penalty: float):
    """The best of four descents, three of them from anywhere."""
    remedy = parse(spec)
    x, y, n = np.asarray(vectors.rows, np.float64), vectors.target, len(vectors.target)
    loss = effective_loss(remedy, train.prior)
    by_class = loss.class_weight()
    weight = np.ones(n) if by_class is None else by_class[y]

    def objective(flat: np.ndarray) -> tuple[float, np.ndarray]:
        w = flat.reshape(x.shape[1], 4)
        value, gradient = loss.value_and_gradient(x @ w, y, weight)
        pull = w.copy()
        pull[0] = 0.0
        return value / n + penalty / 2 * (pull**2).sum(), (x.T @ gradient / n + penalty * pull).ravel()

    rng = np.random.default_rng(0)
    starts = [np.zeros(x.shape[1] * 4), *rng.standard_normal((3, x.shape[1] * 4))]
    found = [minimize(objective, s, jac=True, method="L-BFGS-B", tol=1e-12, options={"maxiter": 3000}) for s in starts]
    best = min(found, key=lambda one: one.fun)
    return best.fun, probabilities((x @ best.x.reshape(-1, 4)).astype(np.float32))[vectors.row_of]


@pytest.mark.parametrize("penalty", [1e-2, 1e-4])
@pytest.mark.parametrize("spec", sorted(set(LONG_TAIL) - {"generalised_ce"}))
def test_heads_are_at_the_best_optimum_that_scipy_finds(spec: str, penalty: float) -> None:
    d = data((90, 35, 12, 3))
    vectors = prepared(d)
    train = training(d, vectors)
    objective, reached = best_of_scipy(vectors, train, spec, penalty)
    head = fit(train, spec, penalty)
    assert head.fit.converged
    assert head.fit.objective == pytest.approx(objective, rel=1e-4)
    np.testing.assert_allclose(of_examples(vectors, head), reached, atol=5e-3)


@pytest.mark.parametrize("q", [0.3, 0.7, 1.0])
def test_a_loss_with_poor_optima_starts_from_cross_entropy_at_every_penalty(q: float) -> None:
    d = data((90, 35, 12, 3))
    vectors = prepared(d)
    train = training(d, vectors)
    remedy = parse(f"generalised_ce(q={q})")
    penalties = (1e-1, 1e-2, 1e-3, 1e-4)
    path = fit_path(train, [(remedy, None, penalties)], tolerance=TOLERANCE, max_steps=STEPS)[0]
    for penalty, head in zip(penalties, path, strict=True):
        assert head.fit.converged
        objective, _ = best_of_scipy(vectors, train, remedy.spec, penalty)
        assert head.fit.objective <= 1.05 * objective, penalty
        # the strong penalties before have left no trace
        alone = fit(train, remedy, penalty)
        np.testing.assert_allclose(of_examples(vectors, head), of_examples(vectors, alone), atol=2e-3)


def test_a_start_that_was_stored_leads_to_the_warm_up_and_no_further() -> None:
    """A final fit of a study begins where its search ended, which for this loss may be a poor optimum."""
    d = data((90, 35, 12, 3))
    vectors = prepared(d)
    train = training(d, vectors)
    remedy = parse("generalised_ce(q=1.0)")
    poor = fit_path(train, [(parse("none"), None, (1e-1,))], tolerance=TOLERANCE, max_steps=STEPS)[0][0].fit.weights
    started = fit_path(train, [(remedy, None, (1e-4,))], tolerance=TOLERANCE, starts=[-5 * poor], max_steps=STEPS)[0][0]
    fresh = fit(train, remedy, 1e-4)
    assert started.fit.objective == pytest.approx(fresh.fit.objective, rel=0.02)


def test_only_generalised_cross_entropy_asks_to_be_warmed_up() -> None:
    asking = [spec for spec in LONG_TAIL if effective_loss(parse(spec), PRIOR).warm_up() is not None]
    assert asking == ["generalised_ce"]
    assert parse("generalised_ce(q=0.0)").loss(PRIOR).warm_up() is None
