"""What a bundle shows a user: items with their places, and why each stands there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from evenshelf.rankers.grounds import AGAIN, CATEGORY, POPULAR, TEXT

SHORT = 40
"""Letters of a title in a sentence."""


@dataclass(frozen=True)
class Reason:
    """Why an item has its score.

    Attributes
    ----------
    kind
        ``taken`` (something of the history speaks for it), ``text`` (by what it is called), ``category`` (it is popular
        in a category of the history), ``again`` (it is in the history itself), or ``popular``.
    source
        Who says so: the kind of ranker, or of a learned blend the source that speaks most for the item.
    because
        Item of the history that speaks most for it, its title, and its share of all that speaks for it; ``None`` where
        nothing does.
    parts
        What each item of the history adds, the largest first, those that speak against it included.
    rest
        What does not come from the history.
    whole
        Sum of `parts` and `rest`; what it is of, see :class:`evenshelf.rankers.grounds.Grounds`.
    """

    kind: str
    source: str
    because: tuple[str, str, float] | None
    parts: tuple[tuple[str, float], ...]
    rest: float
    whole: float

    def __str__(self) -> str:
        if self.kind == AGAIN:
            return "you took it before"
        if self.kind == POPULAR or self.because is None:
            return "popular"
        item, title, share = self.because
        short = title if len(title) <= SHORT else f"{title[: SHORT - 1]}…"
        name = f"{short} ({item})" if title else item
        if self.kind == CATEGORY:
            return f"popular in the category of {name}"
        like = "attributes" if self.source.startswith("attributes") else "text"
        said = f"{like} similar to" if self.kind == TEXT else "because you took"
        by = f", says {self.source}" if "," in self.source else ""
        return f"{said} {name}: {share:.0%} of what speaks for it{by}"

    def to_dict(self) -> dict[str, Any]:
        """JSON-able, with all numbers."""
        because = None
        if self.because is not None:
            because = dict(zip(("item", "title", "share"), self.because, strict=True))
        return {
            "kind": self.kind,
            "source": self.source,
            "because": because,
            "parts": [{"item": item, "adds": amount} for item, amount in self.parts],
            "rest": self.rest,
            "whole": self.whole,
        }


@dataclass(frozen=True)
class Moved:
    """What a remedy did to the place of an item.

    Attributes
    ----------
    remedy
        Its spec.
    place
        From 1, where the item would stand without it.
    """

    remedy: str
    place: int


@dataclass(frozen=True)
class Shown:
    """An item in a list.

    Attributes
    ----------
    place
        From 1.
    item, title
        ``""`` where it has no title.
    category
        ``None`` where it has none.
    score
        Of the ranker, before a remedy; scores of one list can be compared, those of two need not.
    reason
        ``None`` if none was asked for.
    moved
        ``None`` if no remedy acts when lists are made, or no reason was asked for.
    """

    place: int
    item: str
    title: str
    category: str | None
    score: float
    reason: Reason | None = None
    moved: Moved | None = None

    @property
    def why(self) -> str:
        """Reason and what the remedy did, in a sentence."""
        said = [] if self.reason is None else [str(self.reason)]
        if self.moved is not None and self.moved.place != self.place:
            said.append(f"{self.moved.remedy}: from place {self.moved.place:,} to {self.place:,}")
        return "; ".join(said)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "place": self.place,
            "item": self.item,
            "title": self.title,
            "category": self.category,
            "score": self.score,
            "why": self.why,
            "reason": None if self.reason is None else self.reason.to_dict(),
            "place_without_remedy": None if self.moved is None else self.moved.place,
        }


def alone(names: Sequence[str]) -> str:
    """What remedies that look at all lists together do to one user who is asked for alone."""
    return (
        f"{' and '.join(names)} looks at the lists of all users who are asked for together: a user who is asked for "
        "alone gets another list than in the study"
    )


@dataclass(frozen=True)
class Recommended:
    """The list of one user.

    Attributes
    ----------
    shown
        Best first; fewer than were asked for where no more may be shown.
    history
        Items that it rests on, in their order.
    unknown
        Items of the history that the bundle does not know, each once.
    user
        ``None`` where items were given.
    notes
        What to know of it, a sentence each.
    """

    shown: tuple[Shown, ...]
    history: tuple[str, ...]
    unknown: tuple[str, ...] = ()
    user: str | None = None
    notes: tuple[str, ...] = ()

    @property
    def items(self) -> tuple[str, ...]:
        """Ids of what is shown."""
        return tuple(one.item for one in self.shown)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "user": self.user,
            "history": list(self.history),
            "unknown": list(self.unknown),
            "notes": list(self.notes),
            "shown": [one.to_dict() for one in self.shown],
        }
