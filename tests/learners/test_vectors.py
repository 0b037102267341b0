"""What `prepare` keeps: distances, folds, counts; and what is saved comes back."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import scipy.sparse as sp
from hypothesis import given, settings
from hypothesis import strategies as st

from evenshelf.errors import InputError
from evenshelf.learners.vectors import Vectors, prepare, prepare_sparse
from evenshelf.testing.strategies import Sample, labelled_vectors

from .fitting import data


@settings(max_examples=50, deadline=None)
@given(sample=labelled_vectors(), draw=st.data())
def test_rows_are_the_examples_merged_moved_and_turned(sample: Sample, draw: st.DataObject) -> None:
    n = len(sample.target)
    fold = np.array(draw.draw(st.lists(st.integers(-1, 3), min_size=n, max_size=n)))
    _, same = np.unique(sample.vectors, axis=0, return_inverse=True)
    args = sample.vectors, sample.target, fold, same.reshape(-1)
    if same.max() == 0:
        with pytest.raises(InputError, match="All vectors are equal"):
            prepare(*args)
        return
    vectors = prepare(*args)
    np.testing.assert_array_equal(vectors.target[vectors.row_of], sample.target)
    np.testing.assert_array_equal(np.bincount(vectors.row_of), vectors.count)
    assert vectors.count.sum() == n
    assert len({(f, s, t) for f, s, t in zip(fold, same.reshape(-1), sample.target, strict=True)}) == len(
        vectors.target
    )
    for f in range(-1, vectors.folds):
        assert set(vectors.row_of[fold == f]) == set(vectors.index((f,)).tolist())
    assert (vectors.rows[:, 0] == 1).all()
    # distances are kept, in units of the mean length
    given_rows = sample.vectors.astype(np.float64) / vectors.scale
    found = np.asarray(vectors.rows)[vectors.row_of, 1:].astype(np.float64)
    np.testing.assert_allclose(
        np.linalg.norm(found[:, None] - found, axis=2),
        np.linalg.norm(given_rows[:, None] - given_rows, axis=2),
        atol=1e-4,
    )
    np.testing.assert_allclose(found.mean(axis=0), 0, atol=1e-4)
    variance = (found**2).mean(axis=0)
    assert np.all(np.diff(variance) <= 1e-4)


def test_axes_do_not_depend_on_the_labels_or_the_order() -> None:
    d = data()
    n = len(d.target)
    fold = np.zeros(n, np.int64)
    one = prepare(d.vectors, d.target, fold, np.arange(n))
    two = prepare(d.vectors[::-1], d.target[::-1] * 0, fold, np.arange(n))
    np.testing.assert_allclose(one.axes, two.axes, atol=1e-4)
    np.testing.assert_allclose(one.mean, two.mean, atol=1e-6)


@pytest.mark.parametrize("sparse", [False, True])
def test_what_is_saved_comes_back_to_the_bit(sparse: bool, tmp_path: Path) -> None:
    d = data()
    fold = np.arange(len(d.target)) % 3 - 1
    same = np.arange(len(d.target))
    if sparse:
        vectors = prepare_sparse(sp.csr_array(np.maximum(d.vectors, 0)), d.target, fold, same)
    else:
        vectors = prepare(d.vectors, d.target, fold, same)
    vectors.save(tmp_path)
    again = Vectors.load(tmp_path)
    assert again.bounds == vectors.bounds
    assert again.folds == 2
    assert again.scale == vectors.scale
    for name in ("target", "count", "row_of", "mean", "axes"):
        np.testing.assert_array_equal(getattr(again, name), getattr(vectors, name))
    dense = [v.rows.toarray() if sparse else np.asarray(v.rows) for v in (vectors, again)]
    np.testing.assert_array_equal(*dense)
    with pytest.raises(ValueError, match="read-only"):
        _write(again)


def _write(vectors: Vectors) -> None:
    if isinstance(vectors.rows, np.ndarray):
        vectors.rows[0, 0] = 2.0
    else:
        raise ValueError("sparse rows are read whole, not mapped: nothing is read-only")


def test_values_that_are_not_finite_and_vectors_all_alike_are_refused() -> None:
    d = data()
    n = len(d.target)
    args = d.target, np.zeros(n, np.int64), np.arange(n)
    broken = d.vectors.copy()
    broken[7, 0] = np.nan
    broken[9, 1] = np.inf
    with pytest.raises(InputError, match=rf"2 of {n} vectors .*not finite \(first: row 7\)"):
        prepare(broken, *args)
    with pytest.raises(InputError, match="All vectors are equal"):
        prepare(np.ones((n, 3), np.float32), *args)


@pytest.mark.parametrize("offset", [0.0, 3.0, 100.0])
def test_a_constant_added_to_all_vectors_changes_no_row(offset: float) -> None:
    rng = np.random.default_rng(0)
    given = rng.standard_normal((60, 5)).astype(np.float32)
    target, fold, same = rng.integers(0, 3, 60), rng.integers(0, 3, 60), np.arange(60)
    plain, moved = (prepare(v, target, fold, same) for v in (given, given + np.float32(offset)))
    np.testing.assert_allclose(np.abs(moved.rows), np.abs(plain.rows), atol=1e-3)
    assert moved.scale == pytest.approx(plain.scale, rel=1e-4)


@settings(max_examples=30, deadline=None)
@given(sample=labelled_vectors())
def test_variance_held_grows_to_all_of_it(sample: Sample) -> None:
    n = len(sample.target)
    if len(np.unique(sample.vectors, axis=0)) == 1:
        return
    vectors = prepare(sample.vectors, sample.target, np.zeros(n, np.int64), np.arange(n))
    held = [vectors.held(axes) for axes in range(sample.vectors.shape[1] + 1)]
    assert held[0] == 0
    assert held[-1] == pytest.approx(1)
    assert np.all(np.diff(held) >= -1e-6)
    variances = np.sort(
        np.linalg.eigvalsh(np.cov(sample.vectors.astype(np.float64).T, ddof=0).reshape(len(held) - 1, -1))
    )
    expected = variances[::-1].cumsum() / variances.sum()
    np.testing.assert_allclose(held[1:], expected, atol=1e-3)
