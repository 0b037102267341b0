"""What every remedy promises that retrieves: scores changed row by row, by rows of training alone."""

from __future__ import annotations

import pickle

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.sparse import issparse

from evenshelf.remedies import Remedy, Retrieved
from evenshelf.testing.check import EXAMPLES, locked
from evenshelf.testing.learners import probabilities
from evenshelf.testing.strategies import Sample, labelled_vectors

Floats = NDArray[np.float32]


def retrieves_for_each_row_by_itself(remedy: Remedy) -> None:
    """Scores keep shape and type and are finite, on any data; rows do not mind their company, nor a constant."""

    @EXAMPLES
    @given(sample=labelled_vectors(), variant=st.sampled_from(remedy.settings), seed=st.integers(0, 9))
    def holds(sample: Sample, variant: Remedy, seed: int) -> None:
        assume(not variant.not_applicable(sample.prior, has_names=True))
        memory = _memory(variant, sample)
        if memory is None:
            return
        rng = np.random.default_rng(seed)
        rows = locked(sample.vectors[rng.integers(0, len(sample.target), 5)])
        scores = locked((10.0 * rng.standard_normal((5, len(sample.prior.counts)))).astype(np.float32))
        mixed = memory(scores, memory.look_up(rows))
        assert mixed.shape == scores.shape, f"{variant} makes {mixed.shape} of {scores.shape}"
        assert mixed.dtype == np.float32, f"{variant} makes {mixed.dtype} of float32"
        assert np.isfinite(mixed).all(), f"{variant} makes scores that are not finite"
        p = probabilities(mixed)
        alone = [memory(locked(scores[i : i + 1]), memory.look_up(locked(rows[i : i + 1]))) for i in range(5)]
        np.testing.assert_allclose(probabilities(np.concatenate(alone)), p, atol=1e-4, err_msg=f"{variant}: row by row")
        shifted = memory(locked(scores + np.float32(8.0)), memory.look_up(rows))
        np.testing.assert_allclose(probabilities(shifted), p, atol=1e-4, err_msg=f"{variant}: scores plus a constant")

    holds()


def keeps_the_same_memory_of_the_same_rows(remedy: Remedy) -> None:
    """To the bit, through a pickle as well; and it tells in sentences what it could not do."""

    @EXAMPLES
    @given(sample=labelled_vectors(), variant=st.sampled_from(remedy.settings))
    def holds(sample: Sample, variant: Remedy) -> None:
        assume(not variant.not_applicable(sample.prior, has_names=True))
        one, two = _memory(variant, sample), pickle.loads(pickle.dumps(_memory(variant, sample)))  # noqa: S301 - made here
        if one is None or two is None:
            assert one is two, f"{variant} retrieves once, and once not"
            return
        scores = locked(np.zeros((len(sample.target), len(sample.prior.counts)), np.float32))
        first, second = (memory(scores, memory.look_up(sample.vectors)) for memory in (one, two))
        np.testing.assert_array_equal(first, second, err_msg=f"{variant}: made twice")
        for note in one.notes:
            assert note == note.strip(), f"a note has blanks around it: {note!r}"
            assert note.count(" ") >= 2, f"a note is not a sentence: {note!r}"

    holds()


def does_not_predict_groups_without_a_row(remedy: Remedy) -> None:
    """A memory has none of them, so that what the model rules out stays ruled out."""

    @EXAMPLES
    @given(sample=labelled_vectors(), variant=st.sampled_from(remedy.settings))
    def holds(sample: Sample, variant: Remedy) -> None:
        assume(not variant.not_applicable(sample.prior, has_names=True))
        memory = _memory(variant, sample)
        if memory is None:
            return
        scores = np.where(sample.prior.present, 0.0, -1e4).astype(np.float32)
        every = locked(np.tile(scores, (len(sample.target), 1)))
        chance = probabilities(memory(every, memory.look_up(sample.vectors)))[:, ~sample.prior.present]
        assert (chance < 1e-6).all(), f"{variant} gives a group without a row a probability of {chance.max():.2g}"

    holds()


def does_not_mind_groups_that_are_not_offered(remedy: Remedy) -> None:
    """Those of which nothing was found may be left out: most items are no candidates for a query."""

    @EXAMPLES
    @given(sample=labelled_vectors(), variant=st.sampled_from(remedy.settings), seed=st.integers(0, 9))
    def holds(sample: Sample, variant: Remedy, seed: int) -> None:
        assume(not variant.not_applicable(sample.prior, has_names=True))
        memory = _memory(variant, sample)
        if memory is None:
            return
        rng = np.random.default_rng(seed)
        found = memory.look_up(sample.vectors[rng.integers(0, len(sample.target), 5)])
        if not issparse(found):
            return
        kept = (rng.random(len(sample.prior.counts)) < 0.5) | (abs(found).sum(axis=0) > 0)
        assume(kept.any())
        scores = np.where(kept, 3.0 * rng.standard_normal((5, len(kept))), -np.inf).astype(np.float32)
        every = probabilities(memory(locked(scores), found)[:, kept])
        alone = probabilities(memory(locked(scores[:, kept]), found[:, kept]))
        np.testing.assert_allclose(alone, every, atol=1e-4, err_msg=f"{variant}: groups that are not offered")

    holds()


def _memory(remedy: Remedy, sample: Sample) -> Retrieved | None:
    count = locked(np.ones(len(sample.target), np.float32))
    return remedy.retrieve(sample.vectors, sample.target, count, sample.prior)
