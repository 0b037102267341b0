"""Ingest: every row accounted for, the same file twice changes nothing, a kill in the middle loses nothing."""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import textwrap
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenshelf.errors import InputError, SettingError
from evenshelf.shop import Shop, ingest
from evenshelf.shop.ingesting.mapping import resolve

CELL = st.sampled_from(
    ["", " ", "shoe", "鞋", "a>b>c", '"', 'say "hi"', "x\ny", "\x00", "\x07", "1", "NA", ",", "é\u0301"]
)
ROW = st.lists(CELL, min_size=1, max_size=6)


@st.composite
def nasty_csv(draw):
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["id", "title", "category", "breadcrumb"])
    for row in draw(st.lists(ROW, max_size=12)):
        if draw(st.booleans()):
            writer.writerow(row)
        else:
            text.write(",".join(row) + "\n")
    data = text.getvalue().encode()
    return data + draw(st.sampled_from([b"", b"\xff,\xfe\n", b'"open,a,b,c\n', b"\n\n  \n"]))


@given(nasty_csv(), st.sets(st.sampled_from(["empty_title", "duplicate_item_id", "control_characters_title"])))
@settings(max_examples=60, deadline=None)
def test_rows_in_are_rows_kept_and_rows_quarantined(data, off):
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "a.csv")
        source.write_bytes(data)
        report = ingest(Path(folder, "shop"), [source], off=off)
        shop = Shop.open(Path(folder, "shop"))
        (only,) = report.sources
        assert only.rows_in == only.rows_kept + sum(only.quarantined.values())
        assert shop.items().height == only.rows_kept == report.rows
        assert shop.quarantine().height == sum(only.quarantined.values())
        assert dict(shop.quarantine()["reason"].value_counts().iter_rows()) == only.quarantined
        assert not off & set(only.quarantined)
        lines = shop.items()["source_line"].to_list() + shop.quarantine()["source_line"].to_list()
        assert len(set(lines)) == len(lines) == only.rows_in

        before = shop.fingerprint(), shop.manifest.revision
        again = ingest(Path(folder, "shop"), [source], off=off)
        assert not again.changed
        assert again.sources[0].status == "unchanged"
        shop = Shop.open(Path(folder, "shop"))
        assert (shop.fingerprint(), shop.manifest.revision) == before


@given(
    st.lists(st.dictionaries(st.sampled_from(["title", "name", "price"]), CELL | st.integers(), max_size=3), max_size=8)
)
@settings(max_examples=30, deadline=None)
def test_json_rows_are_accounted_for_as_well(rows):
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder, "a.jsonl")
        source.write_text("".join(json.dumps(row) + "\n" for row in [{"title": "x"}, *rows]), encoding="utf-8")
        (only,) = ingest(Path(folder, "shop"), [source]).sources
        assert only.rows_in == len(rows) + 1 == only.rows_kept + sum(only.quarantined.values())


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_columns_are_found_kept_and_typed(tmp_path):
    source = write(
        tmp_path / "a.csv",
        "sku,Product Name,articleType,unit_price,colour,source_line\n"
        'A1, Red shoe ,Shoes,"$1,234.50",red,x\nA2,Blue shoe,,"1,5",blue,y\nA3,Green shoe,Shoes,,,z\n',
    )
    report = ingest(tmp_path / "shop", [source])
    items = Shop.open(tmp_path / "shop").items()
    assert items["item_id"].to_list() == ["A1", "A2", "A3"]
    assert items["title"].to_list() == ["Red shoe", "Blue shoe", "Green shoe"]
    assert items["category"].to_list() == ["Shoes", None, "Shoes"]
    assert items["price"].to_list() == [1234.5, None, None]
    assert items["price_text"].to_list() == [None, "1,5", None]
    assert items["colour"].to_list() == ["red", "blue", ""]
    assert items["source_line_source"].to_list() == ["x", "y", "z"]
    assert report.warnings == {"missing_category": 1, "unreadable_prices": 1}
    assert report.sources[0].mapping["title"] == ("Product Name", "by its name")


