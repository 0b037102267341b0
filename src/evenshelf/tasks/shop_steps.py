"""From the events of a shop to steps of histories: which count, how much each says, and what was taken together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from evenshelf.errors import InputError, SettingError
from evenshelf.shop.schema import TIME
from evenshelf.tasks.histories import Codes

if TYPE_CHECKING:
    from evenshelf.shop import Shop

STRENGTH = {"view": 1.0, "click": 1.0, "cart": 2.0, "rating": 2.0, "purchase": 4.0}
"""Kinds of events that say that an item is wanted, and how much a step of each counts against one of another."""
ALL = "all"
Grades = tuple[float, float]
"""Lowest and highest rating that was given."""
_READ: dict[str, Any] = {
    "time": TIME,
    "user_id": pl.String,
    "item_id": pl.String,
    "kind": pl.String,
    "value": pl.Float64,
    "returned": pl.Float64,
    "session_id": pl.String,
    "session_derived": pl.Boolean,
}
_HINT = "Ingest events with users and times: evenshelf ingest SHOP FILE --table events."


def wanted_kinds(target: str) -> tuple[str, ...]:
    """Kinds of events by their names with commas between them, or ``all``.

    Raises
    ------
    SettingError
        If a kind is none, or none is named.
    """
    if target.strip() == ALL:
        return tuple(STRENGTH)
    kinds = tuple(dict.fromkeys(word.strip() for word in target.split(",") if word.strip()))
    unknown = [kind for kind in kinds if kind not in STRENGTH]
    if unknown or not kinds:
        raise SettingError(
            f"{', '.join(unknown) or 'Nothing'} is no kind of event to learn from.",
            hint=f"--target takes {ALL}, or kinds with commas: {', '.join(STRENGTH)}.",
        )
    return kinds


def wanted_events(shop: Shop, kinds: Sequence[str]) -> tuple[pl.DataFrame, dict[str, int]]:
    """User, item, moment, basket and strength of what counts; and how many events were left out, by reason.

    Raises
    ------
    InputError
        If there are no such events, or they have no users or times.
    """
    _check_events(shop)
    columns = shop.scan("events").collect_schema().names()
    read = shop.scan("events").select(
        pl.col(c) if c in columns else pl.lit(None, kind).alias(c) for c, kind in _READ.items()
    )
    found = read.filter(pl.col("kind").is_in(list(kinds))).collect(engine="streaming")
    kept, dropped = _counted(found, _grades(found), kinds)
    if not kept.height:
        raise _none(shop, kinds)
    return kept, dropped


def wanted_batches(shop: Shop, kinds: Sequence[str], size: int) -> Iterator[pl.DataFrame]:
    """The events of :func:`wanted_events`, read from disk at most so many at a time.

    Raises
    ------
    InputError
        As there.
    """
    _check_events(shop)
    grades: Grades | None = None
    if "rating" in kinds:
        for batch in _batches(shop, size, ("time", "user_id", "kind", "value")):
            ends = [end for one in (grades, _grades(batch)) if one is not None for end in one]
            grades = (min(ends), max(ends)) if ends else None
    some = False
    for batch in _batches(shop, size, tuple(_READ)):
        kept, _ = _counted(batch.filter(pl.col("kind").is_in(list(kinds))), grades, kinds)
        some |= kept.height > 0
        yield kept
    if not some:
        raise _none(shop, kinds)


def as_steps(events: pl.DataFrame) -> pl.DataFrame:
    """Steps in order, users one after another: one for an item in a basket, as strong as its strongest event.

    Parameters
    ----------
    events
        As of :func:`wanted_events`, with a column ``_drawn`` that decides the order within a moment. They have all
        events of each user.
    """
    # of baskets that begin at one moment the order is by a hash: that of their ids would be read
    ordered = events.with_columns(
        _begin=pl.col("time").min().over("user_id", "_basket"), _turn=pl.col("_basket").hash(seed=0)
    ).sort("user_id", "_begin", "_turn", "_basket", "time", "_drawn")
    return ordered.with_columns(
        pl.col("_strength").max().over("user_id", "_basket", "item_id"),
        _first=pl.struct("user_id", "_basket", "item_id").is_first_distinct(),
    ).filter("_first")


def numbered_baskets(steps: pl.DataFrame) -> Codes:
    """``[N]`` number of the basket of each step of :func:`as_steps`, as histories have it."""
    return steps.select(pl.struct("user_id", "_basket").rle_id()).to_series().to_numpy().astype(np.int64)


def _batches(shop: Shop, size: int, columns: Sequence[str]) -> Iterator[pl.DataFrame]:
    from pyarrow import parquet  # noqa: PLC0415 - slow to import

    for part in shop.manifest.tables["events"].parts:
        with parquet.ParquetFile(shop.path / part.file) as file:
            there = [name for name in columns if name in file.schema_arrow.names]
            for batch in file.iter_batches(size, columns=there):
                read = pl.DataFrame(pl.from_arrow(batch))
                yield read.select(pl.col(c) if c in there else pl.lit(None, _READ[c]).alias(c) for c in columns)


def _grades(found: pl.DataFrame) -> Grades | None:
    known = pl.col("user_id").is_not_null() & pl.col("time").is_not_null()
    grades = found.filter(known & (pl.col("kind") == "rating"))["value"]
    if not grades.len() or grades.max() is None:
        return None
    return float(grades.min() or 0.0), float(grades.max() or 0.0)  # type: ignore[arg-type]


def _counted(found: pl.DataFrame, grades: Grades | None, kinds: Sequence[str]) -> tuple[pl.DataFrame, dict[str, int]]:
    """What counts of some events, by the grades of all, and how many do not."""
    dropped: dict[str, int] = {}

    def keep(why: str, rule: pl.Expr) -> None:
        nonlocal found
        kept = found.filter(rule.fill_null(value=False))
        if kept.height < found.height:
            dropped[why] = found.height - kept.height
        found = kept

    keep("of nobody known", pl.col("user_id").is_not_null())
    keep("without a time", pl.col("time").is_not_null())
    keep(
        "sent back", (pl.col("kind") != "purchase") | (pl.col("returned").fill_null(0.0) < pl.col("value").fill_null(1))
    )
    if grades is not None:
        low, high = grades
        liked = pl.col("value").fill_null(high) >= (low + high) / 2
        keep("rated below the middle", (pl.col("kind") != "rating") | liked)
    derived = pl.col("session_derived").fill_null(value=False)
    session = pl.when(pl.col("session_id").is_not_null() & ~derived).then(pl.col("session_id"))
    # the weakest kind that is asked for counts one: learners hold strengths against constants
    weakest = min(STRENGTH[kind] for kind in kinds)
    strength = {kind: STRENGTH[kind] / weakest for kind in kinds}
    return (
        found.select(
            "user_id",
            "item_id",
            "time",
            _basket=session.otherwise(pl.col("time").dt.epoch("us").cast(pl.String)),
            _strength=pl.col("kind").replace_strict(strength, return_dtype=pl.Float32),
        ),
        dropped,
    )


def _check_events(shop: Shop) -> None:
    if "events" not in shop.tables:
        raise InputError(f"The shop {shop.path} has no events.", hint=_HINT)


def _none(shop: Shop, kinds: Sequence[str]) -> InputError:
    what = f"The shop {shop.path} has no events of the kinds {', '.join(kinds)} with a user and a time."
    return InputError(what, hint=_HINT)
