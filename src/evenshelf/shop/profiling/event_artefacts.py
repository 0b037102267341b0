"""Artefacts of logs: what a model can read off ids, file order and ties that no customer shows.

A detector is a value in :data:`EVENT_DETECTORS`; what it needs to speak up is in
:mod:`evenshelf.shop.profiling.chance`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from evenshelf.shop.profiling.chance import Detector, Measured, correlation, counted, share_up
from evenshelf.shop.profiling.order_statistics import nth_smallest
from evenshelf.shop.profiling.places import placed
from evenshelf.shop.schema import PROVENANCE

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from evenshelf.shop.profiling.chance import Artefact
    from evenshelf.shop.progress import Progress

SAMPLE = 2_000_000
"""Ties are looked at in the events of so many users, drawn at random, that they have about so many events. Users with
more than that are left out: they are no persons, but what a shop calls those whom it does not know."""

_DRAWS = 20
_BLOCK = 1_000


@dataclass(frozen=True, eq=False)
class Log:
    """A log boiled down: who and what there is, and a sample of users with their events in order.

    Attributes
    ----------
    users, items
        ``id`` (sorted as ids are counted), ``n`` events, ``place`` (mean place in the files); of items also
        ``first`` (events in the earlier half) and ``timed`` (events in either half).
    steps
        Events of sampled users: ``user``, ``time``, ``item`` (ranks of the ids), by user, time and place.
    moments
        Events of sampled stretches of the files: ``run`` (events next to each other of one moment), ``user``.
    """

    users: pl.DataFrame
    items: pl.DataFrame
    steps: pl.DataFrame
    moments: pl.DataFrame


def _ties_by_item(log: Log) -> Measured | None:
    return share_up(log.steps, ["user", "time"], "item")


def _ties_by_user(log: Log) -> Measured | None:
    return share_up(log.moments, ["run"], "user")


def _last_step(log: Log) -> Measured | None:
    """Measure how often the last of a user's events, if of the same moment as the one before, goes to a higher id."""
    last = log.steps.group_by("user", maintain_order=True).tail(2)
    up = last.group_by("user", maintain_order=True).agg(
        tied=(pl.col("time").first().eq_missing(pl.col("time").last())) & (pl.len() == 2),
        up=pl.col("item").last() - pl.col("item").first(),
    )
    steps = up.filter(pl.col("tied") & (pl.col("up") != 0))["up"].to_numpy() > 0
    return Measured(float(steps.mean()), 0.5, 0.5 / np.sqrt(steps.size), int(steps.size)) if steps.size else None


def _users_in_order(log: Log) -> Measured | None:
    return correlation(log.users["place"].to_numpy(), np.arange(log.users.height))


def _items_in_order(log: Log) -> Measured | None:
    return correlation(log.items["place"].to_numpy(), np.arange(log.items.height))


def _users_by_activity(log: Log) -> Measured | None:
    return correlation(log.users["place"].to_numpy(), log.users["n"].to_numpy())


def _ids_by_popularity(log: Log) -> Measured | None:
    return correlation(log.items["n"].to_numpy(), np.arange(log.items.height))


def _drift(log: Log, generator: np.random.Generator) -> Measured | None:
    """Measure the total variation distance between the popularity of items in the earlier and the later half.

    What chance gives is taken from splits that deal the same events out at random.
    """
    count = log.items["timed"].to_numpy().astype(np.int64)
    first = log.items["first"].to_numpy().astype(np.int64)
    early, late = int(first.sum()), int((count - first).sum())
    if early == 0 or late == 0:
        return None

    def distance(part: NDArray[np.int64]) -> float:
        return float(np.abs(part / early - (count - part) / late).sum() / 2)

    draws = generator.multivariate_hypergeometric(count, early, size=_DRAWS, method="marginals")
    by_chance = np.array([distance(draw) for draw in draws])
    return Measured(distance(first), float(by_chance.mean()), float(by_chance.std(ddof=1)), early + late)


EVENT_DETECTORS: tuple[tuple[Detector, Callable[[Log], Measured | None]], ...] = (
    (
        Detector(
            "ties_follow_item_ids",
            "events of a user of one time (or of none) stand in the order of item ids: share of steps to a higher id",
            "Treat events of one moment as a set, or put them in random order, before a model may see their order.",
            least=0.03,
            strong=0.1,
        ),
        _ties_by_item,
    ),
    (
        Detector(
            "last_step_follows_item_ids",
            "the last event of a user, which leave-one-out asks for, goes to a higher item id than the one before, "
            "of the same time (or none): share of users",
            "Hold out all events of the last moment, or report beside the rest a model that only knows ids.",
            least=0.03,
            strong=0.1,
        ),
        _last_step,
    ),
    (
        Detector(
            "ties_follow_user_ids",
            "events of one time stand in the order of user ids: share of steps to a higher id",
            "Do not split such events by their place in the file: the parts would hold other users.",
            least=0.03,
            strong=0.25,
        ),
        _ties_by_user,
    ),
    (
        Detector(
            "file_order_follows_user_ids",
            "users come in the order of their ids: rank correlation",
            "Draw users at random for samples and splits; never take the first rows.",
            least=0.1,
            strong=0.9,
        ),
        _users_in_order,
    ),
    (
        Detector(
            "file_order_follows_item_ids",
            "items come in the order of their ids: rank correlation, so an id tells how early an item was first seen",
            "Do not use ids or places in the file as features, and break ties at random.",
            least=0.1,
            strong=0.5,
        ),
        _items_in_order,
    ),
    (
        Detector(
            "file_order_follows_activity",
            "busy users stand at one end of the file: rank correlation of a user's place and number of events",
            "Draw users at random for samples and splits; never take the first rows.",
            least=0.1,
            strong=0.3,
        ),
        _users_by_activity,
    ),
    (
        Detector(
            "item_ids_follow_popularity",
            "ids tell how popular items are in the whole log, test period included: rank correlation",
            "Do not use ids as features, and break ties at random, not by id.",
            least=0.1,
            strong=0.3,
        ),
        _ids_by_popularity,
    ),
)
"""What is looked for in events, and how. Popularity drift is looked for as well; see :data:`DRIFT`."""

