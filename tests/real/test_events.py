"""Real logs and catalogues: every trap is caught by a rule or named as an artefact, by count."""

from __future__ import annotations

import csv
import gzip
import io
import tarfile
import zipfile
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from evenshelf.shop.cleaning.event_links import match_returns, session_begins, session_name
from evenshelf.shop.cleaning.event_rules import EventContext, refuse_from_log, refuse_rows
from evenshelf.shop.profiling.event_artefacts import event_artefacts
from evenshelf.shop.profiling.item_artefacts import item_artefacts
from evenshelf.shop.schema import PROVENANCE, TIME
from evenshelf.shop.tagging.by_rules import rule_tags
from evenshelf.shop.tagging.segments import rfm
from evenshelf.shop.tagging.users import parse_all

pytestmark = pytest.mark.real

CONTEXT = EventContext(now=datetime(2012, 1, 1, tzinfo=UTC))


def lines(file):
    return {
        "source_id": pl.lit("0" * 12),
        "source_file": pl.lit(file),
        "source_line": pl.int_range(1, pl.len() + 1, dtype=pl.Int64),
    }


@pytest.fixture(scope="module")
def retail(real_data):
    """All lines of the shop. It has neither item nor order ids: the description names the item."""
    frame = pl.read_parquet(real_data / "online_retail" / "online_retail.parquet")
    sent_back = pl.col("Quantity") < 0
    return frame.select(
        time=pl.col("InvoiceDate").cast(pl.Datetime("us")).dt.replace_time_zone("UTC"),
        user_id=pl.col("CustomerID").cast(pl.Int64).cast(pl.String),
        item_id="Description",
        kind=pl.when(sent_back).then(pl.lit("return")).otherwise(pl.lit("purchase")),
        value=pl.col("Quantity").abs().cast(pl.Float64),
        price="UnitPrice",
        **lines("online_retail.parquet"),
    )


@pytest.fixture(scope="module")
def sold(retail):
    """What row rules keep."""
    named = retail.filter(pl.col("item_id").is_not_null())
    return named.filter(refuse_rows(named, CONTEXT)["reason"].is_null())


def test_the_lines_of_the_shop_are_as_dirty_as_they_are(retail):
    assert retail.height == 541_909
    assert retail.filter(kind="return").height == 10_624
    assert retail["user_id"].null_count() == 135_080
    assert retail["item_id"].null_count() == 1_454
    reasons = refuse_rows(retail, CONTEXT)["reason"].value_counts()
    assert dict(reasons.drop_nulls().iter_rows()) == {"impossible_price": 2_517}
    assert refuse_rows(retail, EventContext(now=datetime(2011, 12, 1, tzinfo=UTC)))["reason"].eq(
        "future_time"
    ).sum() == (retail.filter(pl.col("time") > datetime(2011, 12, 1, tzinfo=UTC)).height)


def test_slips_of_the_pen_are_found_and_little_else(sold):
    found = refuse_from_log(sold.lazy(), CONTEXT).join(sold, on=PROVENANCE)
    assert dict(found["reason"].value_counts().iter_rows()) == {"outlier_quantity": 14, "outlier_price": 60}
    pieces = found.filter(reason="outlier_quantity").sort("value", descending=True)
    assert pieces["value"].head(4).to_list() == [80_995, 80_995, 74_215, 74_215]
    assert pieces["value"].min() == 500
    prices = found.filter(reason="outlier_price")
    assert prices.filter(item_id="POSTAGE")["price"].max() == 8_142.75
    assert "price 57.6, where about 0.29 is usual" in prices["detail"].to_list()


def test_returns_find_their_purchases(sold):
    match = match_returns(sold.lazy())
    assert (match.returns, match.matched, match.partly, match.without_user) == (9_288, 7_448, 56, 383)
    assert (match.pieces, match.matched_pieces) == (277_574, 250_196)
    out = sold.join(match.changes, on=PROVENANCE, how="left")
    assert out.height == sold.height
    large = out.filter(pl.col("value") > 70_000).sort("time")
    assert large["returned"].drop_nulls().to_list() == [74_215, 80_995]
    minutes = (large["time"] - large["purchase_time"]).drop_nulls().dt.total_minutes().to_list()
    assert minutes == [16, 12]
    # Much of what came back in the first weeks was bought before the data begin.
    lost = out.filter(
        (pl.col("kind") == "return") & pl.col("user_id").is_not_null() & pl.col("purchase_time").is_null()
    )
    assert lost.height == match.returns - match.matched - match.partly - match.without_user


