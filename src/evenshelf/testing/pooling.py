"""What every remedy promises that pools."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st

from evenshelf.remedies import Prior, Remedy
from evenshelf.testing.check import EXAMPLES, locked
from evenshelf.testing.strategies import priors


def gives_each_group_a_centre(remedy: Remedy) -> None:
    """``[G, d]`` float32 and finite, for any prior, any means, and any names: also without, if it does not need any."""

    @EXAMPLES
    @given(
        prior=priors(min_present=2),
        variant=st.sampled_from(remedy.settings),
        seed=st.integers(0, 9),
        scale=st.sampled_from([0.0, 1e-6, 1.0, 1e6]),
        has_names=st.booleans(),
    )
    def holds(prior: Prior, variant: Remedy, seed: int, scale: float, has_names: bool) -> None:
        assume(not variant.not_applicable(prior, has_names=has_names))
        shape = (len(prior.counts), 4)
        rng = np.random.default_rng(seed)
        names = locked((scale * rng.standard_normal(shape)).astype(np.float32))
        means = locked((scale * prior.present[:, None] * rng.standard_normal(shape)).astype(np.float32))
        centre = variant.centre(names if has_names else None, prior, means)
        if centre is not None:
            assert centre.shape == shape, f"{variant} makes {centre.shape} of {shape}"
            assert centre.dtype == np.float32, f"{variant} makes {centre.dtype} of float32"
            assert np.isfinite(centre).all(), f"{variant} makes a centre that is not finite"

    holds()
