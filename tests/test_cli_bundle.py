"""The commands train and predict: from a study to labels, exit codes, JSON."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from evenshelf import cli
from evenshelf.bundles import Bundle
from evenshelf.bundles.manifest import MANIFEST
from evenshelf.shop import ingest
from evenshelf.study.results import load
from evenshelf.study.winner import most_chosen
from tests.bundles.shops import make_shop
from tests.catalogues import catalogue as titles_and_labels

pytestmark = pytest.mark.usefixtures("cache_folder")


def run(*args: object) -> int:
    with pytest.raises(SystemExit) as caught:
        cli.main([str(arg) for arg in args])
    return int(caught.value.code or 0)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, cache_folder: Path) -> Path:
    """With a study; its remedies are as good as nothing or worse, but for the last."""
    folder = make_shop(tmp_path_factory.mktemp("cli") / "shop").path
    options = ["--remedies", "random_under, name_prior", "--folds", 3, "--budget", 4, "--encoder", "tfidf"]
    assert run("study", folder, *options, "--workers", 1, "--no-report", "--json") == 0
    return folder


@pytest.fixture(scope="module")
def bundle(shop: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("bundle") / "best"
    assert run("train", shop, "--out", out) == 0
    return out


def told(capsys: pytest.CaptureFixture[str], *args: object) -> dict:
    capsys.readouterr()
    assert run(*args, "--json") == 0
    return json.loads(capsys.readouterr().out)


def test_the_winner_of_the_newest_study_is_trained_at_the_settings_of_most_folds(shop: Path, bundle: Path) -> None:
    manifest = Bundle.load(bundle).manifest
    (study,) = (shop / "studies").iterdir()
    verdict = json.loads((study / "verdict.json").read_text(encoding="utf-8"))
    spec = verdict["recommended"] or "none"
    setting, votes = most_chosen([dict(s) for s in load(study)[spec].tuned.settings])
    assert (manifest.remedy.spec, manifest.remedy.penalty) == (setting["remedy"], setting["penalty"])
    assert f"{votes} of 3 folds" in manifest.remedy.chosen
    assert manifest.encoder.spec == "tfidf"
    evidence = manifest.evidence["study"]
    assert evidence["headline"] == verdict["headline"]
    assert evidence["remedy"]["macro_f1"] == next(c for c in verdict["comparisons"] if c["spec"] == spec)["macro_f1"]
    assert any("recommends no remedy" in note for note in manifest.notes) == (verdict["recommended"] is None)


def test_another_remedy_of_the_study_and_another_penalty(shop: Path, tmp_path: Path, capsys) -> None:
    (study,) = (shop / "studies").iterdir()
    options = ["--study", study, "--remedy", "random_under", "--penalty", 0.001, "--out", tmp_path / "b"]
    document = told(capsys, "train", shop, *options, "--alpha", 0.2)
    assert document["remedy"]["spec"].startswith("random_under")
    assert document["remedy"]["penalty"] == 0.001
    assert document["conformal"]["alpha"] == 0.2
    assert run("train", shop, "--study", study, "--remedy", "smote", "--out", tmp_path / "c") == 2
    assert "did not tune the remedy 'smote'" in capsys.readouterr().err


def test_descriptions_of_classes_are_read_by_study_and_bundle(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    # names are codes, so that all there is to read is in the descriptions
    titles, labels = titles_and_labels()
    code = {label: f"K{number}" for number, label in enumerate(sorted(set(labels)))}
    items = pl.DataFrame({"id": range(len(titles)), "title": titles, "category": [code[label] for label in labels]})
    items.write_csv(tmp_path / "items.csv")
    shop = tmp_path / "shop"
    ingest(shop, [tmp_path / "items.csv"])
    table = tmp_path / "said.csv"
    pl.DataFrame({"class": list(code.values()), "description": list(code)}).write_csv(table)
    size = ["--budget", 4, "--folds", 3, "--workers", 1]
    asked = ["study", shop, "--remedies", "name_prior", "--encoder", "tfidf", *size, "--no-report"]
    plain, found = told(capsys, *asked), told(capsys, *asked, "--descriptions", table)
    assert found["folder"] != plain["folder"]
    assert found["study"]["descriptions"] == {c: label for label, c in code.items()}
    f1 = [next(c["macro_f1"] for c in s["verdict"]["comparisons"] if c["spec"] == "name_prior") for s in (plain, found)]
    assert f1[1] > f1[0] + 0.01
    of_study = told(
        capsys, "train", shop, "--study", found["folder"], "--remedy", "name_prior", "--out", tmp_path / "0"
    )
    spec, penalty = of_study["remedy"]["spec"], of_study["remedy"]["penalty"]
    again = ["train", shop, "--remedy", spec, "--penalty", penalty, "--encoder", "tfidf"]
    assert run(*again, "--descriptions", table, "--out", tmp_path / "1") == run(*again, "--out", tmp_path / "2") == 0
    weights = [Bundle.load(tmp_path / name).head.weights for name in "012"]
    np.testing.assert_array_equal(weights[0], weights[1])
    assert np.abs(weights[0] - weights[2]).max() > 0.1


def test_titles_are_labelled(bundle: Path, capsys) -> None:
    document = told(capsys, "predict", bundle, "ruword ru1word running shoes", "", "男士 运动鞋", "--top", 2)
    assert {k: document[k] for k in ("rows", "labelled", "refused")} == {"rows": 3, "labelled": 2, "refused": 1}
    first, empty, _ = document["predictions"]
    assert first["label"] == "running shoes"
    assert len(first["top"]) == 2
    assert empty["refused"] == "the title is empty"
    assert run("predict", bundle, "ruword running shoes", "", "--unsure-below", 1) == 0
    shown = capsys.readouterr().out
    assert "running shoes" in shown
    assert "not sure" in shown
    assert "1 refused" in shown


def test_a_file_is_labelled_into_a_file(bundle: Path, tmp_path: Path, capsys) -> None:
    (tmp_path / "new.csv").write_text("name,price\nruword running shoes,1\n,2\n", encoding="utf-8")
    options = ["--file", tmp_path / "new.csv", "--column", "name", "--out", tmp_path / "out.csv"]
    document = told(capsys, "predict", bundle, *options)
    assert "predictions" not in document
    assert (document["rows"], document["refused"]) == (2, 1)
    lines = (tmp_path / "out.csv").read_text(encoding="utf-8-sig").splitlines()
    assert lines[0].startswith("line,item_id,title,label,probability,set,unsure,refused,label_2")
    assert "running shoes" in lines[1]
    assert "the title is empty" in lines[2]


def test_a_shop_stands_for_its_newest_bundle_and_tags_have_no_sets(shop: Path, capsys) -> None:
    document = told(capsys, "train", shop, "--task", "tags", "--remedy", "none", "--encoder", "tfidf")
    assert document["conformal"] is None
    assert document["labels_per_text"] == 2
    assert Path(document["folder"]) == shop / "bundles" / "tags-tags"
    said = told(capsys, "predict", shop, "ruword ru1word running shoes")["predictions"][0]
    assert said["set"] is None
    assert {said["top"][0]["label"], said["top"][1]["label"]} == {"running shoes", "dear"}
    assert said["top"][0]["probability"] > 0.5
    assert run("train", shop, "--task", "tags", "--remedy", "none", "--alpha", 0.1) == 2
    assert "make no sense" in capsys.readouterr().err


def test_a_model_that_is_not_in_the_bundle_has_to_be_named(bundle: Path, tmp_path: Path, capsys) -> None:
    theirs = Path(shutil.copytree(bundle, tmp_path / "theirs"))
    document = json.loads((theirs / MANIFEST).read_text(encoding="utf-8"))
    document["encoder"]["spec"] = "st:org/model"
    (theirs / MANIFEST).write_text(json.dumps(document), encoding="utf-8")
    assert run("predict", theirs, "red shoe") == 3
    shown = " ".join(capsys.readouterr().err.split())
    assert "was not loaded: a bundle may come from anybody" in shown
    assert "--encoder 'st:org/model'" in shown
    assert run("predict", theirs, "red shoe", "--encoder", f"st:{tmp_path / 'nowhere'}") == 3
    assert "no such folder" in " ".join(capsys.readouterr().err.split()), "what is named is looked for"


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("train", "{shop}", "--alpha", 2), 2, "between 0 and 1"),
        (("train", "{shop}", "--penalty", 0), 2, "penalty"),
        (("train", "{shop}", "--remedy", "smoteee"), 2, "did you mean"),
        (("train", "{shop}", "--target", "brand"), 3, "no finished study of 'brand'"),
        (("train", "{shop}", "--study", "{shop}"), 3, "no finished study"),
        (("train", "{shop}", "--remedy", "none", "--out", "{shop}"), 3, "not empty"),
        (("predict", "{shop}/studies", "x"), 3, "no bundle"),
        (("predict", "{bundle}"), 2, "nothing to label"),
        (("predict", "{bundle}", "x", "--file", "y.csv"), 2, "not both"),
        (("predict", "{bundle}", "--file", "nowhere.csv"), 3, "cannot be read"),
        (("predict", "{bundle}", "x", "--out", "y.xlsx"), 2, ".csv"),
        (("predict", "{bundle}", "x", "--unsure-below", 2), 2, "probability"),
        (("predict", "{bundle}", "x", "--encoder", "st:org/model"), 2, "trained on vectors of 'tfidf'"),
        (("predict", "{bundle}", "", " "), 3, "None of 2 rows"),
    ],
)
def test_what_cannot_be_done_is_told_with_an_exit_code(shop, bundle, capsys, *, args, code, said) -> None:
    filled = [str(a).format(shop=shop, bundle=bundle) for a in args]
    assert run(*filled) == code
    shown = " ".join(capsys.readouterr().err.split())
    assert said in shown
