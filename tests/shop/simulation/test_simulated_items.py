"""Items of the simulated shop: deterministic, uneven, and neither trivial nor hopeless."""

from __future__ import annotations

import hashlib
import re

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.model_selection import GroupKFold, cross_val_predict, cross_val_score
from sklearn.naive_bayes import ComplementNB

from evenshelf.errors import SettingError
from evenshelf.shop import Imbalance, label_held, simulate, title_groups
from evenshelf.shop.schema import ITEMS
from evenshelf.shop.simulation import WORLDS, Settings
from evenshelf.shop.simulation.assortment import HEAD, Assortment, attribute_texts
from evenshelf.shop.simulation.parameters import PARAMETERS
from evenshelf.shop.simulation.words import CATEGORIES, COLOURS, DEPARTMENTS


def items_of(items=2000, seed=7, world="language", language="both") -> pl.DataFrame:
    return pl.concat(Assortment(Settings.of(items, seed, world, language)).batches())


def guesses(frame: pl.DataFrame) -> np.ndarray:
    """Categories by a simple model of the titles, each guessed by a model that has not seen a title like it."""
    titles, labels = frame["title"].to_list(), frame["category"].to_list()
    vectors = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4)).fit_transform(titles)
    return cross_val_predict(ComplementNB(alpha=0.1), vectors, labels, groups=title_groups(titles), cv=GroupKFold(3))


@given(st.integers(1, 300), st.integers(0, 2**40), st.sampled_from(list(WORLDS)), st.sampled_from(["both", "en", "zh"]))
@settings(max_examples=25, deadline=None)
def test_equal_settings_make_equal_items(items, seed, world, language):
    first = items_of(items, seed, world, language)
    ITEMS.check(first)
    assert first.equals(items_of(items, seed, world, language))
    assert first.height == items == first["item_id"].n_unique()
    assert first["title"].str.strip_chars().str.len_chars().min() > 0
    assert first["price"].min() > 0
    assert not first.equals(items_of(items, seed + 1, world, language))


@pytest.mark.parametrize(
    ("world", "language", "digest"),
    [
        ("language", "both", "cfd4ba3e9f31"),
        ("language", "en", "ac0601fbe0d5"),
        ("language", "zh", "eea87bec0e94"),
        ("codes", "both", "ce0700c610bb"),
    ],
)
def test_figures_that_were_measured_on_these_items_still_hold(world, language, digest):
    columns = ["item_id", "title", "category", "path", "brand", "price", "language"]
    text = items_of(2000, 7, world, language).select(columns).write_csv()
    assert hashlib.sha256(text.encode()).hexdigest()[:12] == digest


def test_sport_shoes_are_in_the_tail_and_no_category_is_missing():
    counts = dict(items_of(language="en")["category"].value_counts().iter_rows())
    assert len(counts) == len(CATEGORIES) >= 40
    got = Imbalance.from_counts(counts)
    bucket = dict(zip(got.groups, got.bucket.tolist(), strict=True))
    assert {bucket[name] for name in ("Trail Running Shoe", "Tennis Shoe", "Football Boot", "Climbing Shoe")} == {
        "tail"
    }
    assert bucket["T-Shirt"] == "head"
    assert got.ratio > 50


def test_categories_follow_zipf():
    category = Assortment(Settings.of(100_000)).category
    counts = np.bincount(category, minlength=len(CATEGORIES))
    slope = np.polyfit(np.log(np.arange(1, counts.size + 1)), np.log(counts), 1, w=np.sqrt(counts))[0]
    assert slope == pytest.approx(-PARAMETERS.category_zipf, abs=0.03)


@pytest.mark.parametrize("language", ["both", "en", "zh"])
def test_titles_are_worth_a_study(language):
    items = items_of(language=language)
    titles, labels = items["title"].to_list(), items["category"].to_list()
    assert 0.5 < label_held(titles, labels).mean() < 0.65
    assert 0.05 < 1 - items["title"].n_unique() / 2000 < 0.2
    assert 0.6 < (guesses(items) == np.array(labels)).mean() < 0.95


