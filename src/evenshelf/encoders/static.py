"""Static word vectors distilled from MiniLM: no network is run for a text, only sums of rows of a table.

Every token of the vocabulary goes through the model once, alone; the outputs are reduced by PCA and weighted
by how rare a token is; a text is the sum of its tokens' rows. Distinct words are tokenised once.

Texts in scripts that MiniLM's vocabulary lacks get little: it knows a few hundred Han characters, one token
each, and the rest are unknown tokens, which count for nothing here.

References
----------
van Dongen, Tulkens: Model2Vec: Fast State-of-the-Art Static Embeddings, MinishLab, 2024.
Arora, Liang, Ma: A Simple but Tough-to-Beat Baseline for Sentence Embeddings, ICLR 2017 (weights).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from evenshelf.encoders.base import Encoder, Progress, Vectors, fingerprint_of, unit_rows
from evenshelf.encoders.folders import default_cache_dir, write_whole
from evenshelf.encoders.onnx_encoder import OnnxEncoder
from evenshelf.encoders.pieces import Pieces, origins, scaled
from evenshelf.encoders.registry import EncoderKind, register
from evenshelf.encoders.weights import max_length, minilm_folder, read_config, read_tokenizer
from evenshelf.encoders.words import count_words
from evenshelf.errors import InputError

REVISION = "1"
DIMENSION = 256
BLOCK = 16384


class StaticEncoder(Encoder):
    """A table of token vectors and a tokenizer.

    Parameters
    ----------
    table
        ``[vocabulary, dimension]``, float32, the weights included.
    tokenizer
        A ``tokenizers.Tokenizer`` that splits at white space first (as BERT's does).
    name
        The spec string that opens it.
    """

    chunk = 65536

    def __init__(self, table: Vectors, tokenizer: Any, name: str = "fast") -> None:
        self.name = name
        self.dimension = int(table.shape[1])
        self.table = table
        self.tokenizer = tokenizer
        self.fingerprint = fingerprint_of("static", REVISION, table, tokenizer.to_str())

    def state(self) -> dict[str, NDArray[Any]]:
        """The table: distilled on another machine, its last bits would differ."""
        return {"table": self.table}

    def pieces(self, text: str) -> Pieces:
        """The tokens of a text where they stand; see :meth:`Encoder.pieces`."""
        lowered = text.lower()
        origin = origins(text, [len(text[: end + 1].lower()) for end in range(len(text))])
        places, tokens = [], []
        for word in re.finditer(r"\S+", lowered):
            encoding = self.tokenizer.encode(word.group(), add_special_tokens=False)
            places += [(word.start() + low, word.start() + high) for low, high in encoding.offsets]
            tokens += encoding.ids
        at = np.array(places, np.int64).reshape(-1, 2)
        vectors = self.table[np.array(tokens, np.int64)].astype(np.float64)
        return scaled(origin[at[:, 0]], origin[np.maximum(at[:, 1] - 1, at[:, 0])] + 1, vectors)

    def _encode(self, texts: Sequence[str], progress: Progress) -> Vectors:
        vectors = np.empty((len(texts), self.dimension), np.float32)
        for start in range(0, len(texts), BLOCK):
            block = texts[start : start + BLOCK]
            words, counts = count_words([text.lower().split() for text in block])
            vectors[start : start + BLOCK] = unit_rows(
                counts @ (token_counts(self.tokenizer, words, len(self.table)) @ self.table)
            )
            progress(len(block))
        return vectors


def token_counts(tokenizer: Any, texts: Sequence[str], size: int) -> sp.csr_array:
    """``[texts, size]``: how often each of so many tokens stands in a text."""
    ids = [encoding.ids for encoding in tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]
    ends = np.cumsum([0, *map(len, ids)])
    column = np.fromiter((token for row in ids for token in row), np.int32, ends[-1])
    return sp.csr_array((np.ones(len(column), np.float32), column, ends), shape=(len(texts), size))


def zipf_weights(size: int, *, smoothing: float = 1e-4) -> NDArray[np.float32]:
    """Smooth inverse frequency ``a / (a + p)``, with ``p`` by Zipf's law over the token numbers.

    BERT's vocabulary is roughly in order of frequency in general English. Frequencies in the shop's own texts
    are on purpose not used: there the names of the product types are the frequent words, and the weights
    would take away just what tells the types apart.

    Parameters
    ----------
    size
        Of the vocabulary.
    smoothing
        ``a``; > 0. The larger, the more equal the weights.

    Returns
    -------
    numpy.ndarray
        ``[size]``, float32, in (0, 1), ascending.
    """
    frequency = 1 / np.arange(1, size + 1)
    frequency /= frequency.sum()
    return (smoothing / (smoothing + frequency)).astype(np.float32)


def token_vectors() -> tuple[Vectors, Any]:
    """Pass every token of MiniLM through it (once; kept in the cache folder) and reduce the result by PCA.

    Returns
    -------
    table
        ``[vocabulary, 256]``, float32, without weights; zero for the special tokens.
    tokenizer
        MiniLM's.
    """
    encoder = OnnxEncoder(minilm_folder(), "minilm")
    tokenizer = encoder.tokenizer
    path = default_cache_dir() / "static" / f"{fingerprint_of(REVISION, encoder.fingerprint)}.safetensors"
    if not path.is_file():
        table = _distil(encoder.encode_tokens(np.arange(tokenizer.get_vocab_size())), tokenizer)
        write_whole(path, lambda temporary: save_file({"table": table}, temporary))
    return load_file(path)["table"], tokenizer


def _distil(outputs: Vectors, tokenizer: Any) -> Vectors:
    # An unknown token says nothing of which word it stands for, and the others are no words.
    numbers = [number for number, token in tokenizer.get_added_tokens_decoder().items() if token.special]
    real = np.setdiff1d(np.arange(len(outputs)), numbers)
    centred = outputs - outputs[real].mean(axis=0)
    squares, directions = np.linalg.eigh(np.cov(centred[real].astype(np.float64), rowvar=False))
    leading = directions[:, np.argsort(-squares, kind="stable")[:DIMENSION]]
    leading *= np.where(leading[np.abs(leading).argmax(axis=0), np.arange(leading.shape[1])] < 0, -1, 1)
    table = (centred @ leading).astype(np.float32)
    table[numbers] = 0
    return np.ascontiguousarray(table)


def open_static() -> StaticEncoder:
    """Distil (or read) the token vectors and weight them."""
    table, tokenizer = token_vectors()
    return StaticEncoder(table * zipf_weights(len(table))[:, None], tokenizer)


def _restored(state: Mapping[str, NDArray[Any]]) -> Encoder:
    folder = minilm_folder()
    table, tokenizer = state["table"], read_tokenizer(folder, max_length(folder, read_config(folder)))
    if (table.dtype.kind, table.ndim) != ("f", 2) or len(table) != tokenizer.get_vocab_size():
        raise InputError(
            f"the table of static vectors is {table.dtype} {table.shape}, and there are "
            f"{tokenizer.get_vocab_size():,} tokens.",
            hint="Fit and save it again.",
        )
    return StaticEncoder(table, tokenizer)


register(
    EncoderKind(
        "fast",
        "Static word vectors distilled from MiniLM: far faster and somewhat less exact; English.",
        lambda _argument, _texts: open_static(),
        restore=lambda _argument, state: _restored(state),
    )
)
