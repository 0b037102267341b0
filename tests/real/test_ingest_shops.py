"""Real shops through ingest: every known trap is caught by a rule, a warning or an artefact, by count."""

from __future__ import annotations

import csv
import gzip
import io
import json
import tarfile
from collections import Counter
from pathlib import PurePosixPath

import polars as pl
import pytest

from evenshelf.errors import SettingError
from evenshelf.shop import Shop, ingest, profile, profile_log, title_key

pytestmark = pytest.mark.real


def by_name(artefacts):
    return {artefact.name: artefact for artefact in artefacts}


def cells(raw):
    """Cells of a row of the quarantine: a record as JSON, or the line as it stood where it was none."""
    return json.loads(raw) if raw.startswith("{") else raw


# Online Retail: neither item nor order ids, returns among the sales, corrections of the books, slips of the pen.


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


# Fashion: unquoted commas, copies, ambiguous titles, labels inside titles.


@pytest.fixture(scope="module")
def fashion_profile(fashion_shop):
    return profile(fashion_shop[0])


def test_lines_with_unquoted_commas_are_refused(balanced, fashion_shop):
    shop, report = fashion_shop
    (source,) = report.sources
    assert balanced(shop, report)
    assert (source.rows_in, source.rows_kept) == (44_446, 44_424)
    assert source.quarantined == {"wrong_field_count": 22}
    assert source.mapping == {
        "item_id": ("id", "by its name"),
        "title": ("productDisplayName", "by its name"),
        "category": ("articleType", "by its name"),
    }
    refused = shop.quarantine()
    fields = dict(refused["detail"].value_counts().iter_rows())
    assert fields == {"11 fields, 10 expected": 20, "12 fields, 10 expected": 2}
    assert not refused["raw"].str.contains('"', literal=True).any()


def test_fashion_repeats_and_contradicts_itself(fashion_shop, fashion_profile):
    shop, report = fashion_shop
    # 248 rows by the exact title; ten more by titles that differ in case, punctuation or blanks only.
    assert report.warnings == {"repeated_titles": 13_302, "conflicting_labels": 258, "placeholder_titles": 7}
    items = shop.items()
    votes = items.group_by("title", "category").len()
    assert items.height - votes.group_by("title").agg(pl.col("len").max())["len"].sum() == 248
    assert items["minority_label"].sum() == fashion_profile.conflicting_labels == 258
    assert fashion_profile.exact_repeats == pytest.approx(0.30, abs=0.005)
    copies = by_name(fashion_profile.artefacts)["near_duplicates_across_splits"]
    assert (round(copies.figure, 2), copies.severity, copies.observations) == (0.43, "warning", 44_424)


def test_classes_of_fashion_are_as_uneven_as_they_are(fashion_profile):
    imbalance = fashion_profile.imbalance
    assert len(imbalance.groups) == 143
    # Three of the 7,070 stand in lines with unquoted commas.
    assert (imbalance.groups[0], imbalance.counts[0]) == ("Tshirts", 7_067)
    counts = imbalance.counts
    assert (imbalance.few_shot, int((counts < 5).sum()), int((counts == 1).sum())) == (53, 20, 7)
    assert int((imbalance.bucket == "head").sum()) == 8
    assert imbalance.gini == pytest.approx(0.79, abs=0.005)


def test_titles_of_fashion_hold_their_labels(fashion_profile):
    assert fashion_profile.label_in_title == pytest.approx(0.62, abs=0.005)
    assert fashion_profile.label_word_in_title == pytest.approx(0.83, abs=0.005)
    found = by_name(fashion_profile.artefacts)
    assert set(found) == {"labels_in_item_ids", "label_words_in_titles", "near_duplicates_across_splits"}
    words = found["label_words_in_titles"]
    assert (round(words.figure, 2), round(words.expected, 2), words.severity) == (0.62, 0.04, "warning")
    assert fashion_profile.scripts["latin"] == pytest.approx(1, abs=0.001)


# Chinese titles: blank lines, short rows, codes that differ from their file, titles and breadcrumbs swapped.


