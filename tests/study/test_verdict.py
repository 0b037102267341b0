from __future__ import annotations

import io
import json
import math
import re
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from evenshelf.errors import InputError, SettingError
from evenshelf.report import study_report
from evenshelf.study.results import StudyResult
from evenshelf.study.terminal import StudyReport, study_notes
from evenshelf.study.verdict import Verdict, decide
from evenshelf.tasks.nouns import ITEMS, TEXTS, VECTORS
from tests.study.factory import PLANS, Plan, study, with_remedies

NOTHING = Plan("none", 0.95, 0.70, 0.93, 0.25)


@pytest.fixture(scope="module")
def result() -> StudyResult:
    return study()


@pytest.fixture(scope="module")
def verdict(result: StudyResult) -> Verdict:
    return decide(result)


def test_a_planted_gain_on_the_tail_is_found(verdict: Verdict) -> None:
    assert verdict.recommended is not None
    assert verdict.recommended.startswith("name_prior")
    won = verdict[verdict.recommended]
    assert won.recommended
    assert won.tail_low > 0
    assert won.p_holm < 0.05
    assert won.diff == pytest.approx(won["macro_f1"] - verdict["none"]["macro_f1"], abs=1e-6)
    assert won.spec in verdict.headline


def test_identical_predictions_mean_no_remedy(result: StudyResult) -> None:
    base = result.baseline
    copies = [replace(base, spec=f"copy_{i}") for i in range(5)]
    found = decide(with_remedies(result, base, *copies), replicates=200)
    assert found.recommended is None
    assert found.headline == "No remedy beats doing nothing here."
    assert {c.p_holm for c in found.comparisons if c.spec != "none"} == {1.0}
    assert 2 <= len(found.reasons) <= 5


@pytest.mark.parametrize("seed", range(3))
def test_luck_alone_is_not_a_gain(seed: int) -> None:
    plans = (NOTHING, *(replace(NOTHING, spec=f"luck_{i}") for i in range(6)))
    assert decide(study(plans=plans, seed=seed), replicates=300).recommended is None


def test_winning_by_destroying_the_head_is_refused() -> None:
    plans = (NOTHING, Plan("greedy", 0.86, 0.97, 0.9, 0.9), Plan("modest", 0.95, 0.80, 0.9, 0.7))
    found = decide(study(plans=plans, rows=8000))
    greedy = found["greedy"]
    assert greedy["macro_f1"] > found["modest"]["macro_f1"]
    assert greedy.significant
    assert not greedy.guardrail_ok
    assert found.recommended == "modest"
    assert any("greedy" in r and "refused" in r for r in found.reasons)
    alone = decide(study(plans=plans[:2], rows=8000))
    assert alone.recommended is None
    assert any("beyond the guardrail" in r for r in alone.reasons)
    assert decide(study(plans=plans[:2], rows=8000), guardrail=0.5).recommended == "greedy"


def test_a_loss_of_the_head_that_is_not_certain_is_refused_and_said_to_be_uncertain() -> None:
    plans = (NOTHING, Plan("greedy", 0.905, 0.97, 0.93, 0.9))
    few, many = (decide(study(plans=plans, rows=rows)) for rows in (1200, 12_000))
    unsure, sure = few["greedy"], many["greedy"]
    assert unsure.significant
    assert sure.significant
    assert unsure.head_loss_low < few.guardrail < unsure.head_loss < unsure.head_loss_high
    assert many.guardrail < sure.head_loss_low
    assert few.recommended is many.recommended is None
    assert any("more data may decide otherwise" in r for r in few.reasons)
    assert not any("more data may decide otherwise" in r for r in many.reasons)


def test_without_a_head_the_verdict_says_that_the_guardrail_saw_nothing() -> None:
    made = study(plans=(NOTHING, Plan("greedy", 0.95, 0.97, 0.95, 0.9)), rows=2000)
    headless = made.classes.with_columns(
        bucket=pl.when(pl.col("bucket") == "head").then(pl.lit("torso")).otherwise("bucket")
    )
    found = decide(replace(made, classes=headless))
    assert found["greedy"].significant
    assert np.isnan(found["greedy"].head_loss)
    assert found.recommended is None
    assert found.headline.startswith("No remedy can be recommended here: what it takes from the head")
    assert any("no class of the head could be evaluated" in r for r in found.reasons)
    report = StudyReport(replace(made, classes=headless), found)
    console = Console(width=120, record=True, file=io.StringIO())
    console.print(report)
    shown = console.export_text()
    assert "? greedy" in shown
    assert "--guardrail" not in shown, "no guardrail helps where the head is not seen"
    page = study_report(replace(made, classes=headless), found)
    assert "nobody knows" in page
    assert "No remedy passes" not in page


