"""A bundle of real titles: what it says of titles held out is as good as the study's figures, and its sets hold."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from evenshelf.bundles import Bundle
from evenshelf.shop import Shop, title_groups
from evenshelf.study import prepare
from evenshelf.study.train import Wanted, train
from evenshelf.study.verdict import decide

pytestmark = pytest.mark.real

ROWS, HELD_OUT = 6000, 0.4
PLAN = prepare.Plan("name_prior", folds=3, budget=4)


@pytest.fixture(scope="module")
def parts(fashion_shop, tmp_path_factory):
    """A shop of some title groups, and the titles and labels of the others."""
    items = fashion_shop[0].items().select("item_id", "title", "category").drop_nulls().sample(ROWS, seed=0)
    _, group = np.unique(title_groups(items["title"].to_list()), return_inverse=True)
    held = (np.random.default_rng(0).random(group.max() + 1) < HELD_OUT)[group]
    shop = Shop.create(tmp_path_factory.mktemp("part") / "shop")
    shop.commit({"items": items.filter(~pl.Series(held))})
    return shop, items.filter(pl.Series(held))


@pytest.fixture(scope="module")
def study(parts):
    shop, _ = parts
    task = prepare.shop_task(shop)
    choice = prepare.Choice("tfidf", "for the test")
    folder = prepare.shop_folder(shop, task, "category", choice, PLAN)
    about = {"target": "category", "shop_sha256": shop.fingerprint()}
    return prepare.prepare(task, choice, folder, PLAN, about=about).run()


@pytest.fixture(scope="module")
def bundle(parts, study):
    _, folder = train(parts[0], Wanted(alpha=0.1))
    return Bundle.load(folder)


def test_held_out_titles_are_labelled_as_well_as_the_study_says(parts, study, bundle):
    _, held = parts
    verdict = decide(study)
    assert verdict.recommended == bundle.manifest.remedy.spec.partition("(")[0] == "name_prior"
    said = bundle.predict(held["title"].to_list())
    accuracy = np.mean([s.label == label for s, label in zip(said, held["category"], strict=True)])
    known = held["category"].is_in(list(bundle.classes)).mean()
    assert known > 0.98
    expected = verdict["name_prior"]["accuracy"]
    # the study evaluates no class that stands in one title group
    assert accuracy == pytest.approx(expected, abs=0.025), (accuracy, expected)
    assert bundle.manifest.evidence["out_of_fold"]["accuracy"] == pytest.approx(expected, abs=0.02)


def test_sets_hold_the_right_class_as_often_as_was_asked_for(parts, bundle):
    _, held = parts
    held = held.filter(pl.col("category").is_in(list(bundle.classes)))
    said = bundle.predict(held["title"].to_list())
    hit = np.array([label in s.conformal for s, label in zip(said, held["category"], strict=True)])
    right = np.array([s.label == label for s, label in zip(said, held["category"], strict=True)])
    sure = np.array([s.unsure is None for s in said])
    bucket = {entry.name: entry.bucket for entry in bundle.manifest.classes}
    of = np.array([bucket[label] for label in held["category"]])
    assert 0.88 < hit.mean() < 0.95
    for name, slack in (("head", 0.03), ("torso", 0.04), ("tail", 0.08)):
        assert hit[of == name].mean() > 0.9 - slack, name
        assert bundle.manifest.conformal.coverage[name] > 0.9 - slack, name
    assert sure.mean() > 0.5
    assert right[sure].mean() > 0.95
    assert right[~sure].mean() < right[sure].mean() - 0.1
