"""The command explain: words alone, with a shop, exit codes, JSON."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evenshelf import cli
from tests.bundles.shops import make_shop

pytestmark = pytest.mark.usefixtures("cache_folder")
TITLE = "ruword ru1word ru3word blue"


def run(*args: object) -> int:
    with pytest.raises(SystemExit) as caught:
        cli.main([str(arg) for arg in args])
    return int(caught.value.code or 0)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, cache_folder: Path) -> Path:
    """With a bundle of its own."""
    folder = make_shop(tmp_path_factory.mktemp("cli") / "shop").path
    spec = "name_prior + logit_adjust(tau=0.5)"
    assert run("train", folder, "--remedy", spec, "--penalty", 1e-4, "--encoder", "tfidf", "--json") == 0
    return folder


def told(capsys: pytest.CaptureFixture[str], *args: object) -> dict:
    capsys.readouterr()
    assert run(*args, "--json") == 0
    return json.loads(capsys.readouterr().out)


def test_a_shop_explains_its_newest_bundle_in_full(shop: Path, capsys) -> None:
    document = told(capsys, "explain", shop, TITLE, "tiword red", "--top", 2)
    assert document["bundle"] == str(shop / "bundles" / "label-category")
    assert document["shop"] == str(shop)
    first, second = document["explanations"]
    assert (first["text"], second["text"]) == (TITLE, "tiword red")
    assert first["label"] == first["answer"] == "running shoes"
    assert [word["word"] for word in first["words"]["words"]] == TITLE.split()
    assert len(first["examples"]["supporting"]) == len(first["examples"]["nearest"]["rival"]) == 2
    assert [step["part"] for step in first["remedy"]["steps"]] == ["nothing", "name_prior", "logit_adjust(tau=0.5)"]
    assert run("explain", shop, TITLE) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for words in ("running shoes", "ru1word", "speak for it", "nearest of", "Doing nothing would give", "margin"):
        assert words in shown


def test_words_alone_need_no_shop(shop: Path, capsys) -> None:
    bundle = shop / "bundles" / "label-category"
    for args in ((bundle, TITLE), (shop, TITLE, "--words-only", "--words", "exact")):
        document = told(capsys, "explain", *args)
        (said,) = document["explanations"]
        assert document["shop"] is said["examples"] is said["remedy"] is None
        assert sum(word["value"] for word in said["words"]["words"]) + said["words"]["rest"] == pytest.approx(
            said["words"]["margin"], abs=1e-4
        )
    hint = told(capsys, "explain", bundle, TITLE)["notes"]
    assert any("--shop SHOP" in note for note in hint)
    assert told(capsys, "explain", shop, TITLE, "--words-only")["notes"] == []


def test_a_class_can_be_asked_about(shop: Path, capsys) -> None:
    said = told(capsys, "explain", shop, TITLE, "--words-only", "--label", "hats", "--against", "socks")
    (found,) = said["explanations"]
    assert (found["label"], found["answer"], found["rival"]) == ("running shoes", "hats", "socks")


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("{shop}",), 2, "nothing to explain"),
        (("{shop}", "x", "--words", "oclusion"), 2, "did you mean occlusion"),
        (("{shop}", "x", "--words-only", "--shop", "{shop}"), 2, "need no shop"),
        (("{shop}", "x", "--words-only", "--words", "gradients"), 2, "has no gradients"),
        (("{shop}", "x", "--words-only", "--against", "hat"), 2, "did you mean hats"),
        (("{shop}", "x", "...", "--words-only"), 3, "1 of 2 texts hold no word"),
        (("{shop}/nowhere", "x"), 3, "does not exist"),
    ],
)
def test_what_cannot_be_explained_is_an_error(shop: Path, capsys, args, code, said) -> None:
    assert run("explain", *(str(arg).format(shop=shop) for arg in args)) == code
    assert said in " ".join(capsys.readouterr().err.split())


def test_examples_by_influence(shop: Path, capsys) -> None:
    document = told(capsys, "explain", shop, TITLE, "--examples", "influence", "--top", 2)
    found = document["explanations"][0]["examples"]
    assert found["by"] == "influence"
    assert found["supporting"][0]["lost"] >= found["supporting"][1]["lost"] > 0
    assert run("explain", shop, TITLE, "--examples", "influence") == 0
    assert "lost without" in " ".join(capsys.readouterr().out.split())
    assert run("explain", shop, TITLE, "--examples", "nearness") != 0
