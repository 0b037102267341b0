"""Resampling, weights and losses against imbalanced-learn, scikit-learn and plain torch."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.utils.class_weight import compute_class_weight

from evenshelf.remedies import Prior, Remedy, effective_loss, parse
from evenshelf.testing.strategies import Sample, labelled_vectors, scored_rows

imblearn_over = pytest.importorskip("imblearn.over_sampling")
imblearn_under = pytest.importorskip("imblearn.under_sampling")
torch = pytest.importorskip("torch")

COUNTS = (40, 25, 9, 7)


@pytest.fixture(scope="module")
def sample() -> Sample:
    rng = np.random.default_rng(0)
    target = np.repeat(np.arange(4), COUNTS)
    order = rng.permutation(len(target))
    return Sample.of(rng.standard_normal((len(target), 5))[order], target[order], 4)


def made_counts(remedy: Remedy, sample: Sample, seed: int = 0) -> np.ndarray:
    made = remedy.resample(sample.vectors, sample.target, sample.prior, np.random.default_rng(seed))
    assert made is not None
    return np.bincount(made.target, made.weight, len(sample.prior.counts))


@pytest.mark.parametrize(
    ("spec", "peer"),
    [
        ("random_over", lambda: imblearn_over.RandomOverSampler(random_state=0)),
        ("smote", lambda: imblearn_over.SMOTE(k_neighbors=5, random_state=0)),
        ("random_under", lambda: imblearn_under.RandomUnderSampler(random_state=0)),
    ],
)
def test_counts_are_those_of_imbalanced_learn(spec: str, peer, sample: Sample) -> None:
    _, target = peer().fit_resample(np.array(sample.vectors), np.array(sample.target))
    np.testing.assert_allclose(made_counts(parse(spec), sample), np.bincount(target, minlength=4), rtol=1e-5)


def test_the_whole_of_each_group_is_kept_when_over_sampling(sample: Sample) -> None:
    made = parse("random_over").resample(sample.vectors, sample.target, sample.prior, np.random.default_rng(1))
    times = np.bincount(made.first, made.weight, len(sample.target))
    assert times.min() >= 1
    largest = times[sample.target == 0]
    np.testing.assert_array_equal(largest, 1)


def test_no_row_is_kept_twice_when_under_sampling(sample: Sample) -> None:
    made = parse("random_under").resample(sample.vectors, sample.target, sample.prior, np.random.default_rng(1))
    assert len(np.unique(made.first)) == len(made) == 4 * min(COUNTS)


@settings(max_examples=40, deadline=None)
@given(sample=labelled_vectors(), k=st.integers(1, 6), seed=st.integers(0, 99))
def test_smote_rows_lie_between_a_row_and_one_of_its_k_nearest(sample: Sample, k: int, seed: int) -> None:
    made = parse(f"smote(k={k})").resample(sample.vectors, sample.target, sample.prior, np.random.default_rng(seed))
    n = len(sample.target)
    np.testing.assert_array_equal(made.first[:n], np.arange(n))
    assert not made.step[:n].any()
    vectors = sample.vectors.astype(np.float64)
    size = np.abs(vectors).max() + 1e-300
    for first, second in zip(made.first[n:], made.second[n:], strict=True):
        assert sample.target[first] == sample.target[second]
        mates = np.flatnonzero(sample.target == sample.target[first])
        if first == second:
            assert len(mates) == 1
            continue
        distance = np.linalg.norm(vectors[mates] - vectors[first], axis=1) / size
        nearest = np.sort(distance[mates != first])[:k]
        assert np.linalg.norm(vectors[second] - vectors[first]) / size <= nearest[-1] + 2e-3


def test_smote_rows_of_a_line_stay_on_it_as_with_imbalanced_learn() -> None:
    # far pairs on two lines: with k = 1 every synthetic row lies inside a pair, in both libraries
    pairs = np.array([[0, 0], [0, 1], [100, 0], [100, 1], [200, 0], [200, 1]], np.float32)
    crowd = np.full((20, 2), -1000, np.float32) + np.arange(40, dtype=np.float32).reshape(20, 2)
    sample = Sample.of(np.concatenate([pairs, crowd]), np.repeat([1, 0], [6, 20]), 2)
    made = parse("smote(k=1)").resample(sample.vectors, sample.target, sample.prior, np.random.default_rng(0))
    step = made.step[:, None]
    ours = ((1 - step) * sample.vectors[made.first] + step * sample.vectors[made.second])[26:]
    theirs, target = imblearn_over.SMOTE(k_neighbors=1, random_state=0).fit_resample(
        np.array(sample.vectors), np.array(sample.target)
    )
    theirs = theirs[26:][target[26:] == 1]
    for rows in (ours, theirs):
        assert len(rows) == 14
        assert set(np.unique(rows[:, 0])) <= {0, 100, 200}
        assert ((rows[:, 1] >= 0) & (rows[:, 1] <= 1)).all()
        assert len(np.unique(rows[:, 1])) > 10


def test_mixup_blends_each_row_once_and_mostly_itself(sample: Sample) -> None:
    made = parse("mixup(alpha=1.0)").resample(sample.vectors, sample.target, sample.prior, np.random.default_rng(0))
    np.testing.assert_array_equal(made.first, np.arange(len(sample.target)))
    np.testing.assert_array_equal(np.sort(made.second), made.first)
    np.testing.assert_array_equal(made.share, made.step)
    np.testing.assert_array_equal(made.other, sample.target[made.second])
    assert 0 < made.step.max() <= 0.5
    # the mean of min(u, 1 - u), u uniform, is a quarter
    assert made.step.mean() == pytest.approx(0.25, abs=0.05)


@given(st.lists(st.integers(1, 500), min_size=2, max_size=9))
def test_balanced_weights_are_those_of_scikit_learn(counts: list[int]) -> None:
    target = np.repeat(np.arange(len(counts)), counts)
    theirs = compute_class_weight("balanced", classes=np.arange(len(counts)), y=target)
    np.testing.assert_allclose(parse("balanced").weight(Prior(np.array(counts))), theirs, rtol=1e-5)


@given(st.lists(st.integers(1, 10**6), min_size=2, max_size=9), st.sampled_from([0.9, 0.999, 0.9999]))
def test_effective_number_weights_are_those_of_the_paper(counts: list[int], beta: float) -> None:
    n = np.array(counts, np.float64)
    paper = (1 - beta) / (1 - beta**n)
    ours = parse(f"effective_number(beta={beta})").weight(Prior(np.array(counts)))
    np.testing.assert_allclose(ours / ours[0], paper / paper[0], rtol=1e-4)
    assert (ours * n).sum() / n.sum() == pytest.approx(1.0, rel=1e-5)


def softmax_loss(scores, target):
    return torch.nn.functional.cross_entropy(scores, target, reduction="none")


def plain_weighted(scores, target, counts):
    weights = counts.sum() / (len(counts) * counts)
    rows = torch.arange(len(target))
    return -weights[target] * torch.log_softmax(scores, 1)[rows, target]


def plain_focal(scores, target, counts):
    p = torch.softmax(scores, 1)[torch.arange(len(target)), target]
    return -((1 - p) ** 2) * torch.log(p)


def plain_balanced_softmax(scores, target, counts):
    return softmax_loss(scores + torch.log(counts / counts.sum()), target)


def plain_ldam(scores, target, counts):
    margin = 3.0 * (counts.min() / counts) ** 0.25
    weights = (1 - 0.999) / (1 - 0.999**counts)
    weights = weights / ((weights * counts).sum() / counts.sum())
    moved = scores - margin * torch.nn.functional.one_hot(target, len(counts))
    return weights[target] * softmax_loss(moved, target)


@pytest.mark.parametrize(
    "case",
    [
        ("weighted_ce", plain_weighted),
        ("focal", plain_focal),
        ("balanced_softmax", plain_balanced_softmax),
        ("ldam", plain_ldam),
        ("none", lambda s, t, _: softmax_loss(s, t)),
    ],
    ids=lambda case: case[0],
)
@settings(max_examples=40, deadline=None)
@given(rows=scored_rows(groups=4, max_rows=8))
def test_losses_are_those_of_plain_torch(rows, case) -> None:
    spec, plain = case
    scores, target, _ = rows
    prior = Prior(np.array(COUNTS))
    loss = effective_loss(parse(spec), prior)
    by_class = loss.class_weight()
    weight = np.ones(len(target), np.float32) if by_class is None else by_class[target]
    value, gradient = loss.value_and_gradient(scores.copy(), target, weight)
    theirs = torch.tensor(scores, dtype=torch.float64, requires_grad=True)
    total = plain(theirs, torch.tensor(target), torch.tensor(COUNTS, dtype=torch.float64)).sum()
    total.backward()
    expected = total.item()
    assert value == pytest.approx(expected, rel=1e-4, abs=1e-4)
    np.testing.assert_allclose(gradient, theirs.grad.numpy(), rtol=1e-3, atol=1e-4)


def test_weighted_cross_entropy_divides_by_the_rows_and_not_by_the_weights() -> None:
    counts = np.array([3, 1])
    scores = np.log(np.array([[0.6, 0.4]] * 3 + [[0.3, 0.7]], np.float32))
    target = np.array([0, 0, 0, 1])
    loss = effective_loss(parse("weighted_ce"), Prior(counts))
    w = loss.class_weight()
    np.testing.assert_allclose(w, [4 / (2 * 3), 4 / (2 * 1)], rtol=1e-6)
    value = loss.value_and_gradient(scores.copy(), target, w[target])[0] / len(target)
    by_hand = -1 / 4 * (3 * w[0] * np.log(0.6) + w[1] * np.log(0.7))
    assert value == pytest.approx(by_hand, rel=1e-5)
    torch_mean = torch.nn.CrossEntropyLoss(weight=torch.tensor(w))(torch.tensor(scores), torch.tensor(target))
    assert value == pytest.approx(torch_mean.item() * w[target].sum() / 4, rel=1e-5)


def test_adjustments_are_those_of_the_papers() -> None:
    prior = Prior(np.array([90, 9, 1]))
    scores = np.array([[1.0, 2.0, 3.0]], np.float32)
    ones = np.ones(3, np.float32)
    np.testing.assert_allclose(
        parse("logit_adjust(tau=0.5)").adjust(scores, prior, ones), scores - 0.5 * np.log([0.9, 0.09, 0.01]), rtol=1e-6
    )
    norms = np.array([4.0, 2.0, 0.0], np.float32)
    np.testing.assert_allclose(
        parse("tau_norm(tau=1.0)").adjust(scores, prior, norms),
        [[1.5 - 0.5 * 3 / 4, 1.5 + 0.5 * 3 / 2, 3.0]],
        rtol=1e-6,
    )
