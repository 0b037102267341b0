"""Our vector index, and what NumPy does by itself, as stores of the benchmark."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.vector_child import THREADS, K, Rows, Store
from evenshelf.index.dense import DenseIndex, Layout


class Ours(Store):
    """As it comes, or with a layout of its own."""

    def __init__(self, layout: Layout | None = None) -> None:
        self.layout = layout or Layout()

    def build(self, vectors: NDArray[np.float32], folder: Path, masks: NDArray[np.bool_]) -> None:
        DenseIndex.build(folder / "index", vectors, threads=THREADS, layout=self.layout)

    def open(self, folder: Path) -> None:
        self.index = DenseIndex.open(folder / "index")

    def ask(self, query: NDArray[np.float32], mask: int | None, allowed: NDArray[np.bool_] | None) -> Rows:
        return self.index.nearest(query, K, allowed=allowed)[0]

    def add(self, vector: NDArray[np.float32], row: int) -> None:
        self.index = self.index.extended(vector[None])


class Plain(Store):
    """A matrix product in float32; with few rows allowed, of these."""

    grows = False

    def build(self, vectors: NDArray[np.float32], folder: Path, masks: NDArray[np.bool_]) -> None:
        np.save(folder / "vectors.npy", vectors)

    def open(self, folder: Path) -> None:
        self.vectors = np.load(folder / "vectors.npy")

    def ask(self, query: NDArray[np.float32], mask: int | None, allowed: NDArray[np.bool_] | None) -> Rows:
        if allowed is not None and allowed.mean() < 0.25:
            rows = np.flatnonzero(allowed)
            return rows[best(self.vectors[rows] @ query)]
        scores = self.vectors @ query
        if allowed is not None:
            scores[~allowed] = -2.0
        return best(scores)


def best(scores: NDArray[np.float32]) -> Rows:
    """Places of the best scores, in their order."""
    places = np.argpartition(scores, -K)[-K:] if len(scores) > K else np.arange(len(scores))
    return places[np.argsort(-scores[places], kind="stable")]


STORES: dict[str, Callable[[], Store]] = {
    "evenshelf": Ours,
    "evenshelf, all rows": lambda: Ours(Layout(flat_below=10**9)),
    "numpy": Plain,
}
