"""The way back: events into the shop once, a bundle fitted again, and a gate that lets in only what is not worse."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from evenshelf.bundles import Recommender
from evenshelf.errors import InputError, SettingError
from evenshelf.refreshing import Gate, compared, refresh, take_in
from evenshelf.refreshing.intake import SOURCE
from evenshelf.serve.database import default_url, open_database
from evenshelf.serve.events.entry import Event
from evenshelf.serve.events.log import EventLog
from evenshelf.serve.live import Live
from evenshelf.serve.persons import Persons
from evenshelf.serve.releases import Releases, Slot
from evenshelf.shop import Shop
from tests.serve.conftest import made, run, shop

__all__ = ["made", "shop"]


@pytest.fixture
def engine(shop):
    found = open_database(default_url(shop))
    yield found
    found.dispose()


def send(engine, shop, rows):
    """Events a day after the last ones of the shop, one a minute: pairs of user and item."""
    newest = Shop.open(shop).read("events")["time"].max()
    events = [
        Event(event_id=f"{user} {item} {number}", kind="purchase", item_id=item, user_id=user)
        for number, (user, item) in enumerate(rows)
    ]
    for number, event in enumerate(events):
        event.time = newest + timedelta(days=1, minutes=number)
    EventLog(engine).append([event.row(datetime.now(UTC)) for event in events])


def test_each_event_is_taken_in_once_and_says_where_it_came_from(engine, shop):
    before = Shop.open(shop).read("events")
    send(engine, shop, [("ann", "S000001"), ("bob", "S000002")])
    assert take_in(Shop.open(shop), engine).taken == 2
    assert take_in(Shop.open(shop), engine).taken == 0
    send(engine, shop, [("ann", "S000001"), ("ann", "S000003"), ("eve", "S000001")])
    assert take_in(Shop.open(shop), engine).taken == 2  # one of the three has the name of one that is there
    after = Shop.open(shop).read("events")
    assert after.select(before.columns).head(before.height).equals(before)
    assert after.height == before.height + 4
    new = after.filter(pl.col("source_file") == SOURCE)
    assert new["event_id"].to_list() == ["ann S000001 0", "bob S000002 1", "ann S000003 1", "eve S000001 2"]
    assert new["source_line"].is_sorted()


def test_a_mark_that_was_lost_doubles_nothing(engine, shop):
    from evenshelf.serve.marks import TAKEN_IN, Marks

    send(engine, shop, [("ann", "S000001")])
    take_in(Shop.open(shop), engine)
    Marks(engine).set(TAKEN_IN, 0)
    assert take_in(Shop.open(shop), engine).taken == 0


def test_a_history_has_what_was_taken_in_once(engine, shop):
    Releases(engine, shop).promote(shop / "bundles" / "plain")
    send(engine, shop, [("ann", "S000001"), ("ann", "S000002")])
    log = EventLog(engine)
    for _ in range(2):
        live = Live(Releases(engine, shop), shop, Persons())
        live.poll()
        now = live.recommending
        assert now is not None
        since = log.history(now.kinds, user="ann", after=now.taken_in)
        assert [*now.before.get("ann", ()), *since] == ["S000001", "S000002"]
        take_in(Shop.open(shop), engine)
    assert now.before["ann"] == ("S000001", "S000002")


def test_hashed_users_stay_who_they_are(tmp_path):
    (tmp_path / "serving").mkdir()
    persons = Persons.hashed(tmp_path)
    once = persons.kept("ann")
    assert once != "ann"
    assert persons.kept(once) == once == Persons.hashed(tmp_path).kept("ann")
    assert persons.kept("~" + "x" * 32) != "~" + "x" * 32


@pytest.fixture(scope="module")
def bundle(made):
    return Recommender.load(made / "bundles" / "plain")


class Shuffled:
    """A bundle that shows what another one does, from the last place to the first."""

    def __init__(self, bundle):
        self.bundle, self.catalogue = bundle, bundle.catalogue

    def recommend_all(self, histories, k, reasons):
        from dataclasses import replace

        found = self.bundle.recommend_all(histories, k=len(self.catalogue.ids), reasons=reasons)
        return [replace(one, shown=one.shown[::-1][:k]) for one in found]


def taken(bundle, users, rng):
    """Of each user a short history, and an item that the bundle shows early."""
    ids = np.array(bundle.catalogue.ids)
    before = [list(rng.choice(ids, 3, replace=False)) for _ in range(users)]
    shown = bundle.recommend_all(before, k=5, reasons=False)
    return before, [[one.items[int(rng.integers(5))]] for one in shown]


def test_what_is_worse_is_kept_out_and_what_is_as_good_or_better_is_let_in(bundle):
    before, after = taken(bundle, 80, np.random.default_rng(0))
    worse = Shuffled(bundle)
    rare = frozenset(bundle.catalogue.ids[::2])
    same = compared(bundle, bundle, before, after, rare, Gate())
    assert same.passed
    assert same.parts["all"].old == same.parts["all"].new > 0.3
    assert not compared(bundle, worse, before, after, rare, Gate()).passed
    better = compared(worse, bundle, before, after, rare, Gate())
    assert better.passed
    assert better.parts["tail"].low > 0


def test_a_gain_of_all_does_not_pay_for_a_loss_of_the_tail(bundle):
    """The new one shows the tail item of nobody, and more of the head."""
    before, after = taken(bundle, 80, np.random.default_rng(1))
    rare = frozenset(items[0] for items in after[:20])

    class Headless(Shuffled):
        def recommend_all(self, histories, k, reasons):
            from dataclasses import replace

            found = self.bundle.recommend_all(histories, k=k, reasons=reasons)
            return [replace(one, shown=tuple(s for s in one.shown if s.item not in rare)) for one in found]

    found = compared(Shuffled(bundle), Headless(bundle), before, after, frozenset(), Gate())
    assert found.passed, "over all it is better than the other one by far"
    assert not compared(bundle, Headless(bundle), before, after, rare, Gate(margin=0.5)).parts["tail"].allowed


def test_nothing_is_decided_by_a_few(bundle):
    before, after = taken(bundle, 10, np.random.default_rng(0))
    found = compared(bundle, bundle, before, after, frozenset(), Gate())
    assert not found.passed
    assert "only 10 users" in found.why
    for wrong in ({"margin": 1.0}, {"alpha": 0.0}):
        with pytest.raises(SettingError):
            Gate(**wrong)


@pytest.mark.usefixtures("cache_folder")
def test_a_shop_that_changes_is_learned_and_the_service_shows_it(engine, shop, capsys):
    """What nobody took together before is taken together now: the bundle that was fitted before cannot know."""
    with pytest.raises(InputError, match="No bundle recommends yet"):
        refresh(Shop.open(shop), engine)
    releases = Releases(engine, shop)
    old = releases.promote(shop / "bundles" / "plain")
    rng = np.random.default_rng(0)
    pairs = [("S000010", "S000020"), ("S000030", "S000040"), ("S000050", "S000060")]
    rows = [(f"new {n}", item) for n in range(240) for item in pairs[int(rng.integers(3))]]
    send(engine, shop, rows)
    assert run("refresh", shop, "--days", 0.1, "--json") == 0
    told = json.loads(capsys.readouterr().out)
    assert told["taken_in"] == len(rows)
    assert told["parts"]["all"]["new"] > told["parts"]["all"]["old"]
    now = releases.current()[Slot.RECOMMEND]
    assert now.digest == told["bundle"] != old.digest
    live = Live(releases, shop, Persons())
    live.poll()
    assert live.recommending is not None
    assert "S000020" in live.recommending.bundle.recommend(["S000010"], k=3).items
    assert releases.rollback(Slot.RECOMMEND).digest == old.digest


@pytest.mark.usefixtures("cache_folder")
def test_one_that_is_not_known_to_be_as_good_is_not_promoted(engine, shop, capsys):
    releases = Releases(engine, shop)
    old = releases.promote(shop / "bundles" / "plain")
    send(engine, shop, [(f"new {number}", "S000001") for number in range(5)])
    assert run("refresh", shop, "--days", 0.1) == 5
    assert "The bundle stays: only" in " ".join(capsys.readouterr().out.split())
    assert releases.current()[Slot.RECOMMEND] == old