DRIFT = Detector(
    "popularity_drift",
    "items are not equally popular in the earlier and the later half: total variation distance of the two",
    "Split by time: a random split lets models know what becomes popular later.",
    least=0.05,
    strong=0.2,
    both_sides=False,
)
"""The detector that needs random numbers of its own."""


def event_artefacts(events: pl.LazyFrame, *, seed: int = 0, progress: Progress | None = None) -> tuple[Artefact, ...]:
    """Find artefacts of a log.

    Parameters
    ----------
    events
        Columns ``time``, ``user_id``, ``item_id`` and those of :data:`~evenshelf.shop.schema.PROVENANCE`. The place
        of an event is its line; events of one line are in the order of the rows. Only figures of users and items and
        a sample of at most about :data:`SAMPLE` events are brought into memory, however long the log is.
    seed
        Decides the sample and the random splits that drift is compared with.
    progress
        Told about the work as it goes on.

    Returns
    -------
    tuple of Artefact
        What was found, in the order of the detectors.
    """
    if progress is not None:
        progress("looking for artefacts of events", 0, None)
    generator = np.random.default_rng(seed)
    log = boiled_down(placed(events), generator)
    if log is None:
        return ()
    found = [detector.judge(measure(log)) for detector, measure in EVENT_DETECTORS]
    found.append(DRIFT.judge(_drift(log, generator)))
    return tuple(artefact for artefact in found if artefact is not None)


def boiled_down(events: pl.LazyFrame, generator: np.random.Generator) -> Log | None:
    """Boil down events with places (:func:`~evenshelf.shop.profiling.places.placed`); None if there are none."""
    files = (
        events.group_by("source_id", "source_file")
        .agg(lines=pl.col("source_line").max())
        .collect(engine="streaming")
        .sort("source_file", "source_id")
        .select("source_id", "source_file", before=pl.col("lines").cum_sum() - pl.col("lines"))
    )
    log = (
        events.select(*PROVENANCE, "time", "user_id", "item_id")
        .with_row_index("row")
        .join(files.lazy(), on=["source_id", "source_file"])
        .select("row", "time", "user_id", "item_id", place=pl.col("before") + pl.col("source_line"))
    )
    size = events.select(rows=pl.len(), timed=pl.col("time").count()).collect(engine="streaming").row(0, named=True)
    if size["rows"] == 0:
        return None
    early = _early(log, events, size["rows"], size["timed"])

    def figures(name: str) -> pl.DataFrame:
        found = (
            log.filter(pl.col(name).is_not_null())
            .group_by(name)
            .agg(n=pl.len(), place=pl.col("place").mean(), first=early.sum(), timed=early.count())
            .collect(engine="streaming")
        )
        return found.with_columns(counted(found[name])).sort("rank")

    users, items = figures("user_id"), figures("item_id")
    order = generator.permutation(users.height)
    drawn = users[order].filter(pl.col("n") <= SAMPLE).filter(pl.col("n").cum_sum() - pl.col("n") < SAMPLE)
    # Ids are dropped before anything is brought into memory: they are most of an event.
    steps = (
        log.join(drawn.lazy().select("user_id", user="rank"), on="user_id")
        .join(items.lazy().select("item_id", item="rank"), on="item_id")
        .select("user", "time", "place", "row", "item")
        .collect(engine="streaming")
        .sort("user", "time", "place", "row")
        .select("user", "time", "item")
    )
    blocks = size["rows"] // _BLOCK + 1
    stride = -(-blocks * _BLOCK // SAMPLE)
    moments = (
        log.filter(pl.col("row") // _BLOCK % stride == 0, pl.col("time").is_not_null())
        .join(users.lazy().select("user_id", user="rank"), on="user_id")
        .select("row", "time", "place", "user")
        .collect(engine="streaming")
        .sort("place", "row")
        .select("user", run=pl.struct("time", pl.col("row") // _BLOCK).rle_id())
    )
    return Log(users.rename({"user_id": "id"}), items.rename({"item_id": "id"}), steps, moments)


def _early(log: pl.LazyFrame, times: pl.LazyFrame, rows: int, timed: int) -> pl.Expr:
    """Say of each event whether it is of the earlier half: by time, or by its place where no event has a time.

    Null for events without a time among such that have one: nobody knows their half.
    """
    if timed == 0:
        return pl.col("place") <= nth_smallest(log.select("place"), (rows - 1) // 2)
    middle = nth_smallest(times.select(pl.col("time").to_physical()), timed // 2)
    return pl.col("time").to_physical() < middle
