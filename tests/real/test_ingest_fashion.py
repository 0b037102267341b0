"""Fashion: unquoted commas, copies, ambiguous titles, labels inside titles; each trap is caught, by count."""

from __future__ import annotations

import polars as pl
import pytest

from evenshelf.shop import profile

pytestmark = pytest.mark.real


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


def test_fashion_repeats_and_contradicts_itself(by_name, fashion_shop, fashion_profile):
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


def test_titles_of_fashion_hold_their_labels(by_name, fashion_profile):
    assert fashion_profile.label_in_title == pytest.approx(0.62, abs=0.005)
    assert fashion_profile.label_word_in_title == pytest.approx(0.83, abs=0.005)
    found = by_name(fashion_profile.artefacts)
    assert set(found) == {"labels_in_item_ids", "label_words_in_titles", "near_duplicates_across_splits"}
    words = found["label_words_in_titles"]
    assert (round(words.figure, 2), round(words.expected, 2), words.severity) == (0.62, 0.04, "warning")
    assert fashion_profile.scripts["latin"] == pytest.approx(1, abs=0.001)


def test_groups_of_titles_are_not_chained(largest_group, fashion_shop):
    titles, different = largest_group(fashion_shop[0])
    assert titles == 82
    assert different <= 14
