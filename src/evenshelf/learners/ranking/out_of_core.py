"""Item neighbourhoods of more events than fit in memory: counted part by part, sorted on disk, merged by rows.

Counts are exact: every pair of all users is added up before anything is left out. Of the finished likeness only the
strongest neighbours of each item are kept, those of :func:`evenshelf.learners.ranking.counting.strongest`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.sparse import csr_array

from evenshelf.errors import InputError, SettingError
from evenshelf.learners.ranking.base import popularity_by
from evenshelf.learners.ranking.counting import likeness, strongest, taken_near, taken_together
from evenshelf.learners.ranking.registry import ranking_learner
from evenshelf.learners.ranking.sorted_runs import SortedRuns
from evenshelf.learners.ranking.user_parts import by_user
from evenshelf.rankers.base import Codes
from evenshelf.rankers.neighbourhoods import Neighbourhoods
from evenshelf.remedies import Prior, Remedy
from evenshelf.tasks.histories import Histories
from evenshelf.tasks.shop_steps import ALL

if TYPE_CHECKING:
    from evenshelf.shop import Shop

COUNT_BYTES = 40
"""What a pair takes while it is counted, at most."""
MERGE_BYTES = 80
"""What a pair takes while runs are merged, at most."""
SHARES = 4
"""Each step of the work is given the memory over this: what was freed by the step before is not all given back."""


@dataclass(frozen=True)
class Work:
    """What a fit went through.

    Attributes
    ----------
    steps, users
        That were counted.
    pairs
        Different pairs of items, both ways, before the strongest were kept.
    runs
        Sorted files that were merged.
    spilled
        Bytes of these.
    """

    steps: int
    users: int
    pairs: int
    runs: int
    spilled: int


@dataclass(frozen=True, eq=False)
class OnDisk:
    """A fit whose matrix lies in files and is read from there when it is used.

    Attributes
    ----------
    ranker
        As of the learner in memory.
    items
        Ids by code: :meth:`Histories.of_steps` gives the same codes with ``items=`` these and the seed of the fit.
    counts
        ``[I]`` how often each was taken.
    work
        What the fit went through.
    """

    ranker: Neighbourhoods
    items: tuple[str, ...]
    counts: Codes
    work: Work

    @classmethod
    def open(cls, folder: Path) -> OnDisk:
        """Open what :func:`fit_on_disk` wrote.

        Raises
        ------
        InputError
            If it is not there or not whole.
        """
        try:
            facts = json.loads((folder / _FACTS).read_text(encoding="utf-8"))
            items = tuple(json.loads((folder / _ITEMS).read_text(encoding="utf-8")))
            popularity, counts, indptr = (np.load(folder / name) for name in (_POPULARITY, _COUNTS, _INDPTR))
            size = int(indptr[-1])
            # no map has no bytes
            data, indices = (
                np.memmap(folder / name, kind, "r", shape=(size,)) if size else np.empty(0, kind)
                for name, kind in ((_DATA, np.float32), (_INDICES, np.int32))
            )
            matrix = csr_array((data, indices, indptr), shape=(len(items), len(items)))
        except (OSError, ValueError, KeyError) as error:
            raise InputError(f"{folder} holds no neighbourhoods: {error}.", hint="Fit them anew.") from error
        ranker = Neighbourhoods(matrix, popularity, facts["decay"])
        return cls(ranker, items, counts, Work(**facts["work"]))


_FACTS, _ITEMS, _POPULARITY, _COUNTS = "facts.json", "items.json", "popularity.npy", "counts.npy"
_DATA, _INDICES, _INDPTR = "data.f32", "indices.i32", "indptr.npy"


def fit_on_disk(
    shop: Shop,
    folder: Path,
    remedy: Remedy,
    *,
    learner: str = "item_knn",
    setting: Mapping[str, Any] | None = None,
    target: str = ALL,
    repeats: bool = False,
    memory: int = 1 << 30,
    neighbours: int = 200,
    longest: int = 500,
    seed: int = 0,
) -> OnDisk:
    """Fit ``item_knn`` or ``near`` on the events of a shop, in bounded memory.

    Parameters
    ----------
    shop
        With events.
    folder
        New; what is fitted is kept there, and in a folder beside it what is in between.
    remedy
        To fit under; of its stages only weights of examples are honoured.
    learner, setting
        Which, and its setting; its default if ``None``.
    target, repeats
        As :meth:`evenshelf.tasks.recommend.RecommendTask.from_shop` has them. Repeated steps are kept and counted or
        not; how things come back (:mod:`evenshelf.rankers.buying_again`) is not learned here.
    memory
        Bytes, beside those of the interpreter with its libraries and some hundred for each item. Below 128 MiB what
        the libraries keep for themselves shows.
    neighbours
        Kept of each item: those with the largest likeness.
    longest
        Pairs are counted of the latest so many steps of a user, as they grow with the square of that. How often items
        were taken is counted of all.
    seed
        Of the draw of codes.

    Raises
    ------
    SettingError
        If there is no such learner here, it cannot honour the remedy, or the memory is too little for the pairs of one
        user.
    InputError
        If the folder exists, or there are no such events.
    """
    counted, chosen = _checked(learner, setting, remedy, memory=memory, neighbours=neighbours, longest=longest)
    if folder.exists():
        raise InputError(f"{folder} exists already.", hint="Name a new folder.")
    folder.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as name:
        between, made = Path(name), Path(name) / "made"
        made.mkdir()
        parts = by_user(shop, between, target, memory=memory // SHARES, seed=seed)
        counts, steps, users = np.zeros(len(parts.items), np.int64), 0, 0
        runs = SortedRuns(between, len(parts.items))
        for part in parts.histories(repeats=repeats):
            counts += part.counts
            steps, users = steps + len(part.item), users + len(part.users)
            for some in _few(part.kept(part.ago < longest), memory // SHARES // COUNT_BYTES, counted.pairs):
                runs.write(counted.count(some, chosen))
        prior = Prior(counts)
        weight = remedy.weight(prior)

        def finished(block: csr_array) -> csr_array:
            alike = likeness(block, counts.astype(np.float64), alpha=chosen["alpha"], shrink=chosen["shrink"])
            if weight is not None:
                alike.data *= weight[alike.indices]  # a product would put columns out of order
            return strongest(alike, neighbours)

        pairs = _write_matrix(made, runs.merged(memory // SHARES // MERGE_BYTES), finished, len(counts))
        np.save(made / _COUNTS, counts)
        np.save(made / _POPULARITY, popularity_by(prior, remedy))
        (made / _ITEMS).write_text(json.dumps(parts.items, ensure_ascii=False), encoding="utf-8")
        work = Work(steps, users, pairs, runs.count, runs.bytes)
        facts = {"decay": chosen["decay"], "learner": learner, "setting": chosen, "work": asdict(work)}
        (made / _FACTS).write_text(json.dumps(facts, indent=1), encoding="utf-8")
        made.rename(folder)
    return OnDisk.open(folder)


def _write_matrix(
    folder: Path, blocks: Iterator[csr_array], finished: Callable[[csr_array], csr_array], items: int
) -> int:
    """Write what becomes of blocks of rows; the entries of these, before that."""
    size, entries = np.zeros(items, np.int64), 0
    with (folder / _DATA).open("wb") as data, (folder / _INDICES).open("wb") as indices:
        for block in blocks:
            entries += block.nnz
            kept = finished(block)
            kept.data.tofile(data)
            kept.indices.astype(np.int32).tofile(indices)
            size += np.diff(kept.indptr)
    start = np.concatenate([[0], np.cumsum(size)])
    # of one type with the other indices where it can be, or these are copied into memory when they are opened
    np.save(folder / _INDPTR, start.astype(np.int32) if start[-1] <= np.iinfo(np.int32).max else start)
    return entries


def _few(histories: Histories, most: int, pairs: Callable[[Codes], Codes]) -> Iterator[Histories]:
    """Users of whom no more than so many pairs have to be counted, in order."""
    first, total = 0, 0
    for user, many in enumerate(pairs(histories.lengths).tolist()):
        if total + many > most and user > first:
            yield histories.of_users(np.arange(first, user))
            first, total = user, 0
        total += many
    if first < len(histories.users):
        yield histories.of_users(np.arange(first, len(histories.users)))


@dataclass(frozen=True)
class _Counted:
    """How pairs of a learner are counted: the counts of histories, and at most how many there are by steps of users."""

    count: Callable[[Histories, Mapping[str, Any]], csr_array]
    pairs: Callable[[Codes], Codes]


def _together(histories: Histories, setting: Mapping[str, Any]) -> csr_array:
    return taken_together(histories, user_weight=setting["user_weight"])


def _near(histories: Histories, setting: Mapping[str, Any]) -> csr_array:
    return taken_near(histories, user_weight=setting["user_weight"], decay=setting["gap_decay"])


_COUNTED = {
    "item_knn": _Counted(_together, lambda steps: steps**2),
    "near": _Counted(_near, lambda steps: 2 * steps**2),  # a basket may hold all steps; with room for sums
}


def _checked(
    learner: str, setting: Mapping[str, Any] | None, remedy: Remedy, *, memory: int, neighbours: int, longest: int
) -> tuple[_Counted, dict[str, Any]]:
    """How to count, and the whole setting."""
    if learner not in _COUNTED:
        raise SettingError(
            f"The learner {learner!r} is not fitted on disk.", hint=f"One of these is: {', '.join(_COUNTED)}."
        )
    known, counted = ranking_learner(learner), _COUNTED[learner]
    if reason := known.unsupported(remedy):
        raise SettingError(f"{remedy} cannot be used: {reason}.", hint="Use another remedy, or none.")
    unknown = set(setting or ()) - set(known.default)
    if unknown:
        raise SettingError(
            f"{learner} has no parameter {', '.join(sorted(unknown))}.", hint=f"It has: {', '.join(known.default)}."
        )
    if neighbours < 1 or longest < 2:
        raise SettingError(
            f"neighbours={neighbours} and longest={longest} leave nothing to count.",
            hint="Keep at least one neighbour, and two steps of a user.",
        )
    needed = SHARES * COUNT_BYTES * int(counted.pairs(np.array([longest]))[0])
    if memory < needed:
        raise SettingError(
            f"{memory:,} bytes are too few for the pairs of a user with {longest:,} steps.",
            hint=f"Give memory={needed:,} or more, or a smaller longest.",
        )
    return counted, {**known.default, **(setting or {})}
