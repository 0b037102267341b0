"""A bundle may be handed on: no path of the machine that made it stands in it."""

from __future__ import annotations

import ast
import json
from hashlib import sha256
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenshelf.bundles.portable import in_folder, portable_encoder, without_places
from evenshelf.encoders import EncoderKind, open_encoder, register
from evenshelf.remedies import parse
from evenshelf.remedies.spec import places_in
from evenshelf.study import prepare
from evenshelf.study.train import Wanted, train
from tests.bundles.shops import make_shop
from tests.encoders.counting import CountingEncoder

pytestmark = pytest.mark.usefixtures("cache_folder")

LOSS = """
import numpy as np

class Loss:
    curvature = 0.5

    def __init__(self, counts):
        pass

    def value_and_gradient(self, scores, target, weight):
        p = np.exp(scores - scores.max(axis=1, keepdims=True))
        p /= p.sum(axis=1, keepdims=True)
        own = np.arange(len(target))
        value = -np.log(np.maximum(p[own, target], 1e-30))
        p[own, target] -= 1
        return float((weight * value).sum()), weight[:, None] * p
"""
register(
    EncoderKind("lying", "Counts.", lambda place, _texts: CountingEncoder(kind=f"lying:{place}"), argument="PLACE")
)


@pytest.fixture
def secret(tmp_path) -> Path:
    """A folder whose name must not be told, with a shop, a table of weights, a loss and a model."""
    folder = tmp_path / "of alice's"
    folder.mkdir()
    make_shop(folder / "myshop")
    (folder / "costs.csv").write_text("class,weight\nrunning shoes,2\n", encoding="utf-8")
    (folder / "losses.py").write_text(LOSS, encoding="utf-8")
    (folder / "model").mkdir()
    return folder


WITHOUT = 'weight_table(file="costs.csv") + custom_loss(source="losses.py:Loss")'


def told(folder: Path) -> bytes:
    return b"\n".join(file.read_bytes() for file in sorted(folder.iterdir()))


@pytest.mark.parametrize("how", ["absolute", "relative"])
def test_names_and_digests_are_kept_and_no_folder(secret, tmp_path, monkeypatch, how):
    monkeypatch.chdir(tmp_path)
    place = secret if how == "absolute" else Path(secret.name)
    spec = (
        f"weight_table(file={str(place / 'costs.csv')!r}) + custom_loss(source={str(place / 'losses.py') + ':Loss'!r})"
    )
    wanted = Wanted(remedy=spec, penalty=1e-3, encoder=f"lying:{place / 'model'}")
    bundle, folder = train(prepare.Shop.open(place / "myshop"), wanted, tmp_path / "out")
    assert b"alice" not in told(folder)
    assert str(tmp_path).encode() not in told(folder)
    manifest = bundle.manifest
    assert manifest.remedy.spec == WITHOUT
    digests = {name: sha256((secret / name).read_bytes()).hexdigest() for name in ("costs.csv", "losses.py")}
    assert {entry.name: entry.digest for entry in manifest.remedy.read} == {
        n: f"sha256:{d}" for n, d in digests.items()
    }
    assert manifest.encoder.spec == "lying:./model"
    assert manifest.trained_on["shop"] == "myshop"


def test_a_study_is_named_without_its_folder_and_so_are_the_files_of_its_remedies(secret):
    shop = prepare.Shop.open(secret / "myshop")
    task, choice = prepare.shop_task(shop), prepare.Choice("tfidf", "for the test")
    plan = prepare.Plan(f"weight_table(file={str(secret / 'costs.csv')!r})", folds=3, budget=2, workers=1)
    study = prepare.shop_folder(shop, task, "category", choice, plan)
    prepare.prepare(task, choice, study, plan, about={"target": "category", "task": "label"}).run()
    spec = plan.remedies
    (secret / "costs.csv").rename(secret / "moved.csv")
    bundle, folder = train(shop, Wanted(study=study, remedy="none"))
    assert bundle.manifest.evidence["study"]["folder"] == study.name
    (secret / "moved.csv").rename(secret / "costs.csv")
    bundle, folder = train(shop, Wanted(study=study, remedy=spec))
    assert bundle.manifest.evidence["study"]["remedy"]["spec"] == 'weight_table(file="costs.csv")'
    assert b"alice" not in told(folder)


@pytest.mark.parametrize(
    ("spec", "wanted"),
    [
        ("tfidf", "tfidf"),
        ("st:all-mpnet-base-v2", "st:all-mpnet-base-v2"),
        ("hf:org/model?pool=cls", "hf:org/model?pool=cls"),
        ("hf:/home/me/model/?pool=cls", "hf:./model?pool=cls"),
        ("st:~/models/mine", "st:./mine"),
        ("st:../mine", "st:./mine"),
        ("st:a/b/c", "st:./c"),
        ("their:https://host/a/b", "their:https://host/a/b"),
        (f"their:{'x' * 5000}", f"their:{'x' * 5000}"),
    ],
)
def test_encoders_of_a_hub_keep_their_name_and_those_in_a_folder_the_last_of_it(spec, wanted):
    assert portable_encoder(spec) == wanted
    assert in_folder(wanted) == (wanted != spec)


def test_a_folder_that_looks_like_a_name_is_a_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "org" / "model").mkdir(parents=True)
    assert portable_encoder("st:org/model") == "st:./model"


NAMES = st.text(st.characters(codec="utf-8", exclude_characters="\0/"), min_size=1).filter(
    lambda n: n not in {".", ".."}
)


@given(NAMES, NAMES)
def test_whatever_a_folder_and_a_file_are_called_one_is_not_told_and_the_other_is(folder, name):
    place = f"/very/secret/{folder}/{name}"
    spec = f"weight_table(file={place!r}) + smote(k=3)"
    document = {"a": [spec, {"b": f"Use {spec}: it helps."}], "n": 1.5}
    clean = without_places(document, places_in(spec))
    assert "secret" not in json.dumps(clean)
    assert clean["a"][1]["b"] == f"Use {clean['a'][0]}: it helps."
    given_as = {
        node.arg: node.value.value for node in ast.walk(ast.parse(clean["a"][0])) if isinstance(node, ast.keyword)
    }
    assert given_as == {"file": name, "k": 3}


def test_what_names_no_file_is_left_as_it_is():
    for spec in (
        "none",
        "smote(k=3) + logit_adjust",
        "words + balanced",
        "no spec (",
        "weight_table(file='costs.csv')",
    ):
        assert places_in(spec) == {}
    assert parse("none").read_from == {}
    assert open_encoder("tfidf", ["a"]).name == portable_encoder("tfidf")
    assert without_places({"a": ("x", 1, None)}, {}) == {"a": ["x", 1, None]}
