"""Whether a new bundle may replace the one that answers: on fresh data, over all and in the tail."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.bundles import Recommender
from evenshelf.errors import SettingError
from evenshelf.study.statistics import draw_groups

ALL, TAIL = "all", "tail"
LENGTH = 10
_REPLICATES = 1000


@dataclass(frozen=True)
class Gate:
    """What is asked of a new bundle.

    Attributes
    ----------
    margin
        Share of the old bundle's NDCG that may be lost, in [0, 1).
    alpha
        Chance of letting one in that loses just so much.
    least
        Users with fresh events without whom nothing is decided.
    """

    margin: float = 0.05
    alpha: float = 0.05
    least: int = 30

    def __post_init__(self) -> None:
        if not 0 <= self.margin < 1:
            raise SettingError(f"The margin is {self.margin:g}, and has to be a share below 1.", hint="Such as 0.05.")
        if not 0 < self.alpha < 0.5:
            raise SettingError(f"alpha is {self.alpha:g}, and has to lie between 0 and 0.5.")


@dataclass(frozen=True)
class Part:
    """One comparison.

    Attributes
    ----------
    users
        Who took something of this part.
    old, new
        NDCG@10, each fresh item of a user counting the same.
    low
        Below this the difference lies with the chance alpha.
    allowed
        Whether more than the margin is certainly not lost; in a part where the old one finds nothing, nothing can be.
    """

    users: int
    old: float
    new: float
    low: float
    allowed: bool


@dataclass(frozen=True)
class Gated:
    """What came of it.

    Attributes
    ----------
    parts
        By ``all`` and ``tail``.
    passed
        Whether the new one may answer.
    why
        In a sentence.
    """

    parts: Mapping[str, Part]
    passed: bool
    why: str

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {"passed": self.passed, "why": self.why, "parts": {name: vars(one) for name, one in self.parts.items()}}


def compared(  # noqa: PLR0917 - both bundles, both sides of the moment, what is rare, what is asked
    old: Recommender,
    new: Recommender,
    before: Sequence[Sequence[str]],
    after: Sequence[Sequence[str]],
    rare: frozenset[str],
    gate: Gate,
    *,
    seed: int = 0,
) -> Gated:
    """Hold both bundles to what users took after a moment.

    Parameters
    ----------
    before, after
        Of each user, what was taken before and after that moment; the new bundle must not know of the latter.
    rare
        Items of the tail, and those that nobody took before.
    seed
        Of the bootstrap over users.
    """
    gains = np.stack([_gains(one, before, after) for one in (old, new)])
    user = np.repeat(np.arange(len(after)), [len(items) for items in after])
    tail = np.array([item in rare for items in after for item in items], bool)
    if len(after) < gate.least:
        said = f"only {len(after)} users have fresh events, and {gate.least} are wanted to decide anything"
        return Gated({}, passed=False, why=said)
    parts = {name: _part(gains[:, own], user[own], gate, seed) for name, own in ((ALL, tail | True), (TAIL, tail))}
    lost = [f"{name}: {one.old:.4f} to {one.new:.4f}" for name, one in parts.items() if not one.allowed]
    if lost:
        why = f"it is not certain that less than {gate.margin:.0%} of NDCG@10 is lost ({'; '.join(lost)})"
    else:
        why = f"NDCG@10 on fresh events goes from {parts[ALL].old:.4f} to {parts[ALL].new:.4f}"
        why += f", of tail items from {parts[TAIL].old:.4f} to {parts[TAIL].new:.4f}"
    return Gated(parts, passed=not lost, why=why)


def _part(gains: NDArray[np.float64], user: NDArray[np.int64], gate: Gate, seed: int) -> Part:
    users, code = np.unique(user, return_inverse=True)
    if not len(users):
        return Part(0, 0.0, 0.0, 0.0, allowed=True)
    sums = np.stack([np.bincount(code, one, len(users)) for one in gains])
    wanted = np.bincount(code, minlength=len(users)).astype(np.float64)
    # what is left of the old one's NDCG beyond the margin: above zero, no more than that is lost
    kept = sums[1] - (1 - gate.margin) * sums[0]

    def score(weights: NDArray[np.float32]) -> NDArray[np.float64]:
        many = weights.astype(np.float64)
        shares = np.stack([sums[1] - sums[0], kept]) @ many
        return np.asarray(shares / np.maximum(wanted @ many, 1e-12))

    _, draws = draw_groups(score, len(users), replicates=_REPLICATES, seed=seed)
    low, left = np.quantile(draws, gate.alpha, axis=-1)
    old, new = (sums.sum(axis=1) / wanted.sum()).tolist()
    return Part(len(users), old, new, float(low), allowed=bool(left >= 0))


def _gains(bundle: Recommender, before: Sequence[Sequence[str]], after: Sequence[Sequence[str]]) -> NDArray[np.float64]:
    """``[N]`` discounted gain of each fresh item: 1 / log2(place + 1) of the first ten places, 0 beyond."""
    found = []
    for shown, items in zip(bundle.recommend_all(before, k=LENGTH, reasons=False), after, strict=True):
        place = {item: number for number, item in enumerate(shown.items, start=1)}
        found += [1 / np.log2(place[item] + 1) if item in place else 0.0 for item in items]
    return np.array(found, np.float64)
