"""Distilling: rows that say what a model says of texts, each held to where it started."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from evenshelf.encoders.checkpoint import Checkpoint
from evenshelf.encoders.distilling import DIMENSION, distil, fitted_rows, mean_counts
from evenshelf.encoders.onnx_encoder import OnnxEncoder
from evenshelf.encoders.token_rows import TokenRowsEncoder
from evenshelf.errors import InputError
from tests.learners.finetune.tiny import bert, titles


@pytest.fixture(scope="module")
def source(tmp_path_factory, cache_folder):
    from pathlib import Path

    return Checkpoint.of_folder(Path(bert(tmp_path_factory.mktemp("models") / "bert")))


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**16), st.sampled_from((1e-2, 0.1, 1.0, 10.0)))
def test_rows_are_as_good_as_those_of_the_dense_solution(seed, held):
    rng = np.random.default_rng(seed)
    counts = rng.poisson(0.4, (12, 9)).astype(np.float32)
    counts[:, 8] = 0
    shares = mean_counts(sp.csr_array(counts), np.arange(9))
    wanted, start = rng.standard_normal((12, 3)).astype(np.float32), rng.standard_normal((9, 3)).astype(np.float32)
    dense = shares.toarray().astype(np.float64)
    right = dense.T @ wanted + held * start
    expected = np.linalg.solve(dense.T @ dense + held * np.eye(9), right)
    found = fitted_rows(shares, wanted, start, held)

    def missed(rows):
        return np.square(dense @ rows - wanted).sum() + held * np.square(rows - start).sum()

    assert missed(found.astype(np.float64)) <= missed(expected) * (1 + 1e-4) + 1e-6
    np.testing.assert_allclose(found, expected, atol=0.1)
    np.testing.assert_array_equal(found[8], start[8])


def test_rows_that_are_held_strongly_stay():
    shares = sp.csr_array(np.eye(3, dtype=np.float32))
    start = np.ones((3, 2), np.float32)
    found = fitted_rows(shares, np.zeros((3, 2), np.float32), start, held=1e6)
    np.testing.assert_allclose(found, start, atol=1e-4)


def test_shares_are_of_tokens_that_say_something():
    counts = sp.csr_array(np.array([[3, 1, 2], [5, 0, 0], [0, 0, 0]], np.float32))
    found = mean_counts(counts, np.array([1, 2])).toarray()
    np.testing.assert_allclose(found, [[0, 1 / 3, 2 / 3], [0, 0, 0], [0, 0, 0]], atol=1e-6)


def test_a_table_says_what_the_model_says_of_texts_that_it_has_not_seen(source):
    teacher = OnnxEncoder(source, "bert:x")
    learned, _ = titles((60, 40, 30))
    new = [text for text in titles((30, 20, 10), seed=9)[0] if text not in set(learned)]
    found = distil(teacher, source, learned, teacher.encode(learned))
    assert found.directions.shape == (16, min(16, DIMENSION))
    cosines = found.cosines(teacher.encode(new), TokenRowsEncoder(found.table, "static:x").encode(new))
    assert cosines.mean() > 0.95
    untaught = distil(teacher, source, learned, teacher.encode(learned[::-1]))
    others = untaught.cosines(teacher.encode(new), TokenRowsEncoder(untaught.table, "static:x").encode(new))
    assert others.mean() < cosines.mean() - 0.02, "it learns from what is said of each text"


def test_where_all_texts_are_known_no_other_token_is_looked_at_and_no_vector_changes(source):
    teacher = OnnxEncoder(source, "bert:x")
    learned, asked = ["red shoe", "blue shoe", "red lamp"], ["lamp shoe"]
    whole, part = [], []
    taught = teacher.encode(learned)
    one = distil(teacher, source, learned, taught, progress=whole.append)
    two = distil(teacher, source, learned, taught, asked=asked, progress=part.append)
    assert sum(part) < sum(whole)
    texts = [*learned, *asked]
    encoded = [TokenRowsEncoder(found.table, "static:x").encode(texts) for found in (one, two)]
    np.testing.assert_allclose(*encoded, atol=1e-6)


def test_equal_texts_give_equal_tables(source):
    teacher = OnnxEncoder(source, "bert:x")
    learned, _ = titles((10, 5, 5))
    one, two = (distil(teacher, source, learned, teacher.encode(learned)).table for _ in range(2))
    assert one.digest == two.digest


def test_texts_without_a_token_are_refused(source):
    teacher = OnnxEncoder(source, "bert:x")
    with pytest.raises(InputError, match="No text holds a token"):
        distil(teacher, source, ["???"], teacher.encode(["???"]))
