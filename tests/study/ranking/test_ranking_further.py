"""Other seeds and fewer users, asked of a study of lists after its verdict."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.study.ranking.test_ranking_study import shop

from evenshelf.errors import InputError
from evenshelf.study.contests.curve import learning_curve
from evenshelf.study.curve_fits import SHARES
from evenshelf.study.evidence_wording import curve_sentences, seed_sentences
from evenshelf.study.further import further
from evenshelf.study.learning_curve import LearningCurve
from evenshelf.study.list_wording import drawn_anew
from evenshelf.study.rank_judge import POPULAR
from evenshelf.study.ranking.askers import asking, drawn_again, in_other_order, of_share
from evenshelf.study.ranking.study import RankingStudy, check_shares
from evenshelf.study.repeats import SeedSensitivity, finalists, seed_sensitivity
from evenshelf.study.results import StudyResult, load
from evenshelf.study.verdict import Verdict, decide
from evenshelf.tasks.exams import Exam
from evenshelf.tasks.histories import Histories
from evenshelf.tasks.list_measures import LISTS
from evenshelf.tasks.recommend import NOUNS, RecommendTask

Ran = tuple[RankingStudy, StudyResult, Verdict]
SOME = "none, logit_adjust(tau=0.2), fair_exposure(lam=0.5)"


def study_in(folder: Path, **asked: object) -> RankingStudy:
    task, facts = shop()
    settled: dict[str, object] = {"remedies": SOME, "budget": 2, "workers": 1, "learner": "item_knn", "baselines": ()}
    return RankingStudy(task, facts, folder, **settled | asked)  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> Ran:
    study = study_in(tmp_path_factory.mktemp("study"))
    result = study.run()
    return study, result, decide(result, replicates=100)


@pytest.mark.parametrize("split", ["last", "users"])
def test_fresh_seeds_are_studies_of_their_own_and_tested_only_where_folds_are_fresh(
    ran: Ran, tmp_path: Path, split: str
) -> None:
    study, result, verdict = ran
    if split == "users":
        study = study_in(tmp_path, split="users", folds=3)
        result = study.run()
        verdict = decide(result, replicates=100)
    found = seed_sensitivity(study, result, verdict, 3)
    assert found.seeds == (0, 1, 2)
    assert set(found.specs) == set(finalists(verdict)) == {"logit_adjust(tau=0.2)", "fair_exposure(lam=0.5)"}
    for spec in found.specs:
        first, *others = found.of(spec)
        assert first.diff == pytest.approx(verdict[spec].diff, abs=1e-6)
        assert first.tail_diff == pytest.approx(verdict[spec].tail_diff, abs=1e-6, nan_ok=True)
        for gain in others:
            kept = load(study.folder / "seeds" / str(gain.seed))
            assert gain.diff == pytest.approx(decide(kept, replicates=100)[spec].diff, abs=1e-6)
            # what was wanted is the same under every seed; folds of users are not
            assert len(kept.y) == len(result.y)
            same = np.array_equal(kept.y, result.y)
            assert same == (split == "last")
    assert [test.folds for test in found.tests] == ([6, 6] if split == "users" else [])
    told = seed_sentences(found, verdict.measures)
    assert all("in macro NDCG@10 under the seed that chose it" in line for line in told)
    assert all(("6 fresh folds" in line) == (split == "users") for line in told)
    assert ("The test is the same" in drawn_anew(result.meta)) == (split == "last")
    assert SeedSensitivity.from_dict(json.loads(json.dumps(found.to_dict()))).to_dict() == found.to_dict()


def test_a_curve_ends_at_the_study_and_goes_on_where_it_stopped(ran: Ran) -> None:
    study, result, verdict = ran
    found = learning_curve(study, result, ["logit_adjust(tau=0.2)"])
    assert [p.spec for p in found.points if p.share == 1 and p.metric == LISTS.main] == [
        "none",
        "logit_adjust(tau=0.2)",
        POPULAR,
    ]
    for spec in ("none", "logit_adjust(tau=0.2)", POPULAR):
        points = [p for p in found.points if (p.spec, p.metric) == (spec, LISTS.main)]
        assert [p.share for p in points] == [*SHARES, 1.0]
        assert all(a.examples < b.examples for a, b in pairwise(points))
        assert points[-1].value == pytest.approx(verdict[spec][LISTS.main], abs=1e-6)
    assert len({p.value for p in found.points if p.spec == "none" and p.metric == LISTS.main}) > 1
    assert {f.spec for f in found.forecasts} == {"none", "logit_adjust(tau=0.2)"}, "popular is a yardstick"
    trials = sorted((study.folder / "trials").glob("*.npz"), key=lambda file: file.stat().st_mtime_ns)
    trials[-1].unlink()
    times = {file: file.stat().st_mtime_ns for file in trials[:-1]}
    assert learning_curve(study, result, ["logit_adjust(tau=0.2)"]) == found
    assert trials[-1].is_file()
    assert {file: file.stat().st_mtime_ns for file in times} == times
    again = LearningCurve.from_dict(json.loads(json.dumps(found.to_dict())))
    assert again.to_dict() == found.to_dict()
    told = " ".join(curve_sentences(found, NOUNS, LISTS))
    assert "With 2 times the 150 users, none would reach macro NDCG@10" in told
    assert "label" not in told


def test_what_is_further_asked_for_is_kept_with_the_study_and_leaves_with_it(tmp_path: Path) -> None:
    study = study_in(tmp_path, remedies="none, logit_adjust(tau=0.2)")
    result = study.run()
    found = further(study, result, decide(result, replicates=100), seeds=2, curve=True)
    assert found.seeds is not None
    assert found.curve is not None
    shutil.rmtree(tmp_path / "seeds")
    for kept in (study.run(), replace(study, baselines=("transitions",)).run(), load(tmp_path)):
        assert kept.seeds is not None
        assert kept.curve is not None
        assert kept.seeds.to_dict() == found.seeds.to_dict()
        assert kept.curve.to_dict() == found.curve.to_dict()
    assert not (tmp_path / "seeds").exists()
    other = replace(study, seed=1).run()
    assert other.seeds is None
    assert other.curve is None


def test_too_few_users_for_a_curve_are_said_to_be() -> None:
    task = RecommendTask.of(Histories.of([["a", "b", "c"], ["b", "c", "a"], ["c", "a", "b"]]))
    with pytest.raises(InputError, match=r"too few users for a learning curve.*only 1 item would be learned from"):
        check_shares(task, "last", folds=3, seed=0)
    with pytest.raises(InputError, match=r"too few users for a learning curve.*nobody is left to choose settings by"):
        check_shares(task, "users", folds=3, seed=0)


@st.composite
def exams(draw: st.DrawFn) -> tuple[RecommendTask, Exam]:
    """Some histories with baskets, and the exam that judges."""
    rng = np.random.default_rng(draw(st.integers(0, 10**6)))
    lengths = rng.integers(3, 8, draw(st.integers(2, 12)))
    histories = Histories.of([[f"i{n}" for n in rng.permutation(9)[:length]] for length in lengths.tolist()])
    histories = replace(histories, time=np.arange(len(histories.item), dtype=np.int64))
    basket = np.cumsum(
        (rng.random(len(histories.item)) < 0.6) | np.isin(np.arange(len(histories.item)), histories.start)
    )
    task = RecommendTask.of(replace(histories, basket=basket), repeats=False)
    try:
        (sitting,) = task.sittings("last", folds=3, seed=0)
    except InputError:
        return draw(exams())
    return task, sitting.judging


def wanted_by(exam: Exam) -> list[tuple[int, list[int], list[int]]]:
    """Of everybody asked: who it is, the history that is known, and what is wanted."""
    return [
        (
            int(group),
            exam.asked.item[exam.asked.start[place] : exam.asked.start[place + 1]].tolist(),
            sorted(exam.item[exam.user == place].tolist()),
        )
        for place, group in enumerate(exam.group)
    ]


@given(exams(), st.integers(0, 99))
def test_users_who_are_drawn_again_want_what_they_wanted(made: tuple[RecommendTask, Exam], seed: int) -> None:
    _, exam = made
    before = wanted_by(exam)
    drawn = drawn_again(exam, 5, seed)
    assert len(drawn.group) == min(5, len(exam.group))
    assert all(one in before for one in wanted_by(drawn))
    assert drawn.known is exam.known
    everybody = asking(exam, np.arange(len(exam.group)))
    assert wanted_by(everybody) == before
    np.testing.assert_array_equal(everybody.item, exam.item)


@given(exams(), st.data())
def test_a_share_learns_from_its_users_alone_and_the_same_users_are_asked(
    made: tuple[RecommendTask, Exam], data: st.DataObject
) -> None:
    task, exam = made
    users = len(task.histories.users)
    held = np.array(data.draw(st.lists(st.booleans(), min_size=users, max_size=users)))
    judging, choosing = (of_share(exam, held, choosing=kind) for kind in (False, True))
    for part in (judging, choosing):
        kept = part.known
        assert set(kept.user.tolist()) <= set(np.flatnonzero(held).tolist())
        assert len(kept.item) == int(held[exam.known.user].sum())
    assert wanted_by(judging) == wanted_by(exam)
    assert wanted_by(choosing) == [one for one in wanted_by(exam) if held[one[0]]]


@given(exams(), st.integers(0, 99))
def test_another_order_moves_steps_within_their_baskets_alone(made: tuple[RecommendTask, Exam], seed: int) -> None:
    task, _ = made
    other = in_other_order(task, seed)
    basket = task.histories.baskets
    np.testing.assert_array_equal(basket, other.histories.baskets)
    np.testing.assert_array_equal(task.histories.time, other.histories.time, "times stay in order")
    for number in np.unique(basket):
        before, after = (sorted(t.histories.item[basket == number].tolist()) for t in (task, other))
        assert before == after
    np.testing.assert_array_equal(task.histories.start, other.histories.start)
    lone = replace(task, histories=replace(task.histories, basket=np.arange(len(basket))))
    np.testing.assert_array_equal(in_other_order(lone, seed).histories.item, task.histories.item)


def test_other_seeds_draw_other_orders() -> None:
    histories = Histories.of([[f"i{n}" for n in range(20)]])
    task = RecommendTask.of(replace(histories, basket=np.zeros(20, np.int64)), repeats=False)
    orders = {tuple(in_other_order(task, seed).histories.item.tolist()) for seed in range(4)}
    assert len(orders) == 4
