"""Plans and readouts in sentences: every number in them is a field of theirs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from evenshelf.experiments.correction import CORRECTIONS
from evenshelf.plurals import counted

if TYPE_CHECKING:
    from evenshelf.experiments.lines import Line
    from evenshelf.experiments.planning import Plan
    from evenshelf.experiments.reading_out import Guardrail, Readout, Remaining

DECISIONS = {
    "ship": "ship it",
    "stop": "stop it",
    "wait": "wait",
    "no difference": "no difference worth finding",
    "distrust": "trust nothing yet",
}


def headline(found: Readout) -> str:
    """The readout in one sentence."""
    if found.ratio.mismatch:
        return "Trust nothing yet: the variants did not get the shares of units that they should."
    told = []
    for line in found.primary:
        decision = found.decision(line.variant)
        what = f"{line.metric.title} {signed_percent(line.effect.relative)}"
        told.append(f"{line.variant}: {DECISIONS[decision]} ({what})")
    return f"{'; '.join(told)}."


def conclusions(found: Readout) -> list[str]:
    """What follows, the weightiest first."""
    told = [_ratio(found)]
    if found.ratio.mismatch:
        told.append(
            "Something but chance keeps units from arriving: look at redirects, bots, crashes and lost exposures of "
            "one variant before you read on."
        )
    told += [_primary(found, line) for line in found.primary]
    told += [_others(found)] if any(line.role == "metric" for line in found.lines) else []
    told += [guardrail_sentence(guard) for guard in found.guardrails]
    told += [sentence for left in found.remaining if (sentence := remaining_sentence(found, left))]
    for lines, what in ((found.by_items, "items"), (found.by_users, "users")):
        told += _groups(found, lines, what)
    return told


def how_sentences(found: Readout) -> list[str]:
    """How it was computed."""
    level = f"{100 * (1 - found.how.alpha):g} %"
    kind = (
        f"Intervals hold with {level} at all looks together (asymptotic confidence sequences, narrowest at "
        f"{found.how.planned:,} units)."
        if found.how.sequential
        else f"Intervals hold with {level} at one look, whose time was fixed before; for looking at any time ask for "
        "the sequential readout."
    )
    adjusted = (
        f"Each unit is adjusted by what it did in the {found.before} days before its exposure (CUPED)."
        if found.before
        else "Units are not adjusted by what they did before."
    )
    unit = found.experiment.unit
    ratios = (
        f"Ratios are of sums over {unit}s, with the variance of the delta method, so that many events of one {unit} "
        "count once."
    )
    several = (
        f"Correction for several comparisons: {CORRECTIONS[found.how.correction]}. The primary metric is corrected for "
        "the number of variants alone; other metrics, groups of items and groups of users each among themselves. "
        "Intervals are those of single comparisons."
    )
    groups = (
        "Items are head, torso, tail or cold by how often people chose them before the first exposure, users by what "
        "they did in the days before their own."
    )
    return [ratios, adjusted, kind, several, groups]


def plan_sentences(found: Plan) -> list[str]:
    """What an experiment would take."""
    asked = f"an effect of {percent(found.effect)} on {found.metric.title}"
    chance = f"with a chance of {100 * found.power:g} %"
    if math.isnan(found.days):
        told = [f"Nothing can be told of {found.metric.title}: it never happened in this history."]
    elif math.isinf(found.days):
        told = [f"No new {found.unit}s come: {found.units:,.0f} would be needed to find {asked} {chance}."]
    else:
        needs = f"{found.days:,.0f} days, with about {found.units:,.0f} {found.unit}s in all"
        told = [f"To find {asked} {chance}, run it for {needs}."]
        if found.extrapolated:
            told.append("That is longer than this history: new ones are supposed to come as in its last days.")
        if found.days > 90:
            told.append("Nobody should wait so long: take a greater effect, a steadier metric, or more traffic.")
    longest = found.lengths[-1]
    if longest.saved > 0.01:
        told.append(f"What is known from before takes out {percent(longest.saved)} of the variance.")
    if found.placebo is not None:
        test = found.placebo
        verdict = "as it should be" if test.low <= found.alpha <= test.high else "which is not what the test claims"
        told.append(
            f"{counted(test.runs, 'split', 'splits')} of the same {found.unit}s found a difference in "
            f"{percent(test.rate)} ({percent(test.low)} to {percent(test.high)}), {verdict}: "
            f"{percent(found.alpha)} are claimed."
        )
    return told


def guardrail_sentence(guard: Guardrail) -> str:
    """Whether a guardrail holds."""
    line = guard.line
    more = "fall" if line.metric.better == "more" else "rise"
    words = {
        "kept": f"does not {more} by {percent(guard.margin)} or more",
        "broken": f"is shown to {more} by more than {percent(guard.margin)}",
        "unknown": f"may {more} by more than {percent(guard.margin)}: not known yet",
    }[guard.state]
    return f"Guardrail, {line.variant}: {line.metric.title} {words} ({interval(line)})."


def remaining_sentence(found: Readout, left: Remaining) -> str:
    """Power and time left for one variant; nothing where neither is known."""
    power = left.power
    if math.isnan(power.detectable):
        return ""
    now = (
        f"{left.variant}: with {power.units:,} {found.experiment.unit}s an effect of {percent(power.detectable)} is "
        f"found with a chance of {100 * found.experiment.power:g} %"
    )
    wanted = percent(power.effect)
    if left.days == 0:
        return f"{now}; for {wanted} there are enough."
    if math.isinf(left.days):
        return f"{now}; for {wanted} it takes {power.needed:,.0f}, and no new ones come."
    return (
        f"{now}; for {wanted} it takes {power.needed:,.0f}, which is {counted(math.ceil(left.days), 'day', 'days')} "
        f"more at {left.daily:,.0f} a day."
    )


def interval(line: Line) -> str:
    """The relative difference with its interval; the absolute one where there is none."""
    one = line.effect
    if math.isfinite(one.relative):
        return (
            f"{signed_percent(one.relative)}, {signed_percent(one.relative_low)} to {signed_percent(one.relative_high)}"
        )
    if math.isfinite(one.difference):
        return f"{one.difference:+.4g}, {one.low:+.4g} to {one.high:+.4g}"
    return "not known"


def p_words(p: float) -> str:
    """A p-value with its letter."""
    if not math.isfinite(p):
        return "p unknown"
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}"


def percent(share: float) -> str:
    """A share in per cent, short."""
    if not math.isfinite(share):
        return "an unknown share"
    return f"{100 * share:.0f} %" if abs(share) >= 0.0995 else f"{100 * share:.2g} %"


def signed_percent(share: float) -> str:
    """A change in per cent, with its sign."""
    if not math.isfinite(share):
        return "unknown"
    rounded = f"{abs(100 * share):.1f}"
    return f"{'' if rounded == '0.0' else '+' if share > 0 else '−'}{rounded} %"


def _ratio(found: Readout) -> str:
    units = ", ".join(f"{name} {count:,}" for name, count in found.ratio.units.items())
    fit = "does not fit" if found.ratio.mismatch else "fits"
    return f"Units: {units}. That {fit} the planned shares ({p_words(found.ratio.p)})."


def _primary(found: Readout, line: Line) -> str:
    how = (
        "is not known to change"
        if not line.significant(found.how.alpha)
        else "gets better"
        if line.better
        else "gets worse"
    )
    return f"{line.variant}: {line.metric.title} {how} ({interval(line)}; {p_words(line.p_corrected)})."


def _others(found: Readout) -> str:
    others = [line for line in found.lines if line.role == "metric"]
    changed = [
        f"{line.metric.title} ({line.variant}: {interval(line)})"
        for line in others
        if line.significant(found.how.alpha)
    ]
    number = counted(len(others), "further comparison", "further comparisons")
    return f"Of {number}, these differ: {', '.join(changed)}." if changed else f"Of {number}, none differs."


def _groups(found: Readout, lines: tuple[Line, ...], what: str) -> list[str]:
    told = [
        f"{line.variant}: {line.metric.title} of {line.items or line.users} {what} "
        f"{'gets better' if line.better else 'gets worse'} ({interval(line)}; {p_words(line.p_corrected)})."
        for line in lines
        if line.role == "primary" and line.significant(found.how.alpha)
    ]
    if lines and not told:
        return [f"No group of {what} is known to gain or lose by itself."]
    return told
