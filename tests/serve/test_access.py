"""Who may ask for what, how often, how much and how slowly."""

from __future__ import annotations

import asyncio
import json
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy.exc import OperationalError

from evenshelf.errors import InputError, SettingError
from evenshelf.serve import Settings, create_app
from evenshelf.serve.guard import Guard
from evenshelf.serve.keys import Scope
from evenshelf.serve.limits import Rate
from evenshelf.serve.metrics import Metrics
from evenshelf.serve.run import prepared
from tests.serve.conftest import run

EVENT = {"event_id": "e1", "kind": "view", "item_id": "S000001"}
ASKED = {
    Scope.READ: ("GET", "/v1/search", None),
    Scope.EVENTS: ("POST", "/v1/events", EVENT),
    Scope.ITEMS: ("PUT", "/v1/items", {"items": [{"item_id": "n", "title": "new"}]}),
    Scope.ADMIN: ("GET", "/v1/bundles", None),
}


@pytest.fixture
def locked(opened, shop, capsys):
    """A service that wants keys, and what makes one."""
    assert run("keys", "make", shop, "first", "--scope", "admin") == 0
    client = opened(rate=0)
    return client, lambda *scopes, **more: client.app.state.shelf.keys.make("test", scopes, **more)


def status(client, scope, key=None):
    method, path, body = ASKED[scope]
    headers = {} if key is None else {"authorization": f"Bearer {key}"}
    return client.request(method, path, json=body, headers=headers).status_code


def test_a_key_opens_what_its_scopes_say_and_nothing_else(locked):
    client, make = locked
    for own in Scope:
        key = make(own)
        for asked in Scope:
            expected = {200, 201} if asked is own or own is Scope.ADMIN else {403}
            assert status(client, asked, key) in expected, (own, asked)
    for asked in Scope:
        assert status(client, asked) == 401
        for wrong in ("evs_nothing_here", make(asked)[:-1] + "?", "", "evs_", "a b"):
            assert status(client, asked, wrong) == 401


def test_keys_end(locked):
    client, make = locked
    keys = client.app.state.shelf.keys
    late = make(Scope.READ, expires=datetime.now(UTC) - timedelta(seconds=1))
    assert status(client, Scope.READ, late) == 401
    old, new = make(Scope.READ), make(Scope.READ)
    keys.revoke(old.split("_")[1], at=datetime.now(UTC) + timedelta(hours=1))  # both are valid while one is replaced
    assert [status(client, Scope.READ, key) for key in (old, new)] == [200, 200]
    keys.revoke(old.split("_")[1])
    assert [status(client, Scope.READ, key) for key in (old, new)] == [401, 200]
    with pytest.raises(InputError, match="no key 'zzz'"):
        keys.revoke("zzz")


def test_no_secret_is_kept_or_logged(locked, shop, caplog):
    client, make = locked
    caplog.set_level("DEBUG")
    key = make(Scope.READ)
    assert status(client, Scope.READ, key) == 200
    assert client.post(f"/v1/events?key={make(Scope.EVENTS)}", json=EVENT).status_code == 201
    kept = b"".join(file.read_bytes() for file in (shop / "serving").glob("service.db*"))
    assert key.split("_", 2)[2].encode() not in kept
    ours = [record for record in caplog.records if record.name.startswith("evenshelf")]
    assert ours
    assert not [record for record in ours if "evs_" in str(vars(record))]


def test_a_key_in_an_address_may_send_events_and_nothing_else(locked):
    client, make = locked
    assert client.post(f"/v1/events?key={make(Scope.EVENTS)}", json=EVENT).status_code == 201
    for scopes in ((Scope.EVENTS, Scope.READ), (Scope.ADMIN,)):
        assert client.post(f"/v1/events?key={make(*scopes)}", json=EVENT).status_code == 403
    assert client.get(f"/v1/search?key={make(Scope.READ)}").status_code == 401


def test_where_others_can_reach_it_a_key_is_wanted(shop):
    with pytest.raises(SettingError, match="no key"):
        prepared(Settings(shop=shop), host="0.0.0.0")
    assert prepared(Settings(shop=shop), host="127.0.0.1").settings.alone
    with pytest.raises(InputError, match="no key"):
        create_app(Settings(shop=shop))


HERE = {"host": "127.0.0.1:8000"}


def test_who_is_alone_needs_no_key_until_there_was_one(opened, shop):
    client = opened(rate=0)
    assert client.get("/v1/bundles", headers=HERE).status_code == 200
    key = client.app.state.shelf.keys.make("first", [Scope.ADMIN], expires=datetime.now(UTC) - timedelta(days=1))
    assert client.get("/v1/bundles", headers=HERE).status_code == 401
    assert client.get("/v1/bundles", headers={**HERE, "authorization": f"Bearer {key}"}).status_code == 401
    # that the last key has ended opens nothing after a restart either
    assert opened(rate=0).get("/v1/bundles", headers=HERE).status_code == 401


def test_without_a_key_no_page_of_another_site_is_let_in(opened):
    client = opened(rate=0)
    assert client.get("/v1/bundles", headers={"host": "evil.example:8000"}).status_code == 403
    evil = {**HERE, "origin": "https://evil.example", "content-type": "text/plain"}
    assert client.post("/v1/events", content=json.dumps(EVENT), headers=evil).status_code == 403
    own = {**evil, "origin": "http://127.0.0.1:8000"}
    assert client.post("/v1/events", content=json.dumps(EVENT), headers=own).status_code == 201
    assert client.app.state.shelf.log.count() == 1


