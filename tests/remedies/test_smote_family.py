"""Relatives of SMOTE against imbalanced-learn where it works, and on the small classes where it does not."""

from __future__ import annotations

import inspect

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from sklearn.base import BaseEstimator
from sklearn.cluster import MiniBatchKMeans

from evenshelf.remedies import Prior, Rows, lines, parse
from evenshelf.remedies.lines import LEAST_DRAWS, most_looked_at
from evenshelf.remedies.neighbours import nearest_rows
from evenshelf.remedies.smote_models import sparsity_weights, support
from evenshelf.testing.learners import skewed_sample
from evenshelf.testing.strategies import Sample, labelled_vectors

over = pytest.importorskip("imblearn.over_sampling")
adasyn_module = pytest.importorskip("imblearn.over_sampling._adasyn")

COUNTS = (70, 40, 22, 15)
FAMILY = ("borderline_smote", "borderline_smote(kind=2)", "adasyn", "kmeans_smote", "svm_smote")


@pytest.fixture(scope="module")
def sample() -> Sample:
    """Classes that overlap so much that imbalanced-learn finds something to start from in each."""
    rng = np.random.default_rng(6)
    target = np.repeat(np.arange(len(COUNTS)), COUNTS)
    vectors = 1.2 * rng.standard_normal((len(COUNTS), 4))[target] + rng.standard_normal((len(target), 4))
    order = rng.permutation(len(target))
    return Sample.of(vectors[order], target[order], len(COUNTS))


def made_of(spec: str, sample: Sample, seed: int = 0) -> Rows:
    made = parse(spec).resample(sample.vectors, sample.target, sample.prior, np.random.default_rng(seed))
    assert made is not None
    return made


def synthetic(spec: str, sample: Sample, seeds: int = 1) -> np.ndarray:
    """First, second, target, weight and step of every made row, given ones left out; of several draws together."""
    n = len(sample.target)
    parts = []
    for seed in range(seeds):
        made = made_of(spec, sample, seed)
        np.testing.assert_array_equal(made.first[:n], np.arange(n))
        assert not made.step[:n].any()
        parts.append(np.stack([made.first, made.second, made.target, made.weight, made.step], axis=1)[n:])
    return np.concatenate(parts)


def recording(kind: type) -> type:
    """imbalanced-learn's sampler, which also keeps what it makes rows from."""

    class Recording(kind):
        def _make_samples(self, *given_by_place, **given_by_name):
            call = inspect.signature(super()._make_samples).bind(*given_by_place, **given_by_name)
            call.apply_defaults()
            names = ("y_type", "X", "nn_data", "nn_num", "n_samples", "step_size")
            self.calls = [*getattr(self, "calls", []), [call.arguments[name] for name in names]]
            return super()._make_samples(*given_by_place, **given_by_name)

    Recording.__name__ = kind.__name__
    return Recording


def places(rows: np.ndarray, sample: Sample) -> np.ndarray:
    """Which rows of the sample these are."""
    found = (rows[:, None] == sample.vectors).all(axis=2)
    assert (found.sum(axis=1) == 1).all()
    return found.argmax(axis=1)


def lines_of(calls: list, sample: Sample) -> set[tuple[int, int, int, bool]]:
    """Group, row, neighbour, and whether outwards: every line on which imbalanced-learn may make a row."""
    found = set()
    for group, X, within, near, count, step in calls:
        start, ends = places(X, sample), places(within, sample)[near]
        if count:
            found |= {(int(group), int(s), int(e), step < 0) for s, row in zip(start, ends, strict=True) for e in row}
    return found


def our_lines(rows: np.ndarray) -> set[tuple[int, int, int, bool]]:
    return {(int(group), int(first), int(second), bool(step < 0)) for first, second, group, _, step in rows}


def resampled(sampler, sample: Sample) -> np.ndarray:
    """Rows per class afterwards."""
    _, target = sampler.fit_resample(np.array(sample.vectors), np.array(sample.target))
    return np.bincount(target, minlength=len(sample.prior.counts))


