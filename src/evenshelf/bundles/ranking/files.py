"""The folder of a bundle that recommends: what is written, and what is held to the manifest when it is read."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.bundles.arrays import Shape, check_arrays, named, of, read_arrays
from evenshelf.bundles.folder import check_place, write_folder
from evenshelf.bundles.manifest import check_files, write_manifest
from evenshelf.bundles.ranking.catalogue import Catalogue
from evenshelf.bundles.ranking.manifest import (
    ITEMS,
    USERS,
    ArrayEntry,
    ItemsFile,
    RankerEntry,
    RankingManifest,
    UsersFile,
    read_items,
    read_ranking_manifest,
    read_users,
    write_json,
)
from evenshelf.bundles.ranking.recommender import Recommender
from evenshelf.errors import InputError
from evenshelf.rankers.kinds import unpacked
from evenshelf.rankers.packing import Unpacked
from evenshelf.tasks.histories import Histories

RANKER, COUNTS, VECTORS, HISTORIES = "ranker.", "items.counts", "items.vectors", "histories."
"""Names of arrays, or what they begin with."""
_OPTIONAL = {"time": "i", "strength": "f", "basket": "i"}
"""Columns of histories that may be missing, and their kinds of numbers."""
_AGAIN = "Copy the bundle again, or train it again."
_KINDS = "fiub"


def write(bundle: Recommender, folder: Path) -> None:
    """See :meth:`Recommender.save`."""
    check_place(folder)
    numbers, packed = bundle.ranker.packed()
    arrays: dict[str, NDArray[Any]] = {**named(RANKER, packed), COUNTS: bundle.catalogue.counts}
    if bundle.vectors is not None:
        arrays[VECTORS] = bundle.vectors
    if bundle.held is not None:
        arrays |= named(HISTORIES, {"start": bundle.held.start, "item": bundle.held.item})
        for name in _OPTIONAL:
            column = getattr(bundle.held, name)
            if column is not None:
                arrays[f"{HISTORIES}{name}"] = column
    entries = {name: ArrayEntry(dtype=str(a.dtype), shape=list(a.shape)) for name, a in arrays.items()}
    ranker = RankerEntry(kind=bundle.ranker.kind, numbers=numbers)
    told = {"arrays": entries, "ranker": ranker, "histories": bundle.held is not None}
    manifest = bundle.manifest.model_copy(update=told)
    check_arrays(_known(manifest), arrays)
    items = bundle.catalogue
    category = None if items.category is None else items.category.tolist()
    titles = None if items.titles is None else list(items.titles)
    listed = ItemsFile(ids=list(items.ids), titles=titles, categories=list(items.categories), category=category)

    def fill(place: Path) -> None:
        for name, array in arrays.items():
            np.save(place / f"{name}.npy", array, allow_pickle=False)
        write_json(listed, place / ITEMS)
        if bundle.held is not None:
            write_json(UsersFile(ids=list(bundle.held.users)), place / USERS)
        write_manifest(manifest, place)

    write_folder(folder, fill)


def read(folder: Path) -> Recommender:
    """See :meth:`Recommender.load`."""
    manifest = read_ranking_manifest(folder)
    wanted = {f"{name}.npy" for name in manifest.arrays} | {ITEMS} | ({USERS} if manifest.histories else set())
    if wanted != manifest.files.keys():
        missing, more = sorted(wanted - manifest.files.keys()), sorted(manifest.files.keys() - wanted)
        raise InputError(
            f"The manifest of {folder} lists other files than its arrays and ids: {', '.join((*missing, *more)[:3])}.",
            hint=_AGAIN,
        )
    check_files(manifest, folder)
    arrays = read_arrays(manifest.files, folder, _known(manifest))
    for name, array in arrays.items():
        if str(array.dtype) != manifest.arrays[name].dtype:
            raise InputError(
                f"{folder / f'{name}.npy'} holds {array.dtype}, and the manifest wants {manifest.arrays[name].dtype}.",
                hint=_AGAIN,
            )
    listed = read_items(folder, manifest.items)
    own = Unpacked({}, arrays, manifest.items)
    try:
        counts = own.array(COUNTS, manifest.items, kinds="iu").astype(np.int64)
        if counts.min(initial=0) < 0 or counts.sum() < 1:
            raise InputError("Counts of items are not below 0, and some are above.", hint=_AGAIN)
        numbers = manifest.ranker.numbers
        ranker = unpacked(manifest.ranker.kind, Unpacked(numbers, of(RANKER, arrays), manifest.items))
        vectors = own.array(VECTORS, manifest.items, None) if own.has(VECTORS) else None
        held = _held(own, listed.ids, read_users(folder).ids) if manifest.histories else None
    except InputError as error:
        raise InputError(f"The bundle {folder} is damaged: {error.message}", hint=error.hint) from error
    catalogue = Catalogue(
        tuple(listed.ids),
        counts,
        None if listed.titles is None else tuple(listed.titles),
        tuple(listed.categories),
        None if listed.category is None else np.array(listed.category, np.int64),
    )
    found = Recommender(manifest, ranker, catalogue, vectors, held)
    _ = found.remedy  # one that is not known, or must not be made, is told now
    return found


def _held(own: Unpacked, items: list[str], users: list[str]) -> Histories:
    start = own.array(f"{HISTORIES}start", len(users) + 1, kinds="i").astype(np.int64)
    item = own.array(f"{HISTORIES}item", None, kinds="i").astype(np.int64)
    whole = start[0] == 0 and start[-1] == len(item) and bool((np.diff(start) >= 0).all())
    whole = whole and 0 <= item.min(initial=0) <= item.max(initial=0) < len(items)
    if not whole or len(set(users)) != len(users):
        raise InputError("Histories do not fit to users and items.", hint=_AGAIN)
    more = {
        name: own.array(f"{HISTORIES}{name}", len(item), kinds=kinds)
        for name, kinds in _OPTIONAL.items()
        if own.has(f"{HISTORIES}{name}")
    }
    found = Histories(tuple(items), tuple(users), start, item, **more)
    if found.basket is not None:
        step, other = np.diff(found.basket), np.diff(found.user) > 0
        if (step < 0).any() or (step[other] == 0).any():
            raise InputError("Baskets do not fit to the histories.", hint=_AGAIN)
    return found


def _known(manifest: RankingManifest) -> dict[str, tuple[str, Shape]]:
    return {name: (_KINDS, tuple(entry.shape)) for name, entry in manifest.arrays.items()}
