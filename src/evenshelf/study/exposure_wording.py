"""Sentences about whose exposure grows and shrinks: every number in them is a field of what was found."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evenshelf.plurals import counted, plural
from evenshelf.study.fairness_wording import short, values_sentence
from evenshelf.study.wording import percent, value

if TYPE_CHECKING:
    from evenshelf.study.exposure import ListFairness


def exposure_sentences(found: ListFairness) -> tuple[str, ...]:
    """All there is to say: the catalogue, its parts, items, users."""
    skipped = [f"Users are not told apart by {name}: {why}." for name, why in found.skipped.items()]
    users = [values_sentence(found)] if found.values else []
    return (catalogue_sentence(found), parts_sentence(found), items_sentence(found), *users, *skipped)


def short_exposure_sentences(found: ListFairness) -> tuple[str, ...]:
    """What a terminal has room for."""
    return (catalogue_sentence(found), parts_sentence(found))


def catalogue_sentence(found: ListFairness) -> str:
    """How many items are shown at all, and how evenly."""
    return (
        f"In {counted(found.lists, 'list', 'lists')} of ten places, doing nothing shows {found.shown_before:,} of "
        f"{counted(found.items, 'item', 'items')} and {found.spec} {found.shown_after:,}; the Gini coefficient of the "
        f"places is {value(found.gini_before)}, then {value(found.gini_after)}, and that of what was wanted is "
        f"{value(found.gini_wanted)}."
    )


def parts_sentence(found: ListFairness) -> str:
    """Which parts of the catalogue have which share of the places."""
    told = [
        f"{part.part} {percent(part.before_share)} → {percent(part.after_share)} (wanted {percent(part.wanted_share)})"
        for part in found.parts
    ]
    return f"Share of the places under doing nothing and under {found.spec}: {', '.join(told)}."


def items_sentence(found: ListFairness) -> str:
    """How many items gain and lose lists, and which most."""
    total = found.gain + found.loss + found.same
    ends = [(verb, some[0]) for verb, some in (("gains", found.gaining), ("loses", found.losing)) if some]
    most = [f"; “{short(item.title or item.item)}” {verb} most ({_moved(item.change)})" for verb, item in ends]
    start = (
        f"Of {counted(total, 'item', 'items')}, {found.gain:,} {plural(found.gain, 'is', 'are')} in more lists, "
        f"{found.loss:,} in fewer and {found.same:,} in as many as before"
    )
    return f"{start}{''.join(most)}."


def _moved(lists: int) -> str:
    return f"{'+' if lists > 0 else '−'}{abs(lists):,}"
