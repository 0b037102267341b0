"""A service that is killed at any moment loses nothing that it accepted, and counts nothing twice."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest

from evenshelf.serve.database import default_url, open_database
from evenshelf.serve.events.log import EventLog

SENDERS, ROUNDS = 4, 3


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@contextlib.contextmanager
def serving(shop: Path, port: int, *more: str) -> Iterator[subprocess.Popen[bytes]]:
    """The command, until the block ends; it answers when the block begins."""
    command = [sys.executable, "-m", "evenshelf", "serve", str(shop), "--port", str(port), "--rate", "0", *more]
    with (shop / "serve.log").open("ab") as log:
        process = subprocess.Popen(command, stderr=log, stdout=log, env={**os.environ, "OMP_NUM_THREADS": "1"})
    try:
        end = time.monotonic() + 120
        while True:
            with contextlib.suppress(httpx2.TransportError):
                if httpx2.get(f"http://127.0.0.1:{port}/readyz").status_code == 200:
                    break
            assert process.poll() is None, (shop / "serve.log").read_text(encoding="utf-8")
            assert time.monotonic() < end, "the service did not come up"
            time.sleep(0.1)
        yield process
    finally:
        process.kill()
        process.wait()


class Sender(threading.Thread):
    """Sends events one after another, each until it is accepted."""

    def __init__(self, name: str, port: int, ending: threading.Event) -> None:
        super().__init__(daemon=True)
        self.name, self.address, self.ending = name, f"http://127.0.0.1:{port}/v1/events", ending
        self.accepted: list[str] = []

    def run(self) -> None:
        number = 0
        with httpx2.Client(timeout=10) as client:
            while not self.ending.is_set():
                names = [f"{self.name}-{number}-{part}" for part in range(3)]
                events = [{"event_id": name, "kind": "view", "item_id": "S000001"} for name in names]
                try:
                    answer = client.post(self.address, json={"events": events})
                except httpx2.TransportError:
                    time.sleep(0.02)
                    continue
                if answer.status_code == 201:
                    self.accepted += names
                    number += 1


@pytest.mark.timeout(600)
def test_nothing_accepted_is_lost_and_nothing_is_counted_twice(shop):
    port, ending = free_port(), threading.Event()
    senders = [Sender(f"s{number}", port, ending) for number in range(SENDERS)]
    chance = random.Random(1)
    for number in range(ROUNDS):
        with serving(shop, port) as process:
            if not number:
                for sender in senders:
                    sender.start()
            before = sum(len(sender.accepted) for sender in senders)
            end = time.monotonic() + 30
            while sum(len(sender.accepted) for sender in senders) < before + 30 and time.monotonic() < end:
                time.sleep(0.01)
            time.sleep(chance.random() / 5)
            process.send_signal(signal.SIGKILL)
            process.wait()
    ending.set()
    for sender in senders:
        sender.join(20)
    engine = open_database(default_url(shop))
    kept = [name for frame in EventLog(engine).after(0) for name in frame["event_id"].to_list()]
    engine.dispose()
    accepted = {name for sender in senders for name in sender.accepted}
    assert len(accepted) >= 30 * ROUNDS
    assert len(kept) == len(set(kept))
    assert accepted <= set(kept)
    # what was sent and not acknowledged may be there, once: at most one request of each sender and round
    assert len(set(kept) - accepted) <= 3 * SENDERS * ROUNDS


def test_told_to_end_it_writes_what_it_accepted_and_ends(shop):
    port = free_port()
    with serving(shop, port) as process:
        event = {"event_id": "last", "kind": "view", "item_id": "S000001"}
        assert httpx2.post(f"http://127.0.0.1:{port}/v1/events", json=event).status_code == 201
        process.send_signal(signal.SIGINT)
        assert process.wait(30) in {0, 130, -signal.SIGINT}
    engine = open_database(default_url(shop))
    assert EventLog(engine).count() == 1
    engine.dispose()
