"""How sure a difference between remedies is: paired bootstrap over title groups, and Holm's correction.

What is resampled
    Title groups, not rows: near-duplicate titles stand or fall together, so they are drawn together (cluster
    bootstrap: Field & Welsh 2007). One draw is a multinomial weight for every group; all remedies are scored with
    the same draw (paired), so what is common to them cancels. The predictions are the pooled out-of-fold ones, which
    are not refitted: intervals speak of other products from the same shop, not of other training runs.

Classes that drop out
    Macro averages run over the classes that have a row in the draw. The true classes of a draw are the same for every
    remedy, so both sides of a difference average over the same classes. A draw without any class of a bucket has no
    value for that bucket, for any remedy, and is left out of its intervals and p-values.

Intervals
    Percentiles of the draws. BCa would adjust for bias and skewness, but its acceleration rests on a jackknife that
    is not smooth here (leaving out the only row of a class changes the number of classes averaged over), and its
    bias correction is itself noisy at 1,000 draws. In a simulation (60 Zipf classes, 1,500 rows in groups of two, 300
    repetitions, three sizes of gain) percentiles covered the true difference in macro-F1 and tail F1 91 to 94 % of
    the time, intervals reflected about the observed value ("basic") 84 to 86 %, bias-shifted ones 89 to 93 %; without
    a gain the test below rejected in 4 to 8 % of the repetitions. A small version of it is among the tests.

P-values
    Two-sided, by the shift method (Efron & Tibshirani 1993, section 16.4): draws are moved so that their centre is
    no difference, and counted where they lie at least as far out as the observed difference, itself included as one
    draw (Davison & Hinkley 1997): ``p = (1 + #{|d* - d| >= |d|}) / (1 + B)``. So p is never below ``1 / (B + 1)``,
    and identical predictions have p = 1. With few groups the draws cannot be far out, however chancy the difference is:
    if m groups are predicted differently, luck alone would have favoured one side in all of them with a chance of
    ``2 ** (1 - m)`` (sign test), and p is never below that. The interval may exclude zero by a hair where p is just
    above 0.05, and the other way round, since one uses quantiles of the draws and the other their distance from the
    centre.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy import sparse

from evenshelf.errors import InputError, SettingError
from evenshelf.tasks.label_metrics import CLASSES

METRICS = CLASSES.decisive
"""Metrics of classes that are bootstrapped, in the order of the arrays' axis."""

LEVEL = 0.95
BLOCK = 64  # Draws scored at once: weights of 40 k groups fit the processor's cache, and memory stays small.


@dataclass(frozen=True)
class Estimate:
    """A value with its interval, and for a difference its p-value (NaN otherwise)."""

    value: float
    low: float
    high: float
    p: float = float("nan")


@dataclass(frozen=True, eq=False)
class Bootstrap:
    """Observed values and paired draws of them.

    Attributes
    ----------
    names
        The remedies (or whatever was compared), length R.
    observed
        ``[R, M]`` values on the rows as they are, for each of `metrics`.
    draws
        ``[R, M, B]`` values on the resampled rows; NaN where a draw has no class of the bucket.
    answers
        ``[R, n]`` what was answered; a difference rests on the groups in which two answers are not the same.
    cluster
        ``[n]`` group of each row.
    metrics
        What the values are of.
    """

    names: tuple[str, ...]
    observed: NDArray[np.float64]
    draws: NDArray[np.float64]
    answers: NDArray[Any]
    cluster: NDArray[np.intp]
    metrics: tuple[str, ...] = METRICS

    def interval(self, name: str, metric: str, level: float = LEVEL) -> Estimate:
        """A remedy's own value, with its percentile interval."""
        row, column = self._at(name, metric)
        return estimate(float(self.observed[row, column]), self.draws[row, column], level)

    def difference(self, name: str, base: str, metric: str, level: float = LEVEL) -> Estimate:
        """Value of `name` minus value of `base`, with percentile interval and two-sided p-value."""
        (row, column), (other, _) = self._at(name, metric), self._at(base, metric)
        return estimate(
            float(self.observed[row, column] - self.observed[other, column]),
            self.draws[row, column] - self.draws[other, column],
            level,
            differing=len(np.unique(self.cluster[self.answers[row] != self.answers[other]])),
        )

    def loss(self, name: str, base: str, metric: str, level: float = LEVEL) -> Estimate:
        """Share of `base`'s value that `name` loses, with percentile interval; negative for a gain.

        0 where `base` has nothing to lose, NaN where the metric was not evaluated.
        """
        (row, column), (other, _) = self._at(name, metric), self._at(base, metric)
        kept, held = self.draws[row, column], self.draws[other, column]
        value = _lost(self.observed[row, [column]], self.observed[other, [column]])[0]
        return estimate(float(value), _lost(kept, held), level)

    def _at(self, name: str, metric: str) -> tuple[int, int]:
        if metric not in self.metrics:
            raise SettingError(
                f"{metric!r} is not a metric with intervals.", hint=f"Choose one of: {', '.join(self.metrics)}."
            )
        return self.names.index(name), self.metrics.index(metric)


