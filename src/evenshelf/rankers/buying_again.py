"""What users take again: a mixture of what they had, by how it tends to come back, and of a learner's view of the rest.

Most learners count which items go together and say nothing of one item with itself. Where people buy the same again,
``P(next) = p P(next | again) + (1 - p) P(next | new)`` (Ren et al., RepeatNet, AAAI 2019), each part with a model of
its own: how likely something comes back depends on how often and how long ago it was taken and on what it is (Anderson
et al., The dynamics of repeat consumption, WWW 2014), and on which share of the user's baskets had it; `p` depends on
how much a user has.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from evenshelf.errors import InputError
from evenshelf.rankers.base import Floats, Ranker
from evenshelf.rankers.grounds import AGAIN, Grounds
from evenshelf.rankers.packing import Arrays, Unpacked
from evenshelf.tasks.baskets import Held, last_held
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
PRODUCT = np.array([0.0, 1.0, 1.0, 0.0, 0.0])
"""Slopes with which the odds of a return are the rate times what is said of the item."""
STEPS = 8
"""Of Newton's method."""


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
    baskets
        ``[m]`` how many baskets the user has.
    """

    user: Codes
    item: Codes
    taken: Codes
    ago: Codes
    baskets: Codes

    @property
    def classes(self) -> tuple[Codes, Codes]:
        """``[m]`` and ``[m]`` by how often and how long ago each was taken."""
        return _class(TAKEN_TIMES, self.taken), _class(AGO, self.ago)


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
    slope
        ``[5]`` of the log odds of a return: a constant, and by logarithms of the rate, of what is said of the item, of
        the share of the user's baskets that had it, and of how many these are.
    weight
        ``[I]`` by which the odds of each item are multiplied.
    """

    rate: NDArray[np.float64]
    item: NDArray[np.float64]
    share: NDArray[np.float64]
    slope: NDArray[np.float64]
    weight: NDArray[np.float64]

    @property
    def bytes(self) -> int:
        """Of all that was learned."""
        return sum(int(part.nbytes) for part in vars(self).values())

    def arrays(self) -> Arrays:
        """All of it by name."""
        return {f"returns.{name}": values for name, values in vars(self).items()}

    @classmethod
    def of_arrays(cls, held: Unpacked) -> Returns:
        """The returns of :meth:`arrays`.

        Raises
        ------
        InputError
            If arrays are missing or do not fit.
        """
        rate = held.array("returns.rate", len(TAKEN_TIMES) + 1, len(AGO) + 1)
        share = held.array("returns.share", len(HAD) + 1)
        if not all(((part > 0) & (part < 1)).all() for part in (rate, share)):
            raise InputError("Chances of what is taken again are not between 0 and 1.", hint="Train the bundle again.")
        slope = held.array("returns.slope", len(PRODUCT))
        return cls(rate, held.positive("returns.item"), share, slope, held.positive("returns.weight"))

    def chances(self, histories: Histories) -> csr_array:
        """``[U, I]`` chance of each item that a user has to be in the next basket."""
        pairs = pairs_of(histories)
        shape = (len(histories.users), len(histories.items))
        return csr_array((self.chance(pairs), (pairs.user, pairs.item)), shape=shape)

    def chance(self, pairs: Pairs) -> NDArray[np.float64]:
        """``[m]`` of each to be in the next basket."""
        odds = np.exp(np.clip(self.told(pairs) @ self.slope, -50.0, 50.0)) * self.weight[pairs.item]
        return np.asarray(odds / (1.0 + odds), np.float64)

    def told(self, pairs: Pairs) -> NDArray[np.float64]:
        """``[m, 5]`` what is said of the chance of each; see :attr:`slope`."""
        columns = (
            np.ones(len(pairs.user)),
            np.log(self.rate[pairs.classes]),
            np.log(self.item[pairs.item]),
            np.log(pairs.taken / pairs.baskets),
            np.log(pairs.baskets),
        )
        return np.stack(columns, axis=1)

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
        return self.new.bytes + self.returns.bytes

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
        own = self.returns.arrays()
        inner = {f"{INSIDE}{name}": values for name, values in arrays.items()}
        return {"new": {"kind": self.new.kind, "numbers": numbers}}, {**own, **inner}  # type: ignore[attr-defined]

    @classmethod
    def unpacked(cls, held: Unpacked) -> BuyingAgain:
        """See :meth:`evenshelf.rankers.kinds.Kept.unpacked`."""
        from evenshelf.rankers.kinds import unpacked  # noqa: PLC0415 - which names this kind

        told = held.given("new", dict)
        if not isinstance(told.get("kind"), str) or not isinstance(told.get("numbers"), dict):
            raise InputError("It is not told what ranks new items.", hint="Train the bundle again.")
        new = unpacked(told["kind"], held.inside(INSIDE, told["numbers"]))
        return cls(new, Returns.of_arrays(held))


