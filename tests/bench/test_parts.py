"""Processes of their own with their memory, report files, and the data that needs no files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from bench.data import exponential_tail, label_task, load_task, real_data, save_task
from bench.harness import Figure, Report

from bench import child
from evenshelf.errors import InputError
from evenshelf.tasks.label import LabelTask

MEGABYTE = 2**20


def takes_memory(folder: Path) -> dict[str, int]:
    """Run in a child by the test below."""
    held = np.ones(200 * MEGABYTE // 8)
    return {"sum": int(held.sum())}


def fails(folder: Path) -> None:
    """Run in a child by the test below."""
    raise ValueError("as it should")


def test_memory_is_that_of_the_child(tmp_path: Path) -> None:
    found = child.run("tests.bench.test_parts:takes_memory", tmp_path)
    assert found.facts == {"sum": 200 * MEGABYTE // 8}
    assert found.peak > 200 * MEGABYTE


def test_a_child_that_fails_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="fails failed with exit code 1"):
        child.run("tests.bench.test_parts:fails", tmp_path)


def test_report_is_written_whole(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    report = Report("some", figures=[Figure("speed_ratio", 3.0, "x", "higher", "other", 30.0, 3.0)], notes=["Why [1]."])
    report.finish(tmp_path / "deep" / "some.json")
    document = json.loads((tmp_path / "deep" / "some.json").read_text(encoding="utf-8"))
    assert document["figures"][0]["value"] == 3.0
    printed = capsys.readouterr().out
    assert "speed_ratio" in printed
    assert "Why [1]." in printed


def test_a_number_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        Report("some", figures=[Figure("x", float("nan"), "x", "higher")]).finish(tmp_path / "some.json")
    assert not (tmp_path / "some.json").exists()


def test_tail_falls_by_the_same_factor() -> None:
    sizes = exponential_tail(120, 400, 4)
    assert (sizes[0], sizes[-1], len(sizes)) == (400, 4, 120)
    assert sizes == sorted(sizes, reverse=True)
    assert sizes[59] == pytest.approx(40, abs=1.5)


def test_a_task_survives_the_way_to_another_process(tmp_path: Path) -> None:
    task = LabelTask.of(["a", "b", "a", "b"], ["red", "blue", "red", "green"], dropped={"why": 2})
    save_task(task, tmp_path)
    again = load_task(tmp_path)
    assert (again.classes, again.dropped) == (task.classes, task.dropped)
    for name in ("target", "group", "same"):
        np.testing.assert_array_equal(getattr(again, name), getattr(task, name))


def test_missing_data_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENSHELF_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(InputError, match="real data"):
        real_data()


def test_made_up_data_is_the_same_every_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENSHELF_CACHE", str(tmp_path))
    first, second = label_task("simulated", 200, 0), label_task("simulated", 200, 0)
    assert first.texts == second.texts
    assert len(first.target) == 200


@pytest.mark.real
def test_chinese_titles_are_thinned(real_data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENSHELF_CACHE", str(tmp_path))
    task = label_task("zh", None, 0)
    assert len(task.classes) == 120
    assert task.counts[-1] == 4
    assert task.counts[0] / task.counts[59] == pytest.approx(task.counts[59] / task.counts[-1], rel=0.2)
