"""Traits of examples: which columns they are, how they are cut, and that they follow their examples."""

from __future__ import annotations

import math

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenshelf.errors import InputError
from evenshelf.shop import Shop, ingest
from evenshelf.tasks.label import LabelTask
from evenshelf.tasks.traits import BANDS, FEW, cut, read_traits, usual_traits
from tests.catalogues import catalogue

BRANDS = ["Acme", "跑步", "<b>x</b>", ""]


@pytest.fixture(scope="module")
def table():
    titles, labels = catalogue()
    rows = len(titles)
    return pl.DataFrame(
        {
            "id": range(rows),
            "title": titles,
            "category": [None if n % 40 == 7 else label for n, label in enumerate(labels)],
            "brand": [BRANDS[n % 4] for n in range(rows)],
            "price": [None if n % 10 == 3 else 1 + n / 8 for n in range(rows)],
            "Vendor": [f"v{n % 3}" for n in range(rows)],
            "season": [("summer", "winter")[n % 2] for n in range(rows)],
        }
    )


@pytest.fixture(scope="module")
def shop(table, tmp_path_factory):
    folder = tmp_path_factory.mktemp("traits")
    table.write_csv(folder / "items.csv")
    ingest(folder / "shop", [folder / "items.csv"])
    return Shop.open(folder / "shop")


def test_brand_seller_and_price_are_kept_beside_their_examples(shop, table):
    task = LabelTask.from_shop(shop)
    assert task.traits.columns == ["brand", "Vendor", "price"]
    known = table.filter(pl.col("category").is_not_null())
    of = {title: (brand or None, vendor, price) for title, brand, vendor, price in zip(
        known["title"], known["brand"], known["Vendor"], known["price"], strict=True
    )}  # fmt: skip
    assert [of[text] for text in task.texts] == task.traits.rows()
    assert LabelTask.from_shop(shop, "brand").traits.columns == ["Vendor", "price"]


def test_a_sample_takes_its_traits_along(shop):
    whole = LabelTask.told_apart(shop, by=["season", "price"])
    part = whole.sampled(50, 3)
    of = dict(zip(whole.texts, whole.traits.rows(), strict=True))
    assert part.traits.columns == ["season", "price"]
    assert [of[text] for text in part.texts] == part.traits.rows()


def test_traits_say_nothing_of_what_is_asked(shop):
    usual, other = LabelTask.from_shop(shop), LabelTask.told_apart(shop, by=["season"])
    assert usual.describe() == other.describe()


def test_columns_that_cannot_be_traits_are_refused_with_a_hint(shop):
    with pytest.raises(InputError, match="did you mean season") as caught:
        LabelTask.told_apart(shop, by=["seasn"])
    assert "category" not in caught.value.hint
    with pytest.raises(InputError, match="'category' is what is learned"):
        LabelTask.told_apart(shop, by=["category"])


def test_usual_traits_are_found_in_any_case_and_order():
    columns = ["price", "SELLER", "title", "Brand", "店铺", "colour"]
    assert usual_traits(columns, ["title"]) == ["Brand", "SELLER", "店铺", "price"]
    assert usual_traits(columns, ["Brand"]) == ["SELLER", "店铺", "price"]
    assert usual_traits(["colour"], []) == []
    assert read_traits(pl.DataFrame({"a": [1]}), [], []) is None


@given(st.lists(st.one_of(st.none(), st.floats(allow_infinity=True, allow_nan=True)), max_size=60))
def test_bands_hold_all_numbers_in_order(numbers):
    (column,) = read_traits(pl.DataFrame({"price": pl.Series(numbers, dtype=pl.Float64)}), ["price"], [])
    trait = cut(column)
    known = np.array([x is not None and math.isfinite(x) for x in numbers], bool)
    assert np.array_equal(trait.code >= 0, known)
    values = np.array([x for x, k in zip(numbers, known, strict=True) if k], float)
    codes = trait.code[known]
    assert set(codes.tolist()) == set(range(len(trait.values)))
    assert len(trait.values) <= max(FEW, BANDS)
    order = np.argsort(values, kind="stable")
    assert (np.diff(codes[order]) >= 0).all()
    for x in np.unique(values):
        assert len(np.unique(codes[values == x])) == 1


def test_bands_are_fifths_called_by_their_bounds():
    prices = np.random.default_rng(0).permutation(np.arange(1, 101) / 4)
    trait = cut(pl.Series("price", prices))
    assert trait.values == ("0.25 to 5", "5.25 to 10", "10.25 to 15", "15.25 to 20", "20.25 to 25")
    assert np.bincount(trait.code).tolist() == [20] * 5


def test_a_price_that_most_have_makes_fewer_bands():
    prices = [9.99] * 90 + [float(n) for n in range(20, 40)]
    trait = cut(pl.Series("price", prices))
    assert trait.values[0] == "9.99"
    assert np.bincount(trait.code)[0] == 90


@given(st.lists(st.one_of(st.none(), st.text("ab \n ", max_size=3))))
def test_words_come_the_most_frequent_first_and_blanks_are_unknown(words):
    frame = read_traits(pl.DataFrame({"brand": pl.Series(words, dtype=pl.String)}), ["brand"], [])
    trait = cut(frame["brand"])
    stripped = [(word or "").strip() for word in words]
    assert [trait.values[c] if c >= 0 else "" for c in trait.code] == stripped
    counts = np.bincount(trait.code[trait.code >= 0], minlength=len(trait.values))
    assert (np.diff(counts) <= 0).all()


def test_lists_and_booleans_are_words():
    frame = pl.DataFrame({"tags": [["a", "b"], None], "sold": [True, False], "cents": [3, None]})
    read = read_traits(frame, ["tags", "sold", "cents", "sold"], [])
    assert read.to_dict(as_series=False) == {"tags": ["a b", None], "sold": ["true", "false"], "cents": [3, None]}