@pytest.mark.parametrize(
    ("columns", "roles"),
    [
        (
            ["id", "masterCategory", "subCategory", "articleType", "productDisplayName"],
            ("articleType", "productDisplayName"),
        ),
        (["商品编号", "标题", "类目"], ("类目", "标题")),
        (["code", "path", "title", "breadcrumb"], ("path", "title")),
        (["product_name", "name", "category"], ("category", "product_name")),
    ],
)
def test_known_names(columns, roles):
    found = resolve(columns, file="a.csv").roles
    assert (found["category"], found["title"]) == roles


def test_problems_of_a_mapping_come_all_at_once():
    with pytest.raises(SettingError) as caught:
        resolve(["sku", "tilte", "Title", "title"], {"catgory": "x", "brand": "sko"}, file="a.csv")
    message = str(caught.value)
    assert "no role 'catgory' (did you mean category?)" in message
    assert "no column 'sko' (did you mean sku?)" in message
    assert "title could be 'Title' or 'title'" in message
    with pytest.raises(SettingError, match=r"no column is known to hold the title; close: tilte.*sku, tilte"):
        resolve(["sku", "tilte"], file="a.csv")


def test_a_role_can_be_switched_off(tmp_path):
    source = write(tmp_path / "a.csv", "id,title,category\n1,a,b\n")
    ingest(tmp_path / "shop", [source], mapping={"category": ""})
    assert Shop.open(tmp_path / "shop").items()["category_source"].to_list() == ["b"]


def test_rows_without_id_get_one_from_their_content(tmp_path):
    one = write(tmp_path / "one.csv", "title,colour\nshoe,red\nshoe,red\nhat,blue\n")
    report = ingest(tmp_path / "shop", [one])
    ids = Shop.open(tmp_path / "shop").items()["item_id"].to_list()
    assert len(set(ids)) == 3
    assert ids[1] == ids[0] + "-2"
    assert any("derived from the content" in note for note in report.sources[0].notes)
    two = write(tmp_path / "two.csv", "title,colour\nscarf,red\nhat,blue\nshoe,red\n")
    report = ingest(tmp_path / "shop", [two])  # hat and the first shoe are in the shop already
    assert report.sources[0].quarantined == {}
    assert (report.sources[0].rows_kept, report.sources[0].rows_known, report.rows) == (3, 2, 4)
    other = ingest(tmp_path / "other", [two])
    assert other.sources[0].rows_kept == 3


def test_repeated_ids_are_refused_or_told_apart(tmp_path):
    source = write(tmp_path / "a.csv", "id,title\n1,a\n1,b\n2,c\n")
    assert ingest(tmp_path / "shop", [source]).sources[0].quarantined == {"duplicate_item_id": 1}
    report = ingest(tmp_path / "shop", [source], off=["duplicate_item_id"])
    assert report.sources[0].status == "again"
    assert Shop.open(tmp_path / "shop").items()["item_id"].to_list() == ["1", "1#2", "2"]
    assert Shop.open(tmp_path / "shop").quarantine().height == 0


SWAPPED = """id,title,category,breadcrumb
1,Red shoe,s,A>B>Red shoe
2,A > B > Blue shoe,s,Blue shoe
3,Hat,h,A>Hat
4,A>B>Cap,h,
5,5 > 4 pack,h,A>5 > 4 pack
"""


def test_swapped_columns_are_refused_or_swapped_back(tmp_path):
    source = write(tmp_path / "a.csv", SWAPPED)
    report = ingest(tmp_path / "shop", [source])
    assert report.sources[0].quarantined == {"swapped_columns": 2}
    refused = Shop.open(tmp_path / "shop").quarantine()
    assert refused["source_line"].to_list() == [3, 5]
    assert json.loads(refused["raw"][0])["title"] == "A > B > Blue shoe"
    report = ingest(tmp_path / "shop", [source], fix=["swapped_columns"])
    assert report.sources[0].fixed == {"swapped_columns": 2}
    assert report.sources[0].quarantined == {"empty_title": 1}
    assert "Blue shoe" in Shop.open(tmp_path / "shop").items()["title"].to_list()


