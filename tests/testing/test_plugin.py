"""A package that adds one of each kind by entry points, and runs the check suite over them."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from evenshelf.shop import simulate

MODULE = '''
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from evenshelf.augmentation import RuleMaker
from evenshelf.clicks.models.rates import RankRate
from evenshelf.encoders import Encoder, EncoderKind
from evenshelf.errors import SettingError
from evenshelf.learners import LearnerKind
from evenshelf.remedies import Family, Prior, Remedy, Stage, register
from evenshelf.remedies.checks import check_range
from evenshelf.tasks import TaskKind
from evenshelf.tasks.label import LabelTask


@register
@dataclass(frozen=True)
class Cube(Remedy):
    """Weighs groups by the inverse cube root of their size.

    Parameters
    ----------
    part
        In [0, 1]; how far from equal weights, 0 does nothing.
    """

    part: float = 1.0

    name: ClassVar[str] = "cube"
    title: ClassVar[str] = "Cube root weights"
    family: ClassVar[Family] = Family.WEIGHTS
    paper: ClassVar[str] = "-"
    formula: ClassVar[str] = "w[g] = n[g] ** (-part / 3)"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.WEIGHT,)
    neutral: ClassVar[dict[str, float]] = {"part": 0.0}
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"part": (1.0, 0.5)}

    def __post_init__(self):
        check_range("part", self.part, 0.0, 1.0)

    def weight(self, prior):
        return (np.maximum(prior.counts, 1) ** (-self.part / 3)).astype(np.float32)


class Letters(Encoder):
    name, dimension, fingerprint = "letters", 16, "00112233445566778899aabbccddeeff"

    def _encode(self, texts, progress):
        counts = np.stack([np.bincount([ord(c) % 16 for c in t], minlength=16) for t in texts]).astype(np.float64)
        progress(len(texts))
        return (counts / np.maximum(np.linalg.norm(counts, axis=1, keepdims=True), 1e-9)).astype(np.float32)


LETTERS = EncoderKind("letters", "Counts of letters.", lambda argument, texts: Letters())


def nearest_mean(vectors, target, groups, remedy, *, names=None, seed=0, penalty=None):
    for stage in remedy.stages:
        if stage != Stage.ADJUST:
            raise SettingError(f"{remedy}: nearest means cannot act at the stage {stage.value}.")
    counts = np.bincount(target, minlength=groups)
    sums = np.zeros((groups, vectors.shape[1]))
    np.add.at(sums, target, vectors)
    shrunk = 0.1 if penalty is None else penalty
    means = (sums + shrunk * vectors.mean(axis=0)) / (counts + shrunk)[:, None]

    def predict(new):
        scores = -20 * ((new[:, None, :] - means) ** 2).sum(axis=2)
        scores[:, counts == 0] = -1e4
        norms = np.where(counts > 0, np.linalg.norm(means, axis=1), 0.0)
        return remedy.adjust(scores.astype(np.float32), Prior(counts), norms.astype(np.float32))

    return predict


MEANS = LearnerKind(
    "means",
    "nearest group means",
    "The group whose mean is nearest.",
    (Stage.ADJUST,),
    nearest_mean,
    lambda count: tuple(np.geomspace(10.0, 0.1, count).tolist()) if count > 1 else (1.0,),
)


class InitialTask(LabelTask):
    name = "initial"


def initials(shop, target):
    items = shop.items()
    return InitialTask.of([str(value)[0] for value in items[target]], items["title"].to_list())


INITIALS = TaskKind("initial", "The first letter of a column.", initials)


@dataclass(frozen=True, eq=False)
class Halving(RankRate):
    name = "halving"
    title = "Halving rate"
    summary = "Each place is clicked half as often as the one above."

    @classmethod
    def fit(cls, log):
        rates = 2.0 ** -np.arange(1.0, log.depth + 1)
        return cls(RankRate.fit(log).attraction, rates / rates[0], rates)


@dataclass(frozen=True)
class Numbered(RuleMaker):
    name: ClassVar[str] = "numbered"
    title: ClassVar[str] = "Numbered texts"
    paper: ClassVar[str] = "none"
    languages: ClassVar[str] = "any"

    def one(self, source, written, rng, number):
        return f"{source.text} {number}"
'''

TESTS = """
import pytest

