"""What every built-in encoder promises."""

from __future__ import annotations

import re

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenshelf.encoders import Encoder, encoder_kinds, open_encoder
from evenshelf.errors import InputError, SettingError

from .conftest import CHINESE, ENGLISH, HARD


def test_unit_rows_in_float32(encoder: Encoder, titles: list[str]) -> None:
    known = [title for title in titles if "red" in title]  # `fast` knows few Chinese characters
    vectors = encoder.encode(known)
    assert vectors.shape == (len(known), encoder.dimension)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)


def test_hard_texts_give_finite_rows_of_length_one_or_zero(encoder: Encoder) -> None:
    lengths = np.linalg.norm(encoder.encode(HARD), axis=1)
    assert np.all((np.abs(lengths - 1) < 1e-5) | (lengths == 0))


def test_no_texts(encoder: Encoder) -> None:
    assert encoder.encode([]).shape == (0, encoder.dimension)


def test_same_call_same_bits(encoder: Encoder, titles: list[str]) -> None:
    np.testing.assert_array_equal(encoder.encode(titles), encoder.encode(titles))


@settings(max_examples=15, deadline=None)
@given(data=st.data())
def test_a_vector_does_not_depend_on_its_company(encoder: Encoder, data: st.DataObject) -> None:
    texts = data.draw(st.lists(st.sampled_from([*ENGLISH, *CHINESE, *HARD[:5]]), min_size=1, max_size=12))
    alone = np.concatenate([encoder.encode([text]) for text in texts])
    np.testing.assert_allclose(encoder.encode(texts), alone, atol=1e-5)


def test_repeats_are_equal_and_progress_adds_up(encoder: Encoder, titles: list[str]) -> None:
    texts = [*titles, *titles[:7], titles[0]]
    done: list[int] = []
    vectors = encoder.encode(texts, progress=done.append)
    assert sum(done) == len(texts)
    np.testing.assert_array_equal(vectors[len(titles) : -1], vectors[:7])


def test_alike_titles_are_nearer_than_unlike_ones(encoder: Encoder) -> None:
    a, b, c = encoder.encode(["Nike running shoe red", "Nike running shoe black", "Titan watch"])
    assert a @ b > a @ c


def test_fingerprint_is_the_same_when_opened_again(encoder: Encoder, titles: list[str]) -> None:
    again = open_encoder(encoder.name, titles[::-1])
    assert again.fingerprint == encoder.fingerprint
    assert re.fullmatch(r"[0-9a-f]{32}", encoder.fingerprint)
    np.testing.assert_array_equal(again.encode(titles[:5]), encoder.encode(titles[:5]))


def test_fingerprints_differ(titles: list[str]) -> None:
    opened = [open_encoder(spec, titles) for spec in ("minilm", "minilm-int8", "tfidf", "fused", "fused-int8", "fast")]
    opened += [open_encoder(spec, titles[1:]) for spec in ("tfidf", "fused")]
    assert len({e.fingerprint for e in opened}) == len(opened)


@pytest.mark.parametrize("wrong", ["one string", ["a", None], ["a", 3.5], ["caf\udce9"]])
def test_what_is_not_a_list_of_texts_is_refused(encoder: Encoder, wrong: list[str]) -> None:
    with pytest.raises(InputError, match=r"one string|not strings \(row 1|half a character .*row 0"):
        encoder.encode(wrong)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("minlm", "Did you mean 'minilm'"),
        ("TFIDF", "Did you mean 'tfidf'"),
        ("minilm:large", "takes no argument"),
        ("st", "st:NAME_OR_FOLDER"),
        ("hf:", "hf:NAME_OR_FOLDER"),
        ("", "There are: auto"),
    ],
)
def test_a_wrong_spec_says_what_is_right(spec: str, said: str) -> None:
    with pytest.raises(SettingError, match=re.escape(said)):
        open_encoder(spec, ["text"])


def test_fitted_kinds_need_texts() -> None:
    for kind in encoder_kinds().values():
        if kind.fitted:
            with pytest.raises(SettingError, match="fitted on the texts"):
                open_encoder(kind.name, ["", " "])


def test_every_kind_is_listed_with_a_summary() -> None:
    kinds = encoder_kinds()
    assert {"auto", "fast", "fused", "fused-int8", "hf", "minilm", "minilm-int8", "st", "tfidf"} <= set(kinds)
    assert all(kind.summary.endswith(".") and kind.name == name for name, kind in kinds.items())
