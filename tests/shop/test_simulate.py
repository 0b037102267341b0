"""The simulated shop: deterministic, uneven, and neither trivial nor hopeless."""

from __future__ import annotations

import re

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import GroupKFold, cross_val_score
from sklearn.naive_bayes import ComplementNB

from evenshelf.errors import SettingError
from evenshelf.shop import Imbalance, Shop, label_held, simulate, title_groups
from evenshelf.shop.catalogue import CATEGORIES, DEPARTMENTS
from evenshelf.shop.simulate import simulated_items


@given(
    st.integers(1, 300),
    st.integers(0, 2**40),
    st.sampled_from(["language", "codes"]),
    st.sampled_from(["both", "en", "zh"]),
)
@settings(max_examples=25, deadline=None)
def test_equal_settings_make_equal_items(items, seed, world, language):
    first = simulated_items(items, seed, world, language)
    assert first.equals(simulated_items(items, seed, world, language))
    assert first.height == items == first["item_id"].n_unique()
    assert first["title"].str.strip_chars().str.len_chars().min() > 0
    assert first["price"].min() > 0
    assert not first.equals(simulated_items(items, seed + 1, world, language))


def test_equal_seeds_make_equal_bytes(tmp_path):
    a, b = simulate(tmp_path / "a", items=500), simulate(tmp_path / "b", items=500)
    files = [shop.path / shop.manifest.tables["items"].file for shop in (a, b)]
    assert files[0].read_bytes() == files[1].read_bytes()
    assert Shop.open(tmp_path / "a").manifest.origin.startswith("simulate(items=500, seed=7")


def test_sport_shoes_are_in_the_tail_and_no_category_is_missing():
    items = simulated_items(2000, 7, "language", "en")
    counts = dict(items["category"].value_counts().iter_rows())
    assert len(counts) == len(CATEGORIES) >= 40
    got = Imbalance.from_counts(counts)
    bucket = dict(zip(got.groups, got.bucket.tolist(), strict=True))
    assert {bucket[name] for name in ("Trail Running Shoe", "Tennis Shoe", "Football Boot", "Climbing Shoe")} == {
        "tail"
    }
    assert bucket["T-Shirt"] == "head"
    assert got.ratio > 50


@pytest.mark.parametrize("language", ["both", "en", "zh"])
def test_titles_are_worth_a_study(language):
    items = simulated_items(2000, 7, "language", language)
    titles, labels = items["title"].to_list(), items["category"].to_list()
    assert 0.5 < label_held(titles, labels).mean() < 0.65
    assert 0.05 < 1 - items["title"].n_unique() / 2000 < 0.2
    vectors = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4)).fit_transform(titles)
    folds = GroupKFold(3)
    accuracy = cross_val_score(ComplementNB(alpha=0.1), vectors, labels, groups=title_groups(titles), cv=folds).mean()
    assert 0.6 < accuracy < 0.95


def test_codes_tell_nothing():
    items = simulated_items(2000, 7, "codes", "en")
    titles, labels = items["title"].to_list(), items["category"].to_list()
    assert all(re.fullmatch(r"[A-Z]{3}-\d{5}-\d{2}", title) for title in titles)
    vectors = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4)).fit_transform(titles)
    accuracy = cross_val_score(ComplementNB(alpha=0.1), vectors, labels, cv=3).mean()
    assert accuracy <= items["category"].value_counts()["count"].max() / 2000 + 0.02


def test_languages_are_what_they_say():
    han = pl.col("title").str.contains(r"[\u4e00-\u9fff]")
    assert not simulated_items(500, 7, "language", "en").select(han.any()).item()
    assert simulated_items(500, 7, "language", "zh").select(han.mean()).item() > 0.95
    both = simulated_items(500, 7, "language", "both")
    assert 0.4 < both.select(han.mean()).item() < 0.6
    assert "Running Shoe / 跑步鞋" in both["category"].to_list()


def test_the_catalogue_is_sound():
    names = [category.names[tongue] for category in CATEGORIES for tongue in ("en", "zh")]
    assert len(set(names)) == len(names)
    for category in CATEGORIES:
        assert category.department in DEPARTMENTS
        for tongue in ("en", "zh"):
            assert category.synonyms[tongue]
            assert category.hints[tongue]
            assert all(word == word.strip() != "" for word in (*category.synonyms[tongue], *category.hints[tongue]))


def test_problems_come_all_at_once(tmp_path):
    with pytest.raises(SettingError) as caught:
        simulate(tmp_path / "x", items=0, seed=-1, world="word", language="fr")
    assert all(word in str(caught.value) for word in ("items", "seed", "'word'", "'fr'"))
    assert not (tmp_path / "x").exists()
