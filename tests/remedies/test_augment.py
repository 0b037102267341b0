"""Changed sequences keep what they promise: a piece, the order, the items, or neighbours alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenshelf.errors import SettingError
from evenshelf.remedies import MASKED, Prior, Sequences, parse

lengths = st.lists(st.integers(0, 9), min_size=1, max_size=6)
shares = st.sampled_from([0.0, 0.3, 0.6, 1.0])


def numbered(sizes: list[int]) -> Sequences:
    """Every step is another item, so that what is made tells what it was made of."""
    start = np.concatenate([[0], np.cumsum(sizes)]).astype(np.int64)
    return Sequences(np.arange(start[-1]), start)


def made_of(given_: Sequences, spec: str, seed: int, near: np.ndarray | None = None) -> list[np.ndarray]:
    prior = Prior(np.bincount(given_.item, minlength=len(given_.item)).astype(np.int64))
    found = parse(spec).augment(given_.item, given_.start, prior, near, np.random.default_rng(seed))
    assert found is not None
    return np.split(found.item, found.start[1:-1]) if len(found) else []


def source(given_: Sequences, part: np.ndarray) -> np.ndarray:
    """The sequence that a part was made of."""
    known = part[part != MASKED]
    of = np.unique(given_.sequence[known])
    assert len(of) == 1
    return given_.item[given_.start[of[0]] : given_.start[of[0] + 1]]


@given(lengths, shares, st.integers(0, 9))
def test_a_crop_is_a_contiguous_piece(sizes: list[int], share: float, seed: int) -> None:
    before = numbered(sizes)
    made = made_of(before, f"crop(rate=1, share={share})", seed)
    for part in made:
        whole = source(before, part)
        assert len(part) == max(round(share * len(whole)), 2) < len(whole)
        assert (np.diff(part) == 1).all()
    assert len(made) == sum(max(round(share * n), 2) < n for n in sizes)


@given(lengths, shares, st.integers(0, 9))
def test_a_mask_hides_steps_and_moves_none(sizes: list[int], share: float, seed: int) -> None:
    before = numbered(sizes)
    made = made_of(before, f"mask(rate=1, share={share})", seed)
    for part in made:
        whole = source(before, part)
        assert len(part) == len(whole)
        hidden = part == MASKED
        np.testing.assert_array_equal(part[~hidden], whole[~hidden])
        assert hidden.sum() == min(max(round(share * len(whole)), 1), len(whole) - 2)
    assert len(made) == sum(n > 2 for n in sizes)


@given(lengths, shares, st.integers(0, 9))
def test_reordering_keeps_all_items_and_leaves_what_is_around_the_piece(sizes: list[int], share: float, seed: int):
    before = numbered(sizes)
    made = made_of(before, f"reorder(rate=1, share={share})", seed)
    for part in made:
        whole = source(before, part)
        np.testing.assert_array_equal(np.sort(part), whole)
        moved = np.flatnonzero(part != whole)
        assert moved.max(initial=0) - moved.min(initial=len(whole)) < max(round(share * len(whole)), 2)
    assert len(made) == sum(n > 1 for n in sizes)


@given(lengths, shares, st.integers(0, 9), st.integers(1, 4))
def test_substitutes_are_neighbours_and_what_has_none_stays(sizes: list[int], share: float, seed: int, k: int) -> None:
    before = numbered(sizes)
    rng = np.random.default_rng(seed)
    near = rng.integers(-1, max(len(before.item), 1), (len(before.item), k))
    made = made_of(before, f"substitute(rate=1, share={share})", seed, near)
    for part, number in zip(made, np.flatnonzero(before.lengths > 0), strict=True):
        whole = before.item[before.start[number] : before.start[number + 1]]
        changed = np.flatnonzero(part != whole)
        assert len(changed) <= max(round(share * len(whole)), 1)
        for place in changed:
            assert part[place] in near[whole[place]]
            assert part[place] >= 0
        if share == 1.0:
            alone = (near[whole] < 0).all(axis=1)
            stays = alone | ((near[whole] == whole[:, None]) | (near[whole] < 0)).all(axis=1)
            np.testing.assert_array_equal(part[stays], whole[stays])


@pytest.mark.parametrize(("rare", "expected"), [(0.0, 0.5), (1.0, 10 / 11), (2.0, 100 / 101)])
def test_rare_neighbours_come_first(rare: float, expected: float) -> None:
    item, start = np.zeros(20_000, np.int64), np.arange(0, 20_001, 4)
    prior = Prior(np.array([100, 9, 0]))
    near = np.array([[1, 2], [0, 2], [0, 1]])
    remedy = parse(f"substitute(rate=1, share=1, rare={rare})")
    made = remedy.augment(item, start, prior, near, np.random.default_rng(0))
    assert made is not None
    assert (made.item == 2).mean() == pytest.approx(expected, abs=0.015)


@pytest.mark.parametrize("name", ["crop", "mask", "reorder", "substitute"])
def test_as_many_sequences_are_changed_as_the_rate_says(name: str) -> None:
    before = numbered([5] * 2000)
    near = np.roll(np.arange(10_000), 1)[:, None]
    assert len(made_of(before, f"{name}(rate=0.25)", 0, near)) == pytest.approx(500, abs=60)


def test_pieces_are_drawn_alike_from_all_places() -> None:
    before = numbered([5] * 3000)
    first = np.array([part[0] % 5 for part in made_of(before, "crop(rate=1, share=0.6)", 0)])
    np.testing.assert_allclose(np.bincount(first, minlength=5) / 3000, [1 / 3] * 3 + [0, 0], atol=0.03)


def test_without_texts_nothing_can_be_substituted() -> None:
    before, remedy = numbered([3, 3]), parse("substitute")
    prior = Prior(np.ones(6, np.int64))
    assert remedy.augment(before.item, before.start, prior, None, np.random.default_rng(0)) is None
    assert "names" in str(remedy.not_applicable(prior, has_names=False))


def test_the_hooks_pass_through_a_composition_and_rivals_are_refused() -> None:
    before, prior = numbered([5, 5]), Prior(np.ones(10, np.int64))
    whole = parse("balanced + crop(rate=1) + sampled_softmax(negatives=7)")
    alone = parse("crop(rate=1)")
    one, two = (r.augment(before.item, before.start, prior, None, np.random.default_rng(3)) for r in (whole, alone))
    assert one is not None
    assert two is not None
    np.testing.assert_array_equal(one.item, two.item)
    negatives = whole.competitors(prior)
    assert negatives is not None
    assert negatives.count == 7
    assert not whole.serves_labels
    for spec, said in (
        ("crop + mask", r"same stage \(augment\)"),
        ("sampled_softmax + sampled_softmax", r"same stage \(negatives\)"),
        ("focal + sampled_softmax", "a loss needs the scores of all groups"),
    ):
        with pytest.raises(SettingError, match=said):
            parse(spec)


@pytest.mark.parametrize("beta", [0.0, 0.5, 1.0])
def test_negatives_are_drawn_by_a_power_of_the_counts_and_corrected_for_it(beta: float) -> None:
    prior = Prior(np.array([64, 16, 4, 0]))
    expected = np.array([64, 16, 4, 0.5]) ** beta
    expected /= expected.sum()
    negatives = parse(f"sampled_softmax(negatives=20000, beta={beta})").competitors(prior)
    assert negatives is not None
    np.testing.assert_allclose(negatives.share, expected)
    np.testing.assert_allclose(negatives.offset, np.log(20_000 * expected), rtol=1e-5)
    groups, added = negatives.drawn(np.random.default_rng(0))
    # what is drawn as often as expected counts as one
    times = np.exp(added + negatives.offset[groups])
    np.testing.assert_allclose(times / 20_000, expected[groups], atol=0.01)
    np.testing.assert_allclose(times, np.rint(times), rtol=1e-4)
    bare = parse(f"sampled_softmax(beta={beta}, logq=False)").competitors(prior)
    assert bare is not None
    assert not bare.offset.any()
