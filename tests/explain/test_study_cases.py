"""Cases that a study tells: of the models that it judged, or of none."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from evenshelf.cli import main
from evenshelf.errors import SettingError
from evenshelf.explain.cases import FILE, TABLE, Cases, kept_cases, save_cases
from evenshelf.explain.study_cases import NEAREST, SHOWN, study_cases
from evenshelf.report import study_report
from evenshelf.report.cases import WORDS
from evenshelf.study.again import fold_head
from evenshelf.study.prepare import Plan, pick_encoder, prepare
from evenshelf.study.verdict import decide
from evenshelf.tasks.label import LabelTask
from tests.bundles.shops import make_shop
from tests.catalogues import catalogue
from tests.report.reading import read, rows

REMEDIES = "balanced, temperature, knn, name_prior + logit_adjust(tau=0.5)"


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    texts, labels = [], []
    for seed in range(3):
        more, of = catalogue(seed=seed)
        texts, labels = [*texts, *more], [*labels, *of]
    task = LabelTask.of([*labels, *["蓝牙耳机"] * 4], [*texts, *(f"黑色 蓝牙耳机 X{n} ru1word" for n in range(4))])
    plan = Plan(REMEDIES, folds=3, budget=4, workers=1)
    study = prepare(task, pick_encoder(task.texts, "tfidf"), tmp_path_factory.mktemp("study"), plan)
    result = study.run()
    verdict = decide(result)
    # whichever is best by chance: what is tested holds for any
    return study, result, replace(verdict, best="name_prior + logit_adjust(tau=0.5)")


@pytest.fixture(scope="module")
def cases(ran):
    return study_cases(*ran)


def test_heads_that_are_fitted_again_are_those_of_the_study(ran):
    study, result, _ = ran
    for remedy in result.remedies:
        if remedy.reference or remedy.tuned is None:
            continue
        if "retrieve" in remedy.stages:
            with pytest.raises(SettingError, match="looks training examples up"):
                fold_head(study, remedy.tuned, remedy.spec, 0)
            continue
        for fold in range(study.folds):
            assert fold_head(study, remedy.tuned, remedy.spec, fold).apart < 1e-5


def test_cases_are_of_the_tail_and_counted(ran, cases):
    study, result, verdict = ran
    base, best = result.baseline.tuned, result[verdict.best].tuned
    tail = (result.fold >= 0) & (study.task.bucket[study.task.target] == "tail")
    won = tail & (best.predicted == result.y) & (base.predicted != result.y)
    lost = tail & (best.predicted != result.y) & (base.predicted == result.y)
    assert (cases.tail, cases.won, cases.lost) == (tail.sum(), won.sum(), lost.sum())
    assert won.any(), "or nothing is tested"
    assert not cases.left_out
    for kind, mask in ((True, won), (False, lost)):
        told = [case for case in cases.cases if case.won is kind]
        assert len(told) == min(SHOWN, len({study.task.texts[row] for row in np.flatnonzero(mask)}))
        assert all(mask[case.example] for case in told)
        labels = [case.label for case in told]
        different = len({study.task.classes[code] for code in result.y[mask]})
        assert len(set(labels)) == min(len(labels), different), "another class before a second of the same"


def test_margins_are_those_of_the_probabilities_that_the_study_kept(ran, cases):
    """Of the model that is wrong both probabilities were kept: the true label's, and its own answer's."""
    _, result, verdict = ran
    base, best = result.baseline.tuned, result[verdict.best].tuned
    assert cases.cases
    for case in cases.cases:
        outcome, margin = (base, case.margin_before) if case.won else (best, case.margin_after)
        row = case.example
        assert margin == pytest.approx(np.log(outcome.p_true[row] / outcome.p_predicted[row]), abs=1e-3)
        assert case.margin_before < 0 < case.margin_after or not case.won
        assert case.margin_after < 0 < case.margin_before or case.won
        assert (case.chance_before, case.chance_after) == (base.p_true[row], best.p_true[row])


def test_neighbours_are_training_texts_of_both_classes(ran, cases):
    study, result, _ = ran
    task = study.task
    for case in cases.cases:
        for label, nearest in ((case.label, case.nearest), (case.wrong, case.nearest_wrong)):
            seen = [
                n for n in range(len(result.y)) if task.classes[result.y[n]] == label and result.fold[n] != case.fold
            ]
            texts = {task.texts[n] for n in seen}
            assert len(nearest) == min(NEAREST, len(texts))
            assert {near.text for near in nearest} <= texts
            cosines = [near.cosine for near in nearest]
            assert cosines == sorted(cosines, reverse=True)
            vectors = study.vectors[[*seen, case.example]].astype(np.float64)
            vectors /= np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
            assert cosines[0] == pytest.approx((vectors[:-1] @ vectors[-1]).max())


def test_nothing_is_told_of_other_models(ran):
    study, result, verdict = ran
    spec = verdict.best
    kept = result[spec].tuned
    other = replace(result[spec], tuned=replace(kept, p_true=np.minimum(kept.p_true + 0.01, 1).astype(np.float32)))
    changed = replace(result, remedies=tuple(other if r.spec == spec else r for r in result.remedies))
    found = study_cases(study, changed, verdict)
    assert not found.cases
    assert "other probabilities" in found.left_out
    page = read(study_report(changed, verdict, cases=found)).by_id("cases")
    assert found.left_out in page.text
    assert not page.all("table")


def test_a_remedy_that_looks_up_is_not_explained(ran):
    study, result, verdict = ran
    found = study_cases(study, result, replace(verdict, best="knn"))
    assert (found.cases != ()) <= (found.left_out == "")
    if found.won or found.lost:
        assert "looks training examples up" in found.left_out


def test_what_is_kept_is_what_was_found(ran, cases, tmp_path):
    _, result, verdict = ran
    save_cases(cases, tmp_path)
    assert kept_cases(tmp_path, result, verdict) == cases
    assert Cases.from_dict(json.loads((tmp_path / FILE).read_text(encoding="utf-8"))) == cases
    table = pl.read_parquet(tmp_path / TABLE)
    assert table.height == sum(len(case.words) for case in cases.cases)
    first = cases.cases[0]
    own = table.filter(pl.col("example") == first.example)
    assert own["after"].to_list() == [word.after for word in first.words]
    assert kept_cases(tmp_path, result, replace(verdict, best="balanced")) is None, "it is of another remedy"
    save_cases(None, tmp_path)
    assert kept_cases(tmp_path, result, verdict) is None
    assert not list(tmp_path.iterdir())


def test_the_page_tells_what_was_found(ran, cases):
    _, result, verdict = ran
    section = read(study_report(result, verdict, cases=cases)).by_id("cases")
    assert f"turns {cases.won} from wrong to right" in section.text
    tables = section.all("table")
    assert len(tables) == 2 * len(cases.cases)
    for case, table in zip(cases.cases, tables[::2], strict=True):
        shown = [line for line in rows(table) if len(line) == 4]
        assert len(shown) == min(WORDS, len(case.words))
        assert {line[0] for line in shown} <= {word.text for word in case.words}
    assert read(study_report(result, verdict)).by_id("cases") is None


def test_the_command_keeps_cases_and_tells_them_again(tmp_path, capsys):
    shop = make_shop(tmp_path / "shop").path
    options = ["--remedies", "name_prior", "--folds", "3", "--budget", "1", "--encoder", "tfidf", "--workers", "1"]
    out = tmp_path / "study"
    for words in (["study", str(shop), *options, "--out", str(out)], ["report", str(out)]):
        with pytest.raises(SystemExit) as end:
            main([*words, "--json"])
        assert not end.value.code
        told = json.loads(capsys.readouterr().out)["cases"]
        assert told == json.loads((out / FILE).read_text(encoding="utf-8"))
        assert read((out / "report.html").read_text(encoding="utf-8")).by_id("cases") is not None
