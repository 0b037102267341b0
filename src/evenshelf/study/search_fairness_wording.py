"""Sentences about which queries and items gain and lose: every number in them is a field of what was found."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from evenshelf.plurals import counted, plural
from evenshelf.study.fairness_wording import short
from evenshelf.study.search_fairness import ITEMS, QUERIES
from evenshelf.study.search_judge import SCRIPT
from evenshelf.study.wording import LISTED, listed, percent, probability, signed, value

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evenshelf.study.search_fairness import QueryChange, SearchFairness
    from evenshelf.study.trait_fairness import TraitValue

SCRIPTS = {
    "latin": "in Latin letters",
    "han": "in Chinese characters",
    "kana": "in kana",
    "hangul": "in Hangul",
    "thai": "in Thai letters",
    "other": "in no script that is told apart",
}
"""What scripts are called."""


def search_sentences(found: SearchFairness) -> tuple[str, ...]:
    """All there is to say: queries, parts of queries and items, what is shown."""
    said = (queries_sentence(found), parts_sentence(found), shown_sentence(found))
    return tuple(sentence for sentence in said if sentence)


def short_search_sentences(found: SearchFairness) -> tuple[str, ...]:
    """What a terminal has room for."""
    return (parts_sentence(found), queries_sentence(found))


def queries_sentence(found: SearchFairness) -> str:
    """How many queries gain, lose and stay, and which most."""
    start = (
        f"Of {counted(found.queries, 'query', 'queries')}, {found.gain:,} {plural(found.gain, 'is', 'are')} answered "
        f"better in the first ten places, {found.loss:,} worse and {found.same:,} as before"
    )
    ends = [(verb, some[0]) for verb, some in (("gains", found.gaining), ("loses", found.losing)) if some]
    most = [f"; “{short(change.query)}” {verb} most ({_ends(change)})" for verb, change in ends]
    return f"{start}{''.join(most)}."


def parts_sentence(found: SearchFairness) -> str:
    """Which parts of queries and items are shown to gain or to lose."""
    tested = len(found.values)
    gains = sorted((v for v in found.values if found.shown(v) and v.diff.value > 0), key=lambda v: -v.diff.value)
    losses = sorted((v for v in found.values if found.shown(v) and v.diff.value < 0), key=lambda v: v.diff.value)
    if not gains and not losses:
        clearest = min(found.values, key=lambda v: (v.diff.p, -abs(v.diff.value)))
        return (
            f"None of {tested} parts of queries and items is shown to gain or to lose in NDCG@10 under {found.spec}; "
            f"the clearest change is that of {_told(clearest)}, {probability(clearest.p_holm)} after Holm's correction."
        )
    said = [
        f"{len(side)} {plural(len(side), 'is', 'are')} shown to {verb}: {_named(side)}"
        if side
        else f"none is shown to {verb}"
        for side, verb in ((gains, "gain"), (losses, "lose"))
    ]
    return (
        f"Of {tested} parts of queries and items, tested together in NDCG@10 (Holm's correction), under {found.spec} "
        f"{said[0]}; {said[1]}."
    )


def shown_sentence(found: SearchFairness) -> str:
    """What the first ten places hold; "" where that is not known."""
    said = []
    for name, words in (
        ("coverage", "{} of all items are among the first ten of some query"),
        ("tail_items_shown", "tail and cold items have {} of these places"),
        ("zero_results", "{} of the queries find nothing"),
    ):
        sides = [side.get(name, math.nan) for side in (found.shown_before, found.shown_after)]
        if all(map(math.isfinite, sides)):
            said.append(words.format(f"{percent(sides[0])} → {percent(sides[1])}"))
    return f"From doing nothing to {found.spec}, {listed(said, len(said))}." if said else ""


def pooling_sentence(found: SearchFairness) -> str:
    """What parts of items mean, and which scripts are told of."""
    said = [
        "A query has a value for a part of the items if one of them answers it, and then only these count as wanted."
    ]
    if found.rest or any(v.trait == SCRIPT for v in found.values):
        said.append(f"A script is told of by itself from {found.enough} queries on; the others are pooled.")
    if found.rest:
        said.append(f"Too few even so: {counted(sum(found.rest.values()), 'query', 'queries')}.")
    return " ".join(said)


def part_name(v: TraitValue) -> str:
    """What a part is called: ``tail queries``, ``cold items``, ``queries in Latin letters``."""
    if v.trait in (QUERIES, ITEMS):
        return f"{v.value} {v.trait}"
    if v.kind == "others":
        return f"queries in {counted(v.pooled, 'other script', 'other scripts')}"
    return f"queries {SCRIPTS.get(v.value, f'in the script {v.value!r}')}"


def _named(side: Sequence[TraitValue]) -> str:
    rest = f" and {len(side) - LISTED} more" if len(side) > LISTED else ""
    return f"{', '.join(_told(v) for v in side[:LISTED])}{rest}"


def _told(v: TraitValue) -> str:
    return f"{part_name(v)} {signed(v.diff.value)} ({signed(v.diff.low)} to {signed(v.diff.high)})"


def _ends(change: QueryChange) -> str:
    return f"{value(change.before)} → {value(change.after)}"