def returns_of(histories: Histories, weight: NDArray[np.floating] | None = None) -> Returns:
    """Learn from the last basket of each user how what was had before it comes back.

    How rates and items are weighed against each other is learned from rates and items that have not seen that basket.

    Parameters
    ----------
    weight
        ``[I]`` > 0, by which the odds of each item are multiplied; 1 if ``None``.
    """
    held = last_held(histories)
    before = _counted(last_held(held.earlier))
    pairs = pairs_of(held.earlier)
    found = replace(_counted(held), slope=_slope(before.told(pairs), _came(held, pairs)))
    return found if weight is None else replace(found, weight=np.asarray(weight, np.float64))


def _came(held: Held, pairs: Pairs) -> NDArray[np.bool_]:
    """``[m]`` whether each is in the basket that was held back."""
    size = len(held.earlier.items)
    return np.isin(pairs.user * size + pairs.item, held.user * size + held.item)


def _counted(held: Held) -> Returns:
    """Rates, items and shares of the baskets that were held back, with a chance of rate times item."""
    histories, size = held.earlier, len(held.earlier.items)
    pairs = pairs_of(histories)
    came, place = _came(held, pairs), pairs.classes
    mean = (came.sum() + 1.0) / (len(came) + DOUBT)
    chances, found = np.zeros((2, len(TAKEN_TIMES) + 1, len(AGO) + 1))
    np.add.at(chances, place, 1.0)
    np.add.at(found, place, came)
    rate = (found + DOUBT * mean) / (chances + DOUBT)
    expected = np.bincount(pairs.item, rate[place], minlength=size)
    item = (np.bincount(pairs.item, came, minlength=size) + ITEM_DOUBT) / (expected + ITEM_DOUBT)
    had = np.bincount(pairs.user, minlength=len(histories.users))
    again = np.bincount(pairs.user[came], minlength=len(histories.users))[had > 0]
    want = np.bincount(held.user, minlength=len(histories.users))[had > 0]
    kind = _class(HAD, had[had > 0])
    overall = (again.sum() + 1.0) / (want.sum() + DOUBT)
    classes = len(HAD) + 1
    share = (np.bincount(kind, again, classes) + DOUBT * overall) / (np.bincount(kind, want, classes) + DOUBT)
    return Returns(rate, item, np.clip(share, 1e-3, 1.0 - 1e-3), PRODUCT, np.ones(size))


def _slope(told: NDArray[np.float64], came: NDArray[np.bool_]) -> NDArray[np.float64]:
    """``[5]`` logistic regression by Newton's method, drawn to :data:`PRODUCT` where there is little to learn from."""
    slope = PRODUCT.copy()
    for _ in range(STEPS):
        chance = 1.0 / (1.0 + np.exp(-np.clip(told @ slope, -30.0, 30.0)))
        curve = (told * (chance * (1.0 - chance))[:, None]).T @ told + DOUBT * np.eye(len(slope))
        slope += np.linalg.solve(curve, told.T @ (came - chance) - DOUBT * (slope - PRODUCT))
    return slope


def pairs_of(histories: Histories) -> Pairs:
    """What each user has, seen from the next basket."""
    user, basket, size = histories.user, histories.baskets, len(histories.items)
    new = np.ones(len(user), bool)
    new[1:] = (user[1:] != user[:-1]) | (basket[1:] != basket[:-1])
    rank = np.cumsum(new)  # gaps in the numbers are no baskets
    last = np.zeros(len(histories.users), np.int64)
    np.maximum.at(last, user, rank)
    once = np.unique(np.stack([user * size + histories.item, rank]), axis=1)
    key, taken = np.unique(once[0], return_counts=True)
    latest = once[1][np.cumsum(taken) - 1]
    many = np.bincount(user[new], minlength=len(histories.users))[key // size]
    ago = last[key // size] + 1 - latest
    return Pairs(key // size, key % size, taken.astype(np.int64), ago, many.astype(np.int64))


def _class(bounds: NDArray[np.integer], values: NDArray[np.integer]) -> Codes:
    return np.searchsorted(bounds, values, side="right").astype(np.int64)
