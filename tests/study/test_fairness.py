"""Who gains and who loses: what is planted is found, nothing else is, and luck is not called a gain."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenshelf.shop.profiling.imbalance import Imbalance
from evenshelf.study.class_fairness import class_fairness, gini, lowest_tenth, size_parts
from evenshelf.study.fairness import FILE, fairness
from evenshelf.study.fairness_wording import fairness_sentences, pooling_sentence, short_sentences
from evenshelf.study.metrics import save_findings
from evenshelf.study.results import load, save
from evenshelf.study.statistics import centred, chosen_difference, estimate
from evenshelf.study.terminal import study_notes
from evenshelf.study.trait_fairness import ENOUGH, MOST, trait_fairness
from evenshelf.study.verdict import decide
from evenshelf.tasks.label_metrics import class_scores
from evenshelf.tasks.nouns import TEXTS
from tests.study.factory import PLANS, study, with_remedies

RIGHT = {"none": 0.5, "x": 0.98}
"""Share that is answered right by more than luck."""
SAME = (PLANS[0], replace(PLANS[0], spec="other", title="Other"))


def told_apart(result, seed=0):
    rng = np.random.default_rng(seed)
    n = len(result.y)
    price = rng.lognormal(3, 1, n)
    price[rng.random(n) < 0.1] = np.nan
    brand = rng.choice(["Acme", "跑步", "Bolt", "tiny"], n, p=[0.4, 0.35, 0.24, 0.01])
    traits = pl.DataFrame({"brand": brand.tolist(), "price": pl.Series(price).fill_nan(None)})
    return replace(result, traits=traits)


@pytest.fixture(scope="module")
def result():
    return told_apart(study(rows=2500, classes=40))


@pytest.fixture(scope="module")
def verdict(result):
    return decide(result, replicates=400)


@pytest.fixture(scope="module")
def found(result, verdict):
    return fairness(result, verdict)


def with_twin(result):
    """Doing nothing, and a remedy that predicts the same."""
    return with_remedies(result, result.baseline, replace(result["balanced"], tuned=result.baseline.tuned))


def test_a_remedy_that_changes_nothing_changes_nobody(result):
    made = with_twin(result)
    found = fairness(made, decide(made, replicates=100))
    for part in found.parts:
        assert (part.gain, part.loss, part.same) == (0, 0, part.classes)
        assert part.before == part.after
    changes = [p.diff for p in found.parts] + [v.diff for v in found.values] + [g.diff for g in found.gaps]
    changes += [found.of("balanced").diff, found.exposure.diff, found.exposure.gini_diff]
    assert len(changes) > 20
    for change in changes:
        assert (change.value, change.low, change.high) == (0, 0, 0)
    assert {v.p_holm for v in found.values} == {1.0}
    assert "none of" in " ".join(fairness_sentences(found, TEXTS))


def test_numbers_are_those_of_the_predictions(result, verdict, found):
    rows = result.fold >= 0
    y = result.y[rows]
    base, best = (result[spec].tuned.predicted[rows] for spec in ("none", verdict.best))
    scores = {spec: class_scores(y, codes, 40) for spec, codes in (("none", base), (verdict.best, best))}
    there = scores["none"].support > 0
    moved = (scores[verdict.best].f1 - scores["none"].f1)[there]
    assert sum(p.gain for p in found.parts) == (moved > 0).sum()
    assert sum(p.loss for p in found.parts) == (moved < 0).sum()
    assert sum(p.classes * p.diff.value for p in found.parts) == pytest.approx(moved.sum(), abs=1e-5)
    tenth = math.ceil(there.sum() / 10)
    assert found.exposure.classes == tenth
    for spec in ("none", verdict.best):
        f1 = np.sort(scores[spec].f1[there])
        assert found.of(spec).f1.value == pytest.approx(f1[:tenth].mean(), abs=1e-6)
        assert found.of(spec).never == (scores[spec].recall[there] == 0).sum()
        exposed = np.sort(scores[spec].predicted[there] / scores[spec].support[there])
        side = found.exposure.before if spec == "none" else found.exposure.after
        assert side.value == pytest.approx(exposed[:tenth].mean(), abs=1e-6)
    (acme,) = [v for v in found.values if v.value == "Acme"]
    chosen = (result.traits["brand"] == "Acme").to_numpy()[rows]
    assert acme.examples == chosen.sum()
    assert acme.before.value == pytest.approx((base == y)[chosen].mean(), abs=1e-6)
    assert acme.after.value == pytest.approx((best == y)[chosen].mean(), abs=1e-6)
    (gap,) = [g for g in found.gaps if g.trait == "brand"]
    brands = [v for v in found.values if v.trait == "brand"]
    named = {v.value: v.before.value for v in brands if v.kind == "value"}
    assert gap.before.value == pytest.approx(max(named.values()) - min(named.values()))
    assert gap.best_before == max(named, key=named.get)
    for estimates in (found.of(verdict.best).f1, acme.before, gap.after, found.exposure.gini_after):
        assert 0 <= estimates.low <= estimates.value <= estimates.high <= 1


def test_every_evaluated_example_is_in_one_value_of_each_trait(result, found):
    evaluated = (result.fold >= 0).sum()
    price = [v for v in found.values if v.trait == "price"]
    assert sum(v.examples for v in price) == evaluated
    assert [v.kind for v in price] == ["value"] * 5 + ["unknown"]
    small = (result.traits["brand"] == "tiny").to_numpy() & (result.fold >= 0)
    assert small.sum() < ENOUGH
    assert "tiny" not in {v.value for v in found.values}
    assert found.rest == {"brand": small.sum()}
    assert f"Too few even so: {small.sum()} examples by brand." in pooling_sentence(found)


@pytest.mark.parametrize("sign", [1, -1], ids=["gain", "loss"])
def test_a_change_planted_for_one_brand_is_found_and_no_other(sign):
    rng = np.random.default_rng(5)
    n = 6000
    group = np.arange(n) // 2
    brand = rng.choice(6, n)
    before = rng.random(n) < 0.7
    after = before.copy()
    flips = rng.random(n)
    after[(brand == 2) & ~before & (flips < 0.5)] = True
    noise = (brand != 2) & (flips < np.where(before, 0.03, 0.07))  # as many of 70 % right as of 30 % wrong
    after[noise] = ~after[noise]
    sides = (before, after)[::sign]
    traits = pl.DataFrame({"brand": [f"b{k}" for k in brand]})
    values, gaps, skipped = trait_fairness(traits, np.ones(n, bool), group, sides, alpha=0.05, replicates=500, seed=0)
    assert [v.value for v in values if v.p_holm < 0.05] == ["b2"]
    (planted,) = [v for v in values if v.value == "b2"]
    assert planted.diff.value * sign == pytest.approx(0.15, abs=0.04)
    assert planted.diff.low <= planted.diff.value <= planted.diff.high
    assert gaps[0].diff.low * sign > 0 or gaps[0].diff.high * sign > 0
    assert not skipped


def test_without_an_effect_few_studies_show_one():
    shown = 0
    for seed in range(40):
        rng = np.random.default_rng(seed)
        n = 600
        sides = tuple(rng.random(n) < 0.6 for _ in range(2))
        traits = pl.DataFrame({"brand": [f"b{k}" for k in rng.choice(5, n)]})
        values, _, _ = trait_fairness(traits, np.ones(n, bool), np.arange(n), sides, alpha=0.05, replicates=200, seed=0)
        shown += any(v.p_holm < 0.05 for v in values)
    assert shown <= 6  # 2 are expected of 40, and more than 6 have a chance below 1 %


def test_luck_that_does_not_come_twice_is_no_gain():
    """The worst classes under doing nothing look better under an equally good model; the worst off do not."""
    differences, naive = [], []
    for seed in range(6):
        rng = np.random.default_rng(seed)
        y = np.repeat(np.arange(100), 10).astype(np.int32)
        group = np.arange(1000)
        base = study(rows=1000, classes=100, plans=SAME)
        codes = [np.where(rng.random(1000) < 0.6, y, rng.integers(100, size=1000)).astype(np.int32) for _ in range(2)]
        remedies = [replace(r, tuned=replace(r.tuned, predicted=c)) for r, c in zip(base.remedies, codes, strict=True)]
        remedies = [replace(r, default=None, tuned=_fitting(r.tuned, 1000)) for r in remedies]
        classes = base.classes.with_columns(count=pl.lit(10), bucket=pl.lit("torso"))
        made = replace(base, y=y, fold=np.zeros(1000, np.int16), group=group, classes=classes, remedies=tuple(remedies))
        found = fairness(made, decide(made, replicates=100))
        differences.append(found.of("other").diff)
        f1 = [class_scores(y, c, 100).f1 for c in codes]
        worst = np.argsort(f1[0], kind="stable")[:10]
        naive.append((f1[1] - f1[0])[worst].mean())
    assert min(naive) > 0.08
    assert abs(np.mean([d.value for d in differences])) < 0.04
    assert sum(d.low > 0 or d.high < 0 for d in differences) <= 1


def _drawn(seed):
    """Rows in groups of two, doing nothing and a remedy that is better for rare classes."""
    rng, classes, rows = np.random.default_rng(seed), 60, 1500
    share = 1 / np.arange(1, classes + 1) ** 1.1
    share /= share.sum()
    chance = np.random.default_rng(9).uniform(0.3, 0.95, classes)
    better = np.clip(chance + 0.1 * np.linspace(0, 1, classes), 0, 0.97)
    y, group = np.repeat(rng.choice(classes, rows // 2, p=share), 2), np.arange(rows) // 2
    luck = np.where(rng.random(rows) < 0.7, np.repeat(rng.random(rows // 2), 2), rng.random(rows))
    wrong = rng.choice(classes, rows, p=share)
    told = {"none": np.where(luck < chance[y], y, wrong), "x": np.where(luck < better[y], y, wrong)}
    counts = np.bincount(y, minlength=classes)
    _, worst, exposure = class_fairness(y, group, told, counts, base="none", best="x", replicates=128, seed=0)
    return worst[1].f1, worst[1].diff, exposure.after, exposure.diff, exposure.gini_after


def test_intervals_cover_what_other_samples_show():
    found = [_drawn(seed) for seed in range(60)]
    for measure in zip(*found, strict=True):
        mean = np.mean([e.value for e in measure])
        # 95 % are meant and 85 % were seen for the worst of them; below 70 % of 60 comes once in 500 of such
        assert np.mean([e.low <= mean <= e.high for e in measure]) > 0.7


def _fitting(outcome, rows):
    half = np.full(rows, 0.5, np.float32)
    return replace(outcome, p_true=half, p_predicted=half)


def test_small_values_are_pooled_and_many_are_cut_off():
    rng = np.random.default_rng(1)
    n = 4000
    brands = [f"b{k}" for k in rng.choice(40, n)]
    sides = tuple(rng.random(n) < 0.6 for _ in range(2))
    traits = pl.DataFrame({"brand": brands, "one": ["x"] * n, "each": [str(k) for k in range(n)]})
    values, gaps, skipped = trait_fairness(
        traits, np.ones(n, bool), np.arange(n), sides, alpha=0.05, replicates=99, seed=0
    )
    assert len(values) == MOST + 1
    others = values[-1]
    assert (others.kind, others.pooled) == ("others", 40 - MOST)
    assert sum(v.examples for v in values) == n
    assert [g.values for g in gaps] == [MOST]
    assert list(skipped) == ["one", "each"]
    assert "'x'" in skipped["one"]
    assert str(ENOUGH) in skipped["each"]


def test_a_value_of_one_title_group_is_never_shown_to_change():
    n = 400
    group = np.where(np.arange(n) < 200, 0, np.arange(n))
    sides = (np.zeros(n, bool), np.arange(n) < 200)
    traits = pl.DataFrame({"brand": ["a" if k < 200 else "b" for k in range(n)]})
    values, _, _ = trait_fairness(traits, np.ones(n, bool), group, sides, alpha=0.05, replicates=200, seed=0)
    assert values[0].diff.value == 1
    assert values[0].p_holm == 1


def test_classes_of_one_size_stay_together():
    counts = np.array([5, 5, 5, 5, 5, 5, 9, 9, 40, 300])
    part = size_parts(counts)
    assert len(set(part[:6])) == 1
    assert (np.diff(part) >= 0).all()
    assert np.bincount(size_parts(np.arange(1, 101))).tolist() == [10] * 10
    assert size_parts(np.array([3, 8])).tolist() == [2, 7]


def test_the_lowest_tenth_counts_what_is_there():
    values = np.array([[0.1, 0.5], [0.2, 0.0], [0.9, 0.3]])
    assert lowest_tenth(values, np.array([[True, True], [True, False], [True, True]])).tolist() == [0.1, 0.3]
    many = np.arange(25.0)[:, None]
    assert lowest_tenth(many, np.ones((25, 1), bool)).tolist() == [1.0]


def test_gini_is_that_of_the_profile():
    counts = np.random.default_rng(0).integers(1, 200, (30, 3))
    for column, value in zip(counts.T, gini(counts), strict=True):
        names = dict(zip(map(str, range(30)), column.tolist(), strict=True))
        assert value == pytest.approx(Imbalance.from_counts(names).gini)
    assert gini(np.zeros((4, 1))).tolist() == [0.0]
    assert gini(np.full((4, 1), 7)).tolist() == [0.0]


@given(
    st.floats(-1, 1),
    st.lists(st.floats(-1, 1), min_size=1, max_size=60),
)
def test_the_interval_of_a_chosen_difference_holds_it_and_what_percentiles_hold(value, drawn):
    draws = np.array(drawn)
    found, plain = chosen_difference(value, draws), estimate(value, draws)
    assert found.low <= value <= found.high
    assert found.low <= plain.low
    assert plain.high <= found.high
    mirrored = chosen_difference(-value, -draws)
    assert (mirrored.low, mirrored.high) == pytest.approx((-found.high, -found.low), abs=1e-12)
    # the least of it: no wider than what reaches from the draws to the value
    low, high = min(value - np.ptp(draws), draws.min()), max(value + np.ptp(draws), draws.max())
    assert low - 1e-12 <= found.low
    assert found.high <= high + 1e-12


def test_the_worst_off_lie_inside_the_intervals_of_their_differences():
    """Classes of few rows, where draws lie far from what was observed: percentiles alone leave it out now and then."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        y = rng.integers(0, 40, 200)
        told = {spec: np.where(rng.random(200) < right, y, rng.integers(0, 40, 200)) for spec, right in RIGHT.items()}
        counts = np.bincount(y, minlength=40)
        _, worst, exposure = class_fairness(
            y, np.arange(200), told, counts, base="none", best="x", replicates=100, seed=0
        )
        for e in (worst[1].diff, exposure.diff, exposure.gini_diff):
            assert e.low <= e.value <= e.high


