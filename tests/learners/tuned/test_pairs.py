"""What an encoder is tuned on: what draws are, who is a rival of whom, and that equal texts are one."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenshelf.errors import InputError
from evenshelf.learners.ranking.counting import taken_near
from evenshelf.learners.ranking.tuned.pairs import TakenTexts
from evenshelf.tasks.histories import Histories

sequences = st.lists(st.lists(st.integers(0, 9), max_size=6), min_size=1, max_size=8)


def taken_of(steps, titles=None):
    made = Histories.of(steps)
    return made, TakenTexts.of(made, titles or [f"title {item}" for item in made.items])


@settings(deadline=None, max_examples=60)
@given(steps=sequences.filter(lambda found: any(len(set(one)) > 1 for one in found)), seed=st.integers(0, 99))
def test_every_pair_that_is_drawn_was_taken_by_a_user_and_every_text_is_there_once(steps, seed):
    made, taken = taken_of(steps)
    together = {(str(a), str(b)) for one in steps for a in one for b in one if a != b}
    name = [taken.texts[taken.place[code]] for code in range(len(made.items))]
    assert name == [f"title {item}" for item in made.items]
    number = {text: text.removeprefix("title ") for text in taken.texts}
    draws = taken.epoch(3, 2, 0.5, np.random.default_rng(seed))
    assert len(draws) == -(-len({a for a, _ in together}) // 3)
    for draw in draws:
        assert len(set(draw.texts.tolist())) == len(draw.texts)
        for one, other in zip(draw.texts[draw.one].tolist(), draw.texts[draw.other].tolist(), strict=True):
            assert (number[taken.texts[one]], number[taken.texts[other]]) in together


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_how_often_a_text_is_read_is_foretold(power):
    # a star: every other text has one partner, the one in the middle
    _, taken = taken_of([["hub", "a"]] * 6 + [["hub", "b"]] * 3 + [["hub", "c"]])
    rng, seen = np.random.default_rng(0), np.zeros(4)
    hub = taken.texts.index("title hub")
    for _ in range(4000):
        (draw,) = taken.epoch(4, 1, power, rng)
        one = draw.texts[draw.one[:4]]  # drawn for themselves, then their partners
        seen += np.bincount(one, minlength=4) + np.bincount(draw.texts[draw.other[:4]], minlength=4)
        assert ((one == hub) != (draw.texts[draw.other[:4]] == hub)).all()
    np.testing.assert_allclose(seen / seen.sum(), taken.presence(1, power), atol=0.01)


def test_a_power_of_nothing_draws_rare_texts_as_often_as_frequent_ones():
    _, taken = taken_of([["a", "b"]] * 9 + [["c", "d"]])
    assert taken.shares(0.0) == pytest.approx([0.25] * 4)
    assert taken.shares(1.0) == pytest.approx([0.45, 0.45, 0.05, 0.05])


def test_what_was_taken_together_more_often_than_chance_is_no_rival_and_the_rest_is():
    _, taken = taken_of([["a", "b"]] * 9 + [["c", "d"]] * 9 + [["a", "c"]])
    a, b, c, d = (taken.texts.index(f"title {name}") for name in "abcd")
    (draw,) = taken.epoch(4, 8, 0.0, np.random.default_rng(0))
    assert draw.texts.tolist() == [0, 1, 2, 3]
    refused = taken.rivals(draw) < -1e6
    assert refused.diagonal().all()
    assert refused[[a, c, b], [b, d, a]].all()
    assert not refused[a, c], "once, where chance would have had it oftener"
    assert not refused[[a, b], [d, d]].any()


def test_items_with_one_text_are_one_and_none_is_its_own_rival():
    made = Histories.of([["1", "2"], ["1", "3"], ["2", "3"]])
    called = {"1": "Red shoe", "2": "red  SHOE", "3": "lamp"}
    taken = TakenTexts.of(made, [called[item] for item in made.items])
    assert len(taken.texts) == 2
    assert taken.near.diagonal().tolist() == [0.0, 0.0]
    shoe, lamp = taken.texts.index("Red shoe"), taken.texts.index("lamp")
    near, code = taken_near(made).toarray(), {item: n for n, item in enumerate(made.items)}
    assert taken.near.toarray()[shoe, lamp] == pytest.approx(near[code["1"], code["3"]] + near[code["2"], code["3"]])
    assert taken.count[shoe] == 4


def test_items_without_a_text_are_left_out_and_without_any_pair_it_is_said():
    made = Histories.of([["1", "2"], ["1", "3"]])
    called = {"1": "shoe", "2": "lamp", "3": " "}
    taken = TakenTexts.of(made, [called[item] for item in made.items])
    assert sorted(taken.texts) == ["lamp", "shoe"]
    assert [taken.place[n] >= 0 for n, item in enumerate(made.items)] == [called[i] != " " for i in made.items]
    for lonely in (Histories.of([["1"], ["2"]]), Histories.of([["1", "1"]])):
        with pytest.raises(InputError, match="nothing to tune"):
            TakenTexts.of(lonely, ["a"] * len(lonely.items))
    with pytest.raises(InputError, match="nothing to tune"):
        TakenTexts.of(made, [""] * 3)
