"""Who gains and who loses under the remedy of a verdict: classes, brands, sellers, price bands, the worst off."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

from evenshelf.study.class_fairness import Exposure, SizePart, WorstOff, class_fairness
from evenshelf.study.comparison import jsonable
from evenshelf.study.exposure import ListFairness, list_fairness
from evenshelf.study.trait_fairness import ENOUGH, TraitGap, TraitValue, trait_fairness
from evenshelf.tasks.list_measures import LISTS
from evenshelf.tasks.search_measures import SEARCHES

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from evenshelf.study.results import StudyResult
    from evenshelf.study.verdict import Verdict

FILE = "fairness.json"


@dataclass(frozen=True)
class Fairness:
    """What a remedy does to whom, against doing nothing.

    Attributes
    ----------
    base, spec
        Doing nothing, and the recommended remedy or else the best try.
    parts
        Classes by size, the smallest first.
    worst
        The worst tenth of the classes under every tuned remedy, in the order of the verdict.
    exposure
        How often classes are answered.
    values, gaps
        Values of traits, and how far they lie apart; empty where no trait is known.
    skipped
        Traits that tell nothing, with the reason.
    rest
        By trait, evaluated examples in no value: those unknown or of small values, where all these are too few.
    enough
        Evaluated examples from which on a value is told of by itself.
    alpha, replicates, seed
        Of the tests; for values of traits there may be more draws.
    """

    base: str
    spec: str
    parts: tuple[SizePart, ...]
    worst: tuple[WorstOff, ...]
    exposure: Exposure
    values: tuple[TraitValue, ...] = ()
    gaps: tuple[TraitGap, ...] = ()
    skipped: Mapping[str, str] = field(default_factory=dict)
    rest: Mapping[str, int] = field(default_factory=dict)
    enough: int = ENOUGH
    alpha: float = 0.05
    replicates: int = 1000
    seed: int = 0

    measured = "accuracy"
    """What is compared by traits."""

    def of(self, spec: str) -> WorstOff:
        """The worst off under a remedy."""
        return next(w for w in self.worst if w.spec == spec)

    def shown(self, value: TraitValue) -> bool:
        """Whether a value is shown to gain or lose."""
        return bool(value.p_holm < self.alpha)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able; NaN becomes ``None``."""
        return jsonable(asdict(self))


def fairness(result: StudyResult, verdict: Verdict) -> Fairness | ListFairness | None:
    """Compare the best remedy with doing nothing, class by class and trait by trait; ``None`` without a remedy.

    Of lists, what :func:`evenshelf.study.exposure.list_fairness` finds.

    Parameters
    ----------
    result
        Of a study.
    verdict
        What :func:`evenshelf.study.verdict.decide` said of it; its draws and level are used here too.
    """
    if verdict.measures == LISTS:
        return list_fairness(result, verdict)
    if verdict.measures == SEARCHES:
        return None
    return class_by_class(result, verdict)


def class_by_class(result: StudyResult, verdict: Verdict) -> Fairness | None:
    """Compare the best remedy with doing nothing where answers are classes; ``None`` without a remedy."""
    if verdict.best is None:
        return None
    rows = result.fold >= 0
    asked = rows & (result.y >= 0)  # where nothing is true, an example has no label that could be found
    outcomes = {c.spec: result[c.spec].tuned for c in verdict.comparisons}
    tuned = {spec: outcome.predicted for spec, outcome in outcomes.items() if outcome is not None}
    settings = {"replicates": verdict.replicates, "seed": verdict.seed}
    parts, worst, exposure = class_fairness(
        result.y[rows],
        result.group[rows],
        {spec: predicted[rows] for spec, predicted in tuned.items()},
        result.classes["count"].to_numpy(),
        base=verdict.baseline,
        best=verdict.best,
        **settings,
    )
    values: list[TraitValue] = []
    gaps: list[TraitGap] = []
    skipped: dict[str, str] = {}
    if result.traits is not None:
        right = (tuned[verdict.baseline] == result.y, tuned[verdict.best] == result.y)
        values, gaps, skipped = trait_fairness(
            result.traits, asked, result.group, right, alpha=verdict.alpha, **settings
        )
    told = dict.fromkeys((v.trait for v in values), 0)
    for v in values:
        told[v.trait] += v.examples
    evaluated = int(asked.sum())
    return Fairness(
        base=verdict.baseline,
        spec=verdict.best,
        parts=tuple(parts),
        worst=tuple(worst),
        exposure=exposure,
        values=tuple(values),
        gaps=tuple(gaps),
        skipped=skipped,
        rest={trait: evaluated - n for trait, n in told.items() if n < evaluated},
        alpha=verdict.alpha,
        **settings,
    )


def save_fairness(found: Fairness | ListFairness | None, folder: Path) -> None:
    """Write ``fairness.json`` into a study's folder, whole or not at all; without a remedy one of before goes."""
    if found is None:
        (folder / FILE).unlink(missing_ok=True)
        return
    partial = folder / f"{FILE}.partial"
    text = json.dumps(found.to_dict(), ensure_ascii=False, indent=1, allow_nan=False)
    partial.write_text(text + "\n", encoding="utf-8")
    partial.replace(folder / FILE)