def test_draws_that_choose_are_centred_on_the_value():
    draws = np.array([0.1, 0.2, np.nan, 0.3])
    moved = estimate(0.5, np.array([0.4, 0.5, 0.6]))
    assert (centred(0.5, draws).low, centred(0.5, draws).high) == pytest.approx((moved.low, moved.high))
    assert centred(0.0, draws, floor=0.0).low == 0.0
    assert math.isnan(centred(0.5, np.array([np.nan])).low)


def test_traits_are_kept_and_results_without_them_load(result, verdict, tmp_path):
    save(result, tmp_path / "with")
    again = load(tmp_path / "with")
    assert again.traits.equals(result.traits)
    assert fairness(again, verdict).to_dict() == fairness(result, verdict).to_dict()
    plain = replace(result, traits=None)
    save(plain, tmp_path / "without")
    assert pl.read_parquet(tmp_path / "without" / "rows.parquet").columns == ["y", "fold", "group"]
    old = load(tmp_path / "without")
    assert old.traits is None
    found = fairness(old, decide(old, replicates=400))
    assert not found.values
    assert not found.gaps
    assert found.parts


def test_a_trait_may_be_called_like_a_column_of_the_result(result, tmp_path):
    made = replace(result, traits=pl.DataFrame({"fold": ["a"] * len(result.y), "y": list(range(len(result.y)))}))
    save(made, tmp_path)
    again = load(tmp_path)
    assert again.traits.equals(made.traits)
    assert np.array_equal(again.fold, result.fold)


