"""What all remedies declare alike that make more training sequences of those there are."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from evenshelf.remedies.base import Remedy, Stage
from evenshelf.remedies.checks import check_range
from evenshelf.remedies.families import Family


@dataclass(frozen=True)
class Augmentation(Remedy):
    """Makes of some sequences another one each, which differs from it in some of its steps.

    Parameters
    ----------
    rate
        Share of the sequences that are taken, in [0, 1]; 0 does nothing.
    share
        Share of the steps of a sequence that are taken, in [0, 1].
    """

    rate: float = 0.5
    share: float = 0.6

    family: ClassVar[Family] = Family.AUGMENTATION
    stages: ClassVar[tuple[Stage, ...]] = (Stage.AUGMENT,)
    neutral: ClassVar[dict[str, float]] = {"rate": 0.0}
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"rate": (0.5, 1.0)}

    def __post_init__(self) -> None:
        check_range("rate", self.rate, 0.0, 1.0)
        check_range("share", self.share, 0.0, 1.0)
