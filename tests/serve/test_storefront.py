"""The script of a storefront in a real browser: what a shopper does arrives once, also when the page is left."""

from __future__ import annotations

import contextlib
import http.server
import os
import shutil
import signal
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from evenshelf.serve.database import default_url, open_database
from evenshelf.serve.events.log import EventLog
from tests.serve.conftest import run
from tests.serve.test_kill import free_port, serving

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
PAGE = """<!doctype html><title>A shop</title>
<script src="http://127.0.0.1:{port}/events.js" data-key="{key}" data-user="u42"></script>
<script>
  evenshelf.send({{kind: "view", item_id: "S000001"}});
  evenshelf.send({{kind: "click", item_id: "S000002", position: 3}});
  setTimeout(function () {{
    evenshelf.send({{kind: "cart", item_id: "S000003"}});
    location.href = "about:blank";
  }}, 2500);
</script>"""


@pytest.mark.skipif(BROWSER is None, reason="no Chromium: apt-get install chromium")
@pytest.mark.timeout(300)
def test_events_of_a_page_arrive_once(shop, tmp_path, capsys):
    run("keys", "make", shop, "storefront", "--scope", "events")
    key = capsys.readouterr().out.strip()
    port = free_port()
    pages = tmp_path / "pages"
    pages.mkdir()
    (pages / "index.html").write_text(PAGE.format(port=port, key=key), encoding="utf-8")
    engine = open_database(default_url(shop))
    with serving(shop, port), hosting(pages) as origin, browsing(origin, tmp_path / "profile"):
        log, end = EventLog(engine), time.monotonic() + 120
        while log.count() < 3:
            assert time.monotonic() < end, f"{log.count()} of 3 events arrived"
            time.sleep(0.1)
        found = [row for frame in log.after(0) for row in frame.to_dicts()]
    engine.dispose()
    assert sorted((row["kind"], row["item_id"], row["position"]) for row in found if row["kind"] != "cart") == [
        ("click", "S000002", 3),
        ("view", "S000001", None),
    ]
    assert len({row["event_id"] for row in found}) == len(found)
    assert {row["user_id"] for row in found} == {"u42"}
    assert len({row["session_id"] for row in found}) == 1
    assert [row["item_id"] for row in found if row["kind"] == "cart"] == ["S000003"]


@contextlib.contextmanager
def browsing(address: str, profile: Path) -> Iterator[None]:
    """A browser that looks at a page, until the block ends."""
    assert BROWSER is not None
    command = [BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", f"--user-data-dir={profile}", address]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True)
    try:
        yield
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


class hosting:  # noqa: N801 - reads as a statement
    """Serves a folder on another origin than the service."""

    def __init__(self, folder: Path) -> None:
        class Handler(http.server.SimpleHTTPRequestHandler):
            def __init__(self, *args, **more):
                super().__init__(*args, directory=str(folder), **more)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)

    def __enter__(self) -> str:
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        return f"http://127.0.0.1:{self.server.server_address[1]}/index.html"

    def __exit__(self, *_: object) -> None:
        self.server.shutdown()
        self.server.server_close()
