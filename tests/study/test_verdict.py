from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenshelf.errors import InputError, SettingError
from evenshelf.study.results import StudyResult
from evenshelf.study.verdict import Verdict, decide
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
    assert won.diff == pytest.approx(won.macro_f1 - verdict["none"].macro_f1, abs=1e-6)
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
    assert greedy.macro_f1 > found["modest"].macro_f1
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
    assert found.headline == "No remedy beats doing nothing here."
    assert any("no class of the head could be evaluated" in r for r in found.reasons)


@given(st.permutations(range(1, len(PLANS) + 1)))
@settings(max_examples=5, deadline=None)
def test_order_of_remedies_does_not_matter(order: list[int]) -> None:
    result = study(rows=1500, classes=30)
    shuffled = with_remedies(result, result.baseline, *(result.remedies[i] for i in order))
    assert decide(shuffled, replicates=200).to_dict() == decide(result, replicates=200).to_dict()


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
