"""A softmax in blocks is the softmax; one over a corrected draw is it on average, and without correction another."""

from __future__ import annotations

import numpy as np
import pytest

from evenshelf.learners.ranking import softmax
from evenshelf.learners.ranking.softmax import full, sampled
from evenshelf.remedies import Loss, Prior, parse
from evenshelf.remedies.losses import CrossEntropy

torch = pytest.importorskip("torch")

ITEMS, WIDTH = 6, 3
COUNTS = np.array([60, 25, 8, 4, 2, 1])


def some(rows: int = 5) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    read, table = (rng.standard_normal((n, WIDTH)).astype(np.float32) for n in (rows, ITEMS))
    return read, table, rng.integers(0, ITEMS, rows), rng.random(rows).astype(np.float32)


@pytest.mark.parametrize("loss", [CrossEntropy(), parse("focal").loss(Prior(COUNTS))])
def test_slopes_in_blocks_are_those_of_torch(loss: Loss, monkeypatch: pytest.MonkeyPatch) -> None:
    read, table, target, weight = some()
    whole = full(loss, read, table, target, weight)
    monkeypatch.setattr(softmax, "CELLS", 2 * ITEMS)
    value, by_read, by_table = full(loss, read, table, target, weight)
    assert value == pytest.approx(whole[0], rel=1e-5)
    one, two = (torch.tensor(x, requires_grad=True) for x in (read, table))
    chance = torch.log_softmax(one @ two.T, dim=1)[torch.arange(len(target)), torch.from_numpy(target)]
    factor = 1.0 if isinstance(loss, CrossEntropy) else (1.0 - chance.exp()) ** 2
    total = -(torch.from_numpy(weight) * factor * chance).sum()
    total.backward()
    assert value == pytest.approx(total.item(), rel=1e-4)
    np.testing.assert_allclose(by_read, one.grad.numpy(), atol=1e-5)
    np.testing.assert_allclose(by_table, two.grad.numpy(), atol=1e-5)


def mean_slope(spec: str, draws: int) -> np.ndarray:
    read, table, target, weight = some()
    negatives = parse(spec).competitors(Prior(COUNTS))
    assert negatives is not None
    rng, total = np.random.default_rng(1), np.zeros_like(table)
    for _ in range(draws):
        vectors = torch.tensor(table, requires_grad=True)
        draw = negatives.drawn(rng)
        own, rivals = vectors[torch.from_numpy(target)], vectors[torch.from_numpy(draw[0])]
        sampled(torch.from_numpy(read), own, rivals, draw, target=target, weight=weight).backward()
        total += vectors.grad.numpy()
    return total / draws


@pytest.mark.parametrize("beta", [0.0, 1.0])
def test_a_corrected_draw_gives_the_slope_of_the_full_softmax(beta: float) -> None:
    exact = full(CrossEntropy(), *some())[2]
    found = mean_slope(f"sampled_softmax(negatives=300, beta={beta})", 300)
    np.testing.assert_allclose(found, exact, atol=0.03 * np.abs(exact).max())


def test_a_draw_without_correction_pushes_items_down_as_often_as_they_are_drawn() -> None:
    read, table, target, weight = some()
    spec = "sampled_softmax(negatives=300, beta=0.7, logq=False)"
    often = 300 * COUNTS**0.7 / (COUNTS**0.7).sum()
    shown = read @ table.T
    shown += np.where(np.eye(ITEMS)[target] > 0, 0.0, np.log(often)).astype(np.float32)
    _, slope = CrossEntropy().value_and_gradient(shown, target, weight)
    exact, found = slope.T @ read, mean_slope(spec, 300)
    np.testing.assert_allclose(found, exact, atol=0.03 * np.abs(exact).max())
    plain = full(CrossEntropy(), read, table, target, weight)[2]
    assert np.abs(found - plain).max() > 0.1 * np.abs(plain).max()


def test_what_is_asked_for_is_no_rival_of_its_own() -> None:
    read, table, target, weight = (torch.from_numpy(x) for x in some(1))
    draw = (target.numpy(), np.zeros(1, np.float32))
    lone = sampled(read, table[target], table[target], draw, target=target.numpy(), weight=weight.numpy())
    assert lone.item() == 0.0
