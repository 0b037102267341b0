"""What every remedy promises that adjusts scores."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from evenshelf.remedies import Prior, Remedy
from evenshelf.testing.check import EXAMPLES, locked
from evenshelf.testing.declarations import neutral_of
from evenshelf.testing.learners import probabilities
from evenshelf.testing.strategies import priors
from evenshelf.testing.weighting import falls

Floats = NDArray[np.float32]


def adjusts_each_row_by_itself(remedy: Remedy) -> None:
    """Scores keep shape and type and stay finite; rows do not mind their company, or a constant added to all scores.

    A higher score of a group never becomes a lower one.
    """

    @EXAMPLES
    @given(prior=priors(min_present=2), variant=st.sampled_from(remedy.settings), data=st.data())
    def holds(prior: Prior, variant: Remedy, data: st.DataObject) -> None:
        assume(not variant.not_applicable(prior, has_names=True))
        groups = len(prior.counts)
        rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
        scale = data.draw(st.sampled_from([0.0, 1.0, 30.0, 1e4]))
        scores = locked((scale * rng.standard_normal((5, groups))).astype(np.float32))
        absent = ~prior.present if data.draw(st.booleans()) else np.zeros(groups, bool)
        norms = locked(np.where(absent, 0.0, rng.exponential(size=groups) + 0.01).astype(np.float32))
        adjusted = variant.adjust(scores, prior, norms)
        assert adjusted.shape == scores.shape, f"{variant} makes {adjusted.shape} of {scores.shape}"
        assert adjusted.dtype == np.float32, f"{variant} makes {adjusted.dtype} of float32"
        assert np.isfinite(adjusted).all(), f"{variant} makes scores that are not finite"
        alone = np.concatenate([variant.adjust(locked(scores[i : i + 1]), prior, norms) for i in range(5)])
        near = 1e-5 * max(1.0, float(np.abs(adjusted).max()))
        np.testing.assert_allclose(adjusted, alone, rtol=0, atol=near, err_msg=f"{variant}: row by row")
        shifted = probabilities(variant.adjust(locked(scores + np.float32(8.0)), prior, norms))
        np.testing.assert_allclose(
            shifted, probabilities(adjusted), atol=1e-4 + near, err_msg=f"{variant}: scores plus a constant"
        )
        group = data.draw(st.integers(0, groups - 1))
        higher = scores.copy()
        higher[:, group] += 0.5 + 0.1 * scale
        raised = variant.adjust(locked(higher), prior, norms)[:, group]
        assert (raised >= adjusted[:, group]).all(), f"{variant}: a higher score of group {group} became a lower one"

    holds()


def never_favours_the_frequent(remedy: Remedy) -> None:
    """Where groups score alike, and weights are longer for the frequent, rare ones gain: more, the stronger it is."""

    @EXAMPLES
    @given(prior=priors(min_present=2), variant=st.sampled_from(remedy.settings))
    def holds(prior: Prior, variant: Remedy) -> None:
        assume(not variant.not_applicable(prior, has_names=True))
        falls(_even_scores(variant, prior)[prior.present], prior.counts[prior.present], "adjusted score")

    holds()
    neutral, kind = neutral_of(remedy), type(remedy)
    if neutral is None or len(remedy.parts) > 1 or len(kind.neutral or {}) != 1:
        return
    ((parameter, zero),) = (kind.neutral or {}).items()
    prior = Prior(np.array([1000, 100, 10, 1]))
    values = sorted({zero, *kind.grid.get(parameter, ())}, key=lambda value: abs(value - zero))
    gains = []
    for value in values:
        scores = _even_scores(remedy.with_parameters(**{parameter: value}), prior)
        gains.append(float(scores[3] - scores[0]))
    assert np.isclose(gains[0], 0.0, atol=1e-5), f"{neutral} favours a group: {gains[0]}"
    assert (np.diff(gains) >= 0).all(), f"{parameter} of {values} gives the rarest group {gains}"


def _even_scores(remedy: Remedy, prior: Prior) -> Floats:
    """``[G]`` adjusted score of each group in a row that scores it 1 and the others 0; norms grow with the counts."""
    counts = np.maximum(prior.counts, 1).astype(np.float64)
    norms = np.where(prior.present, 1.0 + np.log(counts), 0.0).astype(np.float32)
    return remedy.adjust(locked(np.eye(len(counts), dtype=np.float32)), prior, locked(norms)).diagonal()