def paired_bootstrap(
    y: ArrayLike,
    group: ArrayLike,
    predictions: Mapping[str, ArrayLike],
    buckets: ArrayLike,
    *,
    replicates: int = 1000,
    seed: int = 0,
) -> Bootstrap:
    """Score every set of predictions on the same resamples of the groups.

    Time grows with the number of predictions that differ from the first set, since only differences are summed
    (sparse ``[class x group]`` counts times ``[group x draw]`` weights).

    Parameters
    ----------
    y
        ``[n]`` true class codes, from 0 to C - 1; -1 where nothing is true.
    group
        ``[n]`` group of each row; rows of a group are drawn together.
    predictions
        Predicted class codes, ``[n]`` each, by name; -1 where nothing is predicted. Draws depend on `seed` alone, not
        on names or order.
    buckets
        ``[C]`` head, torso, tail or cold; see :func:`evenshelf.tasks.label_metrics.bucket_or_cold`.
    replicates
        B, number of draws.
    seed
        Of the draws.

    Raises
    ------
    InputError
        If there is nothing to compare, arrays differ in length, or codes are not of a class.
    SettingError
        If `replicates` is below 1.
    """
    truth = np.asarray(y, dtype=np.int64)
    names = np.asarray(buckets, dtype=np.str_)
    guesses = {name: np.asarray(codes, dtype=np.int64) for name, codes in predictions.items()}
    unique, cluster = np.unique(np.asarray(group), return_inverse=True)
    _check(truth, cluster, guesses, len(names), replicates)

    shape = (len(names), len(unique))
    support = class_by_group(truth, cluster, shape)
    first = next(iter(guesses.values()))
    base_hits, base_calls = hits_by_group(truth, first, cluster, shape), class_by_group(first, cluster, shape)
    changes = []
    for codes in guesses.values():
        hits = hits_by_group(truth, codes, cluster, shape) - base_hits
        calls = class_by_group(codes, cluster, shape) - base_calls
        hits.eliminate_zeros()
        calls.eliminate_zeros()
        changes.append((hits, calls))
    # Rows: all classes, then the classes of each bucket; one product averages them all.
    members = np.vstack([np.ones(len(names), bool), *(names == bucket for bucket in ("head", "torso", "tail"))])

    def score(weights: NDArray[np.float32]) -> NDArray[np.float64]:
        rows_of_class = support @ weights
        present = (rows_of_class > 0).astype(np.float32)
        classes = members.astype(np.float32) @ present
        total = rows_of_class.sum(axis=0)
        hits0, calls0 = base_hits @ weights, base_calls @ weights
        out = np.empty((len(guesses), len(METRICS), weights.shape[1]))
        for number, (more_hits, more_calls) in enumerate(changes):
            hits = hits0 + more_hits @ weights
            f1 = 2 * hits / np.maximum(rows_of_class + calls0 + more_calls @ weights, 1)
            with np.errstate(invalid="ignore"):  # 0 / 0: no class of the bucket in this draw, NaN is meant
                out[number, :4] = (members @ (f1 * present)) / classes
            out[number, 4] = hits.sum(axis=0) / total
        return out

    observed, draws = draw_groups(score, len(unique), replicates=replicates, seed=seed)
    predicted = np.stack([codes.astype(np.int32) for codes in guesses.values()])
    return Bootstrap(tuple(guesses), observed, draws, predicted, cluster)


