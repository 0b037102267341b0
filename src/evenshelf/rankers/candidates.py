"""Items that may be shown to a user, and all that is said of each: what a learned blend chooses from."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from evenshelf.errors import InputError
from evenshelf.rankers.base import Codes, Floats, bytes_of
from evenshelf.rankers.buying_again import Returns, pairs_of
from evenshelf.rankers.lately import Lately
from evenshelf.rankers.packing import Arrays, Unpacked
from evenshelf.rankers.sources import Source
from evenshelf.tasks.histories import Histories

CANDIDATES, OF_EACH = 150, 25
"""Candidates by the plain blend, and by each source besides."""
BLOCK = 500
"""Users that are scored at once."""


@dataclass(frozen=True, eq=False)
class Candidates:
    """Items that may be shown to some users, and what is said of them.

    Attributes
    ----------
    item
        ``[m]`` codes, users one after another.
    size
        ``[n]`` how many each user has; none where the history is empty.
    features
        ``[m, f]`` float32, NaN where unknown.
    """

    item: Codes
    size: Codes
    features: Floats

    @property
    def user(self) -> Codes:
        """``[m]`` whose each is."""
        return np.repeat(np.arange(len(self.size)), self.size)


@dataclass(frozen=True, eq=False)
class Traits:
    """What is said of items whoever asks.

    Attributes
    ----------
    popularity
        ``[I]`` logarithm of one and the count.
    tail
        ``[I]`` in [0, 1], how likely each is of the less frequent half of the items where equals are parted at random.
    columns
        ``[I, t]`` how popular items with similar texts are, how many have similar texts; with repeats, which share of
        what was taken of an item was taken again.
    category
        ``[I]`` codes, -1 where unknown; ``None`` where there are none.
    lately
        When items were taken; ``None`` where no moments are known.
    """

    popularity: Floats
    tail: Floats
    columns: Floats
    category: Codes | None
    lately: Lately | None

    @property
    def bytes(self) -> int:
        """Memory that they hold."""
        moments = 0 if self.lately is None else self.lately.bytes
        kinds = 0 if self.category is None else int(self.category.nbytes)
        return sum(map(bytes_of, (self.popularity, self.tail, self.columns))) + kinds + moments

    def arrays(self) -> Arrays:
        """All of it by name."""
        found: Arrays = {
            "traits.popularity": self.popularity,
            "traits.tail": self.tail,
            "traits.columns": self.columns,
        }
        if self.category is not None:
            found["traits.category"] = self.category
        if self.lately is not None:
            found |= self.lately.arrays()
        return found

    @classmethod
    def of_arrays(cls, held: Unpacked) -> Traits:
        """The traits of :meth:`arrays`.

        Raises
        ------
        InputError
            If arrays are missing or do not fit.
        """
        category = None
        if held.has("traits.category"):
            category = held.array("traits.category", held.items, kinds="i")
            if not -1 <= int(category.min(initial=-1)) <= int(category.max(initial=-1)) <= held.items:
                raise InputError("There are categories of more items than there are.", hint="Train the bundle again.")
        columns = held.array("traits.columns", held.items, None)
        popularity, tail = (held.array(f"traits.{name}", held.items) for name in ("popularity", "tail"))
        return cls(popularity, tail, columns, category, Lately.of_arrays(held))


def rarer_half(counts: NDArray[np.integer]) -> Floats:
    """``[I]`` 1 for items of the less frequent half, 0 for others; between where equals are on both sides of it."""
    half = len(counts) // 2
    bound = np.sort(counts)[max(half - 1, 0)]
    inside = (half - (counts < bound).sum()) / (counts == bound).sum()
    return np.asarray(np.where(counts == bound, inside, counts < bound), np.float32)


def candidates(
    histories: Histories, sources: Sequence[Source], traits: Traits, returns: Returns | None = None
) -> tuple[Floats, Candidates]:
    """``[n, I]`` scores >= 0 of a plain blend for a few users, and their candidates.

    The plain blend is the sum of what the sources say, each over its largest, and a little popularity: who has no
    history gets what is popular, and has no candidates. Its scores of what a user has are 0 unless that may be shown
    again, and it is known how it `returns`; if so, all of it is among the candidates.
    """
    users, items = len(histories.users), len(histories.items)
    repeats = returns is not None
    paces = {decay: of_one(histories.weights(decay)) for decay in {1.0, *(source.decay for source in sources)}}
    line, column = paces[1.0].nonzero()
    said = [source.scores(paces[source.decay]) for source in sources]
    plain = np.repeat(1e-4 * traits.popularity[None] + 1e-6, users, axis=0)
    largest = []
    for scores in said:
        if not repeats:
            scores[line, column] = 0.0
        largest.append(np.maximum(scores.max(axis=1, keepdims=True), 1e-9))
        plain += np.maximum(scores, 0.0) / largest[-1] / len(said)
    if not repeats:
        plain[line, column] = 0.0
    picked = np.zeros((users, items), bool)
    _mark(picked, plain, CANDIDATES)
    for scores in said:
        _mark(picked, scores, OF_EACH)
    picked[line, column] = repeats
    picked[histories.lengths == 0] = False
    row, item = np.nonzero(picked)
    columns: list[NDArray[np.floating]] = [scores[row, item] for scores in said]
    columns += [scores[row, item] / most[row, 0] for scores, most in zip(said, largest, strict=True)]
    columns += [plain[row, item], traits.popularity[item], *traits.columns[item].T]
    columns += _of_users(paces, traits, row, item)
    columns.append(histories.lengths[row].astype(np.float64))
    if traits.lately is not None:
        columns += traits.lately.features(item.astype(np.int64), traits.lately.seen(histories)[row])
    if returns is not None:
        columns += _had(histories, returns, row, item)
    size = picked.sum(axis=1).astype(np.int64)
    return plain, Candidates(item.astype(np.int64), size, np.stack(columns, axis=1, dtype=np.float32))


def in_blocks(
    histories: Histories, sources: Sequence[Source], traits: Traits, users: Codes, returns: Returns | None = None
) -> Iterator[Candidates]:
    """Candidates of many users, by their codes, :data:`BLOCK` at a time."""
    for _, block in histories.blocks(BLOCK, users):
        yield candidates(block, sources, traits, returns)[1]


def of_one(weights: csr_array) -> csr_array:
    """Weights of histories that add up to one."""
    sums = np.asarray(weights.sum(axis=1)).ravel()
    return csr_array(weights.multiply((1.0 / np.maximum(sums, 1e-9))[:, None]), dtype=np.float32)


def _of_users(paces: dict[float, csr_array], traits: Traits, row: Codes, item: Codes) -> list[NDArray[np.floating]]:
    """How popular what a user has is, how far an item is from that, and which share of it is of its category."""
    whole, fast = paces[1.0], paces[min(decay for decay in paces if decay >= 0.5)]
    usual, of_late = whole @ traits.popularity, fast @ traits.popularity
    found = [usual[row], of_late[row], traits.popularity[item] - usual[row]]
    if traits.category is not None:
        kinds = int(traits.category.max(initial=-1)) + 1
        there = np.flatnonzero(traits.category >= 0)
        member = csr_array(
            (np.ones(len(there), np.float32), (there, traits.category[there])), shape=(len(traits.category), kinds + 1)
        )
        share = (whole @ member).toarray()
        found.append(share[row, traits.category[item]])
    return found


def _had(histories: Histories, returns: Returns, row: Codes, item: Codes) -> list[NDArray[np.floating]]:
    """In how many and which share of the baskets an item was, how long ago, how many there are; how that comes back."""
    shape = (len(histories.users), len(histories.items))
    pairs = pairs_of(histories)
    taken, ago, chance = (np.full(shape, empty, np.float32) for empty in (0.0, np.nan, 0.0))
    taken[pairs.user, pairs.item] = pairs.taken
    ago[pairs.user, pairs.item] = pairs.ago
    chance[pairs.user, pairs.item] = returns.chance(pairs)
    baskets = np.ones(shape[0], np.float32)
    baskets[pairs.user] = pairs.baskets
    share = returns.of_had(np.bincount(pairs.user, minlength=shape[0]))
    often = taken[row, item]
    return [often, ago[row, item], often / baskets[row], baskets[row], chance[row, item], share[row]]


def _mark(picked: NDArray[np.bool_], scores: Floats, most: int) -> None:
    most = min(most, scores.shape[1])
    top = np.argpartition(-scores, most - 1, axis=1)[:, :most]
    np.put_along_axis(picked, top, True, axis=1)
