"""Exams hold out what users wanted, exactly and without a leak."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenshelf.errors import InputError, SettingError
from evenshelf.shop import Shop
from evenshelf.tasks.baskets import last_held
from evenshelf.tasks.exams import sittings
from evenshelf.tasks.histories import Histories
from evenshelf.tasks.offers import Offer, Stock
from evenshelf.tasks.recommend import RecommendTask, first_time, retaken
from evenshelf.testing.list_tasks import list_task_checks

steps = st.lists(st.integers(0, 6), min_size=0, max_size=7)


@st.composite
def tasks(draw: st.DrawFn) -> RecommendTask:
    """Histories with times and baskets, of which some span several times; some users do nothing."""
    sequences = draw(st.lists(steps, min_size=4, max_size=9).filter(lambda found: sum(map(len, found)) >= 4))
    histories = Histories.of(sequences)
    jump = np.array(draw(st.lists(st.booleans(), min_size=len(histories.item), max_size=len(histories.item))), bool)
    jump[np.minimum(histories.start[:-1], len(jump) - 1)] = True  # a basket is of one user
    later = draw(st.lists(st.booleans(), min_size=len(histories.item), max_size=len(histories.item)))
    time = 100 * np.cumsum(jump | np.array(later, bool)).astype(np.int64)
    gaps = np.array(draw(st.lists(st.integers(1, 3), min_size=len(jump), max_size=len(jump))))
    named = replace(histories, time=time, basket=np.cumsum(jump * gaps) if draw(st.booleans()) else None)
    return RecommendTask.of(named, repeats=draw(st.booleans()))


@given(tasks())
def test_whatever_users_did_no_split_leaks(task: RecommendTask) -> None:
    for check in list_task_checks(task, 3):
        try:
            check()
        except InputError as error:
            assert "Nobody is left to be asked" in str(error)  # noqa: PT017 - some draws leave nobody


def test_the_last_basket_is_asked_for_and_the_one_before_chooses() -> None:
    histories = Histories.of([["a", "b", "c", "d"], ["a"], ["c", "b"]])
    histories = replace(histories, basket=np.array([0, 0, 1, 2, 3, 4, 5]))
    task = RecommendTask.of(histories, repeats=False)
    (sitting,) = sittings(task.histories, "last", repeats=False, folds=3, seed=0)

    def wanted(exam):
        named = zip(exam.group[exam.user], exam.item, strict=True)
        return sorted((histories.users[user], histories.items[item]) for user, item in named)

    assert wanted(sitting.judging) == [("0", "d"), ("2", "b")]
    assert wanted(sitting.choosing) == [("0", "c")]
    assert [histories.items[i] for i in sitting.judging.known.item] == ["a", "b", "c", "c"]
    assert [histories.items[i] for i in sitting.judging.asked.item] == ["a", "b", "c", "c"]
    assert [histories.items[i] for i in sitting.choosing.known.item] == ["a", "b"]
    assert histories.baskets_ago.tolist() == [2, 2, 1, 0, 0, 1, 0]


@given(tasks(), st.data())
def test_baskets_stay_whole_whoever_is_picked_and_whatever_is_kept(task: RecommendTask, data: st.DataObject) -> None:
    histories = task.histories
    picked = data.draw(st.lists(st.integers(0, len(histories.users) - 1), max_size=6))
    some = histories.of_users(np.array(picked, np.int64))
    whole = [(histories.baskets_ago[histories.user == user]).tolist() for user in picked]
    assert [some.baskets_ago[some.user == place].tolist() for place in range(len(picked))] == whole
    basket = some.baskets
    assert (np.diff(basket) >= 0).all()
    assert (np.diff(basket)[np.diff(some.user) > 0] > 0).all(), "a basket is of two users"
    # without last baskets, those before them are the last ones
    earlier = last_held(histories).earlier
    assert np.array_equal(earlier.baskets_ago, histories.baskets_ago[histories.baskets_ago > 0] - 1)


def test_a_session_that_spans_several_times_is_held_back_as_a_whole() -> None:
    histories = replace(
        Histories.of([["f", "a", "b", "c", "d", "e"], ["b", "f", "a"]]),
        time=np.array([0, 1, 10, 10, 20, 30, 0, 1, 5], np.int64),
        basket=np.array([0, 1, 1, 4, 4, 4, 5, 6, 7]),
    )
    (sitting,) = sittings(histories, "last", repeats=False, folds=3, seed=0)
    named = [histories.items[item] for item in sitting.judging.item[sitting.judging.user == 0]]
    assert sorted(named) == ["c", "d", "e"]
    held = last_held(histories)
    assert sorted(histories.items[item] for item in held.item[held.user == 0]) == ["c", "d", "e"]
    # without names, only the last moment is
    bare = last_held(replace(histories, basket=None))
    assert [histories.items[item] for item in bare.item[bare.user == 0]] == ["e"]


class ByMoment(RecommendTask):
    """Asks for the last moment, whatever is of one basket."""

    def sittings(self, split, *, folds, seed):
        bare = replace(self.histories, basket=None)
        return sittings(bare, split, repeats=self.repeats, folds=folds, seed=seed)


def test_exams_that_read_other_baskets_than_learners_are_found_out() -> None:
    histories = replace(
        Histories.of([["d", "a", "b", "c"], ["d", "b", "c", "a"]]),
        time=np.arange(8),
        basket=np.array([0, 1, 2, 2, 3, 4, 5, 5]),
    )
    for kind, wrong in ((RecommendTask, False), (ByMoment, True)):
        checks = {check.name: check for check in list_task_checks(kind(histories))}
        if wrong:
            with pytest.raises(AssertionError, match="do not hold back the same baskets"):
                checks["asks_for_the_baskets_that_learners_hold_back"]()
        else:
            checks["asks_for_the_baskets_that_learners_hold_back"]()


def test_users_of_a_fold_are_unknown_to_what_they_are_asked_of() -> None:
    histories = Histories.of([[f"i{(u + k) % 5}" for k in range(4)] for u in range(9)])
    found = list(sittings(histories, "users", repeats=False, folds=3, seed=1))
    assert sorted(user for sitting in found for user in sitting.judging.group) == list(range(9))
    for sitting in found:
        for exam in (sitting.choosing, sitting.judging):
            assert not exam.known.lengths[exam.group].any()
            assert (exam.asked.lengths == 3).all()
        assert not set(sitting.choosing.group) & set(sitting.judging.group)
        assert not sitting.choosing.known.lengths[sitting.judging.group].any()


def test_by_time_those_without_a_history_are_asked_as_well() -> None:
    histories = replace(
        Histories.of([["a", "b"], ["c"], ["a", "c", "b"]]), time=np.array([1, 20, 21, 2, 3, 4], np.int64) * 10
    )
    (sitting,) = sittings(histories, "time", repeats=False, folds=3, seed=0)
    assert sitting.judging.known.time is not None
    assert sitting.judging.known.time.max() < 210
    assert [histories.users[u] for u in sitting.judging.group] == ["1"]
    assert sitting.judging.asked.lengths.tolist() == [0]


def test_a_split_that_is_none_and_one_without_times_say_so() -> None:
    histories = Histories.of([["a", "b", "c"]])
    with pytest.raises(SettingError, match="did you mean last"):
        list(sittings(histories, "lost", repeats=False, folds=3, seed=0))
    with pytest.raises(SettingError, match="no times"):
        list(sittings(histories, "time", repeats=False, folds=3, seed=0))


def test_what_comes_again_is_seen_and_left_out_only_where_it_does_not() -> None:
    again = Histories.of([["a", "b", "a", "c"], ["b", "b", "b"], ["a", "c", "c"], ["a", "a"], ["d"]])
    assert retaken(again) == pytest.approx(2 / 4), "of b a, b and c; first and last baskets say nothing"
    assert RecommendTask.of(again).repeats
    once = RecommendTask.of(again, repeats=False)
    assert len(once.histories.item) == 8
    assert first_time(once.histories).all()


@pytest.fixture
def shop(tmp_path: Path) -> Shop:
    """Three users; items with and without a category, one that nobody takes."""
    shop = Shop.create(tmp_path / "shop")
    origin = {"source_id": "0" * 12, "source_file": "f", "source_line": 1}
    items = [("a", "red shoe", "shoes"), ("b", "blue shoe", "shoes"), ("c", "hat", None), ("d", "scarf", None)]
    events = [
        (1, "u", "a", "purchase", 1.0, None, 0.0),
        (1, "u", "b", "view", None, None, None),
        (2, "u", "c", "purchase", 2.0, None, 2.0),
        (3, "u", "c", "purchase", 1.0, None, None),
        (1, "v", "a", "rating", 5.0, None, None),
        (2, "v", "b", "rating", 1.0, None, None),
        (4, None, "a", "purchase", 1.0, None, None),
        (5, "w", "b", "impression", None, None, None),
    ]
    made = pl.DataFrame(
        [
            {
                "time": datetime(2026, 1, day, tzinfo=UTC),
                "user_id": user,
                "item_id": item,
                "kind": kind,
                "value": value,
                "session_id": session,
                "returned": back,
                **origin,
            }
            for day, user, item, kind, value, session, back in events
        ],
        schema_overrides={"time": pl.Datetime("us", "UTC"), "session_id": pl.String, "returned": pl.Float64},
    )
    named = pl.DataFrame([{"item_id": i, "title": t, "category": c, **origin} for i, t, c in items])
    shop.commit({"items": named, "events": made})
    return Shop.open(shop.path)


def test_a_shop_tells_its_histories_and_what_was_left_out(shop: Shop) -> None:
    task = RecommendTask.from_shop(shop, repeats=False)
    histories = task.histories
    assert histories.users == ("u", "v")
    taken = [{histories.items[i] for i in histories.of_users(np.array([u])).item} for u in (0, 1)]
    assert taken == [{"a", "b", "c"}, {"a"}]
    assert set(histories.items) == {"a", "b", "c", "d"}
    assert dict(task.dropped) == {"of nobody known": 1, "sent back": 1, "rated below the middle": 1}
    assert len(np.unique(histories.baskets)) == 3, "what was taken at one moment is one basket"
    assert histories.strength is not None
    strength = {histories.items[i]: s for i, s in zip(histories.item[:3], histories.strength[:3], strict=True)}
    assert strength == {"a": 4.0, "b": 1.0, "c": 4.0}
    at = {item: place for place, item in enumerate(histories.items)}
    assert task.texts is not None
    assert [task.texts[at[i]] for i in "abcd"] == ["red shoe", "blue shoe", "hat", "scarf"]
    assert task.attributes is not None
    assert task.attributes[at["a"]] == ("category=shoes",)
    assert task.bucket(task.counts)[at["d"]] == "cold"


@pytest.mark.parametrize(("target", "strengths"), [("purchase", {1.0}), ("purchase,rating", {1.0, 2.0})])
def test_the_weakest_kind_that_is_asked_for_counts_one(shop: Shop, target: str, strengths: set[float]) -> None:
    told = RecommendTask.from_shop(shop, target, repeats=False).histories.strength
    assert told is not None
    assert set(told.tolist()) == strengths


def test_codes_of_categories_are_those_of_the_shop_alone(shop: Shop) -> None:
    others = pl.Series([f"other {n}" for n in range(500)], dtype=pl.Categorical)
    found = RecommendTask.from_shop(shop, repeats=False).category
    assert found is not None
    assert set(found.tolist()) == {-1, 0}, f"{len(others)} other names in this process are none of its business"


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 3), st.booleans()), max_size=12), st.integers(0, 10))
def test_stock_is_what_was_last_known_before_the_moment(rows: list[tuple[int, int, bool]], moment: int) -> None:
    rows = sorted(rows, key=lambda row: row[0])
    time, item, some = (np.array([row[place] for row in rows], kind) for place, kind in enumerate((int, int, bool)))
    stock = Stock(time, item, some)
    expected = [False] * 4
    for when, what, there in rows:
        if when < moment:
            expected[what] = there
    assert stock.at(moment, 4).tolist() == expected


@given(tasks(), st.integers(0, 2**32 - 1))
def test_only_what_may_be_shown_is_wanted(task: RecommendTask, seed: int) -> None:
    items = len(task.histories.items)
    within = np.random.default_rng(seed).random(items) < 0.5
    stock = Stock(np.zeros(items, np.int64), np.arange(items), within)
    made = replace(task.histories, time=np.arange(len(task.histories.item)) + 1)
    plain = replace(task, histories=made)
    for offer in (Offer("c", within), Offer(stock=stock)):
        try:
            found = list(replace(plain, offer=offer).sittings("time", folds=3, seed=0))
            every = list(plain.sittings("time", folds=3, seed=0))
        except InputError:
            continue
        for one, all_of_it in zip(found, every, strict=True):
            for exam, other in ((one.choosing, all_of_it.choosing), (one.judging, all_of_it.judging)):
                assert exam.allowed is not None
                assert exam.allowed.tolist() == within.tolist()
                asked = set(zip(exam.group[exam.user].tolist(), exam.item.tolist(), strict=True))
                rest = set(zip(other.group[other.user].tolist(), other.item.tolist(), strict=True))
                assert asked == {(user, item) for user, item in rest if within[item]}
    with pytest.raises(SettingError, match="moments of their own"):
        list(replace(plain, offer=Offer(stock=stock)).sittings("last", folds=3, seed=0))


def test_what_may_be_shown_is_read_from_a_shop(shop: Shop) -> None:
    task = RecommendTask.from_shop(shop, repeats=False, category="shoes")
    assert task.offer is not None
    shown = task.offer.at(None, 4)
    assert shown is not None
    assert {task.classes[code] for code in np.flatnonzero(shown)} == {"a", "b"}
    assert task.describe()["only_category"] == "shoes"
    with pytest.raises(SettingError, match=r"'shoe' \(did you mean shoes"):
        RecommendTask.from_shop(shop, category="shoe")
    with pytest.raises(InputError, match="does not say what is in stock"):
        RecommendTask.from_shop(shop, in_stock=True)


def test_kinds_are_chosen_and_checked(shop: Shop) -> None:
    assert len(RecommendTask.from_shop(shop, "purchase,rating", repeats=False).histories.item) == 3
    with pytest.raises(SettingError, match="bought is no kind of event"):
        RecommendTask.from_shop(shop, "bought")
    with pytest.raises(InputError, match="no events of the kinds cart"):
        RecommendTask.from_shop(shop, "cart")
