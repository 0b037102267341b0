"""Which queries and items gain and lose: the numbers are those of the measures, and the words hold no other."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from evenshelf.study.fairness import FILE, fairness, save_fairness
from evenshelf.study.judges import judge_of
from evenshelf.study.rank_judge import POPULAR
from evenshelf.study.search_fairness import ENOUGH, ITEMS, MOST, QUERIES, SearchFairness
from evenshelf.study.search_fairness_wording import part_name, pooling_sentence, search_sentences
from evenshelf.study.search_judge import SCRIPT
from evenshelf.study.verdict import decide
from evenshelf.study.wording import signed, value
from evenshelf.tasks.search_measures import PARTS, PARTS_OF_ITEMS, ndcg_of_queries
from tests.study.factory import with_remedies
from tests.study.search_factory import search_study


@pytest.fixture(scope="module")
def result():
    return search_study()


@pytest.fixture(scope="module")
def verdict(result):
    return decide(result, replicates=200)


@pytest.fixture(scope="module")
def found(result, verdict):
    return fairness(result, verdict)


def test_parts_have_the_values_of_the_measures(result, found):
    judge, everything = judge_of(result), result.fold >= 0
    sides = [judge.values(result[spec].tuned, everything) for spec in (found.base, found.spec)]
    told = {(v.trait, v.value): v for v in found.values}
    for part in PARTS:
        v = told[QUERIES, part]
        assert (v.before.value, v.after.value) == pytest.approx([s[f"{part}_ndcg_at_10"] for s in sides], abs=1e-5)
        assert v.examples == (result.classes["bucket"] == part).sum()
    for part in PARTS_OF_ITEMS:
        v = told[ITEMS, part]
        assert (v.before.value, v.after.value) == pytest.approx(
            [s[f"{part}_items_ndcg_at_10"] for s in sides], abs=1e-5
        )
    for v in found.values:
        assert v.diff.value == pytest.approx(v.after.value - v.before.value, abs=1e-9)
        assert v.diff.low <= v.diff.value <= v.diff.high
        assert v.p_holm >= v.diff.p


def test_queries_are_counted_and_the_largest_changes_named(result, found):
    before, after = (
        ndcg_of_queries(result[spec].tuned.ranks, result.worth.astype(float), result.y, len(result.classes))
        for spec in (found.base, found.spec)
    )
    change = after - before
    assert (found.gain, found.loss, found.same) == ((change > 0).sum(), (change < 0).sum(), (change == 0).sum())
    assert found.queries == found.gain + found.loss + found.same
    names = result.classes["class"].to_list()
    for some, order in ((found.gaining, -np.sort(-change)), (found.losing, np.sort(change))):
        assert [q.change for q in some] == pytest.approx(order[:MOST])
        for q in some:
            code = names.index(q.query)
            assert (q.before, q.after) == pytest.approx((before[code], after[code]))
            assert q.frequency == result.classes["count"][code]
            assert q.answers == (result.y == code).sum()


def test_scripts_are_told_apart_where_there_are_enough(result, verdict, found):
    scripts = {v.value: v for v in found.values if v.trait == SCRIPT}
    assert set(scripts) == {"latin", "han"}
    assert scripts["latin"].examples + scripts["han"].examples == found.queries
    few = result.traits.with_columns(
        pl.when(pl.Series(result.y) < ENOUGH - 1).then(pl.lit("thai")).otherwise(pl.lit("latin")).alias(SCRIPT)
    )
    other = fairness(replace(result, traits=few), verdict)
    assert [v.value for v in other.values if v.trait == SCRIPT] == ["latin"]
    assert other.rest == {SCRIPT: ENOUGH - 1}
    assert f"Too few even so: {ENOUGH - 1} queries" in pooling_sentence(other)
    many = result.traits.with_columns(
        pl.when(pl.Series(result.y) < ENOUGH)
        .then(pl.Series(result.y % 2 == 0).replace_strict({True: "thai", False: "kana"}))
        .otherwise(pl.lit("latin"))
        .alias(SCRIPT)
    )
    pooled = fairness(replace(result, traits=many), verdict)
    assert [part_name(v) for v in pooled.values if v.trait == SCRIPT] == [
        "queries in Latin letters",
        "queries in 2 other scripts",
    ]
    alone = fairness(replace(result, traits=result.traits.drop(SCRIPT)), verdict)
    assert not [v for v in alone.values if v.trait == SCRIPT]
    assert "script" not in pooling_sentence(alone)


def test_a_remedy_that_changes_nothing_changes_nobody(result, verdict):
    base = result["none"]
    alike = with_remedies(result, base, replace(result["knn"], tuned=base.tuned, default=base.default), result[POPULAR])
    found = fairness(alike, replace(verdict, best="knn"))
    assert (found.gain, found.loss, found.same) == (0, 0, found.queries)
    assert found.gaining == found.losing == ()
    assert all(v.diff.p == 1 for v in found.values)
    assert any("None of" in sentence for sentence in search_sentences(found))


def test_words_hold_the_numbers_that_were_found(found):
    words = " ".join((*search_sentences(found), pooling_sentence(found)))
    numbers = [n for v in found.values for e in (v.diff,) for n in (e.value, e.low, e.high)]
    allowed = {signed(n).lstrip("+−") for n in numbers} | {value(v.p_holm) for v in found.values}
    allowed |= {value(n) for q in (*found.gaining, *found.losing) for n in (q.before, q.after)}
    shown = set(re.findall(r"(?<![\d.])1?\.\d{3}\b", words))
    assert len(shown) > 5
    assert shown <= allowed
    assert "40 % → 51 %" in words
    assert "4.1 % → 0.0 % of the queries find nothing" in words


def test_it_is_kept_and_without_a_remedy_there_is_none(result, verdict, found, tmp_path):
    assert isinstance(found, SearchFairness)
    save_fairness(found, tmp_path)
    kept = json.loads((tmp_path / FILE).read_text())
    assert kept["gain"] == found.gain
    assert [v["diff"]["value"] for v in kept["values"]] == [v.diff.value for v in found.values]
    assert all(math.isfinite(v["p_holm"]) for v in kept["values"])
    alone = with_remedies(result, result.baseline, result[POPULAR])
    assert fairness(alone, decide(alone, replicates=200)) is None
