"""Which examples to collect: the classes that lack them most, and how F1 goes with the size of a class."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evenshelf.plurals import counted, plural
from evenshelf.shop.profiling.imbalance import FEW_SHOT
from evenshelf.study.advising.facts import FEWEST
from evenshelf.study.advising.rules import CONFLICTING, NOISY
from evenshelf.study.wording import percent, signed, value
from evenshelf.tasks.label_metrics import class_scores

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evenshelf.study.advising.facts import Facts
    from evenshelf.study.results import StudyResult
    from evenshelf.study.verdict import Verdict
    from evenshelf.tasks.nouns import Nouns

NAMED = 5
"""Classes that a sentence names."""
EDGES = (FEWEST, FEW_SHOT, 100)
"""Sizes of a class that part rare from frequent ones."""
DRAWS = 1000


@dataclass(frozen=True)
class Size:
    """Classes of about one size.

    Attributes
    ----------
    fewest, most
        Examples; `most` is ``None`` for no limit.
    classes
        How many of them were evaluated.
    f1
        Their mean F1, or what else each is measured by.
    """

    fewest: int
    most: int | None
    classes: int
    f1: float

    @property
    def span(self) -> str:
        """The sizes in words."""
        if self.most is None:
            return f"{self.fewest} or more"
        return f"fewer than {self.most + 1}" if self.fewest <= 1 else f"{self.fewest} to {self.most}"

    def said(self, nouns: Nouns) -> str:
        """The group of classes in words."""
        return f"{value(self.f1)} for {counted(self.classes, nouns.label, nouns.labels)} with {self.span}"


def what_to_collect(result: StudyResult, verdict: Verdict, facts: Facts, nouns: Nouns) -> tuple[str, ...]:
    """Sentences, the weightiest first."""
    found = [_lacking(result, facts, nouns), _untested(result, nouns)]
    if verdict.informative:
        found.append(by_size(result, verdict, nouns))
    found.append(_wrong_labels(facts, nouns))
    return tuple(sentence for sentence in found if sentence)


def _lacking(result: StudyResult, facts: Facts, nouns: Nouns) -> str:
    """Classes with few examples, and how many more it would take."""
    counts = result.classes["count"].to_numpy()
    names = result.classes["class"].to_list()
    few = [c for c in np.argsort(counts, kind="stable").tolist() if 0 < counts[c] < FEW_SHOT]
    if not few:
        least = int(counts[counts > 0].min())
        return f"No {nouns.label} has fewer than {FEW_SHOT} {nouns.examples}: the smallest has {least:,}."
    missing = int((FEW_SHOT - counts[few]).sum())
    shown = ", ".join(f"{names[c]} ({counts[c]})" for c in few[:NAMED])
    more = f" and {len(few) - NAMED:,} more" if len(few) > NAMED else ""
    return (
        f"{len(few):,} of {facts.classes:,} {nouns.labels} {plural(len(few), 'has', 'have')} fewer than {FEW_SHOT} "
        f"{nouns.examples}; {missing:,} more would bring {plural(len(few), 'it', 'each')} to {FEW_SHOT}. "
        f"Fewest: {shown}{more}."
    )


def _untested(result: StudyResult, nouns: Nouns) -> str:
    """Classes that could not even be tested."""
    missing = len(result.meta.get("not_evaluated") or {})
    if not missing:
        return ""
    return (
        f"{counted(missing, nouns.label, nouns.labels)} could not be evaluated at all: for "
        f"{plural(missing, 'it', 'each')} it takes one more example with another {nouns.unit}."
    )


def sizes(count: NDArray[np.int64], f1: NDArray[np.float64]) -> tuple[Size, ...]:
    """Mean F1 of classes by their size, smallest first; sizes that no class has are left out."""
    group = np.digitize(count, EDGES)
    lows, highs = (1, *EDGES), (*(edge - 1 for edge in EDGES), None)
    return tuple(
        Size(lows[g], highs[g], int((group == g).sum()), float(f1[group == g].mean())) for g in np.unique(group)
    )


def by_size(result: StudyResult, verdict: Verdict, nouns: Nouns) -> str:
    """How F1 rises with the number of examples, with an interval over classes; "" where there is nothing to compare."""
    spec = verdict.recommended or verdict.baseline
    outcome = result[spec].tuned
    if outcome is None:
        return ""
    rows = result.fold >= 0
    scores = class_scores(result.y[rows], outcome.predicted[rows], len(result.classes))
    tested = scores.support > 0
    count, f1 = result.classes["count"].to_numpy()[tested], np.asarray(scores.f1, np.float64)[tested]
    found = sizes(count, f1)
    few = count < FEW_SHOT
    if len(found) < 2 or few.sum() < 2 or (~few).sum() < 2:
        return ""
    more, low, high = gap(f1[~few], f1[few], verdict.seed)
    start = f"With {spec}, F1 is {', '.join(size.said(nouns) for size in found)} {nouns.examples}"
    between = (
        f"from fewer than {FEW_SHOT} to more it changes by {signed(more)} (95 % interval {signed(low)} to "
        f"{signed(high)}, over {nouns.labels})"
    )
    if low > 0:
        return (
            f"{start}; {between}. {nouns.labels[0].upper()}{nouns.labels[1:]} differ in more than size, so this is a "
            "hint that more examples would help, not a promise."
        )
    return f"{start}; {between}: that more {nouns.examples} of small {nouns.labels} help is not shown here."


def gap(large: NDArray[np.float64], small: NDArray[np.float64], seed: int) -> tuple[float, float, float]:
    """Difference of two means with its percentile interval over classes drawn with replacement."""
    rng = np.random.default_rng([seed, 0x73697A65])
    drawn = [values[rng.integers(len(values), size=(DRAWS, len(values)))].mean(axis=1) for values in (large, small)]
    low, high = np.quantile(drawn[0] - drawn[1], [0.025, 0.975])
    return float(large.mean() - small.mean()), float(low), float(high)


def _wrong_labels(facts: Facts, nouns: Nouns) -> str:
    """Labels to look at before any are added."""
    if facts.conflicting >= CONFLICTING:
        return (
            f"{percent(facts.conflicting)} of the {nouns.examples} have a {nouns.text} that has another {nouns.label} "
            f"too: settle these first (evenshelf annotate suspects)."
        )
    if facts.contradicted >= NOISY:
        return (
            f"{percent(facts.contradicted)} of the labels are contradicted by confident predictions: before more are "
            "collected, look at these (evenshelf annotate suspects)."
        )
    return ""
