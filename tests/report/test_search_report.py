"""The report of a study of search: its numbers are those of the study, and it speaks of queries."""

from __future__ import annotations

import io
import math
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.cells import cell_len
from rich.console import Console

from evenshelf.remedies import remedy_set
from evenshelf.report import study_report
from evenshelf.report.numbers import number
from evenshelf.study.advising import advise
from evenshelf.study.curve_fits import SHARES
from evenshelf.study.fairness import fairness
from evenshelf.study.learning_curve import CurvePoint, Forecast, LearningCurve
from evenshelf.study.repeats import SeedGain, SeedSensitivity
from evenshelf.study.search_fairness_wording import part_name, search_sentences
from evenshelf.study.search_wording import alarms, how_sentences, parts_sentence
from evenshelf.study.sets import set_values
from evenshelf.study.terminal import StudyReport, study_notes
from evenshelf.study.verdict import decide
from evenshelf.study.wording import signed
from tests.report.reading import read, rows
from tests.study.factory import with_remedies
from tests.study.search_factory import search_study

PAGE = Path(__file__).parents[2] / "docs" / "search.md"
OF_OTHERS = re.compile(
    r"\b(F1|class(es)?|examples?|labels?|column|users?|baskets?|histor(y|ies)|steps?|titles|regularisation|vectors"
    r"|taken|accuracy|confidence|catalogue|exposure|order of ids)\b"
)
"""Words of studies of labels and of lists."""


@pytest.fixture(scope="module")
def result():
    return search_study()


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


def shown(renderable, width):
    console = Console(width=width, file=io.StringIO(), highlight=False)
    console.print(renderable)
    return console.file.getvalue()


def test_every_score_in_the_words_is_a_number_of_the_study(tree, result, verdict, found):
    known = set(_numbers(verdict.to_dict())) | set(_numbers(found.to_dict()))
    known |= set(_numbers(advise(result, verdict).to_dict()))
    known |= {v for _, values in set_values(result, verdict) for v in values.values()}
    known |= {q.change for q in (*found.gaining, *found.losing)}
    base, best = verdict["none"], verdict[verdict.best]
    known |= {best[m] - base[m] for m in verdict.measures.decisive} | {base[verdict.metric] - base.untuned}
    known |= {1 / (verdict.replicates + 1)}
    held = np.sort(result.classes["count"].to_numpy())
    known.add(2 * (np.arange(1, len(held) + 1) * held).sum() / (len(held) * held.sum()) - 1 - 1 / len(held))
    allowed = {f"{abs(v):.3f}".removeprefix("0") for v in known if math.isfinite(v)}
    said = set(re.findall(r"(?<![\d.])\.\d{3}\b", " ".join(e.text for e in tree.all("body"))))
    assert len(said) > 40
    assert said <= allowed


def test_who_gains_is_told_as_it_was_found(tree, found):
    section = tree.by_id("fairness")
    said = [li.text for li in section.all("ul")[0].all("li")]
    assert said == [" ".join(s.split()) for s in search_sentences(found)]
    for cells, v in zip(rows(tree.by_id("part-table")), found.values, strict=True):
        assert cells[:2] == [part_name(v), f"{v.examples:,}"]
        assert cells[2] == f"{signed(v.diff.value)}{signed(v.diff.low)} to {signed(v.diff.high)}"
        assert cells[4:] == [number(v.before.value), number(v.after.value)]
    for name, some in (("gaining-table", found.gaining), ("losing-table", found.losing)):
        for cells, q in zip(rows(tree.by_id(name)), some, strict=True):
            assert cells == [
                " ".join(q.query.split()),
                signed(q.change),
                number(q.before),
                number(q.after),
                q.part,
                f"{q.frequency:,}",
                str(q.answers),
            ]
    (figure,) = section.all("figure")
    assert figure.all("div")[0].attributes["aria-label"].startswith("Dots with 95 % intervals")


def test_it_speaks_of_queries_alone(tree):
    sections = ("facts", "tail", "gains", "sets", "tuning", "table", "buckets", "fairness", "cost", "did", "how")
    for section in sections:
        text = (
            tree.by_id(section)
            .text.replace("the best by words and the best by vectors", "")
            .replace("is taken as measured", "")
        )
        assert not OF_OTHERS.search(text), (section, OF_OTHERS.search(text))
    for absent in ("confidence", "classes", "exposure", "order", "curve", "seeds"):
        assert tree.by_id(absent) is None
    links = [a.attributes["href"] for a in tree.all("nav")[0].all("a")]
    assert all(tree.by_id(link.removeprefix("#")) is not None for link in links)
    assert len(links) == len(set(links))
    headings = [h.text for h in tree.all("h2")]
    assert len(headings) == len(set(headings))
    assert "Study of search" in tree.all("header")[0].text


