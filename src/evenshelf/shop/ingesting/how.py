"""How sources are read, and what is at hand while a shop is written."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from evenshelf.errors import SettingError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    import polars as pl

    from evenshelf.shop.manifest import SourceEntry
    from evenshelf.shop.progress import Progress
    from evenshelf.shop.store import Writer


@dataclass(frozen=True)
class How:
    """How sources are read; see :func:`evenshelf.shop.ingesting.ingest.ingest`."""

    table: str
    now: datetime
    mapping: Mapping[str, str] = field(default_factory=dict)
    constants: Mapping[str, str] = field(default_factory=dict)
    off: frozenset[str] = frozenset()
    fix: frozenset[str] = frozenset()
    exclude: tuple[str, ...] = ()
    newer: bool = False
    time_format: str | None = None
    zone: str = "UTC"
    session_gap: float | None = None
    reading: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Work:
    """What is at hand while a shop is written.

    Attributes
    ----------
    writer
        The shop as it will be.
    entries
        All its sources, by sha256 and table; what becomes of their rows is accounted for here.
    restored
        Rows that a person took out of the quarantine, and the rules that must leave them alone. Which of them are
        copies of other sources' rows is updated.
    how
        How sources are read.
    progress
        Told about the work as it goes on.
    unfit
        Why files cannot be read: their columns are not those that are needed, or something has to be decided first.
        Once there is one, no more rows are read, only columns, so that all of them can be told at once.
    """

    writer: Writer
    entries: dict[tuple[str, str], SourceEntry]
    restored: pl.DataFrame
    how: How
    progress: Progress | None = None
    unfit: list[SettingError] = field(default_factory=list)

    @contextlib.contextmanager
    def told(self) -> Iterator[None]:
        """Note a file as unfit if something about it must be decided first, such as which of day and month is which."""
        try:
            yield
        except SettingError as error:
            self.unfit.append(error)

    def tell(self, what: str) -> None:
        """Say what is being done, where it is not known for how long."""
        if self.progress is not None:
            self.progress(what, 0, None)
