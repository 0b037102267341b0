"""The client: asks what the service answers, tries again what may go well, tells what does not."""

from __future__ import annotations

import httpx2
import pytest

from evenshelf.client import Client, ServiceError
from evenshelf.errors import InputError

EVENTS = [{"event_id": f"e{number}", "kind": "view", "item_id": "S000001", "user_id": "u"} for number in range(2_100)]


class Through(httpx2.BaseTransport):
    """To the application of a test client, with some answers of its own first."""

    def __init__(self, client, *first):
        self.client, self.first = client, list(first)

    def handle_request(self, request):
        if self.first:
            found = self.first.pop(0)
            if isinstance(found, Exception):
                raise found
            return found
        answer = self.client.request(
            request.method, str(request.url), content=request.read(), headers=dict(request.headers)
        )
        return httpx2.Response(answer.status_code, headers=answer.headers, content=answer.content)


@pytest.fixture
def asking(client):
    def make(*first):
        return Client("http://testserver", transport=Through(client, *first), patience=3)

    return make


def test_it_asks_what_the_service_answers(asking, client):
    with asking() as shop:
        assert shop.search("shoe", limit=3, filters=["price:1..900"])["hits"]
        assert shop.suggest("sh")["suggestions"]
        assert shop.put_items([{"item_id": "a/b 1", "title": "zebra striped unicorn lamp"}]) == 1
        assert len(shop.similar("a/b 1", limit=3)["similar"]) == 3
        assert shop.rank("unicorn", ["a/b 1"])["ranked"][0]["item_id"] == "a/b 1"
        shop.delete_item("a/b 1")
        assert shop.send(EVENTS) == shop.send(iter(EVENTS)) == len(EVENTS)
        assert client.app.state.shelf.log.count() == len(EVENTS)
        told = shop.recommend(user_id="u", k=2, explain=True)
        assert set(told["explanation"]["history"]) == {"S000001"}
        assert [one["item"] for one in shop.recommend(items=["S000001"], k=2)["shown"]]


def test_what_may_go_well_is_tried_again_and_counted_once(asking, client):
    lost = httpx2.ReadError("the answer was lost")
    with asking(httpx2.Response(503, headers={"retry-after": "0"}), lost) as shop:
        assert shop.send(EVENTS[:10]) == 10
    assert client.app.state.shelf.log.count() == 10


def test_what_cannot_go_well_is_told_at_once(asking):
    with asking() as shop:
        with pytest.raises(ServiceError, match=r"body.events.0.kind: Input should be") as caught:
            shop.send([{**EVENTS[0], "kind": "nothing"}])
        assert (caught.value.status, caught.value.code) == (422, "invalid")
        assert caught.value.request
        with pytest.raises(InputError, match="no event_id"):
            shop.send([{"kind": "view", "item_id": "a"}])
        with pytest.raises(ServiceError, match="no such item"):
            shop.similar("nothing")


def test_who_does_not_answer_is_not_waited_for_for_ever(client):
    gone = [httpx2.ConnectError("refused")] * 100
    with Client("http://testserver", transport=Through(client, *gone), patience=0.3) as shop:
        with pytest.raises(ServiceError, match="does not answer") as caught:
            shop.search("shoe")
        assert caught.value.status == 0
