"""A study of sets with a score for each label: what is stored is what scikit-learn counts on the sets given."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from rich.console import Console
from sklearn.metrics import f1_score

from evenshelf.baselines import baseline_kinds
from evenshelf.encoders.bag import word_matrix
from evenshelf.errors import SettingError
from evenshelf.learners import LearnerKind, learner_kind
from evenshelf.remedies import parse
from evenshelf.report.study import study_report
from evenshelf.study.advising import advise
from evenshelf.study.alarms import lay_out
from evenshelf.study.answers import Alarms
from evenshelf.study.fairness import fairness
from evenshelf.study.further import further
from evenshelf.study.guessing import guesses
from evenshelf.study.metrics import metrics_table, save_findings
from evenshelf.study.results import load, save
from evenshelf.study.runner import Study
from evenshelf.study.terminal import StudyReport
from evenshelf.study.verdict import decide
from evenshelf.tasks.label import LabelTask
from evenshelf.tasks.label_metrics import NOTHING
from evenshelf.tasks.set_metrics import SET_METRICS
from evenshelf.tasks.tags import TagsTask

REMEDIES = ["none", "balanced", "positive_weight", "mlsmote", "asymmetric(gamma_neg=1.0)", "distribution_balanced"]
REMEDIES += ["label_thresholds", "rank_cut", "smote", "focal", "temperature", "logit_adjust"]


@pytest.fixture(scope="module")
def world():
    """Texts with one to four of nine tags, a fifth of them as two items; vectors are sums of tags and noise."""
    rng = np.random.default_rng(3)
    share = np.array([0.6, 0.4, 0.3, 0.2, 0.15, 0.1, 0.06, 0.04, 0.02])
    has = rng.random((260, 9)) < share
    has[~has.any(axis=1), 0] = True
    copies = np.where(rng.random(260) < 0.2, 2, 1)
    which = np.repeat(np.arange(260), copies)
    sets = [[f"tag {t}" for t in np.flatnonzero(has[text])] for text in which]
    words = [f"{''.join(rng.choice(list('bcdfghklmnpqrstvw'), 12))} {n}" for n in range(260)]
    task = TagsTask.of_sets(sets, [words[text] for text in which])
    names = rng.normal(size=(len(task.classes), 16)).astype(np.float32)
    vectors = rng.normal(scale=0.8, size=(int(task.same.max()) + 1, 16)).astype(np.float32)
    pairs = np.unique(np.stack([task.same, task.target], axis=1), axis=0)
    np.add.at(vectors, pairs[:, 0], names[pairs[:, 1]])
    return task, vectors[task.same], names


@pytest.fixture(scope="module")
def studied(world, tmp_path_factory):
    task, vectors, names = world
    folder = tmp_path_factory.mktemp("sets")
    asked = {"remedies": REMEDIES, "folds": 3, "budget": 2, "names": names, "learner": "binary_heads"}
    result = Study(task, vectors, folder / "a", workers=1, **asked).run()
    again = Study(task, vectors, folder / "b", workers=2, **asked).run()
    return task, result, again, folder


def tuned(result):
    return [r for r in result.remedies if r.tuned is not None]


def sets_of(result, outcome, classes):
    """Which tags each item has, and which it is given; an item is a copy of a text."""
    rows = result.fold >= 0
    texts = np.unique(result.example[rows], return_inverse=True)[1]
    y, predicted = result.y[rows], outcome.predicted[rows]
    has, given_tags = np.zeros((2, texts.max() + 1, classes), int)
    np.add.at(has, (texts[y >= 0], y[y >= 0]), 1)
    np.add.at(given_tags, (texts[predicted >= 0], predicted[predicted >= 0]), 1)
    return has, given_tags


def test_any_number_of_workers_gives_the_same(studied):
    _, result, again, folder = studied
    loaded = load(folder / "a")
    for other in (again, loaded):
        np.testing.assert_array_equal(result.y, other.y)
        np.testing.assert_array_equal(result.group, other.group)
        for one, two in zip(tuned(result), tuned(other), strict=True):
            for mode in ("tuned", "default"):
                left, right = getattr(one, mode), getattr(two, mode)
                np.testing.assert_array_equal(left.predicted, right.predicted)
                np.testing.assert_array_equal(left.p_predicted, right.p_predicted)
                assert left.sets == right.sets


def test_remedies_for_single_labels_are_not_applicable(studied):
    _, result, _, _ = studied
    reasons = {r.spec: r.not_applicable for r in result.remedies if r.not_applicable}
    assert set(reasons) == {"smote", "focal", "temperature", "logit_adjust"}
    assert reasons["smote"] == "it is for labels that compete for an example, and here each has a score of its own"
    assert "cannot act at the stage adjust" in reasons["logit_adjust"]


def test_f1_is_that_of_the_sets_given(studied):
    task, result, _, _ = studied
    classes = len(task.classes)
    verdict = decide(result)
    for remedy in tuned(result):
        has, given_tags = sets_of(result, remedy.tuned, classes)
        copies = has.max(axis=1)
        assert ((given_tags == 0) | (given_tags == copies[:, None])).all(), "a text is answered once, for all its items"
        expected = f1_score(has > 0, given_tags > 0, average=None, sample_weight=copies, zero_division=0)
        assert verdict[remedy.spec]["macro_f1"] == pytest.approx(expected.mean(), abs=1e-6)
        micro = f1_score(has > 0, given_tags > 0, average="micro", sample_weight=copies)
        assert remedy.tuned.sets["micro_f1"] == pytest.approx(micro)
        assert set(remedy.tuned.sets) == set(SET_METRICS)
        assert 0.3 < remedy.tuned.sets["map"] < 1
        assert not np.isfinite(remedy.tuned.sets["tail_map"]) or 0 < remedy.tuned.sets["tail_map"] < 1
    assert verdict.rows == len(task.target)


def test_a_cut_by_rank_gives_equally_many_and_thresholds_give_more_than_even_odds(studied):
    task, result, _, _ = studied
    classes = len(task.classes)
    _, ranked = sets_of(result, result["rank_cut"].tuned, classes)
    assert set((ranked > 0).sum(axis=1).tolist()) <= {1, 2, 3, 4}
    _, plain = sets_of(result, result["none"].default, classes)
    _, cut = sets_of(result, result["label_thresholds"].default, classes)
    assert (cut > 0).sum() > (plain > 0).sum()


def test_alarms_are_rows_where_nothing_is_true(studied):
    task, result, _, _ = studied
    n = len(task.target)
    np.testing.assert_array_equal(result.y[:n], task.target)
    assert (result.y[n:] == NOTHING).all()
    for remedy in tuned(result):
        predicted = remedy.tuned.predicted
        found = predicted[:n] >= 0
        np.testing.assert_array_equal(predicted[:n][found], task.target[found], err_msg="a pair is found, or nothing")
    for codes in guesses(result, 0).values():
        assert (codes[result.y[result.fold >= 0] < 0] == NOTHING).all()
        assert (codes[result.y[result.fold >= 0] >= 0] >= 0).all()


def test_lines_are_shared_and_repeated_for_each_copy():
    one = Alarms(np.array([0, 0, 3]), np.array([5, 6, 7]), np.float32([0.9, 0.8, 0.7]))
    two = Alarms(np.array([2, 3, 3]), np.array([1, 2, 3]), np.float32([0.6, 0.5, 0.4]))
    row, laid = lay_out({"a": one, "b": two}, np.array([1.0, 1.0, 1.0, 2.0]))
    assert row.tolist() == [0, 0, 2, 3, 3, 3, 3]
    assert laid["a"].label.tolist() == [5, 6, -1, 7, 7, -1, -1]
    assert laid["b"].label.tolist() == [-1, -1, 1, 2, 2, 3, 3]
    assert laid["a"].probability.tolist() == pytest.approx([0.9, 0.8, 0, 0.7, 0.7, 0, 0])
    assert len(lay_out({"a": Alarms.none()}, np.ones(3))[0]) == 0


def test_metrics_of_sets_are_kept_and_shown(studied, tmp_path):
    _, result, _, _ = studied
    verdict = decide(result)
    lines = metrics_table(result).filter(remedy="none", mode="tuned", fold="all")
    values = dict(zip(lines["metric"], lines["value"], strict=True))
    assert values["map"] == pytest.approx(result["none"].tuned.sets["map"])
    assert set(lines["rows"]) == {verdict.rows}
    save_findings(result, verdict, tmp_path)
    kept = json.loads((tmp_path / "metrics.json").read_text())
    assert kept["none"]["tuned"]["all"]["lrap"] == pytest.approx(values["lrap"])
    console = Console(width=120, record=True)
    console.print(StudyReport(result, verdict))
    shown = console.export_text()
    html = study_report(result, verdict)
    for text in (shown, html):
        assert "mAP" in text
        assert "given where its own score says so" in text
        assert "asked for as many as it has" not in text


def test_the_softmax_has_the_metrics_of_sets_as_well(world, tmp_path):
    task, vectors, names = world
    asked = {"remedies": ["none", "positive_weight"], "folds": 3, "budget": 2, "names": names}
    result = Study(task, vectors, tmp_path / "study", workers=1, **asked).run()
    outcome = result["none"].tuned
    assert outcome.sets["known_size_f1"] == pytest.approx(decide(result)["none"]["macro_f1"])
    assert len(result.y) == len(task.target)
    assert result["positive_weight"].not_applicable == "it is for examples with sets of labels"


def test_the_evidence_counts_what_is_given_and_what_is_true(studied):
    task, result, _, _ = studied
    verdict = decide(result)
    n = len(task.target)
    kept = result.fold[:n] >= 0
    for found in verdict.calibration:
        outcome = result[found.spec].tuned
        cost = -np.log(np.clip(outcome.p_true[:n][kept].astype(float), 1e-12, 1))
        assert found.nll == pytest.approx(cost.mean(), rel=1e-5), "rows where nothing is true have no likelihood"
        given_tags = (result.fold >= 0) & (outcome.predicted >= 0)
        right = (outcome.predicted == result.y)[given_tags]
        assert found.accuracy == pytest.approx(right.mean())
    folds = {test.spec: test for test in verdict.resampled}
    assert all(test.folds == 3 for test in folds.values())


def test_seeds_are_run_again_and_a_learning_curve_is_refused(world, tmp_path):
    task, vectors, names = world
    asked = {"remedies": ["none", "positive_weight"], "folds": 3, "budget": 2, "names": names, "workers": 1}
    study = Study(task, vectors, tmp_path, learner="binary_heads", **asked)
    result = study.run()
    again = further(study, result, decide(result), seeds=2)
    assert again.seeds.seeds == (0, 1)
    assert all(np.isfinite(gain.value) for gain in again.seeds.gains)
    with pytest.raises(SettingError, match="no learning curve of binary_heads"):
        further(study, result, decide(result), curve=True)


def test_a_learner_for_sets_is_refused_where_there_are_none(world, tmp_path):
    task = LabelTask.of(["a", "b"] * 6, [f"text {n}" for n in range(12)])
    with pytest.raises(SettingError, match="this task has one label each"):
        Study(task, np.eye(12, dtype=np.float32), tmp_path, learner="binary_heads")
    kind = learner_kind("binary_heads")
    other = LearnerKind("other_sets", "others", "Of another package.", kind.stages, kind.fit, sets=True)
    with pytest.raises(SettingError, match="this project's own learner"):
        Study(*world[:2], tmp_path, learner=other)


def test_baselines_of_words_are_heads_of_sets_too_and_others_are_not_applicable(world, tmp_path):
    task, vectors, names = world
    texts = [
        f"{word} {' '.join(task.classes[code] for code in task.target[task.same == same])}"
        for word, same in zip(task.texts, task.same, strict=True)
    ]
    asked = {"remedies": ["none"], "folds": 3, "budget": 2, "names": names, "workers": 1, "learner": "binary_heads"}
    made = Study(task, vectors, tmp_path, words=word_matrix(texts), baselines="all", **asked).run()
    fitted = {r.spec for r in made.remedies if r.reference and r.tuned is not None}
    assert fitted == {"words + balanced", "words_unweighted"}
    assert len([r for r in made.remedies if r.reference]) == len(baseline_kinds())
    for spec in fitted:
        for outcome in (made[spec].tuned, made[spec].default):
            has, given_tags = sets_of(made, outcome, len(task.classes))
            assert set(outcome.sets) == set(SET_METRICS)
            assert ((given_tags > 0).sum(axis=1) != (has > 0).sum(axis=1)).any(), "nobody is told how many there are"
    reasons = [r.not_applicable for r in made.remedies if r.reference and r.tuned is None]
    assert all("one label each" in why or "compete" in why or "not installed" in why for why in reasons)
    console = Console(width=120, record=True)
    console.print(StudyReport(made, decide(made)))
    assert "words_unweighted" in console.export_text()


def test_who_gains_is_asked_of_what_is_true_and_alarms_are_answers(studied, tmp_path):
    task, result, _, _ = studied
    n = len(task.target)
    half = np.where(np.arange(len(result.y)) < n // 2, "early", "late")
    traits = replace(result, traits=pl.DataFrame({"half": half.tolist()}))
    verdict = decide(traits, replicates=200)
    found = fairness(traits, verdict)
    kept = result.fold >= 0
    assert sum(value.examples for value in found.values) == verdict.rows
    early = next(value for value in found.values if value.value == "early")
    rows = kept & (half == "early")
    assert early.before.value == pytest.approx((result["none"].tuned.predicted == result.y)[rows].mean())
    assert sum(part.classes for part in found.parts) == verdict.classes
    answers = np.bincount(result["none"].tuned.predicted[kept & (result["none"].tuned.predicted >= 0)], minlength=9)
    truth = np.bincount(task.target[kept[:n]], minlength=9)
    assert found.exposure.before.value == pytest.approx((answers / np.maximum(truth, 1))[truth > 0].min())
    save(traits, tmp_path)
    assert load(tmp_path).traits["half"].to_list() == half.tolist()


def test_a_study_with_traits_keeps_those_of_a_text_for_its_alarms(world, tmp_path):
    task, vectors, names = world
    words = pl.DataFrame({"word": [f"w{same % 3}" for same in task.same]})
    asked = {"remedies": ["none"], "folds": 3, "budget": 1, "names": names, "workers": 1, "learner": "binary_heads"}
    made = Study(replace(task, traits=words), vectors, tmp_path, **asked).run()
    assert len(made.y) > len(task.target)
    assert made.traits["word"].to_list() == [f"w{same % 3}" for same in made.example]


def test_what_is_advised_can_be_used_with_the_learner(studied):
    _, result, _, _ = studied
    for name, asked in (("binary_heads", result), ("heads", replace(result, meta={**result.meta, "sizes": "known"}))):
        for sentence in advise(asked, decide(asked, replicates=200)).following:
            for spec in sentence.partition('--remedies "')[2].partition('"')[0].split(", "):
                if "Compare" in sentence and spec:
                    assert learner_kind(name).unsupported(parse(spec)) is None, sentence


def test_means_of_tags_are_of_the_texts_that_have_them(world, tmp_path):
    task, vectors, names = world
    asked = {"remedies": ["none", "class_mean", "text_smoothed"], "folds": 3, "budget": 2, "workers": 1}
    result = Study(task, vectors, tmp_path, names=names, learner="binary_heads", **asked).run()
    for spec in ("class_mean", "text_smoothed"):
        assert result[spec].tuned.sets["map"] > 0.3
