"""Tables of token vectors: kept in 8 bits, read from a folder or from arrays that may be anybody's."""

from __future__ import annotations

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from safetensors.numpy import save_file
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers

from evenshelf.encoders import check_restorable, open_encoder, restore_encoder
from evenshelf.encoders.token_rows import SEVERAL, TokenRowsEncoder
from evenshelf.encoders.token_table import TOKENIZER, WEIGHTS, TokenTable
from evenshelf.errors import InputError
from evenshelf.testing import encoder_checks

WORDS = ("[UNK]", "red", "shoe", "##s", "blue", "lamp", "nike")


def tokenizer() -> Tokenizer:
    made = Tokenizer(models.WordPiece({word: n for n, word in enumerate(WORDS)}, unk_token="[UNK]"))
    made.normalizer = normalizers.BertNormalizer(lowercase=True)
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    return made


def table() -> TokenTable:
    rows = np.random.default_rng(0).standard_normal((len(WORDS), 4)).astype(np.float32)
    rows[0] = 0
    return TokenTable.of(rows, tokenizer().to_str())


def encoder() -> TokenRowsEncoder:
    return TokenRowsEncoder(table(), "static:./x")


KNOWN = ("Red shoes", "blue lamp", "nike shoe red", "lamp lamp")


@pytest.mark.parametrize("check", encoder_checks(encoder(), encoder, KNOWN), ids=lambda check: check.name)
def test_promises(check):
    check()


@given(arrays(np.float32, (5, 3), elements=st.floats(-1e3, 1e3, width=32)))
def test_eight_bits_are_within_half_a_step_of_each_row(rows):
    found = TokenTable.of(rows, "").rows
    step = np.abs(rows).max(axis=1, keepdims=True) / 127
    assert (np.abs(found - rows) <= step * 0.501 + 1e-30).all()


def test_a_text_is_the_sum_of_its_tokens_and_its_pieces_are_these():
    made = encoder()
    rows = table().rows
    total = rows[[1, 2, 3]].sum(axis=0)
    np.testing.assert_allclose(made.encode(["RED shoes"])[0], total / np.linalg.norm(total), atol=1e-6)
    found = made.pieces("RED shoes")
    assert [("RED shoes"[a:b]) for a, b in zip(found.start, found.stop, strict=True)] == ["RED", "shoe", "s"]
    np.testing.assert_allclose(found.vectors.sum(axis=0), made.encode(["RED shoes"])[0], atol=1e-6)
    assert not made.encode(["unheard of"]).any()


@pytest.mark.parametrize("apart", [True, False])
def test_many_texts_are_encoded_as_each_by_itself(apart):
    tokenise = tokenizer()
    if not apart:
        tokenise.pre_tokenizer = pre_tokenizers.Metaspace()
    made = TokenRowsEncoder(TokenTable.of(table().rows, tokenise.to_str()), "static:./x")
    rng = np.random.default_rng(0)
    words = ["red", "SHOES", "blue", "lamp", "nike", "lamp,red", "red\tshoe", "", "\x1cnike"]
    texts = [" ".join(rng.choice(words, size=4)) for _ in range(2 * SEVERAL)]
    together = made.encode(texts)
    for text, vector in zip(texts, together, strict=True):
        np.testing.assert_allclose(made.encode([text])[0], vector, atol=1e-6)


def test_its_state_is_all_of_it():
    made = encoder()
    check_restorable(made)
    again = restore_encoder("static:./elsewhere", made.state())
    assert again.fingerprint == made.fingerprint
    np.testing.assert_array_equal(again.encode(KNOWN), made.encode(KNOWN))


def test_a_folder_of_model2vec_is_read(tmp_path):
    rows = np.random.default_rng(1).standard_normal((4, 3)).astype(np.float16)
    place = np.array([0, 1, 2, 3, 1, 2, 3], np.int32)
    share = np.linspace(0.1, 0.7, 7).astype(np.float32)
    save_file({"embeddings": rows, "mapping": place, "weights": share}, tmp_path / WEIGHTS)
    (tmp_path / TOKENIZER).write_text(tokenizer().to_str(), encoding="utf-8")
    made = open_encoder(f"static:{tmp_path}")
    total = rows[1].astype(np.float32) * share[4] + rows[2] * share[5]
    np.testing.assert_allclose(made.encode(["blue lamp"])[0], total / np.linalg.norm(total), atol=0.01)
    assert not made.encode(["unheard of"]).any(), "an unknown token tells nothing"


def test_what_model2vec_wrote_gives_the_vectors_of_model2vec(tmp_path):
    from model2vec import StaticModel

    rows = np.random.default_rng(2).standard_normal((len(WORDS), 8)).astype(np.float32)
    theirs = StaticModel(rows, tokenizer(), normalize=True)
    theirs.save_pretrained(tmp_path)
    texts = [*KNOWN, "red unheard lamp"]
    made = open_encoder(f"static:{tmp_path}").encode(texts)
    np.testing.assert_allclose(made, theirs.encode(texts), atol=0.01)


def test_a_folder_that_is_none_is_refused(tmp_path):
    with pytest.raises(InputError, match=r"lacks model\.safetensors"):
        open_encoder(f"static:{tmp_path}")
    (tmp_path / TOKENIZER).write_text(tokenizer().to_str(), encoding="utf-8")
    (tmp_path / WEIGHTS).write_bytes(b"no tensors")
    with pytest.raises(InputError, match="cannot be read"):
        open_encoder(f"static:{tmp_path}")
    save_file({"embeddings": np.ones((3, 2), np.float32)}, tmp_path / WEIGHTS)
    with pytest.raises(InputError, match="beyond the 3 rows"):
        open_encoder(f"static:{tmp_path}")
    save_file({"embeddings": np.full((7, 2), np.nan, np.float32)}, tmp_path / WEIGHTS)
    with pytest.raises(InputError, match="finite"):
        open_encoder(f"static:{tmp_path}")


def test_a_state_that_is_none_is_refused():
    state = table().state()
    written = json.loads(state["tokenizer"].tobytes())
    hangs = {**written, "normalizer": {"type": "Replace", "pattern": {"Regex": "(a+)+$"}, "content": ""}}
    numbers, scale = state["numbers"], state["scale"]
    for broken in (
        {name: values for name, values in state.items() if name != "scale"},
        {**state, "numbers": numbers.astype(np.int16)},
        {**state, "numbers": numbers[:, 0]},
        {**state, "numbers": numbers[:3], "scale": scale[:3]},
        {**state, "scale": scale[:-1]},
        {**state, "scale": -scale},
        {**state, "scale": np.where(scale > 0, np.float32("inf"), scale)},
        {**state, "scale": scale * np.float32(1e30)},
        {**state, "tokenizer": np.frombuffer(b"\xff", np.uint8)},
        {**state, "tokenizer": np.frombuffer(b"no tokenizer", np.uint8)},
        {**state, "tokenizer": np.frombuffer(b"[]", np.uint8)},
        {**state, "tokenizer": np.frombuffer(json.dumps(hangs).encode(), np.uint8)},
    ):
        with pytest.raises(InputError):
            restore_encoder("static:./x", broken)
