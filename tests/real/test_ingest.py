"""Two real files, whole, in other settings than usual; their traps: test_ingest_fashion and test_ingest_chinese."""

from __future__ import annotations

import shutil

import pytest

from evenshelf.shop import Shop, ingest

pytestmark = pytest.mark.real


def test_fashion_again_is_the_same_shop(fashion_shop, real_data, tmp_path):
    shop, _ = fashion_shop
    shutil.copytree(shop.path, tmp_path / "shop")
    told = {"title": "productDisplayName", "category": "articleType"}
    zipped = real_data / "fashion_styles" / "styles.csv.zip"
    again = ingest(tmp_path / "shop", [zipped], mapping=told)
    assert again.sources[0].status == "again"
    assert Shop.open(tmp_path / "shop").fingerprint() == shop.fingerprint()
    assert not ingest(tmp_path / "shop", [zipped], mapping=told).changed


def test_chinese_swaps_can_be_swapped_back_and_files_that_do_not_belong_are_refused(
    real_data, chinese_reading, tmp_path
):
    source = real_data / "zh_product_titles" / "dataset.tar.xz"
    columns = chinese_reading["columns"]
    (only,) = ingest(tmp_path / "shop", [source], columns=columns, fix=["swapped_columns"]).sources
    assert only.fixed == {"swapped_columns": 8_146}
    assert only.quarantined["empty_title"] == 10
    assert only.rows_kept == 116_804
    assert only.rows_in == 120_064
    assert only.quarantined["wrong_field_count"] == 1_443 + 1_403
    assert any("no line of allcategories.csv" in note for note in only.notes)
