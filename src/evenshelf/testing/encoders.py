"""What every encoder promises: unit rows, the same each time, alone or in company, and a fingerprint to trust."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np
from hypothesis import example, given, settings
from hypothesis import strategies as st

from evenshelf.encoders import Encoder, EncoderKind, VectorCache
from evenshelf.encoders.base import check_texts
from evenshelf.errors import InputError
from evenshelf.testing.check import EXAMPLES, Check, gather, refusal, run_all
from evenshelf.testing.strategies import HARD_TEXTS
from evenshelf.testing.strategies import texts as any_texts

ORDINARY = (
    "Nike men running shoes red",
    "Puma women suede sneakers black",
    "Titan analog watch for men black dial",
    "leather handbag brown",
    "Adidas originals track suit",
    "cotton shirt checked blue",
    "耐克 男子 运动鞋 黑色 shoes",
)
"""Titles that an encoder of product texts can be expected to know something of."""


@dataclass(frozen=True)
class _Subject:
    encoder: Encoder
    again: Callable[[], Encoder] | None
    known: tuple[str, ...]


def encoder_checks(
    encoder: Encoder, again: Callable[[], Encoder] | None = None, known: Sequence[str] = ORDINARY
) -> list[Check]:
    """Checks of an open encoder.

    Parameters
    ----------
    encoder
        The encoder.
    again
        Opens the same encoder anew, from the same texts if it was fitted; adds the check of its fingerprint.
    known
        Two texts or more, all different, in which it finds something.
    """
    promises = [
        says_what_it_is,
        gives_unit_rows_in_float32,
        gives_finite_rows_for_any_text,
        gives_no_rows_for_no_texts,
        gives_the_same_bits_each_time,
        encodes_a_text_alike_alone_and_in_company,
        encodes_repeats_alike,
        tells_progress_that_adds_up,
        refuses_what_is_not_a_list_of_texts,
        gives_the_same_through_the_cache,
    ]
    if again is not None:
        promises.append(has_the_same_fingerprint_when_opened_again)
    return gather(encoder.name, *promises, of=_Subject(encoder, again, tuple(known)))


def check_encoder(
    encoder: Encoder, again: Callable[[], Encoder] | None = None, known: Sequence[str] = ORDINARY
) -> None:
    """Run :func:`encoder_checks`; raise ``AssertionError`` (or a group of errors) if any fails."""
    run_all(encoder_checks(encoder, again, known))


def encoder_kind_checks(kind: EncoderKind) -> list[Check]:
    """Checks of a kind of encoder as it is registered, without opening it."""
    return gather(kind.name, kind_says_what_it_is, of=kind)


def kind_says_what_it_is(kind: EncoderKind) -> None:
    """A name that can stand in a spec, a sentence for a person who has to choose, an argument's name in capitals."""
    assert re.fullmatch(r"[a-z0-9][a-z0-9._-]*", kind.name), f"the name {kind.name!r} cannot stand in a spec string"
    assert kind.summary.endswith("."), f"the summary of {kind.name!r} is not a sentence: {kind.summary!r}"
    assert kind.summary.isprintable(), f"the summary of {kind.name!r} is more than a line"
    assert kind.argument is None or re.match(r"[A-Z][A-Z_]", kind.argument), (
        f"the argument of {kind.name!r} is called {kind.argument!r}; help shows it in capitals"
    )


def says_what_it_is(subject: _Subject) -> None:
    """A name, a dimension, a chunk size and a hexadecimal fingerprint."""
    encoder = subject.encoder
    assert encoder.name.strip(), "the encoder has no name"
    assert isinstance(encoder.dimension, int), f"dimension is {encoder.dimension!r}"
    assert encoder.dimension > 0, f"dimension is {encoder.dimension}"
    assert encoder.chunk > 0, f"chunk is {encoder.chunk}"
    assert re.fullmatch(r"[0-9a-f]{16,}", encoder.fingerprint), (
        f"the fingerprint {encoder.fingerprint!r} is not a digest of at least 16 hexadecimal digits"
    )


