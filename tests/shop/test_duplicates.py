"""Groups of titles: against a plain loop, and against what a reader would say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenshelf.errors import SettingError
from evenshelf.shop import title_groups, title_key


def plain_groups(titles, threshold=0.9):
    """Group by comparing every title with every other."""
    keys = [title_key(t) for t in titles]
    padded = [k + "\0" * (3 - len(k)) for k in keys]
    shingles = [{k[i : i + 3] for i in range(len(k) - 2)} for k in padded]
    group = list(range(len(titles)))
    for i in range(len(titles)):
        for j in range(i):
            same = sorted(keys[i].split(" ")) == sorted(keys[j].split(" "))
            near = len(shingles[i] & shingles[j]) >= threshold * len(shingles[i] | shingles[j]) - 1e-9
            if same or near:
                old, new = group[i], group[j]
                group = [new if g == old else g for g in group]
    first = {}
    return [first.setdefault(g, len(first)) for g in group]


WORDS = st.sampled_from(
    ["shoe", "shoes", "red", "Red!", "跑步鞋", "男士", "nike air max 2024 limited", "x", "", "３７"]
)
TITLES = st.lists(
    st.lists(WORDS, max_size=4).map(" ".join)
    | st.text("abAB ,", max_size=12)
    | st.text("ab", min_size=20, max_size=30),
    max_size=25,
)


@given(TITLES, st.sampled_from([0.6, 0.75, 0.9, 1.0]))
@settings(max_examples=150, deadline=None)
def test_agrees_with_comparing_every_pair(titles, threshold):
    assert title_groups(titles, jaccard=threshold).tolist() == plain_groups(titles, threshold)


@given(TITLES, st.randoms(use_true_random=False))
@settings(deadline=None)
def test_order_of_titles_does_not_matter(titles, random):
    order = list(range(len(titles)))
    random.shuffle(order)
    a, b = title_groups(titles)[order], title_groups([titles[i] for i in order])
    assert (np.equal.outer(a, a) == np.equal.outer(b, b)).all()


@given(st.text(max_size=20))
def test_the_key_of_a_key_is_the_key(text):
    assert title_key(title_key(text)) == title_key(text)


@given(st.text(min_size=1, max_size=20).filter(str.strip))
def test_a_title_with_something_in_it_has_a_key(text):
    assert title_key(text)


def test_case_width_punctuation_and_order_are_one_title_but_other_words_are_not():
    titles = [
        "Nike Air Max, black",
        "ＮＩＫＥ air-max BLACK!",
        "Black Nike Max Air",
        "Nike Air Max, white",
        "黑色 跑步鞋",
        "跑步鞋/黑色",
        "白色 跑步鞋",
    ]
    assert title_groups(titles).tolist() == [0, 0, 0, 1, 2, 2, 3]


def test_long_titles_that_differ_in_a_size_are_one_but_short_ones_are_not():
    long = "ERKE/鸿星尔克 跑步鞋 女式运动鞋 户外 秋冬慢跑鞋 LM 12031094 黑色 "
    assert title_groups([long + "37", long + "38"]).tolist() == [0, 0]
    assert title_groups(["跑步鞋 37", "跑步鞋 38"]).tolist() == [0, 1]


def test_every_repeat_is_found_and_counted_once():
    titles = ["a b"] * 5 + ["c d"] * 3
    assert title_groups(titles).tolist() == [0] * 5 + [1] * 3
    assert title_groups([]).shape == (0,)
    assert title_groups(["", " ", "!", "a"]).tolist() == [0, 0, 1, 2]


def test_titles_that_all_share_their_rarest_parts_do_not_explode():
    rng = np.random.default_rng(0)
    words = [f"w{k}" for k in range(12)]
    titles = [" ".join(rng.choice(words, size=8)) for _ in range(6000)]
    groups = title_groups(titles)
    assert groups.max() > 1000


@pytest.mark.parametrize("bad", [0.5, 1.01, -1, float("nan")])
def test_thresholds_out_of_range_are_refused(bad):
    with pytest.raises(SettingError, match="jaccard"):
        title_groups(["a"], jaccard=bad)
