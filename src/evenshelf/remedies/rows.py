"""What a remedy sees of a training fold, and what it makes of it: groups with a prior, and rows."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Prior:
    """How many training examples each group has.

    Parameters
    ----------
    counts
        ``[G]`` examples per group, >= 0. A group with none is *cold*: known by name only.
    texts
        How many texts there are, where each may be in several groups and counts once for each; ``None`` where an
        example is in one.
    """

    counts: NDArray[np.int64]
    texts: int | None = None

    @cached_property
    def total(self) -> int:
        """All training examples."""
        return int(self.counts.sum())

    @cached_property
    def present(self) -> NDArray[np.bool_]:
        """``[G]`` whether the group has a training example."""
        return np.asarray(self.counts > 0)

    @cached_property
    def share(self) -> NDArray[np.float64]:
        """``[G]`` share of the examples; a cold group counts as half an example, so that its log is finite."""
        return np.maximum(self.counts, 0.5) / max(self.total, 1)

    @cached_property
    def odds(self) -> NDArray[np.float64]:
        """``[G]`` odds that a text is in the group; none or all of them count as half a text away from that."""
        of = self.total if self.texts is None else self.texts
        inside = np.clip(self.counts, 0.5, max(of - 0.5, 0.5))
        return np.asarray(inside / np.maximum(of - inside, 0.5))

    @cached_property
    def log_share(self) -> Floats:
        """``[G]`` natural logarithm of :attr:`share`."""
        return np.log(self.share).astype(np.float32)


@dataclass(frozen=True, eq=False)
class Rows:
    """Training rows, each a point on the line through two given rows: ``(1 - step) x[first] + step x[second]``.

    Copies (``step = 0``), SMOTE and Mixup all have this form, which lets a linear learner score synthetic rows from
    the scores of the given ones without ever building their vectors. A step below 0 leads beyond `first`, away from
    `second`. A remedy whose rows lie on no such line gives their vectors in `made`.

    Attributes
    ----------
    first, second
        ``[m]`` indices of given rows; those from the number of given rows on are of `made`.
    step
        ``[m]`` in [-1, 1].
    weight
        ``[m]`` > 0, how many rows this one stands for.
    target, other
        ``[m]`` group of the row; a mixed row has group `other` with probability `share`.
    share
        ``[m]`` in [0, 1].
    notes
        What was done to which groups, a sentence each.
    made
        ``[e, d]`` vectors that come after the given ones, each used as it is (both `first` and `second`) by one row;
        ``None`` if there are none.
    copied
        Whether vectors that a network made copy given ones, as
        :meth:`evenshelf.remedies.memorisation.CopyTest.facts` tells it; ``None`` where none were made so.
    """

    first: Codes
    second: Codes
    step: Floats
    weight: Floats
    target: Codes
    other: Codes
    share: Floats
    notes: tuple[str, ...] = ()
    made: Floats | None = None
    copied: Mapping[str, Any] | None = None

    @classmethod
    def copies(cls, index: Codes, target: Codes, weight: NDArray[Any] | None = None, notes: Sequence[str] = ()) -> Rows:
        """Rows that are given rows, perhaps repeated: row ``i`` is ``x[index[i]]`` with group ``target[i]``."""
        zeros = np.zeros(len(index), np.float32)
        weights = np.ones(len(index), np.float32) if weight is None else weight.astype(np.float32)
        return cls(index, index, zeros, weights, target, target, zeros, tuple(notes))

    def joined(self, more: Rows) -> Rows:
        """Both sets of rows, these first; only one of them may have vectors of its own."""
        one, two = self.columns, more.columns
        fields = {name: np.concatenate([one[name], two[name]]) for name in one}
        made = more.made if self.made is None else self.made
        copied = more.copied if self.copied is None else self.copied
        return Rows(**fields, notes=self.notes + more.notes, made=made, copied=copied)

    @property
    def columns(self) -> dict[str, NDArray[Any]]:
        """The fields that have an entry for each row, by name."""
        whole = ("notes", "made", "copied")
        return {f.name: getattr(self, f.name) for f in dataclasses.fields(self) if f.name not in whole}

    def __len__(self) -> int:
        return len(self.first)


@dataclass(frozen=True, eq=False)
class SetRows:
    """Training rows with sets of labels, made between given ones: ``(1 - step) x[first] + step x[second]``.

    The given rows stay as they are beside them.

    Attributes
    ----------
    first, second
        ``[m]`` indices of given rows.
    step
        ``[m]`` in [0, 1].
    weight
        ``[m]`` > 0, how many texts a row stands for.
    labels
        ``[m, G]`` sparse, bool: the groups of each row.
    notes
        What was done to which groups, a sentence each.
    """

    first: Codes
    second: Codes
    step: Floats
    weight: Floats
    labels: csr_array
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.first)
