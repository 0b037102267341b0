"""A study of recommendation: settings chosen beside the test, the same whatever the codes, workers and order."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

from evenshelf.errors import InputError, SettingError
from evenshelf.learners.ranking.base import ItemFacts
from evenshelf.learners.ranking.item_texts import words_of
from evenshelf.learners.ranking.registry import ranking_learner
from evenshelf.rankers.answering import AFTERWARDS
from evenshelf.remedies import Remedy, parse, remedy_set
from evenshelf.study.contests.laid_out import keep, named_digest
from evenshelf.study.contests.plan import Setting, chosen, fits, jobs, settings
from evenshelf.study.metrics import metrics_table
from evenshelf.study.ranking.stored import exam_arrays, exam_of
from evenshelf.study.ranking.study import RankingStudy
from evenshelf.study.ranking.winner import ranking_winner
from evenshelf.study.results import StudyResult, load
from evenshelf.study.terminal import StudyReport
from evenshelf.study.verdict import decide
from evenshelf.tasks.histories import Histories
from evenshelf.tasks.recommend import RecommendTask

REMEDIES = "none, logit_adjust(tau=0.2), logit_adjust, mmr, fair_exposure, focal"


def shop(users: int = 150, seed: int = 0, codes: int = 0) -> tuple[RecommendTask, ItemFacts]:
    """Users who keep to one of four kinds of items; words tell the kind, and each kind has an item nobody takes."""
    rng = np.random.default_rng(seed)
    share = 1.0 / np.arange(1, 16)
    share /= share.sum()
    kinds = rng.integers(0, 4, users)
    steps = [
        [f"k{kind}-{n}" for n in rng.choice(15, rng.integers(3, 8), replace=False, p=share)] for kind in kinds.tolist()
    ]
    every = [f"k{kind}-{n}" for kind in range(4) for n in range(16)]
    flat = [item for one in steps for item in one]
    histories = Histories.of_steps(
        [str(u) for u in range(users)], [len(s) for s in steps], flat, items=every, seed=codes
    )
    histories = replace(histories, time=np.arange(len(flat), dtype=np.int64))
    words = words_of([[item.split("-")[0], item] for item in histories.items])
    vectors = np.zeros((len(every), 4), np.float32)
    vectors[np.arange(len(every)), [int(item[1]) for item in histories.items]] = 1.0
    task = RecommendTask.of(histories, texts=[f"kind {item}" for item in histories.items])
    return task, ItemFacts(words=words, vectors=vectors)


def run(folder: Path, **asked: object) -> StudyResult:
    task, facts = shop(**{k: asked.pop(k) for k in ("users", "codes") if k in asked})  # type: ignore[arg-type]
    settled: dict[str, object] = {"remedies": REMEDIES, "budget": 3, "workers": 1, "learner": "item_knn", **asked}
    return RankingStudy(task, facts, folder, **settled).run()  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def result(tmp_path_factory: pytest.TempPathFactory) -> StudyResult:
    return run(tmp_path_factory.mktemp("study"))


def test_learned_lists_beat_what_is_popular_and_what_cannot_be_honoured_says_why(result: StudyResult) -> None:
    verdict = decide(result)
    assert verdict.informative
    assert verdict["none"]["ndcg_at_10"] > verdict["popular"]["ndcg_at_10"]
    assert result["focal"].not_applicable == "item neighbourhoods cannot act at the stage loss"
    assert {c.spec for c in verdict.comparisons if c.reference} == {"popular"}
    assert result["fair_exposure"].tuned is not None
    assert result["fair_exposure"].tuned.sets["gini"] < result["none"].tuned.sets["gini"]  # type: ignore[union-attr]
    told = Console(width=110, record=True, file=StringIO())
    told.print(StudyReport(result, verdict))
    text = told.export_text()
    assert "macro NDCG@10" in text
    assert "Gini" in text
    assert "popular" in text


def test_a_result_comes_back_as_it_was_kept(result: StudyResult, tmp_path: Path) -> None:
    again = run(tmp_path)
    kept = load(tmp_path)
    for one, two in zip(again.remedies, kept.remedies, strict=True):
        for mode in ("tuned", "default"):
            ours, theirs = getattr(one, mode), getattr(two, mode)
            if ours is None:
                assert theirs is None
                continue
            np.testing.assert_array_equal(ours.rank, theirs.rank)
            np.testing.assert_array_equal(ours.shown, theirs.shown)
            assert ours.sets == pytest.approx(theirs.sets, nan_ok=True)
            assert ours.shown.sum() == 10 * len(np.unique(again.group))
    assert decide(kept).to_dict() == decide(again).to_dict()
    assert set(metrics_table(kept)["metric"]) >= {"macro_ndcg_at_10", "coverage", "seconds"}


def test_workers_and_the_order_of_remedies_change_nothing(result: StudyResult, tmp_path: Path) -> None:
    names = [name.strip() for name in REMEDIES.split(",")]
    other = run(tmp_path, workers=2, remedies=names[::-1])
    for remedy in result.remedies:
        if remedy.tuned is not None:
            twin = other[remedy.spec].tuned
            assert twin is not None
            np.testing.assert_array_equal(remedy.tuned.rank, twin.rank)
            assert remedy.tuned.settings == twin.settings


def test_other_codes_of_items_change_nothing_but_draws_of_ties(result: StudyResult, tmp_path: Path) -> None:
    other = run(tmp_path, codes=5)
    one, two = decide(result), decide(other)
    for spec in ("none", "logit_adjust", "popular"):
        assert one[spec]["recall_at_20"] == pytest.approx(two[spec]["recall_at_20"], abs=0.03)


def test_an_interrupted_study_goes_on(tmp_path: Path) -> None:
    done: list[float] = []

    def stop(number: float, total: float, words: str) -> None:
        done.append(number)
        if len(done) == 4:
            raise KeyboardInterrupt

    task, facts = shop()
    study = RankingStudy(task, facts, tmp_path, remedies=REMEDIES, budget=3, workers=1, learner="item_knn")
    with pytest.raises(KeyboardInterrupt):
        study.run(stop)
    before = {f: f.stat().st_mtime_ns for f in (tmp_path / "trials").glob("*.npz")}
    assert before
    assert not (tmp_path / "study.json").is_file()
    study.run()
    assert all(file.stat().st_mtime_ns == time for file, time in before.items())
    assert (tmp_path / "study.json").is_file()


@pytest.mark.parametrize("split", ["time", "users"])
def test_other_splits_are_told(tmp_path: Path, split: str) -> None:
    found = run(tmp_path, split=split, folds=3, remedies="none, logit_adjust(tau=0.2)", budget=2, baselines=())
    assert found.meta["split_by"] == split
    assert set(found.fold.tolist()) == (set(range(3)) if split == "users" else {0})
    verdict = decide(found, replicates=100)
    assert np.isfinite(verdict["none"]["ndcg_at_10"])
    if split == "users":
        assert len(np.unique(found.group)) == 150
        assert np.isfinite(verdict.resampled[0].p)


def test_settings_share_fits_that_differ_in_scores_alone() -> None:
    learner = ranking_learner("item_knn")
    asked = [(r.spec, s) for r in map(parse, ("none", "mmr", "balanced")) for s in settings(r, 4, learner)]
    made = jobs(asked, exam="e", facts="f", learner=learner, repeats=False, lists=False, seed=0)
    assert sum(len(job.asks) for job in made) == len(asked) == 4 + 3 * 4 + 4
    plain = [job for job in made if job.remedy.spec == "none"]
    assert len(plain) == 4, "what re-ranks is fitted as nothing is"
    assert len({job.address for job in made}) == len(made)


def test_a_yardstick_without_what_it_needs_is_told_and_not_fitted(tmp_path: Path) -> None:
    task, _ = shop()
    study = RankingStudy(
        replace(task, texts=None),
        ItemFacts(),
        tmp_path,
        remedies="none, name_prior + logit_adjust(tau=0.1)",
        budget=2,
        workers=1,
        learner="item_knn",
        baselines=("text",),
    )
    found = study.run()
    assert "needs texts" in (found["text"].not_applicable or "")
    assert decide(found, replicates=100)["popular"].reference
    with pytest.raises(InputError, match="needs texts"):
        RankingStudy(task, ItemFacts(), tmp_path, remedies="none", learner="text").run()


def test_what_pools_in_the_fit_needs_no_vectors_afterwards(tmp_path: Path) -> None:
    task, facts = shop()
    found = RankingStudy(
        task,
        ItemFacts(words=facts.words),
        tmp_path,
        remedies="none, name_prior + logit_adjust(tau=0.1)",
        budget=2,
        workers=1,
        learner="text",
        baselines=(),
    ).run()
    assert found["name_prior + logit_adjust(tau=0.1)"].tuned is not None


def test_training_says_which_learner_the_study_found_to_be_better(tmp_path: Path) -> None:
    study = run(tmp_path, users=600, remedies="none", learner="popular", baselines=("item_knn",))
    (tie,) = decide(study).ahead
    assert tie.spec == "item_knn"
    winner, _ = ranking_winner(tmp_path)
    assert any("--learner item_knn" in note for note in winner.notes)
    asked, _ = ranking_winner(tmp_path, learner="item_knn")
    assert asked.learner.name == "item_knn"
    assert not any("better" in note for note in asked.notes)


def test_equal_arrays_of_other_names_are_other_facts() -> None:
    matrix = np.ones((2, 2))
    assert named_digest({"words": matrix}) != named_digest({"attributes": matrix})


def test_a_budget_that_is_too_small_says_how_much_it_takes() -> None:
    with pytest.raises(SettingError, match=r"1 setting is too small for 'balanced', .* 2 combinations\.\s.*least 2"):
        settings(parse("balanced"), 1, ranking_learner("item_knn"))
    with pytest.raises(SettingError, match=r"0 settings is too small for 'none', which has 1 combination\."):
        settings(parse("none"), 0, ranking_learner("item_knn"))
    assert len(settings(parse("mmr"), 1, ranking_learner("item_knn"))) == 3, "one fit serves all of them"


@pytest.mark.parametrize("remedy", remedy_set("lists"), ids=str)
def test_what_acts_in_the_fit_has_fits_of_its_own(remedy: Remedy) -> None:
    within = [part for part in remedy.parts if set(part.stages) - set(AFTERWARDS)]
    learner = ranking_learner("sasrec")
    assert (learner.fitting_part(remedy).spec == "none") == (not within)
    assert fits(settings(remedy, 4, learner), learner) == 4, "all have as many"


def test_what_gives_the_head_away_is_not_chosen() -> None:
    def tried(macro: float, head: float, overall: float) -> tuple[Setting, dict[str, float]]:
        setting = Setting(parse("none"), {"n": (macro, head, overall)})
        return setting, {"macro": macro, "head": head, "all": overall}

    values = {
        "none": [tried(0.1, 1.0, 0.5), tried(0.2, 0.5, 0.4)],
        "greedy": [tried(0.9, 0.5, 0.3), tried(0.3, 0.995, 0.5), tried(0.2, 1.0, 0.5)],
        "lost": [tried(0.9, 0.2, 0.3), tried(0.8, 0.3, 0.3)],
    }
    found = chosen(values, base="none", metric="macro", guarded="head", overall="all", give=0.01)
    assert {name: setting.parameters["n"][0] for name, setting in found.items()} == {
        "none": 0.1,
        "greedy": 0.3,
        "lost": 0.8,
    }


def test_exams_on_disk_have_all_columns_of_their_histories(tmp_path: Path) -> None:
    task, _ = shop(30)
    bare = task.histories
    steps = np.arange(len(bare.item))
    whole = replace(bare, strength=(steps + 1).astype(np.float32), basket=steps // 2 + bare.user)
    for number, histories in enumerate((bare, whole)):
        (sitting,) = replace(task, histories=histories).sittings("last", folds=3, seed=0)
        keep(tmp_path / str(number), exam_arrays(sitting.judging, task.bucket(task.counts)))
        found, _ = exam_of(tmp_path / str(number))
        for side in ("known", "asked"):
            one, two = getattr(sitting.judging, side), getattr(found, side)
            for column in ("start", "item", "time", "strength", "basket"):
                np.testing.assert_equal(getattr(two, column), getattr(one, column))


def test_what_doing_nothing_gave_of_the_head_is_not_held_against_remedies() -> None:
    def tried(macro: float, head: float, overall: float) -> tuple[Setting, dict[str, float]]:
        setting = Setting(parse("none"), {"n": macro})
        return setting, {"macro": macro, "head": head, "all": overall}

    nothing = [tried(0.1, 1.0, 0.5), tried(0.2, 0.992, 0.4)]
    gentle = [tried(0.1, 0.999, 0.5), tried(0.21, 0.985, 0.4)]  # as much below doing nothing as it may be
    found = chosen(
        {"none": nothing, "gentle": gentle}, base="none", metric="macro", guarded="head", overall="all", give=0.01
    )
    assert {name: setting.parameters["n"] for name, setting in found.items()} == {"none": 0.2, "gentle": 0.21}
