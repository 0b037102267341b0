"""Profiles of logs: what can be counted by hand, what holds for every log, and shops that lack half of it."""

from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console

from evenshelf import cli
from evenshelf.errors import InputError
from evenshelf.report import profile_report as page
from evenshelf.shop import Imbalance, Shop, ingest, profile, profile_log, simulate
from evenshelf.shop.cleaning.rules import WARNINGS
from evenshelf.shop.profiling.advice import advice
from evenshelf.shop.profiling.log_profile import EVENT_WARNINGS, MOST_PERIODS, TOPS
from evenshelf.shop.profiling.profile import lacks_categories
from evenshelf.shop.terminal import log_report, profile_report

EVENTS = """time,user,item,kind,session
2024-01-01T10:00:00Z,u1,1,view,s1
2024-01-01T10:01:00Z,u1,1,purchase,s1
2024-01-03T09:00:00Z,u2,1,view,s2
2024-01-03T09:05:00Z,,2,view,s3
2024-01-05T23:59:59Z,u1,4,view,s4
2024-01-05T12:00:00Z,u1,2,gulp,s4
"""
ITEMS = "id,title\n1,Red shoe\n2,红色 跑步鞋\n3,Hat\n4,Red shoe\n"


def make(folder, items=ITEMS, events=EVENTS):
    for name, text in (("items", items), ("events", events)):
        if text is not None:
            (folder / f"{name}.csv").write_text(text, encoding="utf-8")
            ingest(folder / "shop", [folder / f"{name}.csv"], table=name)
    return Shop.open(folder / "shop")


def printed(renderable, width=80):
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(renderable)
    return console.export_text()


def run(*args):
    with pytest.raises(SystemExit) as caught:
        cli.main([str(arg) for arg in args])
    return caught.value.code or 0


@pytest.fixture(scope="module")
def log(tmp_path_factory):
    return profile_log(make(tmp_path_factory.mktemp("log")))


@pytest.fixture(scope="module")
def simulated(tmp_path_factory):
    return profile_log(simulate(tmp_path_factory.mktemp("simulated") / "s", items=300))


def test_figures(log):
    assert (log.rows, log.rows_in) == (5, 6)
    assert sum(log.quarantine.values()) == 1
    assert log.kinds == {"view": 4, "purchase": 1}
    assert (log.users, log.sessions, log.items, log.catalogue) == (2, 4, 3, 4)
    assert (log.silent_items, log.unknown_items, log.of_unknown_items) == (1, 0, 0)
    assert log.warnings == {"events_without_user": 1}
    assert (log.per_user.median, log.per_user.p95, log.per_user.most) == (2, 3, 3)
    assert (log.per_session.median, log.per_session.most) == (1, 2)


def test_periods_hold_every_event_and_every_gap(log):
    assert log.unit == "day"
    assert [period.start[-2:] for period in log.periods] == ["01", "02", "03", "04", "05"]
    assert [sum(period.kinds.values()) for period in log.periods] == [2, 0, 2, 0, 1]
    assert log.periods[0].kinds == {"view": 1, "purchase": 1}


@pytest.mark.parametrize(
    ("days", "unit"),
    [(0, "hour"), (2, "hour"), (40, "day"), (300, "week"), (1500, "month"), (4000, "quarter"), (9000, "year")],
)
def test_periods_are_few_and_cover_the_log(tmp_path, days, unit):
    first = datetime(2000, 2, 3, 4, 5, tzinfo=UTC)
    moments = [first + timedelta(days=days) * share for share in (0, 0.2, 0.21, 1)]
    lines = ["time,user,item,kind", *(f"{moment.isoformat()},u{i},a,view" for i, moment in enumerate(moments))]
    found = profile_log(make(tmp_path, None, "\n".join(lines) + "\n"))
    assert found.unit == unit
    assert len(found.periods) <= MOST_PERIODS + 2
    assert sum(sum(period.kinds.values()) for period in found.periods) == len(moments)
    starts = [period.start for period in found.periods]
    assert starts == sorted(set(starts))
    assert starts[0] <= found.first
    assert sum(found.periods[0].kinds.values()) > 0
    assert sum(found.periods[-1].kinds.values()) > 0


