"""Experiments of the service: who gets what, that it is written once, and that the readout finds what is better."""

from __future__ import annotations

import json
import threading
import time
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from evenshelf.errors import InputError, SettingError
from evenshelf.experiments import Assigner, Experiment, experiment_dict, readout, write_experiment
from evenshelf.serve.database import default_url, open_database
from evenshelf.serve.releases import Releases, digest_of
from evenshelf.serve.trials import Trials
from tests.serve.conftest import run

PAGE = Experiment("page", {"old": 0.5, "new": 0.5}, "old", "ctr")
LISTS = Experiment("lists", {"plain": 0.5, "tail": 0.5}, "plain", "ctr", overrides={"tester": "tail"})
USERS = [f"visitor {number}" for number in range(60)]


@pytest.fixture
def trials(shop):
    engine = open_database(default_url(shop))
    yield Trials(engine)
    engine.dispose()


def settled(client, trials, name, count):
    """Exposures, when so many are there."""
    end = time.monotonic() + 20
    while (found := trials.exposures(name)).height < count:
        assert time.monotonic() < end, f"{found.height} of {count} exposures were written"
        time.sleep(0.02)
    return found


def test_a_page_is_told_what_the_hash_says_and_only_what_it_shows_is_written(client, trials):
    body = {"experiment": {k: v for k, v in experiment_dict(PAGE).items() if k != "name"}}
    assert client.put("/v1/experiments/page", json=body).status_code == 200
    assigner, now = Assigner([PAGE]), datetime.now(UTC)
    for user in USERS:
        given = client.get("/v1/assign", params={"user_id": user}).json()["variants"]
        assert given == {"page": assigner.assign(user, at=now)["page"].variant}
    assert client.get("/v1/assign").json() == {"variants": {}}
    assert trials.exposures("page").height == 0
    for _ in range(2):
        for user in USERS[:20]:
            client.get("/v1/assign", params={"user_id": user, "shown": True})
    found = settled(client, trials, "page", 20)
    assert found["unit"].to_list() == USERS[:20]
    assert set(found["propensity"]) == {0.5}
    (told,) = client.get("/v1/experiments").json()["experiments"]
    assert sum(told["units"].values()) == 20


def test_variants_are_shown_the_lists_of_their_bundles(client, shop, trials):
    engine = open_database(default_url(shop))
    digest = Releases(engine, shop).keep(shop / "bundles" / "tail")
    engine.dispose()
    body = {"experiment": {k: v for k, v in experiment_dict(LISTS).items() if k != "name"}, "bundles": {"tail": digest}}
    assert client.put("/v1/experiments/lists", json=body).status_code == 200
    bundles = {"plain": digest_of(shop / "bundles" / "plain"), "tail": digest}
    seen = {}
    for user in [*USERS, "tester"]:
        told = client.get("/v1/recommend", params={"user_id": user, "k": 3}).json()
        seen[user] = told["variants"]["lists"]
        assert told["bundle"] == bundles[seen[user]]
    assert set(seen.values()) == {"plain", "tail"}
    assert seen["tester"] == "tail"
    found = settled(client, trials, "lists", len(USERS))
    assert dict(zip(found["unit"], found["variant"], strict=True)) == {user: seen[user] for user in USERS}
    assert client.get("/v1/recommend").json()["variants"] == {}
    assert client.delete("/v1/experiments/lists").status_code == 200
    told = client.get("/v1/recommend", params={"user_id": "tester"}).json()
    assert (told["variants"], told["bundle"]) == ({}, bundles["plain"])
    assert trials.exposures("lists").height == len(USERS)
    assert client.delete("/v1/experiments/nothing").status_code == 404


def test_what_runs_is_not_changed_under_those_who_take_part(trials):
    trials.start(PAGE, {})
    trials.start(Experiment("page", {"old": 0.5, "new": 0.5}, "old", "conversion"), {})  # judged by something else
    for other, said in (
        (Experiment("page", {"old": 0.1, "new": 0.9}, "old", "ctr"), "shares change"),
        (Experiment("page", {"old": 0.5, "new": 0.5}, "old", "ctr", traffic=0.5), "traffic falls"),
    ):
        with pytest.raises(SettingError, match=said):
            trials.start(other, {})
    with pytest.raises(SettingError, match="the bundle of 'new' would be another"):
        trials.start(PAGE, {"new": "0" * 16})
    with pytest.raises(SettingError, match="no variant 'nwe' \\(did you mean new"):
        trials.start(PAGE, {"nwe": "0" * 16})
    with pytest.raises(InputError, match="did you mean page"):
        trials.stop("pages")


def test_experiments_of_a_layer_are_given_ranges_that_do_not_meet(trials):
    halves = [
        trials.start(Experiment(name, {"a": 0.5, "b": 0.5}, "a", "ctr", layer="ranking", traffic=0.5), {}).experiment
        for name in ("one", "two")
    ]
    assert [one.offset for one in halves] == [0.0, 0.5]
    third = Experiment("three", {"a": 0.5, "b": 0.5}, "a", "ctr", layer="ranking", traffic=0.5)
    with pytest.raises(SettingError, match="no room"):
        trials.start(third, {})
    trials.stop("one")
    assert trials.start(third, {}).experiment.offset == 0.0


