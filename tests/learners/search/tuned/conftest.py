"""A small checkpoint with random weights, and one cache folder for what is computed of it."""

from __future__ import annotations

import json
import shutil

import numpy as np
import pytest
from safetensors.numpy import save_file

from evenshelf.encoders.weights import minilm_folder
from evenshelf.learners.search.tuned.pairs import TrainingPairs

WIDTH, LAYERS, INNER, WORDS, PLACES = 32, 3, 64, 30522, 48


@pytest.fixture(autouse=True, scope="session")
def cache_folder(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVENSHELF_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="session")
def small(tmp_path_factory):
    """A BERT of three narrow layers with the words of MiniLM."""
    folder = tmp_path_factory.mktemp("small")
    rng = np.random.default_rng(0)

    def dense(name, inputs, outputs):
        return {f"{name}.weight": (outputs, inputs), f"{name}.bias": (outputs,)}

    shapes = {
        "embeddings.word_embeddings.weight": (WORDS, WIDTH),
        "embeddings.position_embeddings.weight": (PLACES, WIDTH),
        "embeddings.token_type_embeddings.weight": (2, WIDTH),
    }
    norms = ["embeddings"]
    for i in range(LAYERS):
        layer = f"encoder.layer.{i}"
        for part in ("query", "key", "value"):
            shapes |= dense(f"{layer}.attention.self.{part}", WIDTH, WIDTH)
        shapes |= dense(f"{layer}.attention.output.dense", WIDTH, WIDTH)
        shapes |= dense(f"{layer}.intermediate.dense", WIDTH, INNER) | dense(f"{layer}.output.dense", INNER, WIDTH)
        norms += [f"{layer}.attention.output", f"{layer}.output"]
    weights = {name: rng.normal(0, 0.2, shape).astype(np.float32) for name, shape in shapes.items()}
    for name in norms:
        weights[f"{name}.LayerNorm.weight"] = rng.uniform(0.5, 1.5, WIDTH).astype(np.float32)
        weights[f"{name}.LayerNorm.bias"] = rng.normal(0, 0.1, WIDTH).astype(np.float32)
    save_file(weights, folder / "model.safetensors")
    config = {
        "model_type": "bert",
        "hidden_size": WIDTH,
        "num_hidden_layers": LAYERS,
        "num_attention_heads": 4,
        "layer_norm_eps": 1e-12,
        "max_position_embeddings": PLACES,
    }
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    shutil.copyfile(minilm_folder() / "tokenizer.json", folder / "tokenizer.json")
    return folder


@pytest.fixture(scope="session")
def pairs():
    """Three queries that are answered by things they do not name, and things that look alike and do not answer."""
    queries = ("winter footwear", "seat for guests", "something to call with")
    items = ("boots lined with fur", "snow boots", "boot polish", "grey sofa", "armchair", "sofa cover", "mobile phone")
    items += ("smartphone", "phone case")
    rows = [(q, 3 * q + i, grade) for q in range(3) for i, grade in enumerate((3.0, 2.0, 0.0))]
    query, item, grade = (np.array(column) for column in zip(*rows, strict=True))
    return TrainingPairs(queries, items, query, item, grade, np.ones(9))
