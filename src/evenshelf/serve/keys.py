"""API keys: made, checked in constant time, replaced, revoked; only their hashes are kept."""

from __future__ import annotations

import hashlib
import hmac
import secrets
import threading
import time
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import Engine, insert, select, update

from evenshelf.errors import InputError, SettingError
from evenshelf.serve.database import keys

PREFIX = "evs"
_FRESH = 5.0
"""Seconds after which a key that was revoked by another process is refused."""


class Scope(StrEnum):
    """What a key may do."""

    READ = "read"
    EVENTS = "events"
    ITEMS = "items"
    ADMIN = "admin"


MEANING = {
    Scope.READ: "search, recommend, classify: for pages that everybody sees",
    Scope.EVENTS: "send events: for pages that everybody sees",
    Scope.ITEMS: "put and delete items: for the shop's back office",
    Scope.ADMIN: "everything, with data of users, bundles and experiments",
}


@dataclass(frozen=True)
class Key:
    """A key as it is kept: without its secret."""

    id: str
    name: str
    digest: str
    scopes: frozenset[Scope]
    created: datetime
    expires: datetime | None
    revoked: bool

    def may(self, scope: Scope) -> bool:
        """Whether it allows something."""
        return scope in self.scopes or Scope.ADMIN in self.scopes

    def valid(self, now: datetime) -> bool:
        """Whether it still opens anything."""
        return not self.revoked and (self.expires is None or now < self.expires)


class Keys:
    """The keys in a database.

    A key is ``evs_ID_SECRET``. The secret has 256 random bits, so its plain SHA-256 cannot be turned back; a slow hash
    is for what people make up.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._known: tuple[float, dict[str, Key]] = (-_FRESH, {})
        self._lock = threading.Lock()

    def make(self, name: str, scopes: Collection[Scope], *, expires: datetime | None = None) -> str:
        """Make a key and return it: nobody can show it again."""
        if not scopes:
            raise SettingError("A key without a scope opens nothing.", hint=f"Scopes: {', '.join(Scope)}.")
        number, secret = secrets.token_hex(6), secrets.token_urlsafe(32)
        with self._engine.begin() as connection:
            connection.execute(
                insert(keys).values(
                    id=number,
                    name=name,
                    digest=_digest(secret),
                    scopes=" ".join(sorted(set(scopes))),
                    created=datetime.now(UTC),
                    expires=expires,
                    revoked=False,
                )
            )
        self._known = (-_FRESH, {})
        return f"{PREFIX}_{number}_{secret}"

    def all(self) -> list[Key]:
        """All keys, the oldest first."""
        with self._engine.connect() as connection:
            found = connection.execute(select(keys).order_by(keys.c.created)).all()
        return [
            Key(
                row.id,
                row.name,
                row.digest,
                frozenset(map(Scope, row.scopes.split())),
                row.created,
                row.expires,
                row.revoked,
            )
            for row in found
        ]

    def revoke(self, number: str, *, at: datetime | None = None) -> None:
        """Let a key open nothing any more, now or from a moment on (while its successor is being spread).

        Raises
        ------
        InputError
            If there is no such key.
        """
        value = {"revoked": True} if at is None else {"expires": at}
        with self._engine.begin() as connection:
            changed = connection.execute(update(keys).where(keys.c.id == number).values(**value)).rowcount
        if not changed:
            raise InputError(f"There is no key {number!r}.", hint="Keys are listed by: evenshelf keys list SHOP")
        self._known = (-_FRESH, {})

    def opened(self, given: str) -> Key | None:
        """The key that somebody gives; ``None`` if it is not one, or not valid any more."""
        parts = given.split("_", 2)
        number, secret = (parts[1], parts[2]) if len(parts) == 3 and parts[0] == PREFIX else ("", given)
        key = self._of(number)
        # compared also where there is no such key, so that the time tells nothing
        same = hmac.compare_digest(_digest(secret), key.digest if key is not None else _digest(""))
        return key if key is not None and same and key.valid(datetime.now(UTC)) else None

    def exist(self) -> bool:
        """Whether there is any key that opens something."""
        return any(key.valid(datetime.now(UTC)) for key in self.all())

    def _of(self, number: str) -> Key | None:
        with self._lock:
            when, known = self._known
            if time.monotonic() - when > _FRESH:
                known = {key.id: key for key in self.all()}
                self._known = (time.monotonic(), known)
        return known.get(number)


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
