"""The sentences of advice on a family: every number in them is one of the facts or of the evidence."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from evenshelf.plurals import plural
from evenshelf.study.advising.evidence import SLIGHT
from evenshelf.study.wording import probability, rivals, signed

if TYPE_CHECKING:
    from evenshelf.remedies import Family
    from evenshelf.study.advising.advice import Counsel
    from evenshelf.study.advising.evidence import FamilyEvidence
    from evenshelf.study.advising.facts import Facts
    from evenshelf.study.advising.rules import Rule
    from evenshelf.study.verdict import Verdict
    from evenshelf.tasks.nouns import Nouns


def expectation(rule: Rule, facts: Facts, nouns: Nouns) -> str:
    """What the rule says of these data."""
    why = rule.why(facts, nouns)
    return f"{why[0].upper()}{why[1:]}. Expected of {rule.family}: {'a gain' if rule.gains else 'no gain'}."


def measurement(family: Family, evidence: FamilyEvidence | None, verdict: Verdict) -> str:
    """What the study says of a family."""
    if evidence is None:
        return f"This study compared no remedy of {family} by itself."
    title = verdict.title
    n = len(evidence.specs)
    who = f"The best of {n}, {evidence.best}," if n > 1 else f"{evidence.best}, the only one compared,"
    tests = [probability(evidence.p_holm)]
    if rivals(verdict) > 1:
        tests[0] += f" corrected for {rivals(verdict)} remedies"
    tests.append(f"that the family gains, {probability(evidence.p_gain)}")
    found = (
        f"{who[0].upper() if n > 1 else who[0]}{who[1:]} changes {title} by {signed(evidence.diff)} "
        f"({signed(evidence.low)} to {signed(evidence.high)}; {'; '.join(tests)})"
    )
    if verdict.metric != verdict.measures.tail and math.isfinite(evidence.tail_diff):
        tail = verdict.measures.title(verdict.measures.tail)
        span = f"{signed(evidence.tail_low)} to {signed(evidence.tail_high)}"
        found += f" and {tail} by {signed(evidence.tail_diff)} ({span})"
    return f"{found}; {counts(evidence)}."


def counts(evidence: FamilyEvidence) -> str:
    """How many of a family gain and lose by the verdict's test."""
    n = len(evidence.specs)
    if n == 1:
        return "it gains" if evidence.gained else "it loses" if evidence.lost else "neither a gain nor a loss is shown"
    if not evidence.gained and not evidence.lost:
        return f"none of the {n} is shown to gain or to lose"
    gained = f"{evidence.gained} of {n} {plural(evidence.gained, 'gains', 'gain')}" if evidence.gained else ""
    lost = f"{evidence.lost} of {n} {plural(evidence.lost, 'loses', 'lose')}" if evidence.lost else ""
    return " and ".join(filter(None, (gained or "none is shown to gain", lost or "none to lose")))


def conclusion(rule: Rule, evidence: FamilyEvidence | None, agreement: str, *, informative: bool) -> str:
    """What to do with the rule."""
    if evidence is None:
        return "Whether it holds here is open." if rule.gains else "There is little reason to compare one."
    if agreement == "confirmed":
        return "The rule holds here." if rule.gains else "The rule holds here: leave this family."
    if agreement == "overridden":
        if not rule.gains:
            return "Here the rule is wrong, and what was measured counts: this family gains."
        if evidence.standing == "loses":
            return "Here the rule is wrong, and what was measured counts: this family loses, so leave it."
        return (
            f"Here the rule is wrong, and what was measured counts: a gain of {signed(SLIGHT)} or more is ruled out "
            f"({signed(evidence.high)} at most for the best)."
        )
    if not informative:
        return "Nothing beats guessing here, so no gain of any family means anything."
    if evidence.low > 0:
        return "The interval by itself lies above 0; corrected for what else was compared, a gain is not shown."
    return "This study can neither show nor rule out a gain."


def brief(counsel: Counsel, evidence: FamilyEvidence) -> str:
    """What was expected and found, in a line."""
    does = {"gains together": "gains", "nothing to gain": "gains nothing"}.get(evidence.standing, evidence.standing)
    if counsel.family.endswith("s"):  # weights, losses, ensembles
        does = does.replace("gains", "gain", 1).replace("loses", "lose", 1)
    rule = "as expected" if counsel.agreement == "confirmed" else "against the rule"
    return (
        f"{counsel.family[0].upper()}{counsel.family[1:]} {does}, {rule} ({counsel.rule}): {evidence.best} "
        f"{signed(evidence.diff)}, {signed(evidence.low)} to {signed(evidence.high)}."
    )
