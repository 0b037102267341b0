"""Profiles of shops whose figures can be counted by hand."""

from __future__ import annotations

import io
import json

import pytest
from rich.console import Console

from evenshelf.errors import InputError, SettingError
from evenshelf.shop import Shop, ingest, label_held, label_names, profile, simulate
from evenshelf.shop.terminal import ingest_report, profile_report

ROWS = """id,title,category,brand
1,Red running shoe,Shoes > Running shoes,A
2,Red running shoe,Shoes > Running shoes,A
3,"Running, red shoe",Shoes > Boots,
4,红色 跑步鞋,Shoes > Boots,B
5,Boots,Shoes > Boots,B
6,Hat,,B
7,,x,B
8,a,b,c,d
"""


@pytest.fixture
def shop(tmp_path):
    (tmp_path / "a.csv").write_text(ROWS, encoding="utf-8")
    ingest(tmp_path / "shop", [tmp_path / "a.csv"])
    return Shop.open(tmp_path / "shop")


def test_figures(shop):
    got = profile(shop)
    assert (got.rows, got.rows_in) == (6, 8)
    assert got.quarantine == {"wrong_field_count": 1, "empty_title": 1}
    assert got.exact_repeats == pytest.approx(1 / 6)
    assert got.near_repeats == pytest.approx(2 / 6)
    assert got.largest_group == (3, "Red running shoe")
    assert got.label_in_title == pytest.approx(3 / 5)  # both running shoes and the boots
    assert got.unlabelled == 1
    assert got.conflicting_labels == 0
    assert got.scripts == {"latin": pytest.approx(5 / 6), "han": pytest.approx(1 / 6)}
    assert got.mixed_scripts == 0
    assert got.imbalance.groups == ("Shoes>Boots", "Shoes>Running shoes")
    brand = next(column for column in got.columns if column.name == "brand")
    assert (brand.filled, brand.distinct) == (pytest.approx(5 / 6), 2)
    assert got.others["brand"]["groups"] == 2
    assert "source_line" not in {column.name for column in got.columns}


def test_json_holds_every_figure(shop):
    values = json.loads(json.dumps(profile(shop).to_dict(), allow_nan=False))
    assert values["imbalance"]["by_group"][0] == {"group": "Shoes>Boots", "examples": 3, "bucket": "head"}
    assert values["imbalance"]["buckets"]["head"]["examples"] == 3
    assert set(values) >= {"rows", "columns", "near_repeats", "label_in_title", "others", "warnings"}


def test_labels_in_titles():
    assert label_names("A|B / 乙") == ("B", "乙")
    titles = ["Men's T-Shirts", "tshirt", "Red glass", "好看的跑步鞋", "shoe", "x"]
    labels = ["T-Shirt", "T-Shirt", "Glasses", "Running Shoe / 跑步鞋", "鞋|Shoes", None]
    assert label_held(titles, labels).tolist() == [True, False, False, True, True, False]


def test_targets(shop):
    assert profile(shop, "brand").imbalance.groups == ("B", "A")
    with pytest.raises(SettingError, match=r"did you mean brand\?"):
        profile(shop, "brnd")
    with pytest.raises(SettingError, match="no column 'title' to measure"):
        profile(shop, "title")


def test_an_empty_shop_has_no_profile(tmp_path):
    with pytest.raises(InputError, match="no items"):
        profile(Shop.create(tmp_path / "empty"))


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_terminal_shows_the_figures(shop, tmp_path, width):
    console = Console(width=width, record=True, file=io.StringIO())
    console.print(profile_report(profile(shop)))
    text = " ".join(console.export_text().split())
    assert "In quarantine: 2 of 8 rows read" in text
    assert "16.7% exact, 33.3% with near repeats" in text
    report = ingest(tmp_path / "shop", [tmp_path / "a.csv"])
    console.print(ingest_report(report))
    assert "8 rows in = 6 kept + 2 in quarantine" in " ".join(console.export_text().split())


def test_the_longest_line_fits_the_terminal(tmp_path):
    console = Console(width=80, record=True, file=io.StringIO())
    console.print(profile_report(profile(simulate(tmp_path / "s", items=500))))
    table = [
        line for line in console.export_text().splitlines() if line.lstrip().startswith(("head  ", "torso  ", "tail  "))
    ]
    assert len(table) == 6  # of categories and of items by events; no row is broken in two
