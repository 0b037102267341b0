"""What to try and what to collect after a study of lists, for users or for queries.

Rules of thumb on families of remedies are not held against such a study: those of the field speak of classes with
examples, and what is known of lists is of learners and not of data.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from evenshelf.errors import EvenshelfError
from evenshelf.learners.ranking.registry import ranking_learner
from evenshelf.learners.search.registry import search_learner
from evenshelf.plurals import counted, plural
from evenshelf.remedies import Family, Stage, remedy_set
from evenshelf.shop.profiling.imbalance import FEW_SHOT
from evenshelf.study.advising.collecting import Size, gap, sizes
from evenshelf.study.advising.evidence import families_of
from evenshelf.study.advising.following import guessed, not_compared, together
from evenshelf.study.rank_judge import POPULAR
from evenshelf.study.search_wording import tested_by
from evenshelf.study.wording import percent, signed, value
from evenshelf.tasks.list_measures import LISTS, gain
from evenshelf.tasks.search import CLICKS

_JUDGED = 0.9
"""If less of the first ten was judged, more judgements are what to collect."""

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evenshelf.study.advising.evidence import FamilyEvidence
    from evenshelf.study.results import Outcome, StudyResult
    from evenshelf.study.verdict import Verdict
    from evenshelf.tasks.nouns import Nouns


def lists_to_try(
    result: StudyResult, verdict: Verdict, families: Sequence[FamilyEvidence], nouns: Nouns
) -> tuple[str, ...]:
    """Sentences, the weightiest first."""
    found = (
        _other_learner(result, verdict, nouns),
        together(families),
        not_compared(families, _offered(result)),
    )
    return tuple(sentence for sentence in found if sentence)


def _other_learner(result: StudyResult, verdict: Verdict, nouns: Nouns) -> str:
    """Where another learner by itself is better, by more than does not matter, than what was made of this one."""
    if not verdict.informative:
        return f"{nouns.advice}, or {nouns.elsewhere}, before any remedy{guessed(verdict)}."
    held = verdict[verdict.recommended or verdict.baseline]
    enough = held[verdict.metric] + verdict.zone
    better = [c for c in verdict.comparisons if c.reference and c.spec != POPULAR and c[verdict.metric] > enough]
    if not better:
        return ""
    first = better[0]
    shown = "" if first.spec in {tie.spec for tie in verdict.ahead} else ", which may be chance"
    return (
        f"Study another learner: {first.spec} has {verdict.title} {value(first[verdict.metric])} without any remedy, "
        f"{result.meta['learner']} with {held.spec} {value(held[verdict.metric])}{shown}: --learner {first.spec}."
    )


def _offered(result: StudyResult) -> set[Family]:
    """Families of the set for such studies that the learner honours, without those that could not be used here."""
    of_users = result.meta["measures"] == LISTS.name
    clicks = result.meta.get("target") == CLICKS
    name, find = ("lists", ranking_learner) if of_users else ("search", search_learner)
    try:
        learner = find(result.meta["learner"])
    except EvenshelfError:  # of a package that is missing
        return set()
    refused = {f for r in result.remedies if r.not_applicable is not None for f in families_of(r.spec)}
    own = [r for r in remedy_set(name) if of_users or clicks or Stage.EVIDENCE not in r.stages]
    fits = {f for remedy in own if learner.unsupported(remedy) is None for f in remedy.families}
    return fits - refused - {Family.BASELINE}


def judgements_to_collect(result: StudyResult, verdict: Verdict) -> tuple[str, ...]:
    """Sentences on what was ranked first and nobody judged."""
    spec = verdict.recommended or verdict.baseline
    outcome = result[spec].tuned
    share = float("nan") if outcome is None else outcome.sets.get("judged_at_10", float("nan"))
    if not share < _JUDGED:
        return ()
    who = "doing nothing" if spec == verdict.baseline else spec
    told = f"Under {who}, somebody judged {percent(share)} of the first ten; what nobody judged counts as irrelevant. "
    do = "Judge what is shown first and was not judged"
    if tested_by(result.meta) == CLICKS:
        told = (
            f"Under {who}, clicks tell of {percent(share)} of the first ten: the others were not shown for these "
            "queries, and count as irrelevant. "
        )
        do = "Have some of it judged, or show such items now and then"
    return (f"{told}{do}: the fewer gaps, the smaller the differences that show.",)


def steps_to_collect(result: StudyResult, verdict: Verdict) -> tuple[str, ...]:
    """Sentences on items that were taken too seldom to be learned, or never."""
    found = (_by_steps(result, verdict) if verdict.informative else "", _cold(result))
    return tuple(sentence for sentence in found if sentence)


def _by_steps(result: StudyResult, verdict: Verdict) -> str:
    """How NDCG of an item rises with how often it was taken; "" where there is nothing to compare."""
    spec = verdict.recommended or verdict.baseline
    outcome = result[spec].tuned
    if outcome is None:
        return ""
    taken, each = by_item(result, outcome)
    found, few = sizes(taken, each), taken < FEW_SHOT
    if len(found) < 2 or few.sum() < 2 or (~few).sum() < 2:
        return ""
    more, low, high = gap(each[~few], each[few], verdict.seed)
    start = (
        f"With {spec}, {verdict.measures.each} is {', '.join(map(_said, found))}; from fewer than {FEW_SHOT} to more "
        f"it changes by {signed(more)} (95 % interval {signed(low)} to {signed(high)}, over items)"
    )
    if low > 0:
        return (
            f"{start}. Items that are taken often are liked by many as well, so a longer log may help less than this, "
            "and what an item is can tell what steps do not: titles, categories, brands."
        )
    return f"{start}: that more steps of rare items help is not shown here."


def by_item(result: StudyResult, outcome: Outcome) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """``[m]`` how often each wanted item was taken, and its NDCG; without those that nobody took."""
    rows = result.fold >= 0
    wanted = np.bincount(result.y[rows], minlength=len(result.classes))
    worth = np.bincount(result.y[rows], gain(outcome.ranks[rows]), len(result.classes))
    count = result.classes["count"].to_numpy()
    asked = (wanted > 0) & (count > 0)
    return count[asked], worth[asked] / wanted[asked]


def _said(size: Size) -> str:
    """Items of about one size in words."""
    return f"{value(size.f1)} for {counted(size.classes, 'item', 'items')} taken {size.span} times"


def _cold(result: StudyResult) -> str:
    """Items that were wanted and that nobody had taken."""
    rows = result.fold >= 0
    cold = (result.classes["bucket"].to_numpy() == "cold")[result.y[rows]]
    if not cold.any():
        return ""
    items = len(np.unique(result.y[rows][cold]))
    return (
        f"{percent(float(cold.mean()))} of what was wanted {plural(items, 'is', 'are')} "
        f"{counted(items, 'item', 'items')} that nobody took before the test. What counts steps cannot show "
        f"{plural(items, 'it', 'them')}; what reads titles, categories and brands can (--learner text), so see that "
        "new items have these."
    )
