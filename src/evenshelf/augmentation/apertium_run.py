"""Apertium, a machine translation by rules: which directions are installed, and texts through one of them."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from hashlib import sha256
from pathlib import Path

from evenshelf.encoders.cores import usable_cores
from evenshelf.errors import InputError

# What has a meaning in the stream between the programs of Apertium.
_SPECIAL = re.compile(r"([\[\]{}$/\\@<>])")
# A text that ends with a caret is read as one with the next, escaped or not, and tildes are lost.
_UNSPEAKABLE = re.compile(r"[\0^~]")
_ESCAPED = re.compile(r"\\(.)", re.DOTALL)
_FILES = re.compile(r"'([^']+)'")


def directions() -> frozenset[str]:
    """Directions that are installed, such as ``eng-spa``.

    Raises
    ------
    InputError
        If Apertium is not installed.
    """
    said = subprocess.run([_program(), "-l"], capture_output=True, text=True, check=False)  # noqa: S603 - no shell
    return frozenset(said.stdout.split())


def check_direction(direction: str) -> None:
    """Raise an :class:`InputError` with the command that installs it, unless a direction is installed."""
    installed = directions()
    if direction not in installed:
        pair = "-".join(sorted(direction.split("-")))
        raise InputError(
            f"Apertium cannot translate {direction}; installed are: {', '.join(sorted(installed)) or 'none'}.",
            hint=f"Install the pair, on Debian with: apt-get install apertium-{pair} "
            "(apt-cache search apertium lists all pairs).",
        )


def direction_digest(direction: str) -> str:
    """Digest of the data that a direction translates by."""
    mode = Path(_program()).resolve().parent.parent / "share" / "apertium" / "modes" / f"{direction}.mode"
    try:
        steps = mode.read_text(encoding="utf-8")
        files = [Path(name) for name in _FILES.findall(steps)]
        return _digest(steps, tuple((file, file.stat().st_mtime_ns) for file in files))
    except OSError as error:
        raise InputError(
            f"The data of Apertium's direction {direction} cannot be read: {error}.",
            hint="Install Apertium and the pair anew.",
        ) from error


def translate(texts: Sequence[str], direction: str) -> list[str]:
    """Translate texts, each as if it were alone.

    Lines would bleed into each other, as words are read by those around them. A null byte after each text has the
    programs of a pipeline flush and forget what came before, so one run does for many texts. Pipelines with a program
    that keeps no null bytes, such as the perceptron tagger of English and Catalan, are run anew for each text.

    Parameters
    ----------
    texts
        Line breaks, carets and tildes in them are blanks.
    direction
        Such as ``eng-spa``.

    Raises
    ------
    InputError
        If Apertium is missing or fails.
    """
    if not texts:
        return []
    if _flushes(direction):
        return _run(texts, direction)
    with ThreadPoolExecutor(usable_cores()) as pool:
        return [text for own in pool.map(lambda text: _run([text], direction), texts) for text in own]


@cache
def _flushes(direction: str) -> bool:
    """Whether a pipeline gives back texts one by one."""
    two = _answer(["red", "blue"], direction)
    return len(two) > 2 and all(two[:2])


def _run(texts: Sequence[str], direction: str) -> list[str]:
    # Each program of a pipeline adds an empty text when its input ends.
    given = _answer(texts, direction)
    if len(given) <= len(texts) or any(given[len(texts) :]):
        raise InputError(
            f"Apertium gave back {len(given)} texts of {len(texts)} for {direction}.",
            hint=f"Try it by hand: echo text | apertium {direction}",
        )
    return [_ESCAPED.sub(r"\1", text).strip() for text in given[: len(texts)]]


def _answer(texts: Sequence[str], direction: str) -> list[str]:
    asked = "".join(f"{_SPECIAL.sub(_escape, ' '.join(_UNSPEAKABLE.sub(' ', text).split()))}\0" for text in texts)
    done = subprocess.run(  # noqa: S603 - no shell
        [_program(), "-u", "-z", "-f", "none", direction],
        input=asked,
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        check=False,
        # Apertium reads by the locale, and the one without a name knows no letters but those of ASCII.
        env={**os.environ, "LC_ALL": "C.UTF-8"},
    )
    if done.returncode:
        raise InputError(
            f"Apertium failed at {direction}: {done.stderr.strip() or done.returncode}.",
            hint=f"Try it by hand: echo text | apertium {direction}",
        )
    return done.stdout.split("\0")


def _escape(found: re.Match[str]) -> str:
    return f"\\{found[1]}"


def _program() -> str:
    path = shutil.which("apertium")
    if path is None:
        raise InputError(
            "Apertium is not installed.",
            hint="Install it and a pair of languages, on Debian with: apt-get install apertium apertium-eng-spa",
        )
    return path


@cache
def _digest(steps: str, files: tuple[tuple[Path, int], ...]) -> str:
    digest = sha256(steps.encode())
    for file, _ in files:
        digest.update(sha256(file.read_bytes()).digest())
    return digest.hexdigest()
