"""Bundles: put in each other's place without a failed request, back again, and never a damaged one."""

from __future__ import annotations

import threading

import pytest

from evenshelf.errors import InputError
from evenshelf.serve.database import default_url, open_database
from evenshelf.serve.releases import Releases, Slot, digest_of, load, place_of
from tests.serve.conftest import run


@pytest.fixture
def releases(shop):
    engine = open_database(default_url(shop))
    yield Releases(engine, shop)
    engine.dispose()


def test_one_goes_back_step_by_step(releases, shop):
    plain, tail = (digest_of(shop / "bundles" / name) for name in ("plain", "tail"))
    for name in ("plain", "tail", "plain", "tail"):
        releases.promote(shop / "bundles" / name)
    for expected in (plain, tail, plain):
        assert releases.rollback(Slot.RECOMMEND).digest == expected
        assert releases.current()[Slot.RECOMMEND].digest == expected
    with pytest.raises(InputError, match="No other bundle answered before"):
        releases.rollback(Slot.RECOMMEND)
    releases.promote(shop / "bundles" / "tail")
    assert releases.rollback(Slot.RECOMMEND).digest == plain


def test_what_happens_to_a_bundle_later_does_not_matter(releases, shop, client):
    shown = client.get("/v1/recommend").json()
    for file in (shop / "bundles" / "plain").iterdir():
        file.write_bytes(b"nothing")
    client.app.state.shelf.live.poll()
    assert client.get("/v1/recommend").json() == shown


def test_a_damaged_bundle_is_refused_and_the_old_one_stays(releases, shop, client):
    before = releases.current()[Slot.RECOMMEND]
    file = max((shop / "bundles" / "tail").glob("*.npy"), key=lambda path: path.stat().st_size)
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(InputError, match=file.name):
        releases.promote(shop / "bundles" / "tail")
    assert releases.current()[Slot.RECOMMEND] == before
    assert [place.name for place in place_of(shop, "x").parent.iterdir()] == [before.digest]


def test_one_that_is_damaged_after_it_was_promoted_is_told_and_the_old_one_answers(releases, shop, client):
    before = client.get("/v1/recommend").json()
    release = releases.promote(shop / "bundles" / "tail")
    (place_of(shop, release.digest) / "bundle.json").write_text("{", encoding="utf-8")
    live = client.app.state.shelf.live
    live.poll()
    assert client.get("/v1/recommend").json() == before
    told = client.get("/v1/bundles").json()
    assert told["bundles"]["recommend"]["digest"] == before["bundle"]
    assert release.digest in told["refused"]["recommend"]


def test_a_damaged_copy_is_replaced_by_promoting_what_it_was_made_of(releases, shop):
    release = releases.promote(shop / "bundles" / "tail")
    (place_of(shop, release.digest) / "bundle.json").write_text("{", encoding="utf-8")
    assert releases.promote(shop / "bundles" / "tail").digest == release.digest
    load(place_of(shop, release.digest))
    assert [place.name for place in place_of(shop, "x").parent.iterdir()] == [release.digest]


def test_a_table_that_cannot_be_read_ends_nothing(releases, shop, client):
    before = client.get("/v1/recommend").json()
    releases.promote(shop / "bundles" / "tail")
    for part in shop.glob("events-*.parquet"):
        part.write_bytes(part.read_bytes()[:100])
    client.app.state.shelf.look()
    assert client.get("/v1/recommend").json() == before
    assert "recommend" in client.get("/v1/bundles").json()["refused"]


def test_no_request_fails_while_bundles_are_swapped(releases, shop, client):
    live, answers, ending = client.app.state.shelf.live, [], threading.Event()

    def ask():
        while not ending.is_set():
            answers.append(client.get("/v1/recommend", params={"k": 3}))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for _ in range(4):
        for name in ("tail", "plain"):
            releases.promote(shop / "bundles" / name)
            live.poll()
    ending.set()
    for thread in threads:
        thread.join()
    assert {answer.status_code for answer in answers} == {200}
    assert {answer.json()["fallback"] for answer in answers} == {None}
    assert {answer.json()["bundle"] for answer in answers} == {
        digest_of(shop / "bundles" / n) for n in ("tail", "plain")
    }


def test_by_command(shop, capsys):
    assert run("promote", shop, shop / "bundles" / "plain") == 0
    assert run("promote", shop, shop / "bundles" / "tail") == 0
    assert run("rollback", shop, "recommend") == 0
    assert f"{digest_of(shop / 'bundles' / 'plain')} answers recommend: rolled back" in capsys.readouterr().out
    assert run("rollback", shop, "recommend") == 3
    assert run("rollback", shop, "recommended") == 2
    assert "did you mean recommend" in capsys.readouterr().err
    assert run("promote", shop, shop) == 3