def test_key_figures_are_those_of_the_record(tree, result, verdict):
    text = tree.by_id("facts").text
    for told in (
        f"{verdict.classes} with {verdict.rows} items that answer",
        f"{result.meta['items']} {result.meta['judged']} pairs with a query were judged",
        f"{result.meta['candidates']} in the median query",
        "three learned weights",
        "The encoder of the index. 384 numbers",
    ):
        assert told.replace(" ", "") in text.replace(" ", ""), told


def test_how_it_was_done_is_told_as_the_record_has_it(tree, result, verdict):
    how = tree.by_id("how").text
    for heading, sentence in how_sentences(result.meta):
        assert f"{heading}. {' '.join(sentence.split())}" in how.replace("\u00a0", " ")
    assert parts_sentence(result.meta) in tree.by_id("tail").text
    assert "searches" in tree.by_id("tail").text
    assert "2 judgements (of an item that the shop does not have)" in how
    counted = {**result.meta, "counted": "answers", "target": "clicks", "tested_by": "judgements"}
    other = read(study_report(replace(result, meta=counted), verdict))
    tail, how = other.by_id("tail").text, other.by_id("how").text
    assert "How often queries were asked is not known" in tail
    assert "known answers" in tail
    assert "searches" not in tail
    assert "Learned from are clicks" in how
    assert "no model learns from them" in how
    assert "from clicks, tested by judgements" in other.all("header")[0].text
    notes = " ".join(note.plain for note in study_notes(replace(result, meta=counted), verdict))
    assert "How often queries were asked is not known" in notes
    heads = [c.text for c in other.by_id("gaining-table").all("thead")[0].all("th")]
    assert heads == ["query", "change", "before", "after", "part", "answers"]
    clicked = {**result.meta, "target": "clicks", "tested_by": "clicks"}
    how = read(study_report(replace(result, meta=clicked), verdict)).by_id("how").text
    assert "by the position-based model of clicks" in how
    assert "Judgements choose" not in how


def test_clicks_that_test_what_was_learned_from_clicks_are_warned_of(result, verdict):
    """In the words of the page of the docs, where the facts are; not where judgements test."""
    for target, tested, warned in (
        ("clicks", "clicks", True),
        ("clicks", "judgements", False),
        ("judgements", "judgements", False),
    ):
        study = replace(result, meta={**result.meta, "target": target, "tested_by": tested})
        told = alarms(study.meta)
        assert bool(told) == warned
        facts = " ".join(read(study_report(study, verdict)).by_id("facts").text.split())
        notes = " ".join(note.plain for note in study_notes(study, verdict))
        assert ("trust such a verdict less" in facts) == warned
        assert ("trust such a verdict less" in notes) == warned
    (sentence,) = alarms({"target": "clicks", "tested_by": "clicks"})
    assert sentence.rstrip(".") in " ".join(PAGE.read_text().split())


def test_advice_is_of_search(tree, result, verdict):
    assert "No rules of thumb are held against studies of search" in tree.by_id("advice").text
    advice = advise(result, verdict)
    (judged,) = advice.collect
    assert judged.startswith("Under knn, somebody judged 35 % of the first ten")
    clicked = replace(result, meta={**result.meta, "target": "clicks", "tested_by": "clicks"})
    assert advise(clicked, verdict).collect[0].startswith("Under knn, clicks tell of 35 % of the first ten")
    assert "clicks read otherwise" not in " ".join(advice.following)
    assert "clicks read otherwise" in " ".join(advise(clicked, verdict).following)
    families = {family for remedy in remedy_set("search") for family in remedy.families}
    shown = {s.text for s in tree.by_id("families").all("summary")}
    assert len(shown) == len(families) - 1, "doing nothing is no family to tell of"


def test_names_stay_text(page, tree, result, verdict):
    assert "<script" not in page.lower()
    assert "<img" not in page
    assert not [e for e in tree.elements() if any(a.startswith("on") for a in e.attributes)]
    worst = np.where(result.y < 4, np.inf, result["none"].tuned.ranks).astype(np.float32)
    strange = replace(result["none"], tuned=replace(result["none"].tuned, rank=worst))
    best = np.where(result.y < 4, 0, result["knn"].tuned.ranks).astype(np.float32)
    found = replace(result["knn"], tuned=replace(result["knn"].tuned, rank=best))
    other = with_remedies(result, strange, found, *result.remedies[2:])
    page = study_report(other, decide(other, replicates=200))
    assert "<script" not in page.lower()
    names = [cells[0] for cells in rows(read(page).by_id("gaining-table"))]
    assert {"{{ 7 * 7 }}", "<script>alert(1)</script>", "运动鞋"} <= set(names)


