"""Advice that follows from a study: which families of remedies suit, what to try next, what to collect.

Rules of thumb say what to expect (:mod:`evenshelf.study.advising.rules`), the study says what was measured
(:mod:`evenshelf.study.advising.evidence`), and where they contradict each other the study counts.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, Literal

from evenshelf.baselines import Reads
from evenshelf.errors import InputError
from evenshelf.remedies import Family
from evenshelf.study.advising.collecting import what_to_collect
from evenshelf.study.advising.evidence import FamilyEvidence, evidence_on, family_evidence
from evenshelf.study.advising.facts import Facts, facts_of
from evenshelf.study.advising.following import corrected_away, what_to_try
from evenshelf.study.advising.lists import judgements_to_collect, lists_to_try, steps_to_collect
from evenshelf.study.advising.rules import RULES
from evenshelf.study.advising.sentences import brief, conclusion, expectation, measurement
from evenshelf.tasks.list_measures import LISTS
from evenshelf.tasks.nouns import nouns_of

if TYPE_CHECKING:
    from pathlib import Path

    from evenshelf.study.advising.rules import Rule
    from evenshelf.study.results import StudyResult
    from evenshelf.study.verdict import Verdict

Agreement = Literal["confirmed", "overridden", "undecided", "not compared"]
ORDER: tuple[Agreement, ...] = ("confirmed", "overridden", "undecided", "not compared")
BRIEF = 3
"""Families that a terminal is told of."""


@dataclass(frozen=True)
class Counsel:
    """What a rule expects of a family, and what the study says to that.

    Attributes
    ----------
    rule, source
        Name of the rule, and where it is from.
    family
        Of which it speaks.
    gains
        Whether the family was expected to gain.
    agreement
        ``confirmed``, ``overridden`` (the study shows the contrary, and counts), ``undecided`` or ``not compared``.
    expected, measured, conclusion
        A sentence each, with their numbers.
    """

    rule: str
    source: str
    family: str
    gains: bool
    agreement: Agreement
    expected: str
    measured: str
    conclusion: str


@dataclass(frozen=True)
class Advice:
    """All that follows from a study besides its verdict.

    Attributes
    ----------
    facts
        What the data are like.
    families
        What was measured of each family, best first.
    counsels
        What was expected and found, what is confirmed first.
    correction
        Where a gain is lost to the correction for many remedies: a sentence that says so; else "".
    following
        What to try next.
    collect
        Which examples to collect.
    """

    facts: Facts
    families: tuple[FamilyEvidence, ...]
    counsels: tuple[Counsel, ...]
    correction: str
    following: tuple[str, ...]
    collect: tuple[str, ...]

    @property
    def brief(self) -> tuple[str, ...]:
        """The weightiest of it in a few sentences, for a terminal."""
        found = []
        for counsel in self.counsels:
            evidence = evidence_on(Family(counsel.family), self.families)
            if counsel.agreement in ("confirmed", "overridden") and evidence is not None:
                found.append(brief(counsel, evidence))
        return (*found[:BRIEF], *filter(None, [self.correction, *self.following[:1], *self.collect[:1]]))

    def to_dict(self) -> dict[str, Any]:
        """JSON-able; NaN becomes ``None``."""
        return {
            "facts": self.facts.to_dict(),
            "families": [family.to_dict() for family in self.families],
            "counsels": [asdict(counsel) for counsel in self.counsels],
            "correction": self.correction,
            "following": list(self.following),
            "collect": list(self.collect),
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Advice:
        """The advice that :meth:`to_dict` described.

        Raises
        ------
        InputError
            If entries are missing or unknown.
        """
        try:
            return cls(
                facts=Facts.from_dict(document["facts"]),
                families=tuple(FamilyEvidence.from_dict(family) for family in document["families"]),
                counsels=tuple(Counsel(**counsel) for counsel in document["counsels"]),
                correction=document["correction"],
                following=tuple(document["following"]),
                collect=tuple(document["collect"]),
            )
        except (KeyError, TypeError) as error:
            raise InputError(
                f"This is not advice of this version of evenshelf: {error}.", hint="Make it again from the study."
            ) from error


def advise(result: StudyResult, verdict: Verdict) -> Advice:
    """Hold the rules against the data and against what was measured; takes no time.

    Parameters
    ----------
    result
        Of a study.
    verdict
        What :func:`evenshelf.study.verdict.decide` said of it.
    """
    facts, families, nouns = facts_of(result), family_evidence(verdict), nouns_of(result.meta)
    if not verdict.measures.likelihood:  # the rules speak of classes
        following = lists_to_try(result, verdict, families, nouns)
        collect = steps_to_collect if verdict.measures == LISTS else judgements_to_collect
        return Advice(facts, families, (), corrected_away(verdict), following, collect(result, verdict))
    counsels = []
    for rule in RULES:
        if not rule.holds(facts):
            continue
        evidence = evidence_on(rule.family, families)
        found = agreement(rule, evidence, informative=verdict.informative)
        counsels.append(
            Counsel(
                rule.name,
                rule.source,
                rule.family.value,
                rule.gains,
                found,
                expectation(rule, facts, nouns),
                measurement(rule.family, evidence, verdict),
                conclusion(rule, evidence, found, informative=verdict.informative),
            )
        )
    counsels.sort(key=lambda c: ORDER.index(c.agreement))
    wanted = [Family(c.family) for c in counsels if c.gains and c.agreement == "not compared"]
    return Advice(
        facts,
        families,
        tuple(counsels),
        corrected_away(verdict),
        what_to_try(
            verdict,
            families,
            wanted,
            nouns,
            sets=result.meta.get("sizes") == "learned",
            on_vectors=[b["spec"] for b in result.meta.get("baselines", ()) if b["reads"] == Reads.VECTORS],
        ),
        what_to_collect(result, verdict, facts, nouns),
    )


def agreement(rule: Rule, evidence: FamilyEvidence | None, *, informative: bool = True) -> Agreement:
    """Whether a study bears a rule out; one in which nothing beats guessing bears out none."""
    if evidence is None:
        return "not compared"
    if not informative:
        return "undecided"
    against = evidence.standing in ("loses", "nothing to gain")
    if evidence.positive or against:
        return "confirmed" if evidence.positive == rule.gains else "overridden"
    return "undecided"


def save_advice(advice: Advice, folder: Path) -> None:
    """Write ``advice.json`` beside a study, whole or not at all."""
    partial = folder / "advice.json.partial"
    text = json.dumps(advice.to_dict(), ensure_ascii=False, indent=1, allow_nan=False)
    partial.write_text(text + "\n", encoding="utf-8")
    partial.replace(folder / "advice.json")
