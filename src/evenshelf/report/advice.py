"""Families of remedies for the report: what is said of each, with this study's numbers beside every sentence."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evenshelf.plurals import plural
from evenshelf.remedies import Family, remedy_set
from evenshelf.remedies.families import ACCOUNTS, OF_LISTS, Shown
from evenshelf.report.numbers import number
from evenshelf.study.advising.evidence import SLIGHT, slight
from evenshelf.study.advising.facts import FEWEST
from evenshelf.study.wording import change, exact, percent, seconds, signed
from evenshelf.tasks.list_measures import LISTS

if TYPE_CHECKING:
    from evenshelf.remedies.families import Account
    from evenshelf.study.advising import Advice
    from evenshelf.study.advising.evidence import FamilyEvidence
    from evenshelf.study.advising.facts import Facts
    from evenshelf.study.verdict import Verdict
    from evenshelf.tasks.nouns import Nouns

FINDINGS = {
    "gains": "gains",
    "gains together": "gains, though none can be picked",
    "loses": "loses",
    "nothing to gain": f"no gain above +{exact(SLIGHT)}",
    "open": "neither shown nor ruled out",
}
"""How a family stands, for a table."""


def findings(verdict: Verdict) -> dict[str, str]:
    """The same, with the gain that is slight by the measures of a verdict."""
    return {**FINDINGS, "nothing to gain": f"no gain above +{exact(slight(verdict.measures))}"}


@dataclass(frozen=True)
class Said:
    """A sentence on a family.

    Attributes
    ----------
    of
        What it is about: strength, weakness, ...
    text
        The sentence.
    here
        What this study measured on that point; "" if nothing.
    """

    of: str
    text: str
    here: str


@dataclass(frozen=True)
class Card:
    """All that a report says of a family.

    Attributes
    ----------
    heading, does, source
        What it is called, what it does, where the sentences are from.
    finding
        How it stands in this study.
    said
        The sentences, with what was measured.
    """

    heading: str
    does: str
    finding: str
    said: tuple[Said, ...]
    source: str


def cards(advice: Advice, verdict: Verdict) -> tuple[Card, ...]:
    """Families that were compared, best first, and then the others; without those of compositions.

    Of lists and of search, others are the families of their own set alone.
    """
    known = {f.families[0]: f for f in advice.families if len(f.families) == 1}
    others = set(ACCOUNTS) - OF_LISTS
    if not verdict.measures.likelihood:
        own = remedy_set("lists" if verdict.measures == LISTS else "search")
        others = {part.family for remedy in own for part in remedy.parts} & set(ACCOUNTS)
    order = [Family(name) for name in known] + [f for f in ACCOUNTS if f.value not in known and f in others]
    return tuple(_card(family, ACCOUNTS[family], known.get(family.value), advice, verdict) for family in order)


def _card(family: Family, account: Account, evidence: FamilyEvidence | None, advice: Advice, verdict: Verdict) -> Card:
    rules = [
        f"the rule “{c.rule}” speaks {'for' if c.gains else 'against'} it here: {c.agreement}"
        for c in advice.counsels
        if c.family == family.value
    ]
    claims = (("Strength", account.strength), ("Weakness", account.weakness), ("Cost", account.cost))
    said = [Said(of, claim.text, measured(claim.shown, evidence, verdict)) for of, claim in claims]
    none = "no rule speaks for or against it on these data" if verdict.measures.likelihood else ""
    said.insert(2, Said("When to use", account.when, "; ".join(rules) or none))
    return Card(
        family.heading,
        account.does,
        findings(verdict)[evidence.standing] if evidence else "not compared",
        tuple(said),
        account.source,
    )


def measured(shown: Shown, evidence: FamilyEvidence | None, verdict: Verdict) -> str:
    """The numbers of a study that speak of a sentence; "" where it has none."""
    if evidence is None:
        return ""
    e, best = evidence, f" ({evidence.best})"
    if shown is Shown.COST:
        median = "in the median " if len(e.specs) > 1 else ""
        return f"{median}{seconds(e.seconds)} of CPU time; doing nothing takes {seconds(e.base_seconds)}"
    if shown is Shown.CONFIDENCE and not verdict.measures.likelihood:
        return ""
    if shown is Shown.CONFIDENCE:
        return f"calibration error {number(e.base_ece)} → {number(e.ece)}{best}"
    if shown is Shown.TAIL and math.isfinite(e.tail_diff):
        return f"{verdict.measures.title(verdict.measures.tail)} {_span(e.tail_diff, e.tail_low, e.tail_high)}{best}"
    if shown is Shown.HEAD and math.isfinite(e.head_loss):
        moved, low, high = (change(-loss) for loss in (e.head_loss, e.head_loss_high, e.head_loss_low))
        return f"{verdict.measures.title(verdict.measures.head)} {moved} ({low} to {high}){best}"
    title = verdict.title
    if shown is Shown.TUNING and math.isfinite(e.naive_gain):
        return f"{title} {signed(e.naive_gain)} at the usual defaults, {signed(e.diff)} tuned{best}"
    return f"{title} {_span(e.diff, e.low, e.high)}{best}"


def fact_lines(facts: Facts, nouns: Nouns) -> tuple[tuple[str, str], ...]:
    """What the rules rest on: a name and its value, or why it is not known."""

    def share(name: str, more: str = "") -> str:
        value = getattr(facts, name)
        return (
            f"{percent(value)}{more}" if math.isfinite(value) else f"not known: {facts.unknown.get(name, 'no record')}"
        )

    chance = f" (by chance {percent(facts.near_by_chance)})" if math.isfinite(facts.near_by_chance) else ""
    return (
        (f"{nouns.examples} of the {nouns.label} in the middle", f"{facts.median:,.0f}"),
        (f"{nouns.labels} with fewer than 20 {nouns.examples}", f"{facts.few:,} of {facts.classes:,}"),
        (f"{nouns.labels} with fewer than {FEWEST}", f"{facts.very_few:,}"),
        ("largest to smallest", f"{facts.ratio:,.1f} to 1"),
        (
            "tail",
            f"{facts.tail:,} {plural(facts.tail, nouns.label, nouns.labels)}, {facts.tail_examples:,} {nouns.examples}",
        ),
        ("labels that confident predictions contradict", share("contradicted")),
        (f"{nouns.examples} whose very {nouns.text} has another label too", share("conflicting")),
        (f"{nouns.texts} that hold their label", share("named")),
        (f"nearest neighbours of the same {nouns.label}, below the head", share("near", chance)),
    )


def _span(value: float, low: float, high: float) -> str:
    return f"{signed(value)} ({signed(low)} to {signed(high)})"