WORDS = Plan("words + balanced", 0.95, 0.71, 0.93, 0.3)


@pytest.mark.parametrize(("number", "gain"), [(0, 0.0), (1, 0.0), (2, 0.0), (3, 0.0), (1, 0.25), (2, 0.25), (3, 0.2)])
def test_headline_and_reasons_agree_for_any_number_of_remedies(number: int, gain: float) -> None:
    plans = [replace(NOTHING, spec=f"r{i}", tail=NOTHING.tail + gain * (1 + i)) for i in range(number)]
    made = study(plans=(NOTHING, WORDS, *plans), rows=2500)
    made = replace(made, remedies=tuple(replace(r, reference=r.spec == WORDS.spec) for r in made.remedies))
    found = decide(made)
    said = " ".join(found.reasons)
    shown = "\n".join(note.plain for note in study_notes(made, found))
    if number == 0:
        assert found.headline == "No remedy was compared with doing nothing, so none can be recommended."
        assert found.reasons[0].startswith("No remedy besides doing nothing")
        assert "The best of" not in said
        page = study_report(made, found)
        assert "No remedy passes" not in page
        assert "No remedy was compared, so this tells nothing of remedies." in page
        assert "Doing nothing alone, " in shown
    elif gain:
        assert found.recommended == f"r{number - 1}"
        assert found.headline.startswith(f"Use r{number - 1}: ")
    else:
        assert found.headline == "No remedy beats doing nothing here."
        who = {1: "The only remedy compared, r0, ", 2: "The best of 2 tuned remedies, "}
        assert found.reasons[0].startswith(who.get(number, "The best of 3 tuned remedies, "))
    assert ("Holm" in said) == (number > 1), "one comparison needs no correction"
    if number:
        assert f"Doing nothing and {number} {'remedy' if number == 1 else 'remedies'}, " in shown


def test_one_remedy_is_refused_or_guesses_in_so_many_words() -> None:
    greedy = decide(study(plans=(NOTHING, Plan("greedy", 0.86, 0.97, 0.9, 0.9)), rows=8000))
    assert greedy.headline == "No remedy beats doing nothing here without losing too much of the head."
    assert greedy.reasons[0].startswith("The only remedy compared, greedy, changes macro-F1 by +")
    made = study(plans=(Plan("none", 0.0, 0.0, 0.0, 0.0),), rows=2000)
    blind = decide(made)
    assert not blind.informative
    assert blind.headline.startswith("No remedy was compared")
    assert any("mere codes" in reason for reason in blind.reasons)
    assert "n/a" not in " ".join(blind.reasons)


def test_words_are_those_of_the_task() -> None:
    made = study(plans=(Plan("none", 0.0, 0.0, 0.0, 0.0), Plan("r", 0.0, 0.0, 0.0, 0.0)), rows=2000)
    users = replace(
        ITEMS, thing="user", things="users", text="history", texts="histories", label="tag", labels="tags",
        examples="pairs of user and tag", advice="Take a longer log",
    )  # fmt: skip
    for nouns, scope in (
        (TEXTS, "examples of 60 classes in {} text groups"),
        (ITEMS, "items of 60 classes in {} title groups"),
        (users, "pairs of user and tag of 60 tags in {} history groups"),
        (replace(ITEMS, grouped=True), "items of 60 classes in {} groups"),
    ):
        meta = {
            **made.meta, "nouns": nouns.to_dict(), "only_trained_on": 1, "not_evaluated": {"x": "y"},
            "dropped": {"no reason": 1}, "leak": {"macro_f1_grouped": 0.1, "macro_f1_random": 0.2, "flattery": 0.1},
        }  # fmt: skip
        told = replace(made, meta=meta)
        found = decide(told)
        said = " ".join([*found.reasons, *(note.plain for note in study_notes(told, found))])
        assert scope.format(f"{found.groups:,}") in said
        assert (
            f"The {nouns.texts}, as these vectors hold them, are not shown to tell anything of the {nouns.label}"
            in said
        )
        assert f"{nouns.advice}, or compare other encoders" in said
        assert f"1 {nouns.thing} was left out: no reason." in said
        assert f"its {nouns.unit} is also that of a {nouns.label} with no other {nouns.unit}" in said
        assert f"Folds that ignore {nouns.repeats} would" in said
        if nouns is users:
            page = study_report(told, found)
            assert "1 user (no reason)" in page
            for text in (said, page):
                other = text.replace("titles that", "")  # histories are made of titles
                assert not re.findall(r"(?<!-)\b(?:items|title groups|products|[Ss]hops repeat)\b", other)
    vectors = decide(replace(made, meta={**made.meta, "nouns": VECTORS.to_dict()}))
    assert vectors.reasons[0] == (
        "The vectors are not shown to tell anything of the class, so there is nothing that a remedy could bring out."
    )


