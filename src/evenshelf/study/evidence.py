"""What a remedy does besides its gain in one metric: bucket by bucket, to calibration, and at what price."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from scipy import stats

from evenshelf.study.statistics import LEVEL, Bootstrap, holm
from evenshelf.tasks.label_metrics import SMALLEST_PROBABILITY

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evenshelf.study.comparison import Comparison
    from evenshelf.study.results import Outcome
    from evenshelf.tasks.measures import Measures

BUCKETS = ("head", "torso", "tail")
NAN = float("nan")


@dataclass(frozen=True)
class BucketGain:
    """Difference of a remedy to doing nothing in one bucket of classes.

    Attributes
    ----------
    spec, bucket
        The remedy; head, torso or tail.
    diff, low, high, p
        Difference, 95 % interval and p-value by the paired bootstrap.
    p_holm
        Corrected for all remedies and buckets together; NaN for a yardstick.
    """

    spec: str
    bucket: str
    diff: float
    low: float
    high: float
    p: float
    p_holm: float


def bucket_gains(
    bootstrap: Bootstrap, specs: Sequence[str], base: str, rivals: Sequence[str], measures: Measures
) -> list[BucketGain]:
    """Every remedy in every bucket that has an evaluated class.

    Parameters
    ----------
    bootstrap
        Holds ``tuned SPEC`` for each of `specs` and for `base`.
    rivals
        Those of `specs` that are corrected for each other.
    """
    found = []
    for spec in specs:
        for bucket in BUCKETS:
            gain = bootstrap.difference(f"tuned {spec}", f"tuned {base}", measures.of_part(bucket))
            if math.isfinite(gain.value):
                found.append(BucketGain(spec, bucket, gain.value, gain.low, gain.high, gain.p, NAN))
    counted = [n for n, gain in enumerate(found) if gain.spec in set(rivals) and math.isfinite(gain.p)]
    for n, p in zip(counted, holm([found[n].p for n in counted]), strict=True):
        found[n] = replace(found[n], p_holm=float(p))
    return found


@dataclass(frozen=True)
class Calibration:
    """Whether a remedy's probabilities mean what they say.

    Attributes
    ----------
    spec
        The remedy, or the baseline.
    confidence, accuracy
        Mean probability of the predicted class, and the share that is right, in [0, 1]; NaN where nothing is predicted.
    tail_confidence, tail_precision
        The same over examples that are predicted to be of the tail: NaN if none is.
    nll, nll_diff, low, high
        Negative log-likelihood in nats, its difference to doing nothing, and a 95 % interval of that by the normal
        distribution with standard errors that are robust to groups (Liang & Zeger, Biometrika 73, 1986); NaN for the
        baseline.
    p, p_holm
        Two-sided p-value of that difference, not below ``2 ** (1 - m)`` where m groups differ (sign test), and the same
        after Holm's correction for all remedies; NaN for the baseline, the second for a yardstick too.
    worse
        Whether the likelihood is shown to be worse than that of doing nothing, among all remedies that were tried.
    """

    spec: str
    confidence: float
    accuracy: float
    tail_confidence: float
    tail_precision: float
    nll: float
    nll_diff: float
    low: float
    high: float
    p: float
    p_holm: float
    worse: bool

    @property
    def overconfidence(self) -> float:
        """Mean probability of the predicted class less the share that is right; negative where it is too unsure.

        NaN where nothing is predicted.
        """
        return self.confidence - self.accuracy


def calibrations(
    y: NDArray[np.integer],
    group: NDArray[np.integer],
    outcomes: Mapping[str, Outcome],
    rows: NDArray[np.bool_],
    *,
    buckets: NDArray[np.str_],
    base: str,
    rivals: Sequence[str],
    alpha: float,
) -> list[Calibration]:
    """How sure each remedy is and how often it is right.

    Parameters
    ----------
    y, group
        ``[m]`` true codes and groups of the evaluated rows; rows where nothing is true (-1) count for what is
        predicted there, and have no likelihood.
    outcomes
        By remedy, of all ``n`` rows.
    rows
        ``[n]`` which of them are evaluated.
    buckets
        ``[C]`` bucket of each class.
    base
        Spec of the baseline.
    rivals
        Remedies whose likelihoods are tested together, by Holm's correction.
    alpha
        Level of these tests.
    """
    asked = y >= 0
    _, cluster = np.unique(group[asked], return_inverse=True)
    groups = int(cluster.max(initial=-1)) + 1
    cost = {
        s: -np.log(np.clip(o.p_true[rows][asked].astype(np.float64), SMALLEST_PROBABILITY, 1.0))
        for s, o in outcomes.items()
    }
    found = []
    for spec, outcome in outcomes.items():
        said = outcome.predicted[rows] >= 0
        predicted, says = outcome.predicted[rows][said], outcome.p_predicted[rows][said].astype(np.float64)
        right, called = predicted == y[said], buckets[predicted] == "tail"
        diff = low = high = p = NAN
        if spec != base:
            each = cost[spec] - cost[base]
            diff = float(each.mean())
            # of a mean, the sums of what is left in each group are what varies
            left = np.bincount(cluster, each - diff, groups)
            error = math.sqrt(float(left @ left) * groups / max(groups - 1, 1)) / len(each)
            differing = len(np.unique(cluster[each != 0]))
            sure = math.erfc(abs(diff) / (error * math.sqrt(2))) if error else float(diff == 0)
            p = max(sure, min(1.0, 2.0 ** (1 - min(differing, 60))))
            low, high = (diff + sign * error * float(stats.norm.ppf((1 + LEVEL) / 2)) for sign in (-1, 1))
        found.append(
            Calibration(
                spec,
                float(says.mean()) if said.any() else NAN,
                float(right.mean()) if said.any() else NAN,
                float(says[called].mean()) if called.any() else NAN,
                float(right[called].mean()) if called.any() else NAN,
                float(cost[spec].mean()),
                diff,
                low,
                high,
                p,
                NAN,
                False,
            )
        )
    tested = [n for n, c in enumerate(found) if c.spec in set(rivals) and math.isfinite(c.p)]
    for n, p_holm in zip(tested, holm([found[n].p for n in tested]).tolist(), strict=True):
        found[n] = replace(found[n], p_holm=p_holm, worse=p_holm < alpha and found[n].nll_diff > 0)
    return found


@dataclass(frozen=True)
class Tradeoff:
    """Where a remedy stands between what is gained and what is paid.

    Attributes
    ----------
    spec
        A remedy, or the baseline.
    tail_gain
        Difference to doing nothing in the metric of the tail; higher is better. NaN where nothing
        of the tail was evaluated.
    head_loss
        Share of the head metric of doing nothing that is lost; lower is better. NaN where nothing of the head
        was evaluated.
    nll
        Negative log-likelihood; lower is better. NaN where there are no probabilities.
    seconds
        CPU time of its search and fits; lower is better.
    dominated_by
        A remedy that is at least as good in all four and better in one; "" for those on the Pareto front.
    """

    spec: str
    tail_gain: float
    head_loss: float
    nll: float
    seconds: float
    dominated_by: str = ""


def tradeoffs(comparisons: Sequence[Comparison], base: str, measures: Measures) -> list[Tradeoff]:
    """All remedies and the baseline, those on the Pareto front first, by tail gain.

    Yardsticks are left out: they are other models. What could be evaluated for none of them does not count; where it
    could be for some, the others are behind them.
    """
    nothing = next(c for c in comparisons if c.spec == base)
    points = [
        Tradeoff(c.spec, c[measures.tail] - nothing[measures.tail], c.head_loss, c.values.get("nll", NAN), c.seconds)
        for c in comparisons
        if not c.reference
    ]
    lower = np.array([[-p.tail_gain, p.head_loss, p.nll, p.seconds] for p in points])
    finite = np.isfinite(lower)
    lower = np.where(finite, lower, np.where(finite.any(axis=0), np.inf, 0.0))
    found = []
    for point, mine in zip(points, lower, strict=True):
        ahead = np.flatnonzero((lower <= mine).all(axis=1) & (lower < mine).any(axis=1))
        # of those that dominate, one on the front: what dominates a dominating one dominates this as well
        best = min(ahead, key=lambda n: (lower[n].tolist(), points[n].spec)) if len(ahead) else None
        found.append(point if best is None else replace(point, dominated_by=points[best].spec))
    return sorted(
        found, key=lambda p: (p.dominated_by != "", -p.tail_gain if math.isfinite(p.tail_gain) else 0.0, p.spec)
    )
