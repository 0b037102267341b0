"""Events: accepted when they are written, each once, all of a request or none, and lists follow them."""

from __future__ import annotations

import json

import pytest
from fastapi.testclient import TestClient
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from evenshelf.serve.events.entry import Event

CLICK = {"event_id": "e1", "kind": "click", "item_id": "S000001", "user_id": "somebody new"}


def log_of(client: TestClient):
    return client.app.state.shelf.log


def test_an_event_is_counted_once_however_often_it_comes(client):
    for _ in range(3):
        answer = client.post("/v1/events", json=CLICK)
        assert (answer.status_code, answer.json()) == (201, {"accepted": 1})
    answer = client.post("/v1/events", json={"events": [CLICK, {**CLICK, "event_id": "e2"}, CLICK]})
    assert answer.json() == {"accepted": 3}
    assert [row["event_id"] for frame in log_of(client).after(0) for row in frame.to_dicts()] == ["e1", "e2"]


def test_of_a_request_with_a_fault_nothing_is_accepted_and_every_fault_is_told(client):
    wrong = {"event_id": "e3", "kind": "clicked", "item_id": "", "price": -1, "colour": "red"}
    answer = client.post("/v1/events", json={"events": [CLICK, wrong]})
    assert answer.status_code == 422
    where = {fault["where"] for fault in answer.json()["error"]["faults"]}
    assert where == {f"body.events.1.{name}" for name in ("kind", "item_id", "price", "colour")}
    assert log_of(client).count() == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"time": "2020-01-01T00:00:00"}, "timezone"),
        ({"time": "2999-01-01T00:00:00Z"}, "in the future"),
        ({"time": "0001-01-01T00:00:00+01:00"}, "is before 1990"),
        ({"user_id": "a\x00b"}, "NUL"),
        ({"value": "NaN"}, "finite"),
        ({"position": 0}, "greater than or equal to 1"),
        ({"propensity": 0}, "greater than 0"),
        ({"event_id": "x" * 129}, "at most 128"),
    ],
)
def test_what_cannot_be_is_refused(client, change, said):
    answer = client.post("/v1/events", json={**CLICK, **change})
    assert answer.status_code == 422
    assert said in answer.json()["error"]["faults"][0]["message"]


def test_half_a_character_is_no_text(client):
    body = json.dumps({**CLICK, "query": "?"}).replace("?", "\\ud800")
    assert client.post("/v1/events", content=body, headers={"content-type": "application/json"}).status_code == 422


texts = st.text(max_size=40)


@given(st.fixed_dictionaries({}, optional={"query": texts, "user_id": texts, "value": st.floats(), "time": texts}))
def test_whatever_comes_is_an_event_or_a_fault(fields):
    """Nothing else is raised, and what is taken can be written to any database."""
    try:
        event = Event.model_validate({**CLICK, **fields})
    except ValidationError:
        return
    for value in event.model_dump().values():
        if isinstance(value, str):
            assert "\x00" not in value
            value.encode()


def test_a_list_follows_what_somebody_took_since(client):
    ask = {"user_id": CLICK["user_id"], "k": 5, "explain": True}
    before = client.get("/v1/recommend", params=ask).json()
    assert before["explanation"]["history"] == []
    client.post("/v1/events", json=CLICK)
    after = client.get("/v1/recommend", params=ask).json()
    assert after["explanation"]["history"] == [CLICK["item_id"]]
    assert [one["item"] for one in after["shown"]] != [one["item"] for one in before["shown"]]


def test_what_a_person_asks_for_is_given_and_deleted(client):
    client.post("/v1/events", json=CLICK)
    client.post("/v1/events", json={**CLICK, "event_id": "of another", "user_id": "another"})
    told = client.get("/v1/users/somebody new/events").json()
    assert [event["event_id"] for event in told["events"]] == ["e1"]
    assert client.delete("/v1/users/somebody new/events").json()["deleted"] == 1
    assert client.get("/v1/users/somebody new/events").json()["events"] == []
    assert log_of(client).count() == 1


def test_hashed_users_are_the_same_people_and_their_names_are_nowhere(opened, shop):
    client = opened(open=True, hash_users=True)
    client.post("/v1/events", json={**CLICK, "session_id": "visit 7"})
    assert client.get("/v1/users/somebody new/events").json()["events"]
    shown = client.get("/v1/recommend", params={"user_id": "somebody new", "explain": True}).json()
    assert shown["explanation"]["history"] == [CLICK["item_id"]]
    kept = b"".join(file.read_bytes() for file in (shop / "serving").glob("service.db*"))
    assert b"S000001" in kept
    assert b"somebody new" not in kept
    assert b"visit 7" not in kept
    again = opened(open=True, hash_users=True)
    assert again.get("/v1/users/somebody new/events").json()["events"], "another secret after a restart"


def test_whom_the_shop_knows_is_known_under_a_hash_as_well(opened, shop):
    plain, hashed = opened(open=True), opened(open=True, hash_users=True)
    user = max(plain.app.state.shelf.live.recommending.before.items(), key=lambda pair: len(pair[1]))[0]
    lists = [c.get("/v1/recommend", params={"user_id": user, "explain": True}).json() for c in (plain, hashed)]
    assert lists[0]["explanation"]["history"]
    assert lists[0]["shown"] == lists[1]["shown"]


def test_the_log_on_postgresql_is_the_same(postgres_url, opened):
    client = opened(open=True, database=postgres_url)
    ids = [f"p{number}" for number in range(50)]
    several = [{**CLICK, "event_id": name, "query": "跑步鞋 🥾", "value": 0.5} for name in ids]
    for _ in range(2):
        assert client.post("/v1/events", json={"events": several}).json() == {"accepted": 50}
    rows = [row for frame in log_of(client).after(0, batch=7) for row in frame.to_dicts()]
    assert [row["event_id"] for row in rows] == ids
    assert {(row["query"], row["value"], row["time"] == row["received"]) for row in rows} == {("跑步鞋 🥾", 0.5, True)}
    history = client.get("/v1/recommend", params={"user_id": CLICK["user_id"], "explain": True}).json()["explanation"]
    assert set(history["history"]) == {CLICK["item_id"]}
