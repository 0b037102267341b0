"""A shop on disk: Parquet tables and one manifest, changed all at once or not at all.

Table files are named by their content and never changed. A commit writes the new files, then puts a new
manifest in the old one's place, which is a single step of the file system: whoever dies in the middle leaves
the old shop behind, readable.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl
import tomli_w
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from evenshelf.errors import InputError, SettingError
from evenshelf.shop.schema import SCHEMA_VERSION, TABLES, empty

try:
    import fcntl
except ImportError:  # Windows has no flock; the check of the manifest's revision remains
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

MANIFEST = "shop.toml"
_LOCK = ".lock"


class TableEntry(BaseModel):
    """A table in the manifest."""

    model_config = ConfigDict(extra="forbid")
    file: str = Field(pattern=r"^[\w-][\w.-]*$")  # a name beside the manifest, never a way out of the folder
    rows: int = Field(ge=0)
    sha256: str


class SourceEntry(BaseModel):
    """A source in the manifest: what was read, how, and what became of its rows."""

    model_config = ConfigDict(extra="forbid")
    name: str
    sha256: str
    bytes: int
    settings: str
    rows_in: int
    rows_kept: int
    blank_lines: int
    quarantined: dict[str, int] = {}
    fixed: dict[str, int] = {}
    literal_quotes: int = 0
    mapping: dict[str, str] = {}


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
    superseded: list[str] = []


class Shop:
    """A folder of tables; open one with :meth:`open`, make one with :meth:`create`.

    Attributes
    ----------
    path
        The folder.
    manifest
        What the manifest said when it was last read.
    """

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self.path = path
        self.manifest = manifest

    def __repr__(self) -> str:
        tables = ", ".join(f"{name}: {entry.rows} rows" for name, entry in self.manifest.tables.items())
        return f"Shop({str(self.path)!r}, {tables or 'empty'})"

    @classmethod
    def create(cls, path: str | Path, *, origin: str = "ingest") -> Shop:
        """Make an empty shop.

        Parameters
        ----------
        path
            A folder that does not exist yet, or is empty.
        origin
            Where its rows come from: ``"ingest"`` or the simulator's settings.

        Raises
        ------
        SettingError
            If something is there already.
        """
        path = Path(path)
        # What a creation that died in the middle left behind does not count.
        if path.exists() and (not path.is_dir() or any(not _is_leftover(p) for p in path.iterdir())):
            raise SettingError(f"{path} exists and is not empty", hint="Choose another folder for the shop.")
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SettingError(f"no folder can be made at {path}: {error}") from error
        shop = cls(path, Manifest(schema_version=SCHEMA_VERSION, origin=origin))
        shop.commit({"items": empty("items"), "quarantine": empty("quarantine")})
        return shop

    @classmethod
    def open(cls, path: str | Path) -> Shop:
        """Open a shop.

        Raises
        ------
        InputError
            If there is no shop, its version is unknown, or its manifest is damaged.
        """
        path = Path(path)
        return cls(path, _read_manifest(path))

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables."""
        return tuple(self.manifest.tables)

    def fingerprint(self, table: str = "items") -> str:
        """Return the sha256 of a table's file: equal for equal content."""
        return self._entry(table).sha256

    def scan(self, table: str = "items") -> pl.LazyFrame:
        """Return a table lazily."""
        return pl.scan_parquet(self.path / self._entry(table).file)

    def items(self) -> pl.DataFrame:
        """Return the items; see :data:`evenshelf.shop.schema.ITEMS` for the columns."""
        return self._read("items")

    def quarantine(self) -> pl.DataFrame:
        """Return the refused rows, each with source, line, reason, detail and its raw text."""
        return self._read("quarantine")

    def verify(self) -> None:
        """Compare every table with its hash and row count in the manifest.

        Raises
        ------
        InputError
            With every difference.
        """
        problems = []
        for name, entry in self.manifest.tables.items():
            file = self.path / entry.file
            if not file.is_file():
                problems.append(f"{name}: {entry.file} is missing")
            elif hashlib.sha256(file.read_bytes()).hexdigest() != entry.sha256:
                problems.append(f"{name}: {entry.file} was changed since it was written")
        if problems:
            raise InputError(f"{self.path}: " + "; ".join(problems), hint="Ingest the sources into a new shop.")

    def commit(self, tables: Mapping[str, pl.DataFrame], **changes: Any) -> None:
        """Write tables and manifest, all at once or not at all.

        Parameters
        ----------
        tables
            New content by name; tables not named stay as they are.
        changes
            New values of the manifest's fields (`sources`, `quarantine`, `warnings`).

        Raises
        ------
        InputError
            If a table does not fit its schema.
        SettingError
            If there is no such table, or another process changed the shop since it was opened.
        """
        for name, frame in tables.items():
            if name not in TABLES:
                raise SettingError(f"a shop has no table {name!r}", hint=f"Tables: {', '.join(TABLES)}.")
            TABLES[name].check(frame)
        with self._locked():
            on_disk = (self.path / MANIFEST).exists()
            if on_disk and _read_manifest(self.path).revision != self.manifest.revision:
                raise SettingError(f"{self.path} was changed by another process", hint="Run the command again.")
            entries = dict(self.manifest.tables)
            for name, frame in tables.items():
                entries[name] = self._write(name, frame)
            old = [entry.file for entry in self.manifest.tables.values()]
            current = {entry.file for entry in entries.values()}
            manifest = self.manifest.model_copy(
                update={
                    **changes,
                    "tables": entries,
                    "revision": self.manifest.revision + 1,
                    "superseded": sorted(set(old) - current),
                }
            )
            text = tomli_w.dumps(Manifest.model_validate(manifest.model_dump()).model_dump())
            _replace(self.path / MANIFEST, text.encode())
            self.manifest = manifest
            # Readers that opened the last revision keep their files; older ones and leftovers of a crash go.
            for file in self.path.glob("*.parquet*"):
                if file.name not in current and file.name not in manifest.superseded:
                    file.unlink(missing_ok=True)

    def _write(self, name: str, frame: pl.DataFrame) -> TableEntry:
        temporary = self.path / f"{name}.parquet.{os.getpid()}"
        frame.write_parquet(temporary, compression="zstd", statistics=True)
        digest = hashlib.sha256(temporary.read_bytes()).hexdigest()
        final = f"{name}-{digest[:12]}.parquet"
        with temporary.open("rb+") as stream:
            os.fsync(stream.fileno())
        temporary.replace(self.path / final)
        return TableEntry(file=final, rows=frame.height, sha256=digest)

    def _entry(self, table: str) -> TableEntry:
        if table not in self.manifest.tables:
            raise SettingError(
                f"the shop {self.path} has no table {table!r}", hint=f"It has: {', '.join(self.tables)}."
            )
        return self.manifest.tables[table]

    def _read(self, table: str) -> pl.DataFrame:
        entry = self._entry(table)
        try:
            frame = pl.read_parquet(self.path / entry.file)
        except (OSError, pl.exceptions.PolarsError) as error:
            raise InputError(f"table {table!r} of the shop {self.path} cannot be read: {error}") from error
        if frame.height != entry.rows:
            raise InputError(f"{self.path / entry.file} has {frame.height} rows, the manifest says {entry.rows}")
        return frame

    @contextlib.contextmanager
    def _locked(self) -> Iterator[None]:
        with (self.path / _LOCK).open("w") as lock:
            if fcntl is not None:
                fcntl.flock(lock, fcntl.LOCK_EX)  # let go by the system when the process ends, however it ends
            yield


def _read_manifest(path: Path) -> Manifest:
    file = path / MANIFEST
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
    if version != SCHEMA_VERSION:
        raise InputError(
            f"{file} has schema version {version!r}; this evenshelf reads version {SCHEMA_VERSION}",
            hint="Use the evenshelf that wrote it, or ingest the sources into a new shop.",
        )
    try:
        return Manifest.model_validate(values)
    except ValidationError as error:
        problems = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        raise InputError(f"{file} is no valid manifest: {problems}") from error


def _is_leftover(file: Path) -> bool:
    table = any(file.name.startswith((f"{name}-", f"{name}.parquet.")) for name in TABLES)
    return file.name == _LOCK or (table and ".parquet" in file.name) or file.name.startswith(f"{MANIFEST}.")


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
