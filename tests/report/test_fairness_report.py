"""Who gains and who loses, in the report: the numbers are the computed ones, whatever the names are."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from evenshelf.report import study_report
from evenshelf.report.fairness_charts import LINES, drawn, trait_changes
from evenshelf.report.numbers import number, span
from evenshelf.report.study import command
from evenshelf.study.fairness import fairness
from evenshelf.study.fairness_wording import called, fairness_sentences
from evenshelf.study.verdict import decide
from evenshelf.study.wording import signed
from evenshelf.tasks.nouns import TEXTS
from tests.report.reading import read, rows
from tests.study.factory import PLANS, study, with_remedies

EVIL = "<script>alert('1')</script>"
BRANDS = [EVIL, "运动鞋专卖店", '"><img src=x onerror=alert(1)>', "{{ 7 * 7 }}\n& <b>x</b>", "others", "unknown"]


@pytest.fixture(scope="module")
def result():
    made = study(rows=2000, classes=30, plans=PLANS[:4])
    rng = np.random.default_rng(0)
    brand = [None if k == len(BRANDS) else BRANDS[k] for k in rng.choice(len(BRANDS) + 1, len(made.y))]
    price = rng.lognormal(3, 1, len(made.y))
    traits = pl.DataFrame(
        {"brand": brand, "price": price, f"of {EVIL}": [f"w{k}" for k in rng.choice(18, len(made.y))]}
    )
    return replace(made, traits=traits)


@pytest.fixture(scope="module")
def verdict(result):
    return decide(result, replicates=200)


@pytest.fixture(scope="module")
def found(result, verdict):
    return fairness(result, verdict)


@pytest.fixture(scope="module")
def page(result, verdict):
    return study_report(result, verdict)


@pytest.fixture(scope="module")
def tree(page):
    return read(page)


def spread(estimate):
    return f"{signed(estimate.value)}{signed(estimate.low)} to {signed(estimate.high)}"


def test_every_table_holds_what_was_found(tree, found):
    for cells, p in zip(rows(tree.by_id("size-table")), found.parts, strict=True):
        assert cells[:5] == [span(p.smallest, p.largest), str(p.classes), str(p.gain), str(p.loss), str(p.same)]
        assert cells[5:] == [spread(p.diff), number(p.before), number(p.after)]
    values = rows(tree.by_id("trait-table"))
    assert len(values) == len(found.values) > 20
    for cells, v in zip(values, found.values, strict=True):
        assert cells[:3] == [" ".join(called(v).split()), v.trait, f"{v.examples:,}"]
        assert cells[3] == spread(v.diff)
        assert cells[4] == ("< .001" if v.p_holm < 0.001 else number(v.p_holm))
        assert cells[5:] == [number(v.before.value), number(v.after.value)]
    for cells, w in zip(rows(tree.by_id("worst-table")), found.worst, strict=True):
        own = f"{number(w.f1.value)}{number(w.f1.low)} to {number(w.f1.high)}"
        assert cells == [w.spec, own, "–" if w.spec == "none" else spread(w.diff), str(w.never)]


def test_the_sentences_are_those_of_the_wording(tree, found):
    section = tree.by_id("fairness")
    said = [li.text for li in section.all("ul")[0].all("li")]
    assert said == [" ".join(s.split()) for s in fairness_sentences(found, TEXTS)]
    assert any("gap" not in s and "price" in s for s in said)


def test_names_of_values_and_traits_stay_text(page, tree):
    assert "<script" not in page.lower()
    assert "<img" not in page
    assert not [e for e in tree.elements() if any(a.startswith("on") for a in e.attributes)]
    assert "运动鞋专卖店" in page
    assert "{{ 7 * 7 }}" in page
    names = [cells[0] for cells in rows(tree.by_id("trait-table")) if cells[1] == "brand"]
    assert sorted(names) == sorted([*(" ".join(b.split()) for b in BRANDS), "unknown"])


def test_the_chart_has_a_line_for_each_value_up_to_its_limit(found):
    figure = trait_changes(found)
    for trait in ("brand", "price"):
        values = [v for v in found.values if v.trait == trait]
        assert drawn(found, trait) == values
        for v in values:
            assert figure.wide.count(f"{v.examples:,} examples: {signed(v.diff.value)}") >= 1
    many = drawn(found, f"of {EVIL}")
    assert len(many) == LINES
    assert all(v in many for v in found.values if v.trait == f"of {EVIL}" and found.shown(v))
    assert trait_changes(replace(found, values=())) is None


def test_without_traits_there_is_no_chart_and_without_a_remedy_no_section(result, verdict):
    plain = read(study_report(replace(result, traits=None), verdict))
    section = plain.by_id("fairness")
    assert not section.all("figure")
    assert plain.by_id("trait-table") is None
    alone = with_remedies(result, result.baseline)
    assert read(study_report(alone, decide(alone, replicates=100))).by_id("fairness") is None


def test_the_command_names_the_columns_that_were_asked_for(result, verdict):
    assert "--by" not in command(result, verdict)
    asked = replace(result, meta={**result.meta, "by": ["season", "base colour"]})
    assert "--by season" in command(asked, verdict)
    assert "--by 'base colour'" in command(asked, verdict)
