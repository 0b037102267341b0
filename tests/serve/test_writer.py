"""The writer: what it says is written is written, what it refuses is not lost silently, one sender harms no other."""

from __future__ import annotations

import threading
from concurrent.futures import wait

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy.exc import IntegrityError, OperationalError, StatementError

from evenshelf.serve.events.writer import Busy, Unusable, Unwritten, Writer


def broken(kind: type = OperationalError) -> Exception:
    return kind("INSERT", {}, Exception("no"))


@settings(max_examples=25)
@given(
    sizes=st.lists(st.integers(1, 9), min_size=1, max_size=30),
    failing=st.sets(st.integers(0, 20)),
    batch=st.integers(1, 20),
)
def test_what_is_told_to_be_written_is_and_in_the_order_of_sending(sizes, failing, batch):
    written, calls = [], 0

    def append(rows):
        nonlocal calls
        calls += 1
        if calls - 1 in failing:
            raise broken()
        written.extend(row["n"] for row in rows)

    writer = Writer(append, batch=batch, patience=0)
    sent = [[{"n": (one, part)} for part in range(size)] for one, size in enumerate(sizes)]
    futures = [writer.submit(rows) for rows in sent]
    writer.close()
    told = [row["n"] for rows, future in zip(sent, futures, strict=True) if not future.exception() for row in rows]
    assert written == told
    assert all(isinstance(future.exception(), Unwritten | None) for future in futures)
    assert writer.depth == 0


def test_a_database_that_comes_back_costs_nothing():
    left = [broken(), broken()]
    written = []

    def append(rows):
        if left:
            raise left.pop()
        written.extend(rows)

    writer = Writer(append, patience=5)
    writer.submit([{"n": 1}]).result(10)
    writer.close()
    assert written == [{"n": 1}]


@pytest.mark.parametrize("error", [broken(IntegrityError), StatementError("no", "", {}, OverflowError()), ValueError()])
def test_what_one_sender_brought_does_not_cost_the_others_theirs(error):
    held, written = threading.Event(), []

    def append(rows):
        held.wait(10)
        if any(row["n"] == "bad" for row in rows):
            raise error
        written.extend(row["n"] for row in rows)

    writer = Writer(append, patience=0)
    futures = [writer.submit([{"n": name}]) for name in ("first", "good", "bad", "also good")]
    held.set()
    wait(futures, 10)
    assert written == ["first", "good", "also good"]
    assert isinstance(futures[2].exception(), Unusable)
    writer.close()


def test_who_has_gone_does_not_end_the_writer():
    begun, held, written = threading.Event(), threading.Event(), []

    def append(rows):
        begun.set()
        held.wait(10)
        written.extend(row["n"] for row in rows)

    writer = Writer(append)
    first = writer.submit([{"n": 1}])
    assert begun.wait(10)
    gone = writer.submit([{"n": 2}])
    assert gone.cancel()
    assert not first.cancel(), "what is being written cannot be taken back"
    held.set()
    writer.submit([{"n": 3}]).result(10)
    assert writer.alive
    assert written == [1, 3]
    writer.close()
    assert writer.depth == 0


def test_no_more_wait_than_there_is_room_for_and_nothing_of_a_refused_request_is_written():
    held, written = threading.Event(), []

    def append(rows):
        held.wait(10)
        written.extend(row["n"] for row in rows)

    writer = Writer(append, room=5)
    first = writer.submit([{"n": number} for number in range(7)])  # more than the room, but alone
    with pytest.raises(Busy):
        writer.submit([{"n": "refused"}])
    held.set()
    first.result(10)
    writer.close()
    assert written == list(range(7))
    with pytest.raises(Busy):
        writer.submit([{"n": "too late"}])
