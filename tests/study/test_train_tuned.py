"""Bundles of tuned models: served in 8 bits and without torch, from nothing but the bundle itself."""

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
from evenshelf.encoders import open_encoder
from evenshelf.encoders.checkpoint import Checkpoint
from evenshelf.errors import InputError, SettingError
from evenshelf.learners.finetune.exported import checkpoint_of
from evenshelf.learners.finetune.network import Network, token_rows
from evenshelf.learners.finetune.settings import FineTuning
from evenshelf.learners.finetune.tuning import Tuned
from evenshelf.shop import Shop
from evenshelf.study.prepare import Plan, pick_encoder, prepare, shop_folder, shop_task
from evenshelf.study.served import served_learner
from evenshelf.study.train import Wanted, train
from evenshelf.study.verdict import decide
from tests.learners.finetune.tiny import bert, gpt, titles

pytestmark = pytest.mark.usefixtures("cache_folder")


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    return bert(tmp_path_factory.mktemp("models") / "bert")


def learner_of(model: str, more: str = "") -> str:
    return f"finetune_heads(model={model!r}, length=8, rate=0.01, epochs=3{more})"


@pytest.fixture
def shop(tmp_path):
    texts, target = titles((30, 14, 9))
    made = Shop.create(tmp_path / "shop")
    labels = [("shoes", "lamps", "tea")[code] for code in target]
    ids = [f"i{n}" for n in range(len(texts))]
    made.commit({"items": pl.DataFrame({"item_id": ids, "title": texts, "category": labels})})
    return made


def test_the_winner_of_a_study_of_tuned_models_is_served_from_its_bundle_alone(shop, model, tmp_path):
    task = shop_task(shop)
    choice = pick_encoder(task.texts, "tfidf")
    plan = Plan("balanced", learner=learner_of(model), budget=1, workers=1, baselines="none")
    folder = shop_folder(shop, task, "category", choice, plan)
    about = {"target": "category", "shop_sha256": shop.fingerprint()}
    found = prepare(task, choice, folder, plan, about=about).run()
    bundle, place = train(shop, Wanted(study=folder, remedy="balanced"))
    tuned = found["balanced"].tuned
    assert tuned is not None
    tested = found.fold >= 0
    own = bundle.manifest.evidence["out_of_fold"]
    assert own["macro_f1"] == pytest.approx(decide(found)["balanced"]["macro_f1"], abs=1e-5)
    assert own["examples"] == tested.sum()
    assert any("8 bits" in note and "keep their label" in note for note in bundle.manifest.notes)
    assert any("finetune_heads" in note for note in bundle.manifest.notes)
    before = bundle.probabilities(list(task.texts))
    assert (before.argmax(axis=1) == task.target).mean() > 0.8
    shutil.move(place, tmp_path / "elsewhere")
    code = (
        "import sys; import numpy as np; from evenshelf.bundles import Bundle\n"
        f"bundle = Bundle.load({str(tmp_path / 'elsewhere')!r})\n"
        f"np.save({str(tmp_path / 'said.npy')!r}, bundle.probabilities({list(task.texts)!r}))\n"
        "assert not {'torch', 'transformers'} & set(sys.modules)\n"
    )
    empty = {**os.environ, "EVENSHELF_CACHE": str(tmp_path / "empty")}
    subprocess.run([sys.executable, "-c", code], check=True, env=empty)
    np.testing.assert_array_equal(np.load(tmp_path / "said.npy"), before)


def test_a_changed_model_is_refused(shop, model):
    _, place = train(shop, Wanted(remedy="none", learner=learner_of(model), encoder="tfidf"))
    file = next(place.glob("encoder.weights.*layer.0*.npy"))
    values = np.load(file)
    np.save(file, values + 1)
    with pytest.raises(InputError):
        Bundle.load(place)


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        ({"remedy": "temperature"}, "calibrated"),
        ({"remedy": "none", "learner": "finetune"}, "bundle keeps linear heads"),
        ({"remedy": "knn"}, "retrieve"),
        ({"remedy": "none", "learner": "finetune_heads(beside=True)"}, "two models"),
    ],
)
def test_what_cannot_be_kept_is_refused(shop, model, wanted, said):
    with pytest.raises(SettingError, match=said):
        train(shop, Wanted(encoder="tfidf", **{"learner": learner_of(model), **wanted}))


@pytest.mark.parametrize("scope", ["full", "lora"])
def test_what_is_served_is_the_tuned_model(model, scope, tmp_path):
    import torch

    settings = FineTuning(model=model, length=8, scope=scope)
    network = Network.opened(settings)
    with torch.no_grad():
        for value in network.changed().values():
            value.add_(0.02)
    tuned = Tuned(network, np.zeros((16, 2), np.float32), np.zeros(2, np.float32), (), (), 0.0)
    checkpoint = checkpoint_of(tuned, settings)
    texts, _ = titles()
    from evenshelf.encoders.onnx_encoder import OnnxEncoder

    served = OnnxEncoder(checkpoint, "bert:x")
    np.testing.assert_allclose(served.encode(texts), tuned.encode(token_rows(texts, model, 8)), atol=1e-5)
    again = Checkpoint.of_state(served.state())
    assert again.digest == checkpoint.digest
    assert OnnxEncoder(again, "bert:x").fingerprint == served.fingerprint
    assert open_encoder(f"bert:{model}").fingerprint != served.fingerprint


def test_whose_learner_it_is_is_told_before_anything_is_made_of_it(tmp_path):
    (tmp_path / "theirs.py").write_text("open('ran', 'w').close()\nraise SystemExit", encoding="utf-8")
    with pytest.raises(SettingError, match="cannot be served"):
        served_learner(f"{tmp_path / 'theirs.py'}:make")


def test_what_no_graph_serves_is_refused(tmp_path):
    settings = FineTuning(model=gpt(tmp_path / "gpt"), length=8)
    tuned = Tuned(Network.opened(settings), np.zeros((16, 2), np.float32), np.zeros(2, np.float32), (), (), 0.0)
    with pytest.raises(SettingError, match="gpt2"):
        checkpoint_of(tuned, settings)


def test_a_state_that_is_none_is_refused(model):
    state = open_encoder(f"bert:{model}").state()
    for broken in (
        {name: values for name, values in state.items() if name != "config"},
        {**state, "tokenizer": np.frombuffer(b"no tokenizer", np.uint8)},
        {**state, "length": np.array([100])},
        {**state, "config": _changed(state, num_attention_heads=3)},
        {**state, "config": _changed(state, num_hidden_layers=10**9)},
        {**state, "config": _changed(state, layer_norm_eps=float("nan"))},
        {**state, "tokenizer": _with_normalizer(state)},
        {**state, "weights.encoder.layer.1.output.dense.weight": np.zeros((16, 4), np.float32)},
        {**state, "weights.embeddings.word_embeddings.weight": np.zeros((3, 16), np.float32)},
    ):
        with pytest.raises(InputError):
            Checkpoint.of_state(broken)
    assert Checkpoint.of_state(state).length == 32


def _changed(state, **numbers):
    config = {**json.loads(state["config"].tobytes()), **numbers}
    return np.frombuffer(json.dumps(config).encode(), np.uint8)


def _with_normalizer(state):
    written = json.loads(state["tokenizer"].tobytes())
    written["normalizer"] = {"type": "Replace", "pattern": {"Regex": "(a+)+$"}, "content": ""}
    return np.frombuffer(json.dumps(written).encode(), np.uint8)
