"""The command tune-encoder: from a shop to a folder that the index and studies open, exit codes, JSON."""

from __future__ import annotations

import json

import numpy as np
import pytest

from evenshelf import cli
from evenshelf.encoders import open_encoder
from evenshelf.errors import InputError
from evenshelf.learners.shop_encoder import tune_for_shop
from evenshelf.shop import Shop
from tests.learners.finetune.tiny import bert

pytestmark = pytest.mark.usefixtures("cache_folder")


def run(*args: object) -> int:
    with pytest.raises(SystemExit) as caught:
        cli.main([str(arg) for arg in args])
    return int(caught.value.code or 0)


@pytest.fixture(scope="module")
def shop(tmp_path_factory, cache_folder):
    folder = tmp_path_factory.mktemp("tuned") / "shop"
    assert run("simulate", folder, "--items", 60, "--users", 80, "--events", 1500, "--pictures", 0) == 0
    return folder


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    pytest.importorskip("torch")
    return bert(tmp_path_factory.mktemp("models") / "bert", places=64)


def test_events_tune_an_encoder_that_the_index_and_a_study_of_labels_open(shop, tiny, tmp_path, capsys):
    out = tmp_path / "mine"
    capsys.readouterr()
    settings = f"model={tiny!r}, epochs=1, batch=16"
    assert run("tune-encoder", shop, "--on", "events", "--out", out, "--settings", settings, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["folder"], told["on"], len(told["losses"])) == (str(out), "events", 1)
    assert told["pairs"] > told["texts"] > 10
    assert 0 < told["quantised"]["least"] <= told["quantised"]["mean"] <= 1.0001
    titles = ["red shoe", "blue lamp"]
    assert not np.allclose(open_encoder(f"bert:{out}").encode(titles), open_encoder(f"bert:{tiny}").encode(titles))
    assert run("index", shop, "--encoder", f"bert-int8:{out}") == 0
    assert run("search", shop, "red", "--json") == 0
    words = ("--remedies", "name_prior", "--folds", 3, "--budget", 2, "--baselines", "none", "--workers", 1)
    assert run("study", shop, "--target", "category", "--encoder", f"bert:{out}", *words) == 0


def test_judgements_tune_one_too(shop, tiny, tmp_path, capsys):
    assert Shop.open(shop).rows("judgements")
    settings = f"model={tiny!r}, keep=0.0, rate=1e-3"
    assert run("tune-encoder", shop, "--on", "judgements", "--out", tmp_path / "mine", "--settings", settings) == 0
    assert "pairs" in capsys.readouterr().out
    assert open_encoder(f"bert:{tmp_path / 'mine'}").dimension == open_encoder(f"bert:{tiny}").dimension


def test_equal_seeds_write_equal_weights(shop, tiny, tmp_path):
    settings = f"model={tiny!r}, epochs=1"
    for name in ("a", "b"):
        tune_for_shop(Shop.open(shop), tmp_path / name, settings=settings, seed=3)
    one, two = ((tmp_path / name / "model.safetensors").read_bytes() for name in ("a", "b"))
    assert one == two


def test_what_cannot_be_is_told(shop, tiny, tmp_path, capsys):
    for words, said in (
        (("--on", "views"), "events, judgements"),
        (("--settings", "epoch=1"), "no parameter"),
        (("--settings", "epochs=0"), "epochs=0"),
        (("--on", "judgements", "--target", "view"), "no kinds of events"),
        (("--target", "wishes"), "wishes"),
    ):
        assert run("tune-encoder", shop, "--out", tmp_path / "mine", *words) != 0
        assert said in " ".join(capsys.readouterr().err.split())
    assert not (tmp_path / "mine").exists()
    (tmp_path / "taken").mkdir()
    (tmp_path / "taken" / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="something else"):
        tune_for_shop(Shop.open(shop), tmp_path / "taken")
    assert (tmp_path / "taken" / "notes.txt").read_text() == "mine"