@settings(deadline=None)
@given(st.dictionaries(st.text(max_size=3), st.integers(1, 10_000), min_size=1, max_size=300))
def test_the_curve_rises_ever_slower_from_nothing_to_all(log, counts):
    log = replace(log, imbalance=Imbalance.from_counts(counts), titles={})
    curve = log.concentration()
    assert (curve[0].items, curve[0].events_share) == (0, 0)
    assert (curve[-1].items, curve[-1].events) == (len(counts), sum(counts.values()))
    assert curve[-1].events_share == curve[-1].items_share == 1
    slopes = [(b.events - a.events) / (b.items - a.items) for a, b in pairwise(curve)]
    assert all(later <= earlier + 1e-9 for earlier, later in pairwise(slopes))
    assert all(point.events_share >= point.items_share - 1e-9 for point in curve)
    head = int((log.imbalance.bucket == "head").sum())
    assert head in {point.items for point in curve}
    for top in log.tops():
        best = sorted(counts.values(), reverse=True)[: top.items]
        assert top.events == sum(best)
    assert len(log.tops()) == sum(share * len(counts) >= 1 for share in TOPS)


def test_titles_stand_for_ids(log):
    assert log.imbalance.groups == ("1", "2", "4")
    assert log.name("2") == "红色 跑步鞋"
    assert [log.name(item) for item in ("1", "4")] == ["Red shoe (1)", "Red shoe (4)"]
    assert log.name("5") == "5"
    values = log.to_dict()["imbalance"]
    assert [row["title"] for row in values["most_frequent"]] == ["Red shoe", "红色 跑步鞋", "Red shoe"]
    shown = printed(log_report(log))
    assert "红色 跑步鞋" in shown
    assert "Red shoe (4)" in shown


def test_items_made_from_titles_are_named_by_them(tmp_path, capsys):
    lines = "Description,InvoiceDate,CustomerID,Quantity\nWhite heart,2024-01-01,7,2\n茶壶,2024-01-02,8,1\n"
    (tmp_path / "a.csv").write_text(lines, encoding="utf-8")
    ingest(tmp_path / "shop", [tmp_path / "a.csv"], table="events", constants={"kind": "purchase"})
    shop = Shop.open(tmp_path / "shop")
    found = profile_log(shop)
    assert set(map(found.name, found.imbalance.groups)) == {"White heart", "茶壶"}
    assert run("profile", shop.path) == 0
    shown = capsys.readouterr().out
    assert "White heart" in shown
    assert not any(item in shown for item in found.imbalance.groups)


def test_json_is_json(simulated):
    values = json.loads(json.dumps(simulated.to_dict(), allow_nan=False))
    assert set(simulated.__dataclass_fields__) - {"titles", "unit"} <= set(values)
    assert values["periods"]["unit"] == simulated.unit
    assert sum(sum(period["kinds"].values()) for period in values["periods"]["events"]) == simulated.rows
    assert values["concentration"][-1]["events"] == simulated.rows
    for row in values["imbalance"]["most_frequent"] + values["imbalance"]["least_frequent"]:
        assert row["title"]
    head = values["imbalance"]["sizes"]["head"]
    assert head == [int(simulated.imbalance.counts[simulated.imbalance.bucket == "head"].min()), head[1]]


def test_warnings_of_events_have_a_meaning():
    assert set(EVENT_WARNINGS) <= set(WARNINGS)


def test_events_alone(tmp_path, capsys):
    shop = make(tmp_path, None)
    found = profile_log(shop)
    assert (found.catalogue, found.unknown_items, found.of_unknown_items) == (0, 3, 5)
    assert run("profile", shop.path, "--html", tmp_path / "p.html") == 0
    shown = capsys.readouterr().out
    assert "known by their ids alone" in " ".join(shown.split())
    assert "Events" in (tmp_path / "p.html").read_text(encoding="utf-8")
    assert run("profile", shop.path, "--json") == 0
    assert json.loads(capsys.readouterr().out)["log"] == json.loads(json.dumps(found.to_dict()))


