"""The random policy of the Open Bandit data, estimated from the log of the other policy, beside its own log."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from evenshelf.experiments.off_policy import Logged, doubts, on_policy_value, policy_value
from evenshelf.experiments.reward_model import modelled

pytestmark = pytest.mark.real


@pytest.fixture(scope="module", params=["men", "women", "all"])
def campaign(request, real_data):
    """The log of Thompson sampling with a model of clicks, and the clicks in the log of the random policy."""
    folder = real_data / "openbandit_small"
    wanted = ["item_id", "position", "click", "propensity_score"]
    other, random = (pl.read_csv(folder / f"{p}_{request.param}.csv.gz", columns=wanted) for p in ("bts", "random"))
    size = pl.read_csv(folder / f"bts_{request.param}_item_context.csv.gz").height
    assert np.allclose(random["propensity_score"], 1 / size), "the policy that is estimated is uniform"
    log = Logged.of(other["click"].to_numpy(), other["propensity_score"].to_numpy(), 1 / size)
    place = (other["position"].to_numpy()[:, None] == np.arange(1, 4)).astype(float)
    log = modelled(log, other["item_id"].to_numpy(), np.full(size, 1 / size), context=place, penalty=10.0)
    return log, random["click"].to_numpy()


def test_the_random_policy_is_estimated_from_the_other_log(campaign):
    log, clicks = campaign
    truth = on_policy_value(clicks)
    for name in ("ips", "snips", "dr", "switch_dr"):
        found = policy_value(log, name)
        apart = found.value - truth.value
        assert abs(apart) < 4 * np.hypot(found.error, truth.error), name


def test_how_little_such_a_log_knows_is_told(campaign):
    log, _ = campaign
    assert log.effective < 0.6 * len(log.reward)
    assert any("rows" in doubt for doubt in doubts(log)) or log.effective > 0.05 * len(log.reward)
