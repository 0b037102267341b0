"""Which remedy to use, with the evidence: significant, within the guardrail, best - or none at all."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from evenshelf.errors import InputError, SettingError
from evenshelf.study.compared import ahead_of, compared, simplest_of, ties_of
from evenshelf.study.comparison import NAN, Comparison, Tie, jsonable, revived
from evenshelf.study.controls import CONTROLS, OverControl, over_controls
from evenshelf.study.evidence import BucketGain, Calibration, Tradeoff, bucket_gains, calibrations, tradeoffs
from evenshelf.study.evidence_wording import evidence_sentences
from evenshelf.study.guessing import Sight, sights
from evenshelf.study.judges import judge_of, measures_named
from evenshelf.study.resampled import ResampledTest, resampled_tests
from evenshelf.study.statistics import holm
from evenshelf.study.wording import headline, reasons
from evenshelf.tasks.label_metrics import CLASSES
from evenshelf.tasks.measures import Measures
from evenshelf.tasks.nouns import nouns_of

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

    from evenshelf.study.results import Outcome, RemedyResult, StudyResult


@dataclass(frozen=True)
class Verdict:
    """What to do about the imbalance of this data, and why.

    Attributes
    ----------
    headline
        The verdict in one sentence.
    reasons
        Two to ten sentences with their numbers.
    recommended
        Spec of the winner, or ``None``: no remedy beats doing nothing.
    best
        Spec of the winner, or else of the remedy with the best value of the metric (``none`` left out); ``None`` if
        no remedy was tuned.
    ties
        Remedies that qualify and are indistinguishable from the winner, best first.
    simplest
        Of winner and ties the one with the fewest parts, the fewest CPU seconds among these; ``None`` without ties.
    comparisons
        All tuned remedies, ``none`` included, best first.
    metric, guardrail, alpha, replicates, seed
        What the verdict was asked for.
    rows, classes, groups
        Evaluated examples, classes that occur in them, title groups resampled.
    cold
        Number of classes that no training fold held.
    informative
        Whether any model is shown to be better than answers that know nothing but the frequencies of the classes. If
        not, nothing is recommended: what looks like a gain is another way of guessing.
    guessing
        The baseline and the best model beside these answers, in macro-F1 and accuracy.
    zone
        Differences of the metric within plus and minus this do not matter.
    buckets
        Every other remedy in head, torso and tail.
    resampled
        Every other remedy in the metric, fold by fold: the corrected resampled t-test.
    calibration
        Of every tuned remedy.
    tradeoffs
        Tail gain, head loss, likelihood and cost of every remedy, those on the Pareto front first.
    ahead
        Baselines (yardsticks) that are better than the winner, or than doing nothing without one: paired difference to
        it, corrected for the number of baselines, best first.
    controls
        What remedies gain over the controls that they have, such as as many copies.
    kind
        Of the answers: name of the :class:`~evenshelf.tasks.measures.Measures` they are judged by.
    """

    headline: str
    reasons: tuple[str, ...]
    recommended: str | None
    best: str | None
    ties: tuple[Tie, ...]
    simplest: str | None
    comparisons: tuple[Comparison, ...]
    baseline: str
    metric: str
    guardrail: float
    alpha: float
    replicates: int
    seed: int
    rows: int
    classes: int
    groups: int
    cold: int
    informative: bool
    guessing: tuple[Sight, ...]
    zone: float = 0.0
    buckets: tuple[BucketGain, ...] = ()
    resampled: tuple[ResampledTest, ...] = ()
    calibration: tuple[Calibration, ...] = ()
    tradeoffs: tuple[Tradeoff, ...] = ()
    ahead: tuple[Tie, ...] = ()
    controls: tuple[OverControl, ...] = ()
    kind: str = CLASSES.name

    @property
    def measures(self) -> Measures:
        """What answers are judged by."""
        return measures_named(self.kind)

    @property
    def title(self) -> str:
        """Readable name of the metric that decides."""
        return self.measures.title(self.metric)

    def __getitem__(self, spec: str) -> Comparison:
        for comparison in self.comparisons:
            if comparison.spec == spec:
                return comparison
        raise KeyError(spec)

    def table(self) -> pl.DataFrame:
        """One line per tuned remedy, best first, with every number of :class:`Comparison`; NaN becomes null."""
        lines = [
            {k: " + ".join(v) if isinstance(v, list) else v for k, v in c.to_dict().items()} for c in self.comparisons
        ]
        kinds: dict[str, Any] = {"str": pl.String, "float": pl.Float64, "int": pl.Int64, "bool": pl.Boolean}
        own = {f.name: kinds.get(str(f.type), pl.String) for f in fields(Comparison) if f.name != "values"}
        values = {name: pl.Float64 for c in self.comparisons[:1] for name in c.values}
        return pl.DataFrame(lines, schema={**own, **values})

    def to_dict(self) -> dict[str, Any]:
        """JSON-able; NaN becomes ``None``."""
        document = asdict(self)
        for key in _PARTS:
            document[key] = [jsonable(entry) for entry in document[key]]
        document["comparisons"] = [c.to_dict() for c in self.comparisons]
        return jsonable(document)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Verdict:
        """The verdict that :meth:`to_dict` described.

        Raises
        ------
        InputError
            If entries are missing or unknown.
        """
        try:
            values = dict(document)
            values["reasons"] = tuple(values["reasons"])
            for key, kind in _PARTS.items():
                read = Comparison.from_dict if kind is Comparison else lambda e, k=kind: k(**revived(k, e))
                values[key] = tuple(read(entry) for entry in values[key])
            return cls(**values)
        except (KeyError, TypeError) as error:
            raise InputError(
                f"This is not a verdict of this version of evenshelf: {error}.", hint="Decide again from the study."
            ) from error


_PARTS: dict[str, type[Any]] = {
    "ties": Tie,
    "comparisons": Comparison,
    "guessing": Sight,
    "buckets": BucketGain,
    "resampled": ResampledTest,
    "calibration": Calibration,
    "tradeoffs": Tradeoff,
    "ahead": Tie,
    "controls": OverControl,
}
"""What stands in a verdict as a list, by its field."""


def decide(
    result: StudyResult,
    *,
    metric: str | None = None,
    guardrail: float = 0.01,
    alpha: float = 0.05,
    zone: float | None = None,
    replicates: int | None = None,
    seed: int = 0,
) -> Verdict:
    """Compare every tuned remedy with doing nothing and say which one to use.

    A remedy qualifies if its paired difference to ``none`` is positive with a Holm-corrected p-value below `alpha`,
    it loses at most the share `guardrail` of the metric of the head, and the difference is not certainly too small to
    matter (see `zone`). Among those the best value of `metric`
    wins, unless no model of the study is better than guessing (see :mod:`evenshelf.study.guessing`). The answer does
    not depend on the order of the remedies.

    Parameters
    ----------
    result
        Of a study. Rows with a negative fold are not evaluated.
    metric
        One of :attr:`~evenshelf.tasks.measures.Measures.decisive`, such as ``macro_f1``, ``tail_f1``, ``accuracy``;
        ``None`` for the main one.
    guardrail
        Largest tolerated relative loss in the metric of the head, in [0, 1].
    alpha
        Chance of any false discovery that is tolerated, in (0, 1).
    zone
        Half width of the zone of practical equivalence, >= 0: a difference to ``none`` that two one-sided tests at
        `alpha` place inside it does not matter. ``None`` for the usual one of the measures.
    replicates, seed
        Of the bootstrap; see :mod:`evenshelf.study.statistics`. ``None`` for 1,000, or as many more as it takes for a
        corrected p-value to get to half of `alpha`.

    Raises
    ------
    SettingError
        If a setting is out of range, or there are too few replicates for any remedy to become significant.
    InputError
        If ``none`` has no tuned outcome or no row was evaluated.
    """
    judge = judge_of(result)
    measures = judge.measures
    metric, zone = metric or measures.main, measures.zone if zone is None else zone
    tuned = {r.spec: r.tuned for r in result.remedies if r.tuned is not None}
    base = result.baseline
    count = sum(r.tuned is not None and not r.reference for r in result.remedies) - 1
    if replicates is None:
        replicates = max(1000, math.ceil(2 * count / alpha)) if 0 < alpha < 1 else 1000
    _check(result, metric, guardrail, alpha, replicates, rivals=count, zone=zone, measures=measures)

    rows = result.fold >= 0
    y, group, buckets = result.y[rows], result.group[rows], judge.buckets
    untuned = {r.spec: r.default for r in result.remedies if r.default is not None}
    outcomes = {f"tuned {spec}": outcome for spec, outcome in tuned.items()}
    outcomes |= {f"default {spec}": outcome for spec, outcome in untuned.items()}
    # Sorted, so that rounding in sums cannot depend on the order in which remedies were given.
    bootstrap = judge.bootstrap(dict(sorted(outcomes.items())), replicates=replicates, seed=seed)

    if not math.isfinite(bootstrap.interval(f"tuned {base.spec}", metric).value):
        raise SettingError(
            f"No verdict can rest on {metric}: nothing of what it is over was evaluated.",
            hint=f"Choose {measures.main} instead.",
        )
    references = {r.spec for r in result.remedies if r.reference}
    others = sorted(set(tuned) - {base.spec})
    rivals = [spec for spec in others if spec not in references]
    gains = {s: bootstrap.difference(f"tuned {s}", f"tuned {base.spec}", metric) for s in others}
    corrected = dict(zip(rivals, holm([gains[s].p for s in rivals]).tolist(), strict=True))

    part = measures.part(metric)
    groups = len(np.unique(group[(y >= 0) & (buckets[y] == part)] if part else group))

    def compare(remedy: RemedyResult, outcome: Outcome) -> Comparison:
        values = judge.values(outcome, rows)
        return compared(
            remedy,
            outcome,
            values,
            bootstrap,
            measures=measures,
            metric=metric,
            base=base.spec,
            gain=gains.get(remedy.spec),
            p_holm=corrected.get(remedy.spec, NAN),
            alpha=alpha,
            guardrail=guardrail,
            zone=zone,
            groups=groups,
            defaults=remedy.spec in untuned and base.spec in untuned,
        )

    comparisons = [compare(r, r.tuned) for r in result.remedies if r.tuned is not None]
    comparisons.sort(key=lambda c: (-c[metric], c.parts, c.spec))
    seen, informative = sights(bootstrap, sorted(tuned), base.spec, judge.guesses, measures)
    winner = next((c for c in comparisons if c.qualifies), None) if informative else None
    best = winner or next((c for c in comparisons if c.spec != base.spec and not c.reference), None)
    if winner is not None:
        comparisons = [replace(c, recommended=c.spec == winner.spec) for c in comparisons]
    ties = ties_of(bootstrap, comparisons, winner, metric, alpha)
    by_fold = {spec: judge.by_fold(outcome, metric) for spec, outcome in sorted(tuned.items())}
    answers = {spec: judge.differing(outcome, tuned[base.spec]) for spec, outcome in tuned.items()}
    ratio = 1.0 / max(len(np.unique(result.fold[rows])) - 1, 1)
    rows_of_class = np.bincount(y[y >= 0], minlength=len(buckets))
    verdict = Verdict(
        headline="",
        reasons=(),
        recommended=winner.spec if winner else None,
        best=best.spec if best else None,
        ties=ties,
        simplest=simplest_of(comparisons, winner, ties),
        comparisons=tuple(comparisons),
        baseline=base.spec,
        metric=metric,
        guardrail=guardrail,
        alpha=alpha,
        replicates=replicates,
        seed=seed,
        rows=int((y >= 0).sum()),
        classes=int((rows_of_class > 0).sum()),
        groups=len(np.unique(group)),
        cold=int(((buckets == "cold") & (rows_of_class > 0)).sum()),
        informative=informative,
        guessing=seen,
        zone=zone,
        buckets=tuple(bucket_gains(bootstrap, others, base.spec, rivals, measures)),
        resampled=resampled_tests(by_fold, base.spec, ratio, answers=answers, zone=zone, rivals=rivals),
        calibration=_calibrated(result, buckets, base.spec, rivals=rivals, alpha=alpha) if measures.likelihood else (),
        tradeoffs=tuple(tradeoffs(comparisons, base.spec, measures)),
        ahead=ahead_of(bootstrap, comparisons, winner.spec if winner else base.spec, metric, alpha),
        controls=over_controls(bootstrap, result.meta.get(CONTROLS, {}), measures, metric),
        kind=measures.name,
    )
    said = (*reasons(verdict, nouns_of(result.meta)), *evidence_sentences(verdict))
    return replace(verdict, headline=headline(verdict), reasons=said)


def _calibrated(
    result: StudyResult, buckets: NDArray[np.str_], base: str, *, rivals: Sequence[str], alpha: float
) -> tuple[Calibration, ...]:
    rows = result.fold >= 0
    outcomes = {r.spec: r.tuned for r in sorted(result.remedies, key=lambda r: r.spec) if r.tuned is not None}
    found = calibrations(
        result.y[rows], result.group[rows], outcomes, rows, buckets=buckets, base=base, rivals=rivals, alpha=alpha
    )
    return tuple(found)


def _check(
    result: StudyResult,
    metric: str,
    guardrail: float,
    alpha: float,
    replicates: int,
    *,
    rivals: int,
    zone: float,
    measures: Measures,
) -> None:
    faults = []
    if metric not in measures.decisive:
        faults.append(f"metric {metric!r} is not one of {', '.join(measures.decisive)}")
    if not 0 <= guardrail <= 1:
        faults.append(f"guardrail must be in [0, 1], not {guardrail}")
    if not 0 <= zone <= 1:
        faults.append(f"zone must be in [0, 1], not {zone}")
    if not 0 < alpha < 1:
        faults.append(f"alpha must be in (0, 1), not {alpha}")
    elif rivals > 0 and rivals / (replicates + 1) >= alpha:
        faults.append(
            f"with {replicates} replicates no p-value is below {1 / (replicates + 1):.2g}; corrected for {rivals} "
            f"remedies none can get below alpha = {alpha:g}, so at least {math.ceil(rivals / alpha)} are needed"
        )
    if faults:
        raise SettingError("No verdict with these settings: " + "; ".join(faults) + ".")
    if result.baseline.tuned is None:
        raise InputError(f"The baseline {result.baseline.spec!r} has no tuned outcome to compare with.")
    if not (result.fold >= 0).any():
        raise InputError("The study evaluated no row: every fold is negative.")
