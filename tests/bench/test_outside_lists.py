"""Peers are asked in their own environments, for lists without what users have; and are missed with a word on how."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from bench.outside_lists import LENGTH, Listed, Model, Peer, lists_of, tuned
from bench.outside_task import Answer, Steps, Task
from bench.peer_rectools import EPOCHS
from bench.recommend_beauty import main
from bench.recommend_data import Shop, made_up
from bench.recommend_peers import OUTSIDE, RECTOOLS
from hypothesis import given
from hypothesis import strategies as st

from bench import outside_lists
from evenshelf.learners.ranking.base import ItemFacts
from evenshelf.tasks.histories import Histories


def here(peer: Peer) -> pytest.MarkDecorator:
    return pytest.mark.skipif(not peer.made, reason=f"{peer.name} is not installed: make {peer.target}")


EVERY = [pytest.param(peer, model, id=model.title, marks=here(peer)) for peer in OUTSIDE for model in peer.models]


@pytest.mark.parametrize(("peer", "model"), EVERY)
def test_lists_hold_what_is_wanted_more_often_than_by_chance_and_nothing_of_the_history(
    peer: Peer, model: Model
) -> None:
    shop = made_up(0)
    settings = list(model.settings[:2])
    found = lists_of(peer, model, settings, shop.counted, shop.before, seed=1)
    assert len(found) == len(settings)
    had = shop.before.weights().toarray() > 0
    for one in found:
        assert one.lists.shape == (len(shop.target), LENGTH)
        line, place = np.nonzero(one.lists >= 0)
        assert not had[line, one.lists[line, place]].any()
        assert (one.places(shop.target) < 10).mean() > 3 * 10 / len(shop.before.items)
        assert one.bytes > 0
    # the second setting alone gives what it gave after the first one, from which its fit may have gone on
    (again,) = lists_of(peer, model, settings[1:], shop.counted, shop.before, seed=1)
    np.testing.assert_array_equal(again.lists, found[1].lists)


@pytest.mark.parametrize(("peer", "model"), EVERY[:1])  # for all peers the same code chooses
def test_the_setting_is_chosen_on_the_validation_step(peer: Peer, model: Model) -> None:
    shop = made_up(0)
    few = replace(model, settings=model.settings[:2])
    chosen = tuned(peer, few, shop, np.arange(40), seed=0)
    assert chosen.setting in few.settings
    assert len(chosen.listed.lists) == len(shop.target)


@here(RECTOOLS)
def test_who_has_no_history_or_an_unknown_item_alone_gets_no_list() -> None:
    counted = Histories.of([["a", "b", "c"]] * 20 + [[], ["d"]])  # d is in no sequence that can be learned from
    (model,) = RECTOOLS.models
    (found,) = lists_of(RECTOOLS, model, [{**model.settings[0], EPOCHS: 1}], counted, counted, seed=0)
    assert (found.lists[-2:] == -1).all()


@here(RECTOOLS)
def test_a_model_that_reads_the_order_learns_what_follows() -> None:
    ring = [f"i{n:02d}" for n in range(30)]
    starts = np.random.default_rng(0).integers(0, 30, 300)
    shop = Shop.of(Histories.of([[ring[(start + n) % 30] for n in range(8)] for start in starts]), ItemFacts())
    (model,) = RECTOOLS.models
    (found,) = lists_of(RECTOOLS, model, [model.settings[0]], shop.counted, shop.before, seed=0)
    assert (found.places(shop.target) == 0).mean() > 0.9


def test_places_are_those_on_the_list() -> None:
    listed = Listed(np.array([[4, 2, -1], [1, 0, 5], [3, -1, -1]]), 0.0, 0)
    np.testing.assert_array_equal(listed.places(np.array([2, 1, 0])), [1.0, 0.0, np.inf])


@given(st.lists(st.lists(st.integers(0, 9), max_size=4), min_size=1, max_size=6))
def test_steps_know_their_users_and_numbers(histories: list[list[int]]) -> None:
    start = np.cumsum([0, *map(len, histories)])
    steps = Steps(start, np.array([item for own in histories for item in own], np.int64))
    assert steps.user.tolist() == [user for user, own in enumerate(histories) for _ in own]
    assert steps.number.tolist() == [n for own in histories for n in range(len(own))]


def test_tasks_and_answers_are_read_as_they_were_written(tmp_path: Path) -> None:
    steps = Steps(np.array([0, 2, 2]), np.array([3, 1])), Steps(np.array([0, 0, 1]), np.array([2]))
    Task("als", [{"a": 1}, {"a": 2.5}], 20, 7, 4, *steps).write(tmp_path)
    Answer(np.array([[[1, -1], [0, 2]]]), [0.5], [12]).write(tmp_path)
    task, answer = Task.read(tmp_path), Answer.read(tmp_path)
    assert (task.model, task.settings, task.length, task.seed, task.items) == ("als", [{"a": 1}, {"a": 2.5}], 20, 7, 4)
    for before, after in zip(steps, (task.known, task.asked), strict=True):
        np.testing.assert_array_equal(before.start, after.start)
        np.testing.assert_array_equal(before.item, after.item)
    assert (answer.lists.tolist(), answer.seconds, answer.bytes) == ([[[1, -1], [0, 2]]], [0.5], [12])


@pytest.mark.parametrize("peer", OUTSIDE, ids=lambda peer: peer.target)
def test_without_its_environment_the_run_ends_with_how_to_make_it(
    peer: Peer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(outside_lists, "ROOT", tmp_path)
    (peer.environment / "bin").mkdir(parents=True)  # that was begun is not enough
    (peer.environment / "bin" / "python").touch()
    others = [other.flag for other in OUTSIDE if other is not peer]
    assert main(["--quick", *others, "--json", str(tmp_path / "out.json")]) == 1
    said = "".join(capsys.readouterr())
    assert f"make {peer.target}" in said
    assert peer.flag in said
    assert not (tmp_path / "out.json").exists()