def draw_groups(
    score: Callable[[NDArray[np.float32]], NDArray[np.float64]], groups: int, *, replicates: int, seed: int
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Whatever is scored, on the groups as they are and on draws of them.

    Parameters
    ----------
    score
        From ``[groups, W]`` weights, how often each group was drawn, to ``[..., W]`` values.
    groups
        How many are drawn, and from.
    replicates
        B, number of draws.
    seed
        Of the draws, which depend on nothing else.

    Returns
    -------
    ``[...]`` observed values and ``[..., B]`` those of the draws.
    """
    observed = score(np.ones((groups, 1), np.float32))[..., 0]
    draws = np.empty((*observed.shape, replicates))
    rng = np.random.default_rng(seed)
    for start in range(0, replicates, BLOCK):
        width = min(BLOCK, replicates - start)
        weights = np.empty((groups, width), np.float32)
        for column in range(width):
            chosen = rng.integers(groups, size=groups)
            weights[:, column] = np.bincount(chosen, minlength=groups)
        draws[..., start : start + width] = score(weights)
    return observed, draws


def holm(p: Sequence[float] | NDArray[np.float64]) -> NDArray[np.float64]:
    """P-values corrected so that the chance of any false discovery stays below the level (Holm 1979).

    The smallest of m p-values is multiplied by m, the next by m - 1, ...; a corrected value is never below the one
    before it and never above 1.

    Parameters
    ----------
    p
        ``[m]`` in [0, 1]; may be empty.

    Returns
    -------
    numpy.ndarray
        ``[m]`` corrected values, in the order given.
    """
    values = np.asarray(p, dtype=np.float64)
    if np.any(~((values >= 0) & (values <= 1))):
        raise InputError("p-values must be in [0, 1].")
    order = np.argsort(values, kind="stable")
    factors = np.arange(len(values), 0, -1)
    corrected = np.minimum(np.maximum.accumulate(values[order] * factors), 1.0)
    out = np.empty_like(corrected)
    out[order] = corrected
    return out


def estimate(
    value: float, draws: NDArray[np.float64], level: float = LEVEL, *, differing: int | None = None
) -> Estimate:
    """A value with the percentile interval of its draws; draws that are not finite have none and are left out.

    Parameters
    ----------
    value
        As observed; for a test a difference.
    draws
        ``[B]`` the same on resampled groups.
    level
        Of the interval.
    differing
        In how many groups the two sides of a difference are predicted differently; ``None`` for no test.
    """
    finite = draws[np.isfinite(draws)]
    if len(finite) == 0 or not np.isfinite(value):
        return Estimate(value, float("nan"), float("nan"), float("nan"))
    low, high = np.quantile(finite, [(1 - level) / 2, (1 + level) / 2])
    p = float("nan")
    if differing is not None:
        # The slack keeps draws that equal the observed difference up to rounding on the far side.
        far = np.abs(finite - value) >= abs(value) - 1e-12
        p = max(float((1 + int(far.sum())) / (1 + len(finite))), min(1.0, 2.0 ** (1 - min(differing, 60))))
    return Estimate(value, float(low), float(high), p)


def centred(value: float, draws: NDArray[np.float64], floor: float = -np.inf) -> Estimate:
    """As :func:`estimate`, of the draws moved so that their mean is the value; not below `floor`.

    For what is chosen by its value, as the worst tenth is: every draw chooses again, so draws repeat the bias of the
    choice and their mean is not the value. The interval speaks of the same measure on other samples of this size. In a
    simulation (60 Zipf classes, 1,500 rows in groups of two, 200 repetitions) it covered the mean of that measure 86 %
    of the time for the worst tenth, 93 % for the least exposed tenth and 94 % for the Gini coefficient of answers;
    plain percentiles 84, 77 and 80 %. A small version of it is among the tests. For differences between remedies see
    :func:`chosen_difference`.
    """
    finite = draws[np.isfinite(draws)]
    if len(finite) == 0:
        return estimate(value, finite)
    return estimate(value, np.maximum(finite - finite.mean() + value, floor))


def chosen_difference(value: float, draws: NDArray[np.float64]) -> Estimate:
    """As :func:`estimate`, of a difference between two values that are each chosen by their value in every draw.

    What choosing does to a value it does under both, so most of the bias cancels and percentiles of the draws (Efron &
    Tibshirani 1993, chapter 13) cover well; but not all of it does, and then the observed difference may lie outside of
    them. The interval is the smallest that holds the percentiles as well as those of the centred draws (ibid., section
    10.6, of corrections for bias): it covers at least as often as either and holds the value. In the simulation of
    :func:`centred`, it covered the mean difference in the worst tenth, the least exposed tenth and the Gini coefficient
    95, 98 and 91 % of the time; percentiles 94, 97 and 89 %, centred draws 83, 90 and 90 %, intervals reflected about
    the value ("basic") 53, 65 and 88 %, bias-corrected percentiles (Efron 1987) 69, 75 and 88 %.
    """
    plain, moved = estimate(value, draws), centred(value, draws)
    low, high = np.minimum(plain.low, moved.low), np.maximum(plain.high, moved.high)
    return Estimate(value, float(np.minimum(low, value)), float(np.maximum(high, value)))


def _lost(kept: NDArray[np.float64], held: NDArray[np.float64]) -> NDArray[np.float64]:
    """``(held - kept) / held``; 0 where nothing was held."""
    with np.errstate(invalid="ignore"):  # not evaluated: NaN is meant, and comes through
        return np.where(held == 0, 0.0, (held - kept) / np.where(held == 0, 1.0, held))


def class_by_group(codes: NDArray[np.int64], cluster: NDArray[np.intp], shape: tuple[int, int]) -> sparse.csr_matrix:
    """``[class, group]`` how many rows of a group have a code; those that have none (-1) are left out."""
    there = codes >= 0
    return sparse.csr_matrix((np.ones(there.sum(), np.float32), (codes[there], cluster[there])), shape=shape)


def hits_by_group(
    y: NDArray[np.int64], codes: NDArray[np.int64], cluster: NDArray[np.intp], shape: tuple[int, int]
) -> sparse.csr_matrix:
    """``[class, group]`` how many rows of a class and group are predicted right."""
    right = y == codes
    return class_by_group(y[right], cluster[right], shape)


def _check(
    y: NDArray[np.int64],
    cluster: NDArray[np.intp],
    predictions: Mapping[str, NDArray[np.int64]],
    classes: int,
    replicates: int,
) -> None:
    if replicates < 1:
        raise SettingError(f"replicates must be at least 1, not {replicates}.")
    faults = []
    if not predictions:
        faults.append("there are no predictions")
    if not (y >= 0).any():
        faults.append("there is no row to evaluate")
    if len(cluster) != len(y):
        faults.append(f"y has {len(y)} entries but group {len(cluster)}")
    for name, codes in {"y": y, **predictions}.items():
        if len(codes) != len(y):
            faults.append(f"{name} has {len(codes)} entries, y has {len(y)}")
        elif codes.size and (codes.min() < -1 or codes.max() >= classes):
            faults.append(f"{name} holds codes from {codes.min()} to {codes.max()}; there are {classes} classes")
    if faults:
        raise InputError("These predictions cannot be compared: " + "; ".join(faults) + ".")
