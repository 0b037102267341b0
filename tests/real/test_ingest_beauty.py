"""Beauty: a line is a user with all items; days with several events stand in the order of product codes."""

from __future__ import annotations

import gzip

import pytest

from evenshelf.errors import SettingError
from evenshelf.shop import Shop, ingest, profile_log

pytestmark = pytest.mark.real


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


def test_beauty_is_told_by_product_codes_and_by_the_order_of_users(by_name, balanced, real_data, tmp_path):
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


def test_numbers_of_beauty_tell_popularity_and_the_place_of_users(by_name, real_data, tmp_path):
    report, shop = beauty(real_data / "amazon_s3rec" / "Beauty.txt.gz", tmp_path)
    assert (report.rows, report.warnings) == (198_502, {"events_without_time": 198_502})
    artefacts = by_name(profile_log(shop).artefacts)
    assert artefacts["file_order_follows_user_ids"].figure == pytest.approx(1)
    assert artefacts["item_ids_follow_popularity"].figure == pytest.approx(-0.41, abs=0.005)
    assert artefacts["file_order_follows_activity"].figure == pytest.approx(-0.18, abs=0.005)
    assert "ties_follow_item_ids" not in artefacts
