"""The report of a study of lists: its numbers are those of the study, and it speaks of lists."""

from __future__ import annotations

import math
import re
from dataclasses import replace

import numpy as np
import pytest

from evenshelf.report import study_report
from evenshelf.report.exposure import POINTS, concentration, curve
from evenshelf.report.numbers import number
from evenshelf.study.advising import advise
from evenshelf.study.advising.collecting import gap, sizes
from evenshelf.study.advising.lists import by_item
from evenshelf.study.curve_fits import SHARES
from evenshelf.study.exposure_wording import exposure_sentences
from evenshelf.study.fairness import fairness
from evenshelf.study.learning_curve import CurvePoint, Forecast, LearningCurve
from evenshelf.study.order_free import METRICS, order_free
from evenshelf.study.order_wording import order_sentences
from evenshelf.study.repeats import SeedGain, SeedSensitivity
from evenshelf.study.sets import set_values
from evenshelf.study.terminal import study_notes
from evenshelf.study.verdict import decide
from evenshelf.study.wording import percent, signed
from tests.report.reading import read, rows
from tests.study.list_factory import list_study

OF_LABELS = re.compile(
    r"\b(F1|class(es)?|examples?|labels?|column|equal titles|penalty|regularisation|vectors|title groups|folds?"
    r"|accuracy|confidence)\b"
)


@pytest.fixture(scope="module")
def result():
    return list_study(400)


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


def test_every_score_in_the_words_is_a_number_of_the_study(tree, result, verdict, found):
    known = set(_numbers(verdict.to_dict())) | set(_numbers(found.to_dict()))
    known |= set(_numbers([vars(line) for line in order_free(result, verdict).lines]))
    known |= set(_numbers(advise(result, verdict).to_dict()))
    taken, each = by_item(result, result[verdict.recommended or "none"].tuned)
    known |= {size.f1 for size in sizes(taken, each)} | set(gap(each[taken >= 20], each[taken < 20], verdict.seed))
    known |= {v for _, values in set_values(result, verdict) for v in values.values()}
    known |= {result.meta["order"]["p"], len(verdict.comparisons[1:]) / (verdict.replicates + 1)}
    base, best = verdict["none"], verdict[verdict.best]
    known |= {best[m] - base[m] for m in verdict.measures.decisive} | {base[verdict.metric] - base.untuned}
    known |= {1 / (verdict.replicates + 1)}
    counts = result.classes["count"].to_numpy()
    held = np.sort(counts[counts > 0])
    known.add(2 * (np.arange(1, len(held) + 1) * held).sum() / (len(held) * held.sum()) - 1 - 1 / len(held))
    allowed = {f"{abs(v):.3f}".removeprefix("0") for v in known if math.isfinite(v)}
    text = " ".join(e.text for e in tree.all("body"))
    shown = set(re.findall(r"(?<![\d.])\.\d{3}\b", text))
    assert len(shown) > 40
    assert shown <= allowed


def test_the_tables_of_exposure_hold_what_was_counted(tree, found):
    for cells, part in zip(rows(tree.by_id("exposure-table")), found.parts, strict=True):
        sides = ((part.wanted_share, part.wanted), (part.before_share, part.before), (part.after_share, part.after))
        told = [percent(share).replace(" ", "\u00a0") + f"{n:,}" for share, n in sides]
        assert cells == [part.part, str(part.items), *(" ".join(t.split()) for t in told)]
    for name, items in (("gaining-table", found.gaining), ("losing-table", found.losing)):
        for cells, item in zip(rows(tree.by_id(name)), items, strict=True):
            assert cells[0] == (" ".join(f"{item.title}{item.item}".split()) if item.title else item.item)
            assert cells[1:] == [item.part, str(item.wanted), str(item.before), str(item.after)]
    for cells, v in zip(rows(tree.by_id("history-table")), found.values, strict=True):
        assert cells[:2] == [v.value, f"{v.examples:,}"]
        assert cells[2] == f"{signed(v.diff.value)}{signed(v.diff.low)} to {signed(v.diff.high)}"
        assert cells[4:] == [number(v.before.value), number(v.after.value)]


def test_the_sentences_are_those_of_the_wording(tree, result, found):
    said = [li.text for li in tree.by_id("exposure").all("ul")[0].all("li")]
    assert said == [" ".join(s.split()) for s in exposure_sentences(found)]
    order = [li.text for li in tree.by_id("order").all("li")]
    assert order == [" ".join(s.split()) for s in order_sentences(result.meta)]


def test_the_table_of_order_holds_all_and_the_order_free_part(tree, result, verdict):
    for cells, line in zip(rows(tree.by_id("order-table")), order_free(result, verdict).lines, strict=True):
        assert cells == [line.spec, *(number(side[m]) for m in METRICS for side in (line.every, line.free))]


