"""The random policy of the Open Bandit data, estimated from the log of the other policy, beside its own log."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from evenshelf.experiments.off_policy import Logged, doubts, on_policy_value, policy_value
from evenshelf.experiments.reward_model import modelled

pytestmark = pytest.mark.real


PAGE = Path(__file__).resolve().parents[2] / "docs" / "experiments.md"


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
    return request.param, log, random["click"].to_numpy()


def test_the_random_policy_is_estimated_from_the_other_log(campaign):
    _, log, clicks = campaign
    truth = on_policy_value(clicks)
    for name in ("ips", "snips", "dr", "switch_dr"):
        found = policy_value(log, name)
        apart = found.value - truth.value
        assert abs(apart) < 4 * np.hypot(found.error, truth.error), name


def test_how_little_such_a_log_knows_is_told(campaign):
    _, log, _ = campaign
    assert log.effective < 0.6 * len(log.reward)
    assert any("rows" in doubt for doubt in doubts(log)) or log.effective > 0.05 * len(log.reward)


def test_the_table_of_the_docs_is_what_is_computed(campaign):
    name, log, clicks = campaign
    (row,) = re.findall(rf"^\| {name} \| (.+) \|$", PAGE.read_text(encoding="utf-8"), re.M)
    *told, effective = row.replace("−", "-").split(" | ")
    found = [on_policy_value(clicks), *(policy_value(log, one) for one in ("snips", "dr", "switch_dr"))]
    for cell, value in zip(told, found, strict=True):
        numbers = [float(number) for number in re.findall(r"-?\.\d+", cell)]
        assert numbers == pytest.approx([value.value, value.low, value.high], abs=0.00006)
    assert int(effective) == round(log.effective)
