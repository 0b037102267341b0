"""What every built-in encoder promises."""

from __future__ import annotations

import re

import numpy as np
import pytest

from evenshelf.encoders import Encoder, EncoderKind, encoder_kinds, open_encoder
from evenshelf.errors import SettingError
from evenshelf.testing import check_encoder, encoder_kind_checks

from .conftest import HARD


def test_encoder_passes_the_suite(encoder: Encoder, titles: list[str]) -> None:
    known = [title for title in titles if "red" in title]  # `fast` knows few Chinese characters
    check_encoder(encoder, lambda: open_encoder(encoder.name, titles[::-1]), known)


@pytest.mark.parametrize("kind", encoder_kinds().values(), ids=lambda kind: kind.name)
def test_kind_passes_the_suite(kind: EncoderKind) -> None:
    for check in encoder_kind_checks(kind):
        check()


def test_hard_texts_give_finite_rows_of_length_one_or_zero(encoder: Encoder) -> None:
    lengths = np.linalg.norm(encoder.encode(HARD), axis=1)
    assert np.all((np.abs(lengths - 1) < 1e-5) | (lengths == 0))


def test_alike_titles_are_nearer_than_unlike_ones(encoder: Encoder) -> None:
    a, b, c = encoder.encode(["Nike running shoe red", "Nike running shoe black", "Titan watch"])
    assert a @ b > a @ c


def test_fingerprints_differ(titles: list[str]) -> None:
    opened = [open_encoder(spec, titles) for spec in ("minilm", "minilm-int8", "tfidf", "fused", "fused-int8", "fast")]
    opened += [open_encoder(spec, titles[1:]) for spec in ("tfidf", "fused")]
    assert len({e.fingerprint for e in opened}) == len(opened)


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        ("minlm", "did you mean minilm"),
        ("TFIDF", "did you mean tfidf"),
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


def test_every_kind_is_listed() -> None:
    kinds = encoder_kinds()
    assert {"auto", "fast", "fused", "fused-int8", "hf", "minilm", "minilm-int8", "st", "tfidf"} <= set(kinds)
    assert all(kind.name == name for name, kind in kinds.items())
