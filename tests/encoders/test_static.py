"""Static vectors: a text is the sum of its tokens' rows, tokenised as MiniLM does."""

from __future__ import annotations

import numpy as np

from evenshelf.encoders import open_encoder
from evenshelf.encoders.static import StaticEncoder, zipf_weights

from .conftest import CHINESE, ENGLISH, HARD


def test_a_text_is_the_sum_of_the_tokens_of_the_whole_text() -> None:
    encoder = open_encoder("fast")
    assert isinstance(encoder, StaticEncoder)
    texts = [*ENGLISH, *CHINESE]
    for text, vector in zip(texts, encoder.encode(texts), strict=True):
        total = encoder.table[encoder.tokenizer.encode(text, add_special_tokens=False).ids].sum(axis=0)
        np.testing.assert_allclose(vector, total / np.linalg.norm(total), atol=1e-5)


def test_unknown_tokens_and_special_ones_count_for_nothing() -> None:
    encoder = open_encoder("fast")
    assert not encoder.encode(["\U0001f60e", "", *HARD[1:3]]).any()
    a, b = encoder.encode(["red shoe", "red \U0001f60e shoe"])
    np.testing.assert_allclose(a, b, atol=1e-6)


def test_words_near_in_meaning_are_near() -> None:
    shoe, sneaker, laptop = open_encoder("fast").encode(["shoe", "sneaker", "laptop"])
    assert shoe @ sneaker > shoe @ laptop + 0.1


def test_rarer_tokens_weigh_more_and_large_smoothing_makes_all_alike() -> None:
    assert np.all(np.diff(zipf_weights(1000)) > 0)
    assert np.ptp(zipf_weights(1000, smoothing=1e6)) < 1e-5
