"""Remedies that read clicks otherwise than they stand: places and popularity taken out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from evenshelf.remedies.base import Remedy, Stage
from evenshelf.remedies.checks import check_range
from evenshelf.remedies.clicked import Clicked
from evenshelf.remedies.families import Family
from evenshelf.remedies.registry import register
from evenshelf.remedies.rows import Floats, Prior


@register
@dataclass(frozen=True)
class UnbiasedClicks(Remedy):
    """Counts clicks a look and not a time shown: what stood low was looked at less.

    Parameters
    ----------
    strength
        In [0, 1000]: looks at the mean of all that are added to each pair, so that one click on what was shown once is
        no proof; 0 adds none.
    """

    strength: float = 3.0

    name: ClassVar[str] = "unbiased_clicks"
    title: ClassVar[str] = "Clicks a look"
    family: ClassVar[Family] = Family.CLICK_EVIDENCE
    paper: ClassVar[str] = "Joachims, Swaminathan & Schnabel, WSDM 2017; Wang et al., WSDM 2018"
    formula: ClassVar[str] = "(clicks + strength m) / (looked + strength), m clicks a look of all pairs"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.EVIDENCE,)
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"strength": (3.0, 30.0)}

    def __post_init__(self) -> None:
        check_range("strength", self.strength, 0.0, 1000.0)

    def evidence(self, clicked: Clicked, prior: Prior) -> Floats | None:
        """See :meth:`Remedy.evidence`."""
        return clicked.shrunk(clicked.looked, self.strength)


@register
@dataclass(frozen=True)
class PopularityDebiased(Remedy):
    """Counts a click on what is clicked everywhere for less: it says little of what was asked.

    Parameters
    ----------
    power
        In [0, 1]: clicks are divided by this power of how often the item was taken; 0 leaves them.
    looks
        Whether clicks are counted a look, as :class:`UnbiasedClicks` does, or a time shown.
    """

    power: float = 0.5
    looks: bool = True

    name: ClassVar[str] = "popularity_debiased"
    title: ClassVar[str] = "Clicks without popularity"
    family: ClassVar[Family] = Family.CLICK_EVIDENCE
    paper: ClassVar[str] = "Schnabel et al., ICML 2016; Yang et al., RecSys 2018"
    formula: ClassVar[str] = (
        "(clicks + 3 m) / (looked + 3) ((n[i] + 1) / mean(n + 1)) ** -power, m clicks a look of all pairs"
    )
    stages: ClassVar[tuple[Stage, ...]] = (Stage.EVIDENCE,)
    neutral: ClassVar[dict[str, float | bool]] = {"power": 0.0, "looks": False}
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"power": (0.5, 0.25)}

    def __post_init__(self) -> None:
        check_range("power", self.power, 0.0, 1.0)

    def evidence(self, clicked: Clicked, prior: Prior) -> Floats | None:
        """See :meth:`Remedy.evidence`."""
        if self.power == 0.0 and not self.looks:
            return None
        rate = clicked.shrunk(clicked.looked, _STRENGTH) if self.looks else clicked.rate
        taken = prior.counts + 1.0
        return np.asarray(rate * (taken[clicked.group] / taken.mean()) ** -self.power, np.float32)


_STRENGTH = 3.0
"""Looks at the mean of all that are added to each pair."""