@pytest.mark.parametrize("kind", [1, 2])
@pytest.mark.parametrize(("k", "m"), [(5, 10), (3, 5), (6, 4)])
def test_borderline_lines_are_those_of_imbalanced_learn(sample: Sample, kind: int, k: int, m: int) -> None:
    peer = recording(over.BorderlineSMOTE)(k_neighbors=k, m_neighbors=m, kind=f"borderline-{kind}", random_state=0)
    counts = resampled(peer, sample)
    assert (counts == max(COUNTS)).all()
    rows = synthetic(f"borderline_smote(k={k}, m={m}, kind={kind})", sample, seeds=40)
    for group, danger in peer.in_danger_indices.items():
        assert set(rows[rows[:, 2] == group, 0]) == set(danger)
    assert our_lines(rows) == lines_of(peer.calls, sample)
    np.testing.assert_allclose(np.bincount(rows[:, 2].astype(int), rows[:, 3]) / 40, max(COUNTS) - sample.prior.counts)
    foreign = sample.target[rows[:, 1].astype(int)] != rows[:, 2]
    assert foreign.any() == (kind == 2)
    assert rows[~foreign, 4].max() > 0.95
    if kind == 2:
        assert 0.45 < rows[foreign, 4].max() < 0.5


@pytest.mark.parametrize("k", [3, 5])
def test_adasyn_makes_as_many_rows_of_each_row_as_imbalanced_learn(sample: Sample, k: int, monkeypatch) -> None:
    class Still:
        """Draws steps of 0, so that made rows tell which row they were made from."""

        def choice(self, n, size):
            return np.zeros(size, int)

        def uniform(self, size):
            return np.zeros(size)

    monkeypatch.setattr(adasyn_module, "check_random_state", lambda _: Still())
    made, _ = over.ADASYN(n_neighbors=k).fit_resample(np.array(sample.vectors), np.array(sample.target))
    n = len(sample.target)
    theirs = np.bincount(places(made[n:], sample), minlength=n)
    rows = synthetic(f"adasyn(k={k})", sample)
    ours = np.bincount(rows[:, 0].astype(int), rows[:, 3], n)
    np.testing.assert_allclose(ours, theirs, rtol=1e-5)
    assert len(np.unique(theirs)) > 3


def test_adasyn_keeps_the_numbers_of_rows_when_draws_stand_for_several() -> None:
    vectors, target, _ = skewed_sample((3000, 30, 3), spread=0.6)
    sample = Sample.of(vectors, target, 3)
    rows = synthetic("adasyn", sample)
    assert len(rows) < 400
    near, _ = nearest_rows(vectors, vectors, 5, np.arange(len(target)))
    for group in (1, 2):
        members = np.flatnonzero(target == group)
        foreign = (target[near[members]] != group).sum(axis=1)
        wanted = np.rint((foreign / 5) / (foreign / 5).sum() * (3000 - len(members)))
        given_by = np.bincount(rows[:, 0].astype(int), rows[:, 3], len(target))[members]
        np.testing.assert_allclose(given_by, wanted, rtol=1e-5)


@pytest.mark.parametrize("clusters", [1, 3, 5])
def test_kmeans_rows_per_cluster_are_those_of_imbalanced_learn(clusters: int) -> None:
    rng = np.random.default_rng(0)
    target = np.repeat(np.arange(4), (60, 40, 30, 25))
    vectors = 2 * rng.standard_normal((3, 3))[rng.integers(0, 3, len(target))] + rng.standard_normal((len(target), 3))
    sample = Sample.of(vectors, target, 4)
    seed = int(np.random.default_rng(0).integers(2**31))
    means = MiniBatchKMeans(n_clusters=clusters, random_state=seed)
    peer = recording(over.KMeansSMOTE)(kmeans_estimator=means, k_neighbors=2, random_state=0)
    resampled(peer, sample)
    cluster = MiniBatchKMeans(n_clusters=clusters, random_state=seed).fit_predict(sample.vectors)
    theirs = {}
    for group, X, _, _, count, _ in peer.calls:
        (home,) = set(cluster[places(X, sample)])
        theirs[int(group), int(home)] = count
    rows = synthetic(f"kmeans_smote(clusters={clusters})", sample)
    first, second = rows[:, 0].astype(int), rows[:, 1].astype(int)
    np.testing.assert_array_equal(cluster[first], cluster[second])
    ours = dict.fromkeys(theirs, 0.0)
    for group, home, weight in zip(rows[:, 2], cluster[first], rows[:, 3], strict=True):
        ours[int(group), int(home)] += weight
    assert ours == pytest.approx(theirs)
    assert clusters == 1 or len(theirs) > 3


def test_weights_of_clusters_are_defined_for_equal_rows_and_for_very_many() -> None:
    rng = np.random.default_rng(0)
    equal, spread = np.ones((4, 3), np.float32), rng.standard_normal((4, 3)).astype(np.float32)
    np.testing.assert_allclose(sparsity_weights([equal, spread]), [0, 1])
    np.testing.assert_allclose(sparsity_weights([equal, equal[:2]]), [1 / 3, 2 / 3])
    far = 1e12 * rng.standard_normal((3000, 2)).astype(np.float32)
    weights = sparsity_weights([far, far[:50]])
    assert np.isfinite(weights).all()
    assert weights.sum() == pytest.approx(1)


