"""Buckets, calibration and the Pareto front of a verdict."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenshelf.report import study_report
from evenshelf.study.advising.following import corrected_away
from evenshelf.study.comparison import jsonable
from evenshelf.study.evidence import Tradeoff, calibrations, tradeoffs
from evenshelf.study.evidence_wording import calibration_sentence, evidence_sentences, front_sentence
from evenshelf.study.results import Outcome, StudyResult
from evenshelf.study.statistics import holm
from evenshelf.study.terminal import standing
from evenshelf.study.verdict import Verdict, decide
from evenshelf.study.wording import comparison_note, headline
from tests.report.reading import read, rows
from tests.study.factory import study, with_remedies


@pytest.fixture(scope="module")
def result() -> StudyResult:
    return study(rows=3000)


@pytest.fixture(scope="module")
def verdict(result: StudyResult) -> Verdict:
    return decide(result, replicates=300)


def test_buckets_hold_the_same_numbers_as_the_comparisons(verdict: Verdict) -> None:
    base = verdict[verdict.baseline]
    for gain in verdict.buckets:
        compared = verdict[gain.spec]
        value = compared[f"{gain.bucket}_f1"] - base[f"{gain.bucket}_f1"]
        assert gain.diff == pytest.approx(value, abs=1e-6)
        assert gain.low <= gain.diff <= gain.high
        if gain.bucket == "tail":
            assert (gain.low, gain.high) == (compared.tail_low, compared.tail_high)
        assert compared.reference or gain.p_holm >= gain.p
    assert {g.bucket for g in verdict.buckets} == {"head", "torso", "tail"}
    assert {g.spec for g in verdict.buckets} == {c.spec for c in verdict.comparisons} - {verdict.baseline}


def test_a_verdict_with_all_its_evidence_survives_json(verdict: Verdict) -> None:
    again = Verdict.from_dict(verdict.to_dict())
    assert again.to_dict() == verdict.to_dict()
    assert again.tradeoffs[0] == verdict.tradeoffs[0]


def test_the_front_is_what_nothing_else_beats_in_everything(verdict: Verdict) -> None:
    points = {t.spec: t for t in verdict.tradeoffs}
    assert set(points) == {c.spec for c in verdict.comparisons if not c.reference}

    def values(spec: str) -> np.ndarray:
        p = points[spec]
        return np.nan_to_num(np.array([-p.tail_gain, p.head_loss, p.nll, p.seconds]))

    for spec, point in points.items():
        ahead = [s for s in points if (values(s) <= values(spec)).all() and (values(s) < values(spec)).any()]
        assert bool(ahead) == bool(point.dominated_by)
        if ahead:
            assert point.dominated_by in ahead
            assert not points[point.dominated_by].dominated_by
    assert tradeoffs(verdict.comparisons[::-1], verdict.baseline, verdict.measures) == list(verdict.tradeoffs)


def test_a_remedy_that_is_too_sure_is_seen(result: StudyResult) -> None:
    base = result.baseline
    assert base.tuned is not None
    right = base.tuned.predicted == result.y
    share = float(right[result.fold >= 0].mean())
    honest = replace(
        base.tuned,
        p_predicted=np.full(len(right), share, np.float32),
        p_true=np.where(right, share, (1 - share) / 10).astype(np.float32),
    )
    sure = replace(
        honest,
        p_predicted=np.full(len(right), 0.999, np.float32),
        p_true=np.where(right, 0.999, 1e-4).astype(np.float32),
    )
    made = with_remedies(
        result, replace(base, tuned=honest, default=None), replace(base, spec="sure", tuned=sure, default=None)
    )
    found = {c.spec: c for c in decide(made, replicates=200).calibration}
    assert abs(found["none"].overconfidence) < 1e-3
    assert found["sure"].overconfidence == pytest.approx(0.999 - share, abs=1e-3)
    assert found["sure"].worse
    assert math.isnan(found["none"].nll_diff)
    # identical probabilities: no difference, and nothing said of it
    twin = with_remedies(result, base, replace(base, spec="twin"))
    same = next(c for c in decide(twin, replicates=200).calibration if c.spec == "twin")
    assert (same.nll_diff, same.low, same.high) == (0.0, 0.0, 0.0)
    assert not same.worse


@given(st.integers(0, 1000))
@settings(max_examples=10, deadline=None)
def test_copies_of_rows_do_not_make_the_likelihood_surer(seed: int) -> None:
    """Each row five times in one group: the interval stays what it was."""
    rng = np.random.default_rng(seed)
    few = study(rows=400, classes=8, seed=seed)
    base = few.baseline.tuned
    assert base is not None
    other = replace(base, p_true=np.clip(base.p_true * rng.uniform(0.5, 1.5, len(few.y)), 1e-3, 1).astype(np.float32))
    rows = np.ones(len(few.y), bool)
    asked = {"buckets": few.classes["bucket"].to_numpy(), "base": "none", "rivals": ["other"], "alpha": 0.05}
    group = np.arange(len(few.y))
    once = calibrations(few.y, group, {"none": base, "other": other}, rows, **asked)[1]

    def five(outcome):  # type: ignore[no-untyped-def]
        return replace(
            outcome, **{k: np.repeat(getattr(outcome, k), 5) for k in ("predicted", "p_true", "p_predicted")}
        )

    repeated = {"none": five(base), "other": five(other)}
    many = calibrations(np.repeat(few.y, 5), np.repeat(group, 5), repeated, np.repeat(rows, 5), **asked)[1]
    assert (many.nll_diff, many.low, many.high) == pytest.approx((once.nll_diff, once.low, once.high))
    assert (many.p, many.worse) == (pytest.approx(once.p), once.worse)


@given(st.integers(0, 1000), st.integers(2, 12))
@settings(max_examples=15, deadline=None)
def test_a_worse_likelihood_is_shown_among_all_remedies_that_were_tried(seed: int, remedies: int) -> None:
    """P-values are those of the intervals; corrected they shrink with no rival, and yardsticks are no rivals."""
    rng = np.random.default_rng(seed)
    few = study(rows=300, classes=6, seed=seed)
    base = few.baseline.tuned
    assert base is not None

    def shaken() -> Outcome:
        factor = rng.uniform(0.6, 1.35, len(few.y))
        return replace(base, p_true=np.clip(base.p_true * factor, 1e-3, 1).astype(np.float32))

    names = [f"r{n}" for n in range(remedies)]
    found = calibrations(
        few.y,
        few.group,
        {"none": base, **{name: shaken() for name in names}, "words": shaken()},
        np.ones(len(few.y), bool),
        buckets=few.classes["bucket"].to_numpy(),
        base="none",
        rivals=names,
        alpha=0.05,
    )
    by = {c.spec: c for c in found}
    corrected = holm([by[name].p for name in names])
    for name, p_holm in zip(names, corrected, strict=True):
        c = by[name]
        assert (c.p < 0.05) == (not c.low <= 0 <= c.high)
        assert c.p_holm == pytest.approx(p_holm)
        assert c.worse == (c.p_holm < 0.05 and c.nll_diff > 0)
    assert math.isnan(by["words"].p_holm)
    assert not by["words"].worse
    assert math.isnan(by["none"].p)


def test_what_predicts_nothing_has_no_confidence_to_print(result: StudyResult) -> None:
    base = result.baseline
    assert base.tuned is not None
    silent = replace(base.tuned, predicted=np.full(len(result.y), -1, np.int32))
    sure = replace(base.tuned, p_predicted=np.full(len(result.y), 0.999, np.float32))
    made = with_remedies(
        result,
        replace(base, tuned=silent, default=None),
        replace(base, spec="sure", tuned=sure, default=None),
        replace(base, spec="silent", tuned=silent, default=None),
    )
    verdict = decide(made, replicates=200)
    told = calibration_sentence(verdict)
    assert "the surest of itself, sure, says" in told
    assert "doing nothing: none predicted" in told
    shown = [line for line in rows(read(study_report(made, verdict)).by_id("calibration-table")) if "silent" in line[0]]
    assert shown[0][1:5] == ["–"] * 4
    for text in (told, study_report(made, verdict), *verdict.reasons):
        assert "nan" not in text.lower().replace("finan", "")
    mute = with_remedies(result, made.remedies[0], made.remedies[2])
    assert "no confidence to look at" in study_report(mute, decide(mute, replicates=200))


@given(
    st.dictionaries(
        st.text(max_size=3),
        st.recursive(
            st.one_of(st.floats(), st.integers(), st.text(max_size=3), st.none(), st.booleans()),
            lambda inner: st.one_of(
                st.lists(inner, max_size=3),
                st.lists(inner, max_size=3).map(tuple),
                st.dictionaries(st.text(max_size=3), inner, max_size=3),
            ),
            max_leaves=8,
        ),
        max_size=4,
    )
)
def test_what_is_made_ready_for_json_is_so_at_any_depth(entry: dict[str, Any]) -> None:
    made = jsonable(entry)
    assert json.loads(json.dumps(made, allow_nan=False)) == made
    assert jsonable(made) == made


@given(st.integers(1, 6), st.integers(1, 6))
def test_the_front_is_told_in_good_grammar(verdict: Verdict, beaten: int, front: int) -> None:
    points = [Tradeoff(f"b{n}", 0.0, 0.1, 1.0, 1.0, "f0") for n in range(beaten)]
    points += [Tradeoff(f"f{n}", 0.1, 0.0, 1.0, 1.0) for n in range(front)]
    said = front_sentence(replace(verdict, tradeoffs=tuple(points)))
    assert f"{beaten} of {beaten + front} {'is' if beaten == 1 else 'are'} beaten" in said
    assert ("the other is the choice" if front == 1 else f"the other {front} are the choice") in said


def test_a_gain_within_the_zone_is_not_recommended() -> None:
    made = study(rows=4000)
    wide = decide(made, replicates=300, zone=0.0)
    assert wide.recommended is not None
    won = wide[wide.recommended]
    assert not won.equivalent
    generous = decide(made, replicates=300, zone=1.0)
    assert generous.recommended is None
    assert all(c.equivalent for c in generous.comparisons if c.spec != generous.baseline)


def test_nothing_is_called_the_same_on_a_handful_of_groups() -> None:
    """Identical answers differ by nothing; in 12 groups that says little of a thirteenth."""
    made = study(rows=4000)
    base = made.baseline.tuned
    same = replace(made, remedies=tuple(replace(r, tuned=base) if r.spec == "balanced" else r for r in made.remedies))
    groups = len(np.unique(same.group[same.fold >= 0]))
    for zone in (2.9 / groups, 3.1 / groups):
        assert decide(same, replicates=200, zone=zone)["balanced"].equivalent == (zone * groups >= 3)
    tail = (same.classes["bucket"].to_numpy()[same.y] == "tail") & (same.fold >= 0)
    rare = len(np.unique(same.group[tail]))
    for zone in (2.9 / rare, 3.1 / rare):
        found = decide(same, replicates=200, zone=zone, metric="tail_f1")
        assert found["balanced"].equivalent == (zone * rare >= 3)


def test_a_slight_gain_is_not_recommended_however_few_the_groups() -> None:
    """Some rows of the largest class are put right: certainly better, certainly by little."""
    made = study(rows=4000)
    base = made.baseline.tuned
    assert base is not None
    mended = np.where((made.y == 0) & np.isin(base.predicted, (1, 2)), 0, base.predicted).astype(np.int32)
    better = replace(made["balanced"], tuned=replace(base, predicted=mended), default=None)
    two = with_remedies(made, replace(made.baseline, default=None), better)
    groups = len(np.unique(two.group[two.fold >= 0]))
    for zone in (2.9 / groups, 3.1 / groups):
        found = decide(two, replicates=200, zone=zone)
        assert found["balanced"].significant
        assert found.recommended is None
        assert comparison_note(found["balanced"], 0.01) == "better than nothing, but too little to matter"
        assert standing(found, found["balanced"]) == ("equivalent" if zone * groups >= 3 else "same")
    assert decide(two, replicates=200, zone=0.0).recommended == "balanced"


def test_a_head_that_was_not_evaluated_decides_nothing_of_the_front(verdict: Verdict) -> None:
    blind = [replace(verdict[s], head_loss=math.nan) for s in ("none", "balanced", "focal")]
    base = replace(blind[0], values={"tail_f1": 0.5, "nll": 2.0}, seconds=9.0)
    ahead = replace(blind[1], values={"tail_f1": 0.6, "nll": 1.0}, seconds=5.0)
    behind = replace(blind[2], values={"tail_f1": 0.5, "nll": 3.0}, seconds=9.0)
    points = {t.spec: t for t in tradeoffs([base, ahead, behind], base.spec, verdict.measures)}
    assert [points[c.spec].dominated_by for c in (base, ahead, behind)] == ["balanced", "", "balanced"]


def test_what_has_no_likelihood_is_not_the_best_of_all_in_it(verdict: Verdict) -> None:
    held = verdict["balanced"]
    best = replace(held, values={**held.values, "nll": math.nan}, seconds=verdict["none"].seconds)
    worse = replace(best, spec="known", values={**held.values, "nll": 5.0})
    points = {t.spec: t for t in tradeoffs([verdict["none"], best, worse], verdict.baseline, verdict.measures)}
    assert points["balanced"].dominated_by == "known"
    assert points["known"].dominated_by != "balanced"


def test_a_gain_that_the_correction_hides_is_told_once_and_only_where_it_would_pass(verdict: Verdict) -> None:
    made = replace(verdict["balanced"], diff=0.02, p=0.02, p_holm=0.1, significant=False, slight=False)
    held = replace(verdict, recommended=None, comparisons=(verdict["none"], replace(made, guardrail_ok=True)))
    assert "balanced" in corrected_away(held)
    assert "chosen beforehand" in corrected_away(held)
    assert not any("chosen beforehand" in sentence for sentence in evidence_sentences(held))
    for refused in (replace(made, guardrail_ok=False), replace(made, guardrail_ok=True, slight=True)):
        assert corrected_away(replace(held, comparisons=(verdict["none"], refused))) == ""


def test_the_head_is_not_blamed_for_what_is_too_small_to_matter(verdict: Verdict) -> None:
    made = replace(verdict["balanced"], significant=True, guardrail_ok=False, head_loss=0.2, slight=False)
    held = replace(verdict, recommended=None, comparisons=(verdict["none"], made))
    assert "losing too much of the head" in headline(held)
    slight = replace(held, comparisons=(verdict["none"], replace(made, slight=True)))
    assert headline(slight) == "No remedy beats doing nothing here."


def test_what_is_calibrated_already_is_not_told_to_be(verdict: Verdict) -> None:
    assert verdict.recommended is not None
    won = verdict[verdict.recommended]
    shown = {"low": 0.1, "high": 0.3, "nll_diff": 0.2, "p": 0.001, "p_holm": 0.01, "worse": True}
    worse = [replace(c, **shown) for c in verdict.calibration]

    def said(stages: tuple[str, ...]) -> str:
        others = [c for c in verdict.comparisons if c.spec != won.spec]
        told = evidence_sentences(
            replace(verdict, calibration=tuple(worse), comparisons=(replace(won, stages=stages), *others))
        )
        return next(s for s in told if s.startswith("Its probabilities are worse"))

    assert "add temperature" in said(("adjust",))
    assert "add temperature" not in said(("adjust", "calibrate"))
