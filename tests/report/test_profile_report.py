"""The report of a profile: its figures are those of the profile, its advice that of the terminal."""

from __future__ import annotations

import io
import json
import re
import time
from dataclasses import replace

import pytest
from rich.console import Console

from evenshelf.errors import InputError
from evenshelf.report import profile_report, write_profile_report
from evenshelf.report.artefacts import CORRELATIONS
from evenshelf.shop import Imbalance, Shop, ingest, profile, simulate
from evenshelf.shop.profiling.advice import advice
from evenshelf.shop.profiling.event_artefacts import DRIFT, EVENT_DETECTORS
from evenshelf.shop.profiling.item_artefacts import ITEM_DETECTORS
from evenshelf.shop.terminal import profile_report as terminal_report
from tests.report.profile_numbers import numbers, sections
from tests.report.reading import read, rows

TITLES = [
    *(("Red running shoe", "Running shoes"), ("Running, red shoe", "Running shoes")),
    *((f"shoe no {i} of the kind {chr(97 + i % 26) * 4}", "Running shoes") for i in range(40)),
    *((f"hat {chr(97 + i) * 5} made of {i} threads", "Hats") for i in range(9)),
    ("红色 跑步鞋", "靴子"),
    ("Boots", "Boots"),
    ("Red running shoe", "Boots"),
]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folder = tmp_path_factory.mktemp("shop")
    lines = ["id,title,category,brand"]
    lines += [f'{i},"{title}",{label},{"AB"[i % 2]}' for i, (title, label) in enumerate(TITLES)]
    lines += ["98,,Hats,B", "99,a,b,c,d"]
    (folder / "a.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    ingest(folder / "shop", [folder / "a.csv"])
    return profile(Shop.open(folder / "shop"))


@pytest.fixture(scope="module")
def tree(made):
    return read(profile_report(made))


def test_the_buckets_hold_all_groups_and_items(tree, made):
    shown = rows(tree.by_id("buckets"))
    assert [cells[0] for cells in shown] == ["head", "tail"]
    assert [int(cells[1]) for cells in shown] == [1, 3]
    assert sum(int(cells[3]) for cells in shown) == made.rows == len(TITLES)
    assert shown[0][5] == "42"
    assert shown[1][5] == "1 – 9"
    assert tree.all("h1")[0].text.startswith(f"1 of 4 groups holds {100 * 42 / 54:.0f} % of the 54 labelled items")


def test_quarantine_and_warnings_come_with_their_reasons(tree, made):
    refused = {cells[0]: (int(cells[1]), cells[2]) for cells in rows(tree.by_id("refused"))}
    assert (
        {name: n for name, (n, _) in refused.items()} == made.quarantine == {"empty_title": 1, "wrong_field_count": 1}
    )
    assert refused["empty_title"][1] == "the title is empty"
    warned = {cells[0]: int(cells[1]) for cells in rows(tree.by_id("warnings"))}
    assert warned == made.warnings
    assert "56 rows in = 54 kept + 2 in quarantine" in tree.by_id("quarantine").text


def test_advice_is_that_of_the_terminal(tree, made):
    found = advice(made)
    assert len(found) >= 3
    shown = [li.text for li in tree.all("header")[0].all("li")]
    assert shown == [re.sub(r"(?<=\d)%", " %", line) for line in found]
    console = Console(width=400, record=True, file=io.StringIO())
    console.print(terminal_report(made))
    printed = console.export_text()
    assert all(line in printed for line in found)


def test_scripts_and_columns(tree, made):
    text = tree.by_id("titles").text
    assert all(name in text for name in made.scripts)
    (table,) = tree.by_id("columns").all("table")
    shown = {cells[0]: cells for cells in rows(table)}
    assert set(shown) == {c.name for c in made.columns} - {"minority_label"}
    assert shown["brand"][3:5] == ["2", "1 : 1"]
    assert shown["title"][4:] == ["–", "–", "–"]


def test_hostile_names_stay_text(made):
    evil = "</title><script>alert(1)</script>"
    counts = {f"{evil}{i}": 40 // (i + 1) for i in range(30)}
    hostile = replace(
        made,
        shop=evil,
        target=evil,
        largest_group=(3, evil),
        quarantine={evil: 1},
        warnings={evil: 1},
        imbalance=Imbalance.from_counts(counts),
    )
    page = profile_report(hostile)
    read(page)
    assert "<script" not in page
    assert page.count("&lt;script&gt;") > 20
    assert not re.search(r"https?:|url\(|javascript:", page.replace("http-equiv", ""))


def test_one_group_and_nothing_refused(made):
    even = replace(made, imbalance=Imbalance.from_counts({"all": 54}), quarantine={}, warnings={}, rows_in=made.rows)
    tree = read(profile_report(even))
    assert tree.all("h1")[0].text == "1 of 1 group holds 100 % of the 54 labelled items."
    assert "No row was refused" in tree.by_id("quarantine").text
    assert tree.by_id("warnings") is None


def test_writing(tmp_path, made):
    path = write_profile_report(made, tmp_path / "new" / "profile.html")
    assert path.read_text(encoding="utf-8") == profile_report(made)
    (tmp_path / "file").write_text("x")
    with pytest.raises(InputError, match="cannot be written to"):
        write_profile_report(made, tmp_path / "file" / "profile.html")


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A shop with all there is: items, events of all kinds, judgements."""
    return profile(simulate(tmp_path_factory.mktemp("whole") / "shop", items=300))


@pytest.fixture(scope="module")
def whole_tree(whole):
    return read(profile_report(whole))


def outside_charts(element):
    """The text of an element, that of its charts, styles and the footer left out."""
    parts = [
        child if isinstance(child, str) else "" if child.tag in {"svg", "style", "footer"} else outside_charts(child)
        for child in element.children
    ]
    return " ".join(" ".join(parts).replace("\xad", "").split())


def numbers_of(page):
    """The numbers of each section of a page in their order."""
    parts = {"header": page.all("header")[0]} | {part.attributes["id"]: part for part in page.all("section")}
    return {name: numbers(outside_charts(part)) for name, part in parts.items()}


@pytest.fixture(scope="module")
def unlabelled(tmp_path_factory):
    """A shop whose items have no categories, with events of which some are refused."""
    folder = tmp_path_factory.mktemp("unlabelled")
    (folder / "i.csv").write_text("item_id,title,brand\n1,Red shoe,A\n2,Red shoe,B\n3,鞋,A\n", encoding="utf-8")
    lines = [f"2024-01-{1 + k % 9:02d},{'u' * (k % 3)},{1 + k % 4},{'view' if k % 5 else 'gulp'}" for k in range(90)]
    (folder / "e.csv").write_text("time,user,item,kind\n" + "\n".join(lines) + "\n", encoding="utf-8")
    ingest(folder / "shop", [folder / "i.csv"])
    ingest(folder / "shop", [folder / "e.csv"], table="events", off=["unknown_item"])
    return profile(Shop.open(folder / "shop"), None)


@pytest.mark.parametrize("which", ["made", "whole", "unlabelled", "items alone", "events alone"])
def test_the_numbers_on_the_page_are_those_of_the_json(which, request, whole, unlabelled):
    found = {
        "items alone": lambda: replace(unlabelled, log=None),
        "events alone": lambda: whole.log,
    }.get(which, lambda: request.getfixturevalue(which))()
    values = {"log": found.to_dict()} if found is whole.log else found.to_dict()
    page = read(profile_report(found))
    shown = numbers_of(page)
    said = advice(found) if found is not whole.log else []
    expected = sections(json.loads(json.dumps(values)), said)
    assert list(shown) == list(expected)
    for name, these in expected.items():
        assert shown[name] == these, name
    everywhere = numbers(outside_charts(page.all("body")[0]))
    assert len(everywhere) == sum(map(len, shown.values())), "numbers stand outside of all sections"


def test_a_wrong_number_would_be_found(whole):
    shown = numbers_of(read(profile_report(replace(whole, log=replace(whole.log, users=987_654)))))
    expected = sections(json.loads(json.dumps(whole.to_dict())), advice(whole))
    assert [name for name in expected if shown[name] != expected[name]] == ["events"]


def test_the_page_shows_what_the_terminal_shows_of_events(whole, whole_tree):
    tree, log = whole_tree, whole.log
    assert {cells[0]: cells[1] for cells in rows(tree.by_id("kinds"))} == {k: f"{n:,}" for k, n in log.kinds.items()}
    shown = rows(tree.by_id("event-buckets"))
    assert sum(int(cells[1].replace(",", "")) for cells in shown) == log.items
    assert sum(int(cells[3].replace(",", "")) for cells in shown) == log.rows
    named = [cells[0] for cells in rows(tree.by_id("most-frequent")) + rows(tree.by_id("least-frequent"))]
    size = len(log.imbalance.groups)
    assert named == [log.name(log.imbalance.groups[i]) for i in [*range(8), *range(size - 8, size)]]
    assert any("\u4e00" <= letter <= "\u9fff" for name in named for letter in name)
    assert not set(named) & set(log.imbalance.groups)
    bars = [r for svg in tree.by_id("events").all("svg")[:1] for r in svg.all("title")]
    assert len(bars) == sum(1 for period in log.periods for n in period.kinds.values() if n)


def test_the_page_shows_every_artefact(whole, whole_tree):
    tree = whole_tree
    text = tree.by_id("artefacts").text
    found = [*whole.artefacts, *whole.log.artefacts]
    assert len(found) >= 3
    heads = [re.split(r" (?:items|events) · ", head.text)[0].lower() for head in tree.by_id("artefacts").all("h3")]
    assert heads == [artefact.name.replace("_", " ") for artefact in found]
    for artefact in found:
        assert artefact.meaning[1:].replace("%", " %") in text
        assert artefact.advice in text
    clean = read(profile_report(replace(whole, artefacts=(), log=None)))
    assert clean.by_id("artefacts") is None
    assert "#artefacts" not in {a.attributes["href"] for a in clean.all("a")}


def test_every_detector_has_a_unit():
    detectors = [*(detector for detector, _ in EVENT_DETECTORS), DRIFT, *ITEM_DETECTORS]
    correlations = {detector.name for detector in detectors if "rank correlation" in detector.meaning}
    assert correlations == CORRELATIONS


def test_links_lead_somewhere(whole, whole_tree, tree):
    for page in (whole_tree, tree, read(profile_report(whole.log))):
        for link in page.all("a"):
            assert page.by_id(link.attributes["href"].removeprefix("#")) is not None
        assert page.all("nav")[0].all("a")


def test_quarantine_and_warnings_of_events(whole):
    log = replace(
        whole.log, quarantine={"missing_value": 3}, rows_in=whole.log.rows + 3, warnings={"unmatched_returns": 5}
    )
    warned = {"unmatched_returns": 5, "repeated_titles": 2}
    tree = read(profile_report(replace(whole, log=log, warnings=warned)))
    assert rows(tree.by_id("event-refused"))[0][:2] == ["missing_value", "3"]
    assert [cells[0] for cells in rows(tree.by_id("event-warnings"))] == ["unmatched_returns"]
    assert [cells[0] for cells in rows(tree.by_id("warnings"))] == ["repeated_titles"]
    assert f"{log.rows_in:,} rows in = {log.rows:,} kept + 3 in quarantine" in tree.by_id("event-quarantine").text


def test_hostile_logs_stay_text(whole):
    evil = "</title><script src='//evil.example'>alert(1)</script>"
    log = whole.log
    groups = (f"{evil}0", *log.imbalance.groups[1:])
    hostile = replace(
        log,
        shop=evil,
        kinds={evil: log.rows},
        periods=tuple(replace(p, kinds={evil: sum(p.kinds.values())}) for p in log.periods),
        imbalance=replace(log.imbalance, groups=groups),
        titles={log.imbalance.groups[1]: f"{evil}茶壶", log.imbalance.groups[-1]: "<b>红色</b> & 跑步鞋"},
        quarantine={evil: 1},
        warnings={evil: 1},
    )
    for page in (profile_report(hostile), profile_report(replace(whole, log=hostile))):
        tree = read(page)
        assert "<script" not in page
        assert not tree.by_id("popularity").all("script")
        shown = [cells[0] for cells in rows(tree.by_id("most-frequent")) + rows(tree.by_id("least-frequent"))]
        assert {f"{evil}0", f"{evil}茶壶", "<b>红色</b> & 跑步鞋"} <= set(shown)
        assert not re.search(r"https?:|url\(|javascript:|@import", page.replace("http-equiv", ""))
        outward = ("src", "href", "xlink:href", "data", "action", "srcset")
        links = [e.attributes[name] for e in tree.elements() for name in outward if name in e.attributes]
        assert all(link.startswith("#") for link in links)


def test_the_same_profile_gives_the_same_page_in_any_zone(whole, monkeypatch):
    pages = []
    for zone in ("Asia/Shanghai", "America/Los_Angeles"):
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        pages.append(profile_report(whole.log))
    monkeypatch.undo()
    time.tzset()
    assert len(set(pages)) == 1


@pytest.mark.parametrize("counts", [{"a": 1}, {"a": 5, "b": 5}, {"a": 10**7, "b": 1}])
def test_logs_of_few_items(whole, counts):
    total = sum(counts.values())
    log = replace(
        whole.log, imbalance=Imbalance.from_counts(counts), items=len(counts), rows=total, rows_in=total, titles={}
    )
    tree = read(profile_report(log))
    assert sum(int(cells[3].replace(",", "")) for cells in rows(tree.by_id("event-buckets"))) == total
    timeless = replace(log, first=None, last=None, unit=None, periods=(), per_user=None, without_user=total)
    assert "no event has a time" in read(profile_report(timeless)).by_id("events").text
