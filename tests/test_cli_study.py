"""The commands study, report, remedies and encoders."""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest

from evenshelf import cli
from evenshelf.encoders import encoder_kinds
from evenshelf.remedies import catalogue
from evenshelf.shop import Shop, ingest, simulate
from evenshelf.study.repeats import SeedGain, SeedSensitivity
from evenshelf.study.results import load, save_further
from evenshelf.tasks.label_metrics import METRICS

from .catalogues import catalogue as titles_and_labels

QUICK = ["--encoder", "tfidf", "--remedies", "none,balanced,logit_adjust", "--budget", "2", "--folds", "3"]


def run(*args):
    with pytest.raises(SystemExit) as caught:
        cli.main([str(arg) for arg in args])
    return caught.value.code or 0


def plain(text):
    return " ".join(text.split())


pytestmark = pytest.mark.usefixtures("cache_folder")


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    folder = tmp_path_factory.mktemp("made")
    titles, labels = titles_and_labels()
    pl.DataFrame({"id": range(len(titles)), "title": titles, "category": labels}).write_csv(folder / "items.csv")
    ingest(folder / "shop", [folder / "items.csv"])
    return folder / "shop"


@pytest.fixture(scope="module")
def finished(shop, tmp_path_factory):
    """A study that ran in one go."""
    folder = tmp_path_factory.mktemp("finished") / "study"
    assert run("study", shop, *QUICK, "--workers", 1, "--out", folder, "--no-report") == 0
    assert not list(folder.glob("*.html"))
    return folder


def test_a_study_of_users_speaks_of_users(tmp_path, capsys):
    path = simulate(tmp_path / "shop", items=200, language="en", seed=5).path
    asked = ["--task", "tags", "--target", "users.tags", "--remedies", "balanced", "--folds", 3, "--budget", 2]
    asked += ["--encoder", "tfidf", "--workers", 1, "--sample", 60]
    assert run("study", path, *asked, "--no-report") == 0
    shown = capsys.readouterr()
    assert re.search(r"60 users, a sample drawn with seed 0, \d+ pairs of user and tag; \d+ tags", plain(shown.err))
    out = plain(shown.out)
    assert re.search(r"\d+ pairs of user and tag of \d+ tags in \d+ history groups", out)
    assert "users were left out: not in the sample of 60 drawn with seed 0" in out
    others = out.replace("titles that are mere codes", "").replace("Give the items titles that", "")
    assert not re.findall(r"\b(?:items|titles|title groups)\b", others)
    assert run("study", path, *asked) == 0
    assert "resumed" in capsys.readouterr().err, "users come in the same order each time"
    (page,) = path.glob("studies/tags-*/report.html")
    assert "Pairs of user and tag" in page.read_text(encoding="utf-8")


def test_attributes_are_fitted_by_a_head_for_each_value(tmp_path, capsys):
    path = simulate(tmp_path / "shop", items=150, language="en", seed=5).path
    asked = ["--task", "tags", "--target", "brand,tags", "--remedies", "positive_weight, smote", "--folds", 3]
    asked += ["--budget", 2, "--encoder", "tfidf", "--workers", 1]
    assert run("study", path, *asked) == 0
    out = plain(capsys.readouterr().out)
    assert "LRAP" in out
    assert "given where its own score says so" in out
    assert "smote was not applicable: it is for labels that compete for an example" in out
    (page,) = path.glob("studies/tags-*/report.html")
    assert "Sets of tags" in page.read_text(encoding="utf-8")
    assert run("study", path, "--task", "tags", "--target", "brand,tagz") == 3
    assert "no column 'tagz'" in capsys.readouterr().err
    assert run("study", path, *asked[4:], "--learner", "binary_heads") == 2
    assert "this task has one label each" in plain(capsys.readouterr().err)
    assert run("study", path, *asked, "--learning-curve") == 2
    assert "no learning curve of binary_heads" in plain(capsys.readouterr().err)


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (["--split", "time"], "--split cannot be asked of label"),
        (["--no-repeats"], "--repeats cannot be asked of label"),
        (["--task", "recommend", "--by", "gender"], "--by cannot be asked of recommend"),
        (["--task", "recommend", "--folds", 4], "--folds cannot be asked of recommend, which has folds of users alone"),
        (["--task", "recommend", "--seeds", 0], "a study has at least one"),
    ],
)
def test_what_means_nothing_to_a_task_is_refused_before_any_work(tmp_path, capsys, asked, said):
    assert run("study", tmp_path, *asked) == 2
    assert said in plain(capsys.readouterr().err)


