"""How uneven a shop is: head, torso, tail and cold, and the usual measures of imbalance."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import numpy as np

from evenshelf.errors import InputError, SettingError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import ArrayLike, NDArray

Cut = Literal["examples", "groups"]

BUCKETS = ("head", "torso", "tail", "cold")
"""Names of the buckets, from frequent to unseen."""

FEW_SHOT = 20
"""A group with at least one and fewer than so many examples is few-shot."""

# Tenths of the mass: what is counted as mass, the head's share, the share that is not tail.
_CUTS: dict[str, tuple[int, int]] = {"examples": (5, 9), "groups": (2, 5)}


def buckets(counts: ArrayLike, cut: Cut = "examples") -> NDArray[np.str_]:
    """Say of each group whether it is head, torso, tail or cold.

    Groups are put in order of frequency, and groups with equal counts stay together, so that neither names nor
    order matter. A set of equal groups is

    - ``head`` if the more frequent groups hold less than half of the examples (the set that crosses the half
      is head as well),
    - otherwise ``tail`` if with it more than 90 % of the examples are reached (the set that crosses is tail),
    - otherwise ``torso``.

    Groups without examples are ``cold``. So one group is head, groups that are all equal are all head (nothing
    is rare), and groups of one example are tail even if all of them hold far more than 10 % together.

    Parameters
    ----------
    counts
        Number of training examples of each group, integers >= 0, shape ``[G]``.
    cut
        ``"examples"`` as above. ``"groups"`` counts groups with at least one example instead of examples: head is
        the top 20 % of them, torso the next 30 %, tail the last 50 %, with the same rule for ties.

    Returns
    -------
    numpy.ndarray
        Shape ``[G]``, in the order given: ``"head"``, ``"torso"``, ``"tail"`` or ``"cold"``.

    Raises
    ------
    InputError
        If counts are negative, not whole, or not one-dimensional.
    SettingError
        If there is no such cut.

    Examples
    --------
    >>> buckets([50, 30, 15, 5, 0]).tolist()
    ['head', 'torso', 'tail', 'tail', 'cold']
    """
    if cut not in _CUTS:
        raise SettingError(f"there is no cut {cut!r}", hint=f"Choose one of {', '.join(_CUTS)}.")
    array = np.asarray(counts)
    if array.ndim != 1:
        raise InputError(f"counts must have one dimension, not {array.ndim}")
    if array.size == 0:
        return np.zeros(0, dtype="<U5")
    if not np.issubdtype(array.dtype, np.number) or not np.all(np.isfinite(array) & (array == np.floor(array))):
        raise InputError("counts must be whole numbers")
    whole = array.astype(np.int64)
    if np.any(whole < 0):
        raise InputError("counts must not be negative")
    out = np.full(whole.shape, "cold", dtype="<U5")
    values, inverse, repeats = np.unique(-whole[whole > 0], return_inverse=True, return_counts=True)
    if values.size == 0:
        return out
    mass = repeats * -values if cut == "examples" else repeats
    end = np.cumsum(mass)
    start = end - mass
    head, rest = _CUTS[cut]
    # In whole numbers: a group that ends at exactly 90 % must not depend on rounding.
    names = np.where(10 * start < head * end[-1], "head", np.where(10 * end > rest * end[-1], "tail", "torso"))
    out[whole > 0] = names[inverse]
    return out


@dataclass(frozen=True)
class Imbalance:
    """How examples spread over groups.

    Attributes
    ----------
    groups
        Names, sorted by count descending, ties by name.
    counts
        Examples of each group, int64, shape ``[G]``.
    bucket
        ``"head"``, ``"torso"``, ``"tail"`` or ``"cold"`` of each group, shape ``[G]``; see :func:`buckets`.
    cut
        How head and tail were cut: ``"examples"`` or ``"groups"``.
    ratio
        Largest over smallest count of the groups that have examples, >= 1; NaN without examples.
    gini
        Gini coefficient of the counts of the groups that have examples, from 0 (all equal) to below 1.
    effective_groups
        Exponential of the Shannon entropy of the shares (Hill number of order 1): as many equally frequent
        groups would be equally uncertain. From 1 to the number of groups; 0 without examples.
    few_shot
        Number of groups with 1 to 19 examples.
    """

    groups: tuple[str, ...]
    counts: NDArray[np.int64]
    bucket: NDArray[np.str_]
    cut: str
    ratio: float
    gini: float
    effective_groups: float
    few_shot: int

    @classmethod
    def from_counts(cls, counts: Mapping[str, int], cut: Cut = "examples") -> Imbalance:
        """Measure the imbalance of named groups.

        Parameters
        ----------
        counts
            Number of training examples by group; 0 makes a group cold.
        cut
            See :func:`buckets`.
        """
        ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
        sizes = np.array([size for _, size in ordered], dtype=np.int64)
        bucket = buckets(sizes, cut)
        seen = sizes[sizes > 0].astype(np.float64)
        ratio, gini, effective = float("nan"), 0.0, 0.0
        if seen.size:
            share = seen / seen.sum()
            ratio = float(seen[0] / seen[-1])
            rank = np.arange(seen.size, 0, -1)  # counts descend, so ranks of the ascending order do too
            gini = max(0.0, float(2 * (rank * share).sum() / seen.size - (seen.size + 1) / seen.size))
            effective = float(np.exp(-(share * np.log(share)).sum()))
        few = int(((sizes > 0) & (sizes < FEW_SHOT)).sum())
        return cls(tuple(n for n, _ in ordered), sizes, bucket, cut, ratio, gini, effective, few)

    def summary(self) -> dict[str, object]:
        """Return the measures, and groups and examples of each bucket, ready for JSON."""
        return {
            "cut": self.cut,
            "groups": len(self.groups),
            "examples": int(self.counts.sum()),
            "ratio": None if np.isnan(self.ratio) else self.ratio,
            "gini": self.gini,
            "effective_groups": self.effective_groups,
            "few_shot": self.few_shot,
            "buckets": {
                name: {
                    "groups": int((self.bucket == name).sum()),
                    "examples": int(self.counts[self.bucket == name].sum()),
                }
                for name in BUCKETS
            },
        }
