"""A transformer that reads sequences of items from left to right, as plain functions of its weights."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]
Weights = Mapping[str, Any]
"""By name, tensors of torch."""


@dataclass(frozen=True)
class Shape:
    """Its size.

    Attributes
    ----------
    width
        Numbers that stand for an item, and for what was read.
    layers, heads
        Of attention; `heads` divides `width`.
    most
        Steps that it reads at once.
    """

    width: int = 64
    layers: int = 2
    heads: int = 2
    most: int = 50


def initial_weights(
    shape: Shape, items: Floats, maps: Mapping[str, int], rng: np.random.Generator
) -> dict[str, Floats]:
    """Weights before training, drawn from a normal distribution cut at two deviations.

    Parameters
    ----------
    items
        ``[I, d]`` that items start from.
    maps
        By name, from how many numbers other maps to :attr:`Shape.width` lead. They keep lengths but for a factor, so
        that what is known has a score of its cosine where what was read points the same way.
    rng
        Of all draws.
    """
    d = shape.width

    def drawn(*size: int, scale: float = 0.02) -> Floats:
        return np.clip(scale * rng.standard_normal(size), -2 * scale, 2 * scale).astype(np.float32)

    found = {"item": np.concatenate([items, drawn(1, d)]), "place": drawn(shape.most, d)}
    for name, numbers in maps.items():
        turned = np.linalg.qr(rng.standard_normal((max(numbers, d), min(numbers, d))))[0]
        found[name] = ((turned if numbers >= d else turned.T) * d**-0.5).astype(np.float32)
    for layer in range(shape.layers):
        for name in ("q", "k", "v", "o"):
            found[f"{layer}.{name}"] = drawn(d, d, scale=d**-0.5)
        found[f"{layer}.in"], found[f"{layer}.out"] = (drawn(d, d, scale=d**-0.5) for _ in range(2))
        for name in ("in", "out"):
            found[f"{layer}.{name}.bias"] = np.zeros(d, np.float32)
        for norm in ("norm1", "norm2"):
            found[f"{layer}.{norm}"], found[f"{layer}.{norm}.bias"] = np.ones(d, np.float32), np.zeros(d, np.float32)
    found["norm"], found["norm.bias"] = np.ones(d, np.float32), np.zeros(d, np.float32)
    return found


def encoded(shape: Shape, weights: Weights, steps: Any, dropout: float) -> Any:
    """``[b, T, d]`` what is known after each step.

    Attention looks back only, so what stands after the end of a sequence changes nothing before it.

    Parameters
    ----------
    steps
        ``[b, T, d]`` vectors of the items, T at most :attr:`Shape.most`.
    dropout
        Share of numbers that are left out in training; 0 otherwise.
    """
    from torch.nn import functional  # noqa: PLC0415 - slow to import, and optional

    def norm(x: Any, name: str) -> Any:
        return functional.layer_norm(x, (shape.width,), weights[name], weights[f"{name}.bias"])

    def dropped(x: Any) -> Any:
        return functional.dropout(x, dropout) if dropout else x

    batch, length, width = steps.shape
    x = dropped(steps * width**0.5 + weights["place"][:length])
    for layer in range(shape.layers):
        # residuals around normalised input, as in the paper: queries are normalised, keys and values are not
        query = norm(x, f"{layer}.norm1")
        asked, key, value = (
            (of @ weights[f"{layer}.{name}"]).view(batch, length, shape.heads, -1).transpose(1, 2)
            for name, of in (("q", query), ("k", x), ("v", x))
        )
        seen = functional.scaled_dot_product_attention(asked, key, value, dropout_p=dropout, is_causal=True)
        x = query + dropped(seen.transpose(1, 2).reshape(batch, length, width) @ weights[f"{layer}.o"])
        y = norm(x, f"{layer}.norm2")
        inner = dropped(functional.relu(y @ weights[f"{layer}.in"] + weights[f"{layer}.in.bias"]))
        x = y + dropped(inner @ weights[f"{layer}.out"] + weights[f"{layer}.out.bias"])
    return norm(x, "norm")
