"""Off-policy estimates, against formulas by hand and against bandits whose truth is known."""

from __future__ import annotations

from datetime import UTC, datetime

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenshelf.errors import InputError, SettingError
from evenshelf.experiments.off_policy import ESTIMATORS, Logged, doubts, on_policy_value, policy_value
from evenshelf.experiments.reward_model import modelled

ARMS = 6
CERTAIN = tuple(name for name in ESTIMATORS if name != "dm")
CHANCE = np.array([0.3, 0.2, 0.2, 0.1, 0.1, 0.1])
OTHER = np.array([0.05, 0.05, 0.1, 0.2, 0.3, 0.3])


def bandit(rows: int, seed: int, propensity: np.ndarray = CHANCE) -> tuple[Logged, np.ndarray, np.ndarray, float]:
    """A log, its actions and contexts, and what the other policy truly earns."""
    rng = np.random.default_rng(seed)
    context = rng.integers(2, size=rows)
    rate = 0.05 + 0.08 * np.arange(ARMS)
    action = rng.choice(ARMS, rows, p=propensity)
    reward = rng.random(rows) < rate[action] * np.where(context, 1.4, 0.6)
    log = Logged.of(reward, propensity[action], OTHER[action])
    return log, action, context, float((rate * OTHER).sum())


@given(seed=st.integers(0, 1000), switch=st.floats(0.5, 5))
def test_estimates_are_what_the_formulas_say(seed, switch):
    log, action, context, _ = bandit(60, seed)
    log = modelled(log, action, OTHER, context=context[:, None])
    w, r, q, v = OTHER[action] / CHANCE[action], log.reward, log.predicted, log.expected
    by_hand = {
        "ips": sum(w * r) / 60,
        "snips": sum(w * r) / sum(w),
        "dm": sum(v) / 60,
        "dr": sum(v + w * (r - q)) / 60,
        "switch_dr": sum(v + w * (w <= switch) * (r - q)) / 60,
    }
    assert set(by_hand) == set(ESTIMATORS)
    for name, value in by_hand.items():
        assert policy_value(log, name, switch=switch).value == pytest.approx(value)


def test_intervals_cover_the_truth_as_often_as_they_claim():
    runs, covered = 200, dict.fromkeys(CERTAIN, 0)
    for seed in range(runs):
        log, action, context, truth = bandit(400, seed)
        log = modelled(log, action, OTHER, context=context[:, None])
        for name in CERTAIN:
            found = policy_value(log, name)
            covered[name] += found.low <= truth <= found.high
    for name in CERTAIN:
        assert 0.9 <= covered[name] / runs <= 0.985, name


def test_a_model_makes_estimates_more_certain():
    errors = {name: [] for name in ESTIMATORS}
    for seed in range(30):
        log, action, context, _ = bandit(1000, seed)
        log = modelled(log, action, OTHER, context=context[:, None])
        for name in ESTIMATORS:
            errors[name].append(policy_value(log, name).error)
    assert np.mean(errors["snips"]) < np.mean(errors["ips"])
    assert np.mean(errors["dr"]) < np.mean(errors["ips"])


def test_what_every_row_earns_more_makes_a_self_normalised_estimate_no_less_certain():
    log, _, _, _ = bandit(400, 6)
    once, more = (policy_value(Logged.of(log.reward + k, log.propensity, log.target), "snips") for k in (0, 5))
    assert more.value == pytest.approx(once.value + 5)
    assert more.error == pytest.approx(once.error)


def test_a_policy_is_worth_what_its_own_log_says():
    log, _, _, _ = bandit(500, 1)
    own = Logged.of(log.reward, log.propensity, log.propensity)
    truth = on_policy_value(log.reward)
    for name in ("ips", "snips"):
        found = policy_value(own, name)
        assert (found.value, found.low, found.high) == pytest.approx((truth.value, truth.low, truth.high))
    assert doubts(own) == []
    assert own.effective == pytest.approx(500)


def test_rows_of_a_user_are_one_draw():
    log, _, _, _ = bandit(300, 2)
    five_times = [np.repeat(column, 5) for column in (log.reward, log.propensity, log.target)]
    clustered = Logged.of(*five_times, cluster=np.repeat([f"u{k}" for k in range(300)], 5))
    for name in ("ips", "snips"):
        once, again = policy_value(log, name), policy_value(clustered, name)
        assert again.error == pytest.approx(once.error)
        assert policy_value(Logged.of(*five_times), name).error < 0.5 * once.error


def test_what_a_log_lacks_is_told():
    log, action, _, _ = bandit(2000, 3, np.array([0.35, 0.35, 0.3, 0, 0, 0]))
    assert any("lacks some of it" in doubt for doubt in doubts(log))
    rare = Logged.of(np.r_[np.ones(5), np.zeros(995)], np.full(1000, 0.5), 0.5)
    assert any("Only 5 rows" in doubt for doubt in doubts(rare))
    far = Logged.of(np.ones(1000), np.r_[np.full(4, 0.001), np.full(996, 1.0)], np.r_[np.full(4, 0.25), np.zeros(996)])
    assert any("little in common" in doubt for doubt in doubts(far))
    assert action.max() < 3


def test_the_model_of_a_row_has_not_seen_it():
    rng = np.random.default_rng(4)
    log = Logged.of(rng.integers(2, size=40), np.full(40, 0.5), 0.5, cluster=np.repeat(np.arange(20), 2))
    action = np.zeros(40, int)
    before = modelled(log, action, [0.5, 0.5]).predicted
    for cluster in range(3):
        other = log.reward.copy()
        other[log.cluster == cluster] = 1 - other[log.cluster == cluster]
        after = modelled(
            Logged.of(other, log.propensity, log.target, cluster=log.cluster), action, [0.5, 0.5]
        ).predicted
        assert after[log.cluster == cluster] == pytest.approx(before[log.cluster == cluster])
        assert not np.allclose(after, before)


def test_impressions_with_propensities_are_a_log():
    events = pl.DataFrame(
        {
            "kind": ["impression", "impression", "impression", "click"],
            "time": [datetime(2026, 1, 1, tzinfo=UTC)] * 4,
            "item_id": ["x", "y", "x", "x"],
            "user_id": ["u", None, "u", "u"],
            "propensity": [0.5, 0.25, 0.5, None],
            "value": [1.0, 0.0, 0.0, None],
        }
    )
    log = Logged.of_events(events, {"x": 0.8})
    assert log.weight.tolist() == [1.6, 0.0, 1.6]
    assert len(set(log.cluster)) == 2
    with pytest.raises(InputError, match="lack propensity"):
        Logged.of_events(events.drop("propensity"), {})
    with pytest.raises(InputError, match="No impression has both"):
        Logged.of_events(events.filter(pl.col("kind") == "click"), {})


def test_what_cannot_be_is_refused():
    with pytest.raises(InputError) as told:
        Logged.of([1, 0], [0.0, 0.5, 0.5], [2.0, 0.1])
    for part in ("lengths differ", "propensities must lie", "between 0 and 1"):
        assert part in told.value.message
    log, action, _, _ = bandit(20, 0)
    with pytest.raises(SettingError, match="needs a model"):
        policy_value(log, "dr")
    with pytest.raises(SettingError, match="no estimator"):
        policy_value(log, "ipw")
    with pytest.raises(InputError, match="add up to 1"):
        modelled(log, action, [0.1] * ARMS)
