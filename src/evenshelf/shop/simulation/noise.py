"""The world ``noisy``: bots that click hundreds of items within a minute, and events that are logged twice."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evenshelf.shop.simulation.assortment import START_MICROSECONDS
from evenshelf.shop.simulation.behaviour import SECOND
from evenshelf.shop.simulation.drawing import Shelf
from evenshelf.shop.simulation.log import CLICK, Log
from evenshelf.shop.simulation.parameters import PARAMETERS as P
from evenshelf.shop.simulation.settings import DAY

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evenshelf.shop.simulation.model import Model

    Ints = NDArray[np.int64]

_MINUTE = 60 * SECOND


class Bots:
    """Bursts of clicks: each bot has two, each of 150 to 300 clicks within a minute on items of any kind."""

    def __init__(self, model: Model) -> None:
        rng, goods = model.settings.rng("bursts"), model.goods
        self._model = model
        self._user = np.repeat(np.flatnonzero(model.users.bot), P.bot_bursts)
        self._day = rng.integers(model.settings.days, size=self._user.size)
        self._start = rng.integers(DAY - 2 * _MINUTE, size=self._user.size)
        self._clicks = rng.integers(P.bot_clicks[0], P.bot_clicks[1] + 1, size=self._user.size)
        n = goods.category.size
        self._shelf = Shelf(np.zeros(n, dtype=np.int64), np.arange(n), np.ones(n), goods.launch, 1)

    def clicks(self, first_day: int, until: int, session: int, rng: np.random.Generator) -> tuple[Log, int]:
        """Return the clicks of some days, and the number of bursts; `session` is the number of the first."""
        burst = np.flatnonzero((self._day >= first_day) & (self._day < until))
        of = np.repeat(burst, self._clicks[burst])
        number = np.repeat(np.arange(burst.size), self._clicks[burst])
        day = self._day[of]
        item = self._shelf.draw(np.zeros(of.size, dtype=np.int64), day, rng)
        time = START_MICROSECONDS + day * DAY + self._start[of] + rng.integers(_MINUTE, size=of.size)
        price = self._model.prices.at(item, day)
        clicks = Log.of(
            of.size, time=time, user=self._user[of], item=item, kind=CLICK, price=price, session=session + number
        )
        return clicks, int(burst.size)


def repeated(size: int, rng: np.random.Generator) -> Ints:
    """Return the rows of a log in which some stand twice, one copy right after the other."""
    twice = rng.random(size) < P.repeated_events
    return np.asarray(np.repeat(np.arange(size), 1 + twice))
