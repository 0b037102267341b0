"""Character TF-IDF against scikit-learn, its SVD against SciPy, and its saved state."""

from __future__ import annotations

import numpy as np
import pytest
import scipy.sparse as sp
from sklearn.feature_extraction.text import CountVectorizer

from evenshelf.encoders.ngrams import count_ngrams
from evenshelf.encoders.svd import right_singular_vectors
from evenshelf.encoders.tfidf import TfidfEncoder
from evenshelf.encoders.words import split_scripts
from evenshelf.errors import InputError

from .conftest import CHINESE, ENGLISH, HARD


def rows(counts: sp.csr_array) -> list[list[float]]:
    return [sorted(counts[[i]].data.tolist()) for i in range(counts.shape[0])]


def test_latin_ngrams_are_those_of_scikit_learn() -> None:
    texts = [t for t in ENGLISH if len(t) > 1]  # scikit-learn also yields words shorter than the n-gram
    hashes, counts = count_ngrams(texts)
    peer = CountVectorizer(analyzer="char_wb", ngram_range=(2, 5)).fit_transform(texts)
    assert counts.shape == peer.shape
    assert rows(counts) == rows(sp.csr_array(peer).astype(np.float32))
    assert np.all(np.diff(hashes.astype(object)) > 0)


def test_han_ngrams_are_those_of_the_run() -> None:
    _, counts = count_ngrams(["运动鞋"])
    assert counts.sum() == 3 + 2 + 1
    _, counts = count_ngrams(["运动鞋max"])
    assert counts.sum() == 6 + 4 + 3 + 2 + 1
    _, both = count_ngrams(["运动 鞋", "运动鞋", "运動鞋"])
    assert both.multiply(both[[0]]).sum(axis=1).tolist() == [4, 4, 2]


def test_scripts_are_split_without_losing_a_character() -> None:
    for text in [*ENGLISH, *CHINESE, *HARD]:
        assert "".join(split_scripts(text)) == "".join(text.split())


def test_full_width_letters_are_plain_ones() -> None:
    encoder = TfidfEncoder.fit([*ENGLISH, *CHINESE])
    a, b = encoder.encode(["NIKE 运动鞋", "ＮＩＫＥ　运动鞋"])
    np.testing.assert_array_equal(a, b)


def test_svd_finds_the_leading_space_that_scipy_finds() -> None:
    rng = np.random.default_rng(0)
    dense = rng.standard_normal((300, 20)) @ np.diag(2.0 ** -np.arange(20)) @ rng.standard_normal((20, 200))
    vectors, values = right_singular_vectors(sp.csr_array(dense.astype(np.float32)), 8, seed=0)
    _, exact, right = np.linalg.svd(dense)
    np.testing.assert_allclose(values, exact[:8], rtol=1e-3)
    np.testing.assert_allclose(np.abs(np.sum(vectors * right[:8].T, axis=0)), 1, atol=1e-3)
    np.testing.assert_allclose(vectors.T @ vectors, np.eye(8), atol=1e-4)
    assert np.all(vectors[np.abs(vectors).argmax(axis=0), range(8)] > 0)


def test_svd_has_no_more_directions_than_the_matrix() -> None:
    rank_two = sp.csr_array(np.outer(np.arange(9), np.ones(7)) + np.outer(np.ones(9), np.arange(7)), dtype=np.float32)
    vectors, values = right_singular_vectors(rank_two, 5, seed=0)
    assert vectors.shape == (7, 2)
    assert values.shape == (2,)


def test_svd_is_the_same_on_one_thread_and_on_three() -> None:
    matrix = sp.random_array((9000, 300), density=0.02, rng=np.random.default_rng(0), format="csr", dtype=np.float32)
    one, three = (right_singular_vectors(matrix, 10, seed=1, threads=t)[0] for t in (1, 3))
    np.testing.assert_array_equal(one, three)


def test_order_and_repeats_of_the_corpus_do_not_matter(titles: list[str]) -> None:
    assert TfidfEncoder.fit(titles).fingerprint == TfidfEncoder.fit([*titles[::-1], *titles]).fingerprint


def test_rare_ngrams_are_dropped_in_a_large_corpus_only() -> None:
    large = [f"shoe {i % 30}" for i in range(30)] + [f"watch {i:05d} belt" for i in range(1000)] + ["zyzzyva"]
    assert not TfidfEncoder.fit(large).encode(["zyzzyva"]).any()
    assert TfidfEncoder.fit(large[-200:]).encode(["zyzzyva"]).any()


def test_limits_are_kept(titles: list[str]) -> None:
    encoder = TfidfEncoder.fit(titles, dimension=5, max_features=40, sample=20)
    assert encoder.directions.shape == (40, 5)
    assert encoder.encode(titles).shape == (len(titles), 5)


def test_saved_state_comes_back_whole(titles: list[str], tmp_path) -> None:
    encoder = TfidfEncoder.fit(titles)
    encoder.save(tmp_path / "state.safetensors")
    again = TfidfEncoder.load(tmp_path / "state.safetensors")
    assert again.fingerprint == encoder.fingerprint
    np.testing.assert_array_equal(again.encode(titles), encoder.encode(titles))
    content = (tmp_path / "state.safetensors").read_bytes()
    (tmp_path / "state.safetensors").write_bytes(content[:-10])
    with pytest.raises(InputError, match="not a saved tfidf encoder"):
        TfidfEncoder.load(tmp_path / "state.safetensors")


def test_a_corpus_without_a_character_is_refused() -> None:
    with pytest.raises(InputError, match="no text has any character"):
        TfidfEncoder.fit(["", " "])
