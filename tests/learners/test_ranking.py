"""Counts are those of plain loops and read no direction."""

from __future__ import annotations

from dataclasses import replace
from itertools import combinations, permutations, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.sparse import csr_array

from evenshelf.learners.ranking.counting import lent, likeness, strongest, taken_after, taken_near, taken_together
from evenshelf.learners.ranking.item_texts import nearest, words_of
from evenshelf.rankers.base import log_scores
from evenshelf.rankers.neighbourhoods import Neighbourhoods
from evenshelf.tasks.histories import Histories

sequences = st.lists(st.lists(st.integers(0, 6), max_size=8), min_size=1, max_size=8).filter(any)


baskets_of_users = st.lists(
    st.lists(st.lists(st.integers(0, 6), min_size=1, max_size=3), max_size=3), min_size=1, max_size=4
).filter(any)


def in_baskets(users: list[list[list[int]]]) -> Histories:
    """Histories of users, basket by basket."""
    made = Histories.of([[item for basket in baskets for item in basket] for baskets in users])
    sizes = [len(basket) for baskets in users for basket in baskets]
    return replace(made, basket=np.repeat(np.arange(len(sizes)), sizes))


def code_of(histories: Histories) -> dict[str, int]:
    return {item: number for number, item in enumerate(histories.items)}


@given(sequences, st.sampled_from([0.0, 0.5, 1.0]))
def test_users_who_took_both_are_counted(steps: list[list[int]], weight: float) -> None:
    made = Histories.of(steps)
    code, expected = code_of(made), np.zeros((len(made.items),) * 2)
    for sequence in steps:
        for one, two in combinations({code[str(i)] for i in sequence}, 2):
            expected[one, two] += len(set(sequence)) ** -weight
            expected[two, one] += len(set(sequence)) ** -weight
    np.testing.assert_allclose(taken_together(made, user_weight=weight).toarray(), expected, rtol=1e-5)


@settings(deadline=None)
@given(baskets_of_users, st.sampled_from([0.0, 0.5]), st.sampled_from([0.3, 0.9]), st.integers(1, 4))
def test_inside_of_baskets_counts_are_means_over_all_orders(
    users: list[list[list[int]]], weight: float, decay: float, most: int
) -> None:
    made = in_baskets(users)
    code, expected = code_of(made), np.zeros((len(made.items),) * 2)
    for baskets in users:
        orders = [sum(parts, ()) for parts in product(*map(permutations, baskets))]
        for order in orders:
            for (m, one), (n, two) in combinations(enumerate(code[str(i)] for i in order), 2):
                if one != two and n - m <= most:
                    expected[one, two] += len(order) ** -weight * decay ** (n - m - 1) / len(orders)
    asked = {"user_weight": weight, "decay": decay, "most": most}
    after = taken_after(made, **asked).toarray()
    np.testing.assert_allclose(after, expected, rtol=1e-4, atol=1e-7)
    np.testing.assert_allclose(taken_near(made, **asked).toarray(), expected + expected.T, rtol=1e-4, atol=1e-7)


@given(sequences)
def test_pairs_of_one_basket_tell_of_no_direction(steps: list[list[int]]) -> None:
    made = Histories.of(steps)
    whole = taken_after(replace(made, basket=made.user)).toarray()
    np.testing.assert_allclose(whole, whole.T, rtol=1e-5)


@given(sequences)
def test_pairs_near_each_other_are_counted_and_their_order_is_not(steps: list[list[int]]) -> None:
    made = Histories.of(steps)
    code, expected = code_of(made), np.zeros((len(made.items),) * 2)
    for sequence in steps:
        for (m, one), (n, two) in combinations(enumerate(code[str(i)] for i in sequence), 2):
            if one != two and n - m <= 3:
                expected[one, two] += len(sequence) ** -0.25 * 0.65 ** (n - m - 1)
                expected[two, one] += len(sequence) ** -0.25 * 0.65 ** (n - m - 1)
    counts = taken_near(made, most=3)
    np.testing.assert_allclose(counts.toarray(), expected, rtol=1e-5)
    back = Histories.of([sequence[::-1] for sequence in steps])
    order = [code_of(back)[item] for item in made.items]
    np.testing.assert_allclose(taken_near(back, most=3).toarray()[np.ix_(order, order)], counts.toarray(), rtol=1e-5)