def test_one_that_has_not_begun_can_be_stopped(trials):
    later = datetime.now(UTC) + timedelta(days=3)
    trials.start(Experiment("later", {"a": 0.5, "b": 0.5}, "a", "ctr", starts=later), {})
    assert not trials.stop("later").runs(later + timedelta(days=1))


def test_a_variant_whose_bundle_is_gone_is_shown_the_usual_list_and_counts_all_the_same(client, shop, trials):
    trials.start(LISTS, {"tail": "0" * 16})
    client.app.state.shelf.look()
    told = client.get("/v1/recommend", params={"user_id": "tester"}).json()
    assert told["bundle"] == digest_of(shop / "bundles" / "plain")
    assert "0" * 16 in client.get("/v1/bundles").json()["refused"]
    tail = [user for user in USERS if Assigner([LISTS]).variant(LISTS, user).variant == "tail"]
    for user in tail:
        client.get("/v1/recommend", params={"user_id": user})
    assert set(settled(client, trials, "lists", len(tail))["variant"]) == {"tail"}


def test_two_that_decide_what_recommends_share_nobody(trials):
    trials.start(LISTS, {"tail": "0" * 16})
    other = Experiment("other", {"a": 0.5, "b": 0.5}, "a", "ctr")
    with pytest.raises(SettingError, match="'lists' decides what recommends as well"):
        trials.start(other, {"b": "1" * 16})
    trials.start(other, {})
    trials.stop("lists")
    with pytest.raises(SettingError, match="has ended"):
        trials.start(LISTS, {"tail": "0" * 16})


def test_starts_at_once_see_each_other(shop):
    made, errors = [], []

    def start(name):
        engine = open_database(default_url(shop))
        try:
            made.append(
                Trials(engine).start(replace(PAGE, name=name, salt=name, layer="x", traffic=0.25), {}).experiment
            )
        except Exception as error:  # noqa: BLE001 - told by the assertion
            errors.append(error)
        finally:
            engine.dispose()

    threads = [threading.Thread(target=start, args=(f"e{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not errors
    assert sorted(one.offset for one in made) == [0.0, 0.25, 0.5, 0.75]


def test_who_is_forgotten_is_in_no_experiment_any_more(client, trials):
    trials.start(PAGE, {})
    client.app.state.shelf.look()
    client.get("/v1/assign", params={"user_id": USERS[0], "shown": True})
    settled(client, trials, "page", 1)
    told = client.get(f"/v1/users/{USERS[0]}/events").json()
    assert [one["experiment"] for one in told["exposures"]] == ["page"]
    assert client.delete(f"/v1/users/{USERS[0]}/events").json()["deleted"] == 1
    assert trials.exposures("page").height == 0


def test_what_labels_is_no_variant_of_lists(client, shop, trials):
    engine = open_database(default_url(shop))
    digest = Releases(engine, shop).keep(shop / "bundles" / "label-category")
    engine.dispose()
    body = {"experiment": {k: v for k, v in experiment_dict(LISTS).items() if k != "name"}, "bundles": {"tail": digest}}
    assert client.put("/v1/experiments/lists", json=body).status_code == 422
    trials.start(LISTS, {"tail": digest})
    for _ in range(2):
        client.app.state.shelf.look()
    assert client.get("/v1/bundles").json()["refused"] == {digest: "it labels, and recommends nothing"}
    trials.stop("lists")
    client.app.state.shelf.look()
    assert client.get("/v1/bundles").json()["refused"] == {}


def test_by_command_from_the_start_to_the_readout(client, shop, tmp_path, capsys):
    """Shoppers of one variant click more, and the readout says so, by the file as by the name."""
    file = write_experiment(LISTS, tmp_path / "lists.toml")
    assert run("experiment", "start", shop, file, "--bundle", f"tail={shop / 'bundles' / 'tail'}") == 0
    client.app.state.shelf.look()
    rng, events = np.random.default_rng(0), []
    users = [f"shopper {number}" for number in range(400)]
    for user in users:
        told = client.get("/v1/recommend", params={"user_id": user, "k": 5}).json()
        chance = {"plain": 0.1, "tail": 0.4}[told["variants"]["lists"]]
        for one in told["shown"]:
            about = {"item_id": one["item"], "user_id": user, "position": one["place"]}
            events.append({"event_id": f"{user} {one['place']} shown", "kind": "impression", **about})
            if rng.random() < chance:
                events.append({"event_id": f"{user} {one['place']} clicked", "kind": "click", **about})
    settled(client, client.app.state.shelf.trials, "lists", len(users))
    for start in range(0, len(events), 1000):
        assert client.post("/v1/events", json={"events": events[start : start + 1000]}).status_code == 201
    capsys.readouterr()
    assert run("experiment", "report", shop, "lists", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    clicked = [event for event in events if event["kind"] == "click"]
    assert found["decisions"] == {"tail": "ship"}
    engine = open_database(default_url(shop))
    trial, shown = Trials(engine).named("lists"), Trials(engine).exposures("lists")
    engine.dispose()
    sent = pl.concat(frame.drop("seq", "received") for frame in client.app.state.shelf.log.after(0))
    assert sent.filter(kind="click").height == len(clicked)
    assert readout(trial.experiment, shown, sent, pl.DataFrame({"item_id": ["x"]})).decision("tail") == "ship"
    assert run("experiment", "report", shop, file, "--json") == 0
    assert run("experiment", "stop", shop, "lists") == 0
    assert run("experiment", "report", shop, "nothing") == 3
