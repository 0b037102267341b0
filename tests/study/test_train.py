"""Training a bundle is total and the same each time; what it cannot do is refused before the work."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from evenshelf.bundles import Bundle
from evenshelf.bundles.places import bundle_in
from evenshelf.errors import InputError, SettingError
from evenshelf.remedies import parse
from evenshelf.shop import Shop
from evenshelf.study import prepare
from evenshelf.study.results import load
from evenshelf.study.train import Wanted, train
from evenshelf.study.verdict import decide
from evenshelf.study.winner import most_chosen, studies_of, verdict_of, winner_of
from tests.bundles.shops import make_shop

pytestmark = pytest.mark.usefixtures("cache_folder")


def shop_of(folder, rows):
    shop = Shop.create(folder)
    ids = [f"i{n}" for n in range(len(rows))]
    shop.commit(
        {"items": pl.DataFrame({"item_id": ids, "title": [t for t, _ in rows], "category": [c for _, c in rows]})}
    )
    return shop


NASTY = {
    "two titles": [("red shoe", "shoes"), ("green hat", "hats")],
    "one title a class, with copies": [("red shoe", "shoes")] * 5 + [("green hat", "hats")] * 2,
    "one title of two classes": [("red shoe", "shoes"), ("red shoe", "boots"), ("blue shoe", "shoes")],
    "a class of one": [(f"red shoe {chr(97 + n)}{n * 7919}", "shoes") for n in range(30)] + [("green hat", "hats")],
}


@pytest.mark.parametrize("spec", ["none", "smote + logit_adjust", "name_prior + isotonic", "threshold_moving"])
@pytest.mark.parametrize("name", NASTY)
def test_any_shop_with_two_classes_gives_a_bundle(tmp_path, name, spec):
    shop = shop_of(tmp_path / "shop", NASTY[name])
    bundle, folder = train(shop, Wanted(remedy=spec, encoder="tfidf"))
    said = Bundle.load(folder).predict(["red shoe", "green hat", "x", ""])
    assert all(s.label in bundle.classes and np.isfinite(s.probabilities).all() for s in said)
    if len(NASTY[name]) < 20:
        assert all(set(s.conformal) == set(bundle.classes) for s in said), "nothing can be excluded"
        assert any("too few different titles" in note for note in bundle.manifest.notes)


def test_the_same_data_and_seed_give_the_same_files(tmp_path):
    shop = make_shop(tmp_path / "shop")
    wanted = Wanted(remedy="random_over + temperature", encoder="tfidf", seed=3)
    folders = [train(shop, wanted, tmp_path / name)[1] for name in "ab"]
    one, two = ({f.name: f.read_bytes() for f in folder.iterdir()} for folder in folders)
    assert one == two


def test_what_most_folds_chose_is_taken_and_the_strongest_penalty_of_several():
    def setting(remedy, penalty):
        return {"remedy": remedy, "penalty": penalty, "steps": 3}

    a, b, c = setting("smote", 1e-4), setting("smote(k=3)", 1e-5), setting("smote", 1e-6)
    assert most_chosen([b, a, b, c, a, b]) == ({"remedy": "smote(k=3)", "penalty": 1e-5}, 3)
    assert most_chosen([c, b, a]) == ({"remedy": "smote", "penalty": 1e-4}, 1)
    with pytest.raises(InputError, match="no settings"):
        most_chosen([])


@pytest.fixture(scope="module")
def studied(tmp_path_factory, cache_folder):
    shop = make_shop(tmp_path_factory.mktemp("studied") / "shop")
    task = prepare.shop_task(shop)
    plan = prepare.Plan("balanced", folds=3, budget=2, workers=1)
    choice = prepare.Choice("tfidf", "for the test")
    folder = prepare.shop_folder(shop, task, "category", choice, plan)
    about = {"target": "category", "shop_sha256": shop.fingerprint(), "sample": 100}
    prepare.prepare(task, choice, folder, plan, about=about).run()
    return shop, folder


def test_a_study_without_a_verdict_file_is_decided_and_its_facts_are_told(studied, tmp_path):
    shop, study = studied
    assert studies_of(study.parent, "category", "label") == [study]
    assert studies_of(study.parent, "brand") == []
    winner, _ = winner_of(study)
    assert parse(winner.remedy).name in {"none", "balanced"}
    bundle, _ = train(shop, Wanted(study=study), tmp_path / "b")
    assert any("a sample of 100" in note for note in bundle.manifest.notes)
    document = json.loads((study / "study.json").read_text(encoding="utf-8"))
    changed = shutil.copytree(study, tmp_path / "study", ignore=shutil.ignore_patterns("trials", "vectors"))
    document["meta"]["shop_sha256"] = "another"
    (changed / "study.json").write_text(json.dumps(document), encoding="utf-8")
    bundle, _ = train(shop, Wanted(study=changed), tmp_path / "c")
    assert any("has changed since the study" in note for note in bundle.manifest.notes)
    with pytest.raises(SettingError, match="asked for the target 'category', not 'brand'"):
        train(shop, Wanted(study=changed, target="brand"))
    document["meta"]["learner"] = "forest"
    (changed / "study.json").write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(SettingError, match="'forest' cannot be served"):
        train(shop, Wanted(study=changed))
    document["meta"]["learner"] = "binary_heads"
    (changed / "study.json").write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(SettingError, match=r"'binary_heads'.* a bundle keeps linear heads") as refused:
        train(shop, Wanted(study=changed))
    assert "--learner heads" in refused.value.hint


def test_what_cannot_be_is_refused_before_the_work(studied, tmp_path):
    shop, _ = studied
    wanted = Wanted(remedy="none", encoder="tfidf")
    with pytest.raises(SettingError, match="one label each"):
        train(shop, replace(wanted, task="tags", remedy="threshold_moving"))
    with pytest.raises(SettingError, match="positive_weight is for the learner binary_heads, which cannot be served"):
        train(shop, replace(wanted, task="tags", remedy="positive_weight"))
    with pytest.raises(SettingError, match="no encoder"):
        train(shop, replace(wanted, encoder="nope"))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter").touch()
    with pytest.raises(InputError, match="holds no bundle"):
        train(shop, wanted, tmp_path / "mine")
    with pytest.raises(InputError, match="has no bundle"):
        bundle_in(shop.path)


def test_a_verdict_of_before_is_decided_anew_as_it_was_asked_for(studied, tmp_path):
    _, study = studied
    old = shutil.copytree(study, tmp_path / "old", ignore=shutil.ignore_patterns("trials", "vectors"))
    result = load(old)
    made = decide(result, guardrail=0.3, replicates=200).to_dict()
    for name in ("buckets", "resampled", "calibration", "tradeoffs", "ahead", "zone"):
        del made[name]
    (old / "verdict.json").write_text(json.dumps(made), encoding="utf-8")
    again = verdict_of(result, old)
    assert (again.guardrail, again.replicates) == (0.3, 200)
    assert winner_of(old)[0].evidence["headline"] == again.headline