def sessions(frame, gap):
    rows = frame.with_row_index("at")
    begins = session_begins(rows.lazy(), gap, "at")
    joined = rows.join(begins, on="at", how="left", maintain_order="left")
    return joined.with_columns(session_id=session_name()).drop(begins.columns)


def test_orders_are_nearly_those_of_the_original_file(retail):
    # The original has 25,900 invoices, 22,190 of them with a customer.
    found = sessions(retail, timedelta(0))
    assert found["session_id"].null_count() == 0
    assert found["session_id"].n_unique() == 25_358
    assert found.filter(pl.col("user_id").is_not_null())["session_id"].n_unique() == 22_094


def test_segments_of_buyers_and_tags_of_users(sold):
    scores = rfm(sold.lazy())
    assert scores.height == 4_338
    assert set(scores["r"].value_counts()["count"]) <= set(range(800, 936))
    champions = scores.filter(segment="champion")
    assert champions["recency"].max() < scores["recency"].median()
    rules = ["frequent: purchase >= 3 within 90 days", "gone: purchase >= 1 and purchase = 0 within 180 days"]
    tags = rule_tags(sold.lazy(), parse_all(rules))
    assert dict(tags["tag"].value_counts().iter_rows()) == {"frequent": 2_800, "gone": 860}


def test_the_shop_has_no_ties_to_read_but_its_items_come_and_go(sold):
    found = {a.name: a for a in event_artefacts(sold.lazy())}
    assert set(found) == {"popularity_drift"}
    drift = found["popularity_drift"]
    assert drift.severity == "warning"
    assert drift.figure == pytest.approx(0.34, abs=0.01)
    assert drift.expected == pytest.approx(0.056, abs=0.005)


def sequences(path):
    with gzip.open(path, "rt", encoding="utf-8") as file:
        rows = [line.split() for line in file]
    return pl.DataFrame(
        {
            "user_id": [row[0] for row in rows for _ in row[1:]],
            "item_id": [item for row in rows for item in row[1:]],
            "source_line": [k for k, row in enumerate(rows, 1) for _ in row[1:]],
        }
    ).with_columns(time=pl.lit(None, TIME), source_id=pl.lit("0" * 12), source_file=pl.lit(path.name))


@pytest.fixture(scope="module")
def beauty(real_data):
    """Beauty with the shop's product codes: line k is the same user as line k of the numbered file."""
    return sequences(real_data / "amazon_s3rec" / "gram_Beauty_user_sequence.txt.gz")


def test_same_day_ties_of_beauty_stand_in_the_order_of_product_codes(beauty):
    found = {a.name: a for a in event_artefacts(beauty.lazy())}
    last = found["last_step_follows_item_ids"]
    assert (round(last.figure, 3), last.expected, last.observations) == (0.712, 0.5, 22_363)
    ties = found["ties_follow_item_ids"]
    assert (round(ties.figure, 3), ties.observations) == (0.694, 176_139)
    assert last.severity == ties.severity == "warning"
    # Users are not in random order: those with few events stand at the end.
    assert found["file_order_follows_activity"].figure == pytest.approx(-0.18, abs=0.005)


def test_numbers_of_beauty_count_users_and_items_as_they_come(beauty, real_data):
    numbered = sequences(real_data / "amazon_s3rec" / "Beauty.txt.gz")
    codes = pl.DataFrame({"number": numbered["item_id"], "code": beauty["item_id"]}).unique()
    assert codes.height == codes["code"].n_unique() == codes["number"].n_unique() == 12_101
    found = {a.name: a for a in event_artefacts(numbered.lazy())}
    assert found["file_order_follows_user_ids"].figure == pytest.approx(1)
    assert found["item_ids_follow_popularity"].figure == pytest.approx(-0.41, abs=0.005)
    assert "ties_follow_item_ids" not in found


