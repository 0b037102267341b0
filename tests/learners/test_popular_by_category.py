"""What is popular in the categories of a user is that of a plain loop, and of no category it is what is popular."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenshelf.errors import InputError
from evenshelf.learners.ranking.base import Evidence, ItemFacts
from evenshelf.learners.ranking.registry import ranking_learner
from evenshelf.rankers.category_popularity import CategoryPopularity
from evenshelf.rankers.grounds import CATEGORY, POPULAR
from evenshelf.rankers.packing import Unpacked
from evenshelf.remedies import parse
from evenshelf.tasks.histories import Histories

LEARNER = ranking_learner("popular_by_category")
users = st.lists(
    st.lists(st.lists(st.integers(0, 8), min_size=1, max_size=4, unique=True), max_size=4), min_size=1, max_size=5
).filter(any)


def evidence_of(baskets: list[list[list[int]]], kinds: list[int]) -> Evidence:
    """Item ``n`` is of category ``kinds[n]``, -1 where that is unknown."""
    steps = [item for user in baskets for basket in user for item in basket]
    lengths = [sum(map(len, user)) for user in baskets]
    names = [str(n) for n in range(len(kinds))]
    made = Histories.of_steps([str(n) for n in range(len(baskets))], lengths, [str(n) for n in steps], items=names)
    sizes = [len(basket) for user in baskets for basket in user]
    made = replace(made, basket=np.repeat(np.arange(len(sizes)), sizes))
    return Evidence(made, ItemFacts(category=np.array([kinds[int(item)] for item in made.items], np.int64)))


def fitted(evidence: Evidence, spec: str = "none", **setting: Any) -> CategoryPopularity:
    found = LEARNER.fit(evidence, parse(spec), setting={**LEARNER.default, **setting}, seed=0)
    assert isinstance(found, CategoryPopularity)
    return found


@given(users, st.lists(st.sampled_from([-1, 0, 4, 7]), min_size=9, max_size=9), st.sampled_from([0.1, 0.5, 1.0]))
def test_scores_are_those_of_a_plain_loop(baskets: list[list[list[int]]], kinds: list[int], overall: float) -> None:
    evidence = evidence_of(baskets, kinds)
    if not any(kind >= 0 for kind in kinds):
        with pytest.raises(InputError, match="no item has one"):
            fitted(evidence)
        return
    scores = fitted(evidence, overall=overall, decay=0.5).scores(evidence.histories)
    counts = np.full(9, 0.5)
    for user in baskets:
        for basket in user:
            counts[basket] += 1
    share = counts / counts.sum()
    of_kind = {kind: sum(share[n] for n in range(9) if kinds[n] == kind) for kind in kinds}
    for line, user in enumerate(baskets):
        latest = {item: 0.5**ago for ago, basket in reversed(list(enumerate(reversed(user)))) for item in basket}
        known = {item: weight for item, weight in latest.items() if kinds[item] >= 0}
        for code, name in enumerate(evidence.histories.items):
            item = int(name)
            said = share[item]
            if known:
                alike = sum(weight for other, weight in known.items() if kinds[other] == kinds[item])
                part = alike / sum(known.values()) / of_kind[kinds[item]]
                said *= (1 - overall) * part + overall
            assert scores[line, code] == pytest.approx(np.log(said), abs=1e-5)


@given(users, st.lists(st.integers(0, 3), min_size=9, max_size=9))
def test_where_all_categories_are_known_scores_are_chances(baskets: list[list[list[int]]], kinds: list[int]) -> None:
    evidence = evidence_of(baskets, kinds)
    scores = fitted(evidence).scores(evidence.histories).astype(np.float64)
    np.testing.assert_allclose(np.exp(scores).sum(axis=1), 1.0, rtol=1e-5)


def test_what_is_of_the_category_of_a_history_comes_first_and_is_told() -> None:
    evidence = evidence_of([[[0, 1]], [[0, 1]], [[0, 2]], [[4]], [[8]]], [0, 0, 0, 1, 1, 1, -1, -1, -1])
    names = evidence.histories.items
    ranker = fitted(evidence)
    own = evidence.histories.of_users(np.array([3]))
    order = [names[code] for code in np.argsort(-ranker.scores(own)[0])]
    assert set(order[:3]) == {"3", "4", "5"}
    items = np.array([names.index(item) for item in ("3", "0", "8")])
    told = ranker.grounds(own, items)
    assert told.kind == (CATEGORY, POPULAR, POPULAR)
    np.testing.assert_allclose(told.whole, told.parts.sum(axis=1) + told.rest)
    # nothing is known of what item 8 is, so who took it gets what is popular, as who took nothing
    strange = evidence.histories.of_users(np.array([4]))
    nobody = strange.kept(np.zeros(len(strange.item), bool))
    np.testing.assert_array_equal(ranker.scores(strange), ranker.scores(nobody))
    np.testing.assert_allclose(
        np.exp(ranker.scores(strange)[0]), ranker.grounds(strange, np.arange(9)).whole, rtol=1e-5
    )


@pytest.mark.parametrize(
    ("name", "spoilt"),
    [("category", lambda a: a + 9), ("category", lambda a: a - 2), ("share", lambda a: -a), ("share", lambda a: a + 1)],
)
def test_arrays_that_do_not_fit_are_refused(name: str, spoilt: Any) -> None:
    ranker = fitted(evidence_of([[[0, 1]], [[4]]], [0, 0, 0, 1, 1, 1, -1, -1, -1]))
    numbers, arrays = ranker.packed()
    assert CategoryPopularity.unpacked(Unpacked(numbers, arrays, 9)).overall == ranker.overall
    with pytest.raises(InputError, match="do not fit"):
        CategoryPopularity.unpacked(Unpacked(numbers, {**arrays, name: spoilt(arrays[name])}, 9))


def test_items_without_categories_are_told_before_the_fit() -> None:
    bare = evidence_of([[[0, 1]]], [-1] * 9)
    assert LEARNER.lacking(bare) == "popularity by category needs categories, and there are none"
    assert LEARNER.lacking(Evidence(bare.histories)) is not None
    assert LEARNER.lacking(evidence_of([[[0, 1]]], [2] * 9)) is None
