"""Other seeds and fewer labels: what was kept is gone on from, and the numbers say what they mean."""

from __future__ import annotations

import json
import math
import shutil
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from evenshelf import compare
from evenshelf.errors import InputError, SettingError
from evenshelf.learners import learner_kind
from evenshelf.study import trials
from evenshelf.study.curve_fits import SHARES, CurveFit, CurvePlan, fit_share, layers_of
from evenshelf.study.evidence_wording import curve_sentences, seed_sentences
from evenshelf.study.further import check_curve, check_seeds, further, of_verdict
from evenshelf.study.learning_curve import FORETOLD, CurvePoint, Forecast, LearningCurve, curve_of, learning_curve
from evenshelf.study.metrics import save_findings
from evenshelf.study.plan import search_units
from evenshelf.study.plan import settings as plan_settings
from evenshelf.study.repeats import FINALISTS, SeedGain, SeedSensitivity, finalists, seed_sensitivity
from evenshelf.study.results import StudyResult, load, save
from evenshelf.study.runner import Study
from evenshelf.study.statistics import METRICS, Bootstrap
from evenshelf.study.verdict import Verdict, decide
from evenshelf.tasks.label import LabelTask
from evenshelf.tasks.nouns import nouns_of
from tests.study.test_runner import data

LABEL = nouns_of({})
REMEDIES = ("balanced", "name_prior", "smote(k=2)", "temperature", "tau_norm")


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Study, StudyResult, Verdict]:
    task, vectors, names = data(rows=600)
    study = Study(
        task, vectors, tmp_path_factory.mktemp("study"), names=names, remedies=REMEDIES, folds=4, budget=4, workers=1
    )
    result = study.run()
    return study, result, decide(result, replicates=200)


def test_finalists_are_few_and_the_recommended_one_is_among_them(
    ran: tuple[Study, StudyResult, Verdict],
) -> None:
    *_, verdict = ran
    chosen = finalists(verdict)
    assert 1 <= len(chosen) <= FINALISTS
    assert verdict.baseline not in chosen
    assert verdict.best in chosen


def test_the_first_seed_is_the_study_and_the_others_are_studies_of_their_own(
    ran: tuple[Study, StudyResult, Verdict],
) -> None:
    study, result, verdict = ran
    found = seed_sensitivity(study, result, verdict, 3)
    assert found.seeds == (0, 1, 2)
    for spec in finalists(verdict):
        first = found.of(spec)[0]
        assert first.diff == pytest.approx(verdict[spec].diff, abs=1e-6)
        assert first.tail_diff == pytest.approx(verdict[spec].tail_diff, abs=1e-6, nan_ok=True)
        again = load(study.folder / "seeds" / "1")
        other = decide(again, replicates=200)
        assert found.of(spec)[1].diff == pytest.approx(other[spec].diff, abs=1e-6)
        (test,) = (t for t in found.tests if t.spec == spec)
        assert test.folds == 2 * study.folds
    assert sum(found.wins(spec) for spec in finalists(verdict)) == 2
    assert SeedSensitivity.from_dict(json.loads(json.dumps(found.to_dict()))).to_dict() == found.to_dict()
    with pytest.raises(SettingError, match="one seed"):
        seed_sensitivity(study, result, verdict, 1)
    with pytest.raises(SettingError, match="at least one"):
        check_seeds(0)


def test_a_learning_curve_ends_at_the_study_and_goes_on_where_it_stopped(
    ran: tuple[Study, StudyResult, Verdict],
) -> None:
    study, result, verdict = ran
    specs = ["name_prior", "temperature"]
    found = learning_curve(study, result, specs)
    for spec in ("none", *specs):
        for metric in FORETOLD:
            points = [p for p in found.points if (p.spec, p.metric) == (spec, metric)]
            assert [p.share for p in points] == [*SHARES, 1.0]
            assert all(a.examples < b.examples for a, b in pairwise(points))
            assert points[-1].value == pytest.approx(verdict[spec][metric], abs=1e-6)
    kept = sorted((study.folder / "curve").glob("*.npz"))
    assert len(kept) == len(SHARES) * study.folds
    times = {path: path.stat().st_mtime_ns for path in kept[1:]}
    kept[0].unlink()
    assert learning_curve(study, result, specs) == found
    assert {path: path.stat().st_mtime_ns for path in kept[1:]} == times
    assert learning_curve(replace(study, workers=2), result, specs) == found
    again = LearningCurve.from_dict(json.loads(json.dumps(found.to_dict())))
    assert again.to_dict() == found.to_dict()


