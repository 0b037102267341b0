"""A shop on disk: Parquet tables and one manifest, changed all at once or not at all.

A table is a list of files (parts), each named by its content and never changed. A commit writes new parts, then puts a
new manifest in the old one's place, which is a single step of the file system: whoever dies in the middle leaves the
old shop behind, readable. The manifests of the last revisions are kept, and with them the parts that they name.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from evenshelf.errors import InputError, SettingError
from evenshelf.shop.frames import together
from evenshelf.shop.locking import LOCK, locked
from evenshelf.shop.manifest import HISTORY, MANIFEST, Manifest, Part, TableEntry, past, read_manifest, write_manifest
from evenshelf.shop.schema import SCHEMA_VERSION, TABLES, empty

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence

PART_ROWS = 1_000_000
"""Rows of a part that is made of many batches; bounds the memory of a writer."""

KEPT_REVISIONS = 5
"""So many revisions before the current one can still be read and compared."""

_GROUP_ROWS = 1 << 18


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
        shop = cls.new(path, origin=origin)
        shop.commit({"items": empty("items"), "quarantine": empty("quarantine")})
        return shop

    @classmethod
    def new(cls, path: str | Path, *, origin: str = "ingest") -> Shop:
        """Like :meth:`create`, but nothing is a shop until the first :meth:`writing` has ended."""
        path = Path(path)
        # What a creation that died in the middle left behind does not count.
        if path.exists() and (not path.is_dir() or any(not _is_leftover(p) for p in path.iterdir())):
            raise SettingError(f"{path} exists and is not empty", hint="Choose another folder for the shop.")
        try:
            path.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise SettingError(f"no folder can be made at {path}: {error}") from error
        return cls(path, Manifest(schema_version=SCHEMA_VERSION, origin=origin))

    @classmethod
    def open(cls, path: str | Path, *, revision: int | None = None) -> Shop:
        """Open a shop.

        Parameters
        ----------
        path
            Its folder.
        revision
            An earlier revision, of those that are kept (:data:`KEPT_REVISIONS`); negative ones count back from the
            current one. None: the current one.

        Raises
        ------
        InputError
            If there is no shop, its version is unknown, or its manifest is damaged.
        SettingError
            If there is no such revision.
        """
        path = Path(path)
        manifest = read_manifest(path)
        if revision is not None:
            manifest = past(path, manifest, revision)
        return cls(path, manifest)

    @property
    def tables(self) -> tuple[str, ...]:
        """Names of the tables."""
        return tuple(self.manifest.tables)

    def fingerprint(self, table: str = "items") -> str:
        """Return a sha256 of a table's files: equal only for equal content."""
        return self._entry(table).sha256

    def rows(self, table: str) -> int:
        """Return the number of rows of a table, 0 if the shop does not have it."""
        _check_name(table)
        return self.manifest.tables[table].rows if table in self.manifest.tables else 0

    def scan(self, table: str = "items") -> pl.LazyFrame:
        """Return a table lazily, without rows if the shop does not have it."""
        _check_name(table)
        entry = self.manifest.tables.get(table)
        return scan_parts(self.path, table, entry.parts if entry is not None else [])

    def read(self, table: str) -> pl.DataFrame:
        """Return a table; without rows, with its required columns, if the shop does not have it.

        Raises
        ------
        InputError
            If a file of it is missing or damaged.
        """
        _check_name(table)
        if table not in self.manifest.tables:
            return empty(table)
        try:
            frame = self.scan(table).collect()
        except (OSError, pl.exceptions.PolarsError) as error:
            raise InputError(f"table {table!r} of the shop {self.path} cannot be read: {error}") from error
        if frame.height != self.rows(table):
            raise InputError(
                f"table {table!r} of {self.path} has {frame.height} rows, the manifest says {self.rows(table)}"
            )
        return frame

    def items(self) -> pl.DataFrame:
        """Return the items; see :data:`evenshelf.shop.schema.ITEMS` for the columns."""
        return self.read("items")

    def quarantine(self) -> pl.DataFrame:
        """Return the refused rows, each with source, line, table, reason, detail and its raw text."""
        return self.read("quarantine")

    def verify(self) -> None:
        """Compare every file of every table with its hash in the manifest.

        Raises
        ------
        InputError
            With every difference.
        """
        problems = []
        for name, entry in self.manifest.tables.items():
            for part in entry.parts:
                file = self.path / part.file
                if not file.is_file():
                    problems.append(f"{name}: {part.file} is missing")
                elif _sha256(file) != part.sha256:
                    problems.append(f"{name}: {part.file} was changed since it was written")
        if problems:
            raise InputError(f"{self.path}: " + "; ".join(problems), hint="Ingest the sources into a new shop.")

    def commit(self, tables: Mapping[str, pl.DataFrame], **changes: Any) -> None:
        """Write whole tables and the manifest, all at once or not at all.

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
        with self.writing() as writer:
            for name, frame in tables.items():
                writer.replace(name, frame)
            writer.change(**changes)

    @contextlib.contextmanager
    def writing(self, *, wait: bool = True) -> Iterator[Writer]:
        """Change a shop in many steps that count all together, when the block ends without an error.

        Other processes that want to write wait meanwhile; readers see the shop as it was.

        Parameters
        ----------
        wait
            For another process that writes to the shop, until it ends.

        Raises
        ------
        InputError
            If a table does not fit its schema, or another process writes that is not waited for.
        SettingError
            If another process changed the shop since it was opened.
        """
        with locked(self.path, wait=wait):
            on_disk = (self.path / MANIFEST).exists()
            if on_disk and read_manifest(self.path).revision != self.manifest.revision:
                raise SettingError(f"{self.path} was changed by another process", hint="Run the command again.")
            _sweep(self.path)
            writer = Writer(self.path, self.manifest)
            try:
                yield writer
                self.manifest = writer._finish()
            finally:
                _sweep(self.path)

    def _entry(self, table: str) -> TableEntry:
        if table not in self.manifest.tables:
            raise SettingError(
                f"the shop {self.path} has no table {table!r}", hint=f"It has: {', '.join(self.tables)}."
            )
        return self.manifest.tables[table]


class Writer:
    """What can be changed inside of :meth:`Shop.writing`."""

    def __init__(self, path: Path, manifest: Manifest) -> None:
        self._path = path
        self._manifest = manifest
        self._parts = {name: list(entry.parts) for name, entry in manifest.tables.items()}
        self._waiting: dict[str, list[pl.DataFrame]] = {}
        self._changes: dict[str, Any] = {}

    def append(self, table: str, frame: pl.DataFrame) -> None:
        """Add rows at the end of a table; many small frames become one part."""
        _check_name(table)
        TABLES[table].check(frame)
        if not frame.height and self.rows(table):
            return
        waiting = self._waiting.setdefault(table, [])
        self._parts.setdefault(table, [])
        waiting.append(frame)
        if sum(map(len, waiting)) >= PART_ROWS:
            self._flush(table)

    def replace(self, table: str, frame: pl.DataFrame) -> None:
        """Put rows in the place of all that a table has."""
        _check_name(table)
        TABLES[table].check(frame)
        self._waiting[table] = []
        self._parts[table] = [self._write(table, frame)]

    def rewrite(self, table: str, change: Callable[[pl.DataFrame], pl.DataFrame]) -> None:
        """Put each part of a table through `change`; parts that it leaves equal stay the same files."""
        self._flush(table)
        parts: list[Part] = []
        for part in self._parts.get(table, []):
            before = scan_parts(self._path, table, [part]).collect()
            after = change(before)
            if after.equals(before):
                parts.append(part)
            elif after.height:
                TABLES[table].check(after)
                parts.append(self._write(table, after))
        self._parts[table] = parts

    def scan(self, table: str) -> pl.LazyFrame:
        """Return a table as it will be, lazily."""
        _check_name(table)
        self._flush(table)
        return scan_parts(self._path, table, self._parts.get(table, []))

    def portions(self, table: str) -> Iterator[pl.DataFrame]:
        """Yield a table as it will be, part by part."""
        self._flush(table)
        for part in self._parts.get(table, []):
            yield scan_parts(self._path, table, [part]).collect()

    def rows(self, table: str) -> int:
        """Number of rows that a table will have."""
        return sum(part.rows for part in self._parts.get(table, [])) + sum(map(len, self._waiting.get(table, [])))

    def change(self, **changes: Any) -> None:
        """Set fields of the manifest (`sources`, `quarantine`, `warnings`)."""
        self._changes |= changes

    def _flush(self, table: str) -> None:
        waiting = self._waiting.pop(table, [])
        if waiting:
            frame = waiting[0] if len(waiting) == 1 else together(waiting)
            self._parts[table].append(self._write(table, frame))

    def _write(self, table: str, frame: pl.DataFrame) -> Part:
        temporary = self._path / f"{table}.parquet.{os.getpid()}"
        frame.write_parquet(temporary, compression="zstd", statistics=True, row_group_size=_GROUP_ROWS)
        digest = _sha256(temporary)
        final = f"{table}-{digest[:12]}.parquet"
        with temporary.open("rb+") as stream:
            os.fsync(stream.fileno())
        temporary.replace(self._path / final)
        return Part(file=final, rows=frame.height, sha256=digest)

    def _finish(self) -> Manifest:
        before = self._manifest.tables
        for table in list(self._waiting):
            self._flush(table)
        entries = {name: TableEntry(parts=parts) for name, parts in self._parts.items()}
        for name, entry in entries.items():
            key = TABLES[name].key
            # One part was checked when it was written.
            if key and len(entry.parts) > 1 and (name not in before or before[name] != entry):
                distinct = self.scan(name).select(key).unique().select(pl.len()).collect(engine="streaming").item()
                if distinct != entry.rows:
                    raise InputError(f"{entry.rows - distinct} values of {' and '.join(key)} repeat in table {name!r}")
        same = entries == before and all(getattr(self._manifest, key) == value for key, value in self._changes.items())
        if same and (self._path / MANIFEST).exists():
            return self._manifest
        manifest = self._manifest.model_copy(
            update={
                **self._changes,
                "schema_version": SCHEMA_VERSION,
                "tables": entries,
                "revision": self._manifest.revision + 1,
            }
        )
        return write_manifest(self._path, manifest, keep=KEPT_REVISIONS)


def scan_parts(path: Path, table: str, parts: Sequence[Part]) -> pl.LazyFrame:
    """Parts of a table as one lazy frame; columns that came with a later schema are filled in."""
    if not parts:
        return empty(table).lazy()
    defaults = {c.name: c.default for c in TABLES[table].columns if c.default is not None}
    frames: list[pl.LazyFrame] = []
    for part in parts:
        frame = pl.scan_parquet(path / part.file, glob=False)
        if defaults:
            there = frame.collect_schema().names()
            frame = frame.with_columns(pl.lit(value).alias(c) for c, value in defaults.items() if c not in there)
        frames.append(frame)
    return frames[0] if len(frames) == 1 else together(frames)


def _check_name(table: str) -> None:
    if table not in TABLES:
        raise SettingError(f"a shop has no table {table!r}", hint=f"Tables: {', '.join(TABLES)}.")


def _sha256(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _sweep(path: Path) -> None:
    """Remove what no revision that is kept names: older parts, and leftovers of a writer that died.

    What counts is the manifest on disk: a Ctrl-C may come between its writing and the moment this process knows of it.
    """
    named = read_manifest(path).files() if (path / MANIFEST).exists() else set()
    for old in path.glob(f"{HISTORY}/*.toml"):
        named |= read_manifest(path, old).files()
    half = path.glob(f"{MANIFEST}.*") if (path / MANIFEST).exists() else ()
    for file in (*path.glob("*.parquet*"), *half):
        if file.name not in named:
            file.unlink(missing_ok=True)


def _is_leftover(file: Path) -> bool:
    table = any(file.name.startswith((f"{name}-", f"{name}.parquet.")) for name in TABLES)
    return file.name in {LOCK, HISTORY} or (table and ".parquet" in file.name) or file.name.startswith(f"{MANIFEST}.")
