"""What users take again: a mixture of what they had, by how it tends to come back, and of a learner's view of the rest.

Most learners count which items go together and say nothing of one item with itself. Where people buy the same again,
``P(next) = p P(next | again) + (1 - p) P(next | new)`` (Ren et al., RepeatNet, AAAI 2019), each part with a model of
its own: how likely something comes back depends on how often and how long ago it was taken and on what it is (Anderson
et al., The dynamics of repeat consumption, WWW 2014), and `p` on how much a user has.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from evenshelf.errors import InputError
from evenshelf.rankers.base import Floats, Ranker
from evenshelf.rankers.grounds import AGAIN, Grounds
from evenshelf.rankers.packing import Arrays, Unpacked
from evenshelf.tasks.histories import Codes, Histories

TAKEN_TIMES = np.array([2, 3, 5])
"""Times taken that begin a new class: once, twice, three or four times, more."""
AGO = np.array([2, 3, 5, 9])
"""Baskets since the last time, likewise."""
HAD = np.array([2, 4, 8, 16, 32, 64])
"""Different items had, likewise."""
INSIDE = "new."
"""Begins the names of arrays of the ranker inside."""
DOUBT = 20.0
"""So many chances count for the mean of all, where a class has few of its own."""
ITEM_DOUBT = 3.0
"""So many expected returns count for an item that is like all others."""


@dataclass(frozen=True, eq=False)
class Pairs:
    """What users have: each item once a user.

    Attributes
    ----------
    user, item
        ``[m]`` codes.
    taken
        ``[m]`` in how many baskets.
    ago
        ``[m]`` how many baskets ago, 1 for the last one.
    """

    user: Codes
    item: Codes
    taken: Codes
    ago: Codes


@dataclass(frozen=True, eq=False)
class Returns:
    """How what was taken comes back.

    Attributes
    ----------
    rate
        ``[4, 5]`` chance that an item is in the next basket, by how often and how long ago it was taken.
    item
        ``[I]`` by how much that is higher for an item than for others.
    share
        ``[7]`` share of the next basket that was had before, by how many different items were had.
    """

    rate: NDArray[np.float64]
    item: NDArray[np.float64]
    share: NDArray[np.float64]

    def chances(self, histories: Histories) -> csr_array:
        """``[U, I]`` chance of each item that a user has to be in the next basket."""
        pairs = pairs_of(histories, baskets_of(histories))
        chance = self.rate[_class(TAKEN_TIMES, pairs.taken), _class(AGO, pairs.ago)] * self.item[pairs.item]
        shape = (len(histories.users), len(histories.items))
        return csr_array((np.minimum(chance, 1.0), (pairs.user, pairs.item)), shape=shape)

    def of_had(self, had: NDArray[np.integer]) -> NDArray[np.float64]:
        """``[U]`` share of the next basket that was had before; 0 of who has nothing."""
        return np.where(had > 0, self.share[_class(HAD, had)], 0.0)


@dataclass(frozen=True, eq=False)
class BuyingAgain:
    """A ranker of what is new, and how what was taken comes back.

    Attributes
    ----------
    new
        Any ranker; what it says of items that a user has is not looked at.
    returns
        Of the histories that it was fitted on.
    """

    new: Ranker
    returns: Returns

    kind: ClassVar[str] = "again"

    @property
    def bytes(self) -> int:
        """Of both."""
        own: int = sum(part.nbytes for part in vars(self.returns).values())
        return self.new.bytes + own

    def scores(self, histories: Histories) -> Floats:
        """See :meth:`evenshelf.learners.ranking.base.Ranker.scores`."""
        new = self.new.scores(histories).astype(np.float64)
        chances = self.returns.chances(histories)
        user, item = chances.nonzero()
        new = np.exp(new - new.max(axis=1, keepdims=True))
        new[user, item] = 0.0
        new /= np.maximum(new.sum(axis=1, keepdims=True), 1e-300)
        share = self.returns.of_had(np.diff(chances.indptr))[:, None]
        again = chances.toarray()
        again /= np.maximum(again.sum(axis=1, keepdims=True), 1e-300)
        found: Floats = np.log(np.maximum(share * again + (1.0 - share) * new, 1e-30)).astype(np.float32)
        return found

    def grounds(self, histories: Histories, items: Codes) -> Grounds:
        """See :meth:`evenshelf.rankers.kinds.Kept.grounds`: what a user has speaks for itself."""
        new: Grounds = self.new.grounds(histories, items)  # type: ignore[attr-defined]
        chances = self.returns.chances(histories)
        had, chance = chances.indices.astype(np.int64), chances.data / max(chances.data.sum(), 1e-300)
        share = float(self.returns.of_had(np.diff(chances.indptr))[0])
        taken = np.union1d(had, new.taken)
        parts = np.zeros((len(items), len(taken)))
        parts[:, np.searchsorted(taken, new.taken)] = new.parts
        rest, whole = new.rest.copy(), new.whole.copy()
        kind, source = list(new.kind), list(new.source)
        for line, item in enumerate(items.tolist()):
            place = np.flatnonzero(had == item)
            if len(place):
                parts[line], rest[line] = 0.0, 0.0
                parts[line, np.searchsorted(taken, item)] = whole[line] = share * chance[place[0]]
                kind[line], source[line] = AGAIN, self.kind
        return Grounds(taken, parts, rest, whole, tuple(kind), tuple(source))

    def packed(self) -> tuple[dict[str, Any], Arrays]:
        """See :meth:`evenshelf.rankers.kinds.Kept.packed`: the ranker of what is new lies inside.

        Raises
        ------
        InputError
            If that cannot be kept.
        """
        if not hasattr(self.new, "packed"):
            raise InputError("What ranks new items cannot be kept.", hint="Train another learner, such as item_knn.")
        numbers, arrays = self.new.packed()
        own: Arrays = {f"returns.{name}": values for name, values in vars(self.returns).items()}
        inner = {f"{INSIDE}{name}": values for name, values in arrays.items()}
        return {"new": {"kind": self.new.kind, "numbers": numbers}}, {**own, **inner}  # type: ignore[attr-defined]

    @classmethod
    def unpacked(cls, held: Unpacked) -> BuyingAgain:
        """See :meth:`evenshelf.rankers.kinds.Kept.unpacked`."""
        from evenshelf.rankers.kinds import unpacked  # noqa: PLC0415 - which names this kind

        told = held.given("new", dict)
        if not isinstance(told.get("kind"), str) or not isinstance(told.get("numbers"), dict):
            raise InputError("It is not told what ranks new items.", hint="Train the bundle again.")
        rate = held.array("returns.rate", len(TAKEN_TIMES) + 1, len(AGO) + 1)
        share = held.array("returns.share", len(HAD) + 1)
        if not all(((part >= 0) & (part <= 1)).all() for part in (rate, share)):
            raise InputError("Chances of what is taken again are not in [0, 1].", hint="Train the bundle again.")
        new = unpacked(told["kind"], held.inside(INSIDE, told["numbers"]))
        return cls(new, Returns(rate, held.positive("returns.item"), share))


def returns_of(histories: Histories, weight: NDArray[np.floating] | None = None) -> Returns:
    """Learn from the last basket of each user how what was had before it comes back.

    Parameters
    ----------
    weight
        ``[I]`` what a return of each item counts; 1 if ``None``.
    """
    basket = baskets_of(histories)
    last = basket == basket[histories.start[1:][histories.user] - 1]
    earlier = histories.kept(~last)
    pairs = pairs_of(earlier, basket[~last])
    size = len(histories.items)
    wanted = np.unique(histories.user[last] * size + histories.item[last])
    came = np.isin(pairs.user * size + pairs.item, wanted)
    mean = (came.sum() + 1.0) / (len(came) + DOUBT)
    place = _class(TAKEN_TIMES, pairs.taken), _class(AGO, pairs.ago)
    chances, found = np.zeros((2, len(TAKEN_TIMES) + 1, len(AGO) + 1))
    np.add.at(chances, place, 1.0)
    np.add.at(found, place, came)
    rate = (found + DOUBT * mean) / (chances + DOUBT)
    expected = np.bincount(pairs.item, rate[place], minlength=size)
    item = (np.bincount(pairs.item, came, minlength=size) + ITEM_DOUBT) / (expected + ITEM_DOUBT)
    if weight is not None:
        item = item * weight
    had = np.bincount(pairs.user, minlength=len(histories.users))
    whose = wanted // size
    again = np.bincount(pairs.user[came], minlength=len(histories.users))[had > 0]
    want = np.bincount(whose, minlength=len(histories.users))[had > 0]
    kind = _class(HAD, had[had > 0])
    overall = (again.sum() + 1.0) / (want.sum() + DOUBT)
    classes = len(HAD) + 1
    share = (np.bincount(kind, again, classes) + DOUBT * overall) / (np.bincount(kind, want, classes) + DOUBT)
    return Returns(rate, item, np.clip(share, 1e-3, 1.0 - 1e-3))


def baskets_of(histories: Histories) -> Codes:
    """``[N]`` non-decreasing numbers, equal for steps of one user at one moment; without times none are."""
    if not len(histories.item):
        return np.zeros(0, np.int64)
    if histories.time is None:
        return np.arange(len(histories.item))
    user = histories.user
    new = np.ones(len(user), np.int64)
    new[1:] = (user[1:] != user[:-1]) | (histories.time[1:] != histories.time[:-1])
    return np.cumsum(new)


def pairs_of(histories: Histories, basket: Codes) -> Pairs:
    """What each user has, with `basket` ``[N]`` as of :func:`baskets_of`, seen from the next basket."""
    user, size = histories.user, len(histories.items)
    new = np.ones(len(user), bool)
    new[1:] = (user[1:] != user[:-1]) | (basket[1:] != basket[:-1])
    rank = np.cumsum(new)  # gaps in the numbers are no baskets
    last = np.zeros(len(histories.users), np.int64)
    np.maximum.at(last, user, rank)
    once = np.unique(np.stack([user * size + histories.item, rank]), axis=1)
    key, taken = np.unique(once[0], return_counts=True)
    latest = once[1][np.cumsum(taken) - 1]
    return Pairs(key // size, key % size, taken.astype(np.int64), last[key // size] + 1 - latest)


def _class(bounds: NDArray[np.integer], values: NDArray[np.integer]) -> Codes:
    return np.searchsorted(bounds, values, side="right").astype(np.int64)
