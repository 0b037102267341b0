"""Beta priors from the log itself."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import betaln

from evenshelf.clicks.priors import LEAST, MOST, beta_prior


@pytest.mark.parametrize(("a", "b"), [(0.5, 8.0), (2.0, 2.0), (6.0, 1.0), (30.0, 300.0)])
def test_the_prior_that_rates_were_drawn_from_is_found(a: float, b: float) -> None:
    rng = np.random.default_rng(0)
    trials = rng.integers(1, 60, 20_000).astype(float)
    hits = rng.binomial(trials.astype(int), rng.beta(a, b, 20_000)).astype(float)
    found = beta_prior(hits, trials)
    np.testing.assert_allclose(found, (a, b), rtol=0.15)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=20))
def test_no_prior_near_to_it_is_more_likely(rates) -> None:
    hits, misses = np.array(rates, float).T
    found = np.array(beta_prior(hits, hits + misses))
    assert ((found >= LEAST * 0.999) & (found <= MOST * 1.001)).all()

    def likelihood(a: float, b: float) -> float:
        return float((betaln(hits + a, misses + b) - betaln(a, b)).sum())

    for factor in ((1.1, 1), (1, 1.1), (0.9, 1), (1, 0.9), (1.1, 1.1), (0.9, 0.9)):
        a, b = np.clip(found * factor, LEAST, MOST)
        assert likelihood(a, b) <= likelihood(*found) + 1e-3