@given(st.permutations(range(1, len(PLANS) + 1)))
@settings(max_examples=5, deadline=None)
def test_order_of_remedies_does_not_matter(order: list[int]) -> None:
    result = study(rows=1500, classes=30)
    shuffled = with_remedies(result, result.baseline, *(result.remedies[i] for i in order))
    assert decide(shuffled, replicates=200).to_dict() == decide(result, replicates=200).to_dict()


def test_worse_is_held_to_the_same_test_as_better(result: StudyResult) -> None:
    for alpha in (0.05, 0.9):
        for c in decide(result, alpha=alpha).comparisons:
            tested = math.isfinite(c.p_holm) and c.p_holm < alpha
            assert c.worse == (tested and c.diff < 0)
            assert c.significant == (tested and c.diff > 0)


def test_ties_are_named_and_the_simplest_is_mentioned(verdict: Verdict) -> None:
    specs = {"name_prior", "name_prior + logit_adjust(tau=0.5)"}
    assert {verdict.recommended, *(t.spec for t in verdict.ties)} == specs
    assert verdict.simplest == "name_prior"
    assert any("cannot be told apart" in r for r in verdict.reasons)


def test_naive_gain_that_is_regularisation(verdict: Verdict) -> None:
    weights = verdict["balanced"]
    assert weights.naive_gain > 0.2
    assert weights.diff < 0.08
    assert weights.vanished == pytest.approx(1 - weights.diff / weights.naive_gain)
    assert np.isnan(verdict["none"].naive_gain)


def test_rows_that_were_never_evaluated_do_not_count(result: StudyResult) -> None:
    hidden = result.fold < 0
    assert hidden.any()
    spoiled = [
        replace(
            r, tuned=r.tuned and replace(r.tuned, predicted=np.where(hidden, 0, r.tuned.predicted).astype(np.int32))
        )
        for r in result.remedies
    ]
    found = decide(with_remedies(result, *spoiled), replicates=250)
    assert found.to_dict() == decide(result, replicates=250).to_dict()
    assert found.rows == int((~hidden).sum())


def test_json_round_trip(verdict: Verdict) -> None:
    text = json.dumps(verdict.to_dict(), allow_nan=False, ensure_ascii=False)
    back = Verdict.from_dict(json.loads(text))
    assert back.to_dict() == verdict.to_dict()
    assert back.table().equals(verdict.table())
    with pytest.raises(InputError, match="not a verdict"):
        Verdict.from_dict({**verdict.to_dict(), "surprise": 1})


def test_table_holds_every_tuned_remedy(result: StudyResult, verdict: Verdict) -> None:
    table = verdict.table()
    assert sorted(table["spec"]) == sorted(r.spec for r in result.remedies if r.tuned)
    assert table["macro_f1"].is_sorted(descending=True)
    assert table.filter(table["spec"] == "none")["p"].item() is None
    assert table["recommended"].sum() == 1


def test_other_metrics_and_bad_settings(result: StudyResult) -> None:
    assert decide(result, metric="tail_f1").metric == "tail_f1"
    with pytest.raises(SettingError, match=r"metric 'f2'.*guardrail.*alpha"):
        decide(result, metric="f2", guardrail=2, alpha=0)
    with pytest.raises(SettingError, match="at least 180 are needed"):
        decide(result, replicates=100)
    with pytest.raises(InputError, match="no tuned outcome"):
        decide(with_remedies(result, replace(result.baseline, tuned=None)))


def test_many_remedies_get_as_many_draws_as_their_correction_needs(result: StudyResult) -> None:
    copies = [replace(result.remedies[2], spec=f"copy_{i}") for i in range(60)]
    found = decide(with_remedies(result, result.baseline, *copies))
    assert found.replicates == 2400
    assert found.recommended is not None


def test_untuned_baseline_leaves_naive_gains_out(result: StudyResult) -> None:
    found = decide(with_remedies(result, replace(result.baseline, default=None), *result.remedies[1:]), replicates=250)
    assert np.isnan(found["balanced"].naive_gain)
    assert not any("usual defaults" in r for r in found.reasons)
