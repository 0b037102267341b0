"""Cleaning, under-sampling and their combinations with SMOTE, against imbalanced-learn and by their properties."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenshelf.errors import SettingError
from evenshelf.remedies import Prior, Rows, clean, parse
from evenshelf.remedies.clean import at_odds, drawn_evenly, tomek_links
from evenshelf.remedies.neighbours import nearest_rows
from evenshelf.remedies.smote_clean import cleaned, points_of
from evenshelf.testing.strategies import Sample, labelled_vectors

imblearn_under = pytest.importorskip("imblearn.under_sampling")
imblearn_combine = pytest.importorskip("imblearn.combine")

REMEDIES = ("tomek", "enn", "enn(kind='all')", "near_miss", "near_miss(version=2)", "near_miss(version=3)")
REMEDIES += ("cluster_centroids", "cluster_centroids(strength=0.5)", "smote_tomek", "smote_enn", "square_root")


def cloud(counts: tuple[int, ...], seed: int, dimension: int = 3) -> Sample:
    """Overlapping groups without equal distances."""
    rng = np.random.default_rng(seed)
    target = np.repeat(np.arange(len(counts)), counts)
    vectors = rng.standard_normal((len(target), dimension)) + 0.7 * target[:, None]
    order = rng.permutation(len(target))
    return Sample.of(vectors[order], target[order], len(counts))


def resampled(spec: str, sample: Sample, seed: int = 0) -> Rows:
    made = parse(spec).resample(sample.vectors, sample.target, sample.prior, np.random.default_rng(seed))
    assert made is not None
    return made


def theirs(sampler, sample: Sample) -> np.ndarray:
    sampler.fit_resample(np.array(sample.vectors), np.array(sample.target))
    return np.sort(sampler.sample_indices_)


seeds = st.integers(0, 2**32 - 1)
two_groups = st.tuples(st.integers(20, 60), st.integers(5, 15))
several_groups = st.tuples(st.integers(20, 40), st.integers(12, 19), st.integers(8, 11), st.integers(4, 6))


@settings(max_examples=40, deadline=None)
@given(q=st.integers(1, 9), n=st.integers(2, 60), far=st.booleans(), shift=st.sampled_from([0, 4096]), data=st.data())
def test_nearest_rows_are_those_of_a_plain_loop(q: int, n: int, far: bool, shift: int, data: st.DataObject) -> None:
    k = data.draw(st.integers(1, n))
    rng = np.random.default_rng(data.draw(seeds))
    queries, pool = (rng.integers(-3, 4, (rows, 3)).astype(np.float32) + np.float32(shift) for rows in (q, n))
    found, distance = nearest_rows(queries, pool, k, farthest=far)
    plain = np.sqrt(((queries[:, None].astype(np.float64) - pool[None]) ** 2).sum(axis=2))
    expected = np.sort(plain, axis=1)[:, ::-1][:, :k] if far else np.sort(plain, axis=1)[:, :k]
    np.testing.assert_array_equal(distance, expected)
    np.testing.assert_array_equal(np.take_along_axis(plain, found, axis=1), expected)
    assert all(len(set(row)) == k for row in found.tolist())


@pytest.mark.parametrize("k", [1, 3, 40])
def test_a_row_is_not_its_own_neighbour_and_blocks_do_not_show(k: int) -> None:
    vectors = np.random.default_rng(0).standard_normal((1500, 2)).astype(np.float32)
    distance = ((vectors[:, None].astype(np.float64) - vectors[None]) ** 2).sum(axis=2)
    np.fill_diagonal(distance, np.inf)
    found, _ = nearest_rows(vectors, vectors, k, np.arange(1500))
    np.testing.assert_array_equal(found, np.argsort(distance, axis=1)[:, :k])


@pytest.mark.parametrize("k", [1, 3])
def test_rows_that_products_in_float32_cannot_tell_apart_are_told_apart(k: int) -> None:
    rng = np.random.default_rng(0)
    turn = np.repeat(np.linspace(0, 2 * np.pi, 30, endpoint=False), 4)
    vectors = 1000 * np.stack([np.cos(turn), np.sin(turn)], axis=1) + rng.normal(0, 0.01, (120, 2))
    vectors = vectors.astype(np.float32)
    distance = ((vectors[:, None].astype(np.float64) - vectors[None]) ** 2).sum(axis=2)
    np.fill_diagonal(distance, np.inf)
    found, _ = nearest_rows(vectors, vectors, k, np.arange(120))
    # coordinates of float32 leave a few ties, of which any order is right
    np.testing.assert_array_equal(np.take_along_axis(distance, found, axis=1), np.sort(distance, axis=1)[:, :k])


def test_of_equal_rows_the_first_is_the_nearest() -> None:
    pool = np.array([[5.0], [1.0], [1.0], [1.0]], np.float32)
    found, _ = nearest_rows(pool[3:], pool, 2, np.array([3]))
    assert found.tolist() == [[1, 2]]


@settings(max_examples=30, deadline=None)
@given(counts=two_groups, seed=seeds)
def test_tomek_is_that_of_imbalanced_learn_with_two_groups(counts: tuple[int, ...], seed: int) -> None:
    sample = cloud(counts, seed)
    np.testing.assert_array_equal(resampled("tomek", sample).first, theirs(imblearn_under.TomekLinks(), sample))


@settings(max_examples=30, deadline=None)
@given(counts=several_groups, seed=seeds)
def test_tomek_links_of_several_groups_are_those_of_imbalanced_learn(counts: tuple[int, ...], seed: int) -> None:
    sample = cloud(counts, seed)
    links = tomek_links(sample.vectors, sample.target)
    clean = theirs(imblearn_under.TomekLinks(sampling_strategy="all"), sample)
    np.testing.assert_array_equal(np.setdiff1d(np.arange(len(sample.target)), links), clean)
    # of each link one row is dropped: the one of the more frequent group
    sizes = sample.prior.counts[sample.target[links]]
    dropped = np.setdiff1d(np.arange(len(sample.target)), resampled("tomek", sample).first)
    expected = links[np.arange(len(links)), sizes.argmax(axis=1)]
    np.testing.assert_array_equal(dropped, np.sort(expected))


@settings(max_examples=30, deadline=None)
@given(counts=several_groups, seed=seeds)
def test_tomek_again_and_again_ends_where_every_link_is_between_groups_of_one_size(counts, seed: int) -> None:
    sample = cloud(counts, seed)
    for _ in range(len(sample.target)):
        kept = resampled("tomek", sample).first
        if len(kept) == len(sample.target):
            break
        sample = Sample.of(sample.vectors[kept], sample.target[kept], len(counts))
    sizes = sample.prior.counts[sample.target[tomek_links(sample.vectors, sample.target)]]
    np.testing.assert_array_equal(sizes[:, 0], sizes[:, 1])
    np.testing.assert_array_equal(resampled("tomek", sample).first, np.arange(len(sample.target)))


def test_tomek_once_is_enough_where_links_are_apart() -> None:
    # each row of the small group has one near row of the large group, whose other rows are far away
    pairs = np.array([[0.0, 0.0], [0.0, 1.0], [50.0, 0.0], [50.0, 1.0]])
    crowd = np.stack([np.arange(20.0) * 3 - 1000, np.zeros(20)], axis=1)
    sample = Sample.of(np.concatenate([pairs, crowd]), np.array([1, 0, 1, 0] + [0] * 20), 2)
    kept = resampled("tomek", sample).first
    assert np.setdiff1d(np.arange(24), kept).tolist() == [1, 3]
    less = Sample.of(sample.vectors[kept], sample.target[kept], 2)
    assert len(resampled("tomek", less)) == len(kept)


@settings(max_examples=40, deadline=None)
@given(
    counts=st.one_of(two_groups, several_groups),
    k=st.sampled_from([1, 3, 5]),
    kind=st.sampled_from(["mode", "all"]),
    seed=seeds,
)
def test_enn_is_that_of_imbalanced_learn(counts: tuple[int, ...], k: int, kind: str, seed: int) -> None:
    sample = cloud(counts, seed)
    made = resampled(f"enn(k={k}, kind={kind!r})", sample)
    theirs_kept = theirs(imblearn_under.EditedNearestNeighbours(n_neighbors=k, kind_sel=kind), sample)
    differ = np.setxor1d(made.first, theirs_kept)
    lost = np.setdiff1d(sample.target, sample.target[theirs_kept])
    votes = sample.target[nearest_rows(sample.vectors, sample.vectors, k, np.arange(len(sample.target)))[0]]
    for row in differ:
        # a group that theirs loses keeps a row here; a tie of votes is theirs to break by the order of the groups
        counted = np.sort(np.bincount(votes[row], minlength=len(counts)))
        tie = kind == "mode" and counted[-1] == counted[-2]
        assert sample.target[row] in lost or tie
        assert row in made.first


def test_a_tie_of_votes_keeps_a_row_whatever_its_group_is_called() -> None:
    # the nearest three of the first row, at 1, 2 and 3, are one of each group; of the others, rows far away come in
    vectors = np.array([[0.0], [1.0], [-2.0], [3.0], [100.0], [101.0], [102.0]], np.float32)
    labels = np.array([0, 0, 1, 2, 1, 2, 2])
    one = at_odds(vectors, labels, 3, "mode")
    assert not one[0]
    assert one.any()
    for names in ([1, 2, 0], [2, 0, 1], [2, 1, 0]):
        np.testing.assert_array_equal(at_odds(vectors, np.array(names)[labels], 3, "mode"), one)


def test_a_group_all_of_whose_rows_are_dropped_keeps_the_most_central_one_and_tells() -> None:
    strangers = np.array([[-5.0, 0.0], [0.4, 0.0], [5.0, 0.0]])
    crowd = np.concatenate([np.random.default_rng(0).normal(c, 0.05, (8, 2)) for c in strangers])
    single = np.array([[100.0, 100.0]])
    sample = Sample.of(np.concatenate([strangers, crowd, single]), np.repeat([1, 0, 2], [3, 24, 1]), 3)
    made = resampled("enn", sample)
    assert made.first[made.target == 1].tolist() == [1]
    assert "1 group would have lost all rows and kept the most central one" in made.notes


@settings(max_examples=40, deadline=None)
@given(counts=st.one_of(two_groups, several_groups), version=st.integers(1, 3), k=st.integers(1, 4), seed=seeds)
@pytest.mark.filterwarnings("ignore:The number of the samples to be selected:UserWarning")
def test_near_miss_is_that_of_imbalanced_learn(counts: tuple[int, ...], version: int, k: int, seed: int) -> None:
    sample = cloud(counts, seed)
    sampler = imblearn_under.NearMiss(version=version, n_neighbors=k, n_neighbors_ver3=k)
    made = resampled(f"near_miss(version={version}, k={k})", sample)
    np.testing.assert_array_equal(made.first, theirs(sampler, sample))
    short = np.bincount(made.target) < min(counts)
    assert any("short list" in note for note in made.notes) == short.any()


@settings(max_examples=20, deadline=None)
@given(counts=several_groups, version=st.integers(1, 2), seed=seeds)
def test_near_miss_at_half_strength_is_that_of_imbalanced_learn(counts, version: int, seed: int) -> None:
    sample = cloud(counts, seed)
    wanted = {group: round(n**0.5 * min(counts) ** 0.5) for group, n in enumerate(counts) if n > min(counts)}
    sampler = imblearn_under.NearMiss(version=version, sampling_strategy=wanted)
    made = resampled(f"near_miss(version={version}, strength=0.5)", sample)
    np.testing.assert_array_equal(made.first, theirs(sampler, sample))


def test_one_cluster_is_that_of_imbalanced_learn() -> None:
    sample = cloud((40, 25, 9, 1), 0)
    sampler = imblearn_under.ClusterCentroids(voting="hard", random_state=0)
    vectors, target = sampler.fit_resample(np.array(sample.vectors), np.array(sample.target))
    made = resampled("cluster_centroids", sample)
    order = np.argsort(made.target)
    np.testing.assert_array_equal(made.target[order], target)
    np.testing.assert_array_equal(sample.vectors[made.first[order]], vectors)


@settings(max_examples=30, deadline=None)
@given(counts=several_groups, strength=st.sampled_from([0.3, 0.5, 1.0]), seed=seeds)
def test_as_many_centres_as_wanted_stand_for_a_group(counts, strength: float, seed: int) -> None:
    sample = cloud(counts, seed)
    made = resampled(f"cluster_centroids(strength={strength})", sample)
    wanted = [round(n ** (1 - strength) * min(counts) ** strength) for n in counts]
    np.testing.assert_array_equal(np.bincount(made.target, made.weight), wanted)
    assert len(np.unique(made.first)) == len(made)


def test_clusters_are_nearer_to_their_rows_than_rows_at_random() -> None:
    sample = cloud((400, 20), 0)
    large = sample.vectors[sample.target == 0]

    def spread(spec: str, seed: int) -> float:
        made = resampled(spec, sample, seed)
        centres = sample.vectors[made.first[made.target == 0]]
        return float((nearest_rows(large, centres, 1)[1] ** 2).sum())

    assert max(spread("cluster_centroids", s) for s in range(5)) < min(spread("random_under", s) for s in range(5))


@pytest.mark.parametrize(
    ("spec", "sampler"),
    [("smote_tomek", "SMOTETomek"), ("smote_enn(kind='all')", "SMOTEENN")],
)
def test_smote_and_cleaning_leave_as_much_as_imbalanced_learn(spec: str, sampler: str) -> None:
    # so small that no synthetic row stands for several, which is where the two libraries make the same rows
    sample = cloud((60, 30, 20), 1, dimension=2)
    ours, peers = [], []
    for seed in range(40):
        ours.append(np.bincount(resampled(spec, sample, seed).target, minlength=3))
        peer = getattr(imblearn_combine, sampler)(random_state=seed)
        _, target = peer.fit_resample(np.array(sample.vectors), np.array(sample.target))
        peers.append(np.bincount(target, minlength=3))
    error = np.sqrt((np.var(ours, axis=0) + np.var(peers, axis=0)) / 40)
    assert (np.abs(np.mean(ours, axis=0) - np.mean(peers, axis=0)) < 4 * error + 0.1).all()


@settings(max_examples=30, deadline=None)
@given(counts=several_groups, seed=seeds)
def test_nothing_is_left_to_clean_but_what_cleaning_brought_together(counts, seed: int) -> None:
    sample = cloud(counts, seed)
    plain, made = (resampled(spec, sample, seed) for spec in ("smote", "smote_tomek"))
    points = points_of(plain, sample.vectors, np.arange(len(plain)))
    links = tomek_links(points, plain.target)
    stay = np.setdiff1d(np.arange(len(plain)), links)
    np.testing.assert_array_equal(made.first, plain.first[stay])
    np.testing.assert_array_equal(made.step, plain.step[stay])
    np.testing.assert_array_equal(made.weight, plain.weight[stay])


@settings(max_examples=60, deadline=None)
@given(sample=labelled_vectors(), spec=st.sampled_from(REMEDIES), seed=st.integers(0, 99))
def test_no_group_is_lost_and_no_row_is_made_of_two_groups(sample: Sample, spec: str, seed: int) -> None:
    made = resampled(spec, sample, seed)
    np.testing.assert_array_equal(np.unique(made.target), np.flatnonzero(sample.prior.present))
    for end in (made.first, made.second):
        np.testing.assert_array_equal(sample.target[end], made.target)
    assert not made.share.any()


@given(st.lists(st.integers(1, 30), min_size=1, max_size=8), st.integers(8, 120), seeds)
def test_rows_to_search_are_drawn_from_the_largest_groups(counts: list[int], cap: int, seed: int) -> None:
    target = np.repeat(np.arange(len(counts)), counts)
    drawn = drawn_evenly(target, cap, np.random.default_rng(seed))
    assert len(np.unique(drawn)) == len(drawn) <= cap
    left = np.bincount(target[drawn], minlength=len(counts))
    np.testing.assert_array_equal(left, np.minimum(counts, left.max()))
    # one more row of each group that was cut would be too much
    assert len(drawn) == len(target) or np.minimum(counts, left.max() + 1).sum() > cap


def test_rows_that_are_not_searched_stay_and_are_told() -> None:
    sample = cloud((60, 30, 12), 0)
    made = Rows.copies(np.arange(102), sample.target, notes=("rows as they are",))

    def all_of_them(points: np.ndarray, groups: np.ndarray) -> np.ndarray:
        return np.ones(len(groups), bool)

    less = cleaned(made, sample.vectors, all_of_them, np.random.default_rng(0), cap=42)
    # 15 rows of each larger group and all 12 of the smallest were searched; that one keeps its most central row
    np.testing.assert_array_equal(np.bincount(less.target), [45, 15, 1])
    assert less.notes[1:] == (
        "41 rows dropped by cleaning, which stood for 41; 41 given or repeated ones",
        "42 of 102 rows were searched, drawn from the largest groups",
        "1 group would have lost all rows and kept the most central one",
    )


@settings(max_examples=40, deadline=None)
@given(sample=labelled_vectors(), strength=st.sampled_from([0.5, 1.0]), seed=st.integers(0, 99))
def test_square_root_sampling_keeps_the_total(sample: Sample, strength: float, seed: int) -> None:
    made = resampled(f"square_root(strength={strength})", sample, seed)
    counts = sample.prior.counts[sample.prior.present]
    left = np.bincount(made.target, made.weight, len(sample.prior.counts))[sample.prior.present]
    share = counts ** (1 - strength / 2)
    np.testing.assert_allclose(left, counts.sum() * share / share.sum(), atol=0.501)
    assert abs(left.sum() - counts.sum()) <= len(counts) / 2
    # a group is either repeated or thinned out
    times = np.bincount(made.first, made.weight, len(sample.target))
    for group, size in zip(np.flatnonzero(sample.prior.present), left, strict=True):
        rows = times[sample.target == group]
        assert rows.min() >= 1 if size >= len(rows) else rows.max() <= 1


def test_progressively_balanced_weights_are_the_mean_of_the_schedule() -> None:
    counts, epochs = np.array([90, 9, 1, 0]), 100
    present = counts > 0
    t = np.arange(epochs + 1)[:, None] / epochs
    schedule = (1 - t) * counts / counts.sum() + t * present / present.sum()
    weights = parse("progressively_balanced").weight(Prior(counts))
    np.testing.assert_allclose((weights * counts / counts.sum())[present], schedule.mean(axis=0)[present], rtol=1e-6)
    assert (weights * counts).sum() == pytest.approx(counts.sum())


@pytest.mark.parametrize("spec", ["enn(kind='some')", "smote_enn(kind='')"])
def test_another_kind_of_vote_is_refused(spec: str) -> None:
    with pytest.raises(SettingError, match=r"kind=.* is not one of: mode, all"):
        parse(spec)


def test_fields_of_cleaned_rows_keep_their_types() -> None:
    sample = cloud((30, 10), 0)
    plain, made = (resampled(spec, sample) for spec in ("smote", "smote_enn"))
    assert {name: column.dtype for name, column in made.columns.items()} == {
        name: column.dtype for name, column in plain.columns.items()
    }


@pytest.mark.parametrize("spec", ["tomek", "enn", "enn(kind='all')"])
def test_cleaning_searches_no_more_rows_than_the_cap(spec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    sample = cloud((60, 30, 12), 0)
    whole = resampled(spec, sample)
    assert not any("searched" in note for note in whole.notes)
    monkeypatch.setattr(clean, "CAP", 42)
    made = resampled(spec, sample)
    assert "42 of 102 rows were searched, drawn from the largest groups" in made.notes
    searched = drawn_evenly(sample.target, 42, np.random.default_rng(0))
    assert np.isin(np.setdiff1d(np.arange(102), made.first), searched).all(), "a row that was not searched is gone"
    # the same as cleaning what was drawn by itself, but that the sizes of groups are those of all rows
    assert len(np.unique(made.first)) == len(made) < 102
