"""The Makefile, the locks and the script of continuous integration fit to the project."""

from __future__ import annotations

import importlib.util
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import typer
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.docs.blocks import ROOT

LOCKS = ("build", "base", "train", "dev")
GPU = re.compile(r"nvidia|cuda|triton", re.I)


def pinned(name: str) -> dict[str, str]:
    """Version by package of a lock, with what it includes."""
    found: dict[str, str] = {}
    for line in (ROOT / "requirements" / f"{name}.txt").read_text(encoding="utf-8").splitlines():
        if line.startswith("-r "):
            found |= pinned(line[3:].removesuffix(".txt"))
        elif line and not line.startswith("#"):
            package, version = line.split("==")
            found[package] = version
    return found


@pytest.fixture(scope="module")
def lock() -> ModuleType:
    spec = importlib.util.spec_from_file_location("lock", ROOT / "requirements" / "lock.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_pins_what_the_project_asks_for(name: str, lock: ModuleType) -> None:
    pins = pinned(name)
    wanted: list[Requirement] = lock.wanted()[name]
    assert wanted
    for need in wanted:
        package = canonicalize_name(need.name)
        assert package in pins, f"{need} is asked for and not pinned in {name}.txt: run make lock"
        assert need.specifier.contains(pins[package]), f"{need} is asked for, {pins[package]} pinned: run make lock"


@pytest.mark.parametrize("name", ["base", "train", "dev"])
def test_a_lock_is_complete(name: str, lock: ModuleType) -> None:
    missing = set(lock.closure(lock.wanted()[name])) - set(pinned(name))
    assert not missing, f"needed and not pinned in {name}.txt: {', '.join(sorted(missing))}; run make lock"


def test_locks_need_no_gpu_and_the_base_no_torch() -> None:
    assert not [package for package in pinned("dev") if GPU.search(package)]
    assert "torch" in pinned("train")
    assert not {"torch", "transformers", "sentence-transformers", "imbalanced-learn"} & set(pinned("base"))


def made(*targets: str) -> str:
    """The commands that make would run for targets, if all were to be done."""
    # --always-make: also what a stamp of an earlier run would spare
    command = ["make", "--dry-run", "--always-make", *targets]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout


def test_help_lists_every_target() -> None:
    listed = set(
        re.findall(
            r"^\s+make (\w+)",
            made_help := subprocess.run(["make"], cwd=ROOT, capture_output=True, text=True, check=True).stdout,
            re.M,
        )
    )
    phony = re.search(r"^\.PHONY: (.+)$", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M)
    assert phony is not None
    assert listed == set(phony[1].split()), made_help


def test_make_test_installs_the_lock_and_runs_every_check() -> None:
    commands = made("test")
    for part in ("-r requirements/dev.txt", "ruff check", "ruff format --check", "mypy", "lint-imports", "pytest -n 2"):
        assert part in commands, commands


def test_make_demo_uses_commands_and_options_that_exist() -> None:
    from evenshelf.cli import app

    root = typer.main.get_command(app)
    calls = re.findall(r"^\S*bin/evenshelf (.+)$", made("demo"), re.M)
    assert len(calls) == 3
    for call in calls:
        name, *arguments = call.split()
        command = root.commands[name]
        # parsing alone: an option or argument that does not exist raises
        command.make_context(name, arguments)


def test_continuous_integration_runs_make_test_and_nothing_else() -> None:
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111, "it cannot be executed"
    subprocess.run(["bash", "-n", str(script)], check=True)
    lines = [line for line in script.read_text(encoding="utf-8").splitlines() if line and not line.startswith("#")]
    assert lines[0] == "set -euo pipefail"
    assert lines[-1] == "make test"
    assert not any("pytest" in line or "ruff" in line for line in lines)


def test_no_torch_is_needed_to_make_measure_and_study_a_shop(tmp_path: Path) -> None:
    """With torch and what needs it out of reach, the command line works, MiniLM included."""
    program = (
        "import sys\n"
        "class Absent:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.split('.')[0] in ('torch', 'transformers', 'sentence_transformers', 'imblearn'):\n"
        "            raise ModuleNotFoundError(name)\n"
        "sys.meta_path.insert(0, Absent())\n"
        "from evenshelf.cli import main\n"
        "main(sys.argv[1:])\n"
    )
    calls = (
        ["--help"],
        ["simulate", "shop", "--items", "120", "--language", "en"],
        ["profile", "shop", "--html", "profile.html"],
        [
            "study",
            "shop",
            "--remedies",
            "balanced",
            "--folds",
            "3",
            "--budget",
            "2",
            "--encoder",
            "minilm",
            "--workers",
            "1",
        ],
    )
    for arguments in calls:
        done = subprocess.run(
            [sys.executable, "-c", program, *arguments],
            cwd=tmp_path,
            env={"EVENSHELF_CACHE": str(tmp_path / "cache"), "PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{arguments}: {done.stdout}{done.stderr}"
    assert (tmp_path / "profile.html").is_file()
