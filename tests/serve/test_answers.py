"""What endpoints answer is what the library says; what is late or fails is told and has something in its place."""

from __future__ import annotations

import time

import pytest

from evenshelf.bundles import Bundle, Recommender
from evenshelf.shop.locking import locked


def test_a_search_is_that_of_the_index(client):
    ask = {"q": "runing shoe", "limit": 5, "facet": ["brand"], "filter": ["price:1..500"], "explain": True}
    told = client.get("/v1/search", params=ask).json()
    found = client.app.state.shelf.engine.search(
        "runing shoe", limit=5, facets=["brand"], filters=["price:1..500"], explain=True
    )
    expected = found.to_dict()
    assert told["hits"]
    assert {k: v for k, v in told.items() if k != "milliseconds"} == {
        k: v for k, v in expected.items() if k != "milliseconds"
    }
    wrong = client.get("/v1/search", params={"filter": "colour~red"})
    assert wrong.status_code == 422
    assert wrong.json()["error"]["hint"]


def test_an_item_that_is_put_is_found_at_once_and_not_when_it_is_deleted(client):
    item = {"item_id": "new-1", "title": "zebra striped unicorn lamp", "price": 12.5}
    assert client.put("/v1/items", json={"items": [item]}).json() == {"put": 1}
    assert client.get("/v1/search", params={"q": "unicorn lamp"}).json()["hits"][0]["item_id"] == "new-1"
    assert client.delete("/v1/items/new-1").json() == {"deleted": "new-1"}
    found = client.get("/v1/search", params={"q": "unicorn lamp"}).json()
    assert "new-1" not in [hit["item_id"] for hit in found["hits"]]
    assert client.delete("/v1/items/new-1").status_code == 404
    assert client.put("/v1/items", json={"items": [{**item, "price": 10**60}]}).status_code == 422
    mixed = [{**item, "price": "cheap"}, item]
    assert client.put("/v1/items", json={"items": mixed}).status_code == 422


def test_what_another_process_put_is_found_after_a_look(opened):
    one, other = opened(open=True, poll=0.05), opened(open=True, poll=0.05)
    one.put("/v1/items", json={"items": [{"item_id": "new-2", "title": "zebra striped unicorn lamp"}]})
    end = time.monotonic() + 20
    while "new-2" not in other.get("/v1/search", params={"q": "unicorn lamp"}).text:
        assert time.monotonic() < end
        time.sleep(0.02)


def test_while_another_process_changes_the_index_items_wait_a_moment_and_searches_do_not(client, shop, monkeypatch):
    monkeypatch.setattr("evenshelf.serve.routes.items._TRIES", 2)
    body = {"items": [{"item_id": "new-3", "title": "zebra striped unicorn lamp"}]}
    with locked(shop / "search"):
        answer = client.put("/v1/items", json=body)
        assert (answer.status_code, answer.headers["retry-after"]) == (503, "5")
        assert client.get("/v1/search", params={"q": "shoe"}).status_code == 200
    assert client.put("/v1/items", json=body).status_code == 200


def test_similar_items_are_the_nearest_and_not_the_item_itself(client):
    engine = client.app.state.shelf.engine
    (first, *_) = engine.items()["item_id"].to_list()
    told = client.get(f"/v1/items/{first}/similar", params={"limit": 5}).json()["similar"]
    ids = engine.items()["item_id"].to_list()
    vectors = engine.vectors(ids)
    cosines = dict(zip(ids, (vectors @ vectors[0]).tolist(), strict=True))
    del cosines[first]
    best = sorted(cosines.values(), reverse=True)[:5]
    assert [one["cosine"] for one in told] == pytest.approx(best, abs=2e-3)
    assert all(cosines[one["item_id"]] == pytest.approx(one["cosine"], abs=2e-3) for one in told)
    assert client.get("/v1/items/nothing/similar").status_code == 404


def test_given_items_are_put_in_the_order_of_a_search(client):
    hits = [hit["item_id"] for hit in client.get("/v1/search", params={"q": "shoe", "limit": 6}).json()["hits"]]
    told = client.post("/v1/rank", json={"query": "shoe", "items": [*reversed(hits), "nothing"]}).json()
    assert [one["item_id"] for one in told["ranked"]] == hits
    assert told["unknown"] == ["nothing"]


