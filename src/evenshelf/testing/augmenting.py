"""What every remedy promises that makes sequences, or draws what examples compete with."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from evenshelf.remedies import MASKED, Negatives, Prior, Remedy, Sequences
from evenshelf.testing.check import EXAMPLES, locked
from evenshelf.testing.strategies import priors

Codes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Steps:
    """Sequences of groups as a remedy is given them; all arrays are protected against writing."""

    given: Sequences
    prior: Prior
    near: Codes | None

    def augment(self, remedy: Remedy, seed: int) -> Sequences | None:
        """What the remedy makes of them."""
        rng = np.random.default_rng(seed)
        return remedy.augment(self.given.item, self.given.start, self.prior, self.near, rng)


def steps_of(lengths: list[int], groups: int, seed: int, neighbours: int | None) -> Steps:
    """Random sequences of given lengths; each group near to `neighbours` others, or to fewer, none if ``None``."""
    rng = np.random.default_rng(seed)
    start = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
    item = rng.integers(0, groups, start[-1])
    near = None
    if neighbours is not None:
        near = np.argsort(rng.random((groups, groups)), axis=1)[:, :neighbours]
        near = locked(np.where(near == np.arange(groups)[:, None], -1, near).astype(np.int64))
    prior = Prior(locked(np.bincount(item, minlength=groups).astype(np.int64)))
    return Steps(Sequences(locked(item), locked(start)), prior, near)


@st.composite
def sequences(draw: st.DrawFn) -> Steps:
    """Empty sequences, single steps, long ones; with and without neighbours."""
    lengths = draw(st.lists(st.sampled_from([0, 1, 2, 3, 4, 7, 30]), min_size=1, max_size=6))
    return steps_of(
        lengths, draw(st.integers(2, 9)), draw(st.integers(0, 99)), draw(st.one_of(st.none(), st.integers(0, 4)))
    )


def makes_sequences_of_known_groups(remedy: Remedy) -> None:
    """Bounds that fit, whole numbers, groups that were given or are near to one, notes to read."""

    @EXAMPLES
    @given(steps=sequences(), variant=st.sampled_from(remedy.settings), seed=st.integers(0, 9))
    def holds(steps: Steps, variant: Remedy, seed: int) -> None:
        made = steps.augment(variant, seed)
        if made is None:
            return
        assert made.item.dtype == made.start.dtype == np.int64, f"{made.item.dtype} and {made.start.dtype}"
        assert made.start[0] == 0, f"sequences begin at {made.start[0]}"
        assert made.start[-1] == len(made.item), f"bounds end at {made.start[-1]}, steps at {len(made.item)}"
        assert (made.lengths >= 0).all(), f"bounds go back: {made.start}"
        near = np.empty(0, np.int64) if steps.near is None else steps.near[np.unique(steps.given.item)].ravel()
        known = np.unique(np.concatenate([steps.given.item, near, [MASKED]]))
        strange = np.setdiff1d(made.item, known)
        assert not len(strange), f"{variant} brings in groups {strange}, which are neither there nor near"
        assert made.notes, f"{variant} does not tell what it did"
        for note in made.notes:
            assert note == note.strip(), f"a note has blanks around it: {note!r}"
            assert note.count(" ") >= 2, f"a note is not a sentence: {note!r}"

    holds()


def makes_the_same_sequences_from_the_same_generator(remedy: Remedy) -> None:
    """And others from another one."""
    steps = steps_of([12] * 20, 30, 0, 3)
    for variant in remedy.settings:
        one, same, other = (steps.augment(variant, seed) for seed in (0, 0, 1))
        assert one is not None, f"{variant} makes nothing of twenty sequences"
        assert same is not None
        assert other is not None
        assert np.array_equal(one.item, same.item), f"{variant} made other sequences from the same generator"
        assert len(one.item) != len(other.item) or not np.array_equal(one.item, other.item), (
            f"{variant} makes the same sequences whatever the seed"
        )


def makes_no_sequence_at_its_neutral_value(remedy: Remedy) -> None:
    """Where it has one."""
    for part in remedy.parts:
        if part.neutral:
            made = steps_of([12] * 20, 30, 0, 3).augment(part.with_parameters(**part.neutral), 0)
            assert made is None, f"{part} should do nothing at {dict(part.neutral)}"


def draws_every_group_by_a_known_chance(remedy: Remedy) -> None:
    """Chances above 0 that add up to one, offsets that are finite, and none at the neutral value."""

    @EXAMPLES
    @given(prior=priors(min_present=2), variant=st.sampled_from(remedy.settings), seed=st.integers(0, 9))
    def holds(prior: Prior, variant: Remedy, seed: int) -> None:
        found = variant.competitors(prior)
        assert isinstance(found, Negatives), f"{variant} gives {found!r}, not evenshelf.remedies.Negatives"
        assert found.count > 0, f"{variant} draws {found.count}"
        assert found.share.shape == found.offset.shape == prior.counts.shape
        assert (found.share > 0).all(), f"groups are never drawn: {found.share}"
        assert np.isclose(found.share.sum(), 1.0), f"chances add up to {found.share.sum()}"
        assert np.isfinite(found.offset).all(), f"offsets are not finite: {found.offset}"
        groups, added = found.drawn(np.random.default_rng(seed))
        assert np.isfinite(added).all(), f"scores of drawn groups change by {added}"
        assert len(np.unique(groups)) == len(groups) > 0, f"a group stands twice in {groups}"

    holds()
    for part in remedy.parts:
        if part.neutral:
            neutral = part.with_parameters(**part.neutral)
            assert neutral.competitors(Prior(np.array([5, 2, 0]))) is None, f"{neutral} should do nothing"
