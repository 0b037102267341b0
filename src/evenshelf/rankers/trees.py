"""Boosted trees as arrays, which say of features what LightGBM says, without it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from evenshelf.errors import InputError
from evenshelf.rankers.packing import Arrays, Unpacked

ZERO, NAN = 1, 2
"""What LightGBM takes for missing at a node: zeros, or what is no number; 0 for nothing."""
NEXT_TO_ZERO = 1e-35
"""Up to here LightGBM calls a number zero."""
BLOCK = 4096
"""Rows that are looked at at once."""


class Model(Protocol):
    """What says of features how much an item is wanted."""

    def predict(self, features: Any) -> Any:
        """``[m]`` of features ``[m, f]``."""


@dataclass(frozen=True, eq=False)
class Averaged:
    """Models of several draws, which say together what they say on average.

    Attributes
    ----------
    models
        LightGBM's, or :class:`Trees`.
    """

    models: tuple[Any, ...]

    def predict(self, features: NDArray[np.floating]) -> NDArray[np.float64]:
        """``[m]`` mean of the scores of all models."""
        return np.asarray(np.mean([model.predict(features) for model in self.models], axis=0), np.float64)


@dataclass(frozen=True, eq=False)
class Trees:
    """Trees, their nodes one after another.

    Attributes
    ----------
    root
        ``[T]`` where each begins: a node, or a leaf as in `left`.
    feature, threshold
        ``[N]`` what a node asks: a feature of up to the threshold goes to the left.
    missing, missing_left
        ``[N]`` :data:`ZERO`, :data:`NAN` or 0, and 1 where what is missing goes to the left.
    left, right
        ``[N]`` nodes, behind the one that leads to them; below 0 the leaf ``-1 - value``.
    value
        ``[L]`` of the leaves.
    """

    root: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: NDArray[np.float64]
    missing: NDArray[np.int8]
    missing_left: NDArray[np.int8]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: NDArray[np.float64]

    def predict(self, features: NDArray[np.floating]) -> NDArray[np.float64]:
        """``[m]`` sums of the trees for features ``[m, f]``, NaN where unknown; the same bits as LightGBM's."""
        found = np.empty(len(features))
        for first in range(0, len(features), BLOCK):
            block = np.asarray(features[first : first + BLOCK], np.float64)
            found[first : first + len(block)] = self._of_block(block)
        return found

    def _of_block(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        at = np.repeat(self.root.astype(np.int64)[:, None], len(features), axis=1)
        tree, row = np.nonzero(at >= 0)
        while len(tree):
            node = at[tree, row]
            value, missing = features[row, self.feature[node]], self.missing[node]
            unknown = np.isnan(value)
            value = np.where(unknown & (missing != NAN), 0.0, value)
            absent = ((missing == NAN) & unknown) | ((missing == ZERO) & (np.abs(value) <= NEXT_TO_ZERO))
            to_left = np.where(absent, self.missing_left[node] == 1, value <= self.threshold[node])
            at[tree, row] = np.where(to_left, self.left[node], self.right[node])
            going = at[tree, row] >= 0
            tree, row = tree[going], row[going]
        total = np.zeros(len(features))
        for leaf in at:  # in the order of the trees, as sums of other orders differ in the last bits
            total += self.value[-1 - leaf]
        return total

    def arrays(self) -> Arrays:
        """All of it by name."""
        return {field.name: getattr(self, field.name) for field in fields(self)}

    @classmethod
    def of(cls, held: Unpacked, prefix: str, features: int) -> Trees:
        """The trees of :meth:`arrays`, with a prefix before the names.

        Raises
        ------
        InputError
            If arrays are missing, or lead where there is nothing.
        """
        kinds = {"threshold": "f", "value": "f"}
        found: dict[str, Any] = {
            field.name: held.array(f"{prefix}{field.name}", None, kinds=kinds.get(field.name, "i"))
            for field in fields(cls)
        }
        made = cls(**found)
        nodes, leaves = len(made.feature), len(made.value)
        places = np.arange(nodes)
        sides = (made.left, made.right)
        whole = all(len(part) == nodes for part in (made.threshold, made.missing, made.missing_left, *sides))
        whole = whole and all(bool(((side > places) | (side < 0)).all()) for side in sides)
        ends = np.concatenate([made.root, *sides])
        whole = whole and bool(((ends < nodes) & (ends >= -leaves)).all())
        whole = whole and bool(((made.feature >= 0) & (made.feature < features)).all())
        if not whole:
            raise InputError("The arrays of the trees do not fit together.", hint="Train the bundle again.")
        return made
