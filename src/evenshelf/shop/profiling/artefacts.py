"""Artefacts that make evaluation lie: what a model can read off ids, file order and ties that no customer shows.

A detector is a value in :data:`EVENT_DETECTORS` or :data:`ITEM_DETECTORS`; what it needs to speak up is in
:mod:`evenshelf.shop.profiling.chance`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from evenshelf.errors import SettingError
from evenshelf.shop.duplicates import title_groups
from evenshelf.shop.label_words import label_held
from evenshelf.shop.profiling.chance import Detector, Measured, correlation, counted, same_as_neighbour, share_up
from evenshelf.shop.schema import EVENTS, PROVENANCE

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from evenshelf.shop.profiling.chance import Artefact
    from evenshelf.shop.progress import Progress

TEST_SHARE = 0.2
"""Share of rows in the test part of the split that near-duplicates are counted for."""

SAMPLE = 2_000_000
"""Ties are looked at in the events of so many users, drawn at random, that they have about so many events."""

_DRAWS = 20
_BLOCK = 1_000


@dataclass(frozen=True, eq=False)
class _Log:
    """A log boiled down: who and what there is, and a sample of users with their events in order.

    Attributes
    ----------
    users, items
        ``id`` (sorted as ids are counted), ``n`` events, ``place`` (mean place in the files); of items also ``first``
        (events in the earlier half).
    steps
        Events of sampled users: ``user``, ``time``, ``item`` (ranks of the ids), by user, time and place.
    moments
        Events of sampled stretches of the files: ``run`` (events next to each other of one moment), ``user``.
    """

    users: pl.DataFrame
    items: pl.DataFrame
    steps: pl.DataFrame
    moments: pl.DataFrame


def _ties_by_item(log: _Log) -> Measured | None:
    return share_up(log.steps, ["user", "time"], "item")


def _ties_by_user(log: _Log) -> Measured | None:
    return share_up(log.moments, ["run"], "user")


def _last_step(log: _Log) -> Measured | None:
    """Measure how often the last of a user's events, if of the same moment as the one before, goes to a higher id."""
    last = log.steps.group_by("user", maintain_order=True).tail(2)
    up = last.group_by("user", maintain_order=True).agg(
        tied=(pl.col("time").first().eq_missing(pl.col("time").last())) & (pl.len() == 2),
        up=pl.col("item").last() - pl.col("item").first(),
    )
    steps = up.filter(pl.col("tied") & (pl.col("up") != 0))["up"].to_numpy() > 0
    return Measured(float(steps.mean()), 0.5, 0.5 / np.sqrt(steps.size), int(steps.size)) if steps.size else None


def _users_in_order(log: _Log) -> Measured | None:
    return correlation(log.users["place"].to_numpy(), np.arange(log.users.height))


def _items_in_order(log: _Log) -> Measured | None:
    return correlation(log.items["place"].to_numpy(), np.arange(log.items.height))


def _users_by_activity(log: _Log) -> Measured | None:
    return correlation(log.users["place"].to_numpy(), log.users["n"].to_numpy())


def _ids_by_popularity(log: _Log) -> Measured | None:
    return correlation(log.items["n"].to_numpy(), np.arange(log.items.height))


def _drift(log: _Log, generator: np.random.Generator) -> Measured | None:
    """Measure the total variation distance between the popularity of items in the earlier and the later half.

    What chance gives is taken from splits that deal the same events out at random.
    """
    count = log.items["n"].to_numpy().astype(np.int64)
    first = log.items["first"].to_numpy().astype(np.int64)
    early, late = int(first.sum()), int((count - first).sum())
    if early == 0 or late == 0:
        return None

    def distance(part: NDArray[np.int64]) -> float:
        return float(np.abs(part / early - (count - part) / late).sum() / 2)

    draws = generator.multivariate_hypergeometric(count, early, size=_DRAWS, method="marginals")
    by_chance = np.array([distance(draw) for draw in draws])
    return Measured(distance(first), float(by_chance.mean()), float(by_chance.std(ddof=1)), early + late)


