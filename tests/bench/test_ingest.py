"""The quick run of the ingest benchmark, and the log that it makes."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from bench.child import Outcome
from bench.event_log import Size, write_events, write_items
from bench.ingest import arguments, main, refusals, short, summed_up
from bench.ours_ingest import Stages
from bench.render import everything

from bench import event_log


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    folder = tmp_path_factory.mktemp("ingest")
    words = ["--quick", "--full", "--folder", str(folder), "--json", str(folder / "out.json")]
    assert main(words) == 0
    assert [file.name for file in folder.iterdir()] == ["out.json"], "made-up files were left behind"
    return json.loads((folder / "out.json").read_text(encoding="utf-8"))


def table(found: dict[str, Any], name: str) -> list[dict[str, Any]]:
    (listing,) = (t for t in found["tables"] if t["name"] == name)
    return [dict(zip(listing["columns"], row, strict=True)) for row in listing["rows"]]


@pytest.mark.timeout(600)  # nine processes, on whatever machine this is
def test_the_quick_run_has_the_promised_form(found: dict[str, Any]) -> None:
    figures = {figure["name"]: figure for figure in found["figures"]}
    assert len(figures) == len(found["figures"])
    assert set(figures) >= {
        "rows_per_second",
        "rows_per_second_ratio_polars",
        "rows_per_second_ratio_pandas",
        "peak_mib_5k_events",
        "seconds_8k_events",
        "peak_mib_8k_events",
    }
    assert all(math.isfinite(figure["value"]) and figure["value"] > 0 for figure in figures.values())
    ratio = figures["rows_per_second_ratio_polars"]
    assert ratio["value"] == pytest.approx(figures["rows_per_second"]["value"] / ratio["peer_value"])
    sizes = table(found, "ingest_sizes")
    assert [(row["rows"], row["who"]) for row in sizes] == [
        *((rows, who) for rows in (2000, 5000) for who in ("evenshelf", "polars", "polars, whole", "pandas")),
        (8000, "evenshelf"),
    ]
    for row in sizes:
        assert row["rows_per_second"] == pytest.approx(row["rows"] / row["seconds"])


def test_stages_are_all_of_the_time(found: dict[str, Any]) -> None:
    stages = {row["stage"]: row for row in table(found, "ingest_stages")}
    assert set(stages) >= {"reading", "typing", "rules over rows", "rule bot", "writing parts", "matching returns"}
    assert sum(row["time_share"] for row in stages.values()) == pytest.approx(1)
    seconds = next(row["seconds"] for row in table(found, "ingest_sizes") if row["rows"] == 5000)
    assert sum(row["seconds"] for row in stages.values()) == pytest.approx(seconds, rel=0.2)


def test_what_was_made_dirty_is_refused(found: dict[str, Any]) -> None:
    for row in table(found, "ingest_refused"):
        assert row["made"] == row["refused"], row


def test_the_result_can_be_put_into_a_page(found: dict[str, Any]) -> None:
    for language in ("en", "zh"):
        assert "5,000" in everything(found, language)


def test_rows_that_are_lost_are_told() -> None:
    made = {"rows": 10, "bot": 0, **dict.fromkeys(event_log.SHARES, 0)}
    with pytest.raises(RuntimeError, match="not all are kept or refused"):
        refusals(made, {"rows_in": 10, "rows": 9, "quarantined": {}})


def test_the_log_depends_on_the_seed_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(event_log, "CHUNK", 2_000)
    files = [tmp_path / name for name in ("a", "b", "c")]
    counts = [write_events(file, Size(5_000), seed) for file, seed in zip(files, (0, 0, 1), strict=True)]
    assert counts[0]["rows"] == 5_000
    assert files[0].read_bytes() == files[1].read_bytes() != files[2].read_bytes()
    assert files[0].read_bytes().count(b"\n") == 5_001
    write_items(tmp_path / "items", Size(5_000), 0)
    items = pl.read_csv(tmp_path / "items")["item_id"]
    clean = pl.read_csv(files[0], truncate_ragged_lines=True, infer_schema=False)
    assert set(clean["item_id"]) <= set(items)
    by_item = clean["item_id"].value_counts(sort=True)["count"]
    assert by_item[0] > 20 * by_item.median(), "no long tail"


def test_medians() -> None:
    side = summed_up([Outcome({"seconds": s, "rows": s}, p) for s, p in ((3.0, 10), (1.0, 30), (2.0, 20))])
    assert (side.seconds, side.spread, side.peak, side.facts["rows"]) == (2.0, 2.0, 20, 2.0)


def test_steps_inside_of_a_stage_do_not_count_twice() -> None:
    stages = Stages()
    outer = stages.watched("outer", stages.watched("inner", lambda: 1))
    stages.progress("reading x", 0, None)
    assert outer() == 1
    stages.progress("rule bot", 0, 5)
    assert list(stages.finish()) == ["reading", "outer", "inner", "rule bot"]


def test_arguments() -> None:
    assert arguments([]).sizes[-1] == 5_000_000
    assert arguments(["--full"]).once == 50_000_000
    assert arguments(["--quick"]).once is None
    assert [short(n) for n in (5_000_000, 100_000, 1_234)] == ["5m", "100k", "1234"]
    with pytest.raises(SystemExit):
        arguments(["--runs", "0"])
