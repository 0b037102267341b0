"""Asks a server at times that were fixed beforehand, whether it has answered or not.

A client that waits for an answer before it asks again asks less while the server is slow, and so never sees how long
others would have waited (coordinated omission). Here a request is due at its moment; its latency runs from there, also
while it waits for a connection.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

CONNECTIONS = 32
"""As many as a proxy in front of a service keeps."""
_LOST = 0
"""Status of a request without an answer."""


@dataclass(frozen=True, eq=False)
class Answers:
    """What came back.

    Attributes
    ----------
    seconds
        ``[n]`` from the moment a request was due to the end of its answer.
    status
        ``[n]`` of HTTP, 0 where there was no answer.
    took
        Seconds of the whole.
    """

    seconds: NDArray[np.float64]
    status: NDArray[np.int64]
    took: float

    def milliseconds(self, quantile: float) -> float:
        """A quantile of the latencies."""
        return 1e3 * float(np.quantile(self.seconds, quantile))

    @property
    def failed(self) -> int:
        """Requests that were not answered as they should."""
        return int(((self.status < 200) | (self.status >= 300)).sum())


def request(path: str, body: Any = None, *, method: str | None = None) -> bytes:
    """A request as it goes over the wire."""
    content = b"" if body is None else json.dumps(body).encode()
    head = f"{method or ('GET' if body is None else 'POST')} {path} HTTP/1.1\r\nhost: localhost\r\n"
    if body is not None:
        head += f"content-type: application/json\r\ncontent-length: {len(content)}\r\n"
    return head.encode() + b"\r\n" + content


def at_rate(port: int, requests: Sequence[bytes], rate: float, *, seed: int = 0) -> Answers:
    """Ask all requests, `rate` a second in the mean, at moments as those of people who know nothing of each other.

    Parameters
    ----------
    port
        Of this machine.
    requests
        In their order.
    rate
        Requests a second.
    seed
        Of the moments.
    """
    gaps = np.random.default_rng(seed).exponential(1 / rate, len(requests))
    return asyncio.run(_ask(port, requests, np.cumsum(gaps), CONNECTIONS))


def at_once(port: int, requests: Sequence[bytes], connections: int = CONNECTIONS) -> Answers:
    """Ask all requests as fast as so many connections are answered: for throughput, and not for latencies."""
    return asyncio.run(_ask(port, requests, np.zeros(len(requests)), connections))


async def _ask(port: int, requests: Sequence[bytes], due: NDArray[np.float64], connections: int) -> Answers:
    free: asyncio.Queue[_Connection] = asyncio.Queue()
    for _ in range(connections):
        free.put_nowait(_Connection(port))
    seconds, status = np.empty(len(requests)), np.empty(len(requests), np.int64)
    began = time.perf_counter()

    async def one(place: int) -> None:
        connection = await free.get()
        try:
            status[place] = await connection.answer(requests[place])
        finally:
            free.put_nowait(connection)
        seconds[place] = time.perf_counter() - began - due[place]

    asked = []
    for place, moment in enumerate(due.tolist()):
        wait = moment - (time.perf_counter() - began)
        if wait > 0:
            await asyncio.sleep(wait)
        asked.append(asyncio.create_task(one(place)))
    await asyncio.gather(*asked)
    took = time.perf_counter() - began
    while not free.empty():
        free.get_nowait().close()
    return Answers(seconds, status, took)


class _Connection:
    """One connection that is kept, and made again when it is lost."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def answer(self, wire: bytes) -> int:
        """The status of the answer, which is read to its end."""
        try:
            if self._streams is None:
                self._streams = await asyncio.open_connection("127.0.0.1", self._port)
            reader, writer = self._streams
            writer.write(wire)
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = head.partition(b"content-length:")[2].partition(b"\r\n")[0]
            await reader.readexactly(int(length))
            return int(head.split(b" ", 2)[1])
        except (OSError, asyncio.IncompleteReadError, ValueError):
            self.close()
            return _LOST

    def close(self) -> None:
        """Let go of it."""
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None
