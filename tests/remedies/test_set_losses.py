"""Losses of sets of labels against torch, and against the papers' formulas written down once more."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from evenshelf.errors import SettingError
from evenshelf.remedies import Prior, parse
from evenshelf.remedies.set_losses import BinaryCrossEntropy

torch = pytest.importorskip("torch")
COUNTS = np.array([40, 12, 5, 1])
PRIOR = Prior(COUNTS, texts=40)


@st.composite
def scored_sets(draw):
    """Scores, sets with at least one label each, and weights of positives and negatives."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    n = draw(st.integers(1, 6))
    scores = (draw(st.sampled_from([0.3, 2.0, 8.0])) * rng.normal(size=(n, 4))).astype(np.float32)
    has = rng.random((n, 4)) < 0.4
    has[np.arange(n), rng.integers(0, 4, n)] = True
    weight = rng.uniform(0.5, 3.0, n).astype(np.float32)
    return scores, has, weight


def agrees(loss, reference, case):
    scores, has, weight = case
    positive = csr_array((has * weight[:, None]).astype(np.float32))
    value, gradient = loss.value_and_gradient(scores.copy(), positive, weight)
    s = torch.tensor(scores, dtype=torch.float64, requires_grad=True)
    expected = (reference(s, torch.tensor(has, dtype=torch.float64)) * torch.tensor(weight)[:, None]).sum()
    expected.backward()
    assert value == pytest.approx(float(expected.detach()), rel=1e-4, abs=1e-5)
    np.testing.assert_allclose(gradient, s.grad.numpy(), rtol=1e-3, atol=2e-5)


@settings(max_examples=40)
@given(scored_sets())
def test_binary_cross_entropy_is_that_of_torch(case):
    agrees(
        BinaryCrossEntropy(),
        lambda s, y: torch.nn.functional.binary_cross_entropy_with_logits(s, y, reduction="none"),
        case,
    )


@settings(max_examples=40)
@given(scored_sets())
def test_weights_of_positives_are_those_of_torch(case):
    scores, has, weight = case
    by_label = parse("positive_weight(power=1.0)").weight(PRIOR)
    np.testing.assert_allclose(by_label, [0.5 / 39.5, 28 / 12, 7, 39], rtol=1e-6)
    positive = csr_array((has * weight[:, None] * by_label).astype(np.float32))
    value, _ = BinaryCrossEntropy().value_and_gradient(scores.copy(), positive, weight)
    loss = torch.nn.BCEWithLogitsLoss(pos_weight=torch.tensor(by_label), reduction="none")
    expected = (
        loss(torch.tensor(scores), torch.tensor(has, dtype=torch.float32)) * torch.tensor(weight)[:, None]
    ).sum()
    assert value == pytest.approx(float(expected.detach()), rel=1e-4, abs=1e-5)


@settings(max_examples=60)
@given(
    scored_sets(), st.sampled_from([0.0, 0.5, 1.0, 4.0]), st.sampled_from([0.0, 1.0, 2.0]), st.sampled_from([0.0, 0.05])
)
def test_the_asymmetric_loss_is_that_of_the_paper(case, gamma_neg, gamma_pos, margin):
    def reference(s, y):
        p = torch.sigmoid(s)
        rest = torch.clamp(1 - p + margin, max=1.0)  # the paper's code shifts the chance of the negatives
        there = y * torch.nn.functional.logsigmoid(s)
        not_there = (1 - y) * (torch.log(rest) if margin else torch.nn.functional.logsigmoid(-s))
        focus = torch.where(y > 0, (1 - p) ** gamma_pos, (1 - rest if margin else p) ** gamma_neg)
        return -(there + not_there) * focus

    loss = parse(f"asymmetric(gamma_pos={gamma_pos}, gamma_neg={gamma_neg}, margin={margin})").set_loss(PRIOR)
    scores, has, weight = case
    # at the bend of the margin there are two slopes
    chance = 1 / (1 + np.exp(-scores.astype(np.float64)))
    scores = np.where(np.abs(chance - margin) < 1e-3, scores + np.float32(0.5), scores)
    agrees(loss, reference, (scores, has, weight))


@settings(max_examples=40)
@given(scored_sets(), st.sampled_from([1.0, 2.0, 5.0]))
def test_the_distribution_balanced_loss_is_that_of_the_paper(case, scale):
    alpha, beta, mu, kappa = 0.1, 10.0, 0.2, 0.05

    def reference(s, y):
        inverse = 1 / torch.tensor(COUNTS, dtype=torch.float64)
        repeated = (y * inverse).sum(dim=1, keepdim=True)
        weight = torch.sigmoid(beta * (inverse / repeated - mu)) + alpha
        of = torch.tensor(np.minimum(COUNTS, 39.5))
        z = s - torch.log(40 / of - 1) * kappa / scale
        z = z * (1 - y) * scale + z * y
        each = torch.nn.functional.binary_cross_entropy_with_logits(z, y, reduction="none")
        return each * (weight / scale * (1 - y) + weight * y)

    agrees(parse(f"distribution_balanced(scale={scale})").set_loss(PRIOR), reference, case)


@pytest.mark.parametrize(
    "spec",
    [
        "asymmetric(gamma_neg=0.0, margin=0.0)",
        "distribution_balanced(alpha=0.5, beta=0.0, kappa=0.0, scale=1.0)",
    ],
)
@settings(max_examples=20)
@given(case=scored_sets())
def test_at_their_neutral_values_they_are_binary_cross_entropy(spec, case):
    scores, has, weight = case
    positive = csr_array((has * weight[:, None]).astype(np.float32))
    plain = BinaryCrossEntropy().value_and_gradient(scores.copy(), positive, weight)
    same = parse(spec).set_loss(PRIOR).value_and_gradient(scores.copy(), positive, weight)
    assert same[0] == pytest.approx(plain[0], rel=1e-5)
    np.testing.assert_allclose(same[1], plain[1], rtol=1e-4, atol=1e-6)


def test_what_is_outside_of_a_range_is_refused():
    for spec in (
        "asymmetric(margin=0.9)",
        "distribution_balanced(scale=0.5)",
        "mlsmote(labels='all')",
        "rank_cut(k=-1)",
    ):
        with pytest.raises(SettingError):
            parse(spec)
