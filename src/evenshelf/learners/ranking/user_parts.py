"""Events of a shop brought together by user on disk, so that histories can be gone through a part at a time.

What is held at once is a batch of events, or one part of them, and the ids of the items; users are held of one part.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from evenshelf.tasks.histories import Codes, Histories
from evenshelf.tasks.recommend import first_time
from evenshelf.tasks.shop_steps import as_steps, numbered_baskets, wanted_batches, wanted_kinds

if TYPE_CHECKING:
    from evenshelf.shop import Shop

PART_BYTES = 400
"""What an event of a part takes while it is sorted, at most."""
BATCH_BYTES = 600
"""What an event of a batch takes while it is dealt to the parts, at most."""
LARGEST_BATCH = 200_000


@dataclass(frozen=True, eq=False)
class UserParts:
    """Events by user, in files.

    Attributes
    ----------
    files
        All events of a user are in one of them.
    items
        Ids by code, the codes drawn as those of :class:`Histories`.
    code
        ``[I]`` code of each item by its place among the sorted ids.
    """

    files: tuple[Path, ...]
    items: tuple[str, ...]
    code: Codes

    def histories(self, *, repeats: bool) -> Iterator[Histories]:
        """Histories of the users of each part; within a basket items stand in the order of the drawn codes.

        Parameters
        ----------
        repeats
            Whether steps stay with which a user takes an item again.
        """
        for file in self.files:
            frame = pl.read_parquet(file, glob=False)
            frame = frame.with_columns(item_id=pl.Series(self.code[frame["item_id"].to_numpy()]))
            frame = as_steps(frame.with_columns(_drawn="item_id"))
            lengths = frame["user_id"].rle().struct.field("len").to_numpy().astype(np.int64)
            start = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)
            item, strength = frame["item_id"].to_numpy().copy(), frame["_strength"].to_numpy().copy()
            basket = numbered_baskets(frame)
            del frame  # whoever counts needs only codes
            made = Histories(self.items, ("",) * len(lengths), start, item, None, strength, basket)
            yield made if repeats else made.kept(first_time(made))


def by_user(shop: Shop, folder: Path, target: str, *, memory: int, seed: int = 0) -> UserParts:
    """Deal the events of a shop to parts by their users.

    Parameters
    ----------
    shop
        With events, which are read once, or twice if there are ratings to hold against each other.
    folder
        Of the parts, empty.
    target
        Kinds of events; see :meth:`evenshelf.tasks.recommend.RecommendTask.from_shop`.
    memory
        Bytes that a part or a batch may take. All events of a user are in one part, however many.
    seed
        Of the draw of codes, which are those that :meth:`RecommendTask.from_shop` gives.

    Raises
    ------
    SettingError
        If a kind is none.
    InputError
        If there are no such events, or they have no users or times.
    """
    from pyarrow import default_memory_pool, parquet  # noqa: PLC0415 - slow to import

    kinds = wanted_kinds(target)
    ids = _ids(shop)
    batches = wanted_batches(shop, kinds, max(1, min(LARGEST_BATCH, memory // BATCH_BYTES)))
    # dealt by a hash, parts are not quite equally large: a quarter more of them leaves room for that
    count = max(1, -(-shop.rows("events") * PART_BYTES * 5 // (4 * memory)))
    numbers = ids.to_frame("item_id").with_row_index("_item")
    written: dict[int, Path] = {}
    with ExitStack() as opened:
        writers: dict[int, Any] = {}
        for batch in batches:
            coded = batch.join(numbers, on="item_id", how="left", maintain_order="left")
            coded = coded.select("user_id", "time", "_basket", "_strength", item_id="_item")
            coded = coded.with_columns(_part=pl.col("user_id").hash(seed) % count)
            for (part,), own in coded.partition_by("_part", as_dict=True, include_key=False).items():
                table = own.to_arrow(compat_level=pl.CompatLevel.oldest())
                if part not in writers:
                    written[part] = folder / f"part-{part}.parquet"
                    writers[part] = opened.enter_context(parquet.ParquetWriter(written[part], table.schema))
                writers[part].write_table(table)
    default_memory_pool().release_unused()
    code = np.random.default_rng(seed).permutation(len(ids)).astype(np.int64)
    named = np.empty(len(ids), object)
    named[code] = ids.to_list()
    return UserParts(tuple(written[part] for part in sorted(written)), tuple(named), code)


def _ids(shop: Shop) -> pl.Series:
    """Sorted ids of all items, also of those that only events name."""
    parts = [shop.scan(table).select("item_id") for table in ("items", "events") if table in shop.tables]
    return pl.concat(parts).unique().collect(engine="streaming")["item_id"].drop_nulls().sort()
