"""Sentences about a verdict's further evidence: folds, calibration, equivalence, trade-offs, seeds, fewer labels."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from evenshelf.plurals import counted, plural
from evenshelf.remedies import Stage
from evenshelf.study.learning_curve import FACTOR
from evenshelf.study.wording import exact, listed, percent, probability, rivals, signed, value
from evenshelf.tasks.label_metrics import CLASSES
from evenshelf.tasks.list_measures import LISTS

if TYPE_CHECKING:
    from evenshelf.study.evidence import Calibration
    from evenshelf.study.learning_curve import Forecast, LearningCurve
    from evenshelf.study.repeats import SeedSensitivity
    from evenshelf.study.resampled import ResampledTest
    from evenshelf.study.verdict import Verdict
    from evenshelf.tasks.measures import Measures
    from evenshelf.tasks.nouns import Nouns

FAR = 100
"""How many times the labels a curve is asked about; beyond that a line through a few shares says nothing."""


def evidence_sentences(verdict: Verdict) -> tuple[str, ...]:
    """What a verdict rests on besides its first reasons; none where nothing was compared or known."""
    if rivals(verdict) < 1 or not verdict.informative:
        return ()
    found = (_by_fold(verdict), _calibration(verdict), _equivalent(verdict), controls_sentence(verdict))
    return tuple(sentence for sentence in found if sentence)


def _by_fold(verdict: Verdict) -> str:
    """Whether the folds by themselves show what the bootstrap shows."""
    test = next((t for t in verdict.resampled if t.spec == verdict.recommended), None)
    if test is None or not math.isfinite(test.p):
        return ""
    start = (
        f"Fold by fold {test.spec} changes {verdict.title} by {signed(test.diff)} "
        f"({signed(test.low)} to {signed(test.high)}; {_tested(test)} by the corrected resampled t-test over "
        f"{test.folds} folds)"
    )
    beyond = f"{percent(test.better)} probable to be more than {exact(verdict.zone)}"
    if rivals(verdict) > 1:
        beyond += f", which does not allow for its being the best of {rivals(verdict)}"
    if (test.p_holm if math.isfinite(test.p_holm) else test.p) < verdict.alpha:
        return f"{start}, and is {beyond}."
    more = "" if verdict.measures == LISTS else " Other seeds draw more folds."
    return f"{start}, which so few folds do not prove by themselves; it is {beyond}.{more}"


def _tested(test: ResampledTest) -> str:
    """The p-value, as corrected for other remedies as it can be."""
    return f"{probability(test.p_holm)} after Holm's correction" if test.p_holm > test.p else probability(test.p)


def _calibration(verdict: Verdict) -> str:
    """Where the recommended remedy's probabilities are shown to be worse than those of doing nothing."""
    found = next((c for c in verdict.calibration if c.spec == verdict.recommended), None)
    if found is None or not found.worse:
        return ""
    calibrated = Stage.CALIBRATE.value in verdict[found.spec].stages
    return (
        f"Its probabilities are worse than those of doing nothing ({_likelihood(found)}): "
        f"{'' if calibrated else 'add temperature, or '}use its labels and not its probabilities."
    )


def _likelihood(c: Calibration) -> str:
    holm = " after Holm's correction" if c.p_holm > c.p else ""
    start = f"negative log-likelihood {value(c.nll)} nats, {signed(c.nll_diff)}, {probability(c.p_holm)}{holm}"
    if not math.isfinite(c.overconfidence):
        return f"{start}; nothing is predicted"
    how = "too sure" if c.overconfidence > 0 else "too unsure"
    return f"{start}; {how} by {percent(abs(c.overconfidence))} on average"


def _equivalent(verdict: Verdict) -> str:
    same = [c.spec for c in verdict.comparisons if c.equivalent and not c.reference]
    if not same:
        return ""
    return (
        f"{listed(same)} {plural(len(same), 'is', 'are')} practically the same as doing nothing: within "
        f"{exact(verdict.zone)} of it, by two one-sided tests{' of each by itself' if len(same) > 1 else ''}."
    )


def controls_sentence(verdict: Verdict) -> str:
    """What texts that were made are worth over as many copies; "" where none were."""
    if not verdict.controls:
        return ""
    better = [c for c in verdict.controls if c.diff > 0 and c.p_holm < verdict.alpha]
    best = (better or verdict.controls)[0]
    span = f"{signed(best.diff)} ({signed(best.low)} to {signed(best.high)})"
    holm = " after Holm's correction" if len(verdict.controls) > 1 else ""
    if better:
        return (
            f"Made texts are worth more than as many copies of the texts that they were made of: {best.spec} by {span} "
            f"in {verdict.title} ({probability(best.p_holm)}{holm})."
        )
    return (
        f"No made texts are shown to be worth more in {verdict.title} than as many copies of the texts that they were "
        f"made of; the best, {best.spec}: {span}."
    )


def front_sentence(verdict: Verdict) -> str:
    """Which remedies are on the Pareto front, and how many are not."""
    front = [t.spec for t in verdict.tradeoffs if not t.dominated_by]
    beaten = len(verdict.tradeoffs) - len(front)
    likely = "likelihood and " if verdict.measures.likelihood else "and "
    criteria = f"tail gain, head loss, {likely}CPU time" if likely != "and " else "tail gain, head loss and CPU time"
    if not beaten:
        return f"No remedy is beaten by another in {criteria} at once."
    rest = plural(len(front), "the other is", f"the other {len(front)} are")
    which = f"{beaten} of {len(verdict.tradeoffs)} {plural(beaten, 'is', 'are')}"
    return f"{which} beaten by another in {criteria} at once; {rest} the choice there is."


