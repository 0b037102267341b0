"""Reasons of labels of real titles: words that are named matter, and examples add up to the score."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from evenshelf.explain import Explainer, faithfulness
from evenshelf.shop import Shop
from evenshelf.study.train import Wanted, train

pytestmark = pytest.mark.real

REMEDY = "name_prior + logit_adjust(tau=0.5)"


def parted(shop, folder, rows, classes):
    """A shop of some titles of the most frequent classes, and other titles of these."""
    items = shop.items().select("item_id", "title", "category").drop_nulls()
    frequent = items["category"].value_counts().sort("count", "category", descending=True)["category"].head(classes)
    items = items.filter(pl.col("category").is_in(frequent.to_list())).sample(rows, seed=0)
    held = pl.Series(np.random.default_rng(0).random(rows) < 0.1)
    part = Shop.create(folder / "shop")
    part.commit({"items": items.filter(~held)})
    return part, items.filter(held)["title"].to_list()


@pytest.fixture(scope="module", params=["fashion_shop", "chinese_shop"])
def real(request, tmp_path_factory, cache_folder):
    folder = tmp_path_factory.mktemp("explain")
    shop, titles = parted(request.getfixturevalue(request.param)[0], folder, 2000, 40)
    bundle, _ = train(shop, Wanted(remedy=REMEDY, encoder="tfidf", penalty=1e-5), folder / "bundle")
    return shop, bundle, titles


def test_words_that_are_named_matter_more_than_random_ones(real):
    _, bundle, titles = real
    found = faithfulness(bundle, titles, ["occlusion", "exact"])
    assert found.texts > 100
    for method in ("occlusion", "exact"):
        for words in (1, 2, 3):
            assert found.beyond_random(method, words)[1] > 0.05, (method, words)
            assert found.beyond_random(method, words, "sufficiency")[2] < 0, (method, words)


def test_examples_add_up_to_the_score_of_titles_that_are_new(real):
    shop, bundle, titles = real
    explainer = Explainer.of(bundle, shop)
    assert explainer.notes == ()
    for said in explainer.explain(titles[:20], words="exact"):
        found = said.examples
        terms = found.biases + found.names + found.made + found.answers + found.rivals + found.others + found.left
        assert found.margin == pytest.approx(terms, abs=1e-6)
        assert abs(found.left) < 0.01
        assert found.margin == pytest.approx(found.served, abs=0.3)
        assert said.remedy.steps[-1].label == said.prediction.label
        likeliest = said.remedy.steps[-1].probabilities[said.prediction.label]
        assert likeliest == pytest.approx(said.prediction.probability, abs=0.01)