def test_a_learning_curve_of_too_few_items_is_refused_before_the_study(tmp_path, capsys):
    path = simulate(tmp_path / "shop", items=40, language="en", seed=5).path
    asked = ["--remedies", "balanced", "--folds", 3, "--budget", 2, "--encoder", "tfidf", "--learning-curve"]
    assert run("study", path, *asked) == 3
    assert "too few examples for a learning curve" in plain(capsys.readouterr().err)
    assert not (path / "studies").exists()


def test_a_study_shows_its_verdict_and_leaves_everything_behind(shop, finished, capsys):
    assert run("study", shop, *QUICK, "--workers", 1, "--out", finished) == 0
    shown = capsys.readouterr()
    verdict = json.loads((finished / "verdict.json").read_text(encoding="utf-8"))
    assert plain(verdict["headline"]) in plain(shown.out)
    for comparison in verdict["comparisons"]:
        assert comparison["spec"] in shown.out
    assert "tfidf as asked for" in plain(shown.err)
    assert "resumed" in shown.err
    assert (finished / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    specs = {c["spec"] for c in verdict["comparisons"]}
    assert set(pl.read_parquet(finished / "comparisons.parquet")["spec"]) == specs
    assert set(pl.read_parquet(finished / "metrics.parquet")["remedy"]) == specs
    assert set(json.loads((finished / "metrics.json").read_text())["none"]["tuned"]["all"]) > set(METRICS)


def test_json_is_all_there_is_on_standard_output(shop, finished, capsys):
    assert run("study", shop, *QUICK, "--workers", 1, "--out", finished, "--no-report", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    assert document["folder"] == str(finished)
    assert document["verdict"] == json.loads((finished / "verdict.json").read_text())
    assert document["advice"] == json.loads((finished / "advice.json").read_text())
    assert document["advice"]["facts"]["named"] is not None, "the texts were there to be measured"
    about = document["study"]
    assert about["target"] == "category"
    assert about["shop"] == str(shop)
    assert about["encoder"]["spec"] == "tfidf"
    assert about["encoder"]["dimension"] > 0
    assert len(about["encoder"]["fingerprint"]) == 32


def test_other_traits_are_told_of_by_the_same_trials(tmp_path, capsys):
    titles, labels = titles_and_labels()
    ways = {"season": [("summer", "winter")[n % 2] for n in range(len(titles))], "brand": ["运动鞋"] * len(titles)}
    pl.DataFrame({"id": range(len(titles)), "title": titles, "category": labels, **ways}).write_csv(tmp_path / "i.csv")
    ingest(tmp_path / "shop", [tmp_path / "i.csv"])
    asked = [*QUICK[:3], "none,balanced", "--budget", "2", "--folds", "3", "--workers", "1", "--no-report", "--json"]
    found = []
    for by in ([], ["--by", "season"]):
        assert run("study", tmp_path / "shop", *asked, *by) == 0
        document = json.loads(capsys.readouterr().out)
        folder = Path(document["folder"])
        kept = json.loads((folder / "fairness.json").read_text(encoding="utf-8"))
        assert kept == document["fairness"]
        found.append((folder, sorted(p.name for p in (folder / "trials").iterdir()), document["verdict"]))
        assert document["study"].get("by") == (["season"] if by else None)
        assert load(folder).traits.columns == (["season"] if by else ["brand"])
        assert {v["value"] for v in kept["values"]} == ({"summer", "winter"} if by else set())
        assert set(kept["skipped"]) == (set() if by else {"brand"})
    usual, other = found
    assert usual[:2] == other[:2]
    assert usual[2]["headline"] == other[2]["headline"]


def test_a_study_lies_in_its_shop_and_outlives_a_commit(shop, capsys):
    options = ["--encoder", "tfidf", "--remedies", "none", "--budget", "2", "--folds", "3", "--no-report"]
    assert run("study", shop, *options, "--json") == 0
    folder = Path(json.loads(capsys.readouterr().out)["folder"])
    assert folder.parent == shop / "studies"
    opened = Shop.open(shop)
    opened.commit({"items": opened.items()})
    assert load(folder).meta["rows"] == opened.items().height
    assert cli.study._last_study(shop) == folder
    assert run("study", shop, *options, "--seed", 1, "--json") == 0
    assert Path(json.loads(capsys.readouterr().out)["folder"]) != folder


def test_a_sample_is_said_and_seeded(shop, tmp_path, capsys):
    options = [*QUICK[:3], "none", "--budget", "2", "--folds", "3", "--workers", "1", "--sample", "90", "--no-report"]
    found = []
    for name, seed in (("a", 0), ("b", 0), ("c", 3)):
        assert run("study", shop, *options, "--seed", seed, "--out", tmp_path / name, "--json") == 0
        shown = capsys.readouterr()
        assert f"90 items, a sample drawn with seed {seed}" in plain(shown.err)
        about = json.loads(shown.out)["study"]
        assert about["rows"] == 90
        assert list(about["dropped"].values()) == [31]
        found.append(load(tmp_path / name).y.tolist())
    assert found[0] == found[1] != found[2]


def test_a_report_is_written_again_as_it_was_decided(finished, tmp_path, capsys):
    shutil.copytree(finished, tmp_path / "study", ignore=shutil.ignore_patterns("vectors", "trials"))
    before = json.loads((finished / "verdict.json").read_text())
    options = ["--out", tmp_path / "again.html", "--json"]
    assert run("report", tmp_path / "study", *options) == 0
    document = json.loads(capsys.readouterr().out)
    assert document["verdict"] == before
    assert document["report"] == str(tmp_path / "again.html")
    assert (tmp_path / "again.html").is_file()
    assert run("report", tmp_path / "study", "--metric", "tail_f1", "--guardrail", "0.5", *options) == 0
    anew = json.loads(capsys.readouterr().out)["verdict"]
    assert (anew["metric"], anew["guardrail"]) == ("tail_f1", 0.5)
    # a second look is not the study's verdict
    assert json.loads((tmp_path / "study" / "verdict.json").read_text()) == before
    older = {**before, "guardrail": 0.25, "comparisons": [{"spec": "none"}]}
    (tmp_path / "study" / "verdict.json").write_text(json.dumps(older))
    assert run("report", tmp_path / "study", *options) == 0
    assert json.loads(capsys.readouterr().out)["verdict"]["guardrail"] == 0.25


def test_seeds_that_are_kept_and_not_shown_are_told(finished, tmp_path, capsys):
    folder = shutil.copytree(finished, tmp_path / "study", ignore=shutil.ignore_patterns("vectors", "trials"))
    gains = tuple(SeedGain("balanced", seed, 0.5, 0.1, 0.1) for seed in (0, 1))
    save_further(replace(load(folder), seeds=SeedSensitivity("macro_f1", gains, (), 0.01, 0.005)), folder)
    assert run("report", folder) == 0
    shown = capsys.readouterr()
    assert "under 1 fresh seed" in plain(shown.out)
    assert "not shown" not in shown.err
    assert run("report", folder, "--zone", "0.02") == 0
    shown = capsys.readouterr()
    assert "fresh seed" not in plain(shown.out)
    assert "other seeds not shown" in plain(shown.err)


def test_an_interrupted_study_goes_on_to_the_same_result(shop, finished, tmp_path, capsys):
    folder = tmp_path / "study"
    command = [sys.executable, "-c", "from evenshelf.cli import main; main()", "study", str(shop), *QUICK]
    command += ["--workers", "2", "--out", str(folder), "--no-report"]
    first = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True)
    while first.poll() is None and not list(folder.glob("trials/*.npz")):
        time.sleep(0.002)
    os.killpg(first.pid, signal.SIGINT)  # as a terminal does: to the workers as well
    out, err = first.communicate(timeout=120)
    assert first.returncode == 130, err
    assert "the same command goes on where it stopped" in err
    assert "Traceback" not in err
    assert out == ""
    assert not (folder / "study.json").exists()
    kept = {file.name: file.stat().st_mtime_ns for file in folder.glob("trials/*.npz")}
    assert kept
    assert run(*command[3:]) == 0
    assert "resumed" in capsys.readouterr().err
    assert kept.items() <= {file.name: file.stat().st_mtime_ns for file in folder.glob("trials/*.npz")}.items()
    one, other = (pl.read_parquet(place / "predictions.parquet") for place in (folder, finished))
    assert one.equals(other)
    one, other = (pl.read_parquet(place / "settings.parquet")["setting"] for place in (folder, finished))
    assert one.equals(other)


@pytest.mark.parametrize(
    "case",
    [
        (["study", "nowhere"], 3, "there is no shop at nowhere"),
        (["study", "SHOP", "--task", "lable"], 2, "did you mean label?"),
        (["study", "SHOP", "--target", "categroy"], 3, "did you mean category?"),
        (["study", "SHOP", "--by", "categry"], 3, "no column 'categry' to tell examples apart by"),
        (["study", "SHOP", "--by", "category"], 3, "is what is learned"),
        (["study", "SHOP", "--task", "tags", "--by", "category"], 2, "'tags' cannot tell examples apart by category"),
        (["study", "SHOP", "--encoder", "minilim"], 2, "did you mean minilm"),
        (["study", "SHOP", "--remedies", "standart"], 2, "did you mean standard?"),
        (["study", "SHOP", "--remedies", "smoot"], 2, "did you mean smote"),
        (["study", "SHOP", "--metric", "macro-f1"], 2, "did you mean macro_f1"),
        (["study", "SHOP", "--guardrail", "1.5"], 2, "from 0 to 1, not 1.5"),
        (["study", "SHOP", "--folds", "2", "--workers", "0", "--seed", "-1"], 2, "olds is 2"),
        (["study", "SHOP", "--folds", "2", "--workers", "0", "--seed", "-1"], 2, "workers is 0"),
        (["study", "SHOP", "--folds", "2", "--workers", "0", "--seed", "-1"], 2, "seed is -1"),
        (["study", "SHOP", "--budget", "0", "--remedies", "none"], 2, "budget of 0 settings is too small"),
        (
            ["study", "SHOP", "--budget", "2", "--remedies", "near_miss"],
            2,
            "budget of 2 settings is too small for 'near_miss'",
        ),
        (["study", "SHOP", "--sample", "0"], 2, "A sample of 0 is none"),
        (["report", "nowhere"], 3, "holds no finished study"),
        (["report", "EMPTY"], 3, "has no finished study"),
        (["remedies", "focla"], 2, "did you mean focal?"),
        (["simulate", "x", "--world", "langauge"], 2, "did you mean language?"),
        (["encodrs"], 2, "encoders"),
    ],
    ids=lambda case: " ".join(case[0]) + f" -> {case[2]}",
)
def test_errors_are_one_message_on_standard_error(case, shop, tmp_path, monkeypatch, capsys):
    args, code, message = case
    monkeypatch.chdir(tmp_path)
    Shop.create(tmp_path / "EMPTY")
    capsys.readouterr()
    assert run(*(shop if arg == "SHOP" else arg for arg in args)) == code
    shown = capsys.readouterr()
    assert message in plain(shown.err)
    assert "Traceback" not in shown.err
    assert shown.out == ""


def test_one_class_is_an_error_that_names_it(tmp_path, capsys):
    (tmp_path / "a.csv").write_text("id,title,category\n1,red shoe,shoes\n2,blue shoe,shoes\n", encoding="utf-8")
    ingest(tmp_path / "shop", [tmp_path / "a.csv"])
    assert run("study", tmp_path / "shop") == 3
    assert "'shoes'" in capsys.readouterr().err


def test_every_remedy_is_listed_and_explained(capsys):
    assert run("remedies", "--json") == 0
    listed = {one["name"]: one for one in json.loads(capsys.readouterr().out)["remedies"]}
    assert set(listed) == set(catalogue())
    assert run("remedies") == 0
    shown = capsys.readouterr().out
    for name, kind in catalogue().items():
        assert name in shown
        assert listed[name]["formula"] == kind.formula
        assert run("remedies", name) == 0
        out = plain(capsys.readouterr().out)
        assert plain(kind.paper) in out
        assert plain(f"family {kind.family}") in out


def test_a_spec_is_explained_part_by_part(capsys):
    assert run("remedies", "smote(k=3) + logit_adjust", "--json") == 0
    smote, adjust = json.loads(capsys.readouterr().out)["remedies"]
    k = next(p for p in smote["parameters"] if p["name"] == "k")
    assert (k["value"], k["default"], k["tuned"]) == (3, 5, False)
    assert adjust["parameters"][0]["tuned"]
    assert run("remedies", "smote(k=3) + logit_adjust") == 0
    assert "fixed at 3" in capsys.readouterr().out


def test_every_encoder_is_listed(capsys):
    assert run("encoders", "--json") == 0
    assert {one["name"] for one in json.loads(capsys.readouterr().out)["encoders"]} == set(encoder_kinds())
    assert run("encoders") == 0
    shown = capsys.readouterr().out
    assert all(name in shown for name in encoder_kinds())


def test_a_profile_as_a_page(shop, tmp_path, capsys):
    assert run("profile", shop, "--html", tmp_path / "profile.html", "--json") == 0
    shown = capsys.readouterr()
    assert json.loads(shown.out)["rows"] == 121
    assert "profile.html" in shown.err
    assert "leather belts" in (tmp_path / "profile.html").read_text(encoding="utf-8")


def test_help_teaches_with_an_example_per_command(capsys):
    assert run("--help") == 0
    shown = capsys.readouterr().out
    for command in ("ingest", "profile", "simulate", "study", "report", "remedies", "encoders"):
        assert command in shown
        assert run(command, "--help") == 0
        assert f"evenshelf {command}" in capsys.readouterr().out.split("For example", 1)[1]