def test_titles_with_a_separator_are_no_swap_where_breadcrumbs_have_none(tmp_path):
    source = write(tmp_path / "a.csv", "title,breadcrumb\na > b,x/y\nc,x/y\nd,x/z\n")
    assert ingest(tmp_path / "shop", [source]).sources[0].quarantined == {}


def test_codes_and_categories_that_contradict(tmp_path):
    folder = tmp_path / "dump"
    folder.mkdir()
    for code in ("101", "102", "103"):
        rows = [f"{code},cat{code},title {code} {k}" for k in range(20)]
        if code == "102":
            rows[3] = "103,cat103,stray"
            rows[4] = "102,cat101,mislabelled"
        write(folder / f"{code}.csv", "\n".join(rows) + "\n")
    write(folder / "correction.csv", "101,cat101,corrected\n")
    report = ingest(tmp_path / "shop", [folder], columns=["code", "category", "title"])
    assert report.sources[0].quarantined == {"code_differs_from_file": 1, "category_differs_from_code": 1}
    assert report.sources[0].members == 4
    raw = Shop.open(tmp_path / "shop").quarantine().sort("reason")["raw"].to_list()
    assert "mislabelled" in raw[0]
    assert "stray" in raw[1]


def test_one_file_with_codes_is_not_compared_with_its_name(tmp_path):
    source = write(tmp_path / "101.csv", "code,title\n101,a\n102,b\n")
    assert ingest(tmp_path / "shop", [source]).sources[0].quarantined == {}


def test_conflicting_labels_mark_the_minority_only(tmp_path):
    titles = [("Red shoe", "a"), ("RED  shoe!", "a"), ("red shoe", "b"), ("hat", "a"), ("cap", "z"), ("cap", "y")]
    rows = "".join(f"{k},{t},{c}\n" for k, (t, c) in enumerate(titles))
    report = ingest(tmp_path / "shop", [write(tmp_path / "a.csv", "id,title,category\n" + rows)])
    assert report.warnings == {"conflicting_labels": 2, "repeated_titles": 1}
    assert Shop.open(tmp_path / "shop").items()["minority_label"].to_list() == [False, False, True, False, True, False]


def test_sources_join_and_different_types_become_text(tmp_path):
    pl.DataFrame({"id": [1], "title": ["a"], "size": [37]}).write_parquet(tmp_path / "a.parquet")
    other = write(tmp_path / "b.csv", "id,title,size\n2,b,M\n")
    report = ingest(tmp_path / "shop", [tmp_path / "a.parquet", other])
    items = Shop.open(tmp_path / "shop").items()
    assert items["size"].to_list() == ["37", "M"]
    assert items["item_id"].to_list() == ["1", "2"]
    assert [s.rows_kept for s in report.sources] == [1, 1]
    assert len(Shop.open(tmp_path / "shop").manifest.sources) == 2


def test_one_bad_source_leaves_the_shop_as_it_was(tmp_path):
    good = write(tmp_path / "a.csv", "id,title\n1,a\n")
    with pytest.raises(SettingError):
        ingest(tmp_path / "shop", [good, write(tmp_path / "b.csv", "x,y\n1,2\n")])
    assert not (tmp_path / "shop").exists()
    ingest(tmp_path / "shop", [good])
    before = (tmp_path / "shop" / "shop.toml").read_bytes()
    with pytest.raises(InputError, match="no file or folder"):
        ingest(tmp_path / "shop", [write(tmp_path / "c.csv", "id,title\n2,b\n"), tmp_path / "missing.csv"])
    assert (tmp_path / "shop" / "shop.toml").read_bytes() == before


