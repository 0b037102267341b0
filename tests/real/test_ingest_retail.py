"""Online Retail: neither item nor order ids, returns among the sales, corrections of the books, slips of the pen.

Every known trap of a real shop is caught by a rule, a warning or an artefact, by count; so in the other files.
"""

from __future__ import annotations

import json

import polars as pl
import pytest

from evenshelf.shop import Shop, ingest, profile_log, title_key

pytestmark = pytest.mark.real


def cells(raw):
    """Cells of a row of the quarantine: a record as JSON, or the line as it stood where it was none."""
    return json.loads(raw) if raw.startswith("{") else raw


@pytest.fixture(scope="module")
def retail_lines(real_data):
    return pl.read_parquet(real_data / "online_retail" / "online_retail.parquet")


@pytest.fixture(scope="module")
def retail(real_data, tmp_path_factory):
    path = tmp_path_factory.mktemp("retail") / "shop"
    source = real_data / "online_retail" / "online_retail.parquet"
    report = ingest(path, [source], table="events", constants={"kind": "purchase"}, session_gap=0)
    return Shop.open(path), report


@pytest.fixture(scope="module")
def retail_refused(retail):
    """Rows of the quarantine: by the rules over rows as they came, by those over the log as events."""
    rows = [
        {"reason": reason, **cells(raw)} for reason, raw in retail[0].quarantine().select("reason", "raw").iter_rows()
    ]
    return pl.DataFrame(rows, infer_schema_length=None).select(
        "reason",
        back=(pl.col("Quantity") < 0).fill_null(pl.col("kind") == "return"),
        user=pl.coalesce(pl.col("CustomerID").cast(pl.String), "user_id"),
        price=pl.coalesce("UnitPrice", "price"),
    )


def test_every_line_of_the_retailer_is_kept_or_refused_with_a_reason(balanced, retail):
    shop, report = retail
    (source,) = report.sources
    assert balanced(shop, report)
    assert (source.rows_in, source.rows_kept) == (541_909, 539_313)
    assert source.quarantined == {
        "missing_value": 1_454,
        "impossible_price": 1_063,
        "outlier_price": 65,
        "outlier_quantity": 14,
    }
    assert source.mapping == {
        "time": ("InvoiceDate", "by its name"),
        "user_id": ("CustomerID", "by its name"),
        "title": ("Description", "by its name"),
        "value": ("Quantity", "by its name"),
        "price": ("UnitPrice", "by its name"),
    }


def test_prices_that_no_sale_has_are_refused(retail_lines, retail_refused):
    # All lines without a description have a price of 0, so both reasons together are the non-positive prices.
    assert retail_lines.filter(pl.col("UnitPrice") <= 0).height == 2_517 == 1_454 + 1_063
    assert retail_refused.filter(reason="missing_value")["price"].unique().to_list() == [0]
    impossible = retail_refused.filter(reason="impossible_price")["price"]
    assert dict(impossible.value_counts().iter_rows()) == {0: 1_061, -11_062.06: 2}


def test_slips_of_the_pen_are_told_beside_what_is_usual(retail):
    refused = retail[0].quarantine()
    details = set(refused.filter(reason="outlier_price")["detail"])
    assert "price 12.72, where about 0.39 is usual" in details
    assert sum(text.startswith("price 8142.75") for text in details) == 1
    pieces = [cells(raw)["value"] for raw in refused.filter(reason="outlier_quantity")["raw"]]
    assert sorted(pieces, reverse=True)[:4] == [80_995, 80_995, 74_215, 74_215]


def test_negative_quantities_become_returns_and_find_their_purchases(retail, retail_lines, retail_refused):
    shop, report = retail
    assert retail_lines.filter(pl.col("Quantity") < 0).height == 10_624
    assert "10,624 purchases of negative pieces became returns" in report.sources[0].notes
    back = retail_refused.filter("back").group_by("reason").len()
    assert dict(back.iter_rows()) == {
        "missing_value": 862,
        "impossible_price": 474,
        "outlier_price": 14,
        "outlier_quantity": 4,
    }
    events = shop.scan("events")
    kept = events.filter(pl.col("kind") == "return").collect()
    assert kept.height == 9_270 == 10_624 - 862 - 474 - 14 - 4
    assert kept["value"].min() > 0
    assert report.warnings["unmatched_returns"] == 1_823
    # All pieces of 7,447 returns were bought before, and some of the pieces of 55 more.
    assert kept["purchase_time"].count() == 9_270 - 1_823 + 55
    assert (kept["purchase_time"] < kept["time"]).sum() + (kept["purchase_time"] == kept["time"]).sum() == 7_502
    bought = events.filter(pl.col("kind") == "purchase").select("value", "returned").collect()
    assert (bought["returned"].count(), bought["returned"].sum()) == (7_327, 95_152)
    assert (bought["returned"] <= bought["value"]).all()


