"""The sentences of a verdict: every number in them is a field of the verdict."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from evenshelf.plurals import counted, plural
from evenshelf.tasks.search_measures import SEARCHES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evenshelf.study.comparison import Comparison
    from evenshelf.study.guessing import Sight
    from evenshelf.study.verdict import Verdict
    from evenshelf.tasks.measures import Measures
    from evenshelf.tasks.nouns import Nouns

LISTED = 3  # Names in a sentence before "and n more".


def headline(verdict: Verdict) -> str:
    """The verdict in one sentence."""
    title = verdict.title
    if rivals(verdict) < 1:
        return "No remedy was compared with doing nothing, so none can be recommended."
    if not verdict.informative:
        return f"No remedy can be shown to help here: nothing beats {verdict.measures.guess}."
    if verdict.recommended is None:
        if any(refusable(c) for c in verdict.comparisons):
            return "No remedy beats doing nothing here without losing too much of the head."
        if any(unguarded(c) for c in verdict.comparisons):
            return "No remedy can be recommended here: what it takes from the head could not be evaluated."
        return "No remedy beats doing nothing here."
    won, base = verdict[verdict.recommended], verdict[verdict.baseline]
    return f"Use {won.spec}: it raises {title} from {value(base[verdict.metric])} to {value(won[verdict.metric])}."


def refusable(c: Comparison) -> bool:
    """Whether it is better, and for nothing but the head not recommended."""
    return c.significant and not c.slight and not c.guardrail_ok and math.isfinite(c.head_loss)


def unguarded(c: Comparison) -> bool:
    """Whether it is better, and nothing is known of what the head loses."""
    return c.significant and not c.slight and not math.isfinite(c.head_loss)


def reasons(verdict: Verdict, nouns: Nouns) -> tuple[str, ...]:
    """A few sentences, the weightiest first.

    Parameters
    ----------
    verdict
        With all its numbers.
    nouns
        What the task calls its examples.
    """
    if rivals(verdict) < 1:
        found = ["No remedy besides doing nothing was asked for, or applicable here."]
        found += [_tuning(verdict)] if verdict.informative else _guessing(verdict, nouns)
        found.append(_scope(verdict, nouns))
    elif not verdict.informative:
        found = [*_guessing(verdict, nouns), _closest(verdict), _spread(verdict, nouns), _scope(verdict, nouns)]
    elif verdict.recommended is None:
        found = [
            _ahead(verdict, nouns),
            _closest(verdict),
            _unguarded(verdict, nouns),
            _refused(verdict),
            _yardstick(verdict, nouns),
            _tuning(verdict),
            _scope(verdict, nouns),
        ]
    else:
        found = [
            _ahead(verdict, nouns),
            _gain(verdict),
            _buckets(verdict, nouns),
            _yardstick(verdict, nouns),
            _naive(verdict),
            _ties(verdict),
            _refused(verdict),
        ]
    return tuple(sentence for sentence in found if sentence)


def several_labels(each: float, nouns: Nouns) -> str:
    """How texts with several labels, `each` of them on average, were asked for them."""
    return (
        f"{_capital(nouns.texts)} have {each:.3g} {nouns.labels} on average, those of equal {nouns.texts} together, "
        f"and each is asked for as many as it has: this compares how {nouns.labels} are ranked, not how many of them "
        "to show."
    )


def read_off(tags: list[str], nouns: Nouns) -> str:
    """That some tags of users are not foretold."""
    return (
        f"{listed(tags)} {plural(len(tags), 'comes', 'come')} from rules over events that the {nouns.texts} are made "
        "of as well, so partly read off and not foretold; rules with a shorter `within` look at later events only."
    )


def _guessing(verdict: Verdict, nouns: Nouns) -> list[str]:
    """How little is known where nothing beats guessing, and what to do about it."""
    of_metric: dict[str, list[Sight]] = {}
    for sight in verdict.guessing:  # the baseline comes first, the best model after it
        of_metric.setdefault(sight.metric, []).append(sight)
    parts = []
    for metric, seen in of_metric.items():
        first, last = seen[0], seen[-1]
        best = f", the best of all models {value(last.value)} ({last.spec})" if last is not first else ""
        parts.append(
            f"{verdict.measures.title(metric)} of {value(first.guessed)}, {first.spec} {value(first.value)}{best} "
            f"({signed(last.diff)}, {signed(last.low)} to {signed(last.high)})"
        )
    answers = " and ".join(dict.fromkeys(seen[0].answer for seen in of_metric.values()))
    held = (
        f"The {nouns.texts}{', as these vectors hold them,' if nouns.parts else ''} are not shown to tell anything of "
        f"the {nouns.label}, so there is nothing that a remedy could bring out"
        f"{f': {nouns.parts} that are mere codes look like this' if nouns.parts else ''}."
    )
    if verdict.measures == SEARCHES:
        held = "No ranking is shown to be better than guessing, so there is nothing that a remedy could bring out."
    told = f"{_capital(answers)}: {'; '.join(parts)}."
    return [held, told, f"{nouns.advice}, or {nouns.elsewhere}, before any remedy."]


def _spread(verdict: Verdict, nouns: Nouns) -> str:
    """Why a remedy that is better than nothing is still not recommended, where nothing beats guessing."""
    found = [c.spec for c in verdict.comparisons if c.significant]
    if not found:
        return ""
    more = f"{listed(found)} {plural(len(found), 'scores', 'score')} more than {verdict.baseline}"
    if verdict.measures == SEARCHES:
        return f"{more} without being shown to score more than guessing does: nothing is recommended."
    return (
        f"{more} by spreading the answers over more {nouns.labels}, as drawing them would: that is no knowledge, and "
        "nothing is recommended."
    )


def rivals(verdict: Verdict) -> int:
    """How many remedies were compared with the baseline."""
    return sum(not c.reference for c in verdict.comparisons) - 1


def _ahead(verdict: Verdict, nouns: Nouns) -> str:
    """Where a baseline is shown to be better than what is recommended, or than doing nothing."""
    if not verdict.ahead:
        return ""
    first, held = verdict.ahead[0], verdict[verdict.recommended or verdict.baseline]
    yardsticks = sum(c.reference for c in verdict.comparisons)
    holm = f" after Holm's correction for {yardsticks} baselines" if yardsticks > 1 else ""
    others = [tie.spec for tie in verdict.ahead[1:]]
    more = f"; so {plural(len(others), 'is', 'are')} {listed(others)}" if others else ""
    return (
        f"A baseline is better: {verdict[first.spec].title} reaches "
        f"{value(verdict[first.spec][verdict.metric])} ({first.spec}), more than {held.spec} by "
        f"{signed(first.diff)} (95 % interval {signed(first.low)} to {signed(first.high)}; "
        f"{probability(first.p_holm)}{holm}){more}. Use it, or {nouns.elsewhere} before you rely on these."
    )


def _yardstick(verdict: Verdict, nouns: Nouns) -> str:
    """Where a baseline stands higher than what is recommended, or than doing nothing, and is not shown to be better."""
    held = verdict[verdict.recommended or verdict.baseline]
    better = [c for c in verdict.comparisons if c.reference and c[verdict.metric] > held[verdict.metric]]
    if not better or verdict.ahead:
        return ""
    return (
        f"{better[0].title} reaches {value(better[0][verdict.metric])} ({better[0].spec}), which "
        f"{held.spec} is not shown to beat: {nouns.elsewhere} before you rely on these."
    )


def signed(value: float) -> str:
    """Three decimals with a sign: ``+.012``, ``-.003``; a zero carries none."""
    if not math.isfinite(value):
        return "n/a"
    text = f"{abs(value):.3f}".removeprefix("0")
    if text == ".000":
        return text
    return f"{'+' if value > 0 else '−'}{text}"


def probability(p: float) -> str:
    """A p-value for a sentence: ``p = .012`` or ``p < .001``."""
    return "p < .001" if p < 0.001 else f"p = {value(p)}"


def percent(share: float) -> str:
    """A share in per cent with one decimal below ten."""
    if not math.isfinite(share):
        return "n/a"
    return f"{100 * share:.1f} %" if abs(share) < 0.0995 else f"{100 * share:.0f} %"


def value(number: float) -> str:
    """Three decimals without the zero before the point: ``.912``."""
    return f"{number:.3f}".removeprefix("0") if math.isfinite(number) else "n/a"


def exact(number: float) -> str:
    """A bound that was set, with all its decimals: ``.005``, ``.0005``."""
    return f"{number:.15f}".rstrip("0").removesuffix(".").removeprefix("0") or "0"


def _gain(verdict: Verdict) -> str:
    won, compared = verdict[verdict.recommended or ""], rivals(verdict)
    holm = f" after Holm's correction for {compared} remedies" if compared > 1 else ""
    return (
        f"{_capital(verdict.title)} changes by {signed(won.diff)} "
        f"(95 % interval {signed(won.low)} to {signed(won.high)}; {probability(won.p_holm)}{holm})."
    )


def _buckets(verdict: Verdict, nouns: Nouns) -> str:
    won, base, measures = verdict[verdict.recommended or ""], verdict[verdict.baseline], verdict.measures
    tail = ""
    if math.isfinite(won.tail_diff):
        tail = (
            f"{measures.title(measures.tail)} goes from {value(base[measures.tail])} to {value(won[measures.tail])} "
            f"({signed(won.tail_diff)}, "
            f"{signed(won.tail_low)} to {signed(won.tail_high)}); "
        )
    if not math.isfinite(won.head_loss):
        return _capital(f"{tail}no {nouns.label} of the head could be evaluated.")
    beyond = ", and the interval does not rule out a greater one" if won.head_loss_high > verdict.guardrail else ""
    return _capital(f"{tail}{_head(won, measures)}; the guardrail is a loss of {percent(verdict.guardrail)}{beyond}.")


def _head(c: Comparison, measures: Measures) -> str:
    """How the metric of the head changes, in per cent of what it is for the baseline."""
    moved, low, high = (change(-loss) for loss in (c.head_loss, c.head_loss_high, c.head_loss_low))
    return f"{measures.title(measures.head)} changes by {moved} (95 % interval {low} to {high})"


def change(share: float) -> str:
    """A change in per cent, with its sign."""
    return f"{'+' if share > 0 else '−'}{percent(abs(share))}" if abs(share) >= 0.0005 else percent(0.0)


def _naive(verdict: Verdict) -> str:
    won = verdict[verdict.recommended or ""]
    if not math.isfinite(won.naive_gain):
        return ""
    if won.naive_gain <= 0:
        return f"At the usual defaults no gain would have been seen ({signed(won.naive_gain)})."
    start = f"At the usual defaults the gain would have looked like {signed(won.naive_gain)}"
    if math.isfinite(won.vanished) and won.vanished >= 1:
        return f"{start}; all of it is mere {_tuned(verdict)}, which tuning gives to the plain model as well."
    if math.isfinite(won.vanished) and won.vanished > 0.05:
        return (
            f"{start}; {percent(won.vanished)} of that is mere {_tuned(verdict)}, which tuning gives to the plain "
            "model as well."
        )
    return f"{start}; here tuning does not shrink it."


def _tuned(verdict: Verdict) -> str:
    """What a remedy at the usual defaults gets credit for."""
    return "regularisation" if verdict.measures.likelihood else "a better setting of the learner"


def _ties(verdict: Verdict) -> str:
    if not verdict.ties:
        return ""
    n = len(verdict.ties)
    start = (
        f"{n} other {plural(n, 'remedy', 'remedies')} cannot be told apart from it "
        f"({listed([t.spec for t in verdict.ties])})"
    )
    if verdict.simplest == verdict.recommended or verdict.simplest is None:
        return f"{start}; {plural(n, 'it is not', 'none of them is')} simpler."
    simple, won = verdict[verdict.simplest], verdict[verdict.recommended or ""]
    kind = "simpler" if simple.parts < won.parts else "cheaper"
    return f"{start}; {simple.spec} is {kind} ({seconds(simple.seconds)} against {seconds(won.seconds)} of CPU time)."


def _refused(verdict: Verdict) -> str:
    bound = verdict[verdict.recommended].diff if verdict.recommended else 0.0
    refused = [c for c in verdict.comparisons if refusable(c)]
    found = [c for c in refused if c.diff > bound]
    if not found:
        return ""
    first = found[0]
    more = f", and so {'does' if len(found) == 2 else 'do'} {len(found) - 1} more" if len(found) > 1 else ""
    unsure = first.head_loss_low <= verdict.guardrail
    return (
        f"{first.spec} gains {'more ' if verdict.recommended else ''}on the whole ({signed(first.diff)}) but "
        f"{_head(first, verdict.measures)}, beyond the guardrail of {percent(verdict.guardrail)}{more}: refused"
        f"{'; the interval is too wide to be sure of that loss, so more data may decide otherwise' if unsure else ''}."
    )


def _unguarded(verdict: Verdict, nouns: Nouns) -> str:
    """Where a remedy is better and the guardrail cannot be looked at."""
    found = [c.spec for c in verdict.comparisons if unguarded(c)]
    if not found:
        return ""
    return (
        f"{listed(found)} {plural(len(found), 'gains', 'gain')} on the whole, but no {nouns.label} of the head could "
        "be evaluated, so what the head loses is not known, and nothing is recommended."
    )


def _closest(verdict: Verdict) -> str:
    compared, best = rivals(verdict), verdict[verdict.best or verdict.baseline]
    who = f"The best of {compared} tuned remedies" if compared > 1 else "The only remedy compared"
    holm = " after Holm's correction" if compared > 1 else ""
    # A gain that is significant and still not recommended is explained by the next sentence.
    return (
        f"{who}, {best.spec}, changes {verdict.title} by {signed(best.diff)} (95 % interval "
        f"{signed(best.low)} to {signed(best.high)}; {probability(best.p_holm)}{holm})."
    )


def _tuning(verdict: Verdict) -> str:
    base = verdict[verdict.baseline]
    if not math.isfinite(base.untuned):
        return ""
    tuned = base[verdict.metric]
    return (
        f"Tuning the plain model moves {verdict.title} from {value(base.untuned)} to {value(tuned)} "
        f"({signed(tuned - base.untuned)}) by itself."
    )


def _scope(verdict: Verdict, nouns: Nouns) -> str:
    of = f" of {verdict.classes:,} {nouns.labels} in {verdict.groups:,} {nouns.groups}"
    if verdict.measures == SEARCHES:
        of = f" {counted(verdict.classes, nouns.label, nouns.labels)} in {verdict.groups:,} {nouns.groups}"
    elif not verdict.measures.likelihood:
        of = f" ({verdict.classes:,} different ones) of {verdict.groups:,} {nouns.groups}"
    rests = f"This rests on {verdict.rows:,} {nouns.examples}{of}"
    return f"{rests}; a gain smaller than the intervals are wide would go unseen."


def only_trained_on(examples: int, nouns: Nouns, *, several: bool = False) -> str:
    """Why examples of evaluated classes were not tested; `several` for things that have several labels each."""
    start = f"{counted(examples, 'example', 'examples')} of evaluated {nouns.labels} took part in training alone"
    if several:
        return f"{start}, since the same {nouns.unit} has a {nouns.label} that no other {nouns.unit} has"
    whose = f"{plural(examples, 'its', 'their')} {nouns.unit}"
    other = f"a {nouns.label} with no other {nouns.unit}"
    return f"{start}, since {whose} is also that of {other}: look for wrong labels there"


def seconds(value: float) -> str:
    """CPU time for a sentence: ``12 s``, ``3.4 min``."""
    if value < 10:
        return f"{value:.1f} s"
    return f"{value:.0f} s" if value < 120 else f"{value / 60:.1f} min"


def listed(names: Sequence[str], most: int = LISTED) -> str:
    """Names for a sentence, the first few of many."""
    shown = names[:most]
    rest = len(names) - len(shown)
    if rest:
        return f"{', '.join(shown)} and {rest} more"
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"


def lowered(sentence: str) -> str:
    """A sentence as the rest of another: without its capital, unless that begins a name such as NDCG."""
    return sentence if sentence[1:2].isupper() else sentence[:1].lower() + sentence[1:]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def comparison_note(c: Comparison, guardrail: float, *, informative: bool = True) -> str:
    """Why a remedy is or is not recommended, in a few words; `informative` as in the verdict."""
    if c.recommended:
        return "recommended"
    if not math.isfinite(c.diff):
        return "baseline"
    if c.reference:
        return "yardstick, not a remedy"
    if not math.isfinite(c.head_loss):
        return "nothing of the head could be evaluated"
    if c.slight and c.significant:
        return "better than nothing, but too little to matter"
    if not c.guardrail_ok:
        return f"loses {percent(c.head_loss)} of the head (limit {percent(guardrail)})"
    if c.significant:
        return "better than nothing" if informative else "another way of guessing"
    if c.equivalent:
        return "practically the same as nothing"
    if c.worse:
        return "worse than nothing"
    return "not distinguishable from nothing"