def test_findings_are_written_as_json_and_taken_away_with_the_remedy(result, verdict, found, tmp_path):
    save_findings(result, verdict, tmp_path, found)
    document = json.loads((tmp_path / FILE).read_text(encoding="utf-8"))
    assert document == json.loads(json.dumps(found.to_dict()))
    assert "跑步" in {v["value"] for v in document["values"]}
    alone = with_remedies(result, result.baseline)
    nothing = decide(alone, replicates=100)
    assert fairness(alone, nothing) is None
    save_findings(alone, nothing, tmp_path)
    assert not (tmp_path / FILE).exists()


def test_the_terminal_has_two_or_three_sentences(result, verdict, found):
    notes = [str(note) for note in study_notes(result, verdict, found)]
    told = [note.removeprefix("Who gains. ") for note in notes if note.startswith("Who gains. ")]
    assert tuple(told) == short_sentences(found, TEXTS)
    assert len(told) == 3
    assert not [n for n in study_notes(result, verdict) if str(n).startswith("Who gains")]


def test_two_classes_and_a_cold_one_are_no_trouble():
    made = study(rows=60, classes=3, plans=(PLANS[0], PLANS[3]), exponent=0.5)
    cold = made.y == 2
    made = replace(made, fold=np.where(cold, -1, made.fold).astype(np.int16))
    found = fairness(told_apart(made), decide(made, replicates=100))
    assert sum(p.classes for p in found.parts) == 2
    assert found.exposure.classes == 1
    assert set(found.skipped) == set() or not found.values
    assert all(math.isfinite(w.f1.value) for w in found.worst)


def test_order_of_remedies_does_not_matter(result, verdict, found):
    turned = with_remedies(result, result.baseline, *result.remedies[:0:-1])
    assert fairness(turned, decide(turned, replicates=400)).to_dict() == found.to_dict()