class Support(BaseEstimator):
    """The support vectors of ``svm_smote``, for imbalanced-learn."""

    def __init__(self, m: int = 10) -> None:
        self.m = m

    def fit(self, X, y):
        found = []
        for group in np.unique(y):
            own, other = np.flatnonzero(y == group), np.flatnonzero(y != group)
            distance = ((X[own][:, None].astype(np.float64) - X[other]) ** 2).sum(axis=2)
            rivals = np.unique(np.argsort(distance, axis=1)[:, : self.m])
            found.append(own[support(X[own], X[other[rivals]])])
        self.support_ = np.concatenate(found)
        return self

    def predict(self, X):
        raise NotImplementedError


@pytest.mark.parametrize("m", [10, 4])
def test_svm_lines_are_those_of_imbalanced_learn_with_the_same_support_vectors(sample: Sample, m: int) -> None:
    peer = recording(over.SVMSMOTE)(k_neighbors=5, m_neighbors=m, svm_estimator=Support(m), random_state=0)
    assert (resampled(peer, sample) == max(COUNTS)).all()
    rows = synthetic(f"svm_smote(m={m})", sample, seeds=60)
    assert our_lines(rows[rows[:, 4] != 0]) == lines_of(peer.calls, sample)
    assert -0.5 <= rows[:, 4].min() < -0.45
    np.testing.assert_allclose(np.bincount(rows[:, 2].astype(int), rows[:, 3]) / 60, max(COUNTS) - sample.prior.counts)
    outward = rows[:, 4] < 0
    # the mean of Beta(10, 10) is a half, its deviation 0.11
    assert rows[outward, 3].sum() / rows[:, 3].sum() == pytest.approx(0.5, abs=0.05)


def test_support_vectors_are_the_rows_next_to_the_others() -> None:
    own = np.arange(1, 21, dtype=np.float32)[:, None]
    for scale in (1.0, 1e-9, 1e9):
        found = support(scale * own, -scale * own)
        assert 0 < found.sum() < 15
        assert found[: found.sum()].all()
    assert support(np.ones((2, 3), np.float32), np.ones((1, 3), np.float32)).shape == (2,)


def peer_of(spec: str):
    return {
        "borderline_smote": lambda: over.BorderlineSMOTE(random_state=0),
        "borderline_smote(kind=2)": lambda: over.BorderlineSMOTE(kind="borderline-2", random_state=0),
        "adasyn": lambda: over.ADASYN(random_state=0),
        "kmeans_smote": lambda: over.KMeansSMOTE(random_state=0),
        "svm_smote": lambda: over.SVMSMOTE(random_state=0),
    }[spec]()


@pytest.mark.parametrize("rare", [1, 2, 3, 4])
@pytest.mark.parametrize("spec", FAMILY)
def test_rare_classes_grow_and_are_told_of_where_imbalanced_learn_fails(spec: str, rare: int) -> None:
    vectors, target, _ = skewed_sample((40, rare, 12), spread=0.5)
    sample = Sample.of(vectors, target, 3)
    try:
        failed = resampled(peer_of(spec), sample)[1] < 40
    except (ValueError, RuntimeError):
        failed = True
    made = made_of(spec, sample)
    counts = np.bincount(made.target, made.weight, 3)
    assert counts[1] == pytest.approx(40, abs=3)
    told = " ".join(made.notes)
    if rare == 1:
        assert failed
        assert "1 group of one row was repeated" in told
    plain = "made by plain SMOTE" in told
    shrunk = "and used all of them as neighbours" in told
    assert not failed or plain or shrunk or rare == 1


def test_the_reasons_for_plain_smote_are_told_with_counts() -> None:
    # each class far from all others: nothing is in danger, and each has a cluster of its own but for the smallest
    centres = 1000.0 * np.eye(4)
    target = np.repeat(np.arange(4), (40, 15, 14, 2))
    vectors = centres[target] + np.random.default_rng(0).standard_normal((len(target), 4))
    sample = Sample.of(vectors, target, 4)
    for spec, note in (
        ("borderline_smote(m=1)", "3 groups have no row in danger and were made by plain SMOTE"),
        ("adasyn(k=1)", "3 groups have no neighbour of another group and were made by plain SMOTE"),
        ("kmeans_smote", "1 group has no cluster with 3 rows of its own and enough of all and was made by plain SMOTE"),
        ("svm_smote", "1 group has no support vector but noise and was made by plain SMOTE"),
    ):
        single = Sample.of(vectors[:-1], target[:-1], 4) if spec == "svm_smote" else sample
        assert note in made_of(spec, single).notes, made_of(spec, single).notes


