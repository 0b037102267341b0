"""A bundle takes the place of nothing or of a bundle; whatever else lies in a folder is named and kept."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenshelf.bundles import Bundle
from evenshelf.bundles.folder import check_place, write_folder
from evenshelf.bundles.manifest import MANIFEST
from evenshelf.errors import InputError


def content(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


@pytest.mark.parametrize("name", ["notes.txt", ".hidden", "mine/diary.txt", "head.bias.npy/x"])
def test_a_bundle_beside_something_else_is_not_replaced(trained, tmp_path, name):
    bundle, _ = trained
    bundle.save(tmp_path / "place")
    foreign = tmp_path / "place" / name
    (tmp_path / "place" / "head.bias.npy").rename(tmp_path / "bias")
    foreign.parent.mkdir(exist_ok=True)
    foreign.write_text("dear", encoding="utf-8")
    before = content(tmp_path)
    with pytest.raises(InputError, match=f"what is not of it: {re.escape(name.partition('/')[0])}") as caught:
        bundle.save(tmp_path / "place")
    assert "another place" in caught.value.hint
    assert content(tmp_path) == before


@pytest.mark.parametrize(
    "text", ["", "[]", '{"files": {"letters.txt": {}}}', '{"name": "app", "entry": "x.js"}', "[" * 9999]
)
def test_a_bundle_json_of_another_program_is_not_taken_for_ours(trained, tmp_path, text):
    (tmp_path / MANIFEST).write_text(text, encoding="utf-8")
    (tmp_path / "letters.txt").write_text("dear", encoding="utf-8")
    before = content(tmp_path)
    with pytest.raises(InputError, match="not the manifest of a bundle"):
        trained[0].save(tmp_path)
    assert content(tmp_path) == before


@given(st.sets(st.from_regex(r"[a-z]{1,8}\.(npy|txt|onnx)", fullmatch=True), max_size=4))
def test_a_folder_may_be_replaced_if_its_manifest_names_all_that_it_holds(names):
    with TemporaryDirectory() as made:
        folder = Path(made)
        for name in names:
            (folder / name).touch()
        for named in (names, set(sorted(names)[1:])):
            document = {"schema_version": 0, "evenshelf": "0", "classes": [], "files": dict.fromkeys([*named, "gone"])}
            (folder / MANIFEST).write_text(json.dumps(document), encoding="utf-8")
            if named == names:
                check_place(folder)
            else:
                with pytest.raises(InputError, match=min(names)):
                    check_place(folder)


def test_nothing_an_empty_folder_and_a_damaged_bundle_may_be_replaced(trained, tmp_path):
    bundle, folder = trained
    (tmp_path / "empty").mkdir()
    damaged = Path(shutil.copytree(folder, tmp_path / "damaged"))
    (damaged / "head.bias.npy").write_bytes(b"torn")
    (damaged / "head.onnx").unlink()
    for name in ("empty", "damaged", "deep/new"):
        bundle.save(tmp_path / name)
        assert Bundle.load(tmp_path / name).classes == bundle.classes
    assert sorted(p.name for p in tmp_path.iterdir()) == ["damaged", "deep", "empty"]


def test_what_is_put_there_while_it_is_written_is_kept(trained, tmp_path):
    folder = tmp_path / "place"
    trained[0].save(folder)
    before = content(folder)

    def fill(partial: Path) -> None:
        (partial / MANIFEST).touch()
        (folder / "late.txt").write_text("dear", encoding="utf-8")

    with pytest.raises(InputError, match=r"late\.txt"):
        write_folder(folder, fill)
    assert content(folder) == {**before, "late.txt": b"dear"}
    assert list(tmp_path.iterdir()) == [folder], "nothing is left beside it"
