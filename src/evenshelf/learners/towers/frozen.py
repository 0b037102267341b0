"""The lower layers of a checkpoint, which tuning leaves as they are: what they say of a text is computed once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from evenshelf.encoders.onnx_encoder import TOKENS, equal_length_batches
from evenshelf.encoders.onnx_graph import bert_graph
from evenshelf.encoders.weights import content_hash, max_length, read_config, read_tokenizer, read_weights
from evenshelf.errors import SettingError

States = NDArray[np.float16]

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
    """

    def __init__(self, folder: Path, depth: int) -> None:
        self.config = read_config(folder)
        self.tokenizer = read_tokenizer(folder, max_length(folder, self.config))
        self._session = session_of(bert_graph(read_weights(folder), self.config, depth=depth))
        self._kept: dict[str, States] = {}
        self._bytes = 0

    def states(self, texts: Sequence[str]) -> list[States]:
        """Of each text ``[tokens, width]``, in half precision."""
        wanted = [text for text in dict.fromkeys(texts) if text not in self._kept]
        fresh = dict(zip(wanted, self._computed(wanted), strict=True)) if wanted else {}
        for text, known in fresh.items():
            if self._bytes + known.nbytes <= KEPT:
                self._kept[text] = known
                self._bytes += known.nbytes
        return [fresh[text] if text in fresh else self._kept[text] for text in texts]

    def _computed(self, texts: list[str]) -> list[States]:
        tokens = [one.ids for one in self.tokenizer.encode_batch_fast(texts)]
        found: dict[int, States] = {}
        for rows in equal_length_batches([len(ids) for ids in tokens], TOKENS):
            given = {"ids": np.array([tokens[row] for row in rows], np.int64)}
            states = self._session.run(["outputs"], given)[0].astype(np.float16)
            # Copies, or a text that is kept would hold the whole batch.
            found |= {row: own.copy() for row, own in zip(rows.tolist(), states, strict=True)}
        return [found[row] for row in range(len(texts))]


def session_of(model: bytes) -> onnxruntime.InferenceSession:
    """Open a graph as it is laid out, on one thread."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_BASIC
    # Processors without VNNI else saturate sums of 8-bit products.
    options.add_session_config_entry("session.x64quantprecision", "1")
    return onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])


def frozen_layers(folder: Path, layers: int) -> FrozenLayers:
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
    return _opened(folder, content_hash(folder), count - layers)


@lru_cache(maxsize=1)
def _opened(folder: Path, state: str, depth: int) -> FrozenLayers:
    del state  # a folder whose files changed is another one
    return FrozenLayers(folder, depth)