from evenshelf.augmentation import parse_maker
from evenshelf.clicks import compare_models, log_of_shop
from evenshelf.encoders import encoder_kinds, open_encoder
from evenshelf.learners import learner_kinds
from evenshelf.remedies import catalogue, parse, remedy_set
from evenshelf.shop import simulate
from evenshelf.study.prepare import shop_task
from evenshelf.tasks import task_kinds
from evenshelf.testing import (
    encoder_checks,
    encoder_kind_checks,
    learner_checks,
    maker_checks,
    remedy_checks,
    task_kind_checks,
)


@pytest.mark.parametrize("check", remedy_checks(catalogue()["cube"]))
def test_remedy(check):
    check()


@pytest.mark.parametrize(
    "check",
    [
        *encoder_kind_checks(encoder_kinds()["letters"]),
        *encoder_checks(open_encoder("letters"), lambda: open_encoder("letters")),
    ],
)
def test_encoder(check):
    check()


@pytest.mark.parametrize("check", learner_checks(learner_kinds()["means"]))
def test_learner(check):
    check()


def test_task(tmp_path):
    shop = simulate(tmp_path / "shop", items=200, language="en")
    task = shop_task(shop, "category", kind="initial")
    assert set(task.classes) == {name[0] for name in shop.items()["category"]}
    assert len(shop_task(shop, "category", kind="initial", sample=100).target) == 100
    for check in task_kind_checks(task_kinds()["initial"], tmp_path / "checked"):
        check()


def test_click_model(tmp_path):
    log = log_of_shop(simulate(tmp_path / "shop", items=200, language="en"))
    assert "halving" in {one.model.name for one in compare_models(log).models}


@pytest.mark.parametrize("check", maker_checks(parse_maker("numbered")))
def test_maker(check):
    check()


def test_it_takes_part():
    assert "cube" in [remedy.spec for remedy in remedy_set("standard")]
    assert parse("cube(part=0.5) + logit_adjust").parts[0].weight is not None
