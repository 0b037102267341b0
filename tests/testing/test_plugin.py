"""A package that adds a remedy and an encoder by entry points, and runs the check suite over them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

MODULE = '''
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from evenshelf.encoders import Encoder, EncoderKind
from evenshelf.remedies import Remedy, Stage, register
from evenshelf.remedies.checks import check_range


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
'''

TESTS = """
import pytest

from evenshelf.encoders import encoder_kinds, open_encoder
from evenshelf.learners.heads import STAGES
from evenshelf.remedies import catalogue, parse, remedy_set
from evenshelf.testing import encoder_checks, encoder_kind_checks, fit_heads, learner_checks, remedy_checks


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
        "[evenshelf.remedies]\ncube = plug:Cube\n\n[evenshelf.encoders]\nletters = plug:LETTERS\n"
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
        "test_it_takes_part",
    ):
        assert f"PASSED test_plug.py::{expected}" in done.stdout


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
        "Install it with: pip install 'evenshelf[dev]'",
    ]
