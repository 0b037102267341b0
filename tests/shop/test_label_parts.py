"""Words of labels inside titles."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenshelf.shop import label_held
from evenshelf.shop.profiling.label_parts import label_word_held

WORDS = st.lists(
    st.sampled_from(["shoe", "Shoes", "red", "t-shirt", "Tshirts", "glass", "鞋", "跑步鞋", "a", ">", "/"])
)


@pytest.mark.parametrize(
    ("title", "label", "held"),
    [
        ("Nike Running Shoe", "Casual Shoes", True),
        ("Puma Black T-shirt", "Tshirts", True),
        ("Puma Black Tshirt", "T-Shirts", True),
        ("Shirtless", "Red Shirts", False),
        ("Glas", "Glass", False),
        ("Cap", "Shoes|Sun Hats", False),
        ("A sunny day", "Shoes|Sun Hats", False),
        ("Two hats", "Shoes|Sun Hats", True),
        ("好看的跑步鞋", "Running Shoe / 跑步鞋", True),
        ("好看的鞋", "Running Shoe / 跑步鞋", False),
        ("Shoes", None, False),
    ],
)
def test_a_word_of_the_label(title, label, held):
    assert label_word_held([title], [label]).tolist() == [held]


@given(st.lists(st.tuples(WORDS.map(" ".join), st.none() | WORDS.map(" ".join))))
def test_whoever_holds_the_whole_holds_a_part(rows):
    titles, labels = [title for title, _ in rows], [label for _, label in rows]
    part = label_word_held(titles, labels)
    assert part.shape == (len(rows),)
    assert (part >= label_held(titles, labels)).all()
    assert not any(held for held, label in zip(part, labels, strict=True) if label is None)