def test_it_speaks_of_lists(tree):
    for section in ("facts", "tail", "gains", "sets", "tuning", "exposure", "order", "cost", "did", "how"):
        text = tree.by_id(section).text.replace("within a column", "")
        assert not OF_LABELS.search(text), (section, OF_LABELS.search(text))
    for absent in ("confidence", "classes", "fairness", "curve", "seeds"):
        assert tree.by_id(absent) is None
    links = [a.attributes["href"] for a in tree.all("nav")[0].all("a")]
    assert all(tree.by_id(link.removeprefix("#")) is not None for link in links)
    assert {"#exposure", "#order"} <= set(links)


def test_what_was_done_is_told_as_the_record_has_it(result, verdict):
    last = read(study_report(result, verdict)).by_id("how").text
    assert "neither shown nor wanted again" in last
    assert "last basket is the test" in last
    meta = {**result.meta, "split_by": "users", "folds": 4, "repeats": True, "repeats_asked": True}
    other = read(study_report(replace(result, meta=meta), verdict)).by_id("how").text
    assert "4 folds of users" in other
    assert "may come again, as was asked for" in other


def test_an_alarm_stands_with_the_key_figures(tree, result, verdict):
    assert "may tell what comes next" not in tree.by_id("facts").text
    meta = {**result.meta, "order": {**result.meta["order"], "p": 1e-9}, "directed": True}
    facts = read(study_report(replace(result, meta=meta), verdict)).by_id("facts").text
    assert "may tell what comes next" in facts
    assert "The learner item neighbourhoods reads which of two steps came first" in facts


def test_titles_stay_text(page, tree, found):
    assert "<script" not in page.lower()
    assert "<img" not in page
    assert not [e for e in tree.elements() if any(a.startswith("on") for a in e.attributes)]
    assert any("{{" in item.title for item in (*found.gaining, *found.losing))
    assert "{{ 7 * 7 }}" in page


def test_a_record_of_an_earlier_version_is_still_shown(result, verdict):
    meta = {k: v for k, v in result.meta.items() if k not in {"order", "chosen", "directed"}}
    tree = read(study_report(replace(result, meta=meta, traits=None), verdict))
    assert tree.by_id("order") is None
    assert tree.by_id("history-table") is None
    assert tree.by_id("exposure-table") is not None


def test_a_curve_ends_with_all_places_and_never_falls_behind_equality(result, found):
    rng = np.random.default_rng(0)
    for counts in (rng.integers(0, 50, 3000), np.array([3]), np.zeros(5, int)):
        across, up = curve(counts)
        assert len(across) <= POINTS + 1
        assert (across[0], up[0], across[-1]) == (0, 0, 1)
        assert up[-1] == (1 if counts.sum() else 0)
        assert (np.diff(up) >= 0).all()
        assert not counts.sum() or (up >= across - 1e-9).all()
    figure = concentration(result, found)
    assert "what was wanted" in figure.wide
    assert "what was wanted" in figure.narrow


def _numbers(value):
    """All finite numbers inside of dictionaries and lists."""
    if isinstance(value, dict):
        return [n for v in value.values() for n in _numbers(v)]
    if isinstance(value, (list, tuple)):
        return [n for v in value for n in _numbers(v)]
    return [float(value)] if isinstance(value, (int, float)) and math.isfinite(value) else []


def test_other_seeds_and_fewer_users_are_told_in_words_of_lists(result, verdict, tree):
    spec, main, tail = verdict.best, verdict.measures.main, verdict.measures.tail
    gains = tuple(SeedGain(spec, seed, 0.2 + seed / 100, 0.01 * (seed + 1), 0.02) for seed in range(3))
    points = tuple(
        CurvePoint(name, share, 400 * share, metric, share * top, share * top - 0.002, share * top + 0.002)
        for name, top in (("none", 0.1), (spec, 0.12), ("popular", 0.05))
        for metric in (main, tail)
        for share in (*SHARES, 1.0)
    )
    forecasts = (
        Forecast("none", main, 0.131, 0.113, 0.152, 0.094, 0.1, math.nan),
        Forecast(spec, main, 0.144, 0.127, 0.163, 0.116, 0.12, 2.34, 1.4, 3.9),
    )
    more = replace(result, seeds=SeedSensitivity(main, gains, ()), curve=LearningCurve(points, forecasts))
    shown = read(study_report(more, verdict))
    terminal = " ".join(note.plain for note in study_notes(more, verdict))
    seeds, drawn = shown.by_id("seeds").text, shown.by_id("curve").text
    for told in ("+.010 in macro NDCG@10 under the seed that chose it, +.020 to +.030 under 2 fresh seeds",):
        assert told in seeds
        assert told in terminal
    for told in ("The test is the same under all seeds", "the order of steps in a basket"):
        assert told in seeds
        assert told in terminal
    for told in ("With 2 times the 400 users, none would reach macro NDCG@10 .131", "2.3 times the users (1.4 to 3.9)"):
        assert told in drawn
        assert told in terminal
    assert "What would more users bring?" in drawn
    assert "popular" in drawn
    # folds and labels are what other studies have
    assert not OF_LABELS.search(drawn), OF_LABELS.search(drawn)
    assert not OF_LABELS.search(seeds), OF_LABELS.search(seeds)
    plain = {element.attributes.get("id") for element in tree.elements()}
    assert not plain & {"seeds", "curve"}
