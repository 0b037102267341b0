"""How sure a difference is over other training runs: the corrected resampled t-test, and its Bayesian reading.

The bootstrap of :mod:`evenshelf.study.statistics` asks what other products of the shop would have shown, with the
models as they are. This asks what other splits would have: one difference per test fold. Training sets of different
folds share most of their rows, so these differences are not independent, and the plain t-test of them finds far too
much; Nadeau & Bengio (Machine Learning 52, 2003) widen its variance by the ratio of test to training rows:
``t = mean(d) / sqrt((1/m + test/train) var(d))`` with ``m - 1`` degrees of freedom. Bouckaert & Frank (PAKDD 2004)
found it to repeat best where folds are drawn several times.

The same distribution, read as a posterior with a flat prior, is the Bayesian correlated t-test (Corani & Benavoli,
Machine Learning 100, 2015; Benavoli et al., JMLR 18, 2017): how probable it is that the difference is above, within and
below a zone in which it does not matter.

All of this rests on the normal distribution. Differences of a few small folds can be alike by chance, and the test
would be as sure as one likes of what luck explains. But a difference that rests on k answers varies by itself: if each
of them were as likely to be turned the other way, as under a remedy that does nothing, its variance would be the sum of
their squared effects, which is at least ``d**2 / k`` (Cauchy and Schwarz; McNemar's test of k discordant pairs rests on
the same). So the variance over folds is never taken to be below the mean of that. It is exact for accuracy, to which
all answers add alike; for F1 it is a rule, as their effects hang on each other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import stats

from evenshelf.study.statistics import LEVEL, holm
from evenshelf.tasks.label_metrics import class_scores

NAN = float("nan")


@dataclass(frozen=True)
class ResampledTest:
    """A remedy against doing nothing, fold by fold.

    Attributes
    ----------
    spec
        Of the remedy.
    folds
        m, number of differences.
    diff, low, high
        Their mean, and its 95 % interval by the corrected test.
    p, p_holm
        Two-sided p-value, and that corrected for all remedies compared; NaN below two folds. 1 where no fold differs.
    better, equivalent, worse
        Posterior probabilities that the difference is above, within and below the zone.
    """

    spec: str
    folds: int
    diff: float
    low: float
    high: float
    p: float
    p_holm: float
    better: float
    equivalent: float
    worse: float


def fold_scores(
    y: NDArray[np.integer],
    predicted: NDArray[np.integer],
    fold: NDArray[np.integer],
    buckets: NDArray[np.str_],
    metric: str,
) -> NDArray[np.float64]:
    """``[K]`` a metric in each evaluated fold, over the classes that occur there; NaN where none does.

    Parameters
    ----------
    y, predicted, fold
        ``[n]`` true and predicted codes (-1: nothing is true, or predicted), and the outer fold of each row; negative
        folds are left out.
    buckets
        ``[C]`` head, torso, tail or cold.
    metric
        ``accuracy``, ``macro_f1`` or that of a bucket, such as ``tail_f1``.
    """
    values = []
    for number in np.unique(fold[fold >= 0]):
        rows = fold == number
        if metric == "accuracy":
            asked = rows & (y >= 0)
            values.append(float((y[asked] == predicted[asked]).mean()) if asked.any() else NAN)
            continue
        scores = class_scores(y[rows], predicted[rows], len(buckets))
        counted = scores.support > 0
        if metric != "macro_f1":
            counted &= buckets == metric.removesuffix("_f1")
        values.append(float(scores.f1[counted].mean()) if counted.any() else NAN)
    return np.array(values)


def fold_answers(
    predicted: NDArray[np.integer], other: NDArray[np.integer], fold: NDArray[np.integer]
) -> NDArray[np.int64]:
    """``[K]`` how many answers two predictions ``[n]`` do not share in each evaluated fold."""
    return np.array([int((predicted != other)[fold == number].sum()) for number in np.unique(fold[fold >= 0])])


def resampled_test(
    differences: Sequence[float] | NDArray[np.float64],
    ratio: float,
    *,
    answers: Sequence[int] | NDArray[np.int64] | None = None,
    spec: str = "",
    zone: float = 0.0,
) -> ResampledTest:
    """Test whether differences over folds are other than zero.

    Parameters
    ----------
    differences
        ``[m]``, one per test fold, of any number of repetitions; those that are not finite are left out.
    ratio
        Rows of a test fold by rows of its training folds: 1 / (K - 1) for K folds.
    answers
        ``[m]`` on how many answers each difference rests; ``None`` for as many as one likes.
    spec
        Of the remedy.
    zone
        Half width of the zone in which a difference does not matter, >= 0.
    """
    given = np.asarray(differences, dtype=np.float64)
    known = np.isfinite(given)
    chance = 0.0
    if answers is not None and known.any():
        rests_on = np.maximum(np.asarray(answers, dtype=np.float64)[known], 1.0)
        chance = float((given[known] ** 2 / rests_on).mean())
    given = given[known]
    folds = len(given)
    mean = float(given.mean()) if folds else NAN
    if folds < 2:
        return ResampledTest(spec, folds, mean, NAN, NAN, NAN, NAN, NAN, NAN, NAN)
    width = math.sqrt((1.0 / folds + ratio) * max(float(given.var(ddof=1)), chance))
    if max(width, abs(mean)) <= 1e-12:  # no fold differs, up to rounding
        return ResampledTest(spec, folds, 0.0, 0.0, 0.0, 1.0, NAN, 0.0, 1.0, 0.0)
    width = max(width, 1e-12)  # what is equal without end is sure
    spread = stats.t(folds - 1, loc=mean, scale=width)
    low, high = (float(x) for x in spread.interval(LEVEL))
    p = float(2 * stats.t.sf(abs(mean) / width, folds - 1))
    above, below = float(spread.sf(zone)), float(spread.cdf(-zone))
    return ResampledTest(spec, folds, mean, low, high, p, NAN, above, max(0.0, 1.0 - above - below), below)


def resampled_tests(
    scores: Mapping[str, NDArray[np.float64]],
    base: str,
    ratio: float,
    *,
    answers: Mapping[str, NDArray[np.int64]],
    zone: float,
    rivals: Sequence[str],
) -> tuple[ResampledTest, ...]:
    """Test all remedies against one of them, corrected by Holm's method among `rivals`.

    Parameters
    ----------
    scores
        ``[m]`` values by remedy, in the same folds.
    base
        The one that all are measured against.
    answers
        ``[m]`` by remedy, how many answers it does not share with `base`; see :func:`fold_answers`.
    rivals
        Those whose p-values are corrected for each other; others keep NaN.
    """
    tests = [
        resampled_test(values - scores[base], ratio, answers=answers[spec], spec=spec, zone=zone)
        for spec, values in scores.items()
        if spec != base
    ]
    counted = [t.spec for t in tests if t.spec in set(rivals) and math.isfinite(t.p)]
    by_spec = {t.spec: t for t in tests}
    corrected = dict(zip(counted, holm([by_spec[spec].p for spec in counted]).tolist(), strict=True))
    return tuple(replace(t, p_holm=corrected.get(t.spec, NAN)) for t in tests)
