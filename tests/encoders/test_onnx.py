"""The ONNX encoder against sentence-transformers, and its batching."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenshelf.encoders import open_encoder
from evenshelf.encoders.onnx_encoder import OnnxEncoder, equal_length_batches
from evenshelf.encoders.weights import minilm_folder, read_config
from evenshelf.errors import InputError

from .conftest import CHINESE, ENGLISH, HARD


def test_equals_sentence_transformers_on_the_same_weights() -> None:
    peer = pytest.importorskip("sentence_transformers").SentenceTransformer(str(minilm_folder()), device="cpu")
    texts = [*ENGLISH, *CHINESE, *HARD]
    np.testing.assert_allclose(open_encoder("minilm").encode(texts), peer.encode(texts), atol=1e-5)


def test_the_same_bits_alone_and_in_a_batch_and_on_one_thread() -> None:
    texts = [*ENGLISH, *CHINESE, *HARD]
    vectors = open_encoder("minilm").encode(texts)
    one = OnnxEncoder(minilm_folder(), "minilm", threads=1)
    np.testing.assert_array_equal(one.encode(texts), vectors)
    np.testing.assert_array_equal(np.concatenate([one.encode([text]) for text in texts]), vectors)


def test_int8_is_near_and_has_the_same_bits_alone_and_in_a_batch() -> None:
    texts = [*ENGLISH, *CHINESE, *HARD]
    encoder = open_encoder("minilm-int8")
    vectors = encoder.encode(texts)
    cosine = np.sum(vectors * open_encoder("minilm").encode(texts), axis=1)
    titles = len(ENGLISH) + len(CHINESE)
    assert cosine[:titles].min() > 0.985
    assert cosine.min() > 0.8  # one word six hundred times
    assert cosine.min() < 0.99999  # it is the 8-bit graph that ran
    np.testing.assert_array_equal(np.concatenate([encoder.encode([text]) for text in texts]), vectors)


def test_the_graph_is_built_anew_when_the_cache_is_emptied(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, cache_folder: Path
) -> None:
    for spec in ("minilm", "minilm-int8"):
        expected = open_encoder(spec).encode(ENGLISH)
        with monkeypatch.context() as patch:
            patch.setenv("EVENSHELF_CACHE", str(tmp_path))
            np.testing.assert_array_equal(open_encoder(spec).encode(ENGLISH), expected)
    assert len(list(tmp_path.glob("onnx/*.onnx"))) == 2
    assert all(path.suffix == ".onnx" for path in (tmp_path / "onnx").iterdir())


@given(st.lists(st.integers(1, 40), min_size=1, max_size=80), st.integers(1, 100))
def test_batches_are_a_partition_into_equal_lengths_within_the_budget(lengths: list[int], tokens: int) -> None:
    batches = equal_length_batches(lengths, tokens)
    assert sorted(np.concatenate(batches).tolist()) == list(range(len(lengths)))
    for rows in batches:
        size = lengths[rows[0]]
        assert all(lengths[row] == size for row in rows)
        assert len(rows) == 1 or len(rows) * size <= tokens


def test_another_architecture_is_refused(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text('{"model_type": "roberta", "hidden_act": "relu"}')
    with pytest.raises(InputError, match=r"model_type is 'roberta'.*hidden_act is 'relu'"):
        read_config(tmp_path)
