"""What clicks say of groups that were shown, as remedies see it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from evenshelf.remedies.rows import Codes, Floats


@dataclass(frozen=True, eq=False)
class Clicked:
    """Groups that were shown where something was asked, one line each.

    Attributes
    ----------
    group
        ``[p]`` codes.
    shown, clicks
        ``[p]`` how often the group was shown there, and clicked; no more clicks than it was shown.
    looked
        ``[p]`` how often somebody looked at it there, as a click model expects by the places at which it was shown; not
        above `shown`.
    """

    group: Codes
    shown: Floats
    clicks: Floats
    looked: Floats

    @cached_property
    def rate(self) -> Floats:
        """``[p]`` clicks a time that it was shown: evidence as it is."""
        return _rate(self.clicks, self.shown)

    def shrunk(self, by: Floats, strength: float) -> Floats:
        """``[p]`` clicks a unit of `by`, each line drawn to the mean of all by so many units of it."""
        mean = float(self.clicks.sum() / max(float(by.sum()), 1e-12))
        return np.asarray((self.clicks + strength * mean) / np.maximum(by + strength, 1e-12), np.float32)


def _rate(clicks: NDArray[np.floating], of: NDArray[np.floating]) -> Floats:
    return np.where(of > 0, clicks / np.maximum(of, 1e-12), 0.0).astype(np.float32)
