"""A study of real titles: sound folds, fits that scikit-learn agrees with, a gain that the field's data shows."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from evenshelf.study import prepare
from evenshelf.study.fairness import fairness
from evenshelf.study.verdict import decide
from evenshelf.tasks.folds import ALWAYS_TRAINING
from evenshelf.tasks.label import LabelTask

pytestmark = pytest.mark.real

ROWS = 2500
REMEDIES = "balanced, name_prior"


@pytest.fixture(scope="module")
def study(fashion_shop, tmp_path_factory):
    task = prepare.shop_task(fashion_shop[0], "category", sample=ROWS, seed=0, by=["gender", "season"])
    plan = prepare.Plan(REMEDIES, folds=3, budget=4)
    made = prepare.prepare(task, prepare.Choice("minilm", "for the test"), tmp_path_factory.mktemp("study"), plan)
    return made, made.run()


def test_folds_of_a_whole_shop_keep_titles_together_and_name_what_they_cannot_test(fashion_shop):
    task = LabelTask.from_shop(fashion_shop[0])
    fold = task.split(5, 0)
    pairs = np.unique(np.stack([task.group, fold], axis=1), axis=0)
    assert len(pairs) == len(np.unique(task.group))
    tested = np.bincount(task.target[fold != ALWAYS_TRAINING], minlength=len(task.classes)) > 0
    assert {task.classes[c] for c in np.flatnonzero(~tested)} == set(task.not_evaluated(fold))
    assert 0 < (~tested).sum() < 20
    assert task.only_trained_on(fold) < 0.02 * len(fold)
    # every class that has enough groups is in every fold, in about the same number
    for c in np.flatnonzero(task.counts >= 200):
        counts = np.bincount(fold[(task.target == c) & (fold >= 0)], minlength=5)
        assert counts.min() > 0.6 * counts.max()


def test_names_of_classes_help_rare_ones(study):
    _, result = study
    verdict = decide(result)
    prior = verdict["name_prior"]
    assert verdict.best == "name_prior", verdict.table()
    assert prior.diff > 0.02, verdict.table()
    assert prior.tail_diff > prior.diff, verdict.table()


def test_genders_and_seasons_are_told_apart(fashion_shop, study):
    _, result = study
    items = fashion_shop[0].items()
    found = fairness(result, decide(result))
    evaluated = (result.fold >= 0).sum()
    for trait in ("gender", "season"):
        told = [v for v in found.values if v.trait == trait]
        assert {v.value for v in told if v.kind == "value"} <= set(items[trait].drop_nulls())
        assert sum(v.examples for v in told) + found.rest.get(trait, 0) == evaluated
    named = {v.value: v for v in found.values}
    assert {"Men", "Women", "Summer", "Fall", "Winter"} <= set(named)
    share = (items["gender"] == "Men").mean()
    assert named["Men"].examples / evaluated == pytest.approx(share, abs=0.05)
    # names of classes help the smallest of them, and with it the worst off
    assert found.parts[0].diff.value > 0
    assert found.of("name_prior").diff.value > 0


def test_folds_that_ignore_repeated_titles_are_measured_on_the_same_examples(study):
    _, result = study
    leak = result.meta["leak"]
    assert leak["flattery"] == pytest.approx(leak["macro_f1_random"] - leak["macro_f1_grouped"])
    assert abs(leak["flattery"]) < 0.1


@pytest.mark.parametrize("spec", ["none", "balanced"])
@pytest.mark.parametrize("tuned", [True, False], ids=["tuned", "default"])
def test_final_fits_are_those_of_scikit_learn(study, spec, tuned):
    made, result = study
    outcome = result[spec].tuned if tuned else result[spec].default
    vectors, y = made.vectors.astype(np.float64), made.task.target
    centred = vectors - vectors.mean(axis=0)
    train, test = result.fold != 0, result.fold == 0
    weight = "balanced" if spec == "balanced" else None
    if tuned:
        rows, penalty = centred / np.sqrt((centred**2).sum(axis=1).mean()), outcome.settings[0]["penalty"]
        power = -1.0 if outcome.settings[0]["remedy"] == "balanced" else -0.5
        if weight:
            by_class = np.bincount(y[train]).clip(1) ** power
            by_class *= train.sum() / by_class[y[train]].sum()
            weight = {int(c): by_class[c] for c in np.unique(y[train])}
        model = LogisticRegression(C=1 / (penalty * train.sum()), class_weight=weight, tol=1e-6, max_iter=3000)
    else:
        rows = vectors
        model = LogisticRegression(class_weight=weight, tol=1e-6, max_iter=3000)
    model.fit(rows[train], y[train])
    predicted = model.classes_[model.predict_proba(rows[test]).argmax(axis=1)]
    assert (predicted == outcome.predicted[test]).mean() > 0.985
    known = np.isin(y[test], model.classes_)
    p = model.predict_proba(rows[test][known])[np.arange(known.sum()), np.searchsorted(model.classes_, y[test][known])]
    assert np.abs(p - outcome.p_true[test][known]).mean() < 0.01
