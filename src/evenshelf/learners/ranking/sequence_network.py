"""A transformer over items: vectors of items as they are read and as they are shown, and scores of what comes next."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from evenshelf.learners.ranking.transformer import Shape, encoded
from evenshelf.learners.ranking.windows import Windows

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]


class Points(Protocol):
    """Points between two examples; see :class:`evenshelf.learners.ranking.sequence_training.Entries`."""

    @property
    def first(self) -> Codes:
        """``[m]``."""

    @property
    def second(self) -> Codes:
        """``[m]``."""

    @property
    def step(self) -> Floats:
        """``[m]``."""


@dataclass(frozen=True, eq=False)
class Network:
    """Tensors, and what is made of them; call its methods under :func:`evenshelf.learners.torch_training.seeded`.

    Attributes
    ----------
    shape
        Of the transformer.
    weights
        By name, tensors; those of items have a last line for a masked step.
    fixed
        By name of the weight that maps it, ``[I, t]`` tensors of what is known of the items, which is not trained:
        ``text`` is added to vectors as they are read and as they are shown, ``centre`` to the latter alone.
    """

    shape: Shape
    weights: Mapping[str, Any]
    fixed: Mapping[str, Any] = field(default_factory=dict)

    @property
    def items(self) -> int:
        """How many there are."""
        return len(self.weights["item"]) - 1

    def steps(self, codes: Any) -> Any:
        """``[..., d]`` vectors of items as they are read; the code beyond the last item is that of a masked step."""
        from torch.nn import functional  # noqa: PLC0415 - slow to import, and optional

        own = functional.embedding(codes, self.weights["item"])
        if "text" not in self.fixed:
            return own
        told = functional.embedding(codes.clamp(max=self.items - 1), self.fixed["text"]) @ self.weights["text"]
        return own + told * (codes < self.items).unsqueeze(-1)

    def shown(self, items: Codes | None = None) -> Any:
        """``[m, d]`` vectors of items (all if ``None``) whose product with what was read is their score."""
        import torch  # noqa: PLC0415
        from torch.nn import functional  # noqa: PLC0415

        def some(of: Any) -> Any:
            return of[: self.items] if items is None else functional.embedding(torch.from_numpy(items), of)

        found = some(self.weights["item"])
        for name, known in self.fixed.items():
            found = found + some(known) @ self.weights[name]
        return found

    def read(self, windows: Windows, some: Codes, *, dropout: float = 0.0) -> Any:
        """``[b, T, d]`` what is known after each step of some windows."""
        import torch  # noqa: PLC0415

        codes = torch.from_numpy(windows.read(some, self.items))
        return encoded(self.shape, self.weights, self.steps(codes), dropout)

    def points(self, windows: Windows, entries: Points, size: int, *, dropout: float = 0.0) -> Any:
        """``[m, d]`` what is known at some points, with `size` windows read at once."""
        import torch  # noqa: PLC0415

        between = bool(entries.step.any())
        asked = np.concatenate([entries.first, entries.second]) if between else entries.first
        needed = np.unique(windows.window[asked])
        needed = needed[np.argsort(windows.size[needed], kind="stable")]
        offset = np.zeros(len(windows.begin), np.int64)
        parts, filled = [], 0
        for at in range(0, len(needed), size):
            some = needed[at : at + size]
            found = self.read(windows, some, dropout=dropout)
            offset[some] = filled + np.arange(len(some)) * found.shape[1]
            filled += found.shape[0] * found.shape[1]
            parts.append(found.reshape(-1, found.shape[2]))
        flat = torch.cat(parts)

        def at_example(example: Codes) -> Any:
            return flat[torch.from_numpy(offset[windows.window[example]] + windows.place[example])]

        if not between:
            return at_example(entries.first)
        step = torch.from_numpy(entries.step.astype(np.float32))[:, None]
        return (1.0 - step) * at_example(entries.first) + step * at_example(entries.second)

    def scores(self, item: Codes, start: Codes, batch: int = 256) -> Floats:
        """``[S, I]`` scores of what comes after sequences, none of them empty.

        Parameters
        ----------
        item, start
            As in :class:`evenshelf.remedies.sequences.Sequences`.
        batch
            Sequences that are read at once.
        """
        import torch  # noqa: PLC0415

        size = np.minimum(np.diff(start), self.shape.most)
        none = np.empty(0, np.int64)
        ends = Windows(item, start[1:] - size, size, none, none, none)
        found = np.empty((len(size), self.items), np.float32)
        order = np.argsort(size, kind="stable")
        with torch.no_grad():
            table = self.shown().T
            for first in range(0, len(order), batch):
                some = order[first : first + batch]
                known = self.read(ends, some)[torch.arange(len(some)), torch.from_numpy(size[some] - 1)]
                found[some] = (known @ table).numpy()
        return found
