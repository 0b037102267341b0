"""The benchmark of recommendation in simulated shops."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
from bench.recommend_worlds import affinity, arguments, main

from evenshelf.shop import simulate
from evenshelf.shop.simulation.truth import read


def test_a_quick_run_names_its_figures(tmp_path: Path) -> None:
    assert main(["--quick", "--json", str(tmp_path / "found.json")]) == 0
    document = json.loads((tmp_path / "found.json").read_text(encoding="utf-8"))
    names = {figure["name"] for figure in document["figures"]}
    assert {"language_lent_gain", "codes_lent_gain", "language_tail_suits_none"} <= names
    told = [figure["value"] for figure in document["figures"] if "suits" in figure["name"]]
    assert all(0 <= value <= 1 for value in told)
    assert arguments([]).worlds[:2] == arguments(["--quick"]).worlds


def test_what_suits_is_between_user_and_item(tmp_path: Path) -> None:
    simulate(tmp_path / "shop", items=40, users=20, events=500, language="en", pictures=0)
    truth = read(tmp_path / "shop")
    users, items = truth.users["user_id"].to_list()[:5], truth.items["item_id"].to_list()[:7]
    found = affinity(truth, users, items)
    assert found.shape == (5, 7)
    assert np.isfinite(found).all()
    turned = affinity(truth, users[::-1], items[::-1])
    np.testing.assert_allclose(turned[::-1, ::-1], found)
    assert found.std(axis=1).min() > 0, "it differs between items"
    assert found.std(axis=0).min() > 0, "and between users"
