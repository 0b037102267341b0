"""Click models find what they made themselves, and EM climbs."""

from __future__ import annotations

import numpy as np
import pytest

from evenshelf.clicks import ClickLog, click_model, click_models
from evenshelf.clicks.ascent import Ascent, ascend
from evenshelf.clicks.cells import Cells
from evenshelf.clicks.models.dynamic import DynamicChain
from evenshelf.clicks.models.position_based import Fit, PositionBased
from tests.clicks.worlds import chain, position_based

FALLING = np.array([1.0, 0.7, 0.5, 0.4, 0.25, 0.2])


@pytest.mark.parametrize("seed", range(3))
def test_em_of_the_position_based_model_never_lowers_its_objective(seed: int) -> None:
    rng = np.random.default_rng(seed)
    cells = Cells.of(position_based(FALLING, lists=400, seed=seed).log)
    far = Fit(np.zeros(1), Ascent(np.append(rng.normal(0, 3, 5), np.log([0.1, 30.0])), (), False)).again(cells)
    near = Fit.of(cells)
    path = np.array(far.ascent.path)
    assert len(path) > 2
    assert (np.diff(path) >= -1e-9 * np.abs(path[1:])).all()
    assert far.ascent.converged
    np.testing.assert_allclose(far.examination, near.again(cells).examination, atol=0.02)


@pytest.mark.parametrize("seed", range(3))
def test_em_of_the_network_never_lowers_its_objective(seed: int) -> None:
    path = np.array(DynamicChain.fit(chain(0.8, lists=400, depth=5, seed=seed).log).path)
    assert len(path) > 1
    assert (np.diff(path) >= -1e-9 * np.abs(path[1:])).all()


def test_long_steps_end_where_plain_em_does_and_sooner() -> None:
    """EM for the share of two known distributions in a mixture, which goes slowly."""
    rng = np.random.default_rng(0)
    one, other = np.exp(-((rng.normal(0.2, 1, (2, 500)) - np.array([[0.0], [0.4]])) ** 2))
    steps = 0

    def step(at: np.ndarray) -> tuple[np.ndarray, float]:
        nonlocal steps
        steps += 1
        share = 1 / (1 + np.exp(-at[0]))
        both = share * one + (1 - share) * other
        better = (share * one / both).mean()
        return np.array([np.log(better / (1 - better))]), float(np.log(both).sum())

    found = ascend(step, np.array([3.0]), low=-20, high=20, tolerance=1e-7)
    quick, plain = steps, np.array([3.0])
    for _ in range(20_000):
        new, _ = step(plain)
        if abs(new - plain) < 1e-9:
            break
        plain = new
    assert found.converged
    assert found.parameters[0] == pytest.approx(plain[0], abs=1e-3)
    assert quick < (steps - quick) / 5
    assert (np.diff(found.path) >= -1e-9).all()


def test_the_position_based_model_finds_what_it_made_within_2_percent() -> None:
    known = position_based(FALLING, lists=15_000, seed=1)
    model = PositionBased.fit(known.log)
    assert np.abs(model.examination - FALLING).max() < 0.04
    assert np.abs(model.examination - FALLING).mean() < 0.02
    pairs = model.attraction.pairs
    error = np.abs(model.attraction.mean - known.of(pairs, known.attraction))
    assert error.mean() < 0.05
    low, high = model.attraction.interval(0.9)
    truth = known.of(pairs, known.attraction)
    assert 0.85 < ((low <= truth) & (truth <= high)).mean() < 0.95


def test_pairs_that_were_shown_once_do_not_push_examination_up() -> None:
    """Where each pair has a parameter of its own, examination goes to 1 with rare pairs."""
    rare = position_based(FALLING, lists=6000, queries=600, items=60, seed=2)
    assert np.bincount(np.unique(rare.log.pair, return_inverse=True)[1]).mean() < 2
    assert np.abs(PositionBased.fit(rare.log).examination - FALLING).mean() < 0.03


def test_pairs_that_were_shown_thousands_of_times_are_told_finely() -> None:
    attraction = np.linspace(0.05, 0.6, 12)[None]
    often = position_based(FALLING, lists=40_000, attraction=attraction, seed=3)
    model = PositionBased.fit(often.log)
    assert np.abs(model.examination - FALLING).mean() < 0.01
    error = model.attraction.mean - often.of(model.attraction.pairs, attraction)
    assert np.abs(error).max() < 0.02
    assert np.abs(error / model.attraction.sd).max() < 4


def test_the_network_finds_what_it_made() -> None:
    made = chain(0.8, lists=12_000, depth=7, seed=4)
    model = DynamicChain.fit(made.log)
    pairs = model.attraction.pairs
    assert abs(model.gamma - 0.8) < 0.02
    assert np.abs(model.attraction.mean - made.of(pairs, made.attraction)).mean() < 0.02
    assert np.abs(model.satisfaction.mean - made.of(pairs, made.satisfaction)).mean() < 0.1


def test_the_simplified_network_and_the_cascade_count_what_they_take_for_looked_at() -> None:
    log = ClickLog.of([0, 0, 0, 1, 1], ["q"] * 5, [1, 2, 3, 1, 2], ["a", "b", "c", "a", "b"], [0, 1, 0, 0, 0])
    simplified, cascade = (click_model(name).fit(log) for name in ("simplified_dbn", "cascade"))
    for model in (simplified, cascade):
        assert model.attraction.hits.tolist() == pytest.approx([0, 1, 0])
        assert model.attraction.looks.tolist() == pytest.approx([2, 2, 0]), "c stands below the last click"
    assert simplified.satisfaction.hits.tolist() == pytest.approx([0, 1, 0])
    below = cascade.probability(log)[2]
    assert below == pytest.approx(0.25), "half a click in one row and one more"


def test_each_world_is_predicted_best_by_the_model_it_was_made_by() -> None:
    for made, best in (
        (position_based(FALLING, lists=6000, seed=5), "position_based"),
        (chain(0.9, lists=6000, depth=6, seed=5), "dbn"),
    ):
        rest, held = made.log.split(seed=1)
        bits = {name: click_model(name).fit(rest).bits(held) for name in click_models()}
        assert min(bits, key=bits.__getitem__) == best
        assert max(bits, key=bits.__getitem__) in {"constant", "cascade", "simplified_dbn"}
