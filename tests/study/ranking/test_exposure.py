"""Exposure adds up to all places, is that of plain loops, and comes back from a study's folder."""

from __future__ import annotations

import json
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console
from tests.study.factory import with_remedies
from tests.study.list_factory import ITEMS, TAKEN, list_study

from evenshelf.study.exposure import ListFairness
from evenshelf.study.exposure_wording import exposure_sentences, short_exposure_sentences
from evenshelf.study.fairness import fairness
from evenshelf.study.metrics import save_findings
from evenshelf.study.order_wording import alarms
from evenshelf.study.results import load, save
from evenshelf.study.sets import AGAIN, NARROW, SHOWN_OF_LISTS
from evenshelf.study.terminal import StudyReport
from evenshelf.study.verdict import decide
from evenshelf.study.wording import exact

ORDER = (*SHOWN_OF_LISTS, *AGAIN)


def found(users: int, seed: int = 0) -> ListFairness:
    made = list_study(users, seed)
    fair = fairness(made, decide(made, replicates=50))
    assert isinstance(fair, ListFairness)
    return fair


@given(st.integers(2, 60), st.integers(0, 5))
@settings(max_examples=12, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_shares_add_up(users: int, seed: int) -> None:
    fair = found(users, seed)
    assert fair.lists == users
    for side in ("before", "after"):
        assert sum(getattr(part, side) for part in fair.parts) == 10 * users
        assert sum(getattr(part, f"{side}_share") for part in fair.parts) == pytest.approx(1)
    assert sum(part.wanted for part in fair.parts) == TAKEN * users
    assert sum(part.items for part in fair.parts) == fair.items == ITEMS
    assert fair.gain + fair.loss + fair.same == ITEMS
    assert all(item.change > 0 for item in fair.gaining)
    assert all(item.change < 0 for item in fair.losing)


def test_numbers_are_those_of_plain_loops() -> None:
    made = list_study(200)
    verdict = decide(made, replicates=200)
    fair = fairness(made, verdict)
    assert isinstance(fair, ListFairness)
    before, after = (made[spec].tuned.shown for spec in ("none", "mmr"))  # type: ignore[union-attr]
    change = {name: int(after[n] - before[n]) for n, name in enumerate(made.classes["class"])}  # type: ignore[index]
    best = sorted((n for n in change if change[n] > 0), key=lambda n: (-change[n], n))[:10]
    assert [item.item for item in fair.gaining] == best
    pairs = [abs(int(a) - int(b)) for a in after for b in after]  # type: ignore[union-attr]
    assert fair.gini_after == pytest.approx(sum(pairs) / (2 * ITEMS * int(after.sum())))  # type: ignore[union-attr]
    history = made.traits["history"].to_numpy()  # type: ignore[index]
    for value in fair.values:
        rows = history == value.value
        for spec, told in (("none", value.before), ("mmr", value.after)):
            assert told.value == pytest.approx((made[spec].tuned.ranks[rows] < 10).mean())  # type: ignore[union-attr]
    assert len(fair.values) == 3


def test_it_is_kept_and_found_again(tmp_path: Path) -> None:
    made = list_study(80)
    verdict = decide(made, replicates=50)
    save(made, tmp_path)
    save_findings(made, verdict, tmp_path)
    again = load(tmp_path)
    fair = fairness(again, decide(again, replicates=50))
    assert fair is not None
    assert json.loads((tmp_path / "fairness.json").read_text()) == json.loads(json.dumps(fair.to_dict()))


@pytest.mark.parametrize("width", [80, 96, 140])
def test_a_terminal_cuts_no_number_and_tells_of_exposure(width: int) -> None:
    made = list_study(
        200, meta={"order": {"steps": 9, "tied": 9, "days": True, "ascending": 9, "descending": 0, "p": 0}}
    )
    verdict = decide(made, replicates=100)
    fair = fairness(made, verdict)
    assert isinstance(fair, ListFairness)
    told = Console(width=width, record=True, file=StringIO())
    told.print(StudyReport(made, verdict, fair=fair))
    text = told.export_text()
    flat = " ".join(text.split())
    sets = made["mmr"].tuned.sets  # type: ignore[union-attr]
    shown = ORDER if width > 80 else NARROW
    (line,) = (line for line in text.splitlines() if line.startswith("mmr"))
    assert line.split()[1:] == [f"{sets[name]:.3f}".removeprefix("0") for name in ORDER if name in shown]
    if verdict.informative:
        assert all(" ".join(sentence.split()) in flat for sentence in short_exposure_sentences(fair))
    assert all(" ".join(sentence.split()) in flat for sentence in alarms(made.meta))


def test_who_shows_the_same_changes_nothing() -> None:
    made = list_study(100)
    twin = with_remedies(made, made.remedies[0], made.remedies[2])
    assert fairness(twin, decide(twin, replicates=50)) is None
    fair = found(100)
    assert len(exposure_sentences(fair)) == 4
    assert np.isfinite([fair.gini_before, fair.gini_after, fair.gini_wanted]).all()


@given(st.floats(1e-9, 0.9))
def test_a_bound_is_told_with_all_its_decimals(bound: float) -> None:
    assert float(exact(bound)) == pytest.approx(bound, abs=1e-15)
    assert [exact(value) for value in (0.005, 0.0005, 0.01, 0.0)] == [".005", ".0005", ".01", "0"]
