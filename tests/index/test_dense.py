"""The dense index against plain numpy: filters, order, ties; files whole or refused; searches while it grows."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from evenshelf.encoders.base import unit_rows
from evenshelf.errors import InputError, SettingError
from evenshelf.index.dense import DenseIndex, Layout
from evenshelf.index.dense_codes import largest

LISTED = Layout(flat_below=1, effort=1e9)
"""With lists, all of which are looked into."""
LAYOUTS = (Layout(), LISTED)


@st.composite
def shelves(draw: st.DrawFn) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Vectors, some equal and some zero, and a query. Up to 3,000 rows: past where all are compared in 16 bits."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    rows, dimension = draw(st.sampled_from([0, 1, 2, 30, 1500, 3000])), draw(st.sampled_from([1, 2, 7, 64]))
    vectors = rng.standard_normal((rows, dimension)) * rng.choice([1.0, 20.0], dimension)
    if rows and draw(st.booleans()):
        vectors = vectors[rng.integers(0, draw(st.integers(1, rows)), rows)]
    vectors[rng.random(rows) < draw(st.sampled_from([0.0, 0.1, 1.0]))] = 0.0
    return unit_rows(vectors), unit_rows(rng.standard_normal((1, dimension)))[0]


def masks(rows: int, seed: int, share: float) -> NDArray[np.bool_]:
    return np.random.default_rng(seed).random(rows) < share


@settings(max_examples=60, deadline=None)
@given(
    shelf=shelves(),
    k=st.sampled_from([1, 3, 10, 200, 5000]),
    share=st.sampled_from([None, 0.0, 0.01, 0.2, 0.6, 1.0]),
    layout=st.sampled_from(LAYOUTS),
    cut=st.floats(0, 1),
)
def test_nearest_is_what_plain_numpy_finds(
    *,
    shelf: tuple[NDArray[np.float32], NDArray[np.float32]],
    k: int,
    share: float | None,
    layout: Layout,
    cut: float,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    vectors, query = shelf
    first = vectors[: int(cut * len(vectors))]
    built = DenseIndex.build(tmp_path_factory.mktemp("index"), first, layout=layout)
    index = built.extended(vectors[len(first) :])
    assert (len(built), len(index), index.dimension) == (len(first), len(vectors), vectors.shape[1])
    np.testing.assert_allclose(index.vectors(np.arange(len(index))), vectors, atol=2e-5)
    allowed = None if share is None else masks(len(vectors), k, share)
    rows, cosines = index.nearest(query, k, allowed=allowed)

    passing = np.arange(len(vectors)) if allowed is None else np.flatnonzero(allowed)
    true = index.vectors(np.arange(len(index))).astype(np.float64) @ query
    assert len(rows) == min(k, len(passing))
    assert len(set(rows.tolist())) == len(rows)
    assert set(rows.tolist()) <= set(passing.tolist())
    np.testing.assert_allclose(cosines, true[rows], atol=1e-6)
    best = np.sort(true[passing])[::-1][: len(rows)]
    np.testing.assert_allclose(cosines, best, atol=1e-6)
    listed = list(zip((-cosines).tolist(), rows.tolist(), strict=True))
    assert listed == sorted(listed)


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("built", [0, 1500, 4000])
def test_of_equal_rows_the_first_are_given(layout: Layout, built: int, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    vectors = unit_rows(rng.standard_normal((3, 48)))[rng.integers(0, 3, 4000)]
    index = DenseIndex.build(tmp_path, vectors[:built], layout=layout).extended(vectors[built:])
    for allowed in (None, masks(4000, 1, 0.7)):
        rows, cosines = index.nearest(vectors[5], 300, allowed=allowed)
        same = (vectors == vectors[5]).all(axis=1) & (True if allowed is None else allowed)
        assert rows.tolist() == np.flatnonzero(same)[:300].tolist()
        assert len(set(cosines.tolist())) == 1


@settings(max_examples=40, deadline=None)
@given(shelf=shelves(), cuts=st.lists(st.floats(0, 1), max_size=4), seed=st.integers(0, 9))
def test_extended_is_the_build_of_all(
    shelf: tuple[NDArray[np.float32], NDArray[np.float32]],
    cuts: list[float],
    seed: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    vectors, query = shelf
    places = [0, *sorted(int(cut * len(vectors)) for cut in cuts), len(vectors)]
    index = DenseIndex.build(tmp_path_factory.mktemp("index"), vectors[:0])
    values = [index]
    for start, end in pairwise(places):
        index = index.extended(vectors[start:end])
        values.append(index)
    whole = DenseIndex.build(tmp_path_factory.mktemp("index"), vectors)
    allowed = masks(len(vectors), seed, 0.5)
    for one, other in zip(
        index.nearest(query, 50, allowed=allowed), whole.nearest(query, 50, allowed=allowed), strict=True
    ):
        np.testing.assert_array_equal(one, other)
    rows = np.random.default_rng(seed).permutation(len(vectors))
    np.testing.assert_array_equal(index.cosines(query, rows), whole.cosines(query, rows))
    np.testing.assert_array_equal(index.vectors(rows), whole.vectors(rows))
    # older values are as they were
    assert [len(value) for value in values] == [0, *places[1:]]
    for value in values:
        np.testing.assert_array_equal(value.nearest(query, 10)[0], value.nearest(query, 5000)[0][:10])


def test_values_made_of_one_value_do_not_see_each_other(tmp_path: Path) -> None:
    vectors = np.eye(8, dtype=np.float32)
    index = DenseIndex.build(tmp_path, vectors[:1]).extended(vectors[1:2])
    one, other = index.extended(vectors[2:3]), index.extended(vectors[3:5])
    third = one.extended(vectors[5:6])
    np.testing.assert_array_equal(index.vectors(np.arange(2)), vectors[:2])
    np.testing.assert_array_equal(one.vectors(np.arange(3)), vectors[[0, 1, 2]])
    np.testing.assert_array_equal(other.vectors(np.arange(4)), vectors[[0, 1, 3, 4]])
    np.testing.assert_array_equal(third.vectors(np.arange(4)), vectors[[0, 1, 2, 5]])


def clustered(rows: int, dimension: int, seed: int) -> NDArray[np.float32]:
    """Rows around 300 centres."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((300, dimension))
    return unit_rows(centres[rng.integers(0, 300, rows)] + 0.6 * rng.standard_normal((rows, dimension)))


