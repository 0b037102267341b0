"""A transformer that reads a history step by step, without torch: SASRec as it is once nothing is trained any more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from evenshelf.errors import InputError
from evenshelf.rankers.base import Codes, Floats
from evenshelf.rankers.grounds import Grounds
from evenshelf.rankers.packing import Arrays, Unpacked
from evenshelf.tasks.histories import Histories

EPSILON = 1e-5
"""Beside a variance, so that it may be 0; that of torch."""
BATCH = 256
"""Histories that are read at once."""
SQUARE, LINE = ("q", "k", "v", "o", "in", "out"), ("in.bias", "out.bias", "norm1", "norm1.bias", "norm2", "norm2.bias")
"""Weights of a layer that are ``[d, d]``, and ``[d]``."""


@dataclass(frozen=True, eq=False)
class SequenceReader:
    """Kang & McAuley, SASRec, ICDM 2018.

    Attributes
    ----------
    read, shown
        ``[I, d]`` vectors of items as they are read in a history, and whose product with what was read is a score.
    weights
        By name: ``place`` ``[most, d]``, ``norm`` and ``norm.bias`` ``[d]``, and of each layer, led by its number and a
        dot, :data:`SQUARE` and :data:`LINE`.
    layers, heads
        Of attention; `heads` divides d.
    popularity
        ``[I]`` logarithm of the share of the steps that each item has, for who has no history.
    """

    read: Floats
    shown: Floats
    weights: Mapping[str, Floats]
    layers: int
    heads: int
    popularity: Floats

    kind: ClassVar[str] = "sequence_reader"

    @property
    def bytes(self) -> int:
        """Of all arrays."""
        held = (self.read, self.shown, self.popularity, *self.weights.values())
        return sum(int(array.nbytes) for array in held)

    def scores(self, histories: Histories) -> Floats:
        """See :meth:`evenshelf.rankers.base.Ranker.scores`."""
        found = np.repeat(self.popularity[None], len(histories.users), axis=0)
        size = np.minimum(histories.lengths, len(self.weights["place"]))
        # histories of one length together: so nothing is padded
        for length in np.unique(size[size > 0]).tolist():
            same = np.flatnonzero(size == length)
            for first in range(0, len(same), BATCH):
                some = same[first : first + BATCH]
                steps = histories.start[some + 1, None] - length + np.arange(length)
                raw = self._last(self.read[histories.item[steps]]) @ self.shown.T
                raw -= raw.max(axis=1, keepdims=True)
                found[some] = raw - np.log(np.exp(raw).sum(axis=1, keepdims=True))
        return found

    def _last(self, steps: Floats) -> Floats:
        """``[b, d]`` what is known after the last of steps ``[b, T, d]``."""
        batch, length, width = steps.shape
        ahead = np.triu(np.full((length, length), -np.inf, np.float32), 1)
        scale = np.float32((width // self.heads) ** -0.5)
        x = steps * np.float32(width**0.5) + self.weights["place"][:length]
        for layer in range(self.layers):
            query = self._norm(x, f"{layer}.norm1")
            asked, key, value = (
                (of @ self.weights[f"{layer}.{name}"]).reshape(batch, length, self.heads, -1).transpose(0, 2, 1, 3)
                for name, of in (("q", query), ("k", x), ("v", x))
            )
            share = asked @ key.transpose(0, 1, 3, 2) * scale + ahead
            share = np.exp(share - share.max(axis=-1, keepdims=True))
            share /= share.sum(axis=-1, keepdims=True)
            seen = (share @ value).transpose(0, 2, 1, 3).reshape(batch, length, width)
            y = self._norm(query + seen @ self.weights[f"{layer}.o"], f"{layer}.norm2")
            inner = np.maximum(y @ self.weights[f"{layer}.in"] + self.weights[f"{layer}.in.bias"], 0.0)
            x = y + inner @ self.weights[f"{layer}.out"] + self.weights[f"{layer}.out.bias"]
        return self._norm(x[:, -1], "norm")

    def _norm(self, x: Floats, name: str) -> Floats:
        centred = x - x.mean(axis=-1, keepdims=True)
        deviation = np.sqrt(np.square(centred).mean(axis=-1, keepdims=True) + np.float32(EPSILON))
        return np.asarray(centred / deviation * self.weights[name] + self.weights[f"{name}.bias"], np.float32)

    def grounds(self, histories: Histories, items: Codes) -> Grounds:
        """See :meth:`evenshelf.rankers.kinds.Kept.grounds`: by how much a score falls without an item of the history.

        That is no sum: the rest is what these differences leave of the score.
        """
        taken = np.unique(histories.item)
        steps = [histories.item[histories.item != one] for one in taken.tolist()]
        start = np.concatenate([[0], np.cumsum([len(one) for one in steps])]).astype(np.int64)
        item = np.concatenate([*steps, np.empty(0, np.int64)]).astype(np.int64)
        names = tuple(map(str, range(len(taken))))
        whole = self.scores(histories)[0, items].astype(np.float64)
        without = self.scores(Histories(histories.items, names, start, item))[:, items]
        parts = (whole - without).T
        return Grounds.of(taken, parts, whole, source=self.kind, rest=whole - parts.sum(axis=1))

    def packed(self) -> tuple[dict[str, Any], Arrays]:
        """See :meth:`evenshelf.rankers.kinds.Kept.packed`."""
        weights = {f"weights.{name}": array for name, array in self.weights.items()}
        arrays: Arrays = {"read": self.read, "shown": self.shown, "popularity": self.popularity, **weights}
        return {"layers": self.layers, "heads": self.heads}, arrays

    @classmethod
    def unpacked(cls, held: Unpacked) -> SequenceReader:
        """See :meth:`evenshelf.rankers.kinds.Kept.unpacked`."""
        layers, heads = int(held.number("layers", 0, 1000)), int(held.number("heads", 1, 1000))
        read = held.array("read", held.items, None)
        width = read.shape[1]
        shapes: dict[str, tuple[int | None, ...]] = {"place": (None, width), "norm": (width,), "norm.bias": (width,)}
        for layer in range(layers):
            shapes |= {f"{layer}.{name}": (width, width) for name in SQUARE}
            shapes |= {f"{layer}.{name}": (width,) for name in LINE}
        weights: dict[str, NDArray[Any]] = {n: held.array(f"weights.{n}", *shape) for n, shape in shapes.items()}
        if not width or width % heads or not len(weights["place"]):
            raise InputError("The transformer has no width, no places, or heads that do not divide it.")
        shown = held.array("shown", held.items, width)
        return cls(read, shown, weights, layers, heads, held.array("popularity", held.items))