def test_a_key_of_pages_does_not_tell_what_somebody_took(locked):
    client, make = locked
    for scope, expected in ((Scope.READ, 403), (Scope.ADMIN, 200)):
        headers = {"authorization": f"Bearer {make(scope)}"}
        for who in ("user_id", "session_id"):
            asked = {who: "u", "explain": True}
            assert client.get("/v1/recommend", params=asked, headers=headers).status_code == expected
        assert client.get("/v1/recommend", params={"user_id": "u"}, headers=headers).status_code == 200
        assert (
            client.get("/v1/recommend", params={"item": "S000001", "explain": True}, headers=headers).status_code == 200
        )


def test_an_end_that_was_set_is_never_put_off(locked):
    client, make = locked
    keys = client.app.state.shelf.keys
    ended = make(Scope.READ, expires=datetime.now(UTC) - timedelta(days=9))
    keys.revoke(ended.split("_")[1], at=datetime.now(UTC) + timedelta(hours=24))
    assert status(client, Scope.READ, ended) == 401


def test_a_database_that_is_away_is_told_and_keys_are_still_known(locked, monkeypatch):
    client, make = locked
    key, shelf = make(Scope.EVENTS, Scope.READ), client.app.state.shelf

    def gone(*_, **__):
        raise OperationalError("SELECT 1", {}, Exception("gone"))

    monkeypatch.setattr(shelf.database, "connect", gone)
    monkeypatch.setattr(shelf.database, "begin", gone)
    monkeypatch.setattr(shelf.writer, "_patience", 0.0)
    answer = client.post("/v1/events", json=EVENT, headers={"authorization": f"Bearer {key}"})
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
    assert status(client, Scope.READ, key) == 200
    assert "database" in client.get("/readyz").json()["faults"]


def test_what_fails_is_told_with_the_id_under_which_the_log_has_it(client, monkeypatch, caplog):
    monkeypatch.setattr(client.app.state.shelf.engine, "suggest", lambda *_, **__: 1 / 0)
    answer = client.get("/v1/suggest", params={"q": "a"}, headers={"x-request-id": "r-1"})
    assert answer.status_code == 500
    assert answer.json()["error"]["request"] == answer.headers["x-request-id"] == "r-1"
    assert "division" not in answer.text
    assert "ZeroDivisionError" in caplog.text


def test_keys_by_command(shop, capsys):
    assert run("keys", "make", shop, "storefront", "--scope", "read", "--days", 3, "--json") == 0
    made = json.loads(capsys.readouterr().out)
    assert run("keys", "list", shop, "--json") == 0
    (line,) = json.loads(capsys.readouterr().out)["keys"]
    assert line["id"] == made["key"].split("_")[1]
    assert line["state"].startswith("valid until")
    assert run("keys", "revoke", shop, line["id"]) == 0
    assert run("keys", "list", shop) == 0
    assert "revoked" in capsys.readouterr().out
    assert run("keys", "make", shop, "x", "--scope", "write") == 2


@given(st.lists(st.floats(0, 3), max_size=60), st.floats(0.5, 5), st.integers(1, 5))
def test_nobody_gets_more_than_the_rate_and_the_burst(pauses, rate, burst):
    clock = [0.0]
    limit = Rate(rate, burst, clock=lambda: clock[0])
    allowed = 0
    for pause in pauses:
        clock[0] += pause
        wait = limit.taken("one")
        allowed += not wait
        assert allowed <= burst + rate * clock[0] + 1e-6
        if wait:
            clock[0] += wait
            assert limit.taken("one") == 0, "it was told to come back, and is refused again"
            allowed += 1


def test_who_asks_too_often_is_told_when_to_come_back(opened):
    client = opened(open=True, rate=0.01, burst=2)
    answers = [client.get("/v1/suggest", params={"q": "a"}) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert int(answers[2].headers["retry-after"]) > 50
    assert client.get("/healthz").status_code == 200


def test_too_many_bytes_are_not_read(opened):
    client = opened(open=True, body=2_000)
    event = {**EVENT, "query": "x" * 900}
    assert client.post("/v1/events", json=event).status_code == 201
    big = json.dumps({"events": [event] * 12}).encode()
    sent = {"headers": {"content-type": "application/json"}}
    assert client.post("/v1/events", content=big, **sent).status_code == 413
    read = []

    def parts():
        for start in range(0, 10_000_000, 1_000):
            read.append(start)
            yield b"x" * 1_000

    assert client.post("/v1/events", content=parts(), **sent).status_code == 413


def test_a_body_that_does_not_come_is_not_waited_for():
    async def app(scope, receive, send):
        await receive()
        raise AssertionError("there is no body")

    async def never():
        await asyncio.sleep(60)

    sent = []

    async def send(message):
        sent.append(message)

    guard = Guard(app, metrics=Metrics(), body=1_000, slow=0.05)
    asyncio.run(guard({"type": "http", "method": "POST", "path": "/", "headers": []}, never, send))
    assert sent[0]["status"] == 408


def test_every_answer_has_an_id_that_a_client_may_choose(client):
    assert client.get("/healthz", headers={"x-request-id": "abc-1"}).headers["x-request-id"] == "abc-1"
    answer = client.get("/v1/nothing", headers={"x-request-id": "a b\n"})
    assert answer.status_code == 404
    assert answer.headers["x-request-id"] == answer.json()["error"]["request"] != "a b"


def test_pages_of_other_origins_are_let_in_by_name(opened):
    client = opened(open=True, origins=["https://shop.example"])
    for origin, allowed in (("https://shop.example", "https://shop.example"), ("https://evil.example", None)):
        answer = client.get("/v1/search", headers={"origin": origin})
        assert answer.headers.get("access-control-allow-origin") == allowed
