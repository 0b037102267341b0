"""A bundle is one folder, whole or not at all, that needs neither torch nor pickle and notices what does not fit."""

from __future__ import annotations

import json
import os
import pickletools
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import onnxruntime
import pytest

from evenshelf.bundles import Bundle
from evenshelf.bundles.bundle import ONNX
from evenshelf.bundles.manifest import MANIFEST, read_manifest, write_manifest
from evenshelf.encoders import EncoderKind, check_restorable, open_encoder, register, restore_encoder
from evenshelf.errors import InputError, SettingError
from tests.encoders.counting import CountingEncoder

TITLES = ["ruword red running shoes", "hat of wool", "黑色 男士 运动鞋", "le2word le1word 12"]


@pytest.fixture
def copy(trained, tmp_path) -> Path:
    return Path(shutil.copytree(trained[1], tmp_path / "copy"))


def test_it_says_after_loading_what_it_said_before(trained):
    bundle, folder = trained
    again = Bundle.load(folder)
    assert again.predict(TITLES) == bundle.predict(TITLES)
    np.testing.assert_array_equal(again.probabilities(TITLES), bundle.probabilities(TITLES))
    assert again.manifest.model_copy(update={"files": {}, "onnx_difference": 0.0}) == bundle.manifest
    assert {file.name for file in folder.iterdir()} == {*again.manifest.files, MANIFEST}


def test_any_runtime_can_serve_the_graph(trained):
    bundle, folder = trained
    session = onnxruntime.InferenceSession(folder / ONNX, providers=["CPUExecutionProvider"])
    vectors = bundle.encoder.encode(TITLES)
    found = session.run(["probabilities"], {"vectors": vectors})[0]
    np.testing.assert_allclose(found, bundle.probabilities(TITLES), atol=1e-5)
    assert bundle.head.calibration is not None, "the remedy of this bundle calibrates"


def test_a_title_is_labelled_alike_alone_and_in_company(trained):
    bundle, _ = trained
    together = bundle.predict(TITLES)
    for title, said in zip(TITLES, together, strict=True):
        alone = bundle.predict([title])[0]
        assert (alone.label, alone.conformal, alone.unsure) == (said.label, said.conformal, said.unsure)
        assert alone.probabilities == pytest.approx(said.probabilities, abs=1e-5)


def test_what_is_said_follows_from_the_probabilities(trained):
    bundle, _ = trained
    p = bundle.probabilities(TITLES)
    for row, said in zip(p, bundle.predict(TITLES, top=3, unsure_below=0.7), strict=True):
        best = np.argsort(-row)
        assert said.labels == tuple(bundle.classes[c] for c in best[:3])
        assert said.probabilities == pytest.approx(row[best[:3]])
        held = {bundle.classes[c] for c in np.flatnonzero(row >= bundle.conformal.threshold)}
        assert set(said.conformal) == held
        assert (said.unsure is not None) == (len(held) != 1 or row.max() < 0.7)
    assert len(bundle.predict(TITLES, top=99)[0].labels) == len(bundle.classes)
    assert bundle.predict([]) == []


def test_nothing_in_it_is_a_pickle_and_torch_is_not_imported(trained):
    _, folder = trained
    for file in folder.iterdir():
        with pytest.raises(ValueError, match=r".*"):
            list(pickletools.genops(file.read_bytes()))
        if file.suffix == ".npy":
            np.load(file, allow_pickle=False)
    program = (
        "import sys; from evenshelf.bundles import Bundle; "
        f"Bundle.load({str(folder)!r}).predict(['red shoes']); "
        "print([m for m in ('torch', 'evenshelf.learners', 'evenshelf.study') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


@pytest.mark.parametrize("file", [ONNX, "encoder.idf.npy"])
@pytest.mark.parametrize("how", ["flipped", "cut", "missing"])
def test_damage_is_noticed_and_the_file_is_named(copy, file, how):
    content = bytearray((copy / file).read_bytes())
    if how == "flipped":
        content[-1] ^= 1
        (copy / file).write_bytes(content)
    elif how == "cut":
        (copy / file).write_bytes(content[:-1])
    else:
        (copy / file).unlink()
    with pytest.raises(InputError, match=file.replace(".", r"\.")) as caught:
        Bundle.load(copy)
    assert caught.value.hint


def change(folder: Path, **values: object) -> None:
    document = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    (folder / MANIFEST).write_text(json.dumps({**document, **values}), encoding="utf-8")


def test_another_schema_is_refused_with_both_numbers(copy):
    change(copy, schema_version=99)
    with pytest.raises(InputError, match="schema 99; this version of evenshelf reads schema 1"):
        Bundle.load(copy)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"classes": []}, "classes"),
        ({"surprise": 1}, "surprise"),
        ({"files": {"../../etc/passwd": {"bytes": 1, "sha256": ""}}}, "not the name of a file"),
        ({"classes": [{"name": "a", "count": 1, "bucket": "head"}] * 2}, "the manifest wants 2"),
    ],
)
def test_a_manifest_that_cannot_be_is_refused(copy, values, said):
    change(copy, **values)
    with pytest.raises(InputError, match=said):
        Bundle.load(copy)