def test_no_label_beyond_the_share_is_looked_at(ran: tuple[Study, StudyResult, Verdict], tmp_path: Path) -> None:
    """Labels outside the smallest share, and not tested, may be anything."""
    study, result, _ = ran
    found = learning_curve(study, result, [])
    layer = layers_of(result.group, study.seed)
    lied = study.task.target.copy()
    beyond = np.flatnonzero(layer == len(SHARES))
    lied[beyond] = np.random.default_rng(1).permutation(lied[beyond])
    liar = replace(study, task=replace(study.task, target=lied), folder=tmp_path)
    other = learning_curve(liar, replace(result, y=lied.astype(np.int32)), [])
    predictions = [
        sorted(np.load(path)["0"].tobytes() for path in (folder / "curve").glob("*.npz"))
        for folder in (study.folder, tmp_path)
    ]
    # those of the study hold other remedies besides
    assert set(predictions[1]) <= set(predictions[0])
    assert len(set(predictions[1])) > 1
    assert found.points[0].value != other.points[0].value  # what is tested has other labels


def test_too_few_examples_for_a_curve_are_said_to_be(tmp_path: Path) -> None:
    task, vectors, names = data(rows=40, classes=3)
    study = Study(task, vectors, tmp_path, names=names, remedies=("balanced",), folds=4, budget=2, workers=1)
    result = study.run()
    with pytest.raises(InputError, match="too small to learn from"):
        learning_curve(study, result, [])
    with pytest.raises(InputError, match="too small to learn from"):
        check_curve(study.fitted, task, folds=4)


@given(st.integers(8, 200), st.integers(2, 8), st.integers(3, 6), st.integers(0, 50))
@settings(max_examples=40, deadline=None)
def test_what_the_check_of_a_curve_lets_pass_can_be_fitted(rows: int, classes: int, folds: int, seed: int) -> None:
    """It holds for every fit what it needs: something to choose by, and two classes to train."""
    rng = np.random.default_rng(seed)
    target = rng.integers(0, classes, rows)
    assume(len(set(target.tolist())) > 1)
    task = LabelTask.of([f"c{n}" for n in target], group=rng.integers(0, rows, rows))
    assume(len(set(task.group.tolist())) >= folds)
    fold = task.split(folds, seed)
    assume(set(range(folds)) <= set(fold.tolist()))
    layer, parts = layers_of(task.group, seed), len(SHARES) + 1
    part = (fold.astype(int) + 1) * parts + layer
    plan = CurvePlan(Path(), "", (), folds, 1, seed, learner_kind("heads"))
    fits = [
        (np.isin(part, seen), np.isin(part, job.trained) & ~np.isin(part, seen))
        for job in (CurveFit(plan, test, level) for test in range(folds) for level in range(len(SHARES)))
        for seen in job.validated
    ]
    enough = all(seen.any() and len(set(task.target[fitted].tolist())) > 1 for seen, fitted in fits)
    enough &= part.max() == (folds + 1) * parts - 1
    try:
        check_curve(plan.learner, task, folds=folds, seed=seed)
    except InputError:
        assert not enough
    else:
        assert enough


