"""What a study measured of each family of remedies: its best, how many gain or lose, and whether the family does.

Tests by family
    A family gains if any of its remedies does. Its remedies are tested together by Simes' method (Biometrika 73,
    1986), which loses little where they are alike, as remedies of a family are: k equal p-values stay what they are.
    A family loses if even its best remedy does, so the largest p-value of its remedies counts (intersection-union test;
    Berger, Technometrics 24, 1982). Both are corrected by Holm's method for the number of families. Which remedy is of
    which family was declared before any study, so nothing is chosen by looking. This answers another question than the
    verdict, which names a single remedy and corrects for all of them: a family may be shown to gain while no remedy of
    it can be picked.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from evenshelf.errors import EvenshelfError
from evenshelf.remedies import Family, parse
from evenshelf.study.comparison import NAN, jsonable, revived
from evenshelf.study.statistics import holm

if TYPE_CHECKING:
    from evenshelf.study.comparison import Comparison
    from evenshelf.study.verdict import Verdict
    from evenshelf.tasks.measures import Measures

Standing = Literal["gains", "gains together", "loses", "nothing to gain", "open"]

SLIGHT = 0.01
"""A gain below this is not worth a remedy; where the interval of a family's best ends below it, there is none."""


def slight(measures: Measures) -> float:
    """The same for what is judged by other measures: at most twice the gain that does not matter there."""
    return min(SLIGHT, 2 * measures.zone)


@dataclass(frozen=True)
class FamilyEvidence:
    """A family of remedies against doing nothing, all tuned.

    Attributes
    ----------
    families
        One, or those of the parts of a composition.
    specs
        Its remedies in the study, best first.
    best
        The first of them: the highest value of the verdict's metric. Chosen by looking, so its gain flatters a little.
    diff, low, high, p, p_holm
        Of the best, in the verdict's metric; see :class:`evenshelf.study.comparison.Comparison`.
    tail_diff, tail_low, tail_high, head_loss, head_loss_low, head_loss_high
        Of the best.
    ece, base_ece
        Calibration error of the best, and of doing nothing.
    naive_gain
        Of the best at the usual defaults.
    gained, lost
        How many are better and worse than doing nothing, by the verdict's test.
    p_gain, p_loss
        That any of them gains, that all of them lose, corrected for the number of families.
    standing
        ``gains``: a remedy of it is better by the verdict's test. ``gains together``: some remedy of it is, by the test
        of families. ``loses``: even the best is worse, by either test. ``nothing to gain``: no
        interval of its remedies goes beyond :data:`SLIGHT`. ``open`` otherwise.
    seconds, base_seconds
        Median CPU seconds of its remedies, and those of doing nothing.
    """

    families: tuple[str, ...]
    specs: tuple[str, ...]
    best: str
    diff: float
    low: float
    high: float
    p: float
    p_holm: float
    tail_diff: float
    tail_low: float
    tail_high: float
    head_loss: float
    head_loss_low: float
    head_loss_high: float
    ece: float
    base_ece: float
    naive_gain: float
    gained: int
    lost: int
    p_gain: float
    p_loss: float
    standing: Standing
    seconds: float
    base_seconds: float

    @property
    def title(self) -> str:
        """What it is called, as a heading."""
        return " + ".join(Family(f).heading if n == 0 else f for n, f in enumerate(self.families))

    @property
    def positive(self) -> bool:
        """Whether the study shows that it gains."""
        return self.standing in ("gains", "gains together")

    def to_dict(self) -> dict[str, Any]:
        """JSON-able; NaN becomes ``None``."""
        return jsonable(vars(self))

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> FamilyEvidence:
        """What :meth:`to_dict` described."""
        return cls(**revived(cls, document))


def families_of(spec: str) -> tuple[Family, ...]:
    """Families of a remedy by its spec; none if it is not known here, such as one of a package that is missing."""
    try:
        return parse(spec).families
    except EvenshelfError:
        return ()


def family_evidence(verdict: Verdict) -> tuple[FamilyEvidence, ...]:
    """Every family that was compared, the one with the best remedy first."""
    members: dict[tuple[Family, ...], list[Comparison]] = {}
    for c in verdict.comparisons:  # best first
        if c.reference or c.spec == verdict.baseline or not math.isfinite(c.diff):
            continue
        families = tuple(sorted(families_of(c.spec), key=list(Family).index))
        if families:
            members.setdefault(families, []).append(c)
    groups = list(members.values())
    gains = holm([_simes([c.p if c.diff > 0 else 1.0 for c in group]) for group in groups])
    losses = holm([max(c.p if c.diff < 0 else 1.0 for c in group) for group in groups])
    return tuple(
        _evidence(verdict, families, group, p_gain=float(gain), p_loss=float(loss))
        for (families, group), gain, loss in zip(members.items(), gains, losses, strict=True)
    )


def evidence_on(family: Family, evidence: Iterable[FamilyEvidence]) -> FamilyEvidence | None:
    """That of a family by itself; what a composition gains may be owed to its other parts."""
    return next((e for e in evidence if e.families == (family.value,)), None)


def _evidence(
    verdict: Verdict, families: tuple[Family, ...], group: Sequence[Comparison], *, p_gain: float, p_loss: float
) -> FamilyEvidence:
    best, base = group[0], verdict[verdict.baseline]
    return FamilyEvidence(
        families=tuple(f.value for f in families),
        specs=tuple(c.spec for c in group),
        best=best.spec,
        diff=best.diff,
        low=best.low,
        high=best.high,
        p=best.p,
        p_holm=best.p_holm,
        tail_diff=best.tail_diff,
        tail_low=best.tail_low,
        tail_high=best.tail_high,
        head_loss=best.head_loss,
        head_loss_low=best.head_loss_low,
        head_loss_high=best.head_loss_high,
        ece=best.values.get("ece", NAN),
        base_ece=base.values.get("ece", NAN),
        naive_gain=best.naive_gain,
        gained=sum(c.significant for c in group),
        lost=sum(c.worse for c in group),
        p_gain=p_gain,
        p_loss=p_loss,
        standing=_standing(verdict, group, p_gain, p_loss),
        seconds=float(np.median([c.seconds for c in group])),
        base_seconds=base.seconds,
    )


def _standing(verdict: Verdict, group: Sequence[Comparison], p_gain: float, p_loss: float) -> Standing:
    if p_loss < verdict.alpha or all(c.worse for c in group):
        return "loses"
    if verdict.informative and any(c.significant for c in group):
        return "gains"
    if verdict.informative and p_gain < verdict.alpha:
        return "gains together"
    return "nothing to gain" if max(c.high for c in group) < slight(verdict.measures) else "open"


def _simes(p: Sequence[float]) -> float:
    """P-value that any of several hypotheses is false; see the module."""
    values = np.sort(np.asarray(p, np.float64))
    return float(min(1.0, (len(values) * values / np.arange(1, len(values) + 1)).min()))
