"""Neighbourhoods fitted on disk are those fitted in memory, whatever the memory they are given."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from mmap import mmap
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from evenshelf.errors import InputError, SettingError
from evenshelf.learners.ranking.base import Evidence
from evenshelf.learners.ranking.counting import strongest
from evenshelf.learners.ranking.out_of_core import OnDisk, fit_on_disk
from evenshelf.learners.ranking.registry import ranking_learner
from evenshelf.learners.ranking.sorted_runs import SortedRuns
from evenshelf.remedies import parse
from evenshelf.shop import Shop
from evenshelf.tasks.histories import Histories
from evenshelf.tasks.recommend import RecommendTask
from evenshelf.tasks.shop_steps import wanted_batches, wanted_events, wanted_kinds

NONE = parse("none")
LITTLE = 12_000
"""Bytes in which the events of these tests take many parts, and their pairs many runs."""


def shop_of(folder: Path, seed: int, *, users: int = 12, items: int = 9, events: int = 150) -> Shop:
    """A shop with baskets, ratings, what was sent back, events of nobody, and items that nobody took."""
    rng = np.random.default_rng(seed)
    begin = datetime(2024, 1, 1, tzinfo=UTC)
    kinds = rng.choice(["view", "cart", "purchase", "rating", "impression"], events)
    value = np.where(kinds == "rating", rng.integers(1, 6, events), 1.0)
    named = [f"u{user}" if user else None for user in rng.integers(0, users, events)]
    frame = pl.DataFrame(
        {
            "time": [begin + timedelta(minutes=int(minute)) for minute in rng.integers(0, 60, events)],
            "user_id": named,
            "item_id": [f"i{item}" for item in rng.integers(0, items, events)],
            "kind": kinds,
            "value": value,
            "session_id": [f"s{number}" if number < 3 else None for number in rng.integers(0, 6, events)],
            "returned": np.where((kinds == "purchase") & (rng.random(events) < 0.3), 1.0, 0.0),
        },
        schema_overrides={"time": pl.Datetime("us", "UTC")},
    )
    ids = [f"i{item}" for item in range(items + 2)]
    shop = Shop.new(folder)
    with shop.writing() as writer:
        writer.append("items", pl.DataFrame({"item_id": ids, "title": ids}))
        writer.replace("events", frame)
    return shop


def fitted(shop: Shop, folder: Path, **given_: Any) -> OnDisk:
    return fit_on_disk(shop, folder, **{"remedy": NONE, "memory": 1 << 24, "longest": 100, **given_})


def apart(one: csr_array, two: csr_array) -> float:
    return float(abs(one - two).max()) if one.nnz or two.nnz else 0.0


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**32 - 1), st.booleans(), st.sampled_from(["none", "inverse_propensity"]), st.integers(1, 12))
def test_the_fit_is_that_in_memory(seed: int, repeats: bool, spec: str, neighbours: int) -> None:
    learner, remedy = ranking_learner("item_knn"), parse(spec)
    setting = learner.settings(4)[seed % 4]
    with TemporaryDirectory() as name:
        shop = shop_of(Path(name) / "shop", seed)
        task = RecommendTask.from_shop(shop, repeats=repeats, seed=seed % 5)
        whole = learner.fit(Evidence(task.histories), remedy, setting=setting, seed=0)
        # all neighbours, so that none of two that are equal but for rounding is left out
        asked = {"remedy": remedy, "setting": setting, "repeats": repeats, "seed": seed % 5, "neighbours": 99}
        full = fitted(shop, Path(name) / "full", **asked)
        few = fitted(shop, Path(name) / "few", **{**asked, "neighbours": neighbours})
        assert full.items == task.histories.items
        np.testing.assert_array_equal(full.counts, task.histories.counts)
        np.testing.assert_allclose(full.ranker.popularity, whole.popularity)
        assert apart(full.ranker.matrix, whole.matrix) < 1e-5
        assert full.ranker.decay == whole.decay
        np.testing.assert_allclose(full.ranker.scores(task.histories), whole.scores(task.histories), atol=1e-4)
        # pruned from the finished likeness
        assert apart(few.ranker.matrix, strongest(full.ranker.matrix, neighbours)) == 0.0


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1), st.sampled_from(["item_knn", "near"]))
def test_memory_changes_nothing_but_rounding(seed: int, learner: str) -> None:
    with TemporaryDirectory() as name:
        shop = shop_of(Path(name) / "shop", seed)
        asked = {"learner": learner, "longest": 6, "neighbours": 99}
        much = fitted(shop, Path(name) / "much", **asked)
        little = fitted(shop, Path(name) / "little", **asked, memory=LITTLE)
        again = fitted(shop, Path(name) / "again", **asked, memory=LITTLE)
        assert (much.work.runs, much.work.pairs) == (1, little.work.pairs)
        assert little.work.runs > 3
        assert apart(much.ranker.matrix, little.ranker.matrix) < 1e-5
        for part in ("data", "indices", "indptr"):
            np.testing.assert_array_equal(getattr(little.ranker.matrix, part), getattr(again.ranker.matrix, part))


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1))
def test_near_is_that_in_memory_also_where_steps_are_of_one_basket(seed: int) -> None:
    learner = ranking_learner("near")
    with TemporaryDirectory() as name:
        shop = shop_of(Path(name) / "shop", seed)
        for repeats in (False, True):
            task = RecommendTask.from_shop(shop, repeats=repeats)
            whole = learner.fit(Evidence(task.histories), NONE, setting=learner.default, seed=0)
            found = fitted(shop, Path(name) / f"fit-{repeats}", learner="near", repeats=repeats)
            assert apart(found.ranker.matrix, whole.matrix) < 1e-5


@given(st.integers(0, 2**32 - 1), st.integers(1, 40), st.integers(0, 6))
def test_runs_add_up_whatever_is_read_at_once(seed: int, most: int, many: int) -> None:
    rng = np.random.default_rng(seed)
    summands = [rng.integers(0, 4, (7, 7)) * (rng.random((7, 7)) < 0.3) for _ in range(many)]
    with TemporaryDirectory() as name:
        runs = SortedRuns(Path(name), 7)
        for summand in summands:
            runs.write(csr_array(summand.astype(np.float32)))
        total, last = np.zeros((7, 7)), -1
        for block in runs.merged(most):
            rows = np.flatnonzero(np.diff(block.indptr))
            assert rows[0] > last  # blocks follow each other
            last = rows[-1]
            total += block.toarray()
    np.testing.assert_array_equal(total, sum(summands, np.zeros((7, 7))))


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 60))
def test_batches_hold_the_events_that_are_read_at_once(seed: int, size: int) -> None:
    with TemporaryDirectory() as name:
        shop = shop_of(Path(name) / "shop", seed)
        kinds = wanted_kinds("all")
        whole, dropped = wanted_events(shop, kinds)
        assert set(dropped) == {"of nobody known", "sent back", "rated below the middle"}
        batches = list(wanted_batches(shop, kinds, size))
        assert max(len(batch) for batch in batches) <= size
        assert pl.concat(batches).sort(pl.all()).equals(whole.sort(pl.all()))


def test_users_with_very_many_steps_count_by_their_latest(tmp_path: Path) -> None:
    shop = shop_of(tmp_path / "shop", 3)
    found = fitted(shop, tmp_path / "fit", longest=3, neighbours=99, repeats=True)
    histories = RecommendTask.from_shop(shop, repeats=True).histories
    np.testing.assert_array_equal(found.counts, histories.counts)  # of all
    latest = histories.kept(histories.ago < 3)
    assert 0 < found.work.pairs <= 3 * 2 * len(histories.users)
    assert latest.item.size < histories.item.size


def test_what_was_fitted_is_opened_from_disk_and_asked_by_ids(tmp_path: Path) -> None:
    shop = shop_of(tmp_path / "shop", 1)
    made = fitted(shop, tmp_path / "fit", seed=4)
    found = OnDisk.open(tmp_path / "fit")
    for part in (found.ranker.matrix.data, found.ranker.matrix.indices):
        owner: Any = part
        while isinstance(owner, np.ndarray):
            owner = owner.base
        assert isinstance(owner, mmap)  # mapped, not read
    assert found.work == made.work
    asked = Histories.of_steps(["me"], [2], ["i1", "i4"], items=found.items, seed=4)
    assert asked.items == found.items
    np.testing.assert_array_equal(found.ranker.scores(asked), made.ranker.scores(asked))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["fit", "shop"]  # nothing of the work is left


@pytest.mark.parametrize(
    ("given_", "words"),
    [
        ({"learner": "ease"}, "item_knn, near"),
        ({"setting": {"beta": 1.0}}, "no parameter beta"),
        ({"remedy": parse("name_prior")}, "cannot be used"),
        ({"memory": 1_000}, "memory="),
        ({"longest": 1}, "nothing to count"),
        ({"target": "impression"}, "no kind of event"),
    ],
)
def test_what_cannot_be_done_is_said_and_leaves_nothing(tmp_path: Path, given_: dict[str, Any], words: str) -> None:
    shop = shop_of(tmp_path / "shop", 1)
    with pytest.raises(SettingError) as raised:
        fitted(shop, tmp_path / "fit", **given_)
    assert words in f"{raised.value} {raised.value.hint}"
    assert [path.name for path in tmp_path.iterdir()] == ["shop"]


def test_a_folder_that_is_there_and_one_that_is_none_are_refused(tmp_path: Path) -> None:
    shop = shop_of(tmp_path / "shop", 1)
    fitted(shop, tmp_path / "fit")
    with pytest.raises(InputError, match="exists already"):
        fitted(shop, tmp_path / "fit")
    (tmp_path / "fit" / "indptr.npy").unlink()
    with pytest.raises(InputError, match="holds no neighbourhoods"):
        OnDisk.open(tmp_path / "fit")
    empty = Shop.new(tmp_path / "empty")
    empty.commit({"items": pl.DataFrame({"item_id": ["i0"], "title": ["one"]})})
    with pytest.raises(InputError, match="no events"):
        fitted(empty, tmp_path / "none")