def test_torn_json_and_no_bundle_are_told_apart(copy, tmp_path):
    (copy / MANIFEST).write_text('{"schema_version": 1, "evens', encoding="utf-8")
    with pytest.raises(InputError, match="is damaged"):
        Bundle.load(copy)
    with pytest.raises(InputError, match="does not exist"):
        Bundle.load(tmp_path / "nothing")
    with pytest.raises(InputError, match="is no bundle"):
        Bundle.load(tmp_path)


def test_another_encoder_is_refused_with_both_fingerprints(copy, trained):
    entry = trained[0].manifest.encoder.model_dump()
    change(copy, encoder={**entry, "fingerprint": "0123456789abcdef"})
    with pytest.raises(InputError, match=f"{entry['fingerprint']}, and was 0123456789abcdef"):
        Bundle.load(copy)


def test_a_pickled_array_is_not_unpickled(copy):
    """Even where its checksum is right."""
    file = copy / "head.bias.npy"
    np.save(file, np.array([{"a": 1}], dtype=object), allow_pickle=True)
    write_manifest(read_manifest(copy), copy)
    with pytest.raises(InputError, match="is no array"):
        Bundle.load(copy)


def test_it_takes_the_place_of_a_bundle_and_of_nothing_else(trained, tmp_path):
    bundle, _ = trained
    bundle.save(tmp_path / "one")
    other = replace(bundle, manifest=bundle.manifest.model_copy(update={"notes": ["newer"]}))
    other.save(tmp_path / "one")
    assert Bundle.load(tmp_path / "one").manifest.notes == ["newer"]
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letters.txt").write_text("dear", encoding="utf-8")
    with pytest.raises(InputError, match="holds no bundle"):
        bundle.save(tmp_path / "mine")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["mine", "one"], "nothing is left beside them"


def test_a_kill_in_the_middle_leaves_the_bundle_that_was_there(trained, tmp_path):
    """The process dies while it writes its third array."""
    bundle, folder = trained
    bundle.save(tmp_path / "bundle")
    before = {f.name: f.read_bytes() for f in (tmp_path / "bundle").iterdir()}
    program = f"""
import os, signal
import numpy as np
from pathlib import Path
from evenshelf.bundles import Bundle
left, save = [2], np.save
def dying(*args, **more):
    if not left[0]:
        os.kill(os.getpid(), signal.SIGKILL)
    left[0] -= 1
    save(*args, **more)
np.save = dying
loaded = Bundle.load({str(folder)!r})
loaded.save(Path({str(tmp_path / "bundle")!r}))
"""
    for place in ("bundle", "new"):
        text = program.replace(str(tmp_path / "bundle"), str(tmp_path / place))
        done = subprocess.run([sys.executable, "-c", text], check=False, capture_output=True)
        assert done.returncode == -signal.SIGKILL, done.stderr
    assert {f.name: f.read_bytes() for f in (tmp_path / "bundle").iterdir()} == before
    assert not (tmp_path / "new").exists()


def test_an_interruption_between_both_moves_leaves_the_bundle_that_was_there(trained, tmp_path, monkeypatch):
    bundle, _ = trained
    folder = tmp_path / "kept"
    bundle.save(folder)
    before = (folder / MANIFEST).read_bytes()
    move = Path.rename

    def interrupted(path: Path, to: Path) -> Path:
        if to == folder and not path.name.endswith(".old"):
            raise KeyboardInterrupt
        return move(path, to)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        bundle.save(folder)
    assert (folder / MANIFEST).read_bytes() == before
    assert [p.name for p in tmp_path.iterdir()] == ["kept"]


def test_of_a_link_what_it_leads_to_is_replaced(trained, tmp_path):
    bundle, _ = trained
    bundle.save(tmp_path / "real")
    link = tmp_path / "link"
    link.symlink_to(tmp_path / "real")
    bundle.save(link)
    assert link.is_symlink()
    assert Bundle.load(link).classes == bundle.classes
    assert sorted(p.name for p in tmp_path.iterdir()) == ["link", "real"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_that_cannot_be_written_to_is_told(trained, tmp_path):
    (tmp_path / "closed").mkdir(mode=0o500)
    with pytest.raises(InputError, match="cannot be written"):
        trained[0].save(tmp_path / "closed" / "bundle")


@pytest.mark.parametrize("spec", ["tfidf", "fast", "fused"])
def test_encoders_come_back_from_their_state(spec):
    texts = ["red shoe", "blue shoe", "green hat", "红色 运动鞋"]
    encoder = open_encoder(spec, texts)
    again = restore_encoder(encoder.name, encoder.state())
    assert again.fingerprint == encoder.fingerprint
    np.testing.assert_array_equal(again.encode(TITLES), encoder.encode(TITLES))
    with pytest.raises(InputError, match=f"the encoder '{spec}' lacks"):
        restore_encoder(spec, {})


def test_a_fitted_encoder_without_a_way_back_is_refused(trained, tmp_path):
    name = "counting-fitted"
    kind = EncoderKind(name, "Counts.", lambda _argument, _texts: CountingEncoder(kind=name), fitted=True)
    register(kind)
    with pytest.raises(SettingError, match="cannot be made again"):
        check_restorable(CountingEncoder(kind=name))
    with pytest.raises(SettingError, match="cannot be made again"):
        replace(trained[0], encoder=CountingEncoder(kind=name)).save(tmp_path / "x")
