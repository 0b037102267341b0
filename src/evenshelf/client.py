"""A client of the service.

>>> from evenshelf.client import Client
>>> with Client("http://127.0.0.1:8000", key="evs_...") as shop:  # doctest: +SKIP
...     shop.search("red running shoes", limit=3)["hits"]
...     shop.send([{"event_id": "e1", "kind": "click", "item_id": "S000001", "user_id": "u42"}])
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Self
from urllib.parse import quote

import httpx2

from evenshelf.errors import EvenshelfError, InputError

_GROUP, _BYTES = 1_000, 500_000
"""Events and bytes in a request, at most."""
_AGAIN = frozenset({408, 429, 500, 502, 503, 504})


class ServiceError(EvenshelfError):
    """The service did not do what was asked, and asking again does not help.

    Attributes
    ----------
    status
        Of HTTP; 0 if there was no answer.
    code
        Of the service, such as ``key_may_not``.
    faults
        What was wrong, each with its place.
    request
        Id under which the log of the service has it.
    """

    def __init__(self, status: int, problem: Mapping[str, Any]) -> None:
        self.status = status
        self.code = str(problem.get("code", "unavailable"))
        self.faults = [(fault["where"], fault["message"]) for fault in problem.get("faults", [])]
        self.request = problem.get("request")
        said = [str(problem.get("message", f"The service answered {status}."))]
        said += [f"{where}: {message}" for where, message in self.faults]
        super().__init__("\n".join(said), hint=problem.get("hint"))


class Client:
    """Asks a service; what fails for a moment is tried again.

    Parameters
    ----------
    address
        Of the service, such as ``https://search.shop.example``.
    key
        With the scopes of what is asked; ``None`` where the service wants none.
    patience
        Seconds for which something is tried again.
    timeout
        Seconds that an answer may take.
    """

    def __init__(
        self,
        address: str,
        *,
        key: str | None = None,
        patience: float = 30.0,
        timeout: float = 10.0,
        transport: httpx2.BaseTransport | None = None,
    ) -> None:
        headers = {} if key is None else {"authorization": f"Bearer {key}"}
        self._client = httpx2.Client(base_url=address, headers=headers, timeout=timeout, transport=transport)
        self._patience = patience

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the connections."""
        self._client.close()

    def search(self, query: str = "", *, filters: Sequence[str] = (), facets: Sequence[str] = (), **more: Any) -> Any:
        """Search; `more` may be ``sort``, ``offset``, ``limit``, ``explain``."""
        return self._asked("GET", "/v1/search", params={"q": query, "filter": filters, "facet": facets, **_texts(more)})

    def suggest(self, typed: str, *, limit: int = 8) -> Any:
        """Complete the beginning of a query."""
        return self._asked("GET", "/v1/suggest", params={"q": typed, "limit": limit})

    def similar(self, item_id: str, *, limit: int = 10) -> Any:
        """Items like an item."""
        return self._asked("GET", f"/v1/items/{quote(item_id, safe='')}/similar", params={"limit": limit})

    def recommend(self, *, items: Sequence[str] = (), exclude: Sequence[str] = (), **more: Any) -> Any:
        """What to show somebody; `more` may be ``user_id``, ``session_id``, ``k``, ``category``, ``explain``."""
        return self._asked("GET", "/v1/recommend", params={"item": items, "exclude": exclude, **_texts(more)})

    def classify(self, texts: Sequence[str], *, top: int = 3, explain: bool = False) -> Any:
        """Label titles."""
        return self._asked("POST", "/v1/classify", json={"texts": list(texts), "top": top, "explain": explain})

    def rank(self, query: str, items: Sequence[str]) -> Any:
        """Put given items in order for a query."""
        return self._asked("POST", "/v1/rank", json={"query": query, "items": list(items)})

    def send(self, events: Iterable[Mapping[str, Any]]) -> int:
        """Send events, a thousand at once; returns how many were accepted when all of them are on the disk there.

        Raises
        ------
        InputError
            If one has no ``event_id``: without it, one that is sent again would be counted twice.
        ServiceError
            If they are refused; those of earlier requests are accepted.
        """
        waiting = [dict(event) for event in events]
        if any("event_id" not in event for event in waiting):
            raise InputError(
                "An event has no event_id.", hint="Give each a name of its own, made where it happens: uuid.uuid4().hex"
            )
        group: list[dict[str, Any]] = []
        size = 0
        for event in waiting:
            own = len(json.dumps(event, default=str))
            if group and (len(group) == _GROUP or size + own > _BYTES):
                self._asked("POST", "/v1/events", json={"events": group})
                group, size = [], 0
            group.append(event)
            size += own
        if group:
            self._asked("POST", "/v1/events", json={"events": group})
        return len(waiting)

    def put_items(self, items: Sequence[Mapping[str, Any]]) -> int:
        """Add items, or put them in the place of those with the same ids."""
        return int(self._asked("PUT", "/v1/items", json={"items": [dict(item) for item in items]})["put"])

    def delete_item(self, item_id: str) -> None:
        """Take an item out of the search."""
        self._asked("DELETE", f"/v1/items/{quote(item_id, safe='')}")

    def _asked(self, method: str, path: str, **more: Any) -> Any:
        """The answer; all that is asked can be asked again without harm."""
        end, pause = time.monotonic() + self._patience, 0.1
        problem: Mapping[str, Any]
        again = False
        while True:
            try:
                answer = self._client.request(method, path, **more)
            except httpx2.TransportError as error:
                status, problem, wait = 0, {"message": f"The service does not answer: {error}"}, pause
            else:
                if answer.is_success:
                    return answer.json()
                status, problem = answer.status_code, _problem(answer)
                if method == "DELETE" and status == 404 and again:
                    return {}  # it was deleted by the first request, whose answer was lost
                given = answer.headers.get("retry-after", "")
                wait = max(pause, float(given)) if given.isdigit() else pause
            if (status and status not in _AGAIN) or time.monotonic() + wait > end:
                raise ServiceError(status, problem)
            time.sleep(wait)
            again = True
            pause = min(2 * pause, 5.0)


def _texts(more: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in more.items() if value is not None}


def _problem(answer: httpx2.Response) -> Mapping[str, Any]:
    try:
        found = answer.json()["error"]
    except (ValueError, KeyError, TypeError):
        return {}
    return found if isinstance(found, dict) else {}
