"""The events of a shop at a glance: who did what when, how uneven items are, what makes evaluations lie."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from evenshelf.errors import InputError
from evenshelf.shop.profiling.chance import Artefact
from evenshelf.shop.profiling.event_artefacts import event_artefacts
from evenshelf.shop.profiling.imbalance import BUCKETS, Imbalance
from evenshelf.shop.schema import EVENTS

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from evenshelf.shop.progress import Progress
    from evenshelf.shop.store import Shop

_OWN_FORM = {"imbalance", "artefacts", "unit", "periods", "titles", "per_user", "per_session"}
NAMED = 20
"""So many of the most and of the least frequent items are named in JSON."""

EVENT_WARNINGS = ("unmatched_returns", "lost_zeros", "events_without_user", "events_without_time")
"""Those warnings of a shop that are about its events."""

UNITS = (("hour", "1h", 1), ("day", "1d", 24), ("week", "1w", 168), ("month", "1mo", 730), ("quarter", "1q", 2190))
"""Lengths of a period: name, as polars writes it, hours (about). A log that is too long for all is cut into years."""

MOST_PERIODS = 62
"""A log is cut into periods of the shortest length that gives at most about so many."""

TOPS = (0.01, 0.1, 0.2)
"""Shares of the items, most frequent first, whose share of the events is told."""

_POINTS = 51


@dataclass(frozen=True)
class Period:
    """A stretch of time: when it begins (ISO 8601, UTC) and its events by kind, kinds without events included."""

    start: str
    kinds: dict[str, int]


@dataclass(frozen=True)
class Spread:
    """Numbers of events, of each user or of each visit: median, 95th percentile and the most."""

    median: float
    p95: int
    most: int


@dataclass(frozen=True)
class Top:
    """So many of the most frequent items, their events, and both as shares of all from 0 to 1."""

    items: int
    events: int
    items_share: float
    events_share: float


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
    warnings
        Events worth a look, by name; see :data:`~evenshelf.shop.cleaning.rules.WARNINGS`.
    kinds
        Events by kind.
    users, items, sessions
        Distinct ones among the events.
    catalogue
        Items of the shop, with events or without.
    silent_items
        Items of the shop without an event.
    unknown_items, of_unknown_items
        Distinct items among the events that the shop does not have, and their events.
    per_user, per_session
        Events of those that are known; None if none is.
    without_user, without_time, without_session
        Events that lack it.
    first, last
        Time of the earliest and the latest event (ISO 8601, UTC); None without times.
    unit, periods
        Name of the length of a period, and the periods from the first event to the last, those without events
        included; None and empty without times.
    pieces_returned
        Share of the pieces bought that came back, from 0 to 1; None without purchases that say how many.
    imbalance
        Of the items, by number of events; items without an event are not counted.
    titles
        Titles of the :data:`NAMED` most and least frequent items by id, as far as the shop has them.
    artefacts
        What makes evaluations lie that were not made with it in mind.
    """

    shop: str
    rows: int
    rows_in: int
    quarantine: dict[str, int]
    warnings: dict[str, int]
    kinds: dict[str, int]
    users: int
    items: int
    sessions: int
    catalogue: int
    silent_items: int
    unknown_items: int
    of_unknown_items: int
    per_user: Spread | None
    per_session: Spread | None
    without_user: int
    without_time: int
    without_session: int
    first: str | None
    last: str | None
    unit: str | None
    periods: tuple[Period, ...]
    pieces_returned: float | None
    imbalance: Imbalance
    titles: dict[str, str]
    artefacts: tuple[Artefact, ...]

    def name(self, item: str) -> str:
        """Return what a reader calls an item: its title; with the id if another named item has it; else the id."""
        title = self.titles.get(item)
        if title is None:
            return item
        return title if list(self.titles.values()).count(title) == 1 else f"{title} ({item})"

    def concentration(self) -> tuple[Top, ...]:
        """Return a curve: the events of the most frequent items, from none of them to all, some hundred points.

        The ends of head, torso and tail are among the points. This is the Lorenz curve read from the other end.
        """
        size = len(self.imbalance.groups)
        ends = [int((self.imbalance.bucket == name).sum()) for name in BUCKETS]
        ranks = [np.linspace(0, size, _POINTS), np.geomspace(1, size, _POINTS), np.cumsum(ends)]
        return self._tops(np.unique(np.concatenate(ranks).round().astype(int)).tolist())

    def tops(self) -> tuple[Top, ...]:
        """Return the events of the :data:`TOPS` most frequent items; shares of less than one item are left out."""
        size = len(self.imbalance.groups)
        return self._tops(round(share * size) for share in TOPS if share * size >= 1)

    def _tops(self, ranks: Iterable[int]) -> tuple[Top, ...]:
        held = np.concatenate([[0], np.cumsum(self.imbalance.counts)])
        size, total = len(held) - 1, int(held[-1])
        return tuple(Top(rank, int(held[rank]), rank / size, int(held[rank]) / total) for rank in ranks)

    def to_dict(self) -> dict[str, Any]:
        """Return the profile, ready for JSON."""
        uneven = self.imbalance
        groups = [
            {"group": g, "title": self.titles.get(g), "examples": int(n), "bucket": str(b)}
            for g, n, b in zip(uneven.groups, uneven.counts, uneven.bucket, strict=True)
        ]
        return {
            **{name: getattr(self, name) for name in self.__dataclass_fields__ if name not in _OWN_FORM},
            "per_user": None if self.per_user is None else asdict(self.per_user),
            "per_session": None if self.per_session is None else asdict(self.per_session),
            "periods": {"unit": self.unit, "events": [asdict(period) for period in self.periods]},
            "imbalance": {
                **uneven.summary(),
                "sizes": {
                    name: [int(uneven.counts[inside].min()), int(uneven.counts[inside].max())]
                    for name in BUCKETS
                    if (inside := uneven.bucket == name).any()
                },
                "most_frequent": groups[:NAMED],
                "least_frequent": groups[-NAMED:],
            },
            "tops": [asdict(top) for top in self.tops()],
            "concentration": [asdict(top) for top in self.concentration()],
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
    time = pl.col("time")
    bought = pl.col("kind") == "purchase"
    counted = (
        events.select(
            without_user=pl.col("user_id").null_count(),
            without_time=time.null_count(),
            without_session=pl.col("session_id").null_count(),
            start=time.min(),
            end=time.max(),
            first=time.min().dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
            last=time.max().dt.strftime("%Y-%m-%dT%H:%M:%SZ"),
            pieces=pl.col("value").filter(bought).sum(),
            returned=pl.col("returned").filter(bought).sum(),
        )
        .collect(engine="streaming")
        .row(0, named=True)
    )
    kinds = events.group_by("kind").len().collect(engine="streaming").sort("len", "kind", descending=[True, False])
    items = events.group_by("item_id").len().collect(engine="streaming")
    by_kind: dict[str, int] = dict(kinds.iter_rows())
    imbalance = Imbalance.from_counts(dict(items.iter_rows()))
    pieces, returned = counted.pop("pieces"), counted.pop("returned")
    unit, periods = _periods(events, counted.pop("start"), counted.pop("end"), list(by_kind))
    users, per_user = _spread(events, "user_id")
    sessions, per_session = _spread(events, "session_id")
    refused = refused_of(shop, "events")
    catalogue = shop.scan("items").select("item_id", "title").collect()
    unknown = items.join(catalogue, on="item_id", how="anti")
    named = {*imbalance.groups[:NAMED], *imbalance.groups[-NAMED:]}
    return LogProfile(
        shop=str(shop.path),
        rows=shop.rows("events"),
        rows_in=shop.rows("events") + sum(refused.values()),
        quarantine=refused,
        warnings={name: shop.manifest.warnings[name] for name in EVENT_WARNINGS if name in shop.manifest.warnings},
        kinds=by_kind,
        users=users,
        items=items.height,
        sessions=sessions,
        catalogue=catalogue.height,
        silent_items=catalogue.join(items, on="item_id", how="anti").height,
        unknown_items=unknown.height,
        of_unknown_items=int(unknown["len"].sum()),
        per_user=per_user,
        per_session=per_session,
        unit=unit,
        periods=periods,
        pieces_returned=returned / pieces if pieces else None,
        imbalance=imbalance,
        titles=dict(catalogue.filter(pl.col("item_id").is_in(list(named))).sort("item_id").iter_rows()),
        artefacts=event_artefacts(events, progress=progress),
        **counted,
    )


def _spread(events: pl.LazyFrame, column: str) -> tuple[int, Spread | None]:
    """Count the distinct values of a column, and say how many events they have."""
    sizes = events.filter(pl.col(column).is_not_null()).group_by(column).len().collect(engine="streaming")["len"]
    if not len(sizes):
        return 0, None
    middle, high, most = sizes.median(), sizes.quantile(0.95, "nearest"), sizes.max()
    return len(sizes), Spread(float(middle), int(high), int(most))  # type: ignore[arg-type] # there are some


def _periods(
    events: pl.LazyFrame, start: datetime | None, end: datetime | None, kinds: list[str]
) -> tuple[str | None, tuple[Period, ...]]:
    """Cut the time from the first event to the last into periods of equal length, and count the events of each."""
    if start is None or end is None:
        return None, ()
    hours = (end - start).total_seconds() / 3600
    unit, every = next(
        ((name, every) for name, every, length in UNITS if hours / length <= MOST_PERIODS), ("year", "1y")
    )
    cut = pl.col("time").dt.truncate(every)
    counts = events.filter(pl.col("time").is_not_null()).group_by("kind", start=cut).len().collect(engine="streaming")
    edges = pl.select(pl.datetime_range(pl.lit(start).dt.truncate(every), pl.lit(end), every)).to_series()
    held = {(moment, kind): n for kind, moment, n in counts.iter_rows()}
    form = "%Y-%m-%dT%H:%MZ" if unit == "hour" else "%Y-%m-%d"
    return unit, tuple(
        Period(text, {kind: held.get((moment, kind), 0) for kind in kinds})
        for moment, text in zip(edges.to_list(), edges.dt.strftime(form).to_list(), strict=True)
    )


def refused_of(shop: Shop, table: str) -> dict[str, int]:
    """Rows of the quarantine that were meant for a table, by reason, most frequent first."""
    rows = shop.scan("quarantine").filter(pl.col("table") == table).group_by("reason").len().collect()
    return dict(rows.sort("len", "reason", descending=[True, False]).iter_rows())
