"""What every remedy that calibrates promises: the same for each row, total, and better where scores were too sure."""

from __future__ import annotations

import pickle

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from evenshelf.remedies import Prior, Remedy
from evenshelf.testing.check import EXAMPLES, locked
from evenshelf.testing.learners import probabilities
from evenshelf.testing.strategies import priors

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]


def unseen_scores(prior: Prior, seed: int, rows: int = 200, scale: float = 2.0) -> tuple[Floats, Codes, Floats, Prior]:
    """Scores of held-out rows, their groups and counts: right more often than not, and `scale` times as sure as right.

    Parameters
    ----------
    prior
        Rows are drawn by its counts, so that some groups may have none.
    """
    rng = np.random.default_rng(seed)
    groups = len(prior.counts)
    target = rng.choice(groups, rows, p=prior.counts / prior.counts.sum())
    scores = rng.standard_normal((rows, groups)) + np.maximum(prior.log_share, -8.0)
    scores[np.arange(rows), target] += 1.5
    count = rng.integers(1, 4, rows).astype(np.float32)
    return locked((scale * scores).astype(np.float32)), locked(target), locked(count), prior


def calibrates_each_row_by_itself(remedy: Remedy) -> None:
    """Rows do not mind their company, nor a constant added to all scores; the same rows give the same again."""

    @EXAMPLES
    @given(prior=priors(min_present=2), variant=st.sampled_from(remedy.settings), seed=st.integers(0, 2**16))
    def holds(prior: Prior, variant: Remedy, seed: int) -> None:
        given_rows = unseen_scores(prior, seed)
        found = variant.calibration(*given_rows)
        if found is None:
            return
        new = unseen_scores(prior, seed + 1, rows=6)[0]
        calibrated = found(new)
        assert calibrated.dtype == np.float32, f"{variant} makes {calibrated.dtype} of float32"
        near = 1e-4 * max(1.0, float(np.abs(calibrated).max()))
        alone = np.concatenate([found(locked(new[i : i + 1])) for i in range(len(new))])
        np.testing.assert_allclose(calibrated, alone, rtol=0, atol=near, err_msg=f"{variant}: row by row")
        shifted = probabilities(found(locked(new + np.float32(8.0))))
        np.testing.assert_allclose(
            shifted, probabilities(calibrated), atol=1e-3, err_msg=f"{variant}: scores plus a constant"
        )
        again = pickle.loads(pickle.dumps(variant.calibration(*given_rows)))(new)  # noqa: S301 - made here
        np.testing.assert_array_equal(again, calibrated, err_msg=f"{variant}: fitted twice, and through a pickle")

    holds()


def calibrates_any_scores(remedy: Remedy) -> None:
    """Few rows, none, groups without any, scores of any size: shape stays, and all is finite."""

    @EXAMPLES
    @given(
        prior=priors(min_present=2),
        variant=st.sampled_from(remedy.settings),
        data=st.data(),
    )
    def holds(prior: Prior, variant: Remedy, data: st.DataObject) -> None:
        seed, rows = data.draw(st.integers(0, 9)), data.draw(st.sampled_from([0, 1, 2, 30]))
        scale = data.draw(st.sampled_from([0.0, 1.0, 100.0]))
        scores, target, count, _ = unseen_scores(prior, seed, rows, scale)
        scores = scores.copy()
        if data.draw(st.booleans()):
            scores[:, ~prior.present] = -1e4
        found = variant.calibration(locked(scores), target, count, prior)
        if found is None:
            return
        new = unseen_scores(prior, seed + 1, 5, max(scale, 1.0))[0]
        calibrated = found(new)
        assert calibrated.shape == new.shape, f"{variant} makes {calibrated.shape} of {new.shape}"
        assert np.isfinite(calibrated).all(), f"{variant} makes scores that are not finite"

    holds()


def calibrates_what_was_too_sure(remedy: Remedy) -> None:
    """New rows of scores that are three times as sure as right do not become less likely, in the mean."""
    prior = Prior(np.array([120, 50, 20, 8]))
    found = remedy.calibration(*unseen_scores(prior, 1, 2000, 3.0))
    if found is None:
        return
    scores, target, count, _ = unseen_scores(prior, 2, 2000, 3.0)
    before, after = (
        float(np.average(-np.log(np.maximum(probabilities(s)[np.arange(2000), target], 1e-12)), weights=count))
        for s in (scores, found(scores))
    )
    assert after <= before + 0.25, f"{remedy} raises the log loss of held-out rows from {before:.3f} to {after:.3f}"
