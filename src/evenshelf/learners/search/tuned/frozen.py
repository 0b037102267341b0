"""The lower layers of a checkpoint, which tuning leaves as they are: what they say of a text is computed once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from evenshelf.encoders.onnx_encoder import TOKENS, equal_length_batches
from evenshelf.encoders.onnx_graph import bert_graph
from evenshelf.encoders.sides import sides
from evenshelf.encoders.weights import content_hash, max_length, read_config, read_tokenizer, read_weights
from evenshelf.errors import SettingError

States = NDArray[np.float16]

LENGTH = 96
"""Tokens that are read of a text, or of a pair of texts."""
KEPT = 256 * 2**20
"""Bytes of states that are kept; what is beyond is computed anew each time."""


class FrozenLayers:
    """Embeddings and lower layers of a BERT, by ONNX Runtime on one thread.

    A text has the same bits alone and among others, so whether its states were kept makes no difference.

    Parameters
    ----------
    folder
        The checkpoint.
    depth
        So many layers, from 0 on.
    pairs
        Whether texts are pairs (:mod:`evenshelf.encoders.sides`), read as one with types of tokens.
    """

    def __init__(self, folder: Path, depth: int, *, pairs: bool = False) -> None:
        self.config = read_config(folder)
        self.pairs = pairs
        self.tokenizer = read_tokenizer(folder, min(LENGTH, max_length(folder, self.config)))
        model = bert_graph(read_weights(folder), self.config, depth=depth, pairs=pairs)
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
        self._session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
        self._kept: dict[str, tuple[States, int]] = {}
        self._bytes = 0

    def states(self, texts: Sequence[str]) -> list[tuple[States, int]]:
        """Of each text ``[tokens, width]``, in half precision, and how many of the tokens are of its first side."""
        wanted = [text for text in dict.fromkeys(texts) if text not in self._kept]
        fresh = self._computed(wanted) if wanted else {}
        for text, known in fresh.items():
            if self._bytes + known[0].nbytes <= KEPT:
                self._kept[text] = known
                self._bytes += known[0].nbytes
        return [fresh[text] if text in fresh else self._kept[text] for text in texts]

    def _computed(self, texts: list[str]) -> dict[str, tuple[States, int]]:
        read: Any = list(zip(*sides(texts), strict=True)) if self.pairs else texts
        tokens = self.tokenizer.encode_batch(read)
        found: list[tuple[States, int] | None] = [None] * len(texts)
        for rows in equal_length_batches([len(one.ids) for one in tokens], TOKENS):
            given = {"ids": np.array([tokens[row].ids for row in rows], np.int64)}
            types = np.array([tokens[row].type_ids for row in rows], np.int64)
            if self.pairs:
                given["types"] = types
            states = self._session.run(["states"], given)[0].astype(np.float16)
            first = (types == 0).sum(axis=1).tolist()
            for place, row in enumerate(rows.tolist()):
                found[row] = (states[place].copy(), first[place])
        return {text: one for text, one in zip(texts, found, strict=True) if one is not None}


def frozen_layers(folder: Path, layers: int, *, pairs: bool = False) -> FrozenLayers:
    """What lies below the last `layers` layers of a checkpoint; the one of the last call is kept.

    Raises
    ------
    SettingError
        If the checkpoint does not have so many layers, or none is to be tuned.
    """
    count = read_config(folder).num_hidden_layers
    if not 1 <= layers <= count:
        raise SettingError(
            f"{layers} layers are to be tuned, of a model that has {count}.", hint=f"Give a number from 1 to {count}."
        )
    return _opened(folder, content_hash(folder), count - layers, pairs)


@lru_cache(maxsize=2)
def _opened(folder: Path, state: str, depth: int, pairs: bool) -> FrozenLayers:
    del state  # a folder whose files changed is another one
    return FrozenLayers(folder, depth, pairs=pairs)