def gives_unit_rows_in_float32(subject: _Subject) -> None:
    """``[n, dimension]`` for texts that it knows something of."""
    vectors = subject.encoder.encode(subject.known)
    expected = (len(subject.known), subject.encoder.dimension)
    assert vectors.shape == expected, f"vectors are {vectors.shape}, not {expected}"
    assert vectors.dtype == np.float32, f"vectors are {vectors.dtype}, not float32"
    lengths = np.linalg.norm(vectors, axis=1)
    wrong = np.flatnonzero(np.abs(lengths - 1) > 1e-5)
    assert not len(wrong), f"{subject.known[wrong[0]]!r} has a vector of length {lengths[wrong[0]]}"


def gives_finite_rows_for_any_text(subject: _Subject) -> None:
    """Length one, or zero where it knows nothing of the text."""

    @settings(EXAMPLES, max_examples=10)
    @example(texts=list(HARD_TEXTS))
    @given(texts=st.lists(any_texts(), min_size=1, max_size=6))
    def holds(texts: list[str]) -> None:
        check_texts(texts)
        vectors = subject.encoder.encode(texts)
        assert vectors.shape == (len(texts), subject.encoder.dimension), f"vectors are {vectors.shape}"
        lengths = np.linalg.norm(vectors, axis=1)
        assert ((np.abs(lengths - 1) < 1e-5) | (lengths == 0)).all(), f"rows have the lengths {lengths}"

    holds()


def gives_no_rows_for_no_texts(subject: _Subject) -> None:
    """``[0, dimension]``."""
    shape = subject.encoder.encode([]).shape
    assert shape == (0, subject.encoder.dimension), f"no texts give vectors {shape}"


def gives_the_same_bits_each_time(subject: _Subject) -> None:
    """The same call, the same bits."""
    one, two = (subject.encoder.encode(subject.known) for _ in range(2))
    np.testing.assert_array_equal(one, two)


def encodes_a_text_alike_alone_and_in_company(subject: _Subject) -> None:
    """Within 1e-5, whatever the other texts and the order."""

    @settings(EXAMPLES, max_examples=10)
    @given(texts=st.lists(st.one_of(st.sampled_from(subject.known), any_texts()), min_size=1, max_size=8))
    def holds(texts: list[str]) -> None:
        together = subject.encoder.encode(texts)
        for text, vector in zip(texts, together, strict=True):
            alone = subject.encoder.encode([text])[0]
            np.testing.assert_allclose(vector, alone, atol=1e-5, err_msg=f"{text[:60]!r} alone and among {len(texts)}")

    holds()


def encodes_repeats_alike(subject: _Subject) -> None:
    """Equal texts have equal vectors, in the place of each."""
    texts = [*subject.known, *subject.known[::-1], subject.known[0]]
    vectors = subject.encoder.encode(texts)
    n = len(subject.known)
    np.testing.assert_array_equal(vectors[n : 2 * n], vectors[:n][::-1])
    np.testing.assert_array_equal(vectors[-1], vectors[0])


def tells_progress_that_adds_up(subject: _Subject) -> None:
    """To the number of texts, repeats included."""
    texts = [*subject.known, *subject.known[:2]]
    done: list[int] = []
    subject.encoder.encode(texts, progress=done.append)
    assert sum(done) == len(texts), f"progress adds up to {sum(done)} of {len(texts)} texts"


def refuses_what_is_not_a_list_of_texts(subject: _Subject) -> None:
    """With an :class:`~evenshelf.errors.InputError` that names the row."""
    cases: dict[str, Any] = {
        "one string": "one string",
        "row 1": ["a", None],
        "row 2": ["a", "b", 3.5],
        "row 0": ["caf\udce9"],
    }
    for said, wrong in cases.items():
        error = refusal(InputError, partial(subject.encoder.encode, wrong))
        assert error is not None, f"{subject.encoder.name} encodes {wrong!r}"
        assert said in error, f"the error for {wrong!r} does not say {said!r}: {error}"


def gives_the_same_through_the_cache(subject: _Subject) -> None:
    """First filled, then read."""
    plain = subject.encoder.encode(subject.known)
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(2):
            cached = VectorCache(folder).encode(subject.encoder, subject.known)
            np.testing.assert_allclose(cached, plain, atol=1e-5)


def has_the_same_fingerprint_when_opened_again(subject: _Subject) -> None:
    """And gives the same bits then: two encoders of one fingerprint may share a cache."""
    assert subject.again is not None, "there is no way to open it again"
    again = subject.again()
    assert again.fingerprint == subject.encoder.fingerprint, "opened again, it has another fingerprint"
    np.testing.assert_array_equal(again.encode(subject.known), subject.encoder.encode(subject.known))
