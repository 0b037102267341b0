"""What only the simulator knows of items: how good, popular and price-sensitive they are, and how they are styled."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evenshelf.shop.simulation import words
from evenshelf.shop.simulation.assortment import (
    ATTRIBUTE,
    ATTRIBUTES,
    BRANDS,
    CATEGORIES,
    DEPARTMENT,
    FIRST_COLOUR,
    FIRST_WORD,
)
from evenshelf.shop.simulation.drawing import Shelf
from evenshelf.shop.simulation.parameters import PARAMETERS as P

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evenshelf.shop.simulation.assortment import Assortment
    from evenshelf.shop.simulation.settings import Settings

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

_RETURNED_OFTEN = np.isin(DEPARTMENT, [list(words.DEPARTMENTS).index(key) for key in ("clothes", "shoes")])


class Goods:
    """Hidden properties of items; see :class:`~evenshelf.shop.simulation.parameters.Parameters` for what they do.

    Attributes
    ----------
    category, price, launch
        (n,) As in :class:`~evenshelf.shop.simulation.assortment.Assortment`.
    attributes
        (2, n) Numbers of the attributes that each item has: a word, a colour.
    quality
        (n,) Standard normal.
    popularity
        (regimes, n) Share of the looks at a category, 0 to 1. The second regime is there in the world ``drift`` only.
    elasticity
        (n,) Below 0.
    return_rate
        (n,) Chance that a purchase comes back.
    style
        (n, d) Standard normal.
    policy
        (regimes, n) Weight by which the ranking likes an item.
    shelves, matching
        For each regime, draws of items by `policy` within category, and within category and attribute.
    popular
        For each regime, draws of items by `popularity` within category.
    """

    def __init__(self, settings: Settings, assortment: Assortment) -> None:
        n, rng = settings.items, settings.rng("goods")
        self.category = assortment.category
        self.price = assortment.price
        self.launch = assortment.launch
        self.sizes = np.bincount(self.category, minlength=CATEGORIES)
        word = FIRST_WORD[DEPARTMENT[self.category]] + assortment.word
        self.attributes = ATTRIBUTE[np.stack([word, FIRST_COLOUR + assortment.colour])].astype(np.int64)
        self.quality = rng.standard_normal(n)
        self.elasticity = P.elasticity_median * np.exp(P.elasticity_spread * rng.standard_normal(n))
        often = np.where(_RETURNED_OFTEN[self.category], 2.0, 0.5)
        self.return_rate = np.minimum(P.return_rate * often * np.exp(0.3 * rng.standard_normal(n)), 0.9)
        of_brand = rng.standard_normal((len(BRANDS), P.style_size))
        own = rng.standard_normal((n, P.style_size))
        self.style = np.sqrt(P.brand_style) * of_brand[assortment.brand] + np.sqrt(1 - P.brand_style) * own
        regimes = 2 if settings.world == "drift" else 1
        power = 0.0 if settings.world == "flat" else P.item_zipf
        self.popularity = np.stack([self._popularity(rng, power) for _ in range(regimes)])
        wrong = np.exp(P.policy_noise * rng.standard_normal(n))
        self.policy = self.popularity**P.policy_power * wrong
        self.popularity_score = np.stack([self._standardised(p) for p in self.popularity])
        usual = np.array([c.price for c in words.CATEGORIES])
        self.dearness = np.log(self.price / usual[self.category])
        entries = np.arange(n)
        both = np.concatenate([entries, entries])
        groups = np.concatenate([self.category * ATTRIBUTES + kind for kind in self.attributes])
        self.popular = [Shelf(self.category, entries, w, self.launch, CATEGORIES) for w in self.popularity]
        self.shelves = [Shelf(self.category, entries, w, self.launch, CATEGORIES) for w in self.policy]
        self.matching = [Shelf(groups, both, w, self.launch, CATEGORIES * ATTRIBUTES) for w in self.policy]

    def _popularity(self, rng: np.random.Generator, power: float) -> Floats:
        """Zipf's law within each category, its ranks in random order."""
        order = np.lexsort((rng.random(self.category.size), self.category))
        start = np.concatenate([[0], np.cumsum(self.sizes)])[self.category[order]]
        weight = np.empty(self.category.size)
        weight[order] = (np.arange(order.size) - start + 1.0) ** -power
        total = np.bincount(self.category, weight, minlength=CATEGORIES)
        return np.asarray(weight / total[self.category])

    def _standardised(self, popularity: Floats) -> Floats:
        """Logarithm of the popularity with mean 0 in each category, in units of its standard deviation in the shop."""
        log = np.log(popularity)
        mean = np.bincount(self.category, log, minlength=CATEGORIES) / np.maximum(self.sizes, 1)
        centred = log - mean[self.category]
        return np.asarray(centred / max(float(centred.std()), 1e-9))
