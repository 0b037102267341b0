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
    for texts in draws:
        assert len(set(texts.tolist())) == len(texts)
        lesson = taken.lesson(texts, 0.5)
        for one, other in np.argwhere(lesson.counts > 0).tolist():
            assert (number[taken.texts[texts[one]]], number[taken.texts[texts[other]]]) in together
            assert lesson.rival[one, other] < -1e6


@pytest.mark.parametrize("power", [0.0, 0.5, 1.0])
def test_how_often_a_text_is_read_is_foretold(power):
    # a star: every other text has one partner, the one in the middle
    _, taken = taken_of([["hub", "a"]] * 6 + [["hub", "b"]] * 3 + [["hub", "c"]])
    rng, seen = np.random.default_rng(0), np.zeros(4)
    hub = taken.texts.index("title hub")
    for _ in range(2000):
        for texts in taken.epoch(1, 1, power, rng):
            assert len(texts) == 2
            assert hub in texts
            seen += np.bincount(texts, minlength=4)
    np.testing.assert_allclose(seen / seen.sum(), taken.presence(1, power), atol=0.01)


def test_a_power_of_nothing_draws_rare_texts_as_often_as_frequent_ones():
    _, taken = taken_of([["a", "b"]] * 9 + [["c", "d"]])
    assert taken.shares(0.0) == pytest.approx([0.25] * 4)
    assert taken.shares(1.0) == pytest.approx([0.45, 0.45, 0.05, 0.05])


def test_what_was_taken_together_more_often_than_chance_is_no_rival_and_the_rest_is():
    _, taken = taken_of([["a", "b"]] * 9 + [["c", "d"]] * 9 + [["a", "c"]])
    a, b, c, d = (taken.texts.index(f"title {name}") for name in "abcd")
    lesson = taken.lesson(np.arange(4), 0.0)
    refused, answers = lesson.rival < -1e6, lesson.counts > 0
    assert refused.diagonal().all()
    assert not answers.diagonal().any()
    np.testing.assert_array_equal(refused, answers | np.eye(4, dtype=bool))
    assert answers[[a, c, b], [b, d, a]].all()
    assert not answers[a, c], "once, where chance would have had it oftener"
    assert not answers[[a, b], [d, d]].any()


def test_what_a_text_counts_is_its_own_and_shared_out_among_its_answers():
    _, taken = taken_of([["a", "b"]] * 6 + [["a", "c"]] * 2 + [["d", "e"]] * 4 + [["f", "g"]] * 30)
    for power in (0.0, 0.5, 1.0):
        lesson = taken.lesson(np.arange(7), power)
        a, b, c, d, e = (taken.texts.index(f"title {name}") for name in "abcde")
        assert lesson.counts[a, b] == pytest.approx(3 * lesson.counts[a, c])
        assert lesson.counts[a].sum() == pytest.approx(8**power)
        assert lesson.counts[d, e] == pytest.approx(4**power)


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