def test_lines_without_a_customer_are_kept_and_warned_of(retail, retail_lines, retail_refused):
    shop, report = retail
    assert retail_lines["CustomerID"].null_count() == 135_080
    assert report.warnings == {"unmatched_returns": 1_823, "events_without_user": 132_553}
    assert shop.scan("events").select(pl.col("user_id").null_count()).collect().item() == 132_553
    unknown = retail_refused.filter(pl.col("user").is_null()).group_by("reason").len()
    assert dict(unknown.iter_rows()) == {"missing_value": 1_454, "impossible_price": 1_023, "outlier_price": 50}
    assert 132_553 + 1_454 + 1_023 + 50 == 135_080


def test_items_are_made_of_descriptions(retail, retail_lines):
    shop, report = retail
    (source,) = report.sources
    assert "no column holds an item_id: items are named by their titles, case and punctuation aside" in source.notes
    # 4,224 descriptions, of which one is that there is none; some differ in case, punctuation and blanks only.
    assert retail_lines["Description"].n_unique() == 4_224
    keys = {title: title_key(title) for title in retail_lines["Description"].drop_nulls().unique()}
    assert (len(keys), len(set(keys.values()))) == (4_223, 4_149)
    # Some stand only in lines without a price ("wet boxes", "lost"): notes of the store room, not items.
    paid = retail_lines.filter(pl.col("UnitPrice") > 0)["Description"].drop_nulls().unique()
    assert len({keys[title] for title in paid}) == 4_006
    assert source.items_derived == shop.rows("items") == report.tables["items"] == 4_006
    items = shop.items()
    assert set(map(title_key, items["title"])) == {keys[title] for title in paid}
    # The only line of one of them is a slip of the pen: 80,995 pieces, sent back after minutes.
    sold = shop.scan("events").select("item_id").unique().collect()
    assert items.join(sold, on="item_id", how="anti")["title"].to_list() == ["PAPER CRAFT , LITTLE BIRDIE"]


def test_moments_stand_for_the_orders_that_have_no_ids(retail):
    shop, _ = retail
    events = shop.scan("events").select("session_id", "user_id", "time", "kind").collect()
    assert events["session_id"].null_count() == 0
    assert events["session_id"].n_unique() == 23_571
    of_users = events.filter(pl.col("user_id").is_not_null())
    same = of_users.group_by("session_id").agg(pl.struct("user_id", "time").n_unique(), back=pl.col("kind") == "return")
    assert same["user_id"].max() == 1
    assert same["back"].list.n_unique().max() == 1


def test_the_profile_of_the_retailer_names_drift_and_uneven_items(retail, retail_lines):
    found = profile_log(retail[0])
    assert (found.rows, found.rows_in) == (539_313, 541_909)
    assert found.kinds == {"purchase": 530_043, "return": 9_270}
    assert (found.users, found.items, found.sessions) == (4_369, 4_005, 23_571)
    assert (found.without_user, found.without_time, found.without_session) == (132_553, 0, 0)
    assert (found.first, found.last) == ("2010-12-01T08:26:00Z", "2011-12-09T12:50:00Z")
    # 487 of the 4,224 descriptions, which are 485 of the items.
    lines = retail_lines["Description"].value_counts()["count"].sort(descending=True).cum_sum()
    assert int((lines < retail_lines.height / 2).sum()) + 1 == 487
    assert int((found.imbalance.bucket == "head").sum()) == 485
    assert [(a.name, a.severity) for a in found.artefacts] == [("popularity_drift", "warning")]


def test_lines_that_a_rule_refused_come_back_when_it_is_off(real_data, tmp_path):
    source = real_data / "online_retail" / "online_retail.parquet"
    off = ["outlier_price", "outlier_quantity", "impossible_price"]
    report = ingest(tmp_path / "shop", [source], table="events", constants={"kind": "purchase"}, off=off)
    assert report.sources[0].quarantined == {"missing_value": 1_454}
    assert report.rows == 541_909 - 1_454
    # Lines without a user are 135,080, of which 1,454 have no description either.
    assert report.warnings["events_without_user"] == 135_080 - 1_454
