"""The checks of remedies for lists go red: each remedy here breaks one promise, and the check of it says so."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from evenshelf.remedies import Negatives, Sequences, parse
from evenshelf.remedies.crop import Crop
from evenshelf.remedies.sampled_softmax import SampledSoftmax
from evenshelf.testing import remedy_checks
from evenshelf.testing.augmenting import (
    draws_every_group_by_a_known_chance,
    makes_no_sequence_at_its_neutral_value,
    makes_sequences_of_known_groups,
    makes_the_same_sequences_from_the_same_generator,
)

DRAWN = np.random.default_rng(0)


class Strange(Crop):
    def augment(self, item, start, prior, near, rng):
        return Sequences.of([np.array([len(prior.counts) + 3])], ["one that nobody knows"])


class Loose(Crop):
    def augment(self, item, start, prior, near, rng):
        return Sequences(item, start[:-1], ("bounds that end too soon",))


class Silent(Crop):
    def augment(self, item, start, prior, near, rng):
        return Sequences(item, start)


class Writing(Crop):
    def augment(self, item, start, prior, near, rng):
        item += 0
        return super().augment(item, start, prior, near, rng)


class Stateful(Crop):
    def augment(self, item, start, prior, near, rng):
        return super().augment(item, start, prior, near, DRAWN)


class Fixed(Crop):
    def augment(self, item, start, prior, near, rng):
        return super().augment(item, start, prior, near, np.random.default_rng(0))


class Eager(Crop):
    def augment(self, item, start, prior, near, rng):
        return Crop(rate=1.0).augment(item, start, prior, near, rng)


class Never(SampledSoftmax):
    def competitors(self, prior):
        share = prior.counts / prior.counts.sum()
        return Negatives(5, share, np.zeros(len(share), np.float32))


class Endless(SampledSoftmax):
    def competitors(self, prior):
        found = SampledSoftmax().competitors(prior)
        return dataclasses.replace(found, offset=np.full(len(found.share), np.inf, np.float32))


class Always(SampledSoftmax):
    def competitors(self, prior):
        return SampledSoftmax().competitors(prior)


@pytest.mark.parametrize(
    ("kind", "promise"),
    [
        (Strange, makes_sequences_of_known_groups),
        (Loose, makes_sequences_of_known_groups),
        (Silent, makes_sequences_of_known_groups),
        (Stateful, makes_the_same_sequences_from_the_same_generator),
        (Fixed, makes_the_same_sequences_from_the_same_generator),
        (Eager, makes_no_sequence_at_its_neutral_value),
        (Never, draws_every_group_by_a_known_chance),
        (Endless, draws_every_group_by_a_known_chance),
        (Always, draws_every_group_by_a_known_chance),
    ],
)
def test_a_broken_remedy_is_found_out(kind, promise) -> None:
    with pytest.raises(AssertionError, match=r"."):
        promise(kind())


def test_one_that_writes_into_what_it_is_given_is_found_out() -> None:
    with pytest.raises(ValueError, match="read-only"):
        makes_sequences_of_known_groups(Writing())


def test_the_checks_take_part_where_the_stage_is_declared() -> None:
    names = {check.name for check in remedy_checks(parse("crop + sampled_softmax"))}
    assert names > {
        "makes_sequences_of_known_groups",
        "makes_the_same_sequences_from_the_same_generator",
        "makes_no_sequence_at_its_neutral_value",
        "draws_every_group_by_a_known_chance",
    }
