"""Questions to a language model behind an HTTP interface as OpenAI's: asked once, recorded, replayed."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from hashlib import sha256
from pathlib import Path
from threading import Lock
from typing import Any
from urllib.parse import urlsplit

from evenshelf.errors import InputError, SettingError

ATTEMPTS = 4
LONGEST_WAIT = 30.0
"""Seconds before another attempt, at most."""
TIMEOUT = 120.0
"""Seconds for an answer."""


class Record:
    """Exchanges in a file of JSON lines, which only grows.

    Parameters
    ----------
    path
        Made when first written to. What is left of a line whose writing was interrupted is not looked at.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock = Lock()
        self._known: dict[str, Any] = {}
        try:
            lines = path.read_bytes().split(b"\n") if path.exists() else []
        except OSError as error:
            raise _unusable(path, error) from error
        for line in lines:
            try:
                exchange = json.loads(line)
                self._known[_key(exchange["request"])] = exchange["response"]
            except (ValueError, KeyError, TypeError):
                continue
        self._torn = bool(lines and lines[-1])

    def __len__(self) -> int:
        """How many different questions are answered in it."""
        return len(self._known)

    def get(self, request: dict[str, Any]) -> Any:
        """Return the answer to a question; ``None`` if it was never asked."""
        return self._known.get(_key(request))

    def put(self, request: dict[str, Any], response: Any) -> None:
        """Add an exchange."""
        line = json.dumps({"request": request, "response": response}, ensure_ascii=False)
        with self._lock:
            try:
                self.path.parent.mkdir(parents=True, exist_ok=True)
                with self.path.open("a", encoding="utf-8") as file:
                    file.write(("\n" if self._torn else "") + line + "\n")
            except OSError as error:
                raise _unusable(self.path, error) from error
            self._torn = False
            self._known[_key(request)] = response


def check_url(url: str) -> None:
    """Raise a :class:`SettingError` unless something is an address of the web."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise SettingError(f"url={url!r} is no address.", hint="Write it as https://HOST/v1.")


def ask(url: str, body: dict[str, Any], key: str) -> Any:
    """Send a question, and again a little later where the server says that it is busy.

    Parameters
    ----------
    url
        Up to ``/v1``.
    body
        Of the request.
    key
        What proves who asks; empty sends none. It is in no message and no record.

    Raises
    ------
    InputError
        If the server refuses, cannot be reached, or answers something else.
    """
    check_url(url)
    headers = {"Content-Type": "application/json", **({"Authorization": f"Bearer {key}"} if key else {})}
    address = f"{url.rstrip('/')}/chat/completions"
    for attempt in range(1, ATTEMPTS + 1):
        # The scheme was looked at.
        request = urllib.request.Request(address, json.dumps(body).encode(), headers)  # noqa: S310
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:  # noqa: S310
                return json.load(answer)
        except urllib.error.HTTPError as error:
            said = error.read(2000).decode("utf-8", "replace").replace(key or "\0", "***")
            if attempt == ATTEMPTS or (error.code != 429 and error.code < 500):
                hint = (
                    "Name the environment variable that holds the key: key='NAME'."
                    if error.code in (401, 403)
                    else "What was answered so far is recorded, and is not asked again."
                )
                raise InputError(f"{address} answered {error.code}: {said[:300]}", hint=hint) from error
            time.sleep(_wait(error.headers.get("Retry-After"), attempt))
        except ValueError as error:
            raise InputError(f"{address} did not answer with JSON.", hint="Check the address.") from error
        except OSError as error:
            if attempt == ATTEMPTS:
                raise InputError(
                    f"{address} cannot be reached: {error}.", hint="Check the address and the network."
                ) from error
            time.sleep(_wait(None, attempt))
    raise AssertionError


def content_of(response: Any) -> str:
    """Return the text of an answer.

    Raises
    ------
    InputError
        If it holds none.
    """
    try:
        return str(response["choices"][0]["message"]["content"] or "")
    except (KeyError, IndexError, TypeError) as error:
        raise InputError(
            f"The answer holds no text: {json.dumps(response)[:200]}.",
            hint="Name a server that answers /chat/completions as OpenAI's does.",
        ) from error


def _wait(after: str | None, attempt: int) -> float:
    asked = float(after) if after is not None and after.replace(".", "", 1).isdigit() else 0.5 * 2**attempt
    return min(asked, LONGEST_WAIT)


def _key(request: Any) -> str:
    return sha256(json.dumps(request, sort_keys=True).encode()).hexdigest()


def _unusable(path: Path, error: OSError) -> InputError:
    return InputError(
        f"The record {path} cannot be used: {error.strerror}.", hint="Name a file that can be written to."
    )
