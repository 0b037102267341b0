"""Sentences about who gains and who loses: every number in them is a field of what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evenshelf.plurals import counted, plural
from evenshelf.study.trait_fairness import MOST
from evenshelf.study.wording import LISTED, listed, probability, signed, value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evenshelf.study.class_fairness import SizePart
    from evenshelf.study.exposure import ListFairness
    from evenshelf.study.fairness import Fairness
    from evenshelf.study.statistics import Estimate
    from evenshelf.study.trait_fairness import TraitGap, TraitValue
    from evenshelf.tasks.nouns import Nouns

LONGEST = 40
"""Letters of a value's name in a sentence."""


def fairness_sentences(found: Fairness, nouns: Nouns) -> tuple[str, ...]:
    """All there is to say, classes first."""
    skipped = [f"{name} is not told of: {why}." for name, why in found.skipped.items()]
    return (
        classes_sentence(found, nouns),
        worst_sentence(found, nouns),
        exposure_sentence(found, nouns),
        *short_trait_sentences(found),
        *skipped,
    )


def short_sentences(found: Fairness, nouns: Nouns) -> tuple[str, ...]:
    """What a terminal has room for: the traits, and the worst off."""
    return (*short_trait_sentences(found)[:2], worst_sentence(found, nouns))


def short_trait_sentences(found: Fairness) -> tuple[str, ...]:
    """Which values are shown to gain or lose, and the gap of each trait, the largest change first."""
    if not found.values:
        return ()
    gaps = sorted(found.gaps, key=lambda gap: -abs(gap.diff.value))
    return (values_sentence(found), *(_gap(gap, found) for gap in gaps))


def classes_sentence(found: Fairness, nouns: Nouns) -> str:
    """How many classes gain, lose and stay; the smallest and the largest of them."""
    gain, loss, same = (sum(getattr(p, key) for p in found.parts) for key in ("gain", "loss", "same"))
    total = gain + loss + same
    start = f"Of {total:,} {nouns.labels}, {gain:,} gain, {loss:,} lose and {same:,} stay as they are"
    if len(found.parts) < 2:
        return f"{start}: {_change(found.parts[0].diff)} in mean F1."
    first, last = found.parts[0], found.parts[-1]
    return (
        f"{start}. Those of {sizes(first)} change by {_change(first.diff)} in mean F1, those of {sizes(last)} by "
        f"{_change(last.diff)}."
    )


def worst_sentence(found: Fairness, nouns: Nouns) -> str:
    """How the worst tenth of the classes fares."""
    before, after = found.of(found.base), found.of(found.spec)
    tenth = counted(found.exposure.classes, nouns.label, nouns.labels)
    text = (
        f"The worst tenth ({tenth}) has mean F1 {value(before.f1.value)} under doing nothing and "
        f"{value(after.f1.value)} under {found.spec}, chosen under each by itself: {_change(after.diff)}."
    )
    if before.never or after.never:
        whose = plural(after.never, nouns.label, nouns.labels)
        text += f" Never answered right: {after.never:,} {whose}, and {before.never:,} under doing nothing."
    return text


def exposure_sentence(found: Fairness, nouns: Nouns) -> str:
    """How often classes are given as an answer."""
    e = found.exposure
    return (
        f"The tenth of the {nouns.labels} that is answered least gets {value(e.before.value)} answers for each true "
        f"example, and {value(e.after.value)} under {found.spec}: {_change(e.diff)}. The Gini coefficient of the "
        f"answers is {value(e.gini_before.value)}, then {value(e.gini_after.value)}; that of the truth is "
        f"{value(e.gini_truth)}."
    )


def values_sentence(found: Fairness | ListFairness) -> str:
    """Which values of traits are shown to gain or to lose in what is measured."""
    traits = listed(list(dict.fromkeys(v.trait for v in found.values)))
    tested = len(found.values)
    gains = sorted((v for v in found.values if found.shown(v) and v.diff.value > 0), key=lambda v: -v.diff.value)
    losses = sorted((v for v in found.values if found.shown(v) and v.diff.value < 0), key=lambda v: v.diff.value)
    if not gains and not losses:
        clearest = min(found.values, key=lambda v: (v.diff.p, -abs(v.diff.value)))
        return (
            f"By {traits}, none of {tested} values is shown to gain or to lose in {found.measured} under {found.spec}; "
            f"the clearest change is that of {_told(clearest)}, {probability(clearest.p_holm)} after Holm's correction."
        )
    parts = [
        (f"{counted(len(side), 'value', 'values')} {plural(len(side), 'is', 'are')}" if side else "none is")
        + f" shown to {verb} in {found.measured}{_examples(side)}"
        for side, verb in ((gains, "gain"), (losses, "lose"))
    ]
    return f"By {traits}, under {found.spec} {parts[0]}; {parts[1]}. {tested} were tested together (Holm's correction)."


def pooling_sentence(found: Fairness | ListFairness, examples: tuple[str, str] = ("example", "examples")) -> str:
    """Which values are told of by themselves."""
    rest = ", ".join(f"{counted(n, *examples)} by {trait}" for trait, n in found.rest.items())
    return (
        f"A value is told of by itself from {found.enough} evaluated {examples[1]} on, and if it is among the {MOST} "
        f"largest of its trait; the others are pooled.{f' Too few even so: {rest}.' if rest else ''}"
    )


def called(v: TraitValue) -> str:
    """The name of a value, whole."""
    if v.kind == "others":
        return f"others ({counted(v.pooled, 'value', 'values')})"
    return "unknown" if v.kind == "unknown" else v.value


def short(name: str) -> str:
    """A name for the middle of a sentence, in one line and cut where it is long."""
    if not name:
        return "unknown"
    flat = " ".join(name.split())
    return flat if len(flat) <= LONGEST else f"{flat[: LONGEST - 1]}…"


def sizes(part: SizePart) -> str:
    """How large the classes of a part are."""
    if part.smallest == part.largest:
        return counted(part.smallest, "example", "examples")
    return f"{part.smallest:,} to {part.largest:,} examples"


def _gap(gap: TraitGap, found: Fairness) -> str:
    return (
        f"The best and the worst of {gap.values} values of {gap.trait} lie {value(gap.before.value)} apart in accuracy "
        f"under doing nothing (best “{short(gap.best_before)}”, worst “{short(gap.worst_before)}”) and "
        f"{value(gap.after.value)} under {found.spec} (“{short(gap.best_after)}”, “{short(gap.worst_after)}”): "
        f"{_change(gap.diff)}."
    )


def _examples(side: Sequence[TraitValue]) -> str:
    if not side:
        return ""
    rest = f" and {len(side) - LISTED} more" if len(side) > LISTED else ""
    return f": {', '.join(_told(v) for v in side[:LISTED])}{rest}"


def _told(v: TraitValue) -> str:
    return f"{v.trait} “{short(called(v))}” {_change(v.diff)}"


def _change(e: Estimate) -> str:
    return f"{signed(e.value)} ({signed(e.low)} to {signed(e.high)})"
