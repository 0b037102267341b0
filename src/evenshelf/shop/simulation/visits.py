"""Visits: who comes when with what in mind, what is shown then, and what is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from evenshelf.shop.simulation.assortment import CATEGORIES, START_MICROSECONDS
from evenshelf.shop.simulation.behaviour import SECOND, attraction, fit
from evenshelf.shop.simulation.drawing import chance
from evenshelf.shop.simulation.lists import searches
from evenshelf.shop.simulation.log import CLICK, IMPRESSION, VIEW, Log
from evenshelf.shop.simulation.parameters import MOST
from evenshelf.shop.simulation.parameters import PARAMETERS as P
from evenshelf.shop.simulation.settings import DAY

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evenshelf.shop.simulation.model import Model

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

# Relative number of visits that begin in each hour; none so late that it would end on the next day.
_HOURS = np.array([3, 2, 1, 1, 1, 2, 4, 7, 9, 10, 10, 11, 13, 12, 10, 9, 9, 10, 12, 15, 17, 15, 10], dtype=float)


@dataclass(frozen=True)
class Visits:
    """Visits in order of time.

    Attributes
    ----------
    user, category, day, start
        Who, with which category in mind, on which day (from 0), at which moment (microseconds since 1970).
    session
        Numbers of the visits.
    """

    user: Ints
    category: Ints
    day: Ints
    start: Ints
    session: Ints

    def take(self, rows: NDArray[np.bool_]) -> Visits:
        """Return some of them."""
        return Visits(self.user[rows], self.category[rows], self.day[rows], self.start[rows], self.session[rows])


def draw_visits(model: Model, days: Ints, total: float, first: int, rng: np.random.Generator) -> Visits:
    """Return the visits of some days of one regime.

    Parameters
    ----------
    total
        Expected visits of the whole period.
    first
        Number of the first visit.
    """
    counts = rng.poisson(total * model.rate[:, days])
    category, at = (np.repeat(index.ravel(), counts.ravel()) for index in np.indices(counts.shape))
    day = days[at]
    hour = rng.choice(_HOURS.size, size=day.size, p=_HOURS / _HOURS.sum())
    start = START_MICROSECONDS + day * DAY + hour * 3600 * SECOND + rng.integers(3600 * SECOND, size=day.size)
    regime = int(model.regime(days[:1])[0])
    user = model.users.visitors[regime].draw(category, rng)
    order = np.argsort(start, kind="stable")
    session = np.arange(first, first + day.size)
    return Visits(user[order], category[order], day[order], start[order], session)


def shown_and_clicked(model: Model, visits: Visits, rng: np.random.Generator) -> tuple[Log, Log]:
    """Return impressions, and looks (clicks and views), of visits of one regime."""
    kind = rng.random(visits.day.size)
    searching = kind < P.searches
    looking = ~searching & (kind < P.searches + P.browses)
    regime = int(model.regime(visits.day[:1])[0]) if visits.day.size else 0
    shown, clicked = searches(model, visits.take(searching), regime, rng)
    ads, ad_clicks = _advertisements(model, visits.take(~searching & ~looking), regime, rng)
    views = _views(model, visits.take(looking), regime, rng)
    return Log.concat([shown, ads]), Log.concat([clicked, ad_clicks, views])


def _repeated(visits: Visits, mean: float, rng: np.random.Generator) -> tuple[Ints, Ints]:
    """One or more things a visit: the visit of each, and the moment."""
    more = np.minimum(rng.poisson(mean, visits.day.size), P.most_more)
    visit = np.repeat(np.arange(more.size), more + 1)
    number = np.arange(visit.size) - np.repeat(np.cumsum(more + 1) - (more + 1), more + 1)
    gap = rng.integers(10 * SECOND, 60 * SECOND, visit.size)
    return visit, visits.start[visit] + number * 60 * SECOND + gap


def _views(model: Model, visits: Visits, regime: int, rng: np.random.Generator) -> Log:
    visit, time = _repeated(visits, P.more_views, rng)
    category, day, user = visits.category[visit], visits.day[visit], visits.user[visit]
    category = np.where(rng.random(visit.size) < P.neighbour, model.neighbour[category], category)
    item = model.goods.popular[regime].draw(category, day, rng)
    likes = np.exp(P.quality_view * model.goods.quality[item] + P.style_view * fit(model, user, item))
    seen = chance(np.minimum(P.view_rate * likes, MOST), rng)
    return Log.of(
        visit.size,
        time=time,
        user=user,
        item=item,
        kind=VIEW,
        price=model.prices.at(item, day),
        session=visits.session[visit],
        day=day,
        exponent=model.goods.elasticity[item],
    ).take(seen)


def _advertisements(model: Model, visits: Visits, regime: int, rng: np.random.Generator) -> tuple[Log, Log]:
    visit, time = _repeated(visits, P.more_ads, rng)
    goods, day, user = model.goods, visits.day[visit], visits.user[visit]
    share = goods.sizes / goods.sizes.sum()
    targeted = rng.random(visit.size) < P.ad_targeted
    category = np.where(targeted, visits.category[visit], rng.choice(CATEGORIES, size=visit.size, p=share))
    item = goods.shelves[regime].draw(category, day, rng)
    slot = rng.integers(len(P.ad_slots), size=visit.size)
    campaign = category * model.periods + day // P.ad_length
    price = model.prices.at(item, day)
    attracts = attraction(model, user, item, grade=3, price=price, regime=regime)
    clicks = np.minimum(np.array(P.ad_slots)[slot] * model.pull[campaign] * attracts / P.grade_attraction[3], MOST)
    clicked = chance(clicks, rng)
    of_category = P.ad_targeted * (category == visits.category[visit]) + (1 - P.ad_targeted) * share[category]
    shown = Log.of(
        visit.size,
        time=time,
        user=user,
        item=item,
        kind=IMPRESSION,
        value=clicked,
        price=price,
        session=visits.session[visit],
        propensity=of_category * goods.policy[regime][item] / goods.shelves[regime].total(category, day),
        campaign=campaign,
        slot=slot,
        day=day,
        click_probability=clicks,
        attraction=attracts,
        exponent=(1 - P.click_share) * goods.elasticity[item],
    )
    looks = shown.take(clicked, kind=CLICK, value=np.nan)
    looks["time"][:] += rng.integers(SECOND, 8 * SECOND, len(looks))
    return shown, looks
