"""The upper layers of a BERT in torch, by the names and numbers of its checkpoint, as the ONNX graph has them."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.encoders.weights import BertConfig

Floats = NDArray[np.float32]

_LAYER = re.compile(r"encoder\.layer\.(\d+)\.")


def upper_weights(weights: Mapping[str, Floats], config: BertConfig, layers: int) -> dict[str, Floats]:
    """The tensors of the last layers, by name."""
    first = config.num_hidden_layers - layers
    found = {name: _LAYER.match(name) for name in weights}
    return {name: weights[name] for name, hit in found.items() if hit is not None and int(hit[1]) >= first}


def padded(states: Sequence[NDArray[np.float16]]) -> tuple[Any, Any]:
    """Tensors ``[texts, length, width]`` of states, zeros behind their ends, and ``[texts, length]`` which are real."""
    import torch  # noqa: PLC0415 - slow to import, and optional

    sizes = np.array([len(one) for one in states])
    table = np.zeros((len(states), int(sizes.max()), states[0].shape[1]), np.float32)
    for row, one in zip(table, states, strict=True):
        row[: len(one)] = one
    return torch.from_numpy(table), torch.from_numpy(np.arange(table.shape[1]) < sizes[:, None])


def through(weights: Mapping[str, Any], config: BertConfig, layers: int, states: Any, real: Any) -> Any:
    """``[texts, length, width]`` what the last layers make of states.

    Parameters
    ----------
    weights
        Tensors by name, at least those of the layers.
    config
        The numbers of the checkpoint.
    layers
        How many, from the end.
    states, real
        As :func:`padded` gives them.
    """
    from torch.nn import functional  # noqa: PLC0415

    texts, length, width = states.shape
    heads = config.num_attention_heads

    def dense(x: Any, name: str) -> Any:
        return functional.linear(x, weights[f"{name}.weight"], weights[f"{name}.bias"])

    def norm(x: Any, name: str) -> Any:
        scale, shift = weights[f"{name}.LayerNorm.weight"], weights[f"{name}.LayerNorm.bias"]
        return functional.layer_norm(x, (width,), scale, shift, config.layer_norm_eps)

    x = states
    for i in range(config.num_hidden_layers - layers, config.num_hidden_layers):
        layer = f"encoder.layer.{i}"
        query, key, value = (
            dense(x, f"{layer}.attention.self.{part}").reshape(texts, length, heads, -1).transpose(1, 2)
            for part in ("query", "key", "value")
        )
        mixed = functional.scaled_dot_product_attention(query, key, value, attn_mask=real[:, None, None, :])
        mixed = mixed.transpose(1, 2).reshape(texts, length, width)
        x = norm(dense(mixed, f"{layer}.attention.output.dense") + x, f"{layer}.attention.output")
        inner = functional.gelu(dense(x, f"{layer}.intermediate.dense"))
        x = norm(dense(inner, f"{layer}.output.dense") + x, f"{layer}.output")
    return x


def mean_of(states: Any, real: Any) -> Any:
    """``[texts, width]`` means over the tokens that are real, at length one."""
    from torch.nn import functional  # noqa: PLC0415

    return functional.normalize((states * real.unsqueeze(-1)).sum(dim=1), dim=1)