@pytest.mark.parametrize("share", [None, 0.5, 0.1, 0.01])
def test_lists_find_nearly_all_and_look_at_a_part(share: float | None, tmp_path: Path) -> None:
    vectors = clustered(20_000, 32, 0)
    effort = 20.0
    index = DenseIndex.build(tmp_path, vectors, layout=Layout(flat_below=10_000, effort=effort))
    allowed = None if share is None else masks(20_000, 3, share)
    passing = np.arange(20_000) if allowed is None else np.flatnonzero(allowed)
    found = []
    for query in clustered(40, 32, 1):
        rows, cosines = index.nearest(query, 20, allowed=allowed)
        assert len(rows) == min(20, len(passing))
        assert set(rows.tolist()) <= set(passing.tolist())
        np.testing.assert_allclose(cosines, vectors[rows] @ query, atol=1e-4)
        least = np.sort(vectors[passing] @ query)[::-1][len(rows) - 1]
        found.append(float((cosines >= least - 1e-4).mean()))
    assert np.mean(found) > 0.9


def test_lists_that_are_not_looked_into_are_missed(tmp_path: Path) -> None:
    vectors = unit_rows(np.random.default_rng(0).standard_normal((20_000, 64)))
    index = DenseIndex.build(tmp_path, vectors, layout=Layout(flat_below=1, effort=1.0))
    missed = [
        index.nearest(vectors[row], 50)[1].min() < np.sort(vectors @ vectors[row])[-50] - 1e-4 for row in range(20)
    ]
    assert any(missed)


