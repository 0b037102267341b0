"""``python -m bench.serve_load`` on a small shop: both services answer, nothing is lost; how latencies are counted."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pytest
from bench.open_loop import at_once, at_rate, request
from bench.render import markdown
from bench.serve_load import OURS, PEER, main


@pytest.fixture(scope="module")
def report(tmp_path_factory, cache_folder):
    path = tmp_path_factory.mktemp("load") / "found.json"
    assert main(["--quick", "--json", str(path)]) == 0
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.timeout(600)  # six services are started, on whatever machine this is
def test_both_services_are_asked_the_same_and_nothing_is_lost(report):
    (table,) = report["tables"]
    rows = [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]
    assert {(row["engine"], row["asked"]) for row in rows} == {
        (name, load) for name in (OURS, PEER) for load in ("search", "lists", "events")
    }
    assert all(row["failed"] == 0 for row in rows)
    figures = {figure["name"]: figure for figure in report["figures"]}
    by = {(row["engine"], row["asked"]): row for row in rows}
    for name, load in (("recommend", "lists"), ("search", "search")):
        assert figures[f"{name}_p99_ms"]["value"] == pytest.approx(by[OURS, load]["p99_ms"])
        assert figures[f"{name}_p99_ms"]["peer_value"] == pytest.approx(by[PEER, load]["p99_ms"])
    assert figures["events_per_second"]["value"] == pytest.approx(100 * by[OURS, "events"]["requests_per_second"])
    assert [figures[name]["value"] for name in ("events_lost", "events_twice", "failed_requests")] == [0, 0, 0]
    for language in ("en", "zh"):
        assert len(markdown(table["columns"], table["rows"], language).splitlines()) == len(rows) + 2


class OneByOne(BaseHTTPRequestHandler):
    """Answers one request after another, a tenth of a second each."""

    protocol_version = "HTTP/1.1"
    turn = threading.Lock()

    def do_GET(self):
        with self.turn:
            time.sleep(0.1)
        self.send_response(200)
        self.send_header("content-length", "2")
        self.end_headers()
        self.wfile.write(b"ok")

    def log_message(self, *_):
        pass


@pytest.fixture
def slow_server():
    """Its port."""
    with ThreadingHTTPServer(("127.0.0.1", 0), OneByOne) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield server.server_address[1]
        server.shutdown()
        thread.join()


def test_who_waits_is_counted_from_when_the_request_was_due(slow_server):
    """Ten requests due at about once, each a tenth of a second: the last waits for all others."""
    found = at_rate(slow_server, [request("/")] * 10, rate=1000)
    assert found.failed == 0
    assert np.sort(found.seconds)[-1] > 0.9
    assert found.milliseconds(0.5) > 400


def test_who_is_not_there_is_told():
    assert at_once(9, [request("/")] * 3).failed == 3
