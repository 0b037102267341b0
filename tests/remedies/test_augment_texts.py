"""Which made texts are trained on, and what a study compares them with."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenshelf.errors import SettingError
from evenshelf.remedies import Prior, Stage, Variants, parse, remedy_set
from evenshelf.remedies.resample import wanted_counts
from evenshelf.testing import remedy_checks
from evenshelf.testing.variants import made_of

EDA = parse("augment_texts(maker='eda')")
CHECKS = remedy_checks(EDA) + remedy_checks(parse("augment_texts(maker='eda') + balanced"))


@pytest.mark.parametrize("check", CHECKS)
def test_what_every_remedy_promises(check) -> None:
    check()


@given(
    counts=st.lists(st.integers(0, 30), min_size=2, max_size=6).filter(lambda c: sum(n > 0 for n in c) > 1),
    strength=st.floats(0, 1),
    copies=st.integers(1, 4),
    seed=st.integers(0, 5),
)
def test_groups_grow_as_far_as_is_wanted_and_as_there_are_texts(counts, strength, copies, seed) -> None:
    prior = Prior(np.array(counts))
    remedy = parse(f"augment_texts(maker='eda', strength={strength!r})")
    made = made_of(np.repeat(np.arange(len(counts)), counts), copies)
    picked = remedy.pick(made, prior, np.random.default_rng(seed))
    more = np.bincount(made.target[picked], minlength=len(counts))
    missing = wanted_counts(prior, strength) - prior.counts
    np.testing.assert_array_equal(more, np.minimum(missing, copies * prior.counts))


@given(st.integers(0, 20))
def test_every_text_gives_one_before_any_gives_two(seed: int) -> None:
    prior = Prior(np.array([10, 4]))
    made = made_of(np.repeat([0, 1], prior.counts), 3)
    picked = EDA.pick(made, prior, np.random.default_rng(seed))
    of_rare = made.source[picked][made.target[picked] == 1]
    times = np.bincount(of_rare, minlength=14)[10:]
    assert times.sum() == 2
    assert times.max() <= 1


def test_texts_of_which_few_were_made_are_no_hindrance() -> None:
    made = Variants(np.array([0, 3, 3]), np.array([0, 0, 1]), np.array([0, 1, 1]))
    picked = EDA.with_parameters(strength=1.0).pick(made, Prior(np.array([9, 1])), np.random.default_rng(0))
    np.testing.assert_array_equal(picked, [1, 2])


def test_a_study_compares_them_with_as_many_copies() -> None:
    specs = [r.spec for r in remedy_set("augment_texts(maker='eda') + balanced, focal")]
    assert specs == [
        "none",
        "augment_texts(maker='eda') + balanced",
        "augment_texts(maker='eda', copied=True) + balanced",
        "focal",
    ]
    alone = parse("augment_texts(maker='eda', copied=True)")
    assert alone.control is None
    assert alone.text_maker.copied
    assert alone.text_maker.made_alike == EDA.text_maker


def test_what_makes_them_has_to_be_said() -> None:
    assert "maker='eda'" in (parse("augment_texts").not_applicable(Prior(np.array([5, 5])), has_names=True) or "")
    assert not [r for r in remedy_set("standard") if Stage.VARIANTS in r.stages]
    with pytest.raises(SettingError, match="same stage"):
        parse("augment_texts(maker='eda') + augment_texts(maker='crop')")
