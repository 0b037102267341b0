"""What makes evaluations lie, as a page tells it: figures in the unit they were measured in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evenshelf.report.page import prose
from evenshelf.study.wording import percent

if TYPE_CHECKING:
    from collections.abc import Iterable

    from evenshelf.shop.profiling.chance import Artefact

CORRELATIONS = frozenset(
    {
        "file_order_follows_user_ids",
        "file_order_follows_item_ids",
        "file_order_follows_activity",
        "item_ids_follow_popularity",
        "items_in_order_of_ids",
    }
)
"""Artefacts whose figure is a rank correlation; those of all others are shares."""

UNITS = {
    "rank correlation": "1 if two orders are the same, 0 if they have nothing to do with each other, "
    "\N{MINUS SIGN}1 if one is the other reversed",
    "total variation distance": "the share of the events of one half that would have to go to other items for both "
    "halves to be alike",
}
"""What words of the trade mean that an artefact may be described with."""


@dataclass(frozen=True)
class Finding:
    """An artefact: what it is about, its name in plain words, and its figures with their units."""

    about: str
    name: str
    severity: str
    figure: str
    expected: str
    observations: int
    meaning: str
    advice: str


def findings(about: str, artefacts: Iterable[Artefact]) -> list[Finding]:
    """Artefacts of items or events, as a page tells them."""
    return [
        Finding(
            about,
            _sentence(artefact.name.replace("_", " ")),
            artefact.severity,
            _figure(artefact.name, artefact.figure),
            _figure(artefact.name, artefact.expected),
            artefact.observations,
            _sentence(prose(artefact.meaning)) + ".",
            prose(artefact.advice),
        )
        for artefact in artefacts
    ]


def terms(artefacts: Iterable[Artefact]) -> list[tuple[str, str]]:
    """The words of the trade that some artefacts are described with, and what they mean."""
    said = " ".join(artefact.meaning for artefact in artefacts)
    return [(term, meaning) for term, meaning in UNITS.items() if term in said]


def _figure(name: str, value: float) -> str:
    if name in CORRELATIONS:
        return f"{value:.2f}".replace("-", "\N{MINUS SIGN}")
    return prose(percent(value) if value else "0 %")


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