def test_other_seeds_and_fewer_queries_are_told_in_words_of_search(result, verdict):
    main, tail = verdict.measures.main, verdict.measures.tail
    gains = tuple(SeedGain("knn", seed, 0.2 + seed / 100, 0.01 * (seed + 1), 0.02) for seed in range(3))
    points = tuple(
        CurvePoint(name, share, 192 * share, metric, share * top, share * top - 0.002, share * top + 0.002)
        for name, top in (("none", 0.1), ("knn", 0.12), ("popular", 0.05))
        for metric in (main, tail)
        for share in (*SHARES, 1.0)
    )
    forecasts = (
        Forecast("none", main, 0.131, 0.113, 0.152, 0.094, 0.1, math.nan),
        Forecast("knn", main, 0.144, 0.127, 0.163, 0.116, 0.12, 2.34, 1.4, 3.9),
    )
    more = replace(result, seeds=SeedSensitivity(main, gains, ()), curve=LearningCurve(points, forecasts))
    page = read(study_report(more, verdict))
    terminal = " ".join(note.plain for note in study_notes(more, verdict))
    seeds, drawn = page.by_id("seeds").text, page.by_id("curve").text
    for told in ("+.010 in NDCG@10 under the seed that chose it", "Drawn anew under each seed: the folds of queries"):
        assert told in seeds
        assert told in terminal
    for told in ("With 2 times the 192 queries, none would reach NDCG@10 .131", "2.3 times the queries (1.4 to 3.9)"):
        assert told in drawn
        assert told in terminal
    assert "not the queries that a remedy makes" in seeds, "the index is not asked again"
    assert "What would more queries bring?" in drawn
    assert "More queries" in page.all("nav")[0].text
    assert not OF_OTHERS.search(f"{seeds} {drawn}".replace("what fits draw", ""))


def test_where_nothing_beats_guessing_it_is_said_in_words_of_search(result):
    popular = result["popular"]
    blind = [replace(result[spec], tuned=popular.tuned, default=popular.default) for spec in ("none", "knn")]
    made = with_remedies(result, *blind, popular)
    verdict = decide(made, replicates=200)
    assert not verdict.informative
    said = " ".join((verdict.headline, *verdict.reasons))
    assert "showing what is popular of the items with a word of the query" in verdict.headline
    assert "No ranking is shown to be better than guessing" in said
    assert not OF_OTHERS.search(said), OF_OTHERS.search(said)
    assert "720 items that answer 240 queries in 120 groups of queries" in said
    assert "words and vectors of the candidates do not hold" in read(study_report(made, verdict)).by_id("gains").text


@pytest.mark.parametrize("width", [100, 60])
def test_the_terminal_fits_and_tells_the_same(result, verdict, found, width):
    text = shown(StudyReport(result, verdict, fair=found), width)
    assert max(map(cell_len, text.splitlines())) <= width
    joined = "".join(text.split())
    for sentence in (verdict.headline, *verdict.reasons, *search_sentences(found)[:2]):
        assert "".join(sentence.split()) in joined
    assert "2 judgements were left out" in " ".join(text.split())
    notes = " ".join(note.plain for note in study_notes(result, verdict, found))
    assert not OF_OTHERS.search(notes), OF_OTHERS.search(notes)


def test_a_record_with_little_in_it_is_still_shown(result, verdict):
    kept = {"task", "measures", "nouns", "learner", "folds", "seed", "items"}
    meta = {key: value for key, value in result.meta.items() if key in kept}
    tree = read(study_report(replace(result, meta=meta, traits=None, worth=result.worth), replace(verdict, best=None)))
    assert tree.by_id("fairness") is None
    assert tree.by_id("how") is not None
    assert "Titles and queries are read as words alone" in tree.by_id("facts").text


def _numbers(value):
    """All finite numbers inside of dictionaries and lists."""
    if isinstance(value, dict):
        return [n for v in value.values() for n in _numbers(v)]
    if isinstance(value, (list, tuple)):
        return [n for v in value for n in _numbers(v)]
    return [float(value)] if isinstance(value, (int, float)) and math.isfinite(value) else []
