"""Trees as arrays say what LightGBM says, to the last bit, whatever is missing."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from evenshelf.learners.ranking.bundling import trees_of

lightgbm = pytest.importorskip("lightgbm")


def features(rng: np.random.Generator, rows: int) -> np.ndarray:
    found = rng.normal(size=(rows, 5)).astype(np.float32)
    found[rng.random(found.shape) < 0.2] = np.nan
    found[rng.random(found.shape) < 0.2] = 0.0
    found[rng.random(found.shape) < 0.05] = 1e-36
    return found


@given(
    seed=st.integers(0, 2**32 - 1),
    missing=st.booleans(),
    zero=st.booleans(),
    leaves=st.integers(2, 12),
    trees=st.integers(1, 12),
    least=st.sampled_from([1, 20, 1000]),
)
@settings(max_examples=30, deadline=None)
def test_predictions_are_those_of_lightgbm(*, seed, missing, zero, leaves, trees, least):
    rng = np.random.default_rng(seed)
    known = features(rng, 240)
    wanted = np.nan_to_num(known[:, 0]) + np.isnan(known[:, 1]) + rng.normal(size=240) > 0.5
    setting = {
        "objective": "lambdarank",
        "num_leaves": leaves,
        "min_data_in_leaf": least,
        "use_missing": missing,
        "zero_as_missing": zero,
        "verbose": -1,
        "num_threads": 1,
    }
    with threadpool_limits(1):
        model = lightgbm.train(setting, lightgbm.Dataset(known, wanted.astype(int), group=[12] * 20), trees)
        new = features(rng, 400)
        np.testing.assert_array_equal(trees_of(model).predict(new), model.predict(new))


def test_rows_are_answered_alike_in_any_number():
    rng = np.random.default_rng(0)
    known = features(rng, 240)
    wanted = (np.nan_to_num(known[:, 0]) > 0).astype(int)
    with threadpool_limits(1):
        setting = {"objective": "lambdarank", "min_data_in_leaf": 5, "verbose": -1}
        model = trees_of(lightgbm.train(setting, lightgbm.Dataset(known, wanted, group=[12] * 20), 5))
    many = features(rng, 9000)
    whole = model.predict(many)
    assert len(np.unique(whole)) > 5
    np.testing.assert_array_equal(np.concatenate([model.predict(many[:17]), model.predict(many[17:])]), whole)
    assert len(model.predict(many[:0])) == 0
