"""Files inside of files: folders, .zip, .tar.*, .gz, read member by member without unpacking to disk."""

from __future__ import annotations

import gzip
import hashlib
import lzma
import tarfile
import zipfile
import zlib
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import partial
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from evenshelf.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

READABLE = (".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".json", ".parquet")
"""Endings of files that hold rows."""

_TAR_ENDINGS = (".tar", ".tar.gz", ".tgz", ".tar.xz", ".txz", ".tar.bz2", ".tbz2")
_CHUNK = 1 << 20


@dataclass(frozen=True)
class Member:
    """One file of rows. `data` is None if it was left out, for the reason in `skipped`."""

    name: str
    data: bytes | None
    skipped: str | None = None


def sha256_of(path: Path) -> tuple[str, int]:
    """Return sha256 (hex) and size in bytes of a file, or of a folder's files with their names."""
    digest = hashlib.sha256()
    if path.is_dir():
        total = 0
        for file in _files(path):
            inner, size = sha256_of(file)
            digest.update(f"{file.relative_to(path).as_posix()}\0{inner}\n".encode())
            total += size
        return digest.hexdigest(), total
    with path.open("rb") as stream:
        while chunk := stream.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest(), path.stat().st_size


def members(path: Path, exclude: Sequence[str] = ()) -> Iterator[Member]:
    """Yield every file of rows at `path`, in a fixed order.

    Parameters
    ----------
    path
        A file, an archive or a folder. Archives in a folder are opened as well.
    exclude
        Glob patterns of members to leave out, matched against the whole name and its last part.

    Raises
    ------
    InputError
        If there is nothing there, or an archive is damaged.
    """
    if not path.exists():
        near = f" Did you mean {_close(path)}?" if _close(path) else ""
        raise InputError(f"there is no file or folder {path}.{near}")
    try:
        for name, read in _open(path):
            yield _judge(name, read, exclude)
    except (
        zipfile.BadZipFile,
        tarfile.TarError,
        gzip.BadGzipFile,
        lzma.LZMAError,
        zlib.error,
        EOFError,
        RuntimeError,  # zipfile: the member is encrypted
        NotImplementedError,  # zipfile: unknown compression
    ) as error:
        raise InputError(f"{path} is damaged or not what its ending says: {error}") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error}") from error


def _judge(name: str, read: Callable[[], bytes], exclude: Sequence[str]) -> Member:
    """The member, unpacked only if it is wanted."""
    pure = PurePosixPath(name)
    if any(part.startswith((".", "__MACOSX")) for part in pure.parts):
        return Member(name, None, "hidden")
    if any(fnmatch(name, pattern) or fnmatch(pure.name, pattern) for pattern in exclude):
        return Member(name, None, "excluded")
    if pure.suffix.lower() not in READABLE:
        return Member(name, None, f"ending {pure.suffix or '(none)'} is not one of {', '.join(READABLE)}")
    return Member(name, read())


def _open(path: Path) -> Iterator[tuple[str, Callable[[], bytes]]]:
    """Names, and what reads each; to be called before the next name is asked for."""
    lower = path.name.lower()
    if path.is_dir():
        for file in _files(path):
            inner = file.relative_to(path).as_posix()
            for name, read in _open(file):
                nested = name if name == file.name else f"{file.name}/{name}"
                yield (str(PurePosixPath(inner).parent / nested), read)
    elif lower.endswith(".zip"):
        with zipfile.ZipFile(path) as archive:
            for info in archive.infolist():
                if not info.is_dir():
                    yield info.filename, partial(archive.read, info)
    elif lower.endswith(_TAR_ENDINGS):
        with tarfile.open(path) as archive:
            for entry in archive:  # in the order of the file: a compressed tar is slow to seek in
                stream = archive.extractfile(entry) if entry.isfile() else None
                if stream is not None:
                    yield entry.name, stream.read
    elif lower.endswith(".gz"):
        with gzip.open(path) as packed:
            yield path.name[: -len(".gz")], packed.read
    else:
        yield path.name, path.read_bytes


def _files(folder: Path) -> list[Path]:
    return sorted(file for file in folder.rglob("*") if file.is_file())


def _close(path: Path) -> str:
    from difflib import get_close_matches  # noqa: PLC0415 - only when something went wrong

    if not path.parent.is_dir():
        return ""
    return ", ".join(get_close_matches(path.name, [p.name for p in path.parent.iterdir()], n=3))
