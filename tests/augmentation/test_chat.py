"""The client of an interface as OpenAI's, against a real server on this machine."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from evenshelf.augmentation import Source, parse_maker
from evenshelf.augmentation.makers.chat import Chat
from evenshelf.errors import InputError, SettingError

KEY = "a-secret-key"


class Server(ThreadingHTTPServer):
    """Answers with the title and a number drawn from the seed, after it has failed as often as it is told to."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[dict[str, Any]] = []
        self.failures: list[int] = []
        self.answer: Any = None


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append(body)
        title = body["messages"][0]["content"].rpartition("Title: ")[2]
        status, said = 200, self.server.answer
        if self.headers["Authorization"] != f"Bearer {KEY}":
            status, said = 401, {"error": f"wrong key {self.headers['Authorization']}"}
        elif self.path != "/v1/chat/completions":
            status, said = 404, {"error": "no such page"}
        elif self.server.failures:
            status, said = self.server.failures.pop(), {"error": "busy"}
        elif said is None:
            said = {"choices": [{"message": {"content": f'\n- "{title} {body["seed"] % 1000}"\nand more'}}]}
        content = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("Retry-After", "0")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_: Any) -> None:
        """Print nothing."""


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setenv("CHAT_KEY", KEY)
    with Server() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def maker(server: Server, tmp_path: Path) -> Chat:
    url = f"http://127.0.0.1:{server.server_port}/v1"
    return Chat(url=url, model="tiny", key="CHAT_KEY", record=str(tmp_path / "folder" / "asked.jsonl"))


def test_titles_are_asked_for_recorded_and_replayed_without_a_server(server: Server, maker: Chat) -> None:
    texts, labels = (
        ["red shoes {label}", "运动鞋", "red shoes {label}"],
        ["Shoes|Running Shoes", None, "Shoes|Running Shoes"],
    )
    made = maker.variants(texts, copies=2, seed=0, labels=labels)
    assert made[0] == made[2]
    assert [len(own) for own in made] == [2, 2, 2]
    assert all(text.startswith("red shoes {label} ") and "\n" not in text for text in made[0])
    assert len(server.asked) == 4
    assert {body["messages"][0]["content"].splitlines()[-2] for body in server.asked} == {
        "Kind: Running Shoes",
        "Kind: -",
    }
    assert {body["model"] for body in server.asked} == {"tiny"}
    record = Path(maker.record).read_text(encoding="utf-8")
    assert len(record.splitlines()) == 4
    assert KEY not in record
    server.shutdown()
    replayed = parse_maker(f"chat(url={maker.url!r}, model='tiny', record={maker.record!r}, replay=True)")
    assert replayed.fingerprint == maker.fingerprint
    assert replayed.variants(texts, copies=2, seed=0, labels=labels) == made
    with pytest.raises(InputError, match="does not hold"):
        replayed.variants(["something else"], copies=1, seed=0)
    assert len(server.asked) == 4


def test_a_torn_record_loses_only_its_last_line(server: Server, maker: Chat, tmp_path: Path) -> None:
    made = maker.variants(["a", "b"], copies=1, seed=0)
    lines = Path(maker.record).read_text(encoding="utf-8").splitlines(keepends=True)
    torn = tmp_path / "torn.jsonl"
    torn.write_text(lines[0] + lines[1][:20], encoding="utf-8")
    again = Chat(url=maker.url, model="tiny", key="CHAT_KEY", record=str(torn))
    assert again.variants(["a", "b"], copies=1, seed=0) == made
    assert len(server.asked) == 3
    assert len([line for line in torn.read_text(encoding="utf-8").splitlines() if line.endswith("}")]) == 2


def test_a_busy_server_is_asked_again(server: Server, maker: Chat) -> None:
    server.failures = [503, 429]
    assert len(maker.variants(["a"], copies=1, seed=0)[0]) == 1
    assert len(server.asked) == 3
    server.failures = [500] * 9
    with pytest.raises(InputError, match="answered 500"):
        maker.variants(["b"], copies=1, seed=0)
    assert len(server.asked) == 7


def test_what_was_answered_before_a_fault_is_kept(server: Server, maker: Chat) -> None:
    maker.variants(["a"], copies=1, seed=0)
    server.answer = {"choices": []}
    with pytest.raises(InputError, match="holds no text"):
        maker.variants(["a", "b"], copies=1, seed=0)
    assert len(server.asked) == 2
    assert len(Path(maker.record).read_text(encoding="utf-8").splitlines()) == 1


def test_a_wrong_key_is_told_and_not_shown(server: Server, maker: Chat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CHAT_KEY", "another-secret")
    with pytest.raises(InputError, match="answered 401") as fault:
        maker.variants(["a"], copies=1, seed=0)
    assert "another-secret" not in str(fault.value)
    monkeypatch.delenv("CHAT_KEY")
    with pytest.raises(InputError, match="export CHAT_KEY"):
        maker.variants(["a"], copies=1, seed=0)
    assert len(server.asked) == 1


def test_the_cost_is_known_before_anything_is_sent(server: Server, maker: Chat) -> None:
    sources = [Source("red shoes"), Source("red shoes"), Source(""), Source("运动鞋")]
    priced = Chat(
        url=maker.url, model="tiny", key="CHAT_KEY", record=maker.record, input_price=1.0, output_price=2.0, budget=1e-5
    )
    cost = priced.estimate(sources, copies=3, seed=0)
    assert cost.requests == 6
    assert cost.output_tokens == 6 * 60
    assert cost.price == pytest.approx((cost.input_tokens + 2 * cost.output_tokens) / 1e6)
    with pytest.raises(SettingError, match="6 questions may cost"):
        priced.of_sources(sources, copies=3, seed=0)
    assert not server.asked
    maker.of_sources(sources, copies=3, seed=0)
    assert priced.estimate(sources, copies=3, seed=0).requests == 0
    assert priced.of_sources(sources, copies=3, seed=0)[0]


def test_nothing_is_sent_that_was_not_asked_for() -> None:
    with pytest.raises(InputError, match="url and model and record"):
        parse_maker("chat").variants(["a"], copies=1, seed=0)
    with pytest.raises(SettingError, match="no address"):
        parse_maker("chat(url='file:///etc/passwd', model='m', record='r')").variants(["a"], copies=1, seed=0)
    with pytest.raises(SettingError, match="does not hold"):
        parse_maker("chat(prompt='Write a title')")
    with pytest.raises(SettingError, match="no prices"):
        parse_maker("chat(budget=1.0)")