def test_adasyn_draws_by_share_where_all_numbers_round_to_zero() -> None:
    vectors, target, _ = skewed_sample((21, 20), spread=3.0)
    made = made_of("adasyn", Sample.of(vectors, target, 2))
    assert len(made) == 42
    assert "1 group was drawn by the shares of the rows, whose numbers all rounded to 0" in made.notes


@settings(max_examples=30, deadline=None)
@given(sample=labelled_vectors(), spec=st.sampled_from(FAMILY), seed=st.integers(0, 99))
def test_made_rows_start_in_their_group_and_end_in_it_but_for_kind_2(sample: Sample, spec: str, seed: int) -> None:
    made = made_of(spec, sample, seed)
    n = len(sample.target)
    np.testing.assert_array_equal(sample.target[made.first], made.target)
    if spec != "borderline_smote(kind=2)":
        np.testing.assert_array_equal(sample.target[made.second], made.target)
    if spec != "svm_smote":
        assert (made.step >= 0).all()
    counts = np.bincount(made.target[n:], made.weight[n:], len(sample.prior.counts))
    missing = np.where(sample.prior.present, sample.prior.counts.max() - sample.prior.counts, 0)
    # ADASYN rounds the number of each row, k-means SMOTE rounds up that of each cluster
    np.testing.assert_allclose(counts, missing, atol=0.5 * sample.prior.counts.max() + 8)
    if spec not in ("adasyn", "kmeans_smote"):
        np.testing.assert_allclose(counts, missing, rtol=1e-5)


@given(st.lists(st.integers(1, 500), min_size=1, max_size=12), st.integers(1, 100_000))
@example([1, 116, 372], 85_616)
def test_rows_looked_at_are_bounded_and_as_many_as_the_bound_allows(counts: list[int], most: int) -> None:
    sizes = np.array(counts)
    rows = int(sizes.sum()) + 3
    cap = most_looked_at(sizes, rows, most)
    assert cap >= LEAST_DRAWS
    if cap > LEAST_DRAWS:
        assert np.minimum(sizes, cap).sum() * rows <= most
    if cap < sizes.max():
        assert np.minimum(sizes, cap + 1).sum() * rows > most


@pytest.mark.parametrize("spec", ["borderline_smote", "borderline_smote(kind=2)", "adasyn", "svm_smote"])
def test_a_part_of_the_larger_groups_is_looked_at_where_all_would_cost_too_much(spec: str, monkeypatch) -> None:
    vectors, target, _ = skewed_sample((300, 200, 5), spread=1.0)
    sample = Sample.of(vectors, target, 3)
    monkeypatch.setattr(lines, "MOST_DISTANCES", 505 * 65)
    made = made_of(spec, sample)
    assert "of 1 group 60 random rows each were looked at, to bound the cost" in made.notes
    counts = np.bincount(made.target, made.weight, 3)
    np.testing.assert_allclose(counts, 300, atol=40 if spec == "adasyn" else 0.01)


@settings(max_examples=40, deadline=None)
@given(n=st.integers(3, 40), seed=st.integers(0, 99), data=st.data())
def test_nearest_rows_leave_out_the_own_row_or_the_own_group(n: int, seed: int, data: st.DataObject) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.integers(-3, 4, (n, 3)).astype(np.float32)
    groups = rng.integers(0, 2, n)
    groups[:2] = 0, 1
    asked = np.flatnonzero(rng.random(n) < 0.5)
    distance = ((vectors[asked, None] - vectors) ** 2).sum(axis=2)
    k = data.draw(st.integers(1, n - 1))
    own, _ = nearest_rows(vectors[asked], vectors, k, asked)
    m = data.draw(st.integers(1, int(np.bincount(groups).min())))
    apart, _ = nearest_rows(vectors[asked], vectors, m, apart=(groups[asked], groups))
    for i, row in enumerate(asked):
        assert row not in own[i]
        np.testing.assert_array_equal(distance[i, own[i]], np.sort(np.delete(distance[i], row))[:k])
        other = groups != groups[row]
        assert other[apart[i]].all()
        np.testing.assert_array_equal(distance[i, apart[i]], np.sort(distance[i, other])[:m])


def test_nothing_grows_where_all_groups_are_of_one_size() -> None:
    vectors, target, _ = skewed_sample((6, 6, 0))
    for spec in FAMILY:
        rows = parse(spec).resample(vectors, target, Prior(np.array([6, 6, 0])), np.random.default_rng(0))
        assert len(rows) == 12
        assert "0 synthetic rows beside 12 given ones" in rows.notes
