"""What waits in the quarantine comes back with the values that it had, and nothing else changes by it."""

from __future__ import annotations

import math
from datetime import date

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from evenshelf.shop import Shop, ingest
from evenshelf.shop.ingesting.raw_rows import decoded, encoded
from evenshelf.shop.reviewing.review import Selection, restore

KEY = {"item_id": ["k", "m"], "time": ["2024-01-01"] * 2}
TYPED = pl.DataFrame({**KEY, "price": [2.0, 2.0], "note": [5, 6], "vegan": [True, False]})
TEXTS = "item_id,time,price,note,vegan\n{},2024-01-01,{price},sale,yes\n{},2024-01-01,{price},007,no\n"


@given(
    st.lists(
        st.fixed_dictionaries(
            {
                "text": st.none() | st.text() | st.sampled_from(["NaN", "inf", "true", "1"]),
                "float": st.none() | st.floats(allow_subnormal=False),
                "whole": st.none() | st.integers(-(2**63), 2**63 - 1),
                "truth": st.none() | st.booleans(),
            }
        )
    )
)
def test_rows_as_json_and_back_are_the_same_rows(rows):
    types = {"text": pl.String, "float": pl.Float64, "whole": pl.Int64, "truth": pl.Boolean}
    frame = pl.DataFrame(rows, schema=types)
    back = decoded(encoded(frame).to_list())
    if not rows:
        return
    # A column without any value has no kind, and of infinities alone nobody knows that they are no text.
    for name, dtype in types.items():
        if back.schema[name] != dtype:
            assert all(v is None or (name == "float" and not math.isfinite(v)) for v in frame[name])
            back = back.with_columns(pl.col(name).cast(dtype))
    assert_frame_equal(back, frame, check_exact=True)


def test_texts_do_not_become_numbers_of_the_row_that_took_their_place(tmp_path):
    (tmp_path / "a.csv").write_text(TEXTS.format("k", "m", price=1), encoding="utf-8")
    TYPED.write_parquet(tmp_path / "b.parquet")
    ingest(tmp_path / "s", [tmp_path / "a.csv"], table="prices")
    before = Shop.open(tmp_path / "s").read("prices").drop("source_id")
    ingest(tmp_path / "s", [tmp_path / "b.parquet"], table="prices", newer=True)
    restore(tmp_path / "s", Selection(reason="replaced"))
    after = Shop.open(tmp_path / "s").read("prices").drop("source_id")
    assert_frame_equal(after.sort("item_id"), before.sort("item_id"), check_column_order=False)


@pytest.mark.parametrize("table", ["prices", "events", "items"])
def test_texts_that_a_rule_had_refused_stay_texts(tmp_path, table):
    (tmp_path / "a.csv").write_text(TEXTS.format("x", "y", price=-1), encoding="utf-8")
    typed = TYPED.with_columns(user_id=pl.lit("u"), kind=pl.lit("purchase"), title=pl.lit("Hat"))
    if table == "items":
        text = "item_id,title,note,vegan\nx,,sale,yes\ny,,007,no\n"
        (tmp_path / "a.csv").write_text(text, encoding="utf-8")
        typed = typed.drop("time")
    typed.write_parquet(tmp_path / "b.parquet")
    ingest(tmp_path / "s", [tmp_path / "b.parquet"], table=table)
    kind = {"kind": "purchase"} if table == "events" else {}
    ingest(tmp_path / "s", [tmp_path / "a.csv"], table=table, constants=kind)
    assert restore(tmp_path / "s", Selection()).restored
    rows = Shop.open(tmp_path / "s").read(table).filter(pl.col("item_id").is_in(["x", "y"])).sort("item_id")
    assert rows.select("note", "vegan").rows() == [("sale", "yes"), ("007", "no")]


def test_numbers_that_json_does_not_know_come_back(tmp_path):
    old = pl.DataFrame({**KEY, "price": [1.0, 1.0], "f": [math.nan, math.inf], "g": [1.5, -math.inf]})
    old.write_parquet(tmp_path / "a.parquet")
    TYPED.with_columns(f=1.0, g=pl.Series([None, 2.0])).write_parquet(tmp_path / "b.parquet")
    ingest(tmp_path / "s", [tmp_path / "a.parquet"], table="prices")
    ingest(tmp_path / "s", [tmp_path / "b.parquet"], table="prices", newer=True)
    restore(tmp_path / "s", Selection(reason="replaced"))
    rows = Shop.open(tmp_path / "s").read("prices").sort("item_id").select("f", "g")
    assert_frame_equal(rows, old.select("f", "g"))


def test_further_columns_that_are_called_as_marks_of_items_are_kept(tmp_path):
    for name, text in (("a", "k,x,7,yes"), ("b", "k,y,8,no")):
        (tmp_path / f"{name}.csv").write_text(f"user_id,tags,title_group,derived\n{text}\n", encoding="utf-8")
        ingest(tmp_path / "s", [tmp_path / f"{name}.csv"], table="users", newer=True)
    restore(tmp_path / "s", Selection())
    shop = Shop.open(tmp_path / "s")
    assert shop.read("users").select("tags", "title_group", "derived").rows() == [("x", "7", "yes")]
    (raw,) = shop.quarantine()["raw"]
    assert decoded([raw]).select("title_group", "derived").rows() == [("8", "no")]


def test_dates_of_rows_that_a_rule_refused_are_dates_as_those_of_the_others(tmp_path):
    rows = TYPED.with_columns(price=pl.Series([-1.0, 2.0]), since=pl.Series([date(2024, 5, 1), date(2024, 6, 1)]))
    rows.write_parquet(tmp_path / "a.parquet")
    ingest(tmp_path / "s", [tmp_path / "a.parquet"], table="prices")
    restore(tmp_path / "s", Selection())
    assert Shop.open(tmp_path / "s").read("prices").sort("item_id")["since"].to_list() == rows["since"].to_list()


def test_large_numbers_and_nested_values_of_restored_rows_are_those_of_the_others(tmp_path):
    large = [2**64 - 2048, 2**63 + 5]
    rows = TYPED.with_columns(
        price=pl.Series([-1.0, 2.0]),
        large=pl.Series(large, dtype=pl.UInt64),
        sizes=pl.Series([["x", None, "y"]] * 2),
        flags=pl.Series([[True, None]] * 2),
        box=pl.Series([{"x": "é", "y": 1}] * 2),
    )
    rows.write_parquet(tmp_path / "a.parquet")
    ingest(tmp_path / "s", [tmp_path / "a.parquet"], table="prices")
    restore(tmp_path / "s", Selection())
    found = Shop.open(tmp_path / "s").read("prices").sort("item_id")
    assert found["large"].to_list() == large
    assert found.schema["large"] == pl.UInt64
    one, two = found.select("sizes", "flags", "box").rows()
    assert one == two == ("x|y", "true", '{"x":"é","y":1}')
