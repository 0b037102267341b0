"""Bundles of distilled models: a table of token vectors that says what a tuned model says, and what that loses."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys

import numpy as np
import polars as pl
import pytest

from evenshelf.bundles import Bundle
from evenshelf.cli import main
from evenshelf.encoders.checkpoint import Checkpoint
from evenshelf.errors import InputError, SettingError
from evenshelf.shop import Shop
from evenshelf.study.train import Wanted, train
from evenshelf.study.train_distilled import Loss, _Texts
from evenshelf.tasks.label import LabelTask
from tests.learners.finetune.tiny import bert, titles

pytestmark = pytest.mark.usefixtures("cache_folder")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return bert(tmp_path_factory.mktemp("models") / "bert")


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    texts, target = titles((30, 14, 9))
    more, _ = titles((20, 10, 5), seed=1)
    labels = [("shoes", "lamps", "tea")[code] for code in target] + [None] * len(more)
    ids = [f"i{n}" for n in range(len(labels))]
    made = Shop.create(tmp_path_factory.mktemp("made") / "shop")
    made.commit({"items": pl.DataFrame({"item_id": ids, "title": texts + more, "category": labels})})
    return made


def wanted(model, **more):
    learner = f"finetune_heads(model={model!r}, length=8, rate=0.01, epochs=3)"
    return Wanted(**{"remedy": "balanced", "learner": learner, "encoder": "tfidf", "distil": "static", **more})


@pytest.fixture(scope="module")
def trained(shop, model, cache_folder):
    return train(shop, wanted(model))


def test_a_table_is_served_that_says_what_the_tuned_model_says(shop, trained, tmp_path):
    bundle, place = trained
    assert bundle.manifest.encoder.spec == "static:./distilled"
    (made, lost, cost) = (note for note in bundle.manifest.notes if "tuned model" in note)
    assert "without a label" in made
    assert "keep their label" in lost
    assert "ms" in cost
    told = bundle.manifest.evidence["distilled"]
    titles_of_shop = set(shop.items()["title"].to_list())
    labelled = set(shop.items().drop_nulls("category")["title"].to_list())
    assert told["texts"] == len(titles_of_shop)
    assert told["without_label"] == len(titles_of_shop - labelled)
    assert told["bytes"]["distilled"] < told["bytes"]["tuned"]
    lost = told["out_of_fold"]
    assert lost["macro_f1"]["distilled"] == pytest.approx(bundle.manifest.evidence["out_of_fold"]["macro_f1"], abs=1e-3)
    assert lost["same_label"] > 0.7
    assert lost["cosine"] > 0.9
    assert set(lost["macro_f1"]) == {"distilled", "tuned", "frozen"}
    task = LabelTask.from_shop(shop)
    before = bundle.probabilities(list(task.texts))
    assert (before.argmax(axis=1) == task.target).mean() > 0.8
    shutil.copytree(place, tmp_path / "elsewhere")
    code = (
        "import sys; import numpy as np; from evenshelf.bundles import Bundle\n"
        f"bundle = Bundle.load({str(tmp_path / 'elsewhere')!r})\n"
        f"np.save({str(tmp_path / 'said.npy')!r}, bundle.probabilities({list(task.texts)!r}))\n"
        "assert not {'torch', 'transformers'} & set(sys.modules)\n"
    )
    empty = {**os.environ, "EVENSHELF_CACHE": str(tmp_path / "empty")}
    subprocess.run([sys.executable, "-c", code], check=True, env=empty)
    np.testing.assert_array_equal(np.load(tmp_path / "said.npy"), before)


def test_equal_seeds_give_equal_tables_and_no_graph_is_left(shop, model, trained, cache_folder, tmp_path):
    first, penalty = trained[0], trained[0].manifest.remedy.penalty
    again, _ = train(shop, wanted(model, penalty=penalty), tmp_path / "again")
    assert again.encoder.fingerprint == first.encoder.fingerprint
    np.testing.assert_array_equal(again.head.weights, first.head.weights)
    other, _ = train(shop, wanted(model, penalty=0.1), tmp_path / "other")
    assert other.manifest.remedy.penalty == 0.1
    assert np.abs(other.head.weights).max() < np.abs(first.head.weights).max()
    assert not set(cache_folder.rglob("*.onnx"))


def test_a_changed_table_is_refused(trained, tmp_path):
    place = shutil.copytree(trained[1], tmp_path / "changed")
    file = place / "encoder.scale.npy"
    np.save(file, np.load(file) * 2)
    with pytest.raises(InputError):
        Bundle.load(place)
    manifest = json.loads((place / "bundle.json").read_text())
    assert "encoder.numbers.npy" in manifest["files"]


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"distil": "tiny"}, "into 'tiny'"),
        ({"learner": "heads"}, "Only a tuned model"),
        ({"remedy": "augment_texts(maker='crop')"}, "made"),
        ({"remedy": "temperature"}, "calibrated"),
    ],
)
def test_what_cannot_be_distilled_is_refused_before_anything_is_tuned(shop, model, more, said):
    with pytest.raises(SettingError, match=said):
        wanted(model, **more).check()


def test_the_command_line_refuses_what_is_of_no_use(shop, capsys):
    words = ["train", str(shop.path), "--distil", "static"]
    for more in (["--remedy", "none", "--learner", "heads"], ["--task", "recommend", "--learner", "item_knn"]):
        with pytest.raises(SystemExit) as end:
            main([*words, *more])
        assert end.value.code == 2
        said = capsys.readouterr().err
        assert "tuned" in said or "--distil: for bundles that label" in said


def test_what_it_is_distilled_into_is_checked_whatever_the_study_says():
    with pytest.raises(SettingError, match="into 'onnx'"):
        Wanted(distil="onnx").check()


def test_without_a_learner_the_one_of_no_study_is_no_tuned_one(shop, model):
    with pytest.raises(SettingError, match="Only a tuned model"):
        train(shop, wanted(model, learner=None))


def test_nothing_like_a_held_out_title_is_learned_from():
    task = LabelTask.of(["a", "a", "b", "b"], ["red shoe", "red shoe", "blue lamp", "green tea"])
    texts = _Texts.of(task, ["shoe red", "black boots", "blue lamp"], seed=0)
    assert texts.texts == ("red shoe", "blue lamp", "green tea", "black boots", "shoe red")
    assert texts.own == 3
    kept = [text for text, mine in zip(texts.texts, texts.unlike({"red shoe"}), strict=True) if mine]
    assert kept == ["blue lamp", "green tea", "black boots"]


def test_what_is_lost_is_told_in_a_sentence():
    loss = Loss(
        0.95,
        0.8,
        0.87,
        {"distilled": 0.4, "tuned": 0.45, "frozen": 0.3},
        dict.fromkeys(("distilled", "tuned", "frozen"), 0.2),
    )
    told = loss.told(12, "fused")
    assert "12 texts" in told
    assert "87.0% keep" in told
    assert "frozen fused 0.300 (0.200)" in told
    assert not told.endswith(".")


def test_a_kept_table_is_no_bert(trained):
    bundle, _ = trained
    with pytest.raises(InputError):
        Checkpoint.of_state(bundle.encoder.state())
