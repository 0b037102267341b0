"""Which bundle answers: copies that never change, and a list of who was put in whose place."""

from __future__ import annotations

import contextlib
import hashlib
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, func, insert, select

from evenshelf.bundles import Bundle, Recommender
from evenshelf.bundles.manifest import MANIFEST, RECOMMEND, read_document
from evenshelf.errors import EvenshelfError, InputError
from evenshelf.serve.database import FOLDER, exclusive, releases
from evenshelf.serve.marks import TAKEN_IN, Marks

STORE = "bundles"
Model = Bundle | Recommender


class Slot(StrEnum):
    """What a bundle answers."""

    LABEL = "label"
    RECOMMEND = "recommend"


@dataclass(frozen=True)
class Release:
    """That from a moment on a bundle answers.

    Attributes
    ----------
    number
        Counted up over all slots.
    digest
        Of the bundle; its copy has this name.
    why
        ``promoted``, or ``rolled back from`` another.
    """

    number: int
    slot: Slot
    digest: str
    since: datetime
    why: str


def digest_of(folder: Path) -> str:
    """16 hexadecimal digits: of the manifest, which holds the checksums of all other files."""
    return hashlib.sha256((folder / MANIFEST).read_bytes()).hexdigest()[:16]


def place_of(shop: Path, digest: str) -> Path:
    """Folder of the copy of a bundle."""
    return shop / FOLDER / STORE / digest


def slot_of(folder: Path) -> Slot:
    """What a bundle answers, by its manifest."""
    return Slot.RECOMMEND if read_document(folder).get("kind") == RECOMMEND else Slot.LABEL


def load(folder: Path) -> Model:
    """Open a bundle, whichever kind it is.

    Raises
    ------
    InputError, SettingError, MissingExtraError
        If it is damaged, of another version, or needs what is not there.
    """
    return Recommender.load(folder) if slot_of(folder) is Slot.RECOMMEND else Bundle.load(folder)


class Releases:
    """The releases in a database, of bundles below the folder of a shop."""

    def __init__(self, engine: Engine, shop: Path) -> None:
        self._engine = engine
        self._shop = shop

    def current(self) -> dict[Slot, Release]:
        """What answers now."""
        newest = select(func.max(releases.c.number)).group_by(releases.c.slot)
        with self._engine.connect() as connection:
            found = connection.execute(select(releases).where(releases.c.number.in_(newest))).all()
        return {release.slot: release for release in map(_release, found)}

    def taken_in(self) -> int:
        """Number of the last event of the log that the shop's own table has."""
        return Marks(self._engine).get(TAKEN_IN)

    def history(self) -> list[Release]:
        """All that ever answered, the newest first."""
        with self._engine.connect() as connection:
            return [_release(row) for row in connection.execute(select(releases).order_by(releases.c.number.desc()))]

    def promote(self, folder: Path, *, check: Callable[[Path], Any] = load, why: str = "promoted") -> Release:
        """Copy a bundle and let it answer, in every process of the service within a second or so.

        Parameters
        ----------
        folder
            Of the bundle. What happens to it later does not matter.
        check
            Opens the copy, and raises if it cannot be used; then the bundle that answers stays.

        Raises
        ------
        InputError, SettingError, MissingExtraError
            What `check` raises, or if there is no bundle.
        """
        slot, digest = slot_of(folder), self.keep(folder, check=check)
        with exclusive(self._engine) as connection:
            return _recorded(connection, slot, digest, why)

    def keep(self, folder: Path, *, check: Callable[[Path], Any] = load) -> str:
        """Copy a bundle and return its digest; parameters and errors as of :meth:`promote`."""
        slot_of(folder)  # which says so if it is no bundle
        digest = digest_of(folder)
        place = place_of(self._shop, digest)
        there = place.exists()
        if there:
            with contextlib.suppress(EvenshelfError):  # a copy that was damaged is made again
                check(place)
                return digest
        place.parent.mkdir(parents=True, exist_ok=True)
        partial = Path(tempfile.mkdtemp(dir=place.parent, prefix=f".{digest}."))
        damaged = partial.with_name(f"{partial.name}.damaged")
        try:
            shutil.copytree(folder, partial, dirs_exist_ok=True)
            check(partial)
            partial.chmod(0o755)
            if there:
                place.rename(damaged)
            if not place.exists():
                partial.rename(place)
        finally:
            for left in (partial, damaged):
                shutil.rmtree(left, ignore_errors=True)
        return digest

    def rollback(self, slot: Slot, *, check: Callable[[Path], Any] = load) -> Release:
        """Let the bundle answer again that answered before the one that does now.

        Called again it goes one further back.

        Raises
        ------
        InputError
            If nothing answered before, or its copy cannot be used.
        """
        with exclusive(self._engine) as connection:
            return self._rolled_back(connection, slot, check)

    def _rolled_back(self, connection: Connection, slot: Slot, check: Callable[[Path], Any]) -> Release:
        asked = select(releases).where(releases.c.slot == slot.value).order_by(releases.c.number)
        stack: list[str] = []  # of bundles, the newest last, as promotions put them there and rollbacks took them away
        for release in map(_release, connection.execute(asked).all()):
            if release.why.startswith(_BACK):
                while stack and stack[-1] != release.digest:
                    stack.pop()
            elif not stack or stack[-1] != release.digest:
                stack.append(release.digest)
        if len(stack) < 2:
            raise InputError(
                f"No other bundle answered before, of those that answer {slot.value}.",
                hint="Promote one with: evenshelf promote SHOP BUNDLE",
            )
        check(place_of(self._shop, stack[-2]))
        return _recorded(connection, slot, stack[-2], f"{_BACK} {stack[-1]}")


_BACK = "rolled back from"


def _release(row: Any) -> Release:
    return Release(row.number, Slot(row.slot), row.digest, row.since, row.why)


def _recorded(connection: Connection, slot: Slot, digest: str, why: str) -> Release:
    now = datetime.now(UTC)
    done = connection.execute(insert(releases).values(slot=slot.value, digest=digest, since=now, why=why))
    key = done.inserted_primary_key
    assert key is not None
    return Release(int(key[0]), slot, digest, now, why)
