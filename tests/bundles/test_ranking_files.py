"""A folder that recommends is held to its manifest: damage is told by file, harm is refused, nothing is executed."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from threadpoolctl import threadpool_limits

from evenshelf.bundles import Bundle, Recommender
from evenshelf.bundles.manifest import MANIFEST, write_manifest
from evenshelf.bundles.places import bundle_in
from evenshelf.bundles.ranking.manifest import RankingManifest
from evenshelf.errors import InputError
from evenshelf.learners.ranking import lambdamart
from tests.bundles.rankings import bundle_of, evidence_of, fitted


@pytest.fixture(scope="module")
def folders(tmp_path_factory) -> dict[str, Path]:
    pytest.importorskip("lightgbm")
    place = tmp_path_factory.mktemp("rankings")
    evidence = evidence_of()
    with pytest.MonkeyPatch.context() as patch, threadpool_limits(1):
        patch.setattr(lambdamart, "TREES", 5)
        for name, spec in (("item_knn", "logit_adjust"), ("blend", "mmr"), ("ease", "none"), ("text", "none")):
            bundle_of(fitted(name, evidence), evidence, name, spec, held=name == "item_knn").save(place / name)
    return {folder.name: folder for folder in place.iterdir()}


@pytest.fixture
def copy(folders, tmp_path):
    def of(name: str) -> Path:
        return Path(shutil.copytree(folders[name], tmp_path / "copy"))

    return of


def put(folder: Path, name: str, array: np.ndarray) -> None:
    """With the right checksum and shape in the manifest, as somebody would who means harm."""
    np.save(folder / f"{name}.npy", array, allow_pickle=True)
    change(folder, lambda d: d["arrays"][name].update(dtype=str(array.dtype), shape=list(array.shape)))


def change(folder: Path, how) -> None:
    document = json.loads((folder / MANIFEST).read_text(encoding="utf-8"))
    how(document)
    write_manifest(RankingManifest.model_validate(document), folder)


@pytest.mark.parametrize("file", ["ranker.matrix.data.npy", "items.counts.npy", "items.json", "users.json"])
@pytest.mark.parametrize("how", ["flipped", "cut", "missing"])
def test_damage_is_noticed_and_the_file_is_named(copy, file, how):
    folder = copy("item_knn")
    content = bytearray((folder / file).read_bytes())
    if how == "flipped":
        content[-2] ^= 1
        (folder / file).write_bytes(content)
    elif how == "cut":
        (folder / file).write_bytes(content[:-1])
    else:
        (folder / file).unlink()
    with pytest.raises(InputError, match=file.replace(".", r"\.")) as caught:
        Recommender.load(folder)
    assert caught.value.hint


def spoilt(at: int, value: float):
    def of(array: np.ndarray) -> np.ndarray:
        found = array.copy()
        found.flat[at] = value
        return found

    return of


@pytest.mark.parametrize(
    ("bundle", "name", "how", "said"),
    [
        ("item_knn", "ranker.matrix.data", spoilt(0, np.nan), r"ranker\.matrix\.data\.npy holds 1 values"),
        ("item_knn", "ranker.matrix.data", lambda a: a[:-1], "'matrix' does not fit"),
        ("item_knn", "ranker.matrix.data", lambda a: a.astype(object), r"ranker\.matrix\.data\.npy is no array"),
        ("item_knn", "ranker.matrix.indices", spoilt(0, 10**6), "'matrix' does not fit"),
        ("item_knn", "ranker.matrix.indices", spoilt(0, -1), "'matrix' does not fit"),
        ("item_knn", "ranker.matrix.indptr", spoilt(1, 10**6), "'matrix' does not fit"),
        ("item_knn", "ranker.matrix.shape", lambda a: a + 1, "'matrix' does not fit"),
        ("item_knn", "ranker.popularity", lambda a: -a, "not above 0"),
        ("item_knn", "ranker.popularity", lambda a: a[:-1], "'popularity' .* does not fit"),
        ("item_knn", "items.counts", lambda a: a - a.max(), "Counts of items"),
        ("item_knn", "histories.item", spoilt(0, 10**6), "Histories do not fit"),
        ("item_knn", "histories.start", spoilt(1, 10**6), "Histories do not fit"),
        ("item_knn", "histories.basket", spoilt(3, 10**6), "Baskets do not fit"),
        ("item_knn", "histories.basket", lambda a: a * 0, "Baskets do not fit"),
        ("ease", "ranker.matrix", lambda a: a[:, :-1], "'matrix' .* does not fit"),
        ("text", "ranker.rows.indices", spoilt(0, 10**6), "'rows' does not fit"),
        ("blend", "ranker.trees0.left", spoilt(-1, 0), "trees do not fit together"),
        ("blend", "ranker.trees0.right", spoilt(0, 10**6), "trees do not fit together"),
        ("blend", "ranker.trees0.right", spoilt(0, -(10**6)), "trees do not fit together"),
        ("blend", "ranker.trees0.feature", spoilt(0, 500), "trees do not fit together"),
        ("blend", "ranker.trees0.value", lambda a: a[:3], "trees do not fit together"),
        ("blend", "ranker.traits.category", spoilt(0, 10**6), "categories of more items"),
        ("blend", "ranker.traits.columns", lambda a: a[:, :-1], "other features"),
    ],
)
def test_arrays_that_cannot_be_are_refused_though_their_checksums_are_right(copy, bundle, name, how, said):
    folder = copy(bundle)
    put(folder, name, how(np.load(folder / f"{name}.npy")))
    with pytest.raises(InputError, match=said) as caught:
        Recommender.load(folder)
    assert caught.value.hint


@pytest.mark.parametrize(
    ("how", "said"),
    [
        (lambda d: d["arrays"]["ranker.popularity"].update(dtype="float32"), "and the manifest wants float32"),
        (lambda d: d["arrays"]["ranker.popularity"].update(shape=[3]), "the manifest wants 3"),
        (lambda d: d["arrays"].pop("ranker.popularity"), "lists other files"),
        (lambda d: d["ranker"].update(kind="pickle"), "no kind of ranker 'pickle'"),
        (lambda d: d["ranker"]["numbers"].update(decay=7), r"decay is 7, and has to be a number in \[0, 1\]"),
        (lambda d: d["ranker"]["numbers"].pop("decay"), "decay is None"),
        (lambda d: d.update(items=30), "does not fit|does not name 30 items"),
        (lambda d: d["remedy"].update(serving="nonsense"), "'nonsense', which is not known"),
        (lambda d: d["remedy"].update(serving="1 +"), "which is not known"),
        (lambda d: d["remedy"].update(serving="smote"), "'smote', which does not act"),
        (lambda d: d["remedy"].update(serving="logit_adjust(tau=1e9)"), "a remedy that cannot be"),
    ],
)
def test_a_manifest_that_says_otherwise_is_refused(copy, how, said):
    folder = copy("item_knn")
    change(folder, how)
    with pytest.raises(InputError, match=said) as caught:
        Recommender.load(folder)
    assert caught.value.hint


def test_nothing_that_a_bundle_names_is_executed(copy, tmp_path):
    folder, trap = copy("item_knn"), tmp_path / "trap.py"
    trap.write_text(f"open({str(tmp_path / 'sprung')!r}, 'w')\n")
    spec = f"custom_loss(file={str(trap)!r})"
    change(folder, lambda d: d["remedy"].update(serving=spec))
    with pytest.raises(InputError, match="'custom_loss', which does not act"):
        Recommender.load(folder)
    assert not (tmp_path / "sprung").exists()


def test_each_kind_of_bundle_says_what_the_other_is_for(folders, trained):
    with pytest.raises(InputError, match="recommends items to users, and labels nothing") as caught:
        Bundle.load(folders["item_knn"])
    assert "evenshelf recommend" in caught.value.hint
    with pytest.raises(InputError, match="labels texts, and recommends nothing") as caught:
        Recommender.load(trained[1])
    assert "evenshelf predict" in caught.value.hint


def test_a_shop_with_both_kinds_gives_the_newest_of_the_kind_that_was_asked(folders, trained, tmp_path):
    shop = tmp_path / "shop"
    (shop / "bundles").mkdir(parents=True)
    (shop / "shop.toml").write_text("")
    shutil.copytree(folders["item_knn"], shop / "bundles" / "recommend-all")
    with pytest.raises(InputError, match="no bundle that labels"):
        bundle_in(shop)
    shutil.copytree(trained[1], shop / "bundles" / "label-category")
    assert bundle_in(shop).name == "label-category"
    assert bundle_in(shop, "recommend").name == "recommend-all"
