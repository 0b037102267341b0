"""Items are counted up to the moment of asking, as plain loops count them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from evenshelf.rankers.lately import DAY, WINDOWS, Lately
from evenshelf.tasks.histories import Histories

steps = st.lists(
    st.lists(st.tuples(st.integers(0, 200 * DAY), st.integers(0, 4)), min_size=1, max_size=5), min_size=1, max_size=5
)


def histories_of(users: list[list[tuple[int, int]]]) -> Histories:
    ordered = [sorted(user) for user in users]
    made = Histories.of([[f"i{item}" for _, item in user] for user in ordered])
    return replace(made, time=np.array([moment for user in ordered for moment, _ in user], np.int64))


@given(steps, st.lists(st.integers(-DAY, 201 * DAY), min_size=1, max_size=5))
def test_features_are_those_of_plain_loops(users: list[list[tuple[int, int]]], moments: list[int]) -> None:
    histories = histories_of(users)
    assert histories.time is not None
    lately = Lately.of(histories)
    assert lately is not None
    for code in range(len(histories.items)):
        for moment in moments:
            found = [float(one[0]) for one in lately.features(np.array([code]), np.array([moment]))]
            own = [int(t) for t in histories.time[histories.item == code] if t <= moment]
            expected = [len(own), *(sum(t > moment - days * DAY for t in own) for days in WINDOWS)]
            assert found[:-1] == expected
            np.testing.assert_allclose(found[-1], (moment - max(own)) / DAY if own else np.nan)


@given(steps)
def test_users_are_asked_as_of_their_last_step_and_others_as_of_the_end(users: list[list[tuple[int, int]]]) -> None:
    histories = histories_of(users)
    lately = Lately.of(histories)
    assert lately is not None
    end = max(moment for user in users for moment, _ in user)
    assert lately.seen(histories).tolist() == [max(moment for moment, _ in user) for user in users]
    nobody = histories.kept(np.zeros(len(histories.item), bool))
    assert lately.seen(nobody).tolist() == [end] * len(users)
    assert lately.seen(replace(histories, time=None)).tolist() == [end] * len(users)
    assert Lately.of(replace(histories, time=None)) is None
    assert Lately.of(nobody) is None
