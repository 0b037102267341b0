"""A formula that is changed in one place turns a test red: the tests hold the formulas, not only the interfaces."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

import evenshelf

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Mutant:
    """A change of one formula, and the tests that have to see it."""

    module: str
    formula: str
    changed: str
    tests: str

    def __str__(self) -> str:
        return f"{Path(self.module).stem}: {self.changed}"


MUTANTS = (
    Mutant("weight.py", "weights = counts**-power", "weights = (counts + 1) ** -power", "test_peers.py -k balanced"),
    Mutant(
        "weight.py",
        "(1.0 - beta) / -np.expm1(counts * np.log(beta))",
        "(1.0 - beta) / -np.expm1((counts + 1) * np.log(beta))",
        "test_peers.py -k effective",
    ),
    Mutant(
        "weight.py",
        "((self.b + 1.0) / (counts + self.b)) ** self.a",
        "((self.b + 1.0) / (counts + self.b)) ** (self.a / 2)",
        "test_long_tail_losses.py -k propensities",
    ),
    Mutant(
        "adjust.py",
        "scores - np.float32(self.tau) * prior.log_share",
        "scores - np.float32(self.tau**2) * prior.log_share",
        "test_peers.py -k adjustments",
    ),
    Mutant(
        "adjust.py",
        "(norms[known].mean(dtype=np.float64) / norms[known]) ** self.tau",
        "(norms[known].max() / norms[known]) ** self.tau",
        "test_peers.py -k adjustments",
    ),
    Mutant("loss.py", "(rarest / counts) ** 0.25", "(rarest / counts) ** 0.5", "test_peers.py -k losses"),
    Mutant(
        "losses.py", "-(miss**self.gamma) * log_p", "-(miss ** (self.gamma + 1)) * log_p", "test_peers.py -k losses"
    ),
    Mutant(
        "taste.py",
        "worth - self.lam * np.take_along_axis(far, of, axis=1)",
        "worth - self.lam**2 * np.take_along_axis(far, of, axis=1)",
        "test_reranking.py -k calibrated_lists",
    ),
    Mutant(
        "xquad.py",
        "wanted * (1.0 - shown / max(place, 1))",
        "wanted * (1.0 - shown / (place + 1))",
        "test_reranking.py -k xquad_adds",
    ),
    Mutant("mmr.py", "np.maximum(nearest, beside)", "np.minimum(nearest, beside)", "test_reranking.py -k mmr_is"),
    Mutant(
        "fair_exposure.py",
        "seen[shown] / (seen[shown] + even)",
        "seen[shown] / (seen[shown] + 1.0)",
        "test_reranking.py -k exposure_makes",
    ),
    Mutant("sampled_softmax.py", "np.log(self.negatives * share)", "np.log(share)", "test_augment.py -k negatives"),
    Mutant("substitute.py", "** -self.rare", "** self.rare", "test_augment.py -k rare"),
    Mutant("mix.py", "(two >= self.kappa * one)", "(two > 2 * self.kappa * one)", "test_mix.py -k remix"),
)


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_a_changed_formula_is_seen(mutant: Mutant, tmp_path: Path) -> None:
    source = tmp_path / "evenshelf"
    shutil.copytree(Path(evenshelf.__file__).parent, source, ignore=shutil.ignore_patterns("__pycache__"))
    module = source / "remedies" / mutant.module
    text = module.read_text(encoding="utf-8")
    assert text.count(mutant.formula) == 1, "the formula has moved: name it anew"
    module.write_text(text.replace(mutant.formula, mutant.changed), encoding="utf-8")
    file, *chosen = mutant.tests.split()
    asked = ["-x", "-q", "-n", "0", "-p", "no:cacheprovider", *chosen, str(Path(__file__).with_name(file))]
    found = subprocess.run(
        [sys.executable, "-m", "pytest", *asked],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(tmp_path), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    # 1: tests ran, and some failed; anything else would mean that none ran, or that all passed
    assert found.returncode == 1, found.stdout[-2000:] + found.stderr[-2000:]
    assert "AssertionError" in found.stdout or "assert" in found.stdout
