"""The formats of archives, each as a generator of its entries, and the budget that bounds what comes out of them."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import lzma
import shutil
import stat
import struct
import tarfile
import tempfile
import zipfile
import zlib
from dataclasses import dataclass, replace
from functools import partial
from itertools import pairwise
from typing import TYPE_CHECKING, BinaryIO, NamedTuple, cast

import pyarrow as pa

from evenshelf.errors import InputError
from evenshelf.shop.sources.member_names import flaw_of, tar_name, tidy, zip_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Self


class _EncryptedError(Exception):
    pass


_LOCAL_HEADER = 30
_CHUNK = 1 << 20
_LONG_HEADERS = (
    tarfile.XHDTYPE,
    tarfile.XGLTYPE,
    tarfile.SOLARIS_XHDTYPE,
    tarfile.GNUTYPE_LONGNAME,
    tarfile.GNUTYPE_LONGLINK,
)
_DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    lzma.LZMAError,
    zlib.error,
    EOFError,
    struct.error,
    NotImplementedError,
)
_CODECS = {".gz": "gz", ".xz": "xz", ".bz2": "bz2", ".zst": "zst"}
_SHORT = {".tgz": "gz", ".txz": "xz", ".tbz2": "bz2", ".tbz": "bz2", ".tzst": "zst"}


@dataclass(frozen=True)
class Limits:
    """What may come out of archives. Plain files are not limited.

    Attributes
    ----------
    unpacked_bytes
        From all archives of a source together, layers in between included (1 TiB).
    ratio
        Bytes that come out of an archive for each of its own; asked once more than `free_bytes` came out. Logs reach
        200, gzip cannot pass 1032.
    free_bytes
        See `ratio` (100 MiB).
    members
        Files in a source, those that are left out included.
    nesting
        Archives in archives: 3 opens a .csv.gz in a .tar.gz in a .zip.
    """

    unpacked_bytes: int = 1 << 40
    ratio: float = 1000.0
    free_bytes: int = 100 << 20
    members: int = 100_000
    nesting: int = 3


class Place(NamedTuple):
    """Where something is, for messages."""

    path: Path
    member: str = ""

    def __str__(self) -> str:
        return f"{self.path}: {self.member}" if self.member else str(self.path)

    @contextlib.contextmanager
    def told(self) -> Iterator[None]:
        """Turn what the libraries raise on damaged archives into :class:`InputError` that names the place."""
        try:
            yield
        except _DAMAGE as error:
            raise self._damaged(error) from error
        except _EncryptedError:
            hint = "Unpack it with its password, and give the folder."
            raise InputError(f"{self} is encrypted", hint=hint) from None
        except OSError as error:
            if error.errno is None:  # data that the library cannot make sense of, not the system
                raise self._damaged(error) from error
            raise InputError(f"{self} cannot be read: {error}") from error

    def _damaged(self, error: Exception) -> InputError:
        return InputError(
            f"{self} is damaged or not what its ending says: {error}", hint="Fetch it again, or unpack it yourself."
        )


class Budget:
    """Counts what comes out of the archives of a source, and refuses more than the limits allow."""

    def __init__(self, limits: Limits) -> None:
        self.limits = limits
        self._unpacked = self._members = self._of_file = self._packed = 0
        self._file: Path | None = None

    def next_file(self, path: Path, size: int) -> None:
        """Say which file on disk everything that follows comes from."""
        self._file, self._packed, self._of_file = path, size, 0

    def next_member(self) -> None:
        """Count a member."""
        self._members += 1
        if self._members > self.limits.members:
            raise InputError(
                f"{self._file}: there are more than {self.limits.members:,} files",
                hint="Give them in several parts.",
            )

    def take(self, count: int) -> None:
        """Count bytes that came out."""
        self._unpacked += count
        self._of_file += count
        if self._of_file > max(self.limits.free_bytes, self.limits.ratio * self._packed):
            raise InputError(
                f"{self._file}: {self._packed:,} bytes grew to more than {self._of_file:,}, over "
                f"{self.limits.ratio:g} times their number, as in an archive made to fill memory and disks",
                hint="If it is genuine, unpack it yourself and give the folder.",
            )
        if self._unpacked > self.limits.unpacked_bytes:
            raise InputError(
                f"{self._file}: more than {self.limits.unpacked_bytes:,} bytes come out of the archives",
                hint="Unpack them yourself and give the folder.",
            )


@dataclass(frozen=True)
class Entry:
    """Something in a folder or archive: its name, what it says of its size, and what opens it.

    `refused` is a reason not to open it.
    """

    name: str
    size: int | None
    open: Callable[[], BinaryIO]
    seekable: bool = False
    refused: str | None = None

    def below(self, prefix: str) -> Entry:
        """Return it with a longer name."""
        return replace(self, name=prefix + self.name)


class Layer(NamedTuple):
    """What an ending says: ``zip``, ``tar`` or one file, compressed or not; and the name without the ending."""

    form: str
    codec: str | None
    stem: str


def layer_of(name: str) -> Layer | None:
    """Return the kind of archive that a file is by the ending of its name, or None."""
    stem, dot, last = name.rpartition(".")
    ending = dot + last.lower()
    if ending == ".zip":
        return Layer("zip", None, stem)
    if ending == ".tar":
        return Layer("tar", None, stem)
    if ending in _SHORT:
        return Layer("tar", _SHORT[ending], stem)
    if ending in _CODECS:
        return Layer("tar" if stem.lower().endswith(".tar") else "file", _CODECS[ending], stem)
    return None


def contents(entry: Entry, budget: Budget) -> Iterator[Entry]:
    """Yield what is in an archive; each entry is to be read before the next is asked for.

    Errors of the libraries pass through; see :meth:`Place.told`.
    """
    layer = layer_of(entry.name)
    assert layer is not None
    with entry.open() as packed:
        if layer.form == "zip":
            yield from _zip(packed, budget) if entry.seekable else _zip_in_archive(packed, budget)
            return
        stream = packed if layer.codec is None else _unpacked(packed, layer.codec, budget)
        if layer.form == "tar":
            yield from _tar(stream, seekable=layer.codec is None and entry.seekable)
            while stream.read(_CHUNK):  # a .tar has no checksums, but its packing has one, at the end
                pass
        else:
            yield Entry(layer.stem.rpartition("/")[2], None, lambda: stream)


class _Counted(io.RawIOBase):
    """Takes what it reads from the budget."""

    def __init__(self, inner: BinaryIO, budget: Budget) -> None:
        self._inner, self._budget = inner, budget

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: bytearray | memoryview) -> int:  # type: ignore[override]
        data = self._inner.read(min(len(buffer), _CHUNK))
        self._budget.take(len(data))
        buffer[: len(data)] = data
        return len(data)

    def close(self) -> None:
        if not self.closed:
            self._inner.close()
        super().close()


def _unpacked(packed: BinaryIO, codec: str, budget: Budget) -> BinaryIO:
    opened: object
    if codec == "gz":
        opened = gzip.GzipFile(fileobj=packed, mode="rb")
    elif codec == "xz":
        opened = lzma.LZMAFile(packed)  # noqa: SIM115 - closed by who reads it
    elif codec == "bz2":
        opened = bz2.BZ2File(packed)
    else:
        opened = pa.CompressedInputStream(pa.PythonFile(packed, mode="r"), "zstd")
    return io.BufferedReader(_Counted(cast("BinaryIO", opened), budget), _CHUNK)


def _zip(file: BinaryIO, budget: Budget) -> Iterator[Entry]:
    with zipfile.ZipFile(file) as archive:
        infos = archive.infolist()
        starts = sorted((info.header_offset, info.compress_size) for info in infos)
        if any(start + _LOCAL_HEADER + size > following for (start, size), (following, _) in pairwise(starts)):
            raise zipfile.BadZipFile("members overlap, as in an archive made to fill memory and disks")
        for info in infos:
            if info.is_dir():
                continue

            def read(info: zipfile.ZipInfo = info) -> BinaryIO:
                if info.flag_bits & 0x1:
                    raise _EncryptedError
                return io.BufferedReader(_Counted(cast("BinaryIO", archive.open(info)), budget), _CHUNK)

            name = zip_name(info)
            refused = "it is a link" if stat.S_ISLNK(info.external_attr >> 16) else flaw_of(name)
            yield Entry(tidy(name), info.file_size, read, refused=refused)


def _zip_in_archive(packed: BinaryIO, budget: Budget) -> Iterator[Entry]:
    """A .zip has its table of contents at the end, so that one in an archive goes to a file without a name first."""
    with tempfile.TemporaryFile() as file:
        shutil.copyfileobj(packed, file, _CHUNK)
        yield from _zip(cast("BinaryIO", file), budget)


def _tar(stream: BinaryIO, *, seekable: bool) -> Iterator[Entry]:
    class Header(tarfile.TarInfo):
        """The library takes a damaged header for the end; here it is an error."""

        ended = False

        @classmethod
        def frombuf(cls, buf: bytes | bytearray, encoding: str, errors: str) -> Self:
            zeros = len(buf) == tarfile.BLOCKSIZE and not any(buf)
            if zeros or (not buf and Header.ended):
                Header.ended = True
                return super().frombuf(buf, encoding, errors)
            if not buf:
                raise tarfile.ReadError("it is cut off: it has no end mark")
            try:
                found = super().frombuf(buf, encoding, errors)
            except tarfile.HeaderError as error:
                raise tarfile.ReadError(f"{error} in the header of a member") from error
            Header.ended = False
            if found.type in _LONG_HEADERS and found.size > _CHUNK:
                raise tarfile.ReadError(f"a header claims to have {found.size:,} bytes")
            return found

    mode = "r:" if seekable else "r|"
    with tarfile.open(fileobj=stream, mode=mode, tarinfo=Header, ignore_zeros=True) as archive:  # type: ignore[call-overload]
        while (info := _next(archive)) is not None:
            archive.members = []  # or they would pile up
            if info.isdir():
                continue
            name = tar_name(info.name)
            refused = flaw_of(name)
            if not info.isreg():
                refused = "it is a link" if info.issym() or info.islnk() else "it is no plain file"
            elif info.issparse():
                refused = "it is a sparse file"
            yield Entry(tidy(name), info.size, partial(_extracted, archive, info), refused=refused)


def _next(archive: tarfile.TarFile) -> tarfile.TarInfo | None:
    try:
        return archive.next()
    except InputError:
        raise
    except ValueError as error:  # numbers in headers that are none
        raise tarfile.ReadError(str(error)) from error


def _extracted(archive: tarfile.TarFile, info: tarfile.TarInfo) -> BinaryIO:
    stream = archive.extractfile(info)
    assert stream is not None  # links and folders were refused
    return cast("BinaryIO", stream)