def test_a_curve_is_refused_before_anything_is_encoded_or_fitted(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    texts = [" ".join("".join(rng.choice(list("abcdefghij"), 5)) for _ in range(4)) for _ in range(40)]
    with pytest.raises(InputError, match="too few examples for a learning curve"):
        compare(texts, ["a", "b"] * 20, folds=4, learning_curve=True, folder=tmp_path, progress=False, encoder="tfidf")
    assert not list(tmp_path.iterdir())
    vectors = rng.normal(size=(40, 4))
    with pytest.raises(InputError, match="too few examples for a learning curve"):
        compare(vectors, ["a", "b"] * 20, folds=4, learning_curve=True, folder=tmp_path, progress=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("folds", [4, 5])
def test_shares_are_tuned_as_the_study_is(tmp_path: Path, folds: int) -> None:
    """By the same folds; a share of all the labels answers as the study did."""
    task, vectors, names = data(rows=500)
    study = Study(
        task, vectors, tmp_path, names=names, remedies=("name_prior", "temperature"), folds=folds, budget=4, workers=1
    )
    result = study.run()
    learning_curve(study, result, ["name_prior", "temperature"])
    (place,) = (path.name for path in (tmp_path / "vectors").glob("curve-*"))
    plan = CurvePlan(tmp_path, place, study.compared, folds, study.budget, study.seed, study.fitted)
    units = search_units([("none", s) for s in plan_settings(study.compared[0], 4, study.fitted)], "m", folds)
    row_of = trials.laid_out(tmp_path / "vectors" / place)[0].row_of
    answered = {remedy.spec: np.full(int(row_of.max()) + 1, -1) for remedy in study.compared}
    for test in range(folds):
        job = CurveFit(plan, test, len(SHARES))
        others = {fold for unit in units if test in unit.held_out for fold in unit.held_out} - {test}
        assert {part // (len(SHARES) + 1) - 1 for parts in job.validated for part in parts} == others
        assert len(job.validated) == len(others)
        fit_share(job)
        for spec, codes in job.stored().items():
            answered[spec][trials.laid_out(tmp_path / "vectors" / place)[0].index(job.tested)] = codes
    tested = result.fold >= 0
    for spec, codes in answered.items():
        tuned = result[spec].tuned
        assert tuned is not None
        assert (codes[row_of] == tuned.predicted)[tested].mean() > 0.995, spec


def test_what_is_further_asked_for_is_kept(ran: tuple[Study, StudyResult, Verdict]) -> None:
    study, result, verdict = ran
    assert further(study, result, verdict) is result
    found = further(study, result, verdict, seeds=2, curve=True)
    kept = load(study.folder)
    assert kept.seeds is not None
    assert kept.curve is not None
    assert found.seeds is not None
    assert kept.seeds.to_dict() == found.seeds.to_dict()
    assert decide(kept, replicates=200).to_dict() == verdict.to_dict()


def test_the_same_study_run_again_keeps_what_it_was_further_asked_for(
    ran: tuple[Study, StudyResult, Verdict], tmp_path: Path
) -> None:
    study, *_ = ran
    again = replace(study, folder=tmp_path, remedies=("balanced", "name_prior"))
    result = again.run()
    verdict = decide(result, replicates=200)
    save_findings(result, verdict, tmp_path)
    found = further(again, result, verdict, seeds=2, curve=True)
    assert (tmp_path / "verdict.json").is_file(), "what was decided goes when more is asked"
    shutil.rmtree(tmp_path / "seeds")  # so that nothing could be done anew unnoticed
    shutil.rmtree(tmp_path / "curve")
    for kept in (again.run(), replace(again, baselines=["zero_shot"]).run(), load(tmp_path)):
        assert kept.seeds is not None
        assert kept.curve is not None
        assert found.seeds is not None
        assert found.curve is not None
        assert kept.seeds.to_dict() == found.seeds.to_dict()
        assert kept.curve.to_dict() == found.curve.to_dict()
    assert not (tmp_path / "seeds").exists()
    assert not (tmp_path / "curve").exists()
    lied = study.task.target[::-1].copy()
    for other in (
        replace(again, seed=1),
        replace(again, budget=3),
        replace(again, remedies=("balanced",)),
        replace(again, task=replace(study.task, target=lied)),
    ):
        kept = load_after(other, found)
        assert kept.seeds is None
        assert kept.curve is None


def test_seeds_are_told_under_the_verdict_that_asked_for_them(
    ran: tuple[Study, StudyResult, Verdict], tmp_path: Path
) -> None:
    study, *_ = ran
    again = replace(study, folder=tmp_path, remedies=("balanced", "name_prior"))
    result = again.run()
    verdict = decide(result, replicates=200)
    found = further(again, result, verdict, seeds=3)
    assert found.seeds is not None
    kept = again.run()
    assert of_verdict(kept, verdict).seeds is not None
    for other in ({"metric": "tail_f1"}, {"guardrail": 0.5}, {"zone": 0.1}):
        assert of_verdict(kept, decide(kept, replicates=200, **other)).seeds is None, other  # type: ignore[arg-type]
    document = {k: v for k, v in found.seeds.to_dict().items() if k not in {"guardrail", "zone"}}
    older = SeedSensitivity.from_dict(document)
    assert not older.of_verdict(verdict), "nobody knows which verdict asked for seeds of earlier versions"
    assert json.loads(json.dumps(older.to_dict(), allow_nan=False)) == older.to_dict()
    assert SeedSensitivity.from_dict(older.to_dict()).to_dict() == older.to_dict()
    fewer = further(again, kept, verdict, seeds=2)
    assert fewer.seeds is not None
    assert fewer.seeds.to_dict() == found.seeds.to_dict(), "seeds that are there are not told"


def load_after(study: Study, before: StudyResult) -> StudyResult:
    """What is read of a study that was run in a folder with an earlier one."""
    save(before, study.folder)
    study.run()
    return load(study.folder)


@given(st.floats(0.1, 0.6), st.floats(0.05, 0.5), st.floats(1.1, 4.0))
def test_a_power_law_is_foretold_exactly(error: float, power: float, better: float) -> None:
    examples = np.array([1000.0, 2000.0, 4000.0, 8000.0])
    errors = np.stack([error * (examples / 1000) ** -power, error / better * (examples / 1000) ** -power])
    values = np.full((8, len(METRICS)), 0.5)
    names = []
    for number, spec in enumerate(("none", "good")):
        for level in range(4):
            values[len(names), :] = 1 - errors[number, level]
            names.append(f"{level} {spec}")
    draws = np.repeat(values[:, :, None], 5, axis=2)
    empty = np.zeros((8, 1), np.int32)
    found = curve_of(Bootstrap(tuple(names), values, draws, empty, np.zeros(1, np.intp)), ["none", "good"], examples)
    for forecast in found.forecasts:
        start = error if forecast.spec == "none" else error / better
        assert forecast.value == pytest.approx(1 - start * 16**-power, abs=1e-3)
        assert forecast.foretold == pytest.approx(forecast.seen, abs=1e-3)
        if forecast.spec == "none":
            assert math.isnan(forecast.worth)
        else:
            assert forecast.worth == pytest.approx(min(better ** (1 / power), 1e3), rel=0.05)
            assert (forecast.worth_low, forecast.worth_high) == pytest.approx((forecast.worth,) * 2)


@pytest.mark.parametrize(("flat", "bounds"), [(0.0, (2.0, 2.0)), (0.5, (2.0, 1e3))])
def test_draws_in_which_more_labels_bring_nothing_count_as_out_of_reach(
    flat: float, bounds: tuple[float, float]
) -> None:
    """Half the error at an exponent of one is worth twice the labels; where nothing falls, no number of them."""
    examples = np.array([1000.0, 2000.0, 4000.0, 8000.0])
    draws = np.full((8, len(METRICS), 20), 0.5)
    for level, n in enumerate(examples):
        draws[level] = 1 - 0.4 * 1000 / n
        draws[level, :, : int(20 * flat)] = 1 - 0.4 / 8
        draws[4 + level] = 1 - 0.2 * 1000 / n
    names = tuple(f"{level} {spec}" for spec in ("none", "good") for level in range(4))
    empty = np.zeros((8, 1), np.int32)
    found = curve_of(Bootstrap(names, draws[:, :, -1], draws, empty, np.zeros(1, np.intp)), ["none", "good"], examples)
    for forecast in found.forecasts:
        if forecast.spec == "good":
            assert forecast.worth == pytest.approx(2.0)
            assert (forecast.worth_low, forecast.worth_high) == pytest.approx(bounds)


def test_where_nothing_is_won_yet_nothing_is_foretold() -> None:
    values = np.zeros((8, len(METRICS)))
    names = tuple(f"{level} {spec}" for spec in ("none", "good") for level in range(4))
    draws = Bootstrap(
        names, values, np.repeat(values[:, :, None], 5, axis=2), np.zeros((8, 1), np.int32), np.zeros(1, np.intp)
    )
    found = curve_of(draws, ["none", "good"], np.array([10.0, 20.0, 40.0, 80.0]))
    assert len(found.points) == 16
    assert all(math.isnan(f.value) and math.isnan(f.low) for f in found.forecasts)
    assert curve_sentences(found, LABEL) == ()


def test_equal_finalists_are_the_best_together_and_what_has_no_value_is_not() -> None:
    values = {"a": (0.5, 0.7, math.nan), "b": (0.5, 0.6, math.nan), "c": (0.4, math.nan, math.nan)}
    gains = tuple(SeedGain(s, n, v, 0.0, 0.0) for s, each in values.items() for n, v in enumerate(each))
    found = SeedSensitivity("tail_f1", gains, ())
    assert [found.wins(spec) for spec in values] == [1, 0, 0]


@pytest.mark.parametrize("luck", ["all right", "all wrong"])
def test_the_seed_that_chose_the_finalists_is_no_evidence_for_them(
    ran: tuple[Study, StudyResult, Verdict], luck: str
) -> None:
    """Whatever the study's own seed says, tests and wins stay as they are."""
    study, result, verdict = ran
    spec = finalists(verdict)[0]
    tuned = result[spec].tuned
    assert tuned is not None
    said = result.y if luck == "all right" else (result.y + 1) % len(result.classes)
    lucky = replace(result[spec], tuned=replace(tuned, predicted=said.astype(np.int32)))
    other = replace(result, remedies=tuple(lucky if r.spec == spec else r for r in result.remedies))
    plain, found = (seed_sensitivity(study, r, verdict, 3) for r in (result, other))
    assert found.of(spec)[0].diff != plain.of(spec)[0].diff
    assert found.tests == plain.tests
    assert [found.wins(s) for s in found.specs] == [plain.wins(s) for s in plain.specs]
    (line,) = (line for line in seed_sentences(plain) if line.startswith(f"{spec}:"))
    assert f"the {2 * study.folds} fresh folds" in line
    # studies of before tested all folds: that is not passed off as a test of fresh ones
    before = plain.to_dict()
    before["tests"] = before.pop("fresh_tests")
    assert SeedSensitivity.from_dict(before).tests == ()
    assert all("fresh seeds" in line for line in seed_sentences(SeedSensitivity.from_dict(before)))


def test_a_remedy_whose_lead_may_be_chance_is_not_said_to_be_worth_labels() -> None:
    sure = Forecast("good", "macro_f1", 0.8, 0.7, 0.9, 0.7, 0.7, 1.6, 1.2, 2.4)
    (said,) = curve_sentences(LearningCurve((CurvePoint("good", 1.0, 10, "macro_f1", 0.7, 0.6, 0.8),), (sure,)), LABEL)[
        1:
    ]
    assert "worth 1.6 times the labels (1.2 to 2.4)" in said
    far = replace(sure, value=math.nan, worth=1e3, worth_low=4.0, worth_high=1e3)
    (said,) = curve_sentences(LearningCurve((), (far,)), LABEL)
    assert "more than 100 times the labels would be needed, and at least 4.0 times (95 %)" in said
    (said,) = curve_sentences(LearningCurve((), (replace(far, worth_low=1e3),)), LABEL)
    assert said.endswith("more than 100 times the labels would be needed (95 %).")
    for low in (0.8, math.nan):
        curve = LearningCurve((), (replace(sure, value=math.nan, worth_low=low),))
        assert curve_sentences(curve, LABEL) == ()