"""


@pytest.fixture
def plugin(tmp_path: Path) -> Path:
    """A folder with what an installed package leaves: its module and its metadata."""
    (tmp_path / "plug.py").write_text(MODULE)
    (tmp_path / "test_plug.py").write_text(TESTS)
    info = tmp_path / "plug-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plug\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text(
        "[evenshelf.remedies]\ncube = plug:Cube\n\n[evenshelf.encoders]\nletters = plug:LETTERS\n\n"
        "[evenshelf.learners]\nmeans = plug:MEANS\n\n[evenshelf.tasks]\ninitial = plug:INITIALS\n\n"
        "[evenshelf.click_models]\nhalving = plug:Halving\n\n[evenshelf.augmentation]\nnumbered = plug:Numbered\n"
    )
    return tmp_path


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    for name in [n for n in environment if n.startswith("PYTEST")]:
        del environment[name]
    return subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )


def test_a_plugin_is_listed_and_passes_the_suite(plugin: Path) -> None:
    done = run(plugin, "-m", "pytest", "-q", "-rA", "-p", "no:cacheprovider", "test_plug.py")
    assert done.returncode == 0, done.stdout + done.stderr
    for expected in (
        "test_remedy[cube-gives_each_group_a_weight]",
        "test_remedy[cube-does_nothing_at_its_neutral_value]",
        "test_encoder[letters-has_the_same_fingerprint_when_opened_again]",
        "test_learner[means-refuses_every_stage_it_does_not_declare]",
        "test_task",
        "test_click_model",
        "test_maker[numbered-every_text_is_told]",
        "test_it_takes_part",
    ):
        assert f"PASSED test_plug.py::{expected}" in done.stdout


def test_a_study_asks_a_plugged_in_task_and_fits_a_plugged_in_learner(plugin: Path) -> None:
    simulate(plugin / "shop", items=300, language="en")
    command = ["-m", "evenshelf", "study", "shop", "--task", "initial", "--learner", "means", "--encoder", "letters"]
    asked = ["--remedies", "none, cube, logit_adjust(tau=0.5)", "--folds", "3", "--no-report", "--json"]
    found = {}
    for workers in ("1", "2"):
        done = run(plugin, *command, *asked, "--workers", workers, "--out", f"study{workers}")
        assert done.returncode == 0, done.stderr
        found[workers] = json.loads(done.stdout)
    verdict, study = found["1"]["verdict"], found["1"]["study"]
    once, twice = (
        [{k: v for k, v in c.items() if k != "seconds"} for c in found[workers]["verdict"]["comparisons"]]
        for workers in ("1", "2")
    )
    assert once == twice
    assert study["task"] == "initial"
    assert (study["learner"], study["models"]) == ("means", "nearest group means")
    tuned = {c["spec"]: c for c in verdict["comparisons"]}
    assert set(tuned) == {"none", "logit_adjust(tau=0.5)", "words + balanced"}
    assert tuned["none"]["macro_f1"] > 0.1
    assert tuned["none"]["macro_f1"] != tuned["none"]["untuned"]
    done = run(plugin, "-m", "evenshelf", "learners", "--json")
    told = json.loads(done.stdout)["learners"]
    assert [one["name"] for one in told if one["answers"] == "labels"] == [
        "binary_heads",
        "finetune",
        "finetune_heads",
        "heads",
        "means",
    ]
    assert {"near", "blend"} <= {one["name"] for one in told if one["answers"] == "lists"}
    done = run(plugin, *command[:-1], "lettres")
    assert done.returncode == 2
    assert "letters" in done.stderr


# One process for all groups: each is looked up when it is first asked for, by then as it is written here.
LISTING = """
import sys
from pathlib import Path

from evenshelf.cli import main

for group in ("remedies", "encoders", "learners", "tasks"):
    Path("plug-1.0.dist-info/entry_points.txt").write_text(f"[evenshelf.{group}]\\nwrong = {sys.argv[1]}\\n")
    print(group, file=sys.stderr)
    try:
        main([group])
    except SystemExit as end:
        print(f"ended with {end.code}", file=sys.stderr)
"""


@pytest.mark.parametrize(
    ("place", "said"),
    [("nowhere:THING", "cannot be loaded: No module named 'nowhere'"), ("os:sep", "is not a")],
    ids=["missing", "of another kind"],
)
def test_an_entry_point_that_is_wrong_is_one_message(plugin: Path, place: str, said: str) -> None:
    done = run(plugin, "-c", LISTING, place)
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr
    told = re.split(r"^(?:remedies|encoders|learners|tasks)$", done.stderr, flags=re.MULTILINE)[1:]
    assert len(told) == 4
    for message in told:
        shown = " ".join(message.split())
        assert shown.count(f"The entry point 'wrong' ({place}) of the package plug {said}") == 1
        assert shown.endswith("ended with 2")


def test_a_broken_plugin_fails_the_suite(plugin: Path) -> None:
    (plugin / "plug.py").write_text(MODULE.replace("(-self.part / 3)", "(self.part / 3)"))
    done = run(plugin, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_plug.py", "-k", "never_weighs")
    assert done.returncode == 1
    assert "a group of" in done.stdout
    assert "has the weight" in done.stdout


def test_without_hypothesis_the_error_says_what_to_install(tmp_path: Path) -> None:
    script = (
        "import sys; sys.modules['hypothesis'] = None\n"
        "from evenshelf.errors import MissingExtraError\n"
        "try:\n    import evenshelf.testing\n"
        "except MissingExtraError as error:\n    print(error)\n"
    )
    done = run(tmp_path, "-c", script)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "evenshelf.testing needs the package 'hypothesis', which is not installed.",
        "Install it with: pip install 'evenshelf[dev]' (in a clone: pip install '.[dev]')",
    ]
