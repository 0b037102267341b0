"""The users of the simulated shop: what they like, how often they come, how they see prices."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from evenshelf.shop.simulation.assortment import CATEGORIES
from evenshelf.shop.simulation.drawing import Rows
from evenshelf.shop.simulation.parameters import PARAMETERS as P

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evenshelf.shop.simulation.goods import Goods
    from evenshelf.shop.simulation.settings import Settings

    Floats = NDArray[np.float64]

_DEVICES = ("mobile", "desktop", "tablet")


class Users:
    """Users and their tastes.

    Attributes
    ----------
    tongue
        (m,) Language of their queries, as an index of the settings' tongues.
    activity
        (m,) Relative frequency of visits; bots have none beside their own.
    sensitivity
        (m,) Price sensitivity, median 1.
    taste
        (regimes, m, categories) Each user's Dirichlet shares, 0 for categories without items.
    style
        (m, d) Standard normal.
    bot
        (m,) Whether it is a bot; only in the world ``noisy``.
    demand
        (regimes, categories) Share of all visits that have each category in mind, in average season.
    visitors
        For each regime, draws of a user for a category.
    ids
        Their names in the shop.
    """

    def __init__(self, settings: Settings, goods: Goods) -> None:
        m, rng = settings.users, settings.rng("users")
        self._settings = settings
        self.tongue = rng.integers(len(settings.tongues), size=m)
        self._device = rng.choice(len(_DEVICES), size=m, p=[0.6, 0.32, 0.08])
        self.activity = np.exp(P.activity_spread * rng.standard_normal(m))
        self.sensitivity = np.exp(P.sensitivity_spread * rng.standard_normal(m))
        self.style = rng.standard_normal((m, P.style_size))
        self.bot = np.zeros(m, dtype=bool)
        if settings.world == "noisy" and m > 1:
            bots = min(m - 1, max(1, round(P.bots * m)))
            self.bot[settings.rng("bots").choice(m, size=bots, replace=False)] = True
            self.activity[self.bot] = 0.0
        rank = np.arange(1, CATEGORIES + 1, dtype=np.float64)
        liked = np.ones(CATEGORIES) if settings.world == "flat" else rank ** -(P.category_zipf * P.taste_head)
        regimes = [liked] if settings.world != "drift" else [liked, np.roll(liked, CATEGORIES // 2)]
        self.taste = np.stack([self._taste(rng, like * (goods.sizes > 0)) for like in regimes])
        weight = self.taste * self.activity[None, :, None]
        demand = weight.sum(axis=1)
        self.demand = demand / demand.sum(axis=1, keepdims=True)
        self.visitors = [Rows(w.T) for w in weight]
        width = max(5, len(str(m)))
        numbers = pl.int_range(1, m + 1, eager=True).cast(pl.String).str.zfill(width)
        self.ids = pl.Series("user_id", "U" + numbers)

    def _taste(self, rng: np.random.Generator, liked: Floats) -> NDArray[np.float32]:
        alpha = P.taste_concentration * liked / liked.sum()
        drawn = np.zeros((self.activity.size, CATEGORIES), dtype=np.float32)
        for c in np.flatnonzero(alpha):
            drawn[:, c] = rng.gamma(alpha[c], size=drawn.shape[0])
        total = drawn.sum(axis=1, keepdims=True)
        # A tiny parameter may round all of a user's shares to nothing.
        return np.asarray(np.where(total > 0, drawn / np.where(total > 0, total, 1), alpha / alpha.sum()), np.float32)

    def frame(self) -> pl.DataFrame:
        """Return the table of users as the shop sees it: without taste."""
        tongues = pl.Series("language", self._settings.tongues).gather(self.tongue)
        return pl.DataFrame(
            {"user_id": self.ids, "tags": tongues + "|" + pl.Series(_DEVICES).gather(self._device), "language": tongues}
        )
