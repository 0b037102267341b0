"""The contrastive loss is the one of the paper, and draws together what is of a class."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenshelf.learners.finetune.contrast import contrastive_loss

torch = pytest.importorskip("torch")


def points(seed, rows, width=4):
    found = np.random.default_rng(seed).normal(size=(rows, width)).astype(np.float32)
    return found / np.linalg.norm(found, axis=1, keepdims=True)


def by_hand(vectors, target, temperature):
    """The second formula of Khosla et al., row by row."""
    losses = []
    for i, own in enumerate(target):
        others = [a for a in range(len(target)) if a != i]
        near = [p for p in others if target[p] == own]
        if near:
            whole = np.log(sum(np.exp(vectors[i] @ vectors[a] / temperature) for a in others))
            losses.append(-np.mean([vectors[i] @ vectors[p] / temperature - whole for p in near]))
    return np.mean(losses) if losses else 0.0


@settings(deadline=None, max_examples=40)
@given(st.lists(st.integers(0, 3), min_size=2, max_size=9), st.sampled_from([0.05, 0.3, 1.0]), st.integers(0, 99))
def test_it_is_the_mean_over_rows_with_another_of_their_class(target, temperature, seed):
    vectors = points(seed, len(target))
    found = contrastive_loss(torch.from_numpy(vectors), np.array(target), temperature)
    assert float(found) == pytest.approx(by_hand(vectors.astype(float), target, temperature), rel=1e-4, abs=1e-5)


def test_a_step_down_brings_rows_of_a_class_together_and_others_apart():
    target = np.array([0, 0, 1, 1, 2])
    vectors = torch.from_numpy(points(1, 5)).requires_grad_()
    same = (target[:, None] == target) & ~np.eye(5, dtype=bool)
    other = target[:, None] != target

    def means():
        cosines = torch.nn.functional.normalize(vectors.detach(), dim=1)
        cosines = (cosines @ cosines.T).numpy()
        return cosines[same].mean(), cosines[other].mean()

    near, far = means()
    for _ in range(30):
        contrastive_loss(torch.nn.functional.normalize(vectors, dim=1), target, 0.2).backward()
        with torch.no_grad():
            assert torch.isfinite(vectors.grad).all()
            vectors -= 0.1 * vectors.grad
            vectors.grad = None
    after_near, after_far = means()
    assert after_near > near + 0.1
    assert after_far < far - 0.05


def test_rows_without_another_of_their_class_pull_at_nothing():
    vectors = torch.from_numpy(points(2, 3)).requires_grad_()
    loss = contrastive_loss(vectors, np.array([0, 1, 2]), 0.1)
    loss.backward()
    assert float(loss.detach()) == 0
    assert not vectors.grad.any()