def calibration_sentence(verdict: Verdict) -> str:
    """What remedies do to the probabilities of the plain model."""
    base = next((c for c in verdict.calibration if c.spec == verdict.baseline), None)
    others = [c for c in verdict.calibration if math.isfinite(c.nll_diff) and not verdict[c.spec].reference]
    if base is None or not others:
        return ""
    worse = sum(c.worse for c in others)
    whose = f"{worse} of {counted(len(others), 'remedy', 'remedies')} {plural(worse, 'is', 'are')} shown to have"
    holm = "; Holm's correction" if len(others) > 1 else ""
    parts = [f"{whose} a worse likelihood than doing nothing ({value(base.nll)} nats{holm})"]
    answering = [c for c in others if math.isfinite(c.overconfidence)]
    last = max(answering, key=lambda c: (c.overconfidence, c.spec)) if answering else None
    bound = max(base.overconfidence, 0.0) if math.isfinite(base.overconfidence) else 0.0
    if last is not None and last.overconfidence > bound + 0.005:
        plain = f"{percent(base.confidence)} and {percent(base.accuracy)}"
        parts.append(
            f"the surest of itself, {last.spec}, says {percent(last.confidence)} on average and is right in "
            f"{percent(last.accuracy)} (doing nothing: "
            f"{plain if math.isfinite(base.overconfidence) else 'none predicted'})"
        )
    tail = [c for c in others if math.isfinite(c.tail_confidence)]
    if tail:
        gap = max(tail, key=lambda c: (c.tail_confidence - c.tail_precision, c.spec))
        if gap.tail_confidence > gap.tail_precision + 0.02:
            parts.append(
                f"where it answers with a class of the tail, {gap.spec} says {percent(gap.tail_confidence)} and is "
                f"right in {percent(gap.tail_precision)}"
            )
    return "; ".join(parts) + "."


def seed_sentences(found: SeedSensitivity, measures: Measures = CLASSES) -> tuple[str, ...]:
    """Whether the verdict hangs on the seed.

    Parameters
    ----------
    measures
        Those of the verdict.
    """
    tests = {test.spec: test for test in found.tests}
    lines = []
    for spec in found.specs:
        own, *fresh = found.of(spec)
        line = f"{spec}: {signed(own.diff)} in {measures.title(found.metric)} under the seed that chose it"
        low, high = min(g.diff for g in fresh), max(g.diff for g in fresh)
        span = signed(low) if signed(low) == signed(high) else f"{signed(low)} to {signed(high)}"
        line += (
            f", {span} under {counted(len(fresh), 'fresh seed', 'fresh seeds')}, the best of the finalists under "
            f"{found.wins(spec)} of {plural(len(fresh), 'it', 'them')}"
        )
        if spec in tests:
            test = tests[spec]
            line += (
                f"; the {test.folds} fresh folds: {signed(test.diff)} ({signed(test.low)} to {signed(test.high)}; "
                f"{_tested(test)} by the corrected resampled t-test)"
            )
        lines.append(f"{line}.")
    return tuple(lines)


def curve_sentences(found: LearningCurve, nouns: Nouns, measures: Measures = CLASSES) -> tuple[str, ...]:
    """What more labels would bring, how far that can be trusted, and how many labels a remedy is worth.

    Parameters
    ----------
    nouns
        Of the task; of lists it is users of whom there would be more.
    measures
        Those of the verdict.
    """
    lines = [_foretold(f, found, nouns, measures) for f in found.forecasts if math.isfinite(f.value)]
    lines += [_worth(f, nouns, measures) for f in found.forecasts if math.isfinite(f.worth) and f.worth_low > 1]
    return tuple(lines)


def _worth(f: Forecast, nouns: Nouns, measures: Measures) -> str:
    title, more = measures.title(f.metric), nouns.more
    if f.worth > FAR:
        least = "" if f.worth_low > FAR else f", and at least {f.worth_low:.1f} times"
        return (
            f"In {title}, the curve of doing nothing rises too little to get where {f.spec} is: more than {FAR} times "
            f"the {more} would be needed{least} (95 %)."
        )
    times, low, high = (f"over {FAR}" if n > FAR else f"{n:.1f}" for n in (f.worth, f.worth_low, f.worth_high))
    return (
        f"In {title}, {f.spec} is worth {times} times the {more} ({low} to {high}): so many would doing nothing need "
        "to get as far."
    )


def _foretold(f: Forecast, curve: LearningCurve, nouns: Nouns, measures: Measures) -> str:
    title = measures.title(f.metric)
    now = max((p for p in curve.points if (p.spec, p.metric) == (f.spec, f.metric)), key=lambda p: p.share)
    return (
        f"With {FACTOR:g} times the {now.examples:,.0f} {nouns.sources}, {f.spec} would reach {title} "
        f"{value(f.value)} ({value(f.low)} to {value(f.high)}), and has {value(f.seen)} now; from half of them "
        f"{value(f.foretold)} would have been foretold for now."
    )
