"""What a remedy promises that trains on texts made out of training texts."""

from __future__ import annotations

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from evenshelf.remedies import Prior, Remedy, Variants
from evenshelf.testing.check import EXAMPLES
from evenshelf.testing.declarations import neutral_of
from evenshelf.testing.strategies import priors

Codes = NDArray[np.int64]

MOST = 50
"""Texts of a group, of data of any size."""


def made_of(target: Codes, copies: int) -> Variants:
    """So many made texts of each given one."""
    source = np.repeat(np.arange(len(target)), copies)
    return Variants(source, np.tile(np.arange(copies), len(target)), target[source])


def _target(prior: Prior) -> Codes:
    return np.repeat(np.arange(len(prior.counts)), np.minimum(prior.counts, MOST))


def picks_some_of_what_was_made(remedy: Remedy) -> None:
    """Each once and in order, of any data."""

    @EXAMPLES
    @given(prior=priors(), variant=st.sampled_from(remedy.settings), copies=st.integers(0, 3), seed=st.integers(0, 9))
    def holds(prior: Prior, variant: Remedy, copies: int, seed: int) -> None:
        assume(not variant.not_applicable(prior, has_names=True))
        made = made_of(_target(prior), copies)
        picked = variant.pick(made, prior, np.random.default_rng(seed))
        assert picked is not None, f"{variant} picks nothing at the stage that it declares"
        assert (np.diff(picked) > 0).all(), f"{variant} picks a text twice, or not in order"
        assert len(picked) == 0 or (picked[0] >= 0 and picked[-1] < len(made)), f"{variant} picks what is not there"

    holds()


def picks_the_same_from_the_same_generator(remedy: Remedy) -> None:
    """Equal seeds, equal texts."""

    @EXAMPLES
    @given(prior=priors(), seed=st.integers(0, 9))
    def holds(prior: Prior, seed: int) -> None:
        assume(not remedy.not_applicable(prior, has_names=True))
        made = made_of(_target(prior), 3)
        one, two = (remedy.pick(made, prior, np.random.default_rng(seed)) for _ in range(2))
        np.testing.assert_array_equal(one, two)

    holds()


def names_what_makes_its_texts(remedy: Remedy) -> None:
    """And its control names the same, with copies in their place."""
    maker = remedy.text_maker
    assert maker is not None, f"{remedy} trains on made texts, and does not say what makes them"
    control = remedy.control
    if control is not None:
        assert control.text_maker is not None, f"the control of {remedy} trains on no texts"
        assert control.text_maker.made_alike == maker, f"the control of {remedy} is about other texts"
        assert control.control is None, f"the control of {remedy} has one itself"


def picks_nothing_at_its_neutral_value(remedy: Remedy) -> None:
    """Where it has one."""
    neutral = neutral_of(remedy)
    if neutral is None:
        return
    prior = Prior(np.array((40, 9, 3, 0), np.int64))
    picked = neutral.pick(made_of(_target(prior), 2), prior, np.random.default_rng(0))
    assert picked is None or not len(picked), f"{neutral} says that it does nothing, and picks {len(picked)} texts"