def test_beauty_in_random_order_raises_no_alarm(beauty):
    users, items = beauty["user_id"].unique(maintain_order=True), beauty["item_id"].unique(maintain_order=True)
    for seed in range(4):
        rng = np.random.default_rng(seed)
        names = {old: f"{new:06d}" for old, new in zip(items, rng.permutation(len(items)), strict=True)}
        people = {old: f"{new:06d}" for old, new in zip(users, rng.permutation(len(users)), strict=True)}
        shuffled = (
            beauty.drop(*PROVENANCE)
            .with_columns(pl.col("item_id").replace_strict(names), pl.col("user_id").replace_strict(people))
            .select(pl.all().gather(pl.Series(rng.permutation(beauty.height))))
            .with_columns(**lines("shuffled"))
        )
        assert event_artefacts(shuffled.lazy(), seed=seed) == ()


@pytest.fixture(scope="module")
def fashion(real_data):
    """The 44,424 whole lines of the fashion shop."""
    with zipfile.ZipFile(real_data / "fashion_styles" / "styles.csv.zip") as file:
        (name,) = (name for name in file.namelist() if name.endswith("styles.csv") and "MACOSX" not in name)
        text = file.read(name).decode("utf-8")
    head, *rows = (line.split(",") for line in text.splitlines())
    whole = [dict(zip(head, row, strict=True)) for row in rows if len(row) == len(head)]
    frame = pl.DataFrame(whole).select(item_id="id", title="productDisplayName", category="articleType")
    return frame.with_columns(**lines("styles.csv"))


def test_fashion_tells_labels_by_titles_copies_and_ids(fashion):
    assert fashion.height == 44_424
    found = {a.name: a for a in item_artefacts(fashion)}
    assert set(found) == {"labels_in_item_ids", "label_words_in_titles", "near_duplicates_across_splits"}
    assert found["label_words_in_titles"].figure == pytest.approx(0.62, abs=0.005)
    assert found["label_words_in_titles"].expected == pytest.approx(0.035, abs=0.005)
    assert found["near_duplicates_across_splits"].figure == pytest.approx(0.43, abs=0.005)
    neighbours = found["labels_in_item_ids"]
    assert (round(neighbours.figure, 2), round(neighbours.expected, 2)) == (0.77, 0.05)
    assert {a.severity for a in found.values()} == {"warning"}


def test_fashion_in_random_order_tells_nothing_by_ids(fashion):
    alone = fashion.head(8_000).with_columns(title_group=pl.int_range(pl.len()), title=pl.lit("x"))
    for seed in range(20):
        rng = np.random.default_rng(seed)
        shuffled = alone.with_columns(item_id=pl.col("item_id").gather(pl.Series(rng.permutation(alone.height))))
        assert item_artefacts(shuffled, seed=seed) == ()


def test_chinese_titles_come_file_by_file(real_data):
    rows = []
    with tarfile.open(real_data / "zh_product_titles" / "dataset.tar.xz") as archive:
        for member in archive:
            file = archive.extractfile(member) if member.name.endswith(".csv") else None
            if file is None or member.name.endswith("allcategories.csv"):
                continue
            text = io.TextIOWrapper(file, encoding="utf-8", newline="")
            rows += [(member.name, at, row[0], row[2]) for at, row in enumerate(csv.reader(text), 1) if len(row) == 6]
    frame = pl.DataFrame(
        rows,
        schema={"source_file": pl.String, "source_line": pl.Int64, "category": pl.String, "title": pl.String},
        orient="row",
    ).with_columns(source_id=pl.lit("0" * 12), item_id=pl.format("{}:{}", "source_file", "source_line"))
    found = {a.name: a for a in item_artefacts(frame.with_columns(title_group=pl.int_range(pl.len())))}
    assert found["labels_in_file_order"].figure > 0.98
    assert found["labels_in_file_order"].expected < 0.01
    assert found["labels_in_item_ids"].figure > 0.98
