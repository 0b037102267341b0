"""An encoder of which the last layers were tuned: what lies below them is computed once for all epochs and fits."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from evenshelf.encoders.base import Vectors, check_texts
from evenshelf.learners.torch_training import seeded
from evenshelf.learners.towers.frozen import FrozenLayers, frozen_layers
from evenshelf.learners.towers.network import mean_of, padded, through

Floats = NDArray[np.float32]

TEMPERATURE = 0.05
"""Cosines are divided by it: that of the encoder's own training."""
TOKENS = 2048
"""Tokens that go through the layers at once, padding included."""


@dataclass(frozen=True, eq=False)
class TunedEncoder:
    """An encoder of which the last layers were tuned.

    Attributes
    ----------
    folder
        The checkpoint it started from.
    layers
        How many were tuned, from the end.
    weights
        Those of the tuned layers, by name.
    losses
        Mean of each epoch.
    seconds
        CPU time of the tuning.
    """

    folder: Path
    layers: int
    weights: Mapping[str, Floats]
    losses: tuple[float, ...]
    seconds: float

    def encode(self, texts: Sequence[str]) -> Vectors:
        """``[n, width]`` unit rows; :mod:`~evenshelf.learners.towers.saving` lets them be computed them in 8 bits."""
        check_texts(texts)
        frozen = frozen_layers(self.folder, self.layers)
        distinct = list(dict.fromkeys(texts))
        place = {text: row for row, text in enumerate(distinct)}
        found = np.empty((len(distinct), frozen.config.hidden_size), np.float32)
        with seeded(0) as torch, threadpool_limits(1), torch.no_grad():
            weights = {name: torch.from_numpy(values) for name, values in self.weights.items()}
            for start in range(0, len(distinct), 256):
                part = distinct[start : start + 256]
                found[start : start + len(part)] = vectors_of(weights, frozen, self.layers, part).numpy()
        return found[[place[text] for text in texts]]


def vectors_of(weights: Mapping[str, Any], frozen: FrozenLayers, layers: int, texts: Sequence[str]) -> Any:
    """``[n, width]`` tensor of unit rows; texts of like length go through the layers together."""
    import torch  # noqa: PLC0415 - slow to import, and optional

    states = frozen.states(texts)
    order = np.argsort([-len(one) for one in states], kind="stable")
    parts, at = [], 0
    while at < len(order):
        size = max(1, TOKENS // len(states[order[at]]))
        table, real = padded([states[i] for i in order[at : at + size]])
        parts.append(mean_of(through(weights, frozen.config, layers, table, real), real))
        at += size
    return torch.cat(parts)[torch.from_numpy(np.argsort(order, kind="stable"))]
