"""What people do once they see an item: click, put it into the cart, buy, rate, send back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evenshelf.shop.simulation.assortment import CATEGORIES
from evenshelf.shop.simulation.drawing import chance
from evenshelf.shop.simulation.log import CART, PURCHASE, RATING, RETURN, Log
from evenshelf.shop.simulation.parameters import MOST
from evenshelf.shop.simulation.parameters import PARAMETERS as P
from evenshelf.shop.simulation.settings import DAY

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evenshelf.shop.simulation.model import Model

    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

SECOND = 1_000_000
MOST_LOG_TASTE = 2.0


def fit(model: Model, user: Ints, item: Ints) -> Floats:
    """Return how well items suit users' style; about standard normal."""
    return np.asarray((model.users.style[user] * model.goods.style[item]).sum(axis=1) / np.sqrt(P.style_size))


def attraction(model: Model, user: Ints, item: Ints, *, grade: Ints | int, price: Floats, regime: int) -> Floats:
    """Return the chance that an item is clicked by a user who has seen it; in (0, 0.95].

    Parameters
    ----------
    grade
        How well items answer the query, 0 to 3.
    price
        Price at that moment.
    regime
        Of tastes and popularities.
    """
    goods, users = model.goods, model.users
    taste = users.taste[regime][user, goods.category[item]] * CATEGORIES
    log = (
        np.log(P.grade_attraction)[grade]
        + P.quality_click * goods.quality[item]
        + P.style_click * fit(model, user, item)
        + P.taste_click * np.clip(np.log(np.maximum(taste, 1e-9)), -MOST_LOG_TASTE, MOST_LOG_TASTE)
        + P.popularity_click * goods.popularity_score[regime][item]
        - P.sensitivity_click * users.sensitivity[user] * goods.dearness[item]
        + P.click_share * goods.elasticity[item] * np.log(price / goods.price[item])
    )
    return np.asarray(np.minimum(np.exp(log), MOST))


def buying(model: Model, looks: Log) -> Floats:
    """Return the chance that each look (a click or a view) ends in a purchase; in (0, 0.95]."""
    item, user = looks["item"], looks["user"]
    ratio = np.log(looks["price"] / model.goods.price[item])
    log = P.quality_buy * model.goods.quality[item] + P.style_buy * fit(model, user, item) + looks["exponent"] * ratio
    return np.asarray(np.minimum(P.purchase_rate * np.exp(log), MOST))


def after_looks(model: Model, looks: Log, rng: np.random.Generator) -> tuple[Log, Log, Floats]:
    """Return what follows looks: carts, purchases that are asked for, and the expected pieces of each look."""
    buys = buying(model, looks)
    carts = np.minimum(P.carts * buys, MOST)
    size = len(looks)
    in_cart = rng.random(size) < carts
    bought = in_cart & (rng.random(size) < buys / carts)
    pieces = 1.0 + rng.poisson(P.more_pieces, size)
    to_cart = rng.integers(5 * SECOND, 60 * SECOND, size)
    to_order = rng.integers(20 * SECOND, 300 * SECOND, size)
    plain = {"position": 0, "propensity": np.nan, "click_probability": np.nan, "attraction": np.nan}
    cart = looks.take(in_cart, kind=CART, value=pieces[in_cart], **plain)
    cart["time"][:] += to_cart[in_cart]
    order = looks.take(bought, kind=PURCHASE, value=pieces[bought], **plain)
    order["time"][:] += (to_cart + to_order)[bought]
    return cart, order, buys * (1 + P.more_pieces)


def after_purchases(model: Model, sold: Log, rng: np.random.Generator) -> Log:
    """Return ratings and returns that follow purchases within the period, and note the returns in the purchases."""
    size, end = len(sold), int(model.settings.end.timestamp()) * SECOND
    item, user = sold["item"], sold["user"]
    opinion = P.rating_mean + P.rating_quality * model.goods.quality[item] + P.rating_style * fit(model, user, item)
    grade = np.clip(np.round(opinion + P.rating_noise * rng.standard_normal(size)), 1, 5)
    rated_at = sold["time"] + rng.integers(3 * DAY, 20 * DAY, size)
    back_at = sold["time"] + rng.integers(3 * DAY, 30 * DAY, size)
    rated = (rng.random(size) < P.rating_rate) & (rated_at < end)
    back = chance(model.goods.return_rate[item], rng) & (back_at < end)
    sold["returned"][:] = np.where(back, sold["value"], 0.0)
    plain = {"query": -1, "session": -1, "variant": -1, "campaign": -1, "slot": -1, "returned": np.nan}
    rating = sold.take(rated, kind=RATING, time=rated_at[rated], value=grade[rated], price=np.nan, **plain)
    returns = sold.take(back, kind=RETURN, time=back_at[back], bought=sold["time"][back], **plain)
    return Log.concat([rating, returns])
