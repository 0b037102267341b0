"""Position bias: in the simulator, whatever ranks the items, and where it cannot be told."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from evenshelf.clicks import ClickLog, click_model, compare_models, harvest, log_of_shop, position_bias
from evenshelf.clicks.cells import Cells
from evenshelf.errors import InputError, SettingError
from evenshelf.shop import simulate
from evenshelf.shop.simulation.truth import read
from tests.clicks.worlds import Known, log_of, position_based

FALLING = np.array([1.0, 0.7, 0.5, 0.4, 0.25, 0.2])


def ranked_by_relevance(lists: int, noise: float, seed: int = 0) -> Known:
    """What is attractive stands on top, more or less."""
    rng = np.random.default_rng(seed)
    attracts = rng.beta(1.5, 4, (6, 12))
    query = rng.integers(6, size=lists)
    score = np.log(attracts[query]) + noise * rng.gumbel(size=(lists, 12))
    shown = np.argsort(-score, axis=1)[:, : len(FALLING)]
    clicked = rng.random(shown.shape) < FALLING * attracts[query[:, None], shown]
    return Known(log_of(query, shown, clicked), attracts, attracts)


def test_examination_of_the_simulator_is_found_within_3_percent(tmp_path: Path) -> None:
    log = log_of_shop(simulate(tmp_path / "shop", 2000, 11, pictures=0))
    truth = read(tmp_path / "shop").examination(10)["examination"].to_numpy()
    bias = position_bias(log, groups=10)
    assert np.abs(bias.examination - truth).mean() < 0.03
    assert bias.harvest is not None
    assert np.abs(bias.harvest.examination - truth).mean() < 0.03
    assert ((bias.low <= bias.examination) & (bias.examination <= bias.high)).all()
    assert ((bias.low[1:] < truth[1:]) & (truth[1:] < bias.high[1:])).mean() >= 0.5
    assert not bias.notes
    told = json.loads(json.dumps(bias.to_dict(), allow_nan=False))
    assert [rank["rank"] for rank in told["ranks"]] == list(range(1, 11))
    assert sum(rank["clicks"] for rank in told["ranks"]) == log.clicked.sum()


def test_where_the_better_items_stand_on_top_click_rates_lie_and_both_estimates_do_not() -> None:
    made = ranked_by_relevance(20_000, 0.3)
    bias = position_bias(made.log, groups=5)
    assert np.abs(bias.rates - FALLING).mean() > 0.06
    assert bias.harvest is not None
    for estimate in (bias.examination, bias.harvest.examination):
        assert np.abs(estimate - FALLING).mean() < 0.03
    assert not bias.notes


def test_intervals_get_narrower_with_more_lists_and_hold_the_truth_mostly() -> None:
    few, many = (position_bias(position_based(FALLING, lists=n, seed=n).log, groups=10) for n in (1500, 12_000))
    width = [np.log(bias.high / bias.low)[1:].mean() for bias in (few, many)]
    assert 2 < width[0] / width[1] < 4, "as the square root of the lists"
    held = [(bias.low <= FALLING) & (bias.high >= FALLING) for bias in (few, many)]
    assert np.mean(held) >= 0.75


def test_where_no_item_was_shown_at_two_ranks_that_is_said() -> None:
    rng = np.random.default_rng(0)
    shown = np.tile(np.arange(4), (500, 1))
    log = log_of(np.zeros(500, int), shown, rng.random(shown.shape) < [0.4, 0.3, 0.2, 0.1])
    bias = position_bias(log, groups=5)
    assert bias.harvest is None
    assert bias.to_dict()["shown_at_several_ranks"] is None
    assert "no item was shown at more than one rank" in bias.notes[0]


def test_little_evidence_and_evidence_that_disagrees_are_said() -> None:
    rng = np.random.default_rng(0)
    shown = np.tile([0, 1], (3000, 1))
    shown[:15] = [1, 0]
    clicked = rng.random(shown.shape) < [0.4, 0.2]
    bias = position_bias(log_of(np.arange(3000) // 30, shown, clicked), groups=5)
    assert any("rows show an item that stood at another rank" in note for note in bias.notes)
    # in the first lists two items change places and are clicked as often at both, in the others all is shown once
    lists = np.arange(3000)[:, None]
    swapped = np.array([[0, 1], [1, 0]])[rng.integers(2, size=3000)]
    shown = np.where(lists < 2000, swapped, 2 + 2 * lists + [[0, 1]])
    clicked = rng.random(shown.shape) < np.where(lists < 2000, 0.3, [[0.4, 0.02]])
    bias = position_bias(log_of(np.arange(3000) % 60, shown, clicked), groups=5)
    assert any("disagree" in note for note in bias.notes)


def test_ranks_that_no_item_links_to_the_first_are_not_told() -> None:
    """Items 0 and 1 stand at ranks 1 and 2, items 2 and 3 at ranks 3 and 4."""
    rng = np.random.default_rng(0)
    shown = np.array([[0, 1, 2, 3], [1, 0, 3, 2]])[rng.integers(2, size=4000)]
    found = harvest(Cells.of(log_of(np.zeros(4000, int), shown, rng.random(shown.shape) < [0.4, 0.2, 0.2, 0.1])))
    assert found.examination[0] == 1
    assert found.examination[1] == pytest.approx(0.5, abs=0.05)
    assert np.isnan(found.examination[2:]).all()
    assert found.pairs == 4
    assert found.rows == 16_000


def test_ranks_that_no_list_has_are_looked_at_as_the_rank_above_is() -> None:
    """Lists show ranks 1, 2 and 300 alone."""
    made = position_based(np.array([1.0, 0.5, 0.2]), lists=2000, queries=2, items=6, seed=4).log
    deep = ClickLog.of(made.listing, made.query, np.array([1, 2, 300])[made.rank - 1], made.item, made.clicked)
    bias = position_bias(deep, groups=5)
    assert set(bias.examination[2:299]) == {bias.examination[1]}
    assert bias.examination[299] < 0.3
    assert bias.harvest is not None
    assert np.isnan(bias.harvest.examination[2:]).all()
    json.dumps(bias.to_dict(), allow_nan=False)
    for name in ("rank_rate", "cascade", "dbn"):
        model = click_model(name).fit(deep)
        assert set(model.examination[2:299]) == {model.examination[1]}


def test_a_rank_that_is_looked_at_more_than_the_first_is_said_and_harvested() -> None:
    odd = np.array([0.5, 1.0, 0.4])
    bias = position_bias(position_based(odd, lists=4000, queries=4, items=10, seed=3).log, groups=5)
    assert any("rank 2 looks as if" in note for note in bias.notes)
    assert bias.harvest is not None
    np.testing.assert_allclose(bias.harvest.examination, odd / odd[0], atol=0.2)


def test_too_few_groups_or_lists_are_refused() -> None:
    log = ClickLog.of([0, 1], ["q"] * 2, [1, 1], ["a", "b"], [0, 1])
    with pytest.raises(SettingError, match="too few"):
        position_bias(log, groups=2)
    with pytest.raises(InputError, match="2 lists"):
        position_bias(log)


@pytest.mark.parametrize(("clicked", "says"), [(0, "No row"), (1, "Every row")])
def test_logs_in_which_clicks_tell_nothing_are_refused(clicked: int, says: str) -> None:
    log = ClickLog.of(range(20), ["q"] * 20, [1, 2] * 10, ["a", "b"] * 10, [clicked] * 20)
    for refuses in (position_bias, compare_models):
        with pytest.raises(InputError, match=says):
            refuses(log)


def test_a_log_without_the_first_rank_says_that_its_scale_means_nothing() -> None:
    made = position_based(FALLING, lists=500, queries=2, items=8, seed=1).log
    lower = ClickLog.of(made.listing, made.query, made.rank + 1, made.item, made.clicked)
    bias = position_bias(lower, groups=5)
    assert any("no list has rank 1" in note for note in bias.notes)
    json.dumps(bias.to_dict(), allow_nan=False)


def test_a_log_of_single_places_has_a_bias_of_one_place() -> None:
    rng = np.random.default_rng(0)
    log = ClickLog.of(range(200), ["q"] * 200, [1] * 200, rng.integers(0, 5, 200), rng.random(200) < 0.3)
    assert position_bias(log, groups=5).examination.tolist() == [1.0]
    assert compare_models(log).use.model.name == "constant"


def test_models_are_compared_on_lists_that_they_did_not_see() -> None:
    log = position_based(FALLING, lists=4000, seed=6).log
    found = compare_models(log, ["constant", "rank_rate", "position_based"], seed=2)
    rest, held = log.split(seed=2)
    assert (found.lists, found.rows) == (held.lists, len(held))
    for one in found.models:
        assert one.bits == pytest.approx(type(one.model).fit(rest).bits(held))
        assert one.low <= one.behind <= one.high
        assert one.behind == pytest.approx(one.bits - found.best.bits)
    assert [one.model.name for one in found.models] == ["position_based", "rank_rate", "constant"]
    bits = {one.model.name: one.bits for one in found.models}
    assert found.explained == pytest.approx(1 - bits["rank_rate"] / bits["constant"])
    assert found.use is found.best


def test_of_models_that_cannot_be_told_apart_the_plainer_one_is_to_be_used() -> None:
    same = position_based(FALLING, lists=1500, attraction=np.full((3, 12), 0.3), seed=7).log
    found = compare_models(same)
    assert found.use.model.name == "rank_rate"
    even = position_based(np.ones(4), lists=1500, attraction=np.full((3, 12), 0.3), seed=7).log
    assert compare_models(even).use.model.name == "constant"
