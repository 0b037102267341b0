"""What lists show, against plain loops, in the range that each metric names, whatever the order of users and items."""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.sparse import csr_array
from sklearn.metrics.pairwise import cosine_similarity

from evenshelf.errors import InputError
from evenshelf.tasks.histories import Histories
from evenshelf.tasks.list_metrics import BUCKETS, METRICS, Catalogue, exposure, gini, had_before, list_metrics
from evenshelf.tasks.ranking_metrics import cut_by_items
from evenshelf.tasks.top_items import NO_ITEM

seeds = st.integers(0, 2**32 - 1)


class Case:
    """Lists of some users, some of them short or empty, and all that they are judged by."""

    def __init__(self, seed: int, users: int, items: int, k: int) -> None:
        rng = np.random.default_rng(seed)
        self.lists = np.full((users, k), NO_ITEM)
        self.popular = np.full((users, k), NO_ITEM)
        for line in range(users):
            for lists in (self.lists, self.popular):
                shown = rng.permutation(items)[: rng.integers(0, k + 1)]
                lists[line, : len(shown)] = shown
        counts = rng.integers(0, 9, items)
        vectors = rng.standard_normal((items, 3)) * rng.integers(0, 2, (items, 1))
        self.catalogue = Catalogue(cut_by_items(counts), np.minimum(counts, users), users, vectors)
        self.wants, self.had = rng.random((2, users, items)) < 0.4
        self.wanted = np.nonzero(self.wants)

    def found(self) -> dict[str, float]:
        had = csr_array(self.had.astype(np.float32))
        return list_metrics(self.lists, self.catalogue, wanted=self.wanted, popular=self.popular, had=had)


cases = st.builds(Case, seeds, st.integers(1, 6), st.integers(1, 12), st.integers(1, 5))


def same(one: float, two: float) -> bool:
    return (math.isnan(one) and math.isnan(two)) or one == pytest.approx(two, abs=1e-9)


def mean(values: list[float]) -> float:
    return float(np.mean(values)) if values else float("nan")


@given(cases)
def test_they_are_those_of_plain_loops(case: Case) -> None:
    found, known = case.found(), case.catalogue
    lists = [[i for i in line if i >= 0] for line in case.lists]
    places = [i for line in lists for i in line]
    items = len(known.bucket)
    shown = [places.count(i) for i in range(items)]
    assert found["coverage"] == mean([count > 0 for count in shown])
    differences = sum(abs(a - b) for a in shown for b in shown)
    assert same(found["gini"], differences / (2 * items * sum(shown)) if places else math.nan)
    assert same(found["tail_share"], mean([known.bucket[i] in ("tail", "cold") for i in places]))
    bits = [-math.log2(max(known.takers[i], 0.5) / known.users) for i in places]
    assert same(found["novelty"], mean(bits))
    for bucket in BUCKETS:
        seen = [1 / math.log2(p + 2) for line in lists for p, i in enumerate(line) if known.bucket[i] == bucket]
        every = [1 / math.log2(p + 2) for line in lists for p in range(len(line))]
        assert same(found[f"{bucket}_exposure"], sum(seen) / sum(every) if every else math.nan)
    alike = cosine_similarity(known.vectors)
    varied = [1 - mean([alike[a, b] for a, b in combinations(line, 2)]) for line in lists if len(line) > 1]
    assert same(found["diversity"], mean(varied))
    new = [
        sum(case.wants[u, i] and i not in case.popular[u] for i in line) / max(len(line), 1)
        for u, line in enumerate(lists)
        if case.wants[u].any()
    ]
    assert same(found["serendipity"], mean(new))
    assert same(found["repeat_share"], mean([case.had[u, i] for u, line in enumerate(lists) for i in line]))
    hits = [case.had[u, i] for u, line in enumerate(lists) for i in line if case.wants[u, i]]
    assert same(found["repeat_hit_share"], mean(hits))


@given(cases, seeds)
def test_they_are_in_range_and_do_not_mind_how_users_and_items_are_numbered(case: Case, seed: int) -> None:
    found = case.found()
    assert set(found) == set(METRICS) - {"rebought_recall_at_10", "new_recall_at_10"}  # which come from ranks
    for name, value in found.items():
        assert math.isnan(value) or METRICS[name].low - 1e-9 <= value <= METRICS[name].high + 1e-9, name
    rng = np.random.default_rng(seed)
    users, items = rng.permutation(len(case.lists)), rng.permutation(case.wants.shape[1])
    back = np.argsort(items)
    known = case.catalogue
    case.lists = np.where(case.lists >= 0, back[case.lists], NO_ITEM)[users]
    case.popular = np.where(case.popular >= 0, back[case.popular], NO_ITEM)[users]
    case.catalogue = Catalogue(known.bucket[items], known.takers[items], known.users, csr_array(known.vectors[items]))
    case.had, case.wants = case.had[users][:, items], case.wants[users][:, items]
    case.wanted = np.nonzero(case.wants)
    for name, value in case.found().items():
        assert same(value, found[name]), name


def test_the_ends_of_the_ranges_are_reached() -> None:
    even, one = np.arange(12).reshape(4, 3), np.zeros((4, 1), np.int64)
    assert gini(even, 12) == pytest.approx(0.0)
    assert gini(one, 12) == pytest.approx(1 - 1 / 12)
    known = Catalogue(np.array(["head", "cold"]), np.array([4, 0]), 4, np.array([[1.0], [-1.0]]))
    found = list_metrics(np.array([[0], [1]]), known)
    assert found["novelty"] == pytest.approx((0 + math.log2(8)) / 2)
    assert list_metrics(np.array([[0, 1]]), known)["diversity"] == pytest.approx(2.0)
    shares = exposure(np.array([[0, 1]]), known.bucket)
    assert shares["head"] == pytest.approx(1 / (1 + 1 / math.log2(3)))
    assert sum(shares.values()) == pytest.approx(1.0)


def test_a_catalogue_counts_users_and_not_steps() -> None:
    histories = Histories.of([["a", "a", "b"], ["a"], ["c"]])
    known = Catalogue.of(histories)
    assert dict(zip(histories.items, known.takers.tolist(), strict=True)) == {"a": 2, "b": 1, "c": 1}
    assert known.users == 3
    user, item = np.array([0, 1]), np.array([histories.items.index("b")] * 2)
    assert had_before(histories.weights(), user, item).tolist() == [True, False]
    assert "diversity" not in list_metrics(np.array([[0]]), known)


@pytest.mark.parametrize("wanted", [([0, 0], [1, 1]), ([2], [0]), ([0], [])])
def test_wishes_of_nobody_or_twice_are_refused(wanted: tuple[list[int], list[int]]) -> None:
    known = Catalogue(np.array(["head", "tail"]), np.array([1, 1]), 1)
    user, item = (np.array(part, np.int64) for part in wanted)
    with pytest.raises(InputError):
        list_metrics(np.array([[0, 1]]), known, wanted=(user, item), popular=np.array([[0, 1]]))


def test_every_metric_says_what_it_is() -> None:
    for name, metric in METRICS.items():
        assert metric.name == name
        assert metric.meaning.endswith(".")
        assert any(c.isdigit() for c in metric.paper)
        assert metric.better in ("higher", "lower")