@pytest.fixture(scope="module")
def chinese_lines(real_data):
    """Cells of every line that is not blank, as the csv module reads them, by file and line."""
    lines, blank = {}, 0
    with tarfile.open(real_data / "zh_product_titles" / "dataset.tar.xz") as archive:
        for member in archive:
            file = archive.extractfile(member) if member.name.endswith(".csv") else None
            if file is None or member.name.endswith("allcategories.csv"):
                continue
            reader = csv.reader(io.TextIOWrapper(file, encoding="utf-8", newline=""))
            before = 0
            for row in reader:
                if row:
                    lines[member.name, before + 1] = row
                blank += not row
                before = reader.line_num
    return lines, blank


@pytest.fixture(scope="module")
def chinese_fate(chinese_shop):
    """What became of every line: the reason why it was refused, or kept."""
    shop, _ = chinese_shop
    kept = shop.items().select("source_file", "source_line", reason=pl.lit("kept"))
    refused = shop.quarantine().select("source_file", "source_line", "reason")
    return {(file, line): reason for file, line, reason in pl.concat([kept, refused]).iter_rows()}


def test_chinese_titles_are_kept_or_refused_with_a_reason(balanced, chinese_shop, chinese_lines):
    shop, report = chinese_shop
    (source,) = report.sources
    assert balanced(shop, report)
    assert source.members == 705
    assert (source.rows_in, source.rows_kept) == (len(chinese_lines[0]), 108_673) == (118_661, 108_673)
    assert source.blank_lines == chinese_lines[1] == 492
    assert source.quarantined == {
        "swapped_columns": 8_146,
        "wrong_field_count": 1_443,
        "code_differs_from_file": 366,
        "control_characters_title": 18,
        "category_differs_from_code": 14,
        "empty_title": 1,
    }
    assert source.literal_quotes == report.warnings["literal_quotes"] == 10
    assert source.mapping["category"][0] == "path"
    items = shop.items()
    assert items["category"].n_unique() == items["code"].n_unique() == 693


def test_short_and_long_lines_are_refused(chinese_shop, chinese_lines, chinese_fate):
    details = chinese_shop[0].quarantine().filter(reason="wrong_field_count")["detail"]
    fields = details.str.extract(r"^(\d+) fields, 6 expected$").cast(pl.Int64)
    assert (int((fields < 6).sum()), int((fields > 6).sum())) == (311, 1_132)
    # Two more are short only for who takes a stray quote for the begin of a quoted cell.
    short = [place for place, row in chinese_lines[0].items() if len(row) < 6]
    assert Counter(chinese_fate[place] for place in short) == {"wrong_field_count": 311, "kept": 2}


def test_codes_that_differ_from_their_file_are_refused(chinese_lines, chinese_fate):
    wrong = [place for place, row in chinese_lines[0].items() if row[0] != PurePosixPath(place[0]).stem]
    assert len(wrong) == 728
    assert Counter(chinese_fate[place] for place in wrong) == {
        "code_differs_from_file": 366,
        "wrong_field_count": 301,
        "kept": 61,
    }
    # A file of corrections holds rows of many categories, and is not named by any.
    assert {place[0] for place in wrong if chinese_fate[place] == "kept"} == {"dataset/correction.csv"}


def test_swapped_titles_and_breadcrumbs_are_refused(chinese_shop, chinese_lines, chinese_fate):
    lines, _ = chinese_lines
    swapped = [at for at, row in lines.items() if len(row) > 3 and ">" in row[2] and ">" not in row[3]]
    assert (len(swapped), len({file for file, _ in swapped})) == (8_661, 38)
    assert Counter(chinese_fate[place] for place in swapped) == {
        "swapped_columns": 8_141,
        "wrong_field_count": 517,
        "kept": 3,
    }
    # One of the three has a title with <brackets>. Two hold a stray quote: read as text, it leaves both cells apart.
    kept = [lines[place] for place in swapped if chinese_fate[place] == "kept"]
    assert sorted(len(row) for row in kept) == [5, 5, 6]
    assert [row[2].count(">") for row in kept if len(row) == 6] == [1]
    # And five whose real title, where the breadcrumb should be, has <brackets>.
    found = {at for at, reason in chinese_fate.items() if reason == "swapped_columns"}
    more = found.difference(swapped)
    assert len(more) == 5
    assert all("<" in lines[at][3] for at in more)
    items = chinese_shop[0].items()
    parts = items["title"].str.replace_all(r"<+[^<>]*>+", "").str.count_matches(">+")
    assert int((parts >= 2).sum()) == 0


