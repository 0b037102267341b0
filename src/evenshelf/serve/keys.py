"""API keys: made, checked in constant time, replaced, revoked; only their hashes are kept."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Collection
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum

from sqlalchemy import Engine, insert, or_, select, update

from evenshelf.errors import InputError, SettingError
from evenshelf.serve.database import keys

PREFIX = "evs"


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
        self._known: dict[str, Key] = {}
        self.refresh()

    def refresh(self) -> None:
        """Take in what other processes changed; who asks is answered by what was known last."""
        self._known = {key.id: key for key in self.all()}

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
        self.refresh()
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
        with self._engine.begin() as connection:
            there = connection.scalar(select(keys.c.id).where(keys.c.id == number))
            own = update(keys).where(keys.c.id == number)
            if at is None:
                connection.execute(own.values(revoked=True))
            else:  # never later than it would end anyway
                connection.execute(own.where(or_(keys.c.expires.is_(None), keys.c.expires > at)).values(expires=at))
        if there is None:
            raise InputError(f"There is no key {number!r}.", hint="Keys are listed by: evenshelf keys list SHOP")
        self.refresh()

    def opened(self, given: str) -> Key | None:
        """The key that somebody gives; ``None`` if it is not one, or not valid any more."""
        parts = given.split("_", 2)
        number, secret = (parts[1], parts[2]) if len(parts) == 3 and parts[0] == PREFIX else ("", given)
        key = self._known.get(number)
        # compared also where there is no such key, so that the time tells nothing
        same = hmac.compare_digest(_digest(secret), key.digest if key is not None else _digest(""))
        return key if key is not None and same and key.valid(datetime.now(UTC)) else None

    def none_yet(self) -> bool:
        """Whether there never was a key; one that has ended does not open the service to everybody."""
        return not self._known


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()
