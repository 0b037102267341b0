"""What each unit did, before and after its exposure: the table that everything of a readout is computed from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import polars as pl

from evenshelf.errors import InputError
from evenshelf.experiments.definition import Unit
from evenshelf.experiments.metrics import MEASURES, WHOLE
from evenshelf.shop import buckets
from evenshelf.shop.schema import TIME

BEFORE = "before"
"""Suffix of measures of the time before the exposure."""

GROUPS = ("head", "torso", "tail", "cold")

_ID = {"user": "user_id", "session": "session_id"}
_COLUMNS: dict[str, Any] = {
    "time": TIME,
    "user_id": pl.String,
    "session_id": pl.String,
    "item_id": pl.String,
    "kind": pl.String,
    "value": pl.Float64,
    "price": pl.Float64,
}
_ANSWERS = ("view", "click", "cart", "purchase", "rating")
"""Kinds of events that say what people want, rather than what they were shown or sent back."""


@dataclass(frozen=True, eq=False)
class Units:
    """Units with their measures.

    Attributes
    ----------
    frame
        One row for each unit: ``unit``, ``variant``, ``time`` (of its exposure), ``activity`` (head, torso, tail or
        cold by its events before), and a column for each measure; ``m`` is of the time after the exposure, ``m:before``
        of that before, ``m:head`` (torso, tail, cold) of the items of that group alone, ``m:head:before`` likewise.
    item_groups
        Number of items of each group.
    notes
        Sentences on what was left out.
    """

    frame: pl.DataFrame
    item_groups: Mapping[str, int]
    notes: tuple[str, ...] = ()

    def of_variant(self, variant: str) -> pl.DataFrame:
        """The rows of a variant."""
        return self.frame.filter(pl.col("variant") == variant)


def column(measure: str, group: str = "", *, before: bool = False) -> str:
    """Name of a column of :attr:`Units.frame`; measures that are not of single items have no groups."""
    parts = [measure, *([group] if group and measure not in WHOLE else []), *([BEFORE] if before else [])]
    return ":".join(parts)


def item_groups(events: pl.LazyFrame | pl.DataFrame, items: Sequence[str], until: datetime | None) -> pl.DataFrame:
    """Head, torso, tail and cold of the items by how often people chose them before an experiment.

    Parameters
    ----------
    events
        A shop's events; those that show what people want are counted (views, clicks, carts, purchases, ratings).
    items
        Ids of all that the shop sells; those without an event are cold.
    until
        Events from this moment on do not count: a group may not depend on what the experiment does.

    Returns
    -------
    polars.DataFrame
        ``item_id, group``; cut by :func:`evenshelf.shop.buckets`.
    """
    chosen = events.lazy().filter(pl.col("kind").is_in(_ANSWERS))
    if until is not None:
        chosen = chosen.filter(pl.col("time") < until)
    counted = chosen.group_by("item_id").agg(count=pl.len()).collect()
    known = pl.DataFrame({"item_id": pl.Series(items, dtype=pl.String)}).unique()
    all_items = known.join(counted, on="item_id", how="full", coalesce=True).sort("item_id")
    counts = all_items["count"].fill_null(0).to_numpy()
    return all_items.select("item_id", group=pl.Series(buckets(counts).tolist(), dtype=pl.String))


def measure_units(
    exposed: pl.DataFrame,
    events: pl.DataFrame | pl.LazyFrame,
    items: Sequence[str],
    *,
    unit: Unit = "user",
    measures: Sequence[str],
    before: int,
    ends: datetime | None = None,
    groups: pl.DataFrame | None = None,
) -> Units:
    """Add up what each unit did before and after its exposure.

    Parameters
    ----------
    exposed
        ``unit, variant, time``: one row for each unit, with its first exposure.
    events
        The shop's events (:data:`evenshelf.shop.schema.EVENTS`).
    items
        Ids of all that the shop sells.
    unit
        Whether units are users or sessions.
    measures
        Of :data:`~evenshelf.experiments.metrics.MEASURES`.
    before
        Days before each unit's own exposure that count as before, 0 or more.
    ends
        Events from this moment on do not count.
    groups
        ``item_id, group``; by default :func:`item_groups` of the events before the first exposure.

    Raises
    ------
    InputError
        If the events lack times, or none has an id of the unit.
    """
    lazy = _read(events.lazy())
    first = exposed["time"].min()
    cut = item_groups(lazy, items, first if isinstance(first, datetime) else None) if groups is None else groups
    named = lazy.filter(pl.col(_ID[unit]).is_not_null()).with_columns(unit=pl.col(_ID[unit]))
    notes = _left_out(lazy, unit)
    by_value = not lazy.filter(pl.col("kind") == "click").head(1).collect().height
    if by_value and "clicks" in measures:
        notes.append("The log has no events 'click': impressions whose value is 1 count as clicks.")
    joined = (
        named.join(exposed.lazy().select("unit", exposed_at="time"), on="unit", how="inner")
        .join(cut.lazy(), on="item_id", how="left")
        .with_columns(pl.col("group").fill_null("cold"), after=pl.col("time") >= pl.col("exposed_at"))
        .filter(pl.col("after") | (pl.col("time") >= pl.col("exposed_at") - timedelta(days=before)))
    )
    if ends is not None:
        joined = joined.filter(pl.col("time") < ends)
    wanted = [measure for measure in dict.fromkeys(measures) if measure != "units"]
    sums = [
        _sum(measure, group, by_value=by_value, after=after).alias(column(measure, group, before=not after))
        for measure in wanted
        for group in (("",) if measure in WHOLE else ("", *GROUPS))
        for after in (True, False)
    ]
    activity = (~pl.col("after") & pl.col("kind").is_in(_ANSWERS)).sum().alias("events:before")
    done = joined.group_by("unit").agg(*sums, activity).collect()
    frame = exposed.select("unit", "variant", "time").join(done, on="unit", how="left").sort("unit")
    frame = frame.with_columns(pl.col(name).fill_null(0).cast(pl.Float64) for name in done.columns if name != "unit")
    frame = frame.with_columns(
        pl.lit(1.0).alias("units"),
        pl.lit(1.0).alias(column("units", before=True)),
        activity=pl.Series(buckets(frame["events:before"].to_numpy().astype(np.int64)).tolist(), dtype=pl.String),
    )
    sizes = dict(cut["group"].value_counts().iter_rows())
    return Units(frame, {group: sizes.get(group, 0) for group in GROUPS}, tuple(notes))


def _read(events: pl.LazyFrame) -> pl.LazyFrame:
    names = events.collect_schema().names()
    missing = [name for name in ("time", "item_id", "kind") if name not in names]
    if missing:
        raise InputError(
            f"These events lack the column {', '.join(map(repr, missing))}: "
            "nobody knows what happened before and after an exposure.",
            hint="Ingest a log of events that has times.",
        )
    return events.select(
        pl.col(name).cast(dtype) if name in names else pl.lit(None, dtype).alias(name)
        for name, dtype in _COLUMNS.items()
    )


def _left_out(events: pl.LazyFrame, unit: Unit) -> list[str]:
    counted = events.select(
        all=pl.len(), nobody=pl.col(_ID[unit]).null_count(), never=pl.col("time").null_count()
    ).collect()
    total, nobody, never = counted.row(0)
    if total and total == nobody:
        raise InputError(
            f"No event names its {unit}, so nothing can be told of any.",
            hint=f"Ingest events with the column {_ID[unit]}, or assign by {'session' if unit == 'user' else 'user'}.",
        )
    notes = []
    if nobody:
        notes.append(f"{nobody:,} of {total:,} events name no {unit} and are left out.")
    if never:
        notes.append(f"{never:,} of {total:,} events have no time and are left out.")
    return notes


def _sum(measure: str, group: str, *, by_value: bool, after: bool) -> pl.Expr:
    """Sum of a measure over the events of a unit, after or before its exposure."""
    chosen = pl.col("after") if after else ~pl.col("after")
    if group:
        chosen &= pl.col("group") == group
    kind, pieces = pl.col("kind"), pl.col("value").fill_null(1.0)
    if measure == "sessions":
        return pl.col("session_id").filter(chosen).drop_nulls().n_unique()
    if measure == "buyers":
        return (chosen & (kind == "purchase")).any()
    if measure == "clicks" and by_value:
        return pl.col("value").filter(chosen & (kind == "impression")).sum()
    of_kind = {
        "impressions": "impression",
        "clicks": "click",
        "views": "view",
        "carts": "cart",
        "purchases": "purchase",
        "pieces": "purchase",
        "revenue": "purchase",
        "returns": "return",
    }
    if measure not in of_kind:
        raise InputError(f"There is no measure {measure!r}.", hint=f"Measures: {', '.join(MEASURES)}.")
    there = chosen & (kind == of_kind[measure])
    if measure == "revenue":
        return (pieces * pl.col("price").fill_null(0.0)).filter(there).sum()
    return pieces.filter(there).sum() if measure in ("pieces", "returns") else there.sum()