def test_codes_tell_nothing():
    items = items_of(world="codes", language="en")
    titles, labels = items["title"].to_list(), items["category"].to_list()
    assert all(re.fullmatch(r"[A-Z]{3}-\d{5}-\d{2}", title) for title in titles)
    assert items["description"].null_count() == items["tags"].null_count() == items.height
    vectors = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4)).fit_transform(titles)
    accuracy = cross_val_score(ComplementNB(alpha=0.1), vectors, labels, cv=3).mean()
    assert accuracy <= items["category"].value_counts()["count"].max() / 2000 + 0.02


def test_misleading_titles_of_rare_categories_look_like_those_of_a_frequent_one():
    plain, misleading = items_of(language="en"), items_of(world="misleading", language="en")
    names = [category.names["en"] for category in CATEGORIES]
    found = {}
    for name, frame in (("plain", plain), ("misleading", misleading)):
        rank = np.array([names.index(label) for label in frame["category"]])
        guess = np.array([names.index(label) for label in guesses(frame)])
        rare = rank >= len(names) // 2
        found[name] = ((guess == rank)[rare].mean(), (guess == rank % HEAD)[rare].mean(), (guess == rank)[~rare].mean())
    assert found["misleading"][0] < 0.5 * found["plain"][0]
    assert found["misleading"][1] > 0.5
    assert found["plain"][1] < 0.1
    assert found["misleading"][2] == pytest.approx(found["plain"][2], abs=0.05)


def test_flat_has_no_imbalance():
    counts = items_of(world="flat")["category"].value_counts()["count"]
    assert counts.max() - counts.min() <= 1


def test_noisy_has_a_tenth_of_wrong_labels_and_items_that_repeat():
    noisy = Assortment(Settings.of(2000, world="noisy"))
    frame = pl.concat(noisy.batches())
    assert (noisy.shown != noisy.category).sum() == 200
    copies = np.flatnonzero(noisy.copy_of >= 0)
    assert 35 <= copies.size <= 40
    for column in ("title", "brand", "price", "language"):
        assert frame[column].gather(copies).to_list() == frame[column].gather(noisy.copy_of[copies]).to_list()


def test_languages_are_what_they_say():
    han = pl.col("title").str.contains(r"[\u4e00-\u9fff]")
    assert not items_of(500, language="en").select(han.any()).item()
    assert items_of(500, language="zh").select(han.mean()).item() > 0.95
    both = items_of(500)
    assert 0.4 < both.select(han.mean()).item() < 0.6
    assert "Running Shoe / 跑步鞋" in both["category"].to_list()


def test_tags_name_what_the_title_says():
    items = items_of(500, language="en")
    colours = set(COLOURS["en"])
    said = items.with_columns(last=pl.col("title").str.split(" ").list.last()).filter(pl.col("last").is_in(colours))
    assert said.height > 100
    assert said.select((pl.col("tags").str.split("|").list.last() == pl.col("last")).mean()).item() > 0.95
    assert items["description"].null_count() == 0


def test_the_words_are_sound():
    names = [category.names[tongue] for category in CATEGORIES for tongue in ("en", "zh")]
    assert len(set(names)) == len(names)
    assert len(attribute_texts("en")) == len(attribute_texts("zh"))
    for category in CATEGORIES:
        assert category.department in DEPARTMENTS
        for tongue in ("en", "zh"):
            assert category.synonyms[tongue]
            assert category.hints[tongue]
            assert all(word == word.strip() != "" for word in (*category.synonyms[tongue], *category.hints[tongue]))


def test_problems_come_all_at_once(tmp_path):
    with pytest.raises(SettingError) as caught:
        simulate(tmp_path / "x", items=0, seed=-1, world="word", language="fr", users=0, days=0, events=-1, pictures=1)
    words = ("items", "seed", "'word'", "'fr'", "users", "days", "events", "pictures")
    assert all(word in str(caught.value) for word in words)
    assert not (tmp_path / "x").exists()
