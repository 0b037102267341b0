"""Ranges of what goes into each dense layer of a BERT, for 8-bit arithmetic, found without any data.

The network reads random tokens, of the lengths that titles have. The ranges are fixed then, so that a vector
does not depend on the batch it is computed in, as it does where ranges are taken from each batch.

References
----------
Xiao, Lin, Seznec, Wu, Demouth, Han: SmoothQuant: Accurate and Efficient Post-Training Quantization for Large
Language Models, ICML 2023 (inputs with large values are scaled down, their weights up).
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from evenshelf.encoders.onnx_graph import InputRange, bert_graph
from evenshelf.encoders.weights import BertConfig

LENGTHS = {1: 64, 2: 64, 4: 64, 8: 48, 16: 24, 32: 16}
"""How many random sequences of which length are read."""
STRENGTH = 0.7
"""How much of the difficulty is moved from the inputs to the weights (SmoothQuant's alpha)."""


def input_ranges(
    weights: Mapping[str, NDArray[np.float32]],
    config: BertConfig,
    words: NDArray[np.int64],
    special: tuple[int, int],
    *,
    seed: int = 1,
) -> list[InputRange]:
    """Find the ranges, one for each dense layer in the order of the graph.

    Parameters
    ----------
    weights, config
        The checkpoint.
    words
        The token numbers to draw from.
    special
        The tokens before and after a text.
    seed
        Of the drawing.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    model = bert_graph(weights, config, probe=True)
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    names = [output.name for output in session.get_outputs() if output.name.startswith("input_")]
    names.sort(key=lambda name: int(name.removeprefix("input_")))
    rng = np.random.default_rng(seed)
    seen: list[list[NDArray[np.float32]]] = [[] for _ in names]
    read = {length: count for length, count in LENGTHS.items() if length + 2 <= config.max_position_embeddings}
    for length, count in read.items():
        ids = np.empty((count, length + 2), np.int64)
        ids[:, 0], ids[:, -1] = special
        ids[:, 1:-1] = rng.choice(words, (count, length))
        for inputs, found in zip(seen, session.run(names, {"ids": ids}), strict=True):
            inputs.append(found.reshape(-1, found.shape[-1]))
    largest = _largest_weights(weights, config)
    return [_range(np.concatenate(inputs), weight) for inputs, weight in zip(seen, largest, strict=True)]


def _largest_weights(weights: Mapping[str, NDArray[np.float32]], config: BertConfig) -> list[NDArray[np.float32]]:
    """``[inputs]`` for each dense layer: the largest size of a weight that an input meets."""
    groups = (
        ("attention.self.query", "attention.self.key", "attention.self.value"),
        ("attention.output.dense",),
        ("intermediate.dense",),
        ("output.dense",),
    )
    return [
        np.abs(np.concatenate([weights[f"encoder.layer.{i}.{name}.weight"] for name in names])).max(axis=0)
        for i in range(config.num_hidden_layers)
        for names in groups
    ]


def _range(inputs: NDArray[np.float32], largest: NDArray[np.float32]) -> InputRange:
    smooth = np.maximum(np.abs(inputs).max(axis=0), 1e-5) ** STRENGTH / np.maximum(largest, 1e-5) ** (1 - STRENGTH)
    smooth = (smooth / np.exp(np.log(smooth).mean())).astype(np.float32)
    divided = inputs / smooth
    return InputRange(smooth, float(min(divided.min(), 0)), float(max(divided.max(), 0)))
