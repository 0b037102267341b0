"""The report of a profile: its figures are those of the profile, its advice that of the terminal."""

from __future__ import annotations

import io
import re
from dataclasses import replace

import pytest
from rich.console import Console

from evenshelf.errors import InputError
from evenshelf.report import profile_report, write_profile_report
from evenshelf.shop import Imbalance, Shop, ingest, profile
from evenshelf.shop.profiling.advice import advice
from evenshelf.shop.terminal import profile_report as terminal_report
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
