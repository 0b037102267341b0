"""Whether a verdict hangs on the seed: the finalists of a study again, with other folds and other draws.

The seed of the study chose the finalists, so its gains flatter them (Cawley & Talbot, JMLR 11, 2010).
It is told apart, and what is tested and counted are the folds of the fresh seeds alone. They hold the same products:
what makes a remedy look good among these is in every seed, and only the bootstrap of the verdict speaks of others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from evenshelf.baselines.registry import NONE
from evenshelf.errors import SettingError
from evenshelf.study.comparison import jsonable, revived
from evenshelf.study.resampled import ResampledTest, fold_answers, fold_scores, resampled_test
from evenshelf.study.statistics import holm
from evenshelf.tasks.label_metrics import bucket_or_cold, class_scores

if TYPE_CHECKING:
    from evenshelf.study.results import StudyResult
    from evenshelf.study.runner import Study
    from evenshelf.study.verdict import Verdict

FINALISTS = 3
"""Remedies that are run again, besides doing nothing."""


@dataclass(frozen=True)
class SeedGain:
    """A remedy under one seed.

    Attributes
    ----------
    spec, seed
        Which, and under which seed of folds and of all that is drawn.
    value, diff, tail_diff
        The verdict's metric over all evaluated rows, and the differences to doing nothing in it and in the metric
        of the tail.
    """

    spec: str
    seed: int
    value: float
    diff: float
    tail_diff: float


@dataclass(frozen=True)
class SeedSensitivity:
    """Finalists under several seeds.

    Attributes
    ----------
    metric
        Of the verdict.
    gains
        By remedy and seed, that of the study first.
    tests
        The corrected resampled t-test of each finalist over the folds of the fresh seeds, without that of the study.
    guardrail, zone
        Those of the verdict, as is the metric.
    """

    metric: str
    gains: tuple[SeedGain, ...]
    tests: tuple[ResampledTest, ...]
    guardrail: float = math.nan
    zone: float = math.nan

    def of_verdict(self, verdict: Verdict) -> bool:
        """Whether it was asked for by a verdict of the same settings, which choose the finalists."""
        mine = (self.metric, self.guardrail, self.zone)
        return mine == (verdict.metric, verdict.guardrail, verdict.zone)

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds, that of the study first."""
        return tuple(dict.fromkeys(gain.seed for gain in self.gains))

    @property
    def specs(self) -> tuple[str, ...]:
        """The finalists."""
        return tuple(dict.fromkeys(gain.spec for gain in self.gains))

    def of(self, spec: str) -> tuple[SeedGain, ...]:
        """One remedy under every seed, that of the study first."""
        return tuple(gain for gain in self.gains if gain.spec == spec)

    def wins(self, spec: str) -> int:
        """Under how many fresh seeds none of the finalists is better; equal ones are the best together."""
        best = {
            seed: max((g.value for g in self.gains if g.seed == seed and math.isfinite(g.value)), default=math.nan)
            for seed in self.seeds[1:]
        }
        return sum(gain.value == best[gain.seed] for gain in self.of(spec)[1:])

    def to_dict(self) -> dict[str, Any]:
        """JSON-able; NaN becomes ``None``."""
        return {
            "metric": self.metric,
            **jsonable({"guardrail": self.guardrail, "zone": self.zone}),
            "gains": [jsonable(asdict(gain)) for gain in self.gains],
            "fresh_tests": [jsonable(asdict(test)) for test in self.tests],
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> SeedSensitivity:
        """What :meth:`to_dict` described. Earlier versions tested the folds of all seeds, which is not read."""
        return cls(
            document["metric"],
            tuple(SeedGain(**revived(SeedGain, gain)) for gain in document["gains"]),
            tuple(ResampledTest(**revived(ResampledTest, test)) for test in document.get("fresh_tests", ())),
            *(math.nan if (value := document.get(name)) is None else value for name in ("guardrail", "zone")),
        )


def finalists(verdict: Verdict) -> tuple[str, ...]:
    """What is worth running again: the recommended remedy, the simplest that ties with it, and the next best."""
    first = [spec for spec in (verdict.recommended, verdict.simplest) if spec is not None]
    ranked = [c.spec for c in verdict.comparisons if c.spec != verdict.baseline and not c.reference]
    return tuple(dict.fromkeys([*first, *ranked]))[:FINALISTS]


def seed_sensitivity(
    study: Study,
    result: StudyResult,
    verdict: Verdict,
    seeds: int,
    progress: Callable[[float, float, str], None] | None = None,
) -> SeedSensitivity:
    """Run the finalists again with as many more seeds as are missing to `seeds`.

    Each seed draws other folds, other synthetic rows, other halves. They are studies of their own, in the folder
    ``seeds`` of the study, and go on where they were interrupted.

    Parameters
    ----------
    study, result, verdict
        What was run, found and decided.
    seeds
        How many in all, that of the study included; >= 2.

    Raises
    ------
    SettingError
        If `seeds` is below 2, or there is no remedy to run again.
    """
    chosen = finalists(verdict)
    if seeds < 2:
        raise SettingError(f"seeds={seeds}: one seed shows nothing of others.", hint="Ask for 3 or more.")
    if not chosen:
        raise SettingError("No remedy was compared, so none can be run again.", hint="Give the study remedies.")
    base = result.baseline.spec
    kept = {remedy.spec: remedy for remedy in study.compared}
    results = {study.seed: result}
    for number in range(1, seeds):
        seed = study.seed + number
        again = replace(
            study,
            seed=seed,
            remedies=[kept[spec] for spec in chosen],
            words=None,
            baselines=NONE,
            folder=study.folder / "seeds" / str(seed),
        )

        def tell(done: float, total: float, words: str, seed: int = seed) -> None:
            if progress:
                progress(done, total, f"seed {seed}: {words}")

        results[seed] = again.run(tell)
    gains: list[SeedGain] = []
    differences: dict[str, list[float]] = {spec: [] for spec in chosen}
    answers: dict[str, list[int]] = {spec: [] for spec in chosen}
    for seed, found in results.items():
        mine, by_fold = _scores(found, (base, *chosen), verdict.metric)
        for spec in chosen:
            value, tail = mine[spec]
            gains.append(SeedGain(spec, seed, value, value - mine[base][0], tail - mine[base][1]))
            if seed != study.seed:
                differences[spec] += (by_fold[spec] - by_fold[base]).tolist()
                answers[spec] += _answers(found, spec, base)
    ratio = 1.0 / (study.folds - 1)
    bare = [resampled_test(differences[s], ratio, answers=answers[s], spec=s, zone=verdict.zone) for s in chosen]
    known = [n for n, test in enumerate(bare) if math.isfinite(test.p)]
    for n, p in zip(known, holm([bare[n].p for n in known]), strict=True):
        bare[n] = replace(bare[n], p_holm=float(p))
    tests = tuple(bare)
    ordered = tuple(sorted(gains, key=lambda g: chosen.index(g.spec)))
    return SeedSensitivity(verdict.metric, ordered, tests, verdict.guardrail, verdict.zone)


def _answers(result: StudyResult, spec: str, base: str) -> list[int]:
    """How many answers a remedy does not share with the baseline in each fold."""
    rows = result.fold >= 0
    mine, other = result[spec].tuned, result[base].tuned
    assert mine is not None
    assert other is not None
    counts: list[int] = fold_answers(mine.predicted[rows], other.predicted[rows], result.fold[rows]).tolist()
    return counts


def _scores(
    result: StudyResult, specs: Sequence[str], metric: str
) -> tuple[dict[str, tuple[float, float]], dict[str, Any]]:
    """The metric and tail F1 over all rows, and the metric in each fold."""
    rows = result.fold >= 0
    buckets = bucket_or_cold(result.y, result.fold, result.classes["bucket"].to_numpy())
    values, by_fold = {}, {}
    for spec in specs:
        tuned = result[spec].tuned
        assert tuned is not None
        y, predicted = result.y[rows], tuned.predicted[rows]
        scores = class_scores(y, predicted, len(buckets))
        means = {}
        for name in (metric, "tail_f1"):
            there = scores.support > 0
            if name not in ("macro_f1", "accuracy"):
                there &= buckets == name.removesuffix("_f1")
            means[name] = float(scores.f1[there].mean()) if there.any() else math.nan
        if metric == "accuracy":
            means[metric] = float((y == predicted)[y >= 0].mean())
        values[spec] = (means[metric], means["tail_f1"])
        by_fold[spec] = fold_scores(np.asarray(y), np.asarray(predicted), result.fold[rows], buckets, metric)
    return values, by_fold
