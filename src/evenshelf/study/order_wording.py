"""Sentences about what the order of a file could have given away in a study of lists."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from evenshelf.plurals import counted, plural
from evenshelf.study.order_free import ASCENDING, DESCENDING
from evenshelf.study.wording import listed, percent, probability

if TYPE_CHECKING:
    from evenshelf.study.order_free import OrderFree

OFTEN = 0.1
"""Steps of no order of their own, as a share of all, from which on a learner that reads the order is warned of."""
SURE = 0.001
"""A share of ascending users that chance gives so rarely is told of as no chance."""


def order_sentences(meta: Mapping[str, Any]) -> tuple[str, ...]:
    """What a study's record says of ties, of the way ids go, and of a learner that reads the order; none if nothing."""
    facts = meta.get("order")
    if not facts:
        return ()
    return tuple(sentence for sentence in (_ties(facts, meta), _ids(facts, meta), _directed(facts, meta)) if sentence)


def alarms(meta: Mapping[str, Any]) -> tuple[str, ...]:
    """Those of the sentences that call for care."""
    facts = meta.get("order")
    if not facts:
        return ()
    found = (_ids(facts, meta) if suspicious(facts, meta) else "", _directed(facts, meta))
    return tuple(sentence for sentence in found if sentence)


def suspicious(facts: Mapping[str, Any], meta: Mapping[str, Any]) -> bool:
    """Whether ids go one way more often than chance lets them, where steps may stand in the order of a file.

    Those of a shop do not: within a moment their order is drawn.
    """
    return not meta.get("shop") and facts["tied"] != 0 and facts["p"] is not None and facts["p"] < SURE


def free_sentence(found: OrderFree) -> str:
    """What the order-free part is."""
    return (
        f"{found.rows:,} of {counted(found.of, 'wanted item', 'wanted items')} "
        f"{plural(found.rows, 'has', 'have')} a lower id than the last item of the user's history: there an order of "
        "ids cannot help."
    )


def _ties(facts: Mapping[str, Any], meta: Mapping[str, Any]) -> str:
    if facts["tied"] is None:
        return "Steps have no times here, only an order, and nobody knows what made it."
    share = facts["tied"] / max(facts["steps"], 1)
    days = " All times are whole days." if facts["days"] else ""
    drawn = (
        " Steps of one moment are one basket, whose order is drawn at random, and a basket is held out whole."
        if meta.get("shop") and facts["tied"]
        else ""
    )
    return (
        f"{facts['tied']:,} of {counted(facts['steps'], 'step', 'steps')} ({percent(share)}) "
        f"{plural(facts['tied'], 'has', 'have')} the time of a step of the same user beside "
        f"{plural(facts['tied'], 'it', 'them')}.{days}{drawn}"
    )


def _ids(facts: Mapping[str, Any], meta: Mapping[str, Any]) -> str:
    up, down = facts[ASCENDING], facts[DESCENDING]
    if not up + down:
        return ""
    start = (
        f"What users want next has a higher id than the last item of their history for {up:,} of "
        f"{counted(up + down, 'user', 'users')} ({percent(up / (up + down))})"
    )
    if facts["p"] >= SURE:
        return f"{start}, which chance gives as well ({probability(facts['p'])}, binomial test)."
    start += f", and chance would give half ({probability(facts['p'])}, binomial test)"
    if not suspicious(facts, meta):
        cause = "no times tie" if facts["tied"] == 0 else "the order within a moment is drawn"
        return f"{start}; as {cause}, ids that {'grow' if up > down else 'fall'} with time are the likelier reason."
    ties = "No times are known" if facts["tied"] is None else "Times tie"
    trust = "believe what is left where ids go down" if up > down else "the part where ids go down is not free of it"
    return f"{start}. {ties} here, so the order of a file may tell what comes next: {trust}."


def _directed(facts: Mapping[str, Any], meta: Mapping[str, Any]) -> str:
    """A warning where a learner reads an order that steps do not have."""
    names = [str(meta.get("models") or meta.get("learner"))] if meta.get("directed") else []
    names += [str(entry["title"]) for entry in meta.get("baselines", ()) if entry.get("directed")]
    tied = facts["tied"]
    loose = tied is None or facts["days"] or tied >= OFTEN * max(facts["steps"], 1)
    if not names or not loose:
        return ""
    why = (
        "nothing is known of times"
        if tied is None
        else "times are whole days"
        if facts["days"]
        else f"{percent(tied / facts['steps'])} of the steps are tied in time"
    )
    several = len(names) > 1
    who = f"The learners {listed(names, len(names))} read" if several else f"The learner {names[0]} reads"
    # what is asked of a shop has an order that is drawn (:meth:`RecommendTask.from_shop`), and no file's
    what = (
        "within a moment the order is drawn, so there is nothing to be learned from it there"
        if meta.get("shop")
        else "what is learned there may be the order of a file"
    )
    return f"{who} which of two steps came first, and {why}: {what}."
