"""Artefacts of items: what a model can read off ids, file order and repeated titles that no customer shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from evenshelf.errors import SettingError
from evenshelf.shop.duplicates import title_groups
from evenshelf.shop.label_words import label_held
from evenshelf.shop.profiling.chance import Detector, Measured, correlation, counted, same_as_neighbour
from evenshelf.shop.profiling.places import placed
from evenshelf.shop.schema import PROVENANCE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evenshelf.shop.profiling.chance import Artefact
    from evenshelf.shop.progress import Progress

TEST_SHARE = 0.2
"""Share of rows in the test part of the split that near-duplicates are counted for."""

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
    items: pl.DataFrame, target: str | None = "category", *, seed: int = 0, progress: Progress | None = None
) -> tuple[Artefact, ...]:
    """Find artefacts of a table of items.

    Parameters
    ----------
    items
        Columns ``item_id``, ``title``, those of :data:`~evenshelf.shop.schema.PROVENANCE` and, where there are
        labels, `target`. Near-duplicates are those of ``title_group`` if there is such a column, else they are
        looked for.
    target
        Column of the labels. If it is not there, or None, what is about labels is not looked for.
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
        placed(items.lazy())
        .collect()
        .with_columns(counted(items["item_id"]))
        .sort("source_file", "source_id", "source_line", maintain_order=True)
    )
    found = [
        IDS_IN_FILE.judge(correlation(items["rank"].to_numpy(), np.arange(items.height))),
        COPIES_ACROSS_SPLITS.judge(_copies(items)),
    ]
    if target is not None and target in items.columns:
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
