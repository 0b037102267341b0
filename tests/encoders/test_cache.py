"""The cache: a text reaches the model once, whatever is killed, torn, or done at the same time."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenshelf.encoders import Encoder, VectorCache, default_cache_dir
from evenshelf.encoders.fused import FusedEncoder
from evenshelf.encoders.store import RECORD
from evenshelf.errors import InputError

from .counting import CountingEncoder

PROGRAM = Path(__file__).with_name("counting.py")


def files(folder: Path) -> tuple[Path, Path]:
    (store,) = [path for path in folder.iterdir() if path.is_dir()]
    return store / "keys.log", store / "vectors.f32"


def start(folder: Path, log: Path, seed: int, count: int) -> subprocess.Popen[str]:
    command = [sys.executable, str(PROGRAM), str(folder), str(log), str(seed), str(count)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env={**os.environ, "OMP_NUM_THREADS": "1"})


def test_cached_equals_uncached_bit_for_bit(encoder: Encoder, titles: list[str], tmp_path: Path) -> None:
    texts = [*titles, *titles[:9], ""]
    cache = VectorCache(tmp_path)
    cache.encode(encoder, texts[:30])
    np.testing.assert_array_equal(cache.encode(encoder, texts), encoder.encode(texts))
    np.testing.assert_array_equal(VectorCache(tmp_path).encode(encoder, texts[::-1]), encoder.encode(texts)[::-1])


@settings(max_examples=40, deadline=None)
@given(calls=st.lists(st.lists(st.text(max_size=3), max_size=30), min_size=1, max_size=5), fresh=st.booleans())
def test_a_text_reaches_the_model_once(
    calls: list[list[str]], fresh: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("cache")
    encoder, plain = CountingEncoder(), CountingEncoder()
    cache = VectorCache(folder)
    for texts in calls:
        cache = VectorCache(folder) if fresh else cache
        done: list[int] = []
        np.testing.assert_array_equal(cache.encode(encoder, texts, done.append), plain.encode(texts))
        assert sum(done) == len(texts)
    assert sorted(encoder.asked) == sorted({text for texts in calls for text in texts})


def test_encoders_do_not_mix(tmp_path: Path) -> None:
    cache = VectorCache(tmp_path)
    for encoder in (CountingEncoder(), CountingEncoder(12), CountingEncoder(kind="other")):
        np.testing.assert_array_equal(cache.encode(encoder, ["a", "b"]), encoder.encode(["a", "b"]))


def test_parts_of_a_composite_are_kept_apart(tmp_path: Path) -> None:
    constant, first, second = CountingEncoder(), CountingEncoder(kind="first"), CountingEncoder(kind="second")
    cache = VectorCache(tmp_path)
    for fitted in (first, second):
        fused = FusedEncoder([fitted, constant])
        got = cache.encode(fused, ["a", "b", "a"])
        np.testing.assert_array_equal(got, FusedEncoder([fitted, constant]).encode(["a", "b", "a"]))
        assert sorted(fitted.asked[:2]) == ["a", "b"]
    assert sorted(constant.asked[:2]) == ["a", "b"]
    before = len(constant.asked)
    cache.encode(FusedEncoder([first, constant]), ["b"])
    assert len(constant.asked) == before


@pytest.mark.parametrize("whole", [8, 13, 20])
@pytest.mark.parametrize("torn", [1, 7, 19])
@pytest.mark.parametrize("which", ["keys", "vectors"])
def test_a_torn_tail_is_dropped_and_the_rest_kept(tmp_path: Path, whole: int, torn: int, which: str) -> None:
    texts = [f"title {i}" for i in range(30)]
    VectorCache(tmp_path).encode(CountingEncoder(), texts)
    keys, vectors = files(tmp_path)
    size = {"keys": RECORD.itemsize, "vectors": 4 * 24}[which]
    os.truncate({"keys": keys, "vectors": vectors}[which], whole * size + torn)
    for asked in (30 - whole, 0):
        encoder = CountingEncoder()
        np.testing.assert_array_equal(VectorCache(tmp_path).encode(encoder, texts), CountingEncoder().encode(texts))
        assert len(encoder.asked) == asked
    assert keys.stat().st_size == 30 * RECORD.itemsize
    assert vectors.stat().st_size == 30 * 4 * 24


def test_a_reader_takes_no_harm_from_longer_files(tmp_path: Path) -> None:
    texts = [f"title {i}" for i in range(10)]
    cache = VectorCache(tmp_path)
    cache.encode(CountingEncoder(), texts)
    for path in files(tmp_path):
        with path.open("ab") as file:
            file.write(b"\1" * 11)
    for reader in (cache, VectorCache(tmp_path)):
        encoder = CountingEncoder()
        np.testing.assert_array_equal(reader.encode(encoder, texts), CountingEncoder().encode(texts))
        assert encoder.asked == []


def test_a_damaged_row_is_encoded_again(tmp_path: Path) -> None:
    texts = [f"title {i}" for i in range(10)]
    VectorCache(tmp_path).encode(CountingEncoder(), texts)
    _, vectors = files(tmp_path)
    with vectors.open("r+b") as file:
        file.seek(3 * 4 * 24 + 5)
        file.write(b"\xff\xff")
    for asked in (["title 3"], []):
        encoder = CountingEncoder()
        np.testing.assert_array_equal(VectorCache(tmp_path).encode(encoder, texts), CountingEncoder().encode(texts))
        assert encoder.asked == asked


def test_files_deleted_under_an_open_cache(tmp_path: Path) -> None:
    cache = VectorCache(tmp_path)
    cache.encode(CountingEncoder(), ["a", "b"])
    for path in files(tmp_path):
        path.unlink()
    encoder = CountingEncoder()
    np.testing.assert_array_equal(cache.encode(encoder, ["b"]), CountingEncoder().encode(["b"]))
    assert encoder.asked == ["b"]


@pytest.mark.parametrize("seed", range(4))
def test_kill_9_at_any_moment_loses_one_chunk_at_most(tmp_path: Path, seed: int) -> None:
    folder, log = tmp_path / "cache", tmp_path / "log"
    process = start(folder, log, seed, 20000)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    time.sleep(np.random.default_rng(seed).uniform(0.05, 0.5))
    process.kill()
    process.communicate()
    asked = log.read_text().splitlines() if log.exists() else []
    texts = [f"title {i}" for i in range(20000)]
    again = CountingEncoder(chunk=20000)
    np.testing.assert_array_equal(VectorCache(folder).encode(again, texts)[:500], CountingEncoder().encode(texts[:500]))
    assert len(asked) < 20000
    assert len(set(again.asked) & set(asked)) <= 8


def test_two_processes_at_once_store_every_text_once(tmp_path: Path) -> None:
    folder, count = tmp_path / "cache", 1500
    both = [start(folder, tmp_path / f"log{seed}", seed, count) for seed in (1, 2)]
    for process in both:
        out, _ = process.communicate()
        assert out == "ready\ndone\n"
        assert process.returncode == 0
    keys, vectors = files(folder)
    assert keys.stat().st_size == count * RECORD.itemsize
    assert vectors.stat().st_size == count * 4 * 24
    texts = [f"title {i}" for i in range(count)]
    encoder = CountingEncoder()
    np.testing.assert_array_equal(VectorCache(folder).encode(encoder, texts), CountingEncoder().encode(texts))
    assert encoder.asked == []


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(InputError, match=r"file.*EVENSHELF_CACHE|cannot write vectors"):
        VectorCache(tmp_path / "file").encode(CountingEncoder(), ["a"])


def test_the_folder_is_the_one_of_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("EVENSHELF_CACHE", str(tmp_path / "chosen"))
    assert default_cache_dir() == tmp_path / "chosen"
    monkeypatch.delenv("EVENSHELF_CACHE")
    assert "evenshelf" in default_cache_dir().name
