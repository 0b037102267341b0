"""The commands train and recommend: from a study of lists to lists with reasons, exit codes, JSON."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from evenshelf import cli
from evenshelf.bundles import Recommender
from evenshelf.remedies import parse
from evenshelf.shop import Shop
from evenshelf.study.results import load
from evenshelf.tasks.recommend import RecommendTask

pytestmark = pytest.mark.usefixtures("cache_folder")
REMEDIES = "logit_adjust(tau=0.5), logit_adjust(tau=0.7) + mmr(lam=0.7)"


def run(*args: object) -> int:
    with pytest.raises(SystemExit) as caught:
        cli.main([str(arg) for arg in args])
    return int(caught.value.code or 0)


def told(capsys: pytest.CaptureFixture[str], *args: object) -> dict:
    capsys.readouterr()
    assert run(*args, "--json") == 0
    return json.loads(capsys.readouterr().out)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, cache_folder: Path) -> Path:
    """Simulated, with a study of which two remedies and a yardstick are known, and the bundle of its winner."""
    folder = tmp_path_factory.mktemp("recommend") / "shop"
    assert run("simulate", folder, "--items", 80, "--events", 3000, "--language", "en", "--pictures", 0) == 0
    options = ["--task", "recommend", "--remedies", REMEDIES, "--learner", "near", "--baselines", "item_knn"]
    more = ["--budget", 2, "--encoder", "tfidf", "--no-repeats", "--workers", 1, "--no-report", "--json"]
    assert run("study", folder, *options, *more) == 0
    assert run("train", folder) == 0
    return folder


@pytest.fixture(scope="module")
def events(shop: Path) -> pl.DataFrame:
    """What counts as taken, oldest first."""
    found = Shop.open(shop).read("events").filter(pl.col("user_id").is_not_null() & pl.col("time").is_not_null())
    return found.sort("time")


@pytest.fixture(scope="module")
def busy(events: pl.DataFrame) -> str:
    """Somebody with a long history."""
    return str(events.group_by("user_id").agg(pl.col("item_id").n_unique()).sort("item_id", "user_id")["user_id"][-1])


def study_of(shop: Path) -> Path:
    (folder,) = (shop / "studies").iterdir()
    return folder


def test_the_winner_of_the_study_is_trained_on_all_histories(shop: Path) -> None:
    bundle = Recommender.load(shop / "bundles" / "recommend-all")
    manifest, study = bundle.manifest, study_of(shop)
    verdict = json.loads((study / "verdict.json").read_text(encoding="utf-8"))
    tuned = load(study)[verdict["recommended"] or "none"].tuned
    assert tuned is not None
    assert {"remedy": manifest.remedy.spec, **manifest.learner.setting} in [dict(s) for s in tuned.settings]
    assert manifest.learner.name == "near"
    assert manifest.evidence["study"]["headline"] == verdict["headline"]
    assert manifest.evidence["study"]["remedy"]["macro_ndcg_at_10"] > 0
    assert manifest.trained_on["steps"] == bundle.catalogue.counts.sum()
    assert not manifest.histories
    assert any("recommends no remedy" in note for note in manifest.notes) == (verdict["recommended"] is None)


def test_a_user_of_the_shop_is_shown_what_the_items_of_the_user_ask_for(shop: Path, busy: str, capsys) -> None:
    found = told(capsys, "recommend", shop, "--user", busy, "--k", 5)
    assert found["user"] == busy
    assert [one["place"] for one in found["shown"]] == [1, 2, 3, 4, 5]
    assert not {one["item"] for one in found["shown"]} & set(found["history"])
    titles = dict(Shop.open(shop).items().select("item_id", "title").iter_rows())
    for one in found["shown"]:
        assert one["title"] == titles[one["item"]]
        reason = one["reason"]
        assert sum(part["adds"] for part in reason["parts"]) + reason["rest"] == pytest.approx(reason["whole"])
        assert {part["item"] for part in reason["parts"]} == set(found["history"])
    mine = told(capsys, "recommend", shop, "--items", ",".join(found["history"]), "--k", 5)
    assert mine["user"] is None
    assert mine["history"] == found["history"]
    capsys.readouterr()
    assert run("recommend", shop, "--user", busy) == 0
    said = capsys.readouterr().out
    assert "because you took" in said
    assert f"By {len(found['history'])} steps of history." in said


def test_a_study_of_what_may_be_shown_shows_nothing_else(shop: Path, tmp_path: Path, capsys) -> None:
    opened = Shop.open(shop)
    category = str(opened.items()["category"].drop_nulls().mode().sort()[0])
    rules = ["--category", category, "--in-stock", "--split", "time"]
    more = ["--remedies", "none, logit_adjust(tau=0.5)", "--budget", 1, "--encoder", "none", "--workers", 1]
    told(capsys, "study", shop, "--task", "recommend", *rules, *more, "--out", tmp_path / "study")
    result = load(tmp_path / "study")
    assert (result.meta["only_category"], result.meta["in_stock"]) == (category, True)
    of_it = set(opened.items().filter(pl.col("category") == category)["item_id"])
    task = RecommendTask.from_shop(opened, category=category, in_stock=True)
    (sitting,) = task.sittings("time", folds=5, seed=0)
    assert sitting.judging.allowed is not None
    stocked = {task.classes[code] for code in np.flatnonzero(sitting.judging.allowed)}
    assert stocked < of_it, "something of the category was sold out at that moment"
    ids = result.classes["class"].to_list()
    for remedy in result.remedies:
        assert remedy.tuned is not None
        shown = {ids[code] for code in np.flatnonzero(remedy.tuned.shown)}
        assert shown
        assert shown <= stocked
    assert {ids[code] for code in result.y} <= stocked
    html = (tmp_path / "study" / "report.html").read_text(encoding="utf-8")
    assert "were in stock at that moment" in html
    assert "--in-stock" in html
    assert run("study", shop, "--task", "recommend", "--in-stock", *more) == 2
    assert "--split time" in capsys.readouterr().err
    assert run("study", shop, "--category", category) == 2
    assert "--category cannot be asked of label" in capsys.readouterr().err


def test_an_item_that_is_named_twice_counts_where_it_came_first(shop: Path, busy: str, capsys) -> None:
    """What a user takes again is not asked in this study, so what was fitted knows first times alone."""
    one, two = told(capsys, "recommend", shop, "--user", busy)["history"][:2]
    found = told(capsys, "recommend", shop, "--items", f"{one},{two},{one}")
    assert found["history"] == [one, two]
    assert found["shown"] == told(capsys, "recommend", shop, "--items", f"{one},{two}")["shown"]


def test_a_user_who_has_taken_nothing_is_shown_what_is_popular(shop: Path, events: pl.DataFrame, capsys) -> None:
    users = Shop.open(shop).read("users")["user_id"]
    taken = events.filter(pl.col("kind").is_in(["view", "click", "cart", "rating", "purchase"]))
    idle = sorted(set(users) - set(taken["user_id"]))
    assert idle
    found = told(capsys, "recommend", shop, "--user", idle[0])
    assert found["user"] == idle[0]
    assert found["history"] == []
    assert found["shown"][0]["reason"]["kind"] == "popular"
    assert run("recommend", shop, "--user", "nobody") == 3


def test_what_looks_at_all_lists_says_that_it_saw_one(shop: Path, busy: str, tmp_path: Path, capsys) -> None:
    out = tmp_path / "fair"
    told(capsys, "train", shop, "--learner", "item_knn", "--remedy", "fair_exposure", "--out", out)
    found = told(capsys, "recommend", out, "--user", busy, "--shop", shop)
    assert any("fair_exposure looks at the lists of all users" in note for note in found["notes"])
    assert not told(capsys, "recommend", shop, "--user", busy)["notes"]


def test_rules_of_what_may_be_shown(shop: Path, busy: str, capsys) -> None:
    items = Shop.open(shop).items()
    whole = told(capsys, "recommend", shop, "--user", busy, "--k", 80)["shown"]
    category = whole[3]["category"]
    some = told(capsys, "recommend", shop, "--user", busy, "--category", category, "--exclude", whole[3]["item"])
    wanted = [one["item"] for one in whole if one["category"] == category and one["item"] != whole[3]["item"]]
    assert [one["item"] for one in some["shown"]] == wanted[:10]
    assert set(wanted) < set(items.filter(pl.col("category") == category)["item_id"])
    last = Shop.open(shop).read("stock").sort("time").group_by("item_id", maintain_order=True).last()
    there = set(last.filter(pl.col("stock") > 0)["item_id"])
    stocked = told(capsys, "recommend", shop, "--user", busy, "--in-stock", "--k", 80)["shown"]
    assert [one["item"] for one in stocked] == [one["item"] for one in whole if one["item"] in there]


def test_a_remedy_by_hand_says_what_it_moved(shop: Path, busy: str, tmp_path: Path, capsys) -> None:
    out = tmp_path / "moved"
    spec = "logit_adjust(tau=0.7) + mmr(lam=0.7)"
    document = told(capsys, "train", shop, "--study", study_of(shop), "--remedy", spec, "--out", out)
    assert parse(document["remedy"]["serving"]) == parse(spec)
    assert document["remedy"]["chosen"].startswith("as asked for")
    found = told(capsys, "recommend", out, "--user", busy, "--shop", shop)["shown"]
    moved = [one for one in found if one["place_without_remedy"] != one["place"]]
    assert moved
    for one in moved:
        assert f"{parse(spec).spec}: from place {one['place_without_remedy']:,} to {one['place']}" in one["why"]


def test_a_yardstick_of_the_study_or_any_learner_may_be_trained(shop: Path, tmp_path: Path, capsys) -> None:
    known = told(capsys, "train", shop, "--study", study_of(shop), "--learner", "item_knn", "--out", tmp_path / "a")
    assert known["learner"]["name"] == "item_knn"
    assert "chose these settings" in known["remedy"]["chosen"]
    other = told(
        capsys,
        "train",
        shop,
        "--learner",
        "text",
        "--remedy",
        "logit_adjust",
        "--with-histories",
        "--out",
        tmp_path / "b",
    )
    assert (other["learner"]["name"], other["evidence"]["study"]) == ("text", None)
    bundle = Recommender.load(tmp_path / "b")
    assert bundle.held is not None
    user = bundle.held.users[0]
    assert told(capsys, "recommend", tmp_path / "b", "--user", user)["user"] == user
    assert run("train", shop, "--study", study_of(shop), "--learner", "als", "--out", tmp_path / "c") == 2
    assert "did not tune the learner 'als'" in capsys.readouterr().err


def test_a_bundle_says_that_events_came_after_its_study(shop: Path, tmp_path: Path, capsys) -> None:
    later = Path(shutil.copytree(shop, tmp_path / "later"))
    opened = Shop.open(later)
    events = opened.read("events")
    opened.commit({"events": events.filter(pl.int_range(pl.len()) > 0)})
    notes = told(capsys, "train", later)["notes"]
    assert any("events have changed since the study" in note for note in notes)
    assert not any("items" in note and "changed" in note for note in notes)


def test_equal_seeds_give_equal_bundles(shop: Path, tmp_path: Path) -> None:
    for name in ("a", "b"):
        assert run("train", shop, "--learner", "item_knn", "--out", tmp_path / name, "--seed", 3) == 0
    one, two = ({f.name: f.read_bytes() for f in (tmp_path / name).iterdir()} for name in ("a", "b"))
    assert one == two


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        (("recommend", "SHOP"), 2, "Say for whom"),
        (("recommend", "SHOP", "--items", "a", "--user", "b"), 2, "not both"),
        (("recommend", "SHOP", "--user", "nobody"), 3, "no history of a user 'nobody'"),
        (("recommend", "BUNDLE", "--user", "u1"), 2, "holds no histories"),
        (("recommend", "BUNDLE", "--items", "a", "--in-stock"), 2, "does not know what is in stock"),
        (("recommend", "SHOP", "--items", "", "--category", "nothing"), 2, "no category 'nothing'"),
        (("predict", "BUNDLE", "a title"), 3, "recommends items to users, and labels nothing"),
        (("predict", "SHOP", "a title"), 3, "no bundle that labels"),
        (("train", "SHOP", "--alpha", "0.1"), 2, "--alpha: for bundles that label alone"),
        (("train", "SHOP", "--task", "label", "--learner", "near"), 2, "a bundle keeps linear heads"),
        (("train", "SHOP", "--learner", "nonsense", "--task", "recommend"), 2, "nonsense"),
        (("train", "SHOP", "--learner", "near", "--remedy", "smote"), 2, "cannot act at the stage resample"),
        (("train", "SHOP", "--target", "view", "--task", "recommend"), 3, "no finished study of recommendation"),
    ],
)
def test_what_cannot_be_is_told_in_a_sentence(shop: Path, args, code: int, said: str, capsys) -> None:
    places = {"SHOP": shop, "BUNDLE": shop / "bundles" / "recommend-all"}
    assert run(*(places.get(arg, arg) for arg in args)) == code
    assert said in " ".join(capsys.readouterr().err.split())


def test_nothing_taken_is_what_is_popular_and_unknown_items_are_told(shop: Path, capsys) -> None:
    assert run("recommend", shop, "--items", "nope") == 0
    said = " ".join(capsys.readouterr().out.split())
    assert "Not known to the bundle, and left out: nope." in said
    assert "this is what is popular" in said
    cold = told(capsys, "recommend", shop, "--items", "")
    assert {one["why"].partition(";")[0] for one in cold["shown"]} == {"popular"}