def test_the_profile_of_chinese_titles_names_order_labels_and_copies(chinese_shop):
    found = profile(chinese_shop[0])
    assert found.imbalance.gini == pytest.approx(0.22, abs=0.005)
    assert found.warnings == {"conflicting_labels": 904, "repeated_titles": 5_056, "literal_quotes": 10}
    artefacts = by_name(found.artefacts)
    assert {name: round(a.figure, 2) for name, a in artefacts.items()} == {
        "labels_in_file_order": 0.99,
        "label_words_in_titles": 0.51,
        "near_duplicates_across_splits": 0.10,
    }
    assert {a.severity for a in artefacts.values()} == {"warning"}


# Beauty: a line is a user with all items; days with several events stand in the order of product codes.


def events_of(source, out):
    """Write one event a line where the source has one user a line, as it must be before it is a log."""
    with gzip.open(source, "rt", encoding="utf-8") as rows, out.open("w", encoding="utf-8") as file:
        file.write("user_id,item_id\n")
        for row in rows:
            user, *items = row.split()
            file.writelines(f"{user},{item}\n" for item in items)
    return out


def beauty(source, folder):
    log = events_of(source, folder / "events.csv")
    return ingest(folder / "shop", [log], table="events", constants={"kind": "purchase"}), Shop.open(folder / "shop")


def test_lines_of_users_are_no_events(real_data, tmp_path):
    source = real_data / "amazon_s3rec" / "gram_Beauty_user_sequence.txt.gz"
    with pytest.raises(SettingError, match="no column is known to hold the item_id"):
        ingest(tmp_path / "shop", [source], table="events")
    assert not (tmp_path / "shop").exists()


def test_beauty_is_told_by_product_codes_and_by_the_order_of_users(balanced, real_data, tmp_path):
    report, shop = beauty(real_data / "amazon_s3rec" / "gram_Beauty_user_sequence.txt.gz", tmp_path)
    assert balanced(shop, report)
    assert (report.sources[0].rows_in, report.rows) == (198_502, 198_502)
    # Days are not in the files: only the order within a user is left.
    assert report.warnings == {"events_without_time": 198_502}
    found = profile_log(shop)
    assert (found.users, found.items, found.without_time) == (22_363, 12_101, 198_502)
    artefacts = by_name(found.artefacts)
    assert {name: round(a.figure, 2) for name, a in artefacts.items()} == {
        "ties_follow_item_ids": 0.69,
        "last_step_follows_item_ids": 0.71,
        "file_order_follows_item_ids": 0.58,
        "file_order_follows_activity": -0.18,
        "popularity_drift": 0.37,
    }
    last = artefacts["last_step_follows_item_ids"]
    assert (round(last.figure, 3), last.expected, last.observations, last.severity) == (0.712, 0.5, 22_363, "warning")
    ties = artefacts["ties_follow_item_ids"]
    assert (round(ties.figure, 3), ties.observations, ties.severity) == (0.694, 176_139, "warning")


def test_numbers_of_beauty_tell_popularity_and_the_place_of_users(real_data, tmp_path):
    report, shop = beauty(real_data / "amazon_s3rec" / "Beauty.txt.gz", tmp_path)
    assert (report.rows, report.warnings) == (198_502, {"events_without_time": 198_502})
    artefacts = by_name(profile_log(shop).artefacts)
    assert artefacts["file_order_follows_user_ids"].figure == pytest.approx(1)
    assert artefacts["item_ids_follow_popularity"].figure == pytest.approx(-0.41, abs=0.005)
    assert artefacts["file_order_follows_activity"].figure == pytest.approx(-0.18, abs=0.005)
    assert "ties_follow_item_ids" not in artefacts
