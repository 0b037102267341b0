"""How a service is run."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from evenshelf.serve.database import default_url


class Settings(BaseModel):
    """What a process of a service is told; written to its workers as JSON.

    Attributes
    ----------
    shop
        Folder of the shop.
    database
        URL; ``None``: SQLite inside of the shop.
    open
        Whether requests without a key are answered, as somebody with all scopes.
    alone
        Whether only this machine can reach the service: then requests without a key are answered as long as there never
        was one.
    origins
        Pages of which origins may ask from a browser (CORS); none by default.
    rate, burst
        Requests a second, and at once, of one key, or of one address without a key; rate 0: no limit.
    body
        Bytes of a request at most.
    slow
        Seconds in which the body of a request has to be there.
    room
        Events that may wait to be written.
    budget
        Seconds that a recommendation may take; then what is popular is shown.
    patience
        Seconds that a search waits for the query's vector; then words alone answer.
    hash_users
        Whether ids of users and visits are kept as keyed hashes alone.
    level
        Of the log: debug, info, warning or error.
    poll
        Seconds between looks for what other processes changed.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)
    shop: Path
    database: str | None = None
    open: bool = False
    alone: bool = False
    origins: tuple[str, ...] = ()
    rate: Annotated[float, Field(ge=0)] = 200.0
    burst: Annotated[int, Field(ge=1)] = 400
    body: Annotated[int, Field(ge=1_000)] = 1_000_000
    slow: Annotated[float, Field(gt=0)] = 30.0
    room: Annotated[int, Field(ge=1)] = 50_000
    budget: Annotated[float, Field(gt=0)] = 0.5
    patience: Annotated[float, Field(gt=0)] = 0.25
    hash_users: bool = False
    level: str = "info"
    poll: Annotated[float, Field(gt=0)] = 1.0

    @property
    def url(self) -> str:
        """Of the database."""
        return self.database or default_url(self.shop)