def test_likeness_is_the_formula_and_lending_brings_rare_items_pairs() -> None:
    counts = csr_array(np.array([[0, 4, 0], [4, 0, 0], [0, 0, 0]], np.float32))
    taken = np.array([8.0, 4.0, 0.0])
    found = likeness(counts, taken, alpha=0.25, shrink=2.0).toarray()
    assert found[0, 1] == pytest.approx(4 / (8**0.75 * 4**0.25 + 2))
    assert found[1, 0] == pytest.approx(4 / (4**0.75 * 8**0.25 + 2))
    near = csr_array(np.array([[0, 0, 1], [0, 0, 0], [1, 0, 0]], np.float32))
    more, often = lent(counts, taken, near, share=0.5)
    # item 2, which nobody took, is like item 0: half of its pairs, in both directions
    np.testing.assert_allclose(more.toarray(), [[0, 4, 0], [4, 0, 2], [0, 2, 0]])
    np.testing.assert_allclose(often, [8.0, 4.0, 4.0])


@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_the_strongest_pairs_of_each_row_stay(seed: int, most: int) -> None:
    rng = np.random.default_rng(seed)
    dense = rng.integers(0, 4, (6, 6)).astype(np.float32)
    kept = strongest(csr_array(dense), most).toarray()
    assert ((kept == 0) | (kept == dense)).all()
    for row, own in zip(dense, kept, strict=True):
        np.testing.assert_array_equal(np.sort(own[own > 0]), np.sort(row[row > 0])[::-1][:most][::-1])


@given(st.integers(0, 2**32 - 1), st.integers(2, 20), st.integers(1, 25))
def test_nearest_items_are_those_of_a_plain_loop(seed: int, size: int, k: int) -> None:
    vectors = np.random.default_rng(seed).random((size, 4)).astype(np.float32)
    alike = vectors @ vectors.T
    np.fill_diagonal(alike, -1)
    found = nearest(csr_array(vectors), k).toarray()
    for line, row in enumerate(alike):
        top = np.argsort(-row)[: min(k, size - 1)]
        expected = np.zeros(size)
        expected[top] = row[top] / row[top].sum()
        np.testing.assert_allclose(found[line], expected, atol=1e-5)


@settings(max_examples=20)
@given(st.lists(st.lists(st.sampled_from(["red", "shoe", "鞋"]), max_size=4), min_size=1, max_size=6))
def test_words_make_vectors_of_length_one_and_none_make_none(documents: list[list[str]]) -> None:
    found = words_of(documents)
    lengths = np.sqrt(found.multiply(found).sum(axis=1))
    np.testing.assert_allclose(lengths, [float(bool(words)) for words in documents], atol=1e-5)


@given(baskets_of_users, st.integers(0, 2**32 - 1), st.sampled_from([1.0, 0.5]), st.booleans())
def test_neighbourhoods_score_as_if_all_were_worked_out_and_fade_by_baskets(
    users: list[list[list[int]]], seed: int, decay: float, below: bool
) -> None:
    rng, made = np.random.default_rng(seed), in_baskets(users)
    size = len(made.items)
    dense = rng.random((size, size)) * (rng.random((size, size)) < 0.4) - (0.5 if below else 0.0)
    matrix, popularity = csr_array(dense.astype(np.float32)), rng.integers(0, 9, size) + 0.5
    weights, code = np.zeros((len(users), size), np.float32), code_of(made)
    for user, baskets in enumerate(users):
        for ago, basket in enumerate(reversed(baskets)):
            for item in basket:
                weights[user, code[str(item)]] = max(weights[user, code[str(item)]], decay**ago)
    expected = log_scores((csr_array(weights) @ matrix).toarray(), popularity)
    found = Neighbourhoods(matrix, popularity, decay).scores(made)
    np.testing.assert_array_equal(found, expected)
