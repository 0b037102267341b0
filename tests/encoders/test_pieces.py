"""Pieces add up to the text, and stand where they say."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenshelf.encoders import open_encoder
from evenshelf.encoders.ngrams import count_ngrams, ngram_places, normalise
from evenshelf.encoders.pieces import origins
from evenshelf.encoders.static import StaticEncoder
from evenshelf.encoders.weights import max_length, minilm_folder, read_config, read_tokenizer

from .conftest import CHINESE, ENGLISH, HARD


@pytest.fixture(scope="module", params=["tfidf", "static"])
def encoder(request: pytest.FixtureRequest, cache_folder):
    if request.param == "tfidf":
        return open_encoder("tfidf", [*ENGLISH, *CHINESE])
    folder = minilm_folder()
    tokenizer = read_tokenizer(folder, max_length(folder, read_config(folder)))
    table = np.random.default_rng(0).standard_normal((tokenizer.get_vocab_size(), 8)).astype(np.float32)
    return StaticEncoder(table, tokenizer)


def test_pieces_sum_to_the_vector(encoder) -> None:
    for text in [*ENGLISH, *CHINESE, *HARD]:
        pieces = encoder.pieces(text)
        np.testing.assert_allclose(pieces.vectors.sum(axis=0), encoder.encode([text])[0], atol=1e-5)
        assert (pieces.start < pieces.stop).all()
        assert (pieces.stop <= len(text)).all()


def test_a_piece_says_what_stands_there(encoder) -> None:
    pieces = encoder.pieces("blue zzqx")
    known = pieces.start < 4
    alone = encoder.pieces("blue")
    assert known.sum() == len(alone.start) > 0
    toward = pieces.vectors[known].sum(axis=0)
    np.testing.assert_allclose(toward / np.linalg.norm(toward), encoder.encode(["blue"])[0], atol=1e-4)


@given(st.text("aB 1-运动鞋ﬁⅣéİß．Ｇ", max_size=25))
def test_ngrams_are_found_where_they_stand(text: str) -> None:
    hashes, start, stop = ngram_places(text)
    found, counts = count_ngrams([text])
    known, times = np.unique(hashes, return_counts=True)
    np.testing.assert_array_equal(known, found[counts.indices])
    np.testing.assert_array_equal(times, counts.data)
    for number, low, high in zip(hashes, start, stop, strict=True):
        if normalise(text[low:high]) == text[low:high]:
            assert number in count_ngrams([text[low:high]])[0] or high - low <= 5
            assert not text[low:high].isspace()


def test_encoders_that_are_no_sums_say_so(cache_folder) -> None:
    assert open_encoder("minilm").pieces("red shoe") is None
    assert open_encoder("fused", ENGLISH).pieces("red shoe") is None


def test_characters_that_become_several_are_each_from_one() -> None:
    assert origins("ﬁx", [2, 3]).tolist() == [0, 0, 1, 2]
    assert origins("", []).tolist() == [0]