EVENT_DETECTORS: tuple[tuple[Detector, Callable[[_Log], Measured | None]], ...] = (
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
        a sample of at most about :data:`SAMPLE` events are brought into memory.
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
    log = _boiled_down(_placed(events), generator)
    if log is None:
        return ()
    found = [detector.judge(measure(log)) for detector, measure in EVENT_DETECTORS]
    found.append(DRIFT.judge(_drift(log, generator)))
    return tuple(artefact for artefact in found if artefact is not None)


def _placed(rows: pl.LazyFrame) -> pl.LazyFrame:
    """Rows with a place in a file; those that came from none stand in the order of their table."""
    there = rows.collect_schema().names()
    missing = [pl.lit(None, c.dtype).alias(c.name) for c in EVENTS.columns if c.name in PROVENANCE]
    rows = rows.with_columns(c for c in missing if c.meta.output_name() not in there)
    if not rows.select(pl.col("source_line").has_nulls()).collect(engine="streaming").item():
        return rows  # counting rows would hold a number for each of them
    return rows.with_columns(
        pl.col("source_id").fill_null(""),
        pl.col("source_file").fill_null(""),
        pl.col("source_line").fill_null(pl.int_range(pl.len(), dtype=pl.Int64) + 1),
    )


def _boiled_down(events: pl.LazyFrame, generator: np.random.Generator) -> _Log | None:
    files = (
        events.group_by("source_id", "source_file")
        .agg(lines=pl.col("source_line").max())
        .collect(engine="streaming")
        .sort("source_file", "source_id")
        .select("source_id", "source_file", before=pl.col("lines").cum_sum() - pl.col("lines"))
    )
    placed = (
        events.select(*PROVENANCE, "time", "user_id", "item_id")
        .with_row_index("row")
        .join(files.lazy(), on=["source_id", "source_file"])
        .select("row", "time", "user_id", "item_id", place=pl.col("before") + pl.col("source_line"))
    )
    half = placed.select(
        rows=pl.len(), time=pl.col("time").median(), place=pl.col("place").median(), lines=pl.col("place").max()
    ).collect(engine="streaming")
    if half["rows"].item() == 0:
        return None
    middle = half["time"].item()
    early = (
        pl.col("place") <= half["place"].item() if middle is None else (pl.col("time") < middle).fill_null(value=True)
    )

    def figures(name: str) -> pl.DataFrame:
        found = (
            placed.filter(pl.col(name).is_not_null())
            .group_by(name)
            .agg(n=pl.len(), place=pl.col("place").mean(), first=early.sum())
            .collect(engine="streaming")
        )
        return found.with_columns(counted(found[name])).sort("rank")

    users, items = figures("user_id"), figures("item_id")
    order = generator.permutation(users.height)
    drawn = users[order].filter(pl.col("n").cum_sum() - pl.col("n") < SAMPLE)
    ranked = items.lazy().select("item_id", item="rank")
    steps = (
        placed.join(drawn.lazy().select("user_id", user="rank"), on="user_id")
        .join(ranked, on="item_id")
        .collect(engine="streaming")
        .sort("user", "time", "place", "row")
        .select("user", "time", "item")
    )
    blocks = int(half["rows"].item()) // _BLOCK + 1
    stride = -(-blocks * _BLOCK // SAMPLE)
    moments = (
        placed.filter(pl.col("row") // _BLOCK % stride == 0, pl.col("time").is_not_null())
        .join(users.lazy().select("user_id", user="rank"), on="user_id")
        .collect(engine="streaming")
        .sort("place", "row")
        .select("user", run=pl.struct("time", pl.col("row") // _BLOCK).rle_id())
    )
    return _Log(users.rename({"user_id": "id"}), items.rename({"item_id": "id"}), steps, moments)


NEIGHBOURS_IN_FILE = Detector(
    "labels_in_file_order",
    "an item has the label of the one before it in the file: share of rows",
    "Shuffle before splitting and training; never take the first rows or split by place.",
    least=0.03,
    strong=0.1,
    both_sides=False,
)
NEIGHBOURS_BY_ID = Detector(
    "labels_in_item_ids",
    "an item has the label of the one with the next lower id: share of rows, so ids tell labels",
    "Never use the id, or anything made of it, as a feature.",
    least=0.03,
    strong=0.1,
    both_sides=False,
)
IDS_IN_FILE = Detector(
    "items_in_order_of_ids",
    "items stand in the order of their ids: rank correlation",
    "Shuffle before splitting; a split by place is a split by id, and often by age.",
    least=0.1,
    strong=0.9,
)
LABELS_IN_TITLES = Detector(
    "label_words_in_titles",
    "the title holds the whole label: share of rows with a label, beside that of labels dealt out at random",
    "Report the rows without their label in the title on their own: they are the test of understanding.",
    least=0.05,
    strong=0.2,
    both_sides=False,
)
COPIES_ACROSS_SPLITS = Detector(
    "near_duplicates_across_splits",
    f"share of the rows of a random {TEST_SHARE:.0%} test part that have a copy or near-copy in training",
    "Split by title groups, as evenshelf's folds do.",
    least=0.01,
    strong=0.05,
    both_sides=False,
)
ITEM_DETECTORS = (NEIGHBOURS_IN_FILE, NEIGHBOURS_BY_ID, IDS_IN_FILE, LABELS_IN_TITLES, COPIES_ACROSS_SPLITS)
"""What is looked for in items."""


def item_artefacts(
    items: pl.DataFrame, target: str = "category", *, seed: int = 0, progress: Progress | None = None
) -> tuple[Artefact, ...]:
    """Find artefacts of a table of items.

    Parameters
    ----------
    items
        Columns ``item_id``, ``title``, those of :data:`~evenshelf.shop.schema.PROVENANCE` and, where there are
        labels, `target`. Near-duplicates are those of ``title_group`` if there is such a column, else they are
        looked for.
    target
        Column of the labels. Without it, what is about labels is not looked for.
    seed
        Decides how labels are dealt out for comparison.
    progress
        Told about the work as it goes on.

    Raises
    ------
    SettingError
        If `target` names a column that cannot be a label.
    """
    if target in {*PROVENANCE, "item_id", "title"}:
        raise SettingError(f"{target!r} is no label", hint="Name the column to be learned.")
    if progress is not None:
        progress("looking for artefacts of items", 0, None)
    if items.height == 0:
        return ()
    items = (
        _placed(items.lazy())
        .collect()
        .with_columns(counted(items["item_id"]))
        .sort("source_file", "source_id", "source_line", maintain_order=True)
    )
    found = [
        IDS_IN_FILE.judge(correlation(items["rank"].to_numpy(), np.arange(items.height))),
        COPIES_ACROSS_SPLITS.judge(_copies(items)),
    ]
    if target in items.columns:
        labelled = items.filter(pl.col(target).is_not_null()).with_columns(pl.col(target).cast(pl.String))
        label = labelled[target].to_numpy()
        # Ids may be counted as numbers or read as texts, where a prefix may tell the label.
        orders = [label[labelled[column].arg_sort().to_numpy()] for column in ("rank", "item_id")]
        by_id = [m for m in map(same_as_neighbour, orders) if m is not None]
        found = [
            NEIGHBOURS_IN_FILE.judge(same_as_neighbour(label)),
            NEIGHBOURS_BY_ID.judge(max(by_id, default=None)),
            LABELS_IN_TITLES.judge(_labels_in_titles(labelled, label, np.random.default_rng(seed))),
            *found,
        ]
    names = [detector.name for detector in ITEM_DETECTORS]
    return tuple(sorted((a for a in found if a is not None), key=lambda artefact: names.index(artefact.name)))


def _labels_in_titles(
    items: pl.DataFrame, label: NDArray[np.generic], generator: np.random.Generator
) -> Measured | None:
    if label.size == 0:
        return None
    titles = items["title"].to_list()
    held = float(label_held(titles, label.tolist()).mean())
    dealt = float(label_held(titles, generator.permutation(label).tolist()).mean())
    # The last term keeps a share of 0 or 1 from looking as if it could not have been another.
    spread = np.sqrt((held * (1 - held) + dealt * (1 - dealt) + 1 / label.size) / label.size)
    return Measured(held, dealt, float(spread), int(label.size))


def _copies(items: pl.DataFrame) -> Measured:
    """Return the expected share of test rows with a copy in training, over all random splits."""
    groups = (
        items["title_group"].to_numpy() if "title_group" in items.columns else title_groups(items["title"].to_list())
    )
    sizes = np.unique(groups, return_counts=True)[1]
    copies = 1 - TEST_SHARE ** (sizes - 1.0)
    return Measured(float((sizes * copies).sum() / items.height), 0.0, 0.0, items.height)
