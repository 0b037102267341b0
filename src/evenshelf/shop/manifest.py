"""The manifest of a shop: the files of its tables, the sources that were read, and what became of their rows."""

from __future__ import annotations

import contextlib
import hashlib
import os
import tomllib
from typing import TYPE_CHECKING, Any

import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from evenshelf.errors import InputError, SettingError
from evenshelf.shop.schema import SCHEMA_VERSION

if TYPE_CHECKING:
    from pathlib import Path

MANIFEST = "shop.toml"
HISTORY = "history"
"""Folder of the manifests of earlier revisions."""


class Part(BaseModel):
    """A file of a table."""

    model_config = ConfigDict(extra="forbid")
    file: str = Field(pattern=r"^[\w-][\w.-]*$")  # a name beside the manifest, never a way out of the folder
    rows: int = Field(ge=0)
    sha256: str


class TableEntry(BaseModel):
    """A table in the manifest."""

    model_config = ConfigDict(extra="forbid")
    parts: list[Part] = []

    @property
    def rows(self) -> int:
        """Number of rows."""
        return sum(part.rows for part in self.parts)

    @property
    def sha256(self) -> str:
        """Hash of the content: that of the file if there is one, otherwise of the hashes of the files."""
        if len(self.parts) == 1:
            return self.parts[0].sha256
        return hashlib.sha256("".join(part.sha256 for part in self.parts).encode()).hexdigest()


class SourceEntry(BaseModel):
    """A source in the manifest: what was read, how, and what became of its rows.

    `mapping` says which column plays which role in its first file, and in every other that `mappings` does not name.
    `rows_known` of its rows were brought by another source; `restored_known` says that some of them may have come later
    than it. `session_gap` is the pause in minutes by which sessions of its events are derived, `whole_ids` the roles,
    by file, whose ids are written as whole fractions (``14156.0``); `newer` says that its rows took the place of older
    ones.
    """

    model_config = ConfigDict(extra="forbid")
    name: str
    table: str = "items"
    sha256: str
    bytes: int
    settings: str
    rows_in: int
    rows_kept: int
    rows_known: int = 0
    restored_known: bool = False
    items_derived: int = 0
    blank_lines: int
    quarantined: dict[str, int] = {}
    fixed: dict[str, int] = {}
    literal_quotes: int = 0
    mapping: dict[str, str] = {}
    mappings: dict[str, dict[str, str]] = {}
    constants: dict[str, str] = {}
    off: list[str] = []
    time_format: str | None = None
    zone: str = "UTC"
    day_order: str | None = None
    session_gap: float | None = None
    whole_ids: dict[str, list[str]] = {}
    newer: bool = False

    def roles_of(self, file: str) -> dict[str, str]:
        """Return which column plays which role in one of its files."""
        return self.mappings.get(file, self.mapping)

    @property
    def layouts(self) -> set[frozenset[tuple[str, str]]]:
        """Roles with their columns, as its files have them."""
        return {frozenset(roles.items()) for roles in (self.mapping, *self.mappings.values())}

    def have(self, role: str) -> bool:
        """Whether there is a value for all its rows, or a column in all its files, that plays a role."""
        return role in self.constants or all(role in roles for roles in (self.mapping, *self.mappings.values()))


class Manifest(BaseModel):
    """The contents of ``shop.toml``."""

    model_config = ConfigDict(extra="forbid")
    schema_version: int
    revision: int = 0
    origin: str = "ingest"
    tables: dict[str, TableEntry] = {}
    quarantine: dict[str, int] = {}
    warnings: dict[str, int] = {}
    sources: list[SourceEntry] = []

    def files(self) -> set[str]:
        """Names of all files of all tables."""
        return {part.file for entry in self.tables.values() for part in entry.parts}


def read_manifest(path: Path, file: Path | None = None) -> Manifest:
    """Read the manifest of the shop at `path`, or an older one of it; manifests of older versions are migrated.

    Raises
    ------
    InputError
        If there is none, its version is newer than this program, or it is damaged.
    """
    file = file or path / MANIFEST
    if not file.is_file():
        raise InputError(
            f"there is no shop at {path} (no {MANIFEST})",
            hint="Make one with: evenshelf ingest SHOP FILES, or: evenshelf simulate SHOP",
        )
    try:
        values = tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{file} is no valid manifest: {error}") from error
    version = values.get("schema_version")
    if not isinstance(version, int) or not 1 <= version <= SCHEMA_VERSION:
        raise InputError(
            f"{file} has schema version {version!r}; this evenshelf reads versions 1 to {SCHEMA_VERSION}",
            hint="Use the evenshelf that wrote it, or ingest the sources into a new shop.",
        )
    if version == 1:
        values = _from_version_1(values)
    try:
        return Manifest.model_validate(values)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise InputError(f"{file} is no valid manifest: {problems}") from error


def _from_version_1(values: dict[str, Any]) -> dict[str, Any]:
    """Version 1 had one file a table, and kept the names of the files of the revision before."""
    values = {key: value for key, value in values.items() if key != "superseded"}
    tables = values.get("tables", {})
    if isinstance(tables, dict):
        values["tables"] = {name: {"parts": [entry]} for name, entry in tables.items()}
    return values | {"schema_version": SCHEMA_VERSION}


def past(path: Path, current: Manifest, revision: int) -> Manifest:
    """Return the manifest of an earlier revision; a negative one counts back from the current one.

    Raises
    ------
    SettingError
        If it is not kept.
    """
    wanted = current.revision + revision if revision < 0 else revision
    if wanted == current.revision:
        return current
    file = path / HISTORY / f"{wanted:08d}.toml"
    if wanted < 0 or not file.is_file():
        if current.revision <= 1:
            raise SettingError(f"{path} has no earlier revision yet: nothing was changed since it was made")
        kept = sorted(int(old.stem) for old in (path / HISTORY).glob("*.toml"))
        raise SettingError(
            f"there is no revision {wanted} of {path}" if wanted < 1 else f"revision {wanted} of {path} is not kept",
            hint=f"Kept are {', '.join(map(str, [*kept, current.revision]))}.",
        )
    return read_manifest(path, file)


def write_manifest(path: Path, manifest: Manifest, *, keep: int) -> Manifest:
    """Put a manifest in the old one's place, which it keeps with the `keep` newest others."""
    manifest = Manifest.model_validate(manifest.model_dump())
    history = path / HISTORY
    if (path / MANIFEST).is_file() and keep:
        history.mkdir(exist_ok=True)
        _replace(history / f"{manifest.revision - 1:08d}.toml", (path / MANIFEST).read_bytes())
    _replace(path / MANIFEST, tomli_w.dumps(manifest.model_dump(exclude_none=True)).encode())
    for old in history.glob("*.toml"):
        if int(old.stem) < manifest.revision - keep:
            old.unlink()
    return manifest


def _replace(file: Path, data: bytes) -> None:
    temporary = file.with_name(f"{file.name}.{os.getpid()}")
    with temporary.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    temporary.replace(file)
    with contextlib.suppress(OSError, AttributeError):  # folders cannot be synced on every system
        folder = os.open(file.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
