"""A bundle may come from anybody: it alone gets no model loaded, and no code run."""

from __future__ import annotations

import json
import re
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from evenshelf.bundles import Bundle, ServingHead
from evenshelf.bundles.manifest import MANIFEST, EncoderEntry
from evenshelf.encoders import EncoderKind, register
from evenshelf.errors import InputError, SettingError
from tests.encoders.counting import CountingEncoder

OPENED: list[str] = []


def opened(argument: str, _texts: object) -> CountingEncoder:
    OPENED.append(argument)
    encoder = CountingEncoder(kind=f"bringing:{argument.rpartition('/')[2]}")
    if argument == "wide":
        encoder.dimension = 25
    return encoder


register(EncoderKind("bringing", "Counts.", opened, argument="MODEL"))


@pytest.fixture
def brought(trained, tmp_path) -> Path:
    """A bundle of an encoder that an argument names."""
    OPENED.clear()
    encoder = CountingEncoder(kind="bringing:model")
    rng, classes = np.random.default_rng(0), len(trained[0].classes)
    head = ServingHead(rng.standard_normal((24, classes), np.float32), np.zeros(classes, np.float32))
    entry = EncoderEntry(spec=encoder.name, dimension=24, fingerprint=encoder.fingerprint)
    manifest = trained[0].manifest.model_copy(update={"encoder": entry})
    replace(trained[0], manifest=manifest, encoder=encoder, head=head).save(tmp_path / "brought")
    return tmp_path / "brought"


def test_a_model_is_loaded_where_a_person_names_it_and_nowhere_else(brought):
    with pytest.raises(InputError, match="may come from anybody") as caught:
        Bundle.load(brought)
    assert OPENED == []
    assert "--encoder 'bringing:model'" in caught.value.hint
    assert "Bundle.load(folder, encoder='bringing:model')" in caught.value.hint
    assert len(Bundle.load(brought, encoder="bringing:model").predict(["red shoe"])) == 1
    assert len(Bundle.load(brought, encoder="bringing:/elsewhere/model").predict(["red shoe"])) == 1
    assert OPENED == ["model", "/elsewhere/model"]


def test_what_can_be_compared_is_compared_before_anything_is_loaded(brought):
    with pytest.raises(SettingError, match="trained on vectors of 'bringing:model', not of 'tfidf'"):
        Bundle.load(brought, encoder="tfidf")
    file = brought / "head.bias.npy"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(InputError, match=r"head\.bias\.npy has"):
        Bundle.load(brought, encoder="bringing:model")
    assert OPENED == []


@pytest.mark.parametrize("spec", ["bringing:another", "bringing:wide"])
def test_a_named_model_has_to_be_the_same(brought, spec):
    if spec == "bringing:wide":
        document = json.loads((brought / MANIFEST).read_text(encoding="utf-8"))
        document["encoder"]["fingerprint"] = CountingEncoder(kind=spec).fingerprint
        (brought / MANIFEST).write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(InputError, match=f"'{spec}' is not the one that the bundle was trained with"):
        Bundle.load(brought, encoder=spec)


def test_a_model_that_was_in_a_folder_is_not_to_be_had_from_a_hub(brought):
    """A hint that repeats its bare name would send people to whoever takes that name there."""
    document = json.loads((brought / MANIFEST).read_text(encoding="utf-8"))
    document["encoder"]["spec"] = "bringing:./model"
    (brought / MANIFEST).write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(InputError, match="was in a folder") as caught:
        Bundle.load(brought)
    assert "bringing:FOLDER" in caught.value.hint
    assert not re.search(r"bringing:(\./)?model", caught.value.hint)


@pytest.mark.parametrize("kind", ["st", "hf"])
def test_code_beside_a_bundle_is_not_run(trained, tmp_path, kind):
    """sentence-transformers before 6.0 imports the modules that lie in a folder with a model."""
    folder = Path(shutil.copytree(trained[1], tmp_path / "bundle"))
    (tmp_path / "model").mkdir()
    module = [{"idx": 0, "name": "0", "path": "", "type": "evil.Evil"}]
    (tmp_path / "model" / "modules.json").write_text(json.dumps(module), encoding="utf-8")
    (tmp_path / "model" / "evil.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\nclass Evil: pass\n")
    document = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    document["encoder"]["spec"] = f"{kind}:{tmp_path / 'model'}"
    (folder / MANIFEST).write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(InputError, match="was not loaded"):
        Bundle.load(folder)
    assert not (tmp_path / "ran").exists()
