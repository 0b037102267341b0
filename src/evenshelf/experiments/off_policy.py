"""What a policy would have earned, from the log of another one: before it is shown to anybody.

A log has, for each time that something was shown, the reward and the probability with which it was chosen. With the
probability with which another policy would have chosen the same, ``w = target / propensity`` is what a row counts:

    ips         mean of w r                               (Horvitz & Thompson 1952)
    snips       sum of w r / sum of w                     (Swaminathan & Joachims 2015)
    dm          mean of v                                 (direct method)
    dr          mean of v + w (r - q)                     (Dudik, Langford & Li 2011)
    switch_dr   the same with w = 0 where it is above a threshold (Wang, Agarwal & Dudik 2017)

where q is a model's reward of what was shown, and v what it expects of the policy. Rows of one user or session are one
draw in all intervals.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import polars as pl
from numpy.typing import ArrayLike, NDArray
from scipy.stats import t as student

from evenshelf.errors import InputError, SettingError

Floats = NDArray[np.float64]

ESTIMATORS = ("ips", "snips", "dm", "dr", "switch_dr")
MODELLED = ("dm", "dr", "switch_dr")
"""Those that need a model of the reward."""

SWITCH = 10.0
"""Weights above this are left to the model by ``switch_dr``."""

NAN = float("nan")

FEW = 30
"""With fewer independent rows that count, an interval by the normal distribution is too short."""


@dataclass(frozen=True, eq=False)
class Logged:
    """A log of what was shown, and what another policy would have done.

    Attributes
    ----------
    reward
        ``[n]`` what came of it, such as 1 for a click.
    propensity
        ``[n]`` probability with which it was shown, in (0, 1].
    target
        ``[n]`` probability with which the other policy would have shown the same, in [0, 1].
    cluster
        ``[n]`` numbers of users or sessions, whose rows belong together.
    predicted, expected
        ``[n]`` reward of what was shown, and of what the other policy would show, by a model that did not see the row;
        None without a model. See :func:`evenshelf.experiments.reward_model.modelled`.

    Raises
    ------
    InputError
        If lengths differ, or a number is out of its range; with every fault.
    """

    reward: Floats
    propensity: Floats
    target: Floats
    cluster: NDArray[np.intp]
    predicted: Floats | None = None
    expected: Floats | None = None

    def __post_init__(self) -> None:
        given = {key: value for key, value in vars(self).items() if value is not None}
        faults = []
        if len({len(value) for value in given.values()}) > 1:
            faults.append("lengths differ: " + ", ".join(f"{key} {len(value)}" for key, value in given.items()))
        if len(self.reward) < 2:
            faults.append("there are fewer than two rows")
        faults += [f"{key} is not finite everywhere" for key, value in given.items() if not np.isfinite(value).all()]
        if not np.all((self.propensity > 0) & (self.propensity <= 1)):
            faults.append("propensities must lie above 0 and at most at 1")
        if not np.all((self.target >= 0) & (self.target <= 1)):
            faults.append("probabilities of the other policy must lie between 0 and 1")
        if (self.predicted is None) != (self.expected is None):
            faults.append("a model must say both what was shown and what would be shown earns")
        if faults:
            raise InputError("This log cannot be evaluated: " + "; ".join(faults) + ".")

    @classmethod
    def of(
        cls,
        reward: ArrayLike,
        propensity: ArrayLike,
        target: ArrayLike,
        *,
        cluster: Sequence[Any] | NDArray[Any] | None = None,
        predicted: ArrayLike | None = None,
        expected: ArrayLike | None = None,
    ) -> Self:
        """A log from arrays; a `target` that is one number holds for every row, no `cluster` is a row each."""
        rewards = np.asarray(reward, dtype=float)
        groups = np.arange(len(rewards)) if cluster is None else np.unique(np.asarray(cluster), return_inverse=True)[1]
        return cls(
            rewards,
            np.asarray(propensity, dtype=float),
            np.broadcast_to(np.asarray(target, dtype=float), rewards.shape),
            groups,
            None if predicted is None else np.asarray(predicted, dtype=float),
            None if expected is None else np.asarray(expected, dtype=float),
        )

    @classmethod
    def of_events(cls, events: pl.DataFrame, target: Mapping[str, float], *, cluster: str = "user_id") -> Self:
        """A log from the impressions of a shop that have a propensity and a value (1 clicked, 0 not).

        Parameters
        ----------
        events
            The shop's events.
        target
            Probability with which the other policy shows each item; 0 for those that are not named.
        cluster
            Column whose rows belong together; rows without a value stand for themselves.

        Raises
        ------
        InputError
            If no impression has both.
        """
        missing = [name for name in ("kind", "item_id", "propensity", "value") if name not in events.columns]
        if missing:
            raise InputError(
                f"These events lack {', '.join(missing)}: without propensities no other policy can be evaluated.",
                hint="Let the service log with what probability it showed each item.",
            )
        known = pl.col("propensity").is_not_null() & pl.col("value").is_not_null()
        rows = events.filter((pl.col("kind") == "impression") & known).with_row_index("row")
        if not rows.height:
            raise InputError("No impression has both a propensity and a value that says whether it was clicked.")
        own = pl.lit("row ") + pl.col("row").cast(pl.String)
        named = pl.coalesce(pl.col(cluster).cast(pl.String), own) if cluster in rows.columns else own
        return cls.of(
            rows["value"].to_numpy(),
            rows["propensity"].to_numpy(),
            [target.get(item, 0.0) for item in rows["item_id"]],
            cluster=rows.select(named).to_series().to_numpy(),
        )

    @property
    def weight(self) -> Floats:
        """``[n]`` how much each row counts."""
        return self.target / self.propensity

    @property
    def effective(self) -> float:
        """As many rows of the other policy's own log would be as certain: (sum w)^2 / sum w^2 (Kish 1965)."""
        squares = float((self.weight**2).sum())
        return float(self.weight.sum()) ** 2 / squares if squares > 0 else 0.0


