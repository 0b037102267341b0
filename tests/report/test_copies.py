"""Whether generated rows copy: from a study's fits to its page."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from evenshelf.remedies.memorisation import UNKNOWN, copy_test
from evenshelf.report import study_report
from evenshelf.report.copies import MEANING, copies_section
from evenshelf.study.results import load
from evenshelf.study.runner import Study
from evenshelf.study.trials import COPIED
from evenshelf.study.verdict import decide
from evenshelf.tasks.label import LabelTask
from tests.report.reading import read, rows
from tests.study.factory import study

pytest.importorskip("torch")


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    rng = np.random.default_rng(0)
    sizes = (60, 25, 12, 6)
    target = np.repeat(np.arange(4), sizes)
    vectors = (3 * np.eye(4, 8)[target] + rng.normal(size=(len(target), 8))).astype(np.float32)
    task = LabelTask.of([f"class {c}" for c in target], group=np.arange(len(target)))
    folder = tmp_path_factory.mktemp("study")
    specs = ["gan(steps=20)", "gan(steps=20) + logit_adjust(tau=0.5)", "smote", "balanced"]
    return Study(task, vectors, folder, remedies=specs, folds=3, budget=2, workers=1).run(), folder


def test_a_study_keeps_what_was_found_of_each_fold(ran):
    result, folder = ran
    found = result.meta[COPIED]
    assert list(found) == ["gan(steps=20)", "gan(steps=20) + logit_adjust(tau=0.5)"], "no network made others"
    for facts in found.values():
        assert [fact["fold"] for fact in facts] == [0, 1, 2]
        for fact in facts:
            assert fact["judgement"] in MEANING
            assert 0 <= fact["copies"] <= fact["rows"]
            assert fact["made"] == sorted(fact["made"])
            assert fact["held_out"] == sorted(fact["held_out"])
    assert json.loads(json.dumps(load(folder).meta[COPIED])) == found


def test_the_page_tells_the_same_numbers(ran):
    result, _ = ran
    page = read(study_report(result, decide(result)))
    section = page.by_id("copies")
    told = copies_section(result.meta)["copied"]
    shown = rows(page.by_id("copies-table"))
    assert [line[0] for line in shown[::2]] == [one.spec for one in told]
    for line, one in zip(shown[::2], told, strict=True):
        assert int(line[1].replace(",", "")) == round(one.rows)
        assert float(line[2]) == pytest.approx(one.copies, abs=0.06)
        assert one.sentence.rstrip(".").split("; ")[0][1:] in section.text


def test_nothing_is_told_where_no_network_made_rows():
    made = study(rows=800, classes=12)
    assert read(study_report(made, decide(made))).by_id("copies") is None


def test_copies_are_said_to_be_copies():
    rng = np.random.default_rng(1)
    given, of = rng.normal(size=(200, 4)).astype(np.float32), np.zeros(200, np.int64)
    for made, word in ((given[:50], "copies"), (rng.normal(size=(50, 4)).astype(np.float32), "like the data")):
        facts = copy_test(made, of[:50], given, of, rng).facts()
        (line,) = copies_section({COPIED: {"gan": [{"fold": 0, **facts}]}})["copied"]
        assert facts["judgement"] == word
        assert MEANING[word] in line.sentence
    alone = copy_test(made[:3], np.arange(3), given[:3], np.arange(3), rng).facts()
    assert alone["judgement"] == UNKNOWN
    assert alone["made"] is alone["ratio"] is None
    json.dumps(alone, allow_nan=False)
    result = study(rows=800, classes=12)
    known = {**result.meta, COPIED: {"gan": [{"fold": 0, **alone}]}}
    assert "no group has rows enough to tell" in study_report(replace(result, meta=known), decide(result))
