"""Chinese titles: blank lines, short rows, wrong codes, swapped titles and breadcrumbs; all traps caught, by count."""

from __future__ import annotations

import csv
import io
import tarfile
from collections import Counter
from pathlib import PurePosixPath

import polars as pl
import pytest

from evenshelf.shop import profile

pytestmark = pytest.mark.real


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


def test_the_profile_of_chinese_titles_names_order_labels_and_copies(by_name, chinese_shop):
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


def test_groups_of_titles_are_not_chained(largest_group, chinese_shop):
    titles, different = largest_group(chinese_shop[0])
    assert titles == 53
    assert different <= 53