def test_events_without_times_users_or_sessions(tmp_path):
    found = profile_log(make(tmp_path, None, "item,kind\na,view\nb,view\na,view\n"))
    assert (found.unit, found.periods, found.first, found.per_user) == (None, (), None, None)
    assert (found.without_user, found.without_time) == (3, 3)
    shown = printed(log_report(found))
    assert "without times" in shown
    assert "events by" not in shown
    json.dumps(found.to_dict(), allow_nan=False)


def test_items_without_categories(tmp_path, capsys):
    shop = make(tmp_path, "id,title,brand\n1,Red shoe,A\n2,Red shoe,B\n3,鞋,A\n", None)
    assert lacks_categories(shop)
    found = profile(shop, None)
    labelled = profile(shop, "brand")
    same = ("rows", "rows_in", "quarantine", "columns", "scripts", "title_length", "exact_repeats", "near_repeats")
    for name in (*same, "largest_group", "mixed_scripts"):
        assert getattr(found, name) == getattr(labelled, name), name
    assert found.others["brand"]["groups"] == 2
    assert "brand; name one with --target" in advice(found)[0]
    assert run("profile", shop.path, "--html", tmp_path / "p.html") == 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "No item has a category" in shown
    assert "nan" not in shown
    assert "3 items, none with a category" in (tmp_path / "p.html").read_text(encoding="utf-8")
    assert run("profile", shop.path, "--json") == 0
    values = json.loads(capsys.readouterr().out)
    assert values["target"] is values["imbalance"] is values["label_in_title"] is None
    assert values["rows"] == 3
    assert run("profile", shop.path, "--target", "brand") == 0
    assert "Imbalance of brand" in capsys.readouterr().out


def test_a_profile_without_a_target_says_nothing_about_labels(tmp_path):
    shop = make(tmp_path, "id,title,category,brand\n1,Red shoe,Shoe,A\n2,Red shoe,Shoe,B\n3,Hat,Hat,A\n", None)
    found = profile(shop, None)
    values = found.to_dict()
    about = ("target", "imbalance", "label_in_title", "label_word_in_title", "conflicting_labels", "unlabelled")
    assert {name: values[name] for name in about} == dict.fromkeys(about)
    assert list(values) == list(profile(shop).to_dict())
    assert set(found.others) == {"category", "brand"}
    for shown in (printed(profile_report(found)), page(found)):
        assert "No item has a category" not in shown
        assert "none with a category" not in shown
        assert "No column was named" in " ".join(shown.split())


def test_items_and_events_without_categories(tmp_path, capsys):
    shop = make(tmp_path)
    assert run("profile", shop.path) == 0
    shown = capsys.readouterr().out
    for part in ("Titles", "Columns", "What follows", "Events", "Imbalance of items", "Worth a look"):
        assert part in shown
    assert shown.count("events_without_user") == 1
    assert run("profile", shop.path, "--json") == 0
    values = json.loads(capsys.readouterr().out)
    assert values["log"]["rows"] == 5


def test_an_empty_shop_has_no_profile(tmp_path, capsys):
    shop = Shop.create(tmp_path / "empty")
    assert not lacks_categories(shop)
    with pytest.raises(InputError, match="no items"):
        profile(shop, None)
    with pytest.raises(InputError, match="no events"):
        profile_log(shop)
    assert run("profile", shop.path) == 3
    assert "no items" in capsys.readouterr().err


@pytest.mark.parametrize("kind", ["simulated", "log"])
def test_no_line_is_wider_than_80_columns(kind, request):
    shown = printed(log_report(request.getfixturevalue(kind)))
    assert max(map(cell_len, shown.splitlines())) <= 80
    assert len([line for line in shown.splitlines() if line.lstrip().startswith(("head  ", "torso  ", "tail  "))]) >= 2


def test_a_profile_of_all_is_not_wider_either(tmp_path):
    shown = printed(profile_report(profile(make(tmp_path), None)))
    assert max(map(cell_len, shown.splitlines())) <= 80