def test_unknown_rules_are_told(tmp_path):
    with pytest.raises(SettingError, match=r"'empty_titel' \(did you mean empty_title\?\)"):
        ingest(tmp_path / "shop", [], off=["empty_titel"])
    with pytest.raises(SettingError, match="cannot be turned off"):
        ingest(tmp_path / "shop", [], off=["bad_json"])
    with pytest.raises(SettingError, match="fix"):
        ingest(tmp_path / "shop", [], fix=["empty_title"])


def test_what_is_left_out_is_told(tmp_path):
    (tmp_path / "d").mkdir()
    write(tmp_path / "d" / "a.csv", "title\nx\n")
    write(tmp_path / "d" / "notes.md", "x")
    write(tmp_path / "d" / "old.csv", "title\ny\n")
    (source,) = ingest(tmp_path / "shop", [tmp_path / "d"], exclude=["old*"]).sources
    assert source.skipped["old.csv"] == "excluded"
    assert "ending .md" in source.skipped["notes.md"]
    with pytest.raises(InputError, match="no file of rows"):
        ingest(tmp_path / "other", [tmp_path / "d"], exclude=["*"])


KILLED = """
    import os, signal, sys
    from pathlib import Path
    import evenshelf.shop.store as store
    from evenshelf.shop import ingest

    when = int(sys.argv[1])
    steps = 0

    def die(name):
        real = getattr(Path, name)
        def step(self, *args, **kwargs):
            global steps
            if self.parent.name == "shop":
                steps += 1
                if steps == when:
                    os.kill(os.getpid(), signal.SIGKILL)
            return real(self, *args, **kwargs)
        setattr(Path, name, step)

    for name in ("replace", "open", "unlink"):
        die(name)
    ingest("shop", ["new.csv"])
    print("done", steps)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
def test_a_kill_at_any_step_of_a_commit_leaves_a_readable_shop(tmp_path):
    write(tmp_path / "old.csv", "id,title\n1,a\n2,b\n")
    write(tmp_path / "new.csv", "id,title\n3,c\n")
    shop_path = tmp_path / "shop"
    env = dict(os.environ)
    step, killed, seen = 0, 0, set()
    while True:
        step += 1
        if not shop_path.exists():
            ingest(shop_path, [tmp_path / "old.csv"])
        run = subprocess.run(
            [sys.executable, "-c", textwrap.dedent(KILLED), str(step)],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            check=False,
        )
        shop = Shop.open(shop_path)
        shop.verify()
        seen.add(shop.items().height)
        assert shop.items().height in {2, 3}
        if run.returncode == 0:
            break
        assert run.returncode == -signal.SIGKILL, run.stderr
        killed += 1
        after = ingest(shop_path, [tmp_path / "new.csv"])
        assert after.rows == 3
        Shop.open(shop_path).verify()
        shutil.rmtree(shop_path)
    assert killed >= 5
    assert seen == {2, 3}


def test_clicks_told_by_truth_values_are_numbers(tmp_path):
    rows = "user_id,item_id,time,value\nu,1,2024-01-01,True\nu,2,2024-01-02,False\n"
    (tmp_path / "log.csv").write_text(rows, encoding="utf-8")
    ingest(tmp_path / "shop", [tmp_path / "log.csv"], table="events", constants={"kind": "impression"})
    assert Shop.open(tmp_path / "shop").read("events")["value"].to_list() == [1.0, 0.0]


def test_a_packed_file_that_does_not_say_what_it_is_gets_a_hint(tmp_path):
    with gzip.open(tmp_path / "log.gz", "wt", encoding="utf-8") as file:
        file.write("id,title\n1,Hat\n")
    with pytest.raises(InputError, match="holds no file of rows") as caught:
        ingest(tmp_path / "shop", [tmp_path / "log.gz"])
    assert ".csv.gz" in caught.value.hint
