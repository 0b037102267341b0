"""Static vectors of any tokenizer: a text is the sum of the rows of its tokens, scaled to length one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.encoders.base import Encoder, Progress, Vectors, fingerprint_of, unit_rows
from evenshelf.encoders.pieces import Pieces, scaled
from evenshelf.encoders.registry import EncoderKind, register
from evenshelf.encoders.static import BLOCK, token_counts
from evenshelf.encoders.token_table import TokenTable
from evenshelf.encoders.words import count_words

REVISION = "1"
SEVERAL = 64
"""From so many texts on each distinct word is tokenised once, where words are tokenised by themselves."""
_APART = frozenset({"BertPreTokenizer", "Whitespace", "WhitespaceSplit"})
"""Kinds of what splits a text before it is tokenised that let no token reach over a blank."""


class TokenRowsEncoder(Encoder):
    """A table of token vectors, all of which is in :meth:`state`, so that a bundle can hold it.

    Parameters
    ----------
    table
        The rows and the tokenizer, which lowers letters or not as the model did that was distilled.
    name
        The spec string that opens it.
    """

    chunk = 65536

    def __init__(self, table: TokenTable, name: str) -> None:
        self.name = name
        self.dimension = int(table.numbers.shape[1])
        self.fingerprint = fingerprint_of("token rows", REVISION, table.digest)
        self.tokenizer = table.tokenizer
        self._table = table
        self._rows = table.rows
        self._apart = (json.loads(table.written).get("pre_tokenizer") or {}).get("type") in _APART

    def state(self) -> dict[str, NDArray[Any]]:
        """The table and the tokenizer."""
        return self._table.state()

    def pieces(self, text: str) -> Pieces:
        """The tokens of a text where they stand; see :meth:`Encoder.pieces`."""
        encoding = self.tokenizer.encode(text, add_special_tokens=False)
        at = np.array(encoding.offsets, np.int64).reshape(-1, 2)
        vectors = self._rows[np.array(encoding.ids, np.int64)].astype(np.float64)
        return scaled(at[:, 0], at[:, 1], vectors)

    def _encode(self, texts: Sequence[str], progress: Progress) -> Vectors:
        vectors = np.empty((len(texts), self.dimension), np.float32)
        for start in range(0, len(texts), BLOCK):
            block = texts[start : start + BLOCK]
            vectors[start : start + BLOCK] = unit_rows(self._sums(block))
            progress(len(block))
        return vectors

    def _sums(self, texts: Sequence[str]) -> Vectors:
        """``[n, dimension]`` sums of the rows of the tokens."""
        if not self._apart or len(texts) < SEVERAL:
            found: Vectors = token_counts(self.tokenizer, texts, len(self._rows)) @ self._rows
            return found
        words, counts = count_words([[word for word in text.split(" ") if word] for text in texts])
        of_words: Vectors = token_counts(self.tokenizer, words, len(self._rows)) @ self._rows
        summed: Vectors = counts @ of_words
        return summed


def _of_folder(argument: str) -> TokenRowsEncoder:
    return TokenRowsEncoder(TokenTable.of_folder(Path(argument).expanduser()), f"static:{argument}")


def _restored(argument: str, state: Mapping[str, NDArray[Any]]) -> Encoder:
    return TokenRowsEncoder(TokenTable.of_state(state), f"static:{argument}")


register(
    EncoderKind(
        "static",
        "A table of token vectors in a folder, as Model2Vec writes it: no network is run for a text.",
        lambda argument, _texts: _of_folder(argument),
        argument="FOLDER",
        restore=_restored,
        held=True,
    )
)