@pytest.mark.parametrize("layout", [Layout(), Layout(flat_below=1000, effort=30.0)])
def test_opened_is_what_was_built_in_blocks_or_at_once_with_any_number_of_threads(
    layout: Layout, tmp_path: Path
) -> None:
    vectors = clustered(9000, 24, 0)
    done: list[int] = []
    built = DenseIndex.build(tmp_path / "a", vectors, threads=1, progress=done.append, layout=layout)
    blocks = (block for block in np.array_split(vectors, 7))
    DenseIndex.build(tmp_path / "b", blocks, threads=3, layout=layout)
    assert sum(done) == 9000
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
    opened = DenseIndex.open(tmp_path / "b")
    for query in clustered(5, 24, 1):
        for one, other in zip(built.nearest(query, 30), opened.nearest(query, 30), strict=True):
            np.testing.assert_array_equal(one, other)
    assert opened.extended(vectors[:3]).added == 3


def test_an_index_of_nothing(tmp_path: Path) -> None:
    built = DenseIndex.build(tmp_path, np.zeros((0, 5), np.float32), layout=LISTED)
    for index in (built, DenseIndex.open(tmp_path)):
        query = np.zeros(5, np.float32)
        for allowed in (None, np.zeros(0, np.bool_)):
            rows, cosines = index.nearest(query, 4, allowed=allowed)
            assert (len(rows), len(cosines)) == (0, 0)
        assert index.cosines(query, np.zeros(0, np.int64)).shape == (0,)
        assert index.vectors(np.zeros(0, np.int64)).shape == (0, 5)
        grown = index.extended(np.eye(5, dtype=np.float32))
        assert grown.nearest(np.eye(5, dtype=np.float32)[3], 1)[0].tolist() == [3]


def test_zero_queries_and_rows_have_cosine_nought(tmp_path: Path) -> None:
    vectors = np.eye(4, dtype=np.float32)
    vectors[2] = 0.0
    index = DenseIndex.build(tmp_path, vectors)
    rows, cosines = index.nearest(np.zeros(4, np.float32), 9)
    assert (rows.tolist(), cosines.tolist()) == ([0, 1, 2, 3], [0.0] * 4)
    assert index.cosines(np.eye(4, dtype=np.float32)[2], np.array([2])).tolist() == [0.0]


@settings(max_examples=60, deadline=None)
@given(scores=st.lists(st.integers(-3, 3), max_size=40), count=st.integers(1, 45))
def test_largest_takes_the_first_of_equal_scores(scores: list[int], count: int) -> None:
    order = sorted(range(len(scores)), key=lambda place: (-scores[place], place))
    assert sorted(largest(np.array(scores, np.float32), count).tolist()) == sorted(order[:count])


