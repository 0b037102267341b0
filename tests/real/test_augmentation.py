"""Texts made of real titles in English and Chinese: most titles get some, which are near and keep their class."""

from __future__ import annotations

import os

import numpy as np
import pytest

from evenshelf.augmentation import Corpus, Distinct, LabelKept, Near, diversity, make_texts, parse_maker
from evenshelf.augmentation.apertium_run import translate
from evenshelf.encoders import open_encoder
from evenshelf.errors import InputError

pytestmark = pytest.mark.real

RULES = ("eda", "typos", "crop", "slots", "domains")


def some(shop, label, count=1500):
    """Titles and classes, evenly spread."""
    items = shop.items().drop_nulls(["title", label]).unique("title", maintain_order=True)
    items = items.gather_every(max(1, len(items) // count)).head(count)
    return items["title"].to_list(), items[label].cast(str).to_list()


@pytest.fixture(scope="module")
def english(fashion_shop):
    return some(fashion_shop[0], "category")


@pytest.fixture(scope="module")
def chinese(chinese_shop):
    return some(chinese_shop[0], "category")


@pytest.mark.parametrize("language", ["english", "chinese"])
@pytest.mark.parametrize("spec", RULES)
def test_most_titles_get_variants_that_are_near(spec, language, request):
    titles, labels = request.getfixturevalue(language)
    maker = parse_maker(spec).learned(Corpus.of(titles, labels))
    assert maker.lacking(titles) is None
    made = make_texts(maker, titles, copies=2, labels=labels)
    assert made.count > (1.7 if spec != "slots" else 0.8) * len(titles)
    report = diversity(titles, made.texts, labels=labels, encoder=open_encoder("tfidf", titles)).overall
    assert report.identical == 0
    assert report.repeated < 0.15
    assert 0.5 < report.cosine < 0.999


@pytest.mark.parametrize("spec", ["eda", "slots"])
def test_classes_are_kept_by_a_classifier_that_has_not_seen_the_title(spec, english):
    from sklearn.linear_model import LogisticRegression

    titles, labels = english
    common = {label for label in labels if labels.count(label) >= 20}
    titles, labels = zip(*[(t, y) for t, y in zip(titles, labels, strict=True) if y in common], strict=True)
    encoder = open_encoder("tfidf", titles)
    vectors, fold = encoder.encode(titles), np.arange(len(titles)) % 2
    classes = tuple(sorted(common))
    models = [LogisticRegression(C=30).fit(vectors[fold != f], np.array(labels)[fold != f]) for f in (0, 1)]

    def scores(texts, rows):
        both = np.stack([model.predict_proba(encoder.encode(texts)) for model in models])
        return both[fold[rows], np.arange(len(texts))]

    maker = parse_maker(spec).learned(Corpus.of(titles, labels))
    gates = [Distinct.beside(titles), Near(encoder, 0.2), LabelKept(scores, classes)]
    before = make_texts(maker, titles, copies=1, labels=labels)
    after = make_texts(maker, titles, copies=1, labels=labels, gates=gates)
    assert after.count + sum(after.refused.values()) == before.count
    assert after.count > 0.7 * before.count
    assert after.refused["taken for another class"] > 0


def test_real_titles_are_translated_as_if_each_were_alone(english):
    titles = english[0][:400]
    try:
        together = translate(titles, "eng-spa")
    except InputError:
        if os.environ.get("CI"):
            raise
        pytest.skip("Apertium is not installed: make apertium")
    assert translate(titles[::-1], "eng-spa") == together[::-1]
    assert np.mean([a != b for a, b in zip(titles, together, strict=True)]) > 0.8
