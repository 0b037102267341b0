"""Files inside of files: folders, globs, .zip, .tar.* and .gz as streams, member by member.

Nothing is unpacked to disk under a member's name, and no content is held in memory as a whole. What comes out is
counted as it comes, not as headers promise it: see :class:`Limits`.
"""

from __future__ import annotations

import glob
import hashlib
import io
import os
from contextlib import closing
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, BinaryIO

from evenshelf.errors import InputError, near
from evenshelf.shop.sources.containers import Budget, Entry, Limits, Place, contents, layer_of
from evenshelf.shop.sources.member_names import UNPRINTABLE, printable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from evenshelf.shop.progress import Progress

__all__ = ["READABLE", "Limits", "Member", "files_of", "members", "sha256_of"]

READABLE = (".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".json", ".parquet")
"""Endings of files that hold rows."""

_CHUNK = 1 << 20


@dataclass(frozen=True)
class Member:
    """One file of rows.

    Attributes
    ----------
    name
        Where it is, as in ``2024/logs.zip/may.csv``; without control characters.
    skipped
        Why it was left out; None if it is to be read.
    size
        Bytes that it says it has; None if only reading tells.
    repeats
        The name that it has in its archive, where an earlier member has the same.
    """

    name: str
    skipped: str | None = None
    size: int | None = None
    repeats: str | None = None
    _open: Callable[[], BinaryIO] | None = field(default=None, repr=False, compare=False)

    def open(self) -> BinaryIO:
        """Return the content as a stream, once, to be read before the next member is asked for.

        Plain files can be sought in, members of archives only be read from begin to end.

        Raises
        ------
        InputError
            If it is encrypted or damaged, or more comes out of it than the limits allow; reading the stream raises
            the same.
        ValueError
            If it was left out, or the next member has been asked for.
        """
        if self._open is None:
            raise ValueError(f"{self.name} was left out: {self.skipped}")
        return self._open()


def files_of(path: Path) -> tuple[Path, list[Path]]:
    """Return the files that a path stands for, sorted, and the folder that their names start from.

    Parameters
    ----------
    path
        A file, a folder or, if nothing has that name, a pattern as in ``logs/**/*.csv.gz``.

    Raises
    ------
    InputError
        If there is nothing.
    """
    if path.is_dir():
        return path, _below(path)
    if path.exists():
        return path.parent, [path]
    if not glob.has_magic(str(path)):
        there = [file.name for file in path.parent.iterdir()] if path.parent.is_dir() else []
        raise InputError(f"there is no file or folder {path}{near(path.name, there)}.")
    fixed = Path(*(parts := path.parts)[: next(i for i, part in enumerate(parts) if glob.has_magic(part))])
    found = {
        file
        for match in glob.iglob(str(path), recursive=True)  # noqa: PTH207 - Path.glob takes no absolute pattern
        for file in (_below(Path(match)) if Path(match).is_dir() else [Path(match)])
        if file.is_file()
    }
    if not found:
        there = sorted(p.name for p in fixed.iterdir())[:5] if fixed.is_dir() else []
        raise InputError(
            f"no file matches {path}",
            hint=f"{fixed} holds {', '.join(map(printable, there))}" + (", ..." if len(there) == 5 else "") + "."
            if there
            else f"There is nothing in {fixed}."
            if fixed.is_dir()
            else f"There is no folder {fixed}.",
        )
    return fixed, sorted(found)


def sha256_of(path: Path | Sequence[Path], *, progress: Progress | None = None) -> tuple[str, int]:
    """Return sha256 (hex) and size in bytes of a file, or of several files with their names.

    Parameters
    ----------
    path
        A file; a folder, pattern or list of files, of which the names below what they have in common count as well.
    progress
        Told the bytes that are done.

    Raises
    ------
    InputError
        If there is nothing, or it cannot be read.
    """
    if isinstance(path, Path):
        folder, files = files_of(path)
        single = path.is_file()
    else:
        files = sorted(path)
        folder, single = Path(os.path.commonpath([file.parent for file in files])) if files else Path(), False
    digest, total = hashlib.sha256(), 0
    try:
        whole = sum(file.stat().st_size for file in files)
        for file in files:
            inner = digest if single else hashlib.sha256()
            with file.open("rb") as stream:
                while chunk := stream.read(_CHUNK):
                    inner.update(chunk)
                    total += len(chunk)
                    if progress is not None:
                        progress("looking for changes", total, whole)
            if not single:
                name = file.relative_to(folder).as_posix()
                digest.update(f"{name}\0{inner.hexdigest()}\n".encode(errors="surrogateescape"))
    except OSError as error:
        raise InputError(f"{error.filename or path} cannot be read: {error}") from error
    return digest.hexdigest(), total


def members(path: Path, exclude: Sequence[str] = (), *, limits: Limits | None = None) -> Iterator[Member]:
    """Yield every file of rows at `path`, in a fixed order.

    Parameters
    ----------
    path
        A file, an archive, a folder, or a pattern as in ``logs/**/*.csv.gz``. Archives in folders and in archives are
        opened as well: .zip, .tar, .gz, .xz, .bz2, .zst.
    exclude
        Glob patterns of members to leave out, matched against the whole name and its last part.
    limits
        What may come out of archives.

    Raises
    ------
    InputError
        If there is nothing there, an archive is damaged, or a limit is passed.
    """
    single = path.is_file()
    folder, files = files_of(path)
    walk = _Walk(exclude, Budget(limits or Limits()))
    for file in files:
        name = "" if single else file.relative_to(folder).as_posix()
        yield from walk.file(file, name)


class _Walk:
    """Goes through files and what is in them, and decides what is left out."""

    def __init__(self, exclude: Sequence[str], budget: Budget) -> None:
        self._exclude, self._budget = exclude, budget
        self._names: set[str] = set()

    def file(self, path: Path, name: str) -> Iterator[Member]:
        """What is in a file on disk; `name` is empty if the file is all that was asked for."""
        place = Place(path)
        with place.told():
            size = path.stat().st_size
        self._budget.next_file(path, size)
        entry = Entry(name or path.name, size, lambda: path.open("rb"), seekable=True)
        if name or layer_of(path.name) is None:
            yield from self._judge(entry, place, depth=0)
        else:
            yield from self._inside(entry, place, "", depth=0)

    def _judge(self, entry: Entry, place: Place, depth: int) -> Iterator[Member]:
        """The member, or what is in it."""
        name, reason = printable(entry.name), entry.refused
        place = Place(place.path, name) if depth else place
        self._budget.next_member()
        pure = PurePosixPath(name)
        if name != entry.name:
            reason = UNPRINTABLE
        if reason is not None:
            yield Member(name, reason, entry.size)
        elif any(part.startswith((".", "__MACOSX")) for part in pure.parts):
            yield Member(name, "hidden", entry.size)
        elif self._is_excluded(name):
            yield Member(name, "excluded", entry.size)
        elif layer_of(name) is not None:
            if depth >= (deepest := self._budget.limits.nesting):
                yield Member(name, f"archives in archives are opened up to a depth of {deepest}", entry.size)
            else:
                yield from self._inside(entry, place, f"{name}/", depth)
        elif pure.suffix.lower() not in READABLE:
            reason = f"ending {pure.suffix or '(none)'} is not one of {', '.join(READABLE)}"
            yield Member(name, reason, entry.size)
        else:
            loan = _Loan(entry, place)
            with closing(loan):
                own = self._own_name(pure)
                excluded = own != name and self._is_excluded(own)
                yield Member(
                    own,
                    "excluded" if excluded else None,
                    entry.size,
                    None if own == name else name,
                    None if excluded else loan.open,
                )

    def _is_excluded(self, name: str) -> bool:
        last = PurePosixPath(name).name
        return any(fnmatch(name, pattern) or fnmatch(last, pattern) for pattern in self._exclude)

    def _own_name(self, name: PurePosixPath) -> str:
        """A name that no member has had: archives may hold several under one, as after ``tar -r``."""
        own, again = name, 2
        while str(own) in self._names:
            own, again = name.with_name(f"{name.stem}#{again}{name.suffix}"), again + 1
        self._names.add(str(own))
        return str(own)

    def _inside(self, entry: Entry, place: Place, prefix: str, depth: int) -> Iterator[Member]:
        with place.told():
            for inner in contents(entry, self._budget):
                yield from self._judge(inner.below(prefix), place, depth + 1)


class _Loan:
    """A stream that is handed out once and taken back when the next member is asked for."""

    def __init__(self, entry: Entry, place: Place) -> None:
        self._entry, self._place = entry, place
        self._stream: BinaryIO | None = None
        self._over = False

    def open(self) -> BinaryIO:
        if self._over or self._stream is not None:
            raise ValueError(f"{self._entry.name} can be opened once, before the next member is asked for")
        with self._place.told():
            inner = self._entry.open()
        self._stream = inner if self._entry.seekable else io.BufferedReader(_Told(inner, self._place), _CHUNK)
        return self._stream

    def close(self) -> None:
        self._over = True
        if self._stream is not None:
            self._stream.close()


class _Told(io.RawIOBase):
    """Reads another stream, and says where it is damaged."""

    def __init__(self, inner: BinaryIO, place: Place) -> None:
        self._inner, self._place = inner, place

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        with self._place.told():
            data = self._inner.read(min(len(buffer), _CHUNK))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._inner.close()
        super().close()


def _below(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.is_file())
