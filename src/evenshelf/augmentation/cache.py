"""A text is made once: variants by what decides them, in a SQLite file that several processes may use."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from hashlib import blake2b
from pathlib import Path

from evenshelf.augmentation.base import Maker
from evenshelf.augmentation.sources import Source
from evenshelf.encoders.folders import default_cache_dir
from evenshelf.errors import InputError

_TABLE = "CREATE TABLE IF NOT EXISTS made (key BLOB PRIMARY KEY, asked INTEGER NOT NULL, texts TEXT NOT NULL)"
_SPENT = "CREATE TABLE IF NOT EXISTS spent (maker TEXT PRIMARY KEY, texts INTEGER NOT NULL, seconds REAL NOT NULL)"
_ADD = """
INSERT INTO spent VALUES (?, ?, ?)
ON CONFLICT (maker) DO UPDATE SET texts = texts + excluded.texts, seconds = seconds + excluded.seconds
"""
_PUT = """
INSERT INTO made VALUES (?, ?, ?)
ON CONFLICT (key) DO UPDATE SET asked = excluded.asked, texts = excluded.texts WHERE excluded.asked > made.asked
"""
_AT_ONCE = 500


class MadeCache:
    """Keeps what was made of every text.

    Parameters
    ----------
    path
        A SQLite file, made when first written to; ``default_cache_dir() / "made_texts.db"`` if None.
    """

    def __init__(self, path: Path | str | None = None) -> None:
        self.path = default_cache_dir() / "made_texts.db" if path is None else Path(path)

    def get(self, maker: Maker, sources: Sequence[Source], copies: int, seed: int) -> list[list[str] | None]:
        """Return what was made of each source; ``None`` where fewer copies were asked for than now, or none.

        Raises
        ------
        InputError
            If the file cannot be read.
        """
        if not self.path.is_file():
            return [None] * len(sources)
        keys = [key_of(maker, source, seed) for source in sources]
        found: dict[bytes, tuple[int, str]] = {}
        with self._open() as database:
            for start in range(0, len(keys), _AT_ONCE):
                part = keys[start : start + _AT_ONCE]
                marks = ", ".join("?" * len(part))
                # Only question marks are put into the statement.
                rows = database.execute(f"SELECT key, asked, texts FROM made WHERE key IN ({marks})", part)  # noqa: S608
                found |= {key: (asked, texts) for key, asked, texts in rows}
        return [
            json.loads(found[key][1])[:copies] if key in found and found[key][0] >= copies else None for key in keys
        ]

    def put(
        self,
        maker: Maker,
        sources: Sequence[Source],
        made: Sequence[Sequence[str]],
        copies: int,
        seed: int,
        *,
        seconds: float = 0.0,
    ) -> None:
        """Keep what was made of sources when so many copies were asked for; all of them or, at a failure, none.

        Parameters
        ----------
        seconds
            CPU time that it took.

        Raises
        ------
        InputError
            If the file cannot be written to.
        """
        rows = [
            (key_of(maker, source, seed), copies, json.dumps(list(texts), ensure_ascii=False))
            for source, texts in zip(sources, made, strict=True)
        ]
        with self._open() as database, database:
            database.executemany(_PUT, rows)
            if seconds > 0:
                database.execute(_ADD, (maker.fingerprint, sum(map(len, made)), seconds))

    def seconds_per_text(self, maker: Maker) -> float:
        """Return the mean CPU time of a text that the maker has made, in all runs; 0 where it has made none.

        Raises
        ------
        InputError
            If the file cannot be read.
        """
        if not self.path.is_file():
            return 0.0
        with self._open() as database:
            found = database.execute(
                "SELECT texts, seconds FROM spent WHERE maker = ?", (maker.fingerprint,)
            ).fetchone()
        return float(found[1]) / max(int(found[0]), 1) if found else 0.0

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            database = sqlite3.connect(self.path, timeout=60)
            try:
                database.execute("PRAGMA journal_mode = WAL")
                database.execute(_TABLE)
                database.execute(_SPENT)
                yield database
            finally:
                database.close()
        except (OSError, sqlite3.Error) as error:
            raise InputError(
                f"The cache of made texts {self.path} cannot be used: {error}.",
                hint="Delete the file, or set EVENSHELF_CACHE to a folder that can be written to.",
            ) from error


def key_of(maker: Maker, source: Source, seed: int) -> bytes:
    """Digest of all that decides what is made of a source."""
    read = maker.read_of(source)
    parts = (maker.fingerprint, read.text, read.label, read.context, seed)
    return blake2b(repr(parts).encode(), digest_size=16).digest()
