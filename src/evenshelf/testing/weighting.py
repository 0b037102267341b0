"""What every remedy promises that weighs groups or brings a loss."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from evenshelf.remedies import Loss, Prior, Remedy, Stage
from evenshelf.testing import losses
from evenshelf.testing.check import EXAMPLES, locked
from evenshelf.testing.losses import check_weights
from evenshelf.testing.strategies import priors

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]


def gives_each_group_a_weight(remedy: Remedy) -> None:
    """``[G]`` float32, finite and above zero, for any prior."""

    @EXAMPLES
    @given(prior=priors(), variant=st.sampled_from(remedy.settings))
    def holds(prior: Prior, variant: Remedy) -> None:
        weights = variant.weight(prior)
        if weights is not None:
            check_weights(weights, len(prior.counts))

    holds()


def never_weighs_a_rarer_group_less(remedy: Remedy) -> None:
    """Among groups with rows."""

    @EXAMPLES
    @given(prior=priors(min_present=2), variant=st.sampled_from(remedy.settings))
    def holds(prior: Prior, variant: Remedy) -> None:
        weights = variant.weight(prior)
        if weights is not None:
            falls(weights[prior.present], prior.counts[prior.present], "weight")

    holds()


def has_a_sound_loss(remedy: Remedy) -> None:
    """Every check of a loss, at every setting, for several priors; class weights favour the rare."""
    for counts in ((5, 1), (30, 4, 1, 0), (10**9, 1, 1)):
        prior = Prior(locked(np.array(counts)))
        part = next(part for part in remedy.parts if Stage.LOSS in part.stages)
        for variant in part.settings:
            loss = variant.loss(prior)
            assert isinstance(loss, Loss), f"{variant} has the loss {loss!r}, not an evenshelf.remedies.Loss"
            weights = loss.class_weight()
            if weights is not None:
                falls(weights[prior.present], prior.counts[prior.present], "class weight")
            losses.check_loss(loss, len(counts))


def falls(values: Floats, counts: Codes, what: str) -> None:
    """Raise ``AssertionError`` if a group with more rows has more than one with fewer."""
    order: Sequence[int] = np.lexsort((-values, counts)).tolist()
    sized, ordered = counts[order], values[order].astype(np.float64)
    rise = (np.diff(ordered) > 1e-5 * np.maximum(1e-30, np.abs(ordered[:-1]))) & (np.diff(sized) > 0)
    at = np.flatnonzero(rise)
    assert not len(at), (
        f"a group of {sized[at[0] + 1]} rows has the {what} {ordered[at[0] + 1]:.6g}, "
        f"one of {sized[at[0]]} rows only {ordered[at[0]]:.6g}"
    )
