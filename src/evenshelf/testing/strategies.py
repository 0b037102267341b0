"""Hypothesis strategies: the data that break things, small enough to be quick."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from hypothesis import strategies as st
from numpy.typing import NDArray

from evenshelf.remedies import Prior
from evenshelf.testing.check import locked

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Sample:
    """Labelled vectors; all arrays are protected against writing.

    Attributes
    ----------
    vectors
        ``[n, d]`` float32.
    target
        ``[n]`` group codes.
    prior
        Of these rows; it may have groups without a row.
    """

    vectors: Floats
    target: Codes
    prior: Prior

    def __repr__(self) -> str:
        return f"Sample(counts={self.prior.counts.tolist()}, target={self.target.tolist()}, vectors={self.vectors!r})"

    @classmethod
    def of(cls, vectors: NDArray[Any], target: NDArray[Any], groups: int) -> Sample:
        """Count the groups and protect the arrays."""
        codes = np.asarray(target, np.int64)
        prior = Prior(locked(np.bincount(codes, minlength=groups)))
        return cls(locked(np.asarray(vectors, np.float32)), locked(codes), prior)


@st.composite
def priors(draw: st.DrawFn, min_present: int = 1, max_groups: int = 8, max_count: int = 10**9) -> Prior:
    """Examples per group: one group, ties, cold groups, ratios up to `max_count`.

    Parameters
    ----------
    min_present
        At least so many groups have an example.
    max_groups
        In all, cold ones included.
    max_count
        Most examples of a group.
    """
    typical = [c for c in (1, 1, 2, 3, 5, 17, 1_000, 10**6, 10**9) if c <= max_count]
    count = st.one_of(st.sampled_from(typical), st.integers(1, max_count))
    present = draw(st.lists(count, min_size=min_present, max_size=max_groups))
    if draw(st.booleans()):
        present = [present[0]] * len(present)
    cold = draw(st.integers(0, max_groups - len(present)))
    counts = draw(st.permutations([*present, *[0] * cold]))
    return Prior(locked(np.array(counts, np.int64)))


@st.composite
def labelled_vectors(draw: st.DrawFn, min_present: int = 2, max_count: int = 12) -> Sample:
    """Labelled vectors: one row per group, two rows in all, equal rows, constant columns, tiny and huge scale.

    Parameters
    ----------
    min_present
        At least so many groups have a row.
    max_count
        Most rows of a group.
    """
    prior = draw(priors(min_present=min_present, max_groups=5, max_count=max_count))
    target = np.repeat(np.arange(len(prior.counts)), prior.counts)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    dimension = draw(st.integers(1, 6))
    vectors = rng.standard_normal((len(target), dimension))
    nature = draw(st.sampled_from(["plain", "equal", "repeated", "constant column", "collinear", "zero"]))
    if nature == "equal":
        vectors[:] = vectors[0]
    elif nature == "repeated":
        vectors = vectors[rng.integers(0, len(target), len(target))]
    elif nature == "constant column":
        vectors[:, 0] = 1.0
    elif nature == "collinear":
        vectors = np.outer(vectors[:, 0], np.arange(1, dimension + 1))
    elif nature == "zero":
        vectors[:] = 0.0
    vectors *= draw(st.sampled_from([1.0, 1.0, 1e-12, 1e12]))
    order = rng.permutation(len(target))
    return Sample.of(vectors[order], target[order], len(prior.counts))


_LETTERS = st.characters(exclude_categories=["Cs"])
_HAN = st.text(st.characters(min_codepoint=0x4E00, max_codepoint=0x9FA5), min_size=1, max_size=12)
_WORDS = st.lists(
    st.sampled_from(["Nike", "shoe", "men's", "watch", "XL", "手提包", "运动鞋", "42码", "-", "(2-pack)"]),
    min_size=1,
    max_size=8,
).map(" ".join)
HARD_TEXTS = (
    "",
    " ",
    "\t\r\n",
    "\x00",
    "\x07\x1b[31m",
    "\u200b\u200d",
    "\ufeff title",
    "\u0301",
    "\u202eright to left",
    "\U0001f60e\U0001f45f",
    "\U0001f468\u200d\U0001f469\u200d\U0001f467",
    "ＮＩＫＥ　运动鞋",
    "日本語 テキスト 한국어 عربى",
    "!!!",
    "x" * 3000,
    "shoe " * 600,
    "鞋" * 2000,
)
"""Texts that break things: empty, control characters, joined emoji, right to left, very long."""


def texts() -> st.SearchStrategy[str]:
    """Product texts as they come: English, Chinese, emoji, empty, very long, control characters."""
    return st.one_of(_WORDS, _HAN, st.sampled_from(HARD_TEXTS), st.text(_LETTERS, max_size=40))


def labels(min_size: int = 2, max_size: int = 60) -> st.SearchStrategy[list[str]]:
    """A class for each of some examples, at least two classes: skewed, single-example classes, any script."""
    name = st.one_of(st.sampled_from(["shoe", "watch", "手提包", "a > b", "", " ", "0", "nan"]), st.text(_LETTERS))

    @st.composite
    def drawn(draw: st.DrawFn) -> list[str]:
        size = draw(st.integers(min_size, max_size))
        names = draw(st.lists(name, min_size=2, max_size=8, unique=True))
        more = draw(st.lists(st.sampled_from([names[0], *names]), min_size=size - 2, max_size=size - 2))
        return list(draw(st.permutations([names[0], names[1], *more])))

    return drawn()


@st.composite
def scored_rows(draw: st.DrawFn, groups: int, scale: float = 5.0, max_rows: int = 4) -> tuple[Floats, Codes, Floats]:
    """Scores ``[n, groups]`` of size `scale`, a group for each row, and positive weights for each row."""
    rows = draw(st.integers(1, max_rows))
    number = st.floats(-scale, scale, width=32)
    scores = draw(st.lists(st.lists(number, min_size=groups, max_size=groups), min_size=rows, max_size=rows))
    target = draw(st.lists(st.integers(0, groups - 1), min_size=rows, max_size=rows))
    weight = draw(st.lists(st.floats(0.0625, 8.0, width=32), min_size=rows, max_size=rows))
    return np.array(scores, np.float32), np.array(target, np.int64), np.array(weight, np.float32)
