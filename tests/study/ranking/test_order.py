"""What ids and ties could give away is found, told, and left out of the order-free part."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.study.list_factory import list_study

from evenshelf.learners.ranking.base import ItemFacts
from evenshelf.study.list_judge import ListJudge
from evenshelf.study.metrics import save_findings
from evenshelf.study.order_free import ASCENDING, DESCENDING, METRICS, NO_HISTORY, SAME, order_free
from evenshelf.study.order_wording import alarms, order_sentences, suspicious
from evenshelf.study.ranking import RankingStudy
from evenshelf.study.ranking.order import directions, order_facts
from evenshelf.study.verdict import decide
from evenshelf.tasks.exams import Exam
from evenshelf.tasks.histories import Histories
from evenshelf.tasks.recommend import RecommendTask


def exam(seed: int = 0) -> Exam:
    histories = Histories.of([["10", "9"], ["9"], [], ["100"], ["2", "9"]], seed=seed)
    code = {item: n for n, item in enumerate(histories.items)}
    wanted = [("9", 0), ("10", 1), ("10", 2), ("9", 3), ("2", 4)]
    item = np.array([code[name] for name, _ in wanted])
    return Exam(histories, histories, np.array([user for _, user in wanted]), item, np.arange(5))


@pytest.mark.parametrize("seed", range(5))
def test_ids_are_compared_as_numbers_whatever_the_codes(seed: int) -> None:
    assert directions([exam(seed)]).tolist() == [SAME, ASCENDING, NO_HISTORY, DESCENDING, DESCENDING]


def test_facts_are_counted_by_user_and_by_step() -> None:
    histories = Histories.of([["a", "b", "c"], ["a", "b"], ["c"]])
    order = np.array([ASCENDING, ASCENDING, DESCENDING, DESCENDING, SAME, NO_HISTORY])
    user = np.array([0, 0, 0, 1, 2, 2])
    facts = order_facts(histories, order, user)
    assert (facts[ASCENDING], facts[DESCENDING], facts["p"]) == (1, 1, 1.0)
    assert facts["tied"] is None
    # a step of another user at the same moment is no tie
    timed = replace(histories, time=np.array([0, 86_400, 86_400, 86_400, 172_800, 172_800]))
    assert {k: order_facts(timed, order, user)[k] for k in ("tied", "days", "steps")} == {
        "tied": 2,
        "days": True,
        "steps": 6,
    }
    assert order_facts(replace(timed, time=timed.time + 1), order, user)["days"] is False  # type: ignore[operator]
    assert order_facts(histories, np.full(6, NO_HISTORY), user)["p"] is None


def test_the_order_free_part_is_judged_beside_the_whole(tmp_path: Path) -> None:
    made = list_study(120)
    verdict = decide(made, replicates=50)
    found = order_free(made, verdict)
    assert found is not None
    rows = (made.traits["order"] == DESCENDING).to_numpy()  # type: ignore[index]
    assert (found.rows, found.of) == (int(rows.sum()), len(rows))
    assert [line.spec for line in found.lines] == [c.spec for c in verdict.comparisons]
    save_findings(made, verdict, tmp_path)
    kept = json.loads((tmp_path / "metrics.json").read_text())
    for line in found.lines:
        outcome = made[line.spec].tuned
        assert outcome is not None
        own = ListJudge(made).values(outcome, rows)
        for name in METRICS:
            assert line.free[name] == own[name] == kept[line.spec]["tuned"][DESCENDING][name]
            assert line.every[name] == kept[line.spec]["tuned"]["all"][name]
    assert order_free(replace(made, traits=None), verdict) is None


@pytest.mark.parametrize(
    ("facts", "meta", "said", "alarmed"),
    [
        ({"tied": 50, "p": 1e-9, "ascending": 90, "descending": 10}, {}, "believe what is left", 1),
        ({"tied": None, "p": 1e-9, "ascending": 90, "descending": 10}, {}, "No times are known", 1),
        ({"tied": 50, "p": 1e-9, "ascending": 10, "descending": 90}, {}, "is not free of it", 1),
        ({"tied": 50, "p": 0.4, "ascending": 52, "descending": 48}, {}, "which chance gives as well", 0),
        ({"tied": 0, "p": 1e-9, "ascending": 90, "descending": 10}, {}, "grow with time", 0),
        ({"tied": 50, "p": 1e-9, "ascending": 90, "descending": 10}, {"shop": "s"}, "within a moment is drawn", 0),
    ],
)
def test_ids_that_go_one_way_are_told_for_what_they_may_be(
    facts: dict[str, object], meta: dict[str, object], said: str, alarmed: int
) -> None:
    record = {"order": {"steps": 100, "days": False, **facts}, **meta}
    assert any(said in sentence for sentence in order_sentences(record))
    assert len(alarms(record)) == alarmed


@pytest.mark.parametrize(("tied", "days", "warned"), [(50, False, 1), (5, False, 0), (5, True, 1), (None, None, 1)])
def test_a_learner_that_reads_the_order_is_warned_of_where_there_is_none(
    tied: int | None, days: bool | None, warned: int
) -> None:
    facts = {"steps": 100, "tied": tied, "days": days, "ascending": 50, "descending": 50, "p": 1.0}
    told = alarms({"order": facts, "directed": True, "models": "transitions", "baselines": []})
    assert len(told) == warned
    assert all("The learner transitions reads which of two steps came first" in sentence for sentence in told)
    drawn = alarms({"order": facts, "directed": True, "models": "transitions", "baselines": [], "shop": "s"})
    assert all("the order is drawn" in sentence for sentence in drawn)
    entry = {"title": "a sequence transformer", "directed": True}
    both = alarms({"order": facts, "directed": True, "models": "transitions", "baselines": [entry]})
    assert all("The learners transitions and a sequence transformer read" in sentence for sentence in both)
    assert not alarms({"order": facts, "directed": False, "models": "transitions", "baselines": []})


@pytest.mark.parametrize("sorted_by_id", [True, False])
def test_a_study_of_steps_in_the_order_of_ids_says_so(tmp_path: Path, sorted_by_id: bool) -> None:
    rng = np.random.default_rng(0)
    steps = [rng.choice(60, 6, replace=False).tolist() for _ in range(200)]
    # in a file of days four in five users have the last day's steps in the order of ids
    told = [[*one[:3], *sorted(one[3:])] if sorted_by_id and n % 5 else one for n, one in enumerate(steps)]
    task = RecommendTask.of(Histories.of(told), repeats=False)
    study = RankingStudy(task, ItemFacts(), tmp_path, remedies="none", baselines=("transitions",), budget=1, workers=1)
    result = study.run()
    assert alarms(result.meta)  # a baseline reads the order, and nothing is known of times
    assert suspicious(result.meta["order"], result.meta) is sorted_by_id
    free = order_free(result, decide(result, replicates=50))
    assert free is not None
    assert {line.spec: line.directed for line in free.lines} == {"none": False, "transitions": True, "popular": False}
    share = free.rows / free.of
    assert (share < 0.3) is sorted_by_id
