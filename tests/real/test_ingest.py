"""Two real files, whole: every trap they hold is found and counted."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from evenshelf.shop import Shop, ingest, profile, title_groups, title_key

pytestmark = pytest.mark.real

ZH_COLUMNS = ["code", "path", "title", "breadcrumb", "shop", "seller"]


@pytest.fixture(scope="module")
def fashion(real_data, tmp_path_factory):
    path = tmp_path_factory.mktemp("fashion") / "shop"
    report = ingest(path, [real_data / "fashion_styles" / "styles.csv.zip"])
    return Shop.open(path), report


@pytest.fixture(scope="module")
def chinese(real_data, tmp_path_factory):
    path = tmp_path_factory.mktemp("chinese") / "shop"
    source = real_data / "zh_product_titles" / "dataset.tar.xz"
    report = ingest(path, [source], columns=ZH_COLUMNS, exclude=["allcategories.csv"])
    return Shop.open(path), report


def test_fashion_is_ingested_whole(fashion, real_data):
    shop, report = fashion
    (source,) = report.sources
    assert source.rows_in == 44_446
    assert source.rows_kept == 44_424
    assert source.quarantined == {"wrong_field_count": 22}
    assert source.mapping == {
        "item_id": ("id", "by its name"),
        "title": ("productDisplayName", "by its name"),
        "category": ("articleType", "by its name"),
    }
    refused = shop.quarantine()["detail"].value_counts()
    assert dict(refused.iter_rows()) == {"11 fields, 10 expected": 20, "12 fields, 10 expected": 2}
    told = {"title": "productDisplayName", "category": "articleType"}
    zipped = real_data / "fashion_styles" / "styles.csv.zip"
    again = ingest(shop.path, [zipped], mapping=told)
    assert again.sources[0].status == "again"
    assert Shop.open(shop.path).fingerprint() == shop.fingerprint()
    assert not ingest(shop.path, [zipped], mapping=told).changed


def test_fashion_repeats_and_contradicts_itself(fashion):
    shop, report = fashion
    # 248 rows by the exact title; ten more by titles that differ in case, punctuation or blanks only.
    assert report.warnings == {"repeated_titles": 13_302, "conflicting_labels": 258, "placeholder_titles": 7}
    items = shop.items()
    votes = items.group_by("title", "category").len()
    assert items.height - votes.group_by("title").agg(pl.col("len").max())["len"].sum() == 248


def test_profile_of_fashion(fashion):
    got = profile(fashion[0])
    assert len(got.imbalance.groups) == 143
    assert got.imbalance.few_shot == 53
    assert got.imbalance.gini == pytest.approx(0.79, abs=0.005)
    assert int((got.imbalance.bucket == "head").sum()) == 8
    assert got.exact_repeats == pytest.approx(0.30, abs=0.005)
    assert got.label_in_title == pytest.approx(0.62, abs=0.005)
    assert got.scripts["latin"] == pytest.approx(1, abs=0.001)


def test_chinese_is_ingested_whole(chinese):
    shop, report = chinese
    (source,) = report.sources
    assert source.members == 705
    assert source.rows_in == 118_661
    assert source.blank_lines == 492
    assert source.quarantined == {
        "swapped_columns": 8_146,
        "wrong_field_count": 1_443,
        "code_differs_from_file": 366,
        "control_characters_title": 18,
        "category_differs_from_code": 14,
        "empty_title": 1,
    }
    assert source.rows_kept == 108_673
    assert source.literal_quotes == 10
    assert source.mapping["category"][0] == "path"
    items = shop.items()
    assert items["category"].n_unique() == items["code"].n_unique() == 693


def test_no_chinese_title_gives_its_path_away(chinese):
    items = chinese[0].items()
    parts = items["title"].str.replace_all(r"<+[^<>]*>+", "").str.count_matches(">+")
    assert int((parts >= 2).sum()) == 0


def test_swaps_of_whole_lines_and_of_broken_ones_are_those_expected(chinese):
    refused = chinese[0].quarantine()
    broken = [
        cells
        for cells in (raw.split(",") for raw in refused.filter(reason="wrong_field_count")["raw"])
        if len(cells) > 3 and ">" in cells[2] and ">" not in cells[3]
    ]
    assert len(broken) == 517
    assert refused.filter(reason="swapped_columns").height + len(broken) >= 8_661


def test_chinese_swaps_can_be_swapped_back(real_data, tmp_path):
    source = real_data / "zh_product_titles" / "dataset.tar.xz"
    report = ingest(
        tmp_path / "shop", [source], columns=ZH_COLUMNS, exclude=["allcategories.csv"], fix=["swapped_columns"]
    )
    (only,) = report.sources
    assert only.fixed == {"swapped_columns": 8_146}
    assert only.quarantined["empty_title"] == 10
    assert only.rows_kept == 116_804


def test_files_that_do_not_belong_are_refused_row_by_row(real_data, tmp_path):
    source = real_data / "zh_product_titles" / "dataset.tar.xz"
    (only,) = ingest(tmp_path / "shop", [source], columns=ZH_COLUMNS).sources
    assert only.rows_in == 120_064
    assert only.quarantined["wrong_field_count"] == 1_443 + 1_403
    assert any("no line of allcategories.csv" in note for note in only.notes)


def test_groups_of_titles_are_not_chained(fashion, chinese):
    for (shop, _), most, most_keys in ((fashion, 82, 14), (chinese, 53, 53)):
        titles = shop.items()["title"].to_list()
        groups = title_groups(titles)
        sizes = np.bincount(groups)
        assert sizes.max() == most
        keys = pl.DataFrame({"group": groups, "key": [title_key(t) for t in titles]})
        assert keys.group_by("group").agg(pl.col("key").n_unique())["key"].max() <= most_keys
