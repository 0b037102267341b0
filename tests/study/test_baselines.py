"""Baselines in a study: the same folds and budget, told where they do not apply, and nothing done twice."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evenshelf.baselines import Baseline, Reads, baseline_kinds
from evenshelf.baselines.balanced_forest import BALANCED_FOREST
from evenshelf.baselines.bilstm import BILSTM
from evenshelf.baselines.words import WORDS
from evenshelf.baselines.zero_shot import ZERO_SHOT
from evenshelf.encoders.bag import word_matrix
from evenshelf.errors import SettingError
from evenshelf.report import study_report
from evenshelf.study.plan import Setting, search_units
from evenshelf.study.prepare import Plan
from evenshelf.study.results import StudyResult, load
from evenshelf.study.runner import Study
from evenshelf.study.terminal import StudyReport
from evenshelf.study.verdict import Verdict, decide
from evenshelf.tasks.label import LabelTask
from evenshelf.tasks.tags import TagsTask
from tests.learners import own_learners
from tests.report.reading import read
from tests.study.factory import Plan as Made
from tests.study.factory import study as made_study

CLASSES = {"shoe": 40, "scarf": 20, "lamp": 12, "手表": 9}
HINTS = {"shoe": "sole lace run", "scarf": "silk soft warm", "lamp": "bulb light glass", "手表": "机械 表带 指针"}
SMALL = replace(BILSTM, learner=replace(BILSTM.learner, fit=replace(BILSTM.learner.fit, rounds=6)))  # type: ignore[type-var]
FEW = replace(
    BALANCED_FOREST,
    learner=replace(BALANCED_FOREST.learner, fit=replace(BALANCED_FOREST.learner.fit, trees=20)),  # type: ignore[type-var]
)
CHOSEN = (WORDS, SMALL, FEW, ZERO_SHOT)


def task(seed: int = 0) -> LabelTask:
    rng = np.random.default_rng(seed)
    labels = [name for name, count in CLASSES.items() for _ in range(count)]
    texts = [f"{' '.join(rng.choice(HINTS[n].split(), 2))} {rng.integers(1000)} x{rng.integers(1000)}" for n in labels]
    return LabelTask.of(labels, texts, group=np.arange(len(labels)))


def run(folder: Path, baselines: object = CHOSEN, **more: object) -> StudyResult:
    asked = task()
    assert asked.texts is not None
    words = word_matrix(asked.texts)
    rng = np.random.default_rng(1)
    names = rng.standard_normal((len(CLASSES), 6)).astype(np.float32)
    vectors = (names[asked.target] + 0.7 * rng.standard_normal((len(asked.target), 6))).astype(np.float32)
    options = {"names": names, "words": words, "folds": 3, "budget": 2, "workers": 1, "remedies": "balanced", **more}
    return Study(asked, vectors, folder, baselines=baselines, **options).run()  # type: ignore[arg-type]


def outcomes(result: StudyResult) -> dict[str, tuple[bytes, ...]]:
    found = {r.spec: r.tuned for r in result.remedies}
    return {s: (o.predicted.tobytes(), o.p_true.tobytes()) for s, o in found.items() if o is not None}


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, StudyResult]:
    folder = tmp_path_factory.mktemp("whole")
    return folder, run(folder)


def test_every_baseline_is_a_reference_better_than_guessing_with_its_time(whole: tuple[Path, StudyResult]) -> None:
    folder, result = whole
    verdict = decide(result, replicates=200)
    assert [r.spec for r in result.remedies if r.reference] == [b.spec for b in CHOSEN]
    for baseline in CHOSEN:
        found = verdict[baseline.spec]
        assert found.reference
        assert found["macro_f1"] > 0.35, f"{baseline.spec}: {found['macro_f1']:.2f}, and guessing gives at most 0.25"
        assert found.seconds > 0
    tuned = result[SMALL.spec].tuned
    assert tuned is not None
    assert {s["penalty"] for s in tuned.settings} <= set(SMALL.learner.penalties(2))
    assert [entry["settings"] for entry in result.meta["baselines"]] == [2, 2, 2, 1]
    assert outcomes(load(folder)) == outcomes(result)


def test_what_is_gone_is_done_again_to_the_same_bits_by_any_number_of_workers(
    whole: tuple[Path, StudyResult], tmp_path: Path
) -> None:
    run(tmp_path, workers=2)
    stored = sorted((tmp_path / "trials").glob("*.npz"))
    for path in stored[::3]:
        path.unlink()
    assert outcomes(run(tmp_path)) == outcomes(whole[1])


def test_baselines_that_are_asked_for_later_go_on_from_what_is_there(
    whole: tuple[Path, StudyResult], tmp_path: Path
) -> None:
    run(tmp_path, (WORDS,))
    before = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "trials").glob("*.npz")}
    again = run(tmp_path)
    after = {p.name: p.stat().st_mtime_ns for p in (tmp_path / "trials").glob("*.npz")}
    assert before.items() <= after.items(), "what was there was done again"
    assert len(after) > len(before)
    assert outcomes(again) == outcomes(whole[1])


def test_each_that_does_not_apply_says_why(tmp_path: Path) -> None:
    absent = replace(ZERO_SHOT, name="absent", package="no_such_package_at_all")
    result = run(tmp_path, (*CHOSEN, absent), names=None, words=None)
    said = {r.spec: r.not_applicable for r in result.remedies if r.reference and r.not_applicable}
    assert said.keys() == {WORDS.spec, ZERO_SHOT.spec, "absent"}
    assert "only vectors" in (said[WORDS.spec] or "")
    assert "no names" in (said[ZERO_SHOT.spec] or "")
    assert "'no_such_package_at_all' is not installed (pip install" in (said["absent"] or "")
    assert result["absent"].tuned is None
    decide(result, replicates=200)


def test_texts_with_several_labels_say_which_apply(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    sets = [["red", "big"] if n % 3 else ["blue"] for n in range(60)]
    texts = [f"{' '.join(tags)} {n} {rng.integers(999)}" for n, tags in enumerate(sets)]
    asked = TagsTask.of_sets(sets, texts)
    vectors = np.eye(3, dtype=np.float32)[asked.target] + rng.standard_normal((60, 3)).astype(np.float32)[asked.same]
    baselines = (FEW, replace(SMALL, learner=replace(SMALL.learner, penalties=lambda count: (0.3,))))
    made = Study(asked, vectors, tmp_path, folds=3, budget=1, workers=1, remedies=("none",), baselines=baselines).run()
    assert "one label each" in (made[FEW.spec].not_applicable or "")
    assert made[SMALL.spec].tuned is not None


def test_the_address_of_a_fit_holds_parameters_and_the_release_of_the_library() -> None:
    def address(baseline: Baseline) -> str:
        unit = search_units([(baseline.spec, Setting(baseline.trained, 1.0))], "given", 3, learner=baseline.learner)[0]
        return unit.address(0)

    other = replace(FEW.learner.fit, trees=21)  # type: ignore[type-var]
    assert address(FEW) != address(replace(FEW, learner=replace(FEW.learner, fit=other)))
    assert "imbalanced-learn 0." in FEW.learner.fit.fingerprint  # type: ignore[attr-defined]


def test_an_unknown_baseline_is_told_before_the_work() -> None:
    with pytest.raises(SettingError, match="no baseline 'lstm'"):
        Plan(baselines="words,lstm").check()
    assert {b.reads for b in baseline_kinds().values()} == set(Reads)


def test_a_learner_that_is_brought_is_understood_by_workers(tmp_path: Path) -> None:
    found = [
        run(tmp_path / str(n), "none", learner=f"{own_learners.__file__}:{name}", workers=n, remedies="balanced, focal")
        for name in ("kind", "logistic")
        for n in (1, 2)
    ]
    for one, two in (found[:2], found[2:]):
        assert outcomes(one) == outcomes(two)
    assert found[0].meta["learner"].endswith("own_learners.py:kind")
    assert "stage weight" in (found[0]["balanced"].not_applicable or "")
    assert found[2]["balanced"].tuned is not None
    assert "stage loss" in (found[2]["focal"].not_applicable or "")


BASE = Made("none", 0.95, 0.70, 0.93, 0.25)
WON = Made("name_prior", 0.95, 0.82, 0.94, 0.66)


@pytest.mark.parametrize("tail", [0.70, 0.99])
def test_a_baseline_that_is_better_comes_first_in_the_verdict(tail: float) -> None:
    plans = (BASE, WON, Made("bilstm", 0.96, tail, 0, 0, "BiLSTM", reference=True))
    made = made_study(plans=(*plans, Made("words + balanced", 0.9, 0.5, 0, 0, reference=True)), rows=3000)
    told = [
        {"spec": s, "name": s, "reads": "texts", "settings": 4, "summary": "-"} for s in ("bilstm", "words + balanced")
    ]
    made = replace(made, meta={**made.meta, "baselines": told})
    verdict = decide(made, replicates=400)
    assert verdict.recommended == "name_prior"
    assert Verdict.from_dict(verdict.to_dict()).to_dict() == verdict.to_dict()
    better = verdict["bilstm"]["macro_f1"] > verdict["name_prior"]["macro_f1"]
    assert better == (tail > 0.9)
    assert [tie.spec for tie in verdict.ahead] == (["bilstm"] if better else [])
    first = verdict.reasons[0]
    assert first.startswith("A baseline is better: BiLSTM reaches") == better
    if better:
        assert f"more than name_prior by +{verdict.ahead[0].diff:.3f}".replace("+0.", "+.") in first
    page = read(study_report(made, verdict))
    assert "bilstm" in page.by_id("baselines").text
    from rich.console import Console

    console = Console(record=True, width=120)
    console.print(StudyReport(made, verdict))
    assert "Baselines" in console.export_text()
