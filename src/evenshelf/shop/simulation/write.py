"""From settings to a shop on disk."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import polars as pl

from evenshelf.errors import InputError
from evenshelf.shop.locking import locked
from evenshelf.shop.manifest import MANIFEST
from evenshelf.shop.schema import empty
from evenshelf.shop.simulation.assortment import Assortment
from evenshelf.shop.simulation.events import History, query_counts
from evenshelf.shop.simulation.judging import judgements
from evenshelf.shop.simulation.model import Model
from evenshelf.shop.simulation.pictures import draw_pictures
from evenshelf.shop.simulation.settings import Settings
from evenshelf.shop.simulation.truth import FOLDER as TRUTH
from evenshelf.shop.simulation.truth import TruthWriter
from evenshelf.shop.store import Shop

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evenshelf.shop.progress import Progress
    from evenshelf.shop.simulation.settings import Language, World

PICTURES = "pictures"
"""Folder of the pictures in the shop's."""

UNFINISHED = f"{MANIFEST}.unfinished"
"""File beside which a truth and pictures are those of a run that goes on, or was killed, if there is no manifest."""


def simulate(
    out: str | Path,
    items: int = 2000,
    seed: int = 7,
    world: World = "language",
    language: Language = "both",
    *,
    users: int | None = None,
    days: int = 365,
    events: int | None = None,
    pictures: int | None = None,
    progress: Progress | None = None,
) -> Shop:
    """Make a simulated shop: deterministic, of any size, with a truth that is known.

    The shop is hard in the ways real shops are: categories and items follow Zipf's law, rare categories are relatives
    of frequent ones, titles are noisy, logs are biased by the place in the list and by the shop's own ranking, prices
    are confounded by season, sold-out items hide demand. What decided it all is written to ``truth/``, which
    :func:`evenshelf.shop.simulation.truth.read` reads; :class:`~evenshelf.shop.simulation.parameters.Parameters` writes
    down the model.

    It is there as a whole or not at all: the manifest comes last, and what a run that was killed left in the folder is
    cleared by the next one. A run that fails or is interrupted clears up by itself.

    Parameters
    ----------
    out
        Folder of the new shop.
    items
        Number of items, from 1 to 10 million.
    seed
        Equal seeds and settings make equal files, byte for byte.
    world
        One of :data:`~evenshelf.shop.simulation.settings.WORLDS`: ``language``, ``codes``, ``misleading``, ``flat``,
        ``drift`` or ``noisy``.
    language
        Of titles, category names and queries. ``"both"``: each title and user in one of the two, category names in
        both, as in ``Running Shoe / 跑步鞋``.
    users
        Number of users, from 1 to 1 million; None: one for every 100 events.
    days
        Length of the period, from 1 to 3650.
    events
        About how many events there are; None: 40 an item, for more than 2,000 items as their square root, at most 2
        million. 0 makes items and users only.
    pictures
        How many items get a picture; None: 200 or all.
    progress
        Told about the work as it goes on.

    Returns
    -------
    Shop
        With items, users, prices, stock, events, queries and judgements.

    Raises
    ------
    InputError
        If another run is writing there.
    SettingError
        If a setting is out of range, or there is something at `out`.
    """
    settings = Settings.of(items, seed, world, language, users=users, days=days, events=events, pictures=pictures)
    path = Path(out)
    clear_unfinished(path, progress)
    made = not path.exists()
    shop = Shop.new(path, origin=settings.origin())
    try:
        with shop.writing(wait=False) as writer:
            _remove_folders(path)  # of a run that was killed since
            (path / UNFINISHED).touch()
            writer.replace("quarantine", empty("quarantine"))
            for table, frame in tables(settings, path, progress):
                writer.append(table, frame)
            if progress is not None:
                progress("writing the tables", 0, None)
    except BaseException:
        # Others may be writing, or a second Ctrl-C may have kept this process from letting go of the lock.
        with contextlib.suppress(InputError):
            if clear_unfinished(path) and made:
                shutil.rmtree(path, ignore_errors=True)
        raise
    (path / UNFINISHED).unlink(missing_ok=True)
    return shop


def clear_unfinished(path: Path, progress: Progress | None = None) -> bool:
    """Remove what a run that was killed left in a folder; says whether there was any.

    Parameters
    ----------
    path
        The folder.
    progress
        Told when something is removed.

    Raises
    ------
    InputError
        If the run was not killed: it is writing there.
    """
    if not (path / UNFINISHED).is_file():
        return False
    with locked(path, wait=False):
        if (path / MANIFEST).exists() or not (path / UNFINISHED).is_file():
            return False  # it was not killed, and has ended meanwhile
        if progress is not None:
            progress("clearing what a run that was killed left behind", 0, None)
        _remove_folders(path)
        (path / UNFINISHED).unlink()
        return True


def _remove_folders(path: Path) -> None:
    """Remove truth and pictures, if they are those of an unfinished run; nobody else may write."""
    if (path / UNFINISHED).is_file():
        for name in (TRUTH, PICTURES):
            shutil.rmtree(path / name, ignore_errors=True)


def tables(
    settings: Settings, out: Path | None = None, progress: Progress | None = None
) -> Iterator[tuple[str, pl.DataFrame]]:
    """Yield the tables of a simulated shop in parts, each with its table's name, always in the same order.

    Parameters
    ----------
    settings
        What to make.
    out
        Folder for ``truth/`` and ``pictures/``; None: neither is written.
    progress
        Told about the work as it goes on.
    """
    assortment = Assortment(settings)
    for frame in assortment.batches(progress):
        yield "items", frame
    if progress is not None:
        progress("drawing users and prices", 0, settings.items)
    model = Model(settings, assortment)
    yield "users", model.users.frame()
    priced = 0
    for frame in model.prices.frames(assortment.ids):
        if progress is not None:
            progress("drawing users and prices", priced, settings.items)
        yield "prices", frame
        priced += frame["item_id"].n_unique()
    if progress is not None:
        progress("working out demand", 0, None)
    history = History(model, assortment.ids)
    yield "stock", history.stock.start(assortment.ids)
    if out is None:
        yield from _happenings(model, history, None, progress)
        return
    with TruthWriter(out) as truth:
        yield from _happenings(model, history, truth, progress)
        truth.whole(model, assortment, history, query_counts(history, model))
    if settings.pictures:
        draw_pictures(out / PICTURES, settings, assortment, progress)


def _happenings(
    model: Model, history: History, truth: TruthWriter | None, progress: Progress | None
) -> Iterator[tuple[str, pl.DataFrame]]:
    for block in history.blocks(progress):
        if truth is not None:
            truth.block(block)
        yield "events", block.events
        if block.stock.height:
            yield "stock", block.stock
    queries = query_counts(history, model)
    yield "queries", queries.select("query", "count")
    yield "judgements", judgements(model, queries, history.ids)
