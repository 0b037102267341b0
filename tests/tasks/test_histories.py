"""Histories hold what was given, in order, under codes that tell nothing."""

from __future__ import annotations

import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenshelf.errors import InputError
from evenshelf.tasks.histories import Histories

sequences = st.lists(st.lists(st.integers(0, 8), max_size=7), min_size=1, max_size=9).filter(any)


def given_back(histories: Histories) -> list[list[str]]:
    bounds = zip(histories.start, histories.start[1:], strict=False)
    return [[histories.items[code] for code in histories.item[low:high]] for low, high in bounds]


@given(sequences, st.integers(0, 9))
def test_ids_come_back_in_order_whatever_codes_are_drawn(steps: list[list[int]], seed: int) -> None:
    made = Histories.of(steps, seed=seed)
    assert given_back(made) == [[str(item) for item in sequence] for sequence in steps]
    assert sorted(made.items) == sorted({str(item) for sequence in steps for item in sequence})
    assert made.counts.sum() == len(made.item) == made.lengths.sum()


@given(sequences, st.integers(0, 4))
def test_what_is_held_back_and_what_stays_are_all_there_is(steps: list[list[int]], held: int) -> None:
    made = Histories.of(steps)
    assert given_back(made.without_last(held)) == [
        [str(i) for i in sequence[: max(len(sequence) - held, 0)]] for sequence in steps
    ]
    if held:
        wanted = [str(sequence[-held]) if len(sequence) >= held else None for sequence in steps]
        assert [None if code < 0 else made.items[code] for code in made.last(held)] == wanted


@given(sequences, st.sampled_from([1.0, 0.5, 0.9]))
def test_an_item_weighs_by_its_latest_step(steps: list[list[int]], decay: float) -> None:
    made = Histories.of(steps)
    weights = made.weights(decay).toarray()
    code = {item: number for number, item in enumerate(made.items)}
    expected = np.zeros_like(weights)
    for user, sequence in enumerate(steps):
        for ago, item in enumerate(reversed(sequence)):
            place = user, code[str(item)]
            expected[place] = max(expected[place], decay**ago)
    np.testing.assert_allclose(weights, expected, rtol=1e-6)


def test_codes_do_not_follow_first_appearance() -> None:
    made = Histories.of([[f"p{n:03d}" for n in range(200)]])
    assert abs(np.corrcoef(made.item, np.arange(200))[0, 1]) < 0.3


def test_a_file_is_read_and_what_is_wrong_is_named(tmp_path: Path) -> None:
    text = "ann B1 B2 B3\nbob B2\n"
    (tmp_path / "plain.txt").write_text(text, encoding="utf-8")
    with gzip.open(tmp_path / "packed.txt.gz", "wt") as stream:
        stream.write(text)
    one, two = Histories.read(tmp_path / "plain.txt"), Histories.read(tmp_path / "packed.txt.gz")
    assert given_back(one) == given_back(two) == [["B1", "B2", "B3"], ["B2"]]
    assert one.users == ("ann", "bob")
    (tmp_path / "plain.txt").write_text("ann B1\nbob\n", encoding="utf-8")
    with pytest.raises(InputError, match="line 2: there is no item"):
        Histories.read(tmp_path / "plain.txt")
    with pytest.raises(InputError, match="cannot be read"):
        Histories.read(tmp_path / "none.txt")
    with pytest.raises(InputError, match="No user has done anything"):
        Histories.of([[], []])
    with pytest.raises(InputError, match="2 sequences but 1 users"):
        Histories.of([["a"], ["b"]], ["ann"])


@given(sequences, st.data())
def test_histories_of_some_users_are_theirs(steps: list[list[int]], data: st.DataObject) -> None:
    made = Histories.of(steps)
    users = data.draw(st.lists(st.integers(0, len(steps) - 1), max_size=6))
    some = made.of_users(np.array(users, np.int64))
    assert given_back(some) == [[str(item) for item in steps[user]] for user in users]
    assert some.users == tuple(str(user) for user in users)


def test_time_strength_and_baskets_stay_with_their_steps() -> None:
    made = Histories.of([["a", "b"], ["b"], ["c", "a", "b"]])
    steps = np.arange(len(made.item))
    told = replace(made, time=steps * 10, strength=(steps + 1).astype(np.float32), basket=steps // 2)
    shorter = told.without_last(1)
    assert shorter.time is not None
    assert shorter.time.tolist() == [0, 30, 40]
    turned = told.of_users(np.array([2, 0]))
    assert turned.strength is not None
    assert turned.strength.tolist() == [4.0, 5.0, 6.0, 1.0, 2.0]
    assert turned.basket is not None
    assert turned.basket.tolist() == [0, 1, 1, 2, 2]
    assert shorter.basket is not None
    assert shorter.basket.tolist() == [0, 1, 2]
    assert told.weights()[2].sum() == 15.0