@dataclass(frozen=True)
class PolicyValue:
    """What a policy earns a row.

    Attributes
    ----------
    estimator
        One of :data:`ESTIMATORS`.
    value, low, high
        Estimate and interval; ``dm`` has none, since nobody knows how wrong its model is.
    error
        Standard error.
    """

    estimator: str
    value: float
    low: float
    high: float
    error: float


def policy_value(log: Logged, estimator: str = "snips", *, alpha: float = 0.05, switch: float = SWITCH) -> PolicyValue:
    """Estimate what the other policy would earn.

    Parameters
    ----------
    log
        The log.
    estimator
        One of :data:`ESTIMATORS`.
    alpha
        One less the level of the interval.
    switch
        Weights above it are left to the model by ``switch_dr``.

    Raises
    ------
    SettingError
        If there is no such estimator, or it needs a model and the log has none.
    """
    if estimator not in ESTIMATORS:
        raise SettingError(f"There is no estimator {estimator!r}.", hint=f"Choose one of {', '.join(ESTIMATORS)}.")
    weight, reward = log.weight, log.reward
    if estimator == "ips":
        return _mean(estimator, weight * reward, log.cluster, alpha)
    if estimator == "snips":
        total = float(weight.mean())
        if not total > 0:
            raise InputError("The other policy would have shown nothing of what this log holds.")
        value = float((weight * reward).mean()) / total
        # by the delta method, since the sum of the weights is chance as well
        return _mean(estimator, weight * (reward - value) / total, log.cluster, alpha, centre=value)
    if log.predicted is None or log.expected is None:
        raise SettingError(
            f"{estimator} needs a model of the reward.", hint="Use evenshelf.experiments.reward_model.modelled(...)."
        )
    if estimator == "dm":
        # how wrong the model is cannot be read off from what it says
        return PolicyValue(estimator, float(log.expected.mean()), NAN, NAN, NAN)
    if estimator == "switch_dr":
        weight = np.where(weight <= switch, weight, 0.0)
    return _mean(estimator, log.expected + weight * (reward - log.predicted), log.cluster, alpha)


def on_policy_value(reward: ArrayLike, *, cluster: Sequence[Any] | None = None, alpha: float = 0.05) -> PolicyValue:
    """What a policy earned in its own log: the truth that estimates are compared with."""
    log = Logged.of(reward, np.ones(len(np.asarray(reward))), 1.0, cluster=cluster)
    return _mean("on_policy", log.reward, log.cluster, alpha)


def doubts(log: Logged) -> list[str]:
    """Why estimates from a log may be wrong; nothing if no reason is seen."""
    found = []
    share = _mean("ips", log.weight, log.cluster, 0.001)
    if share.high < 1 or share.low > 1:
        found.append(
            f"Weights are {share.value:.3f} on average, but would be 1 if the log showed everything that the other "
            "policy shows with the propensities that it names: it lacks some of it, or they are wrong. An estimate "
            "speaks of the part that is there."
        )
    if log.effective < 0.05 * len(log.reward):
        found.append(
            f"The {len(log.reward):,} rows are worth {log.effective:,.0f}: the policies have little in common, and "
            "few rows decide."
        )
    moved = int(((log.weight > 0) & (log.reward != 0)).sum())
    if moved < FEW:
        found.append(f"Only {moved} rows with a reward count: intervals are too short.")
    return found


def _mean(
    name: str, values: Floats, cluster: NDArray[np.intp], alpha: float, *, centre: float | None = None
) -> PolicyValue:
    """Mean over rows whose clusters are independent; around `centre` where the values are its influence."""
    mean = float(values.mean())
    sums = np.bincount(cluster, values - mean)
    count = len(sums)
    error = float(np.sqrt((sums**2).sum() * count / max(count - 1, 1))) / len(values)
    half = float(student.ppf(1 - alpha / 2, max(count - 1, 1))) * error
    value = mean if centre is None else centre
    return PolicyValue(name, value, value - half, value + half, error)