def test_a_list_is_that_of_the_bundle(client, shop):
    bundle = Recommender.load(shop / "bundles" / "plain")
    items = list(bundle.catalogue.ids[:3])
    expected = bundle.recommend(items, k=4)
    told = client.get("/v1/recommend", params={"item": items, "k": 4, "explain": True}).json()
    assert told["shown"] == [one.to_dict() for one in expected.shown]
    assert told["explanation"]["learner"] == "near"
    plain = client.get("/v1/recommend", params={"item": items, "k": 4}).json()
    assert [one["item"] for one in plain["shown"]] == list(expected.items)
    assert "why" not in plain["shown"][0]
    assert client.get("/v1/recommend", params={"category": "nothing"}).status_code == 422


def test_labels_are_those_of_the_bundle(opened, shop):
    (folder,) = (shop / "bundles").glob("label-*")
    from evenshelf.serve.database import default_url, open_database
    from evenshelf.serve.releases import Releases

    client = opened(open=True)
    assert client.post("/v1/classify", json={"texts": ["shoe"]}).status_code == 503
    engine = open_database(default_url(shop))
    Releases(engine, shop).promote(folder)
    engine.dispose()
    client.app.state.shelf.live.poll()
    texts = ["trail running shoe", "", "跑步鞋"]
    told = client.post("/v1/classify", json={"texts": texts, "top": 2, "explain": True}).json()
    assert told["labels"] == [one.to_dict() for one in Bundle.load(folder).predict(texts, top=2)]
    assert told["explanation"]["remedy"] == "balanced"


@pytest.mark.parametrize("why", ["late", "failed"])
def test_what_is_popular_is_shown_in_time_and_it_is_told(opened, monkeypatch, why):
    client = opened(open=True)

    def slow(self, items, **rules):
        if why == "failed":
            raise ZeroDivisionError
        time.sleep(0.5)

    usual = client.get("/v1/recommend", params={"k": 3}).json()
    monkeypatch.setattr(Recommender, "recommend", slow)
    if why == "late":
        monkeypatch.setattr(client.app.state.shelf.recommendations, "_budget", 0.05)
    told = client.get("/v1/recommend", params={"k": 3, "exclude": [usual["shown"][0]["item"]]}).json()
    assert told["fallback"] == why
    counts = client.app.state.shelf.live.recommending.bundle.catalogue
    shown = [counts.counts[counts.code[one["item"]]] for one in told["shown"]]
    assert shown == sorted(shown, reverse=True)
    assert len(shown) == 3
    assert usual["shown"][0]["item"] not in [one["item"] for one in told["shown"]]
    assert f'evenshelf_fallbacks_total{{endpoint="/v1/recommend",why="{why}"}} 1.0' in client.get("/metrics").text


def test_figures_tell_what_was_shown_and_how_long_it_took(client):
    told = client.get("/v1/recommend", params={"k": 7}).json()
    text = client.get("/metrics").text
    lines = [line for line in text.splitlines() if line.startswith("evenshelf_exposures_total")]
    assert sum(float(line.rsplit(" ", 1)[1]) for line in lines) == len(told["shown"]) == 7
    assert 'evenshelf_request_seconds_count{endpoint="/v1/recommend",method="GET",status="200"} 1.0' in text


def test_readiness_tells_the_truth(client, monkeypatch):
    assert client.get("/readyz").json() == {"status": "ready", "faults": {}}
    monkeypatch.setattr(client.app.state.shelf.database, "connect", lambda: 1 / 0)
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["faults"] == {"database": "ZeroDivisionError"}
    assert client.get("/healthz").status_code == 200


def test_the_description_names_every_endpoint_with_examples(client):
    paths = client.get("/openapi.json").json()["paths"]
    assert {p for p in paths if p.startswith("/v1/")} >= {
        "/v1/search", "/v1/suggest", "/v1/recommend", "/v1/items/{item_id}/similar", "/v1/classify", "/v1/rank",
        "/v1/events", "/v1/items", "/v1/bundles", "/v1/users/{user_id}/events",
    }  # fmt: skip
    for path, methods in paths.items():
        for method, told in methods.items():
            assert told.get("summary"), (path, method)
            assert told.get("description"), (path, method)
