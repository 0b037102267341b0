"""What to try after a study, and where its correction for many remedies hides a gain."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from evenshelf.errors import EvenshelfError
from evenshelf.plurals import plural
from evenshelf.remedies import Composition, Family, catalogue, parse
from evenshelf.remedies.families import OF_LISTS
from evenshelf.study.wording import listed, probability, rivals, signed, value

if TYPE_CHECKING:
    from evenshelf.remedies import Remedy
    from evenshelf.study.advising.evidence import FamilyEvidence
    from evenshelf.study.verdict import Verdict
    from evenshelf.tasks.nouns import Nouns


def corrected_away(verdict: Verdict, unseen: str = "examples") -> str:
    """Where a remedy is significant by itself and not after the correction for many: that it is so, and what helps.

    What the guardrail or the zone would refuse anyway is left out: no other study of it could recommend it. `unseen` is
    what another study would have to be of.
    """
    lost = [
        c
        for c in verdict.comparisons
        if not c.reference and c.diff > 0 and c.p < verdict.alpha and c.p_holm >= verdict.alpha
        if c.guardrail_ok and not c.slight
    ]
    if not lost or not verdict.informative:
        return ""
    first = min(lost, key=lambda c: (c.p, -c.diff, c.spec))
    more = f", and so {plural(len(lost) - 1, 'is', 'are')} {len(lost) - 1} more" if len(lost) > 1 else ""
    return (
        f"{first.spec} ({signed(first.diff)}, {signed(first.low)} to {signed(first.high)}) is significant by itself "
        f"({probability(first.p)}), not after the correction for {rivals(verdict)} remedies "
        f"({probability(first.p_holm)}){more}. A study of fewer remedies, chosen beforehand, could settle it: choose "
        f"now, and run it on {unseen} that this study has not seen."
    )


def what_to_try(
    verdict: Verdict,
    families: Sequence[FamilyEvidence],
    wanted: Sequence[Family],
    nouns: Nouns,
    *,
    sets: bool = False,
    on_vectors: Collection[str] = (),
) -> tuple[str, ...]:
    """Sentences, the weightiest first.

    Parameters
    ----------
    verdict, families
        Of the study.
    wanted
        Families that a rule expects to gain and the study did not compare.
    nouns
        What the task calls its texts.
    sets
        Whether each label of a set had a score of its own: then other remedies serve.
    on_vectors
        Specs of baselines that read the vectors of the study: where these are better, it is not for other vectors.
    """
    offered = [
        kind
        for kind in catalogue().values()
        if (kind().serves_sets if sets else kind().serves_labels and not kind.many_labels)
    ]
    found = [
        _other_encoder(verdict, nouns, on_vectors),
        *(_family(family, offered) for family in wanted),
        together(families),
    ]
    known = {kind.family for kind in offered} - {Family.BASELINE} - OF_LISTS
    found.append(not_compared(families, known, wanted))
    return tuple(sentence for sentence in found if sentence)


def _other_encoder(verdict: Verdict, nouns: Nouns, on_vectors: Collection[str]) -> str:
    """Where the vectors are what is wanting."""
    title = verdict.title
    if not verdict.informative:
        return f"{nouns.advice}, or compare other encoders, before any remedy{guessed(verdict)}."
    held = verdict[verdict.recommended or verdict.baseline]
    better = [
        c
        for c in verdict.comparisons
        if c.reference and c.spec not in on_vectors and c[verdict.metric] > held[verdict.metric]
    ]
    if not better:
        return ""
    return (
        f"Compare other encoders: {better[0].spec} has {title} {value(better[0][verdict.metric])} without "
        f"these vectors, {held.spec} {value(held[verdict.metric])} with them."
    )


def guessed(verdict: Verdict) -> str:
    """How the best model does beside guessing, as the end of a sentence; "" where that is not known."""
    if not verdict.guessing:
        return ""
    best = verdict.guessing[-1]
    title = verdict.measures.title(best.metric)
    return f": the best model has {title} {value(best.value)}, guessing {value(best.guessed)}"


def _family(family: Family, kinds: Sequence[type[Remedy]]) -> str:
    """A family that a rule speaks for."""
    specs = [kind().spec for kind in kinds if kind.family is family and not kind.needs]
    if not specs:
        return ""
    return f'Compare {family}, which these data speak for and this study left out: --remedies "{", ".join(specs[:3])}".'


def together(families: Sequence[FamilyEvidence]) -> str:
    """Two remedies that gain and were not compared as one."""
    single = [f for f in families if f.positive and len(f.families) == 1]
    compared = {frozenset(f.families) for f in families}
    for number, first in enumerate(single):
        for second in single[number + 1 :]:
            if frozenset((*first.families, *second.families)) in compared:
                continue
            try:
                both = Composition((*parse(first.best).parts, *parse(second.best).parts))
            except EvenshelfError:
                continue  # two remedies at one stage cannot be used together
            return (
                f"{first.best} ({signed(first.diff)}) and {second.best} ({signed(second.diff)}) gain at different "
                f'stages and were not compared together: --remedies "{both.spec}".'
            )
    return ""


def not_compared(families: Sequence[FamilyEvidence], offered: Collection[Family], wanted: Sequence[Family] = ()) -> str:
    """Families that nothing is known of yet.

    Parameters
    ----------
    families
        That were compared.
    offered
        Of which there is a remedy that fits the study.
    wanted
        Those that were told of by themselves.
    """
    known = {f.families[0] for f in families if len(f.families) == 1}
    rest = [f for f in Family if f in offered and f.value not in known and f not in wanted]
    if not rest:
        return ""
    if len(rest) == 1:
        return f"One of {len(offered)} families was not compared by itself: {rest[0].value}."
    named = listed([f.value for f in rest], len(rest))
    return f"{len(rest)} of {len(offered)} families were not compared by themselves: {named}."
