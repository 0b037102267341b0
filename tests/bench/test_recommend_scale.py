"""``python -m bench.recommend_scale`` on a small log, and what its figures are."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from bench.recommend_scale import COLUMNS, OURS, PEER, main
from bench.scale_log import Size, chunks, write_shop

from evenshelf.shop import Shop


def test_both_sides_fit_the_same_log(tmp_path: Path) -> None:
    pytest.importorskip("implicit")
    asked = ["--quick", "--events", "3000", "--memory", "64", "128"]
    assert main([*asked, "--folder", str(tmp_path), "--json", str(tmp_path / "out.json")]) == 0
    report = json.loads((tmp_path / "out.json").read_text(encoding="utf-8"))
    assert [path.name for path in tmp_path.iterdir()] == ["out.json"]
    (table,) = report["tables"]
    lines = [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]
    assert tuple(table["columns"]) == COLUMNS
    assert [(line["who"], line["memory_mib"]) for line in lines] == [(OURS, 64), (OURS, 128), (PEER, None)]
    figures = {figure["name"]: figure for figure in report["figures"]}
    columns = {"fit_seconds": "seconds", **{name: name for name in ("core_seconds", "events_per_second", "peak_mib")}}
    assert set(figures) == {*columns, "share_of_memory", "neighbours_kept"}
    for name, key in columns.items():
        assert (figures[name]["value"], figures[name]["peer_value"]) == (lines[0][key], lines[2][key])
    assert figures["neighbours_kept"]["value"] > 0


def test_the_log_has_the_size_that_is_asked_for_a_long_tail_and_is_the_same_again(tmp_path: Path) -> None:
    size = Size(4_000, 300, 1_000)
    shop = write_shop(tmp_path / "shop", size, 1)
    events = shop.read("events")
    assert (events.height, shop.rows("items")) == (size.events, size.items)
    assert events["time"].is_sorted()
    assert set(events["item_id"]) <= set(shop.items()["item_id"])
    counts = np.sort(events["item_id"].value_counts()["count"].to_numpy())[::-1]
    assert counts[: size.items // 5].sum() > size.events / 2  # the first fifth has most
    assert len(set(events["user_id"])) <= size.users
    write_shop(tmp_path / "again", size, 1)
    assert Shop.open(tmp_path / "again").read("events").equals(events)
    user, item, _ = next(chunks(size, 1))
    same = pl.Series(user).cast(pl.String) == events["user_id"].str.strip_prefix("u")
    assert same.all()
    assert item.max() < size.items
