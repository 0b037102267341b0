"""Rows of tables other than items and events that cannot be: refused with their reason, switched off, restored."""

from __future__ import annotations

import pytest

from evenshelf.cli import main
from evenshelf.errors import InputError, SettingError
from evenshelf.shop import Shop, ingest
from evenshelf.shop.ingesting.reasons import REASONS, switches
from evenshelf.shop.reviewing.review import Selection, restore

IMPOSSIBLE = {
    "prices": ("item_id,time,price\na,2024-01-01,{}\n", "impossible_list_price", ["-5", "0"]),
    "stock": ("item_id,time,stock\na,2024-01-01,{}\n", "impossible_stock", ["-5"]),
    "judgements": ("query,item_id,grade\nhat,a,{}\n", "impossible_judgement", ["-1"]),
    "queries": ("query,count\nhat,{}\n", "impossible_count", ["-2"]),
}
CASES = [(table, value) for table, (_, _, values) in IMPOSSIBLE.items() for value in values]


@pytest.fixture
def write(tmp_path):
    def make(name, text):
        (tmp_path / name).write_text(text, encoding="utf-8")
        return tmp_path / name

    return make


@pytest.mark.parametrize(("table", "value"), CASES)
def test_impossible_rows_are_refused_and_come_back(write, tmp_path, table, value):
    text, rule, _ = IMPOSSIBLE[table]
    source = write(
        "t.csv", text.format(value) + text.splitlines()[1].format(3).replace("a,", "b,").replace("hat", "cap")
    )
    (report,) = ingest(tmp_path / "s", [source], table=table).sources
    assert (report.rows_kept, report.quarantined) == (1, {rule: 1})
    assert value in Shop.open(tmp_path / "s").quarantine()["detail"][0]
    assert restore(tmp_path / "s", Selection(reason=rule)).restored == {rule: 1}
    assert Shop.open(tmp_path / "s").rows(table) == 2
    ingest(tmp_path / "s", [source], table=table, off=["fractional_ids"])
    assert Shop.open(tmp_path / "s").rows(table) == 2, "the rule is not asked about it again"
    (report,) = ingest(tmp_path / "t", [source], table=table, off=[rule]).sources
    assert report.quarantined == {}


def test_a_row_whose_key_is_taken_by_now_stays(write, tmp_path):
    head = "item_id,time,price\n"
    ingest(tmp_path / "s", [write("1.csv", head + "a,2024-01-01,-5\n")], table="prices")
    ingest(tmp_path / "s", [write("2.csv", head + "a,2024-01-01,5\n")], table="prices")
    report = restore(tmp_path / "s", Selection(source="1.csv"))
    assert (report.restored, report.refused) == ({}, {"duplicate_key": 1})
    assert Shop.open(tmp_path / "s").read("prices")["price"].to_list() == [5.0]


def test_the_same_row_of_two_files_is_restored_once(write, tmp_path):
    head = "item_id,time,price\n"
    for name, more in (("1.csv", ""), ("2.csv", "b,2024-01-01,5\n")):
        ingest(tmp_path / "s", [write(name, head + "a,2024-01-01,-5\n" + more)], table="prices")
    assert restore(tmp_path / "s", Selection()).restored == {"impossible_list_price": 2}
    assert Shop.open(tmp_path / "s").rows("prices") == 2
    assert [source.rows_known for source in Shop.open(tmp_path / "s").manifest.sources] == [0, 1]


@pytest.mark.parametrize("table", ["prices", "stock", "judgements"])
def test_rows_about_items_that_are_not_there_are_counted(write, tmp_path, table):
    text = IMPOSSIBLE[table][0].format(3)
    ingest(tmp_path / "s", [write("i.csv", "item_id,title,price\nb,Hat,-3\n")])
    report = ingest(tmp_path / "s", [write("t.csv", text)], table=table)
    assert report.warnings == {"impossible_prices": 1, f"{table}_of_unknown_items": 1}
    report = ingest(tmp_path / "s", [write("j.csv", "item_id,title\na,Cap\n")])
    assert report.warnings == {"impossible_prices": 1}


def test_each_rule_is_explained_and_none_has_two_tables():
    names = [name for table in ("items", "events", *IMPOSSIBLE) for name in switches(table)]
    rules = [name for name in names if name in REASONS]
    assert len(rules) == len(set(rules))


def test_several_reasons_are_all_meant(write, tmp_path, capsys):
    log = "time,user_id,item_id,kind,quantity,price\n2024-01-01,u,a,purchase,-0,3\n2024-01-01,u,a,purchase,1,-3\n"
    log += "2024-01-01,u,a,purchase,1,3\n2999-01-01,u,a,purchase,1,3\n"
    ingest(tmp_path / "s", [write("log.csv", log)], table="events")
    reasons = ["--reason", "impossible_price", "--reason", "impossible_quantity"]
    with pytest.raises(SystemExit):
        main(["shop", "restore", str(tmp_path / "s"), *reasons])
    assert Shop.open(tmp_path / "s").manifest.quarantine == {"future_time": 1}
    with pytest.raises(SettingError, match=r"the reason 'future_tim' \(did you mean future_time\?\)"):
        restore(tmp_path / "s", Selection(reason=("future_time", "future_tim")))


def test_a_log_that_grew_is_accounted_for(write, tmp_path, capsys):
    head = "time,user_id,item_id,kind\n"
    rows = "2024-01-01,u,a,view\n2024-01-02,u,x,view\n2024-01-03,u,x,view\n"
    ingest(tmp_path / "s", [write("i.csv", "item_id,title\na,Hat\n")])
    ingest(tmp_path / "s", [write("1.csv", head + rows)], table="events")
    path = write("2.csv", head + rows + "2024-01-04,u,a,view\n")
    with pytest.raises(SystemExit):
        main(["ingest", str(tmp_path / "s"), str(path), "--table", "events"])
    assert "4 rows in = 1 kept + 3 known already + 0 in quarantine" in " ".join(capsys.readouterr().out.split())


def test_what_was_refused_cannot_steer_the_terminal(tmp_path, capsys):
    (tmp_path / "i.csv").write_bytes(b"item_id,title\n1,x\x1b[2J,y,\x00\n2,Hat\n")
    ingest(tmp_path / "s", [tmp_path / "i.csv"])
    with pytest.raises(SystemExit):
        main(["shop", "quarantine", str(tmp_path / "s")])
    told = capsys.readouterr().out
    assert r"1,x\x1b[2J,y,\x00" in told
    assert not {"\x1b", "\x00"} & set(told)


def test_a_shop_is_no_source(write, tmp_path):
    ingest(tmp_path / "s", [write("i.csv", "item_id,title\na,Hat\n")])
    with pytest.raises(InputError, match="is a shop, not a folder of files"):
        ingest(tmp_path / "t", [tmp_path / "s"])
