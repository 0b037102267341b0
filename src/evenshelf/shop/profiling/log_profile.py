"""The events of a shop at a glance: who did what when, how uneven items are, what makes evaluations lie."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from evenshelf.errors import InputError
from evenshelf.shop.profiling.artefacts import event_artefacts
from evenshelf.shop.profiling.chance import Artefact
from evenshelf.shop.profiling.imbalance import Imbalance
from evenshelf.shop.schema import EVENTS

if TYPE_CHECKING:
    from evenshelf.shop.progress import Progress
    from evenshelf.shop.store import Shop

_OWN_FORM = {"imbalance", "artefacts"}
NAMED = 20
"""So many of the most frequent items are named in JSON."""


@dataclass(frozen=True)
class LogProfile:
    """What :func:`profile_log` found.

    Attributes
    ----------
    shop
        Its folder.
    rows, rows_in
        Events, and rows that were read to get them (events plus quarantine).
    quarantine
        Rows refused, by reason.
    kinds
        Events by kind.
    users, items, sessions
        Distinct ones among the events.
    without_user, without_time, without_session
        Events that lack it.
    first, last
        Time of the earliest and the latest event (ISO 8601, UTC); None without times.
    pieces_returned
        Share of the pieces bought that came back, from 0 to 1; None without purchases that say how many.
    imbalance
        Of the items, by number of events; items without an event are not counted.
    artefacts
        What makes evaluations lie that were not made with it in mind.
    """

    shop: str
    rows: int
    rows_in: int
    quarantine: dict[str, int]
    kinds: dict[str, int]
    users: int
    items: int
    sessions: int
    without_user: int
    without_time: int
    without_session: int
    first: str | None
    last: str | None
    pieces_returned: float | None
    imbalance: Imbalance
    artefacts: tuple[Artefact, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the profile, ready for JSON."""
        groups = list(zip(self.imbalance.groups, self.imbalance.counts, self.imbalance.bucket, strict=True))[:NAMED]
        return {
            **{name: getattr(self, name) for name in self.__dataclass_fields__ if name not in _OWN_FORM},
            "imbalance": {
                **self.imbalance.summary(),
                "most_frequent": [{"group": g, "examples": int(n), "bucket": str(b)} for g, n, b in groups],
            },
            "artefacts": [asdict(artefact) for artefact in self.artefacts],
        }


def profile_log(shop: Shop, *, progress: Progress | None = None) -> LogProfile:
    """Measure the events of a shop; they are read in a stream.

    Parameters
    ----------
    shop
        The shop.
    progress
        Told about the work as it goes on.

    Raises
    ------
    InputError
        If the shop has no events.
    """
    if not shop.rows("events"):
        raise InputError(
            f"the shop {shop.path} has no events", hint="Add some with: evenshelf ingest SHOP FILES --table events"
        )
    if progress is not None:
        progress("measuring events", 0, None)
    events = shop.scan("events")
    there = events.collect_schema().names()
    events = events.with_columns(pl.lit(None, c.dtype).alias(c.name) for c in EVENTS.columns if c.name not in there)
    time = pl.col("time").dt.strftime("%Y-%m-%dT%H:%M:%SZ")
    bought = pl.col("kind") == "purchase"
    counted = (
        events.select(
            users=pl.col("user_id").n_unique() - pl.col("user_id").is_null().any(),
            sessions=pl.col("session_id").n_unique() - pl.col("session_id").is_null().any(),
            without_user=pl.col("user_id").null_count(),
            without_time=pl.col("time").null_count(),
            without_session=pl.col("session_id").null_count(),
            first=time.min(),
            last=time.max(),
            pieces=pl.col("value").filter(bought).sum(),
            returned=pl.col("returned").filter(bought).sum(),
        )
        .collect(engine="streaming")
        .row(0, named=True)
    )
    kinds = events.group_by("kind").len().collect(engine="streaming").sort("len", "kind", descending=[True, False])
    items = events.group_by("item_id").len().collect(engine="streaming")
    pieces, returned = counted.pop("pieces"), counted.pop("returned")
    refused = refused_of(shop, "events")
    return LogProfile(
        shop=str(shop.path),
        rows=shop.rows("events"),
        rows_in=shop.rows("events") + sum(refused.values()),
        quarantine=refused,
        kinds=dict(kinds.iter_rows()),
        items=items.height,
        pieces_returned=returned / pieces if pieces else None,
        imbalance=Imbalance.from_counts(dict(items.iter_rows())),
        artefacts=event_artefacts(events, progress=progress),
        **counted,
    )


def refused_of(shop: Shop, table: str) -> dict[str, int]:
    """Rows of the quarantine that were meant for a table, by reason, most frequent first."""
    rows = shop.scan("quarantine").filter(pl.col("table") == table).group_by("reason").len().collect()
    return dict(rows.sort("len", "reason", descending=[True, False]).iter_rows())