@pytest.fixture(params=LAYOUTS, ids=["flat", "lists"])
def folder(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    DenseIndex.build(tmp_path / "index", clustered(2000, 16, 0), layout=request.param)
    return tmp_path / "index"


def test_a_damaged_file_is_one_clear_error(folder: Path) -> None:
    for path in sorted(folder.iterdir()):
        whole = path.read_bytes()
        turned = bytes([whole[len(whole) // 2] ^ 1])
        for broken in (
            b"",
            whole[:-1],
            whole + b"\0",
            whole[: len(whole) // 2] + turned + whole[len(whole) // 2 + 1 :],
        ):
            path.write_bytes(broken)
            with pytest.raises(InputError, match=path.name):
                DenseIndex.open(folder)
        path.unlink()
        with pytest.raises(InputError, match="holds no vectors" if path.suffix == ".json" else path.name):
            DenseIndex.open(folder)
        path.write_bytes(whole)
    assert len(DenseIndex.open(folder)) == 2000


def test_a_manifest_that_was_changed_by_hand_is_refused(folder: Path) -> None:
    manifest = json.loads((folder / "dense.json").read_text())
    for changed in (manifest | {"revision": 2}, {}, [], manifest | {"check": None}):
        (folder / "dense.json").write_text(json.dumps(changed))
        with pytest.raises(InputError, match=r"dense\.json"):
            DenseIndex.open(folder)


def test_a_build_that_fails_leaves_no_index_and_can_be_repeated(tmp_path: Path) -> None:
    vectors = clustered(100, 8, 0)

    def torn() -> Iterator[NDArray[np.float32]]:
        yield vectors[:50]
        raise KeyError("source")

    with pytest.raises(KeyError):
        DenseIndex.build(tmp_path, torn())
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match="holds no vectors"):
        DenseIndex.open(tmp_path)
    DenseIndex.build(tmp_path, vectors)
    with pytest.raises(InputError, match="already"):
        DenseIndex.build(tmp_path, vectors)
    assert len(DenseIndex.open(tmp_path)) == 100


def test_a_folder_that_cannot_be_written_to_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match="cannot write"):
        DenseIndex.build(tmp_path / "file" / "index", clustered(3, 4, 0))


def test_what_cannot_be_used_is_refused(tmp_path: Path) -> None:
    good = np.eye(4, dtype=np.float32)
    for number, bad in enumerate(
        [2 * good, good * np.nan, np.full((2, 4), np.inf, np.float32), good[0], np.zeros((3, 0), np.float32), iter([])]
    ):
        with pytest.raises(InputError):
            DenseIndex.build(tmp_path / str(number), bad)
    with pytest.raises(InputError, match="row 5"):
        DenseIndex.build(tmp_path / "blocks", [good, np.stack([good[0], 3 * good[1]])])
    with pytest.raises(InputError):
        DenseIndex.build(tmp_path / "dimensions", [good, np.eye(3, dtype=np.float32)])
    index = DenseIndex.build(tmp_path / "good", good)
    for query in (good, good[0, :3], good[0] * np.nan, good[0] * 2):
        with pytest.raises(InputError):
            index.nearest(query, 1)
        with pytest.raises(InputError):
            index.cosines(query, np.array([0]))
    for allowed in (np.ones(3, np.bool_), np.ones(4, np.int64), np.ones((1, 4), np.bool_)):
        with pytest.raises(InputError, match="allowed"):
            index.nearest(good[0], 1, allowed=allowed)
    for rows in ([4], [-1], [[0]]):
        with pytest.raises(InputError, match="there is no"):
            index.vectors(np.array(rows))
    with pytest.raises(InputError):
        index.extended(2 * good)
    for k in (0, -1):
        with pytest.raises(SettingError):
            index.nearest(good[0], k)
    for layout in ({"flat_below": 0}, {"effort": 0.0}, {"effort": float("nan")}):
        with pytest.raises(SettingError):
            Layout(**layout)


@pytest.mark.parametrize("layout", LAYOUTS, ids=["flat", "lists"])
def test_searches_from_threads_while_it_grows(layout: Layout, tmp_path: Path) -> None:
    vectors = clustered(6000, 16, 0)
    query = vectors[7]
    index = DenseIndex.build(tmp_path, vectors[:2000], layout=layout)
    values, wrong, over = [index], [], threading.Event()

    def search() -> None:
        while not over.is_set():
            value = values[-1]
            rows, cosines = value.nearest(query, 20)
            best = np.sort(vectors[: len(value)] @ query)[::-1][:20]
            if np.abs(cosines - best).max() > 1e-4 or rows.max() >= len(value):
                wrong.append((len(value), rows))

    threads = [threading.Thread(target=search) for _ in range(3)]
    for thread in threads:
        thread.start()
    for start in range(2000, 6000, 37):
        values.append(values[-1].extended(vectors[start : start + 37]))
    over.set()
    for thread in threads:
        thread.join()
    assert wrong == []
    for value in values[::20]:
        np.testing.assert_allclose(
            value.nearest(query, 5)[1], np.sort(vectors[: len(value)] @ query)[::-1][:5], atol=1e-4
        )
