"""What a person names as a source: a file, a folder, a glob or the address of a database."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evenshelf.errors import InputError, SettingError
from evenshelf.shop.manifest import MANIFEST
from evenshelf.shop.sources.archives import files_of, sha256_of
from evenshelf.shop.sources.sql import is_url, spool

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evenshelf.shop.progress import Progress


@dataclass(frozen=True)
class Source:
    """Something to be read: its name in reports, where it is, and what it holds."""

    name: str
    path: Path
    sha256: str
    bytes: int


def opened(text: str | Path, folder: Path, *, query: str | None, progress: Progress | None) -> Iterator[Source]:
    """Yield the sources that a text names: each file that fits a pattern is one, a folder is one.

    What a database answers is kept in `folder` until the next source is asked for.

    Raises
    ------
    InputError
        If there is nothing there.
    SettingError
        If a query is given for what is no database, or none for a database.
    """
    if isinstance(text, str) and is_url(text):
        if query is None:
            raise SettingError(
                f"{text.split('://')[0]} is a database: what is to be read from it?",
                hint="Name a table or a SELECT with --query (in Python: query=...).",
            )
        spooled = spool(text, query, folder, progress=progress)
        try:
            yield Source(spooled.name, spooled.path, spooled.sha256, spooled.path.stat().st_size)
        finally:
            spooled.path.unlink(missing_ok=True)
        return
    if query is not None:
        raise SettingError(f"a query is for databases, and {text} is none")
    path = Path(text)
    if (path / MANIFEST).is_file():
        raise InputError(f"{path} is a shop, not a folder of files", hint="Name the files that it was made of.")
    for found in [path] if path.exists() else files_of(path)[1]:
        digest, size = sha256_of(found, progress=progress)
        yield Source(found.name, found, digest, size)
