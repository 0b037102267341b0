"""Ids of users, kept as they come or as keyed hashes that only this service can make again."""

from __future__ import annotations

import contextlib
import hashlib
import hmac
import os
import re
import secrets
import tempfile
from pathlib import Path

from evenshelf.errors import InputError
from evenshelf.serve.database import FOLDER

FILE = "users.key"
MARK = "~"
"""What ids that are hashes begin with."""
_HASHED = re.compile(f"{MARK}[0-9a-f]{{32}}")


class Persons:
    """Turns an id as a shop sends it into the id that is kept.

    Parameters
    ----------
    secret
        Of the hashes; ``None``: ids are kept as they come.
    """

    def __init__(self, secret: bytes | None = None) -> None:
        self._secret = secret

    @classmethod
    def hashed(cls, shop: Path) -> Persons:
        """With the secret of a shop, which is made if there is none.

        Who has the log and not this file cannot say which user an id is of; without the file nobody can.

        Raises
        ------
        InputError
            If it cannot be read or made.
        """
        file = shop / FOLDER / FILE
        try:
            file.parent.mkdir(parents=True, exist_ok=True)
            if not file.exists():
                handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{FILE}.")
                with os.fdopen(handle, "wb") as written:
                    written.write(secrets.token_bytes(32))
                    written.flush()
                    os.fsync(written.fileno())
                with contextlib.suppress(FileExistsError):  # another process was first: its secret counts
                    os.link(name, file)
                Path(name).unlink()
            secret = file.read_bytes()
        except OSError as error:
            raise InputError(f"The secret of hashed users {file} cannot be read or made: {error}") from error
        if len(secret) != 32:
            raise InputError(
                f"The secret of hashed users {file} is not 32 bytes.",
                hint="Bring it back from a copy: with another one all users are strangers.",
            )
        return cls(secret)

    def kept(self, given: str | None) -> str | None:
        """The id that is kept."""
        if given is None or self._secret is None:
            return given
        if _HASHED.fullmatch(given):  # by which the shop knows who came by the service
            return given
        return MARK + hmac.new(self._secret, given.encode(), hashlib.sha256).hexdigest()[:32]
