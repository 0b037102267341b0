"""Whether a verdict hangs on the seed: the finalists of a study again, with other folds and other draws.

A study of lists with one test, of the last baskets or of all after a moment, has the same test under every seed. Then
nothing is tested: what its seeds show is how far gains move by what is drawn, with no word on other users.

The seed of the study chose the finalists, so its gains flatter them (Cawley & Talbot, JMLR 11, 2010).
It is told apart, and what is tested and counted are the folds of the fresh seeds alone. They hold the same products:
what makes a remedy look good among these is in every seed, and only the bootstrap of the verdict speaks of others.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from evenshelf.errors import InputError, SettingError
from evenshelf.study.comparison import jsonable, revived
from evenshelf.study.judges import judge_of
from evenshelf.study.resampled import ResampledTest, resampled_test
from evenshelf.study.statistics import holm

if TYPE_CHECKING:
    from pathlib import Path

    from evenshelf.study.results import Outcome, StudyResult
    from evenshelf.study.verdict import Verdict

FINALISTS = 3
"""Remedies that are run again, besides doing nothing."""


class Repeatable(Protocol):
    """A study that can be run again under another seed."""

    folder: Path
    folds: int
    seed: int

    @property
    def tests_anew(self) -> bool:
        """Whether another seed tests by other folds, and not by the same test."""

    def again(self, seed: int, specs: Sequence[str], folder: Path) -> Repeatable:
        """Doing nothing and some of the remedies under another seed, without other models."""

    def run(self, progress: Callable[[float, float, str], None] | None = None) -> StudyResult:
        """Do what is not done yet and gather the result."""


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
        The corrected resampled t-test of each finalist over the folds of the fresh seeds, without that of the study;
        none where every seed has the same test.
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
    study: Repeatable,
    result: StudyResult,
    verdict: Verdict,
    seeds: int,
    progress: Callable[[float, float, str], None] | None = None,
) -> SeedSensitivity:
    """Run the finalists again with as many more seeds as are missing to `seeds`.

    Each seed draws other folds, other synthetic rows, other halves; of lists see
    :meth:`evenshelf.study.ranking.study.RankingStudy.again`. They are studies of their own, in the folder
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
    results = {study.seed: result}
    for number in range(1, seeds):
        seed = study.seed + number
        again = study.again(seed, chosen, study.folder / "seeds" / str(seed))

        def tell(done: float, total: float, words: str, seed: int = seed) -> None:
            if progress:
                progress(done, total, f"seed {seed}: {words}")

        results[seed] = again.run(tell)
    gains: list[SeedGain] = []
    differences: dict[str, list[float]] = {spec: [] for spec in chosen}
    answers: dict[str, list[int]] = {spec: [] for spec in chosen}
    for seed, found in results.items():
        judge, rows = judge_of(found), found.fold >= 0
        tail = judge.measures.tail
        tuned = {spec: _tuned(found, spec, seed) for spec in (base, *chosen)}
        mine = {spec: judge.values(outcome, rows) for spec, outcome in tuned.items()}
        for spec in chosen:
            value = mine[spec][verdict.metric]
            diff, tail_diff = (mine[spec][name] - mine[base][name] for name in (verdict.metric, tail))
            gains.append(SeedGain(spec, seed, value, diff, tail_diff))
            if seed != study.seed and study.tests_anew:
                by_fold = (judge.by_fold(tuned[s], verdict.metric) for s in (spec, base))
                differences[spec] += np.subtract(*by_fold).tolist()
                answers[spec] += judge.differing(tuned[spec], tuned[base]).tolist()
    ordered = tuple(sorted(gains, key=lambda g: chosen.index(g.spec)))
    if not study.tests_anew:
        return SeedSensitivity(verdict.metric, ordered, (), verdict.guardrail, verdict.zone)
    ratio = 1.0 / (study.folds - 1)
    bare = [resampled_test(differences[s], ratio, answers=answers[s], spec=s, zone=verdict.zone) for s in chosen]
    known = [n for n, test in enumerate(bare) if math.isfinite(test.p)]
    for n, p in zip(known, holm([bare[n].p for n in known]), strict=True):
        bare[n] = replace(bare[n], p_holm=float(p))
    tests = tuple(bare)
    return SeedSensitivity(verdict.metric, ordered, tests, verdict.guardrail, verdict.zone)


def _tuned(result: StudyResult, spec: str, seed: int) -> Outcome:
    found = result[spec]
    if found.tuned is None:
        raise InputError(
            f"Under seed {seed} {spec} cannot be used: {found.not_applicable}.",
            hint="Leave --seeds away, or that remedy.",
        )
    return found.tuned
