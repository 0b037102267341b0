"""The folder of a bundle: written whole or not at all, and never in the place of what is not a bundle."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from evenshelf.bundles.manifest import MANIFEST, RECOMMEND
from evenshelf.errors import EvenshelfError, InputError

_ELSEWHERE = "Pick another place, such as a folder that does not exist yet"


def check_place(folder: Path) -> None:
    """Raise an :class:`InputError` if a bundle must not be written there: what is replaced is deleted.

    A folder may be replaced that is empty, or holds nothing but a bundle: its manifest and files that this names.
    Whether these are still as they were written does not matter: a damaged bundle is trained again in its place.
    """
    try:
        if folder.exists() and not folder.is_dir():
            raise InputError(f"{folder} is a file.", hint=f"{_ELSEWHERE}.")
        held = sorted(folder.iterdir()) if folder.is_dir() else []
        if not held:
            return
        manifest = folder / MANIFEST
        if not manifest.is_file():
            raise InputError(f"{folder} is not empty and holds no bundle: {_listed(held)}.", hint=f"{_ELSEWHERE}.")
        names = _named_by(manifest)
    except OSError as error:
        raise InputError(f"{folder} cannot be looked at: {error.strerror or error}.", hint=f"{_ELSEWHERE}.") from error
    if names is None:
        raise InputError(
            f"{manifest} is not the manifest of a bundle, or is damaged, so it is not known what else belongs to one.",
            hint=f"{_ELSEWHERE}, or delete {folder} yourself if you do not need it.",
        )
    foreign = [entry for entry in held if entry.name not in names or entry.is_dir()]
    if foreign:
        raise InputError(
            f"{folder} holds a bundle and what is not of it: {_listed(foreign)}. Replacing the bundle would delete "
            "that as well.",
            hint=f"{_ELSEWHERE}, or move that away.",
        )


def _named_by(manifest: Path) -> set[str] | None:
    """Files of a bundle, of any version; ``None`` if it is no manifest of one."""
    try:
        document = json.loads(manifest.read_text(encoding="utf-8"))
    except (ValueError, RecursionError):
        return None
    if not (isinstance(document, dict) and {"schema_version", "evenshelf", "files"} <= document.keys()):
        return None
    if "classes" not in document and document.get("kind") != RECOMMEND:
        return None
    files = document.get("files")
    return {MANIFEST, *files} if isinstance(files, dict) else None


def _listed(entries: list[Path]) -> str:
    return ", ".join(entry.name for entry in entries[:3]) + (
        f" and {len(entries) - 3:,} more" if len(entries) > 3 else ""
    )


def write_folder(folder: Path, fill: Callable[[Path], None]) -> None:
    """Fill a folder beside the wanted one and rename it; what was there is moved away for that moment.

    Raises
    ------
    InputError
        If something else lies there, or it cannot be written.
    """
    folder = folder.resolve()  # of a link, what it leads to is replaced
    check_place(folder)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(dir=folder.parent, prefix=f".{folder.name}."))
        old = partial.with_name(f"{partial.name}.old")
        try:
            fill(partial)
            partial.chmod(0o777 & ~_umask())
            check_place(folder)  # somebody may have put something there meanwhile
            if folder.exists():
                folder.rename(old)
            try:
                partial.rename(folder)
            except BaseException:  # also when interrupted: the old one is back in its place, or stays beside it
                if old.exists():
                    old.rename(folder)
                raise
        finally:
            for left in (partial, old) if folder.exists() else (partial,):
                with contextlib.suppress(FileNotFoundError):
                    shutil.rmtree(left)
    except EvenshelfError:
        raise
    except OSError as error:
        raise InputError(f"The bundle cannot be written to {folder}: {error.strerror or error}.") from error


def _umask() -> int:
    mask = os.umask(0)
    os.umask(mask)
    return mask
