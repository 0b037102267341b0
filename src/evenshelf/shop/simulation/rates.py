"""How much of each item is expected to be asked for in a day, from the model alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from scipy.special import gammaln, xlogy

from evenshelf.shop.simulation.assortment import CATEGORIES
from evenshelf.shop.simulation.behaviour import MOST_LOG_TASTE
from evenshelf.shop.simulation.parameters import PARAMETERS as P

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evenshelf.shop.simulation.model import Model

    Floats = NDArray[np.float64]

_GRID = np.exp(np.linspace(np.log(1e-3), np.log(1e7), 80))
_RATES = 64
_BATCH = 100_000


def demand_rates(model: Model, visits: float, regime: int) -> Floats:
    """Return the pieces of each item that are asked for on an average day at its list price.

    Times the factors of season and weekday and ``(price / list price) ** elasticity`` it is the expected demand of a
    day. It is a mean-field approximation: users' style is integrated out, a visit's category is the item's own in the
    season, attributes in queries count on average, places of lists are taken as if items came by independent clocks
    (exact for Plackett-Luce but for the number of items before, taken as Poisson), and no probability is cut off.

    Parameters
    ----------
    model
        The shop.
    visits
        Expected visits of the whole period.
    regime
        Of tastes and popularities.

    Returns
    -------
    numpy.ndarray
        (n,) Pieces a day, above 0 for every item whose category is visited.
    """
    goods, category = model.goods, model.goods.category
    base = visits * model.base * model.users.demand[regime]  # visits of each category on an average day
    norm = (goods.style**2).sum(axis=1) / P.style_size
    # The same for a style of the user that is standard normal: E exp(a fit) = exp(a^2 |style|^2 / (2 d)).
    bought = P.purchase_rate * (1 + P.more_pieces)

    more = _mean_of_cut_poisson(P.more_views)
    looks = P.browses * (1 + more) * ((1 - P.neighbour) * base + P.neighbour * _from_neighbours(model, base))
    power = P.style_view + P.style_buy
    viewed = P.view_rate * np.exp((P.quality_view + P.quality_buy) * goods.quality + power**2 / 2 * norm)
    popular = goods.popularity[regime] * _early(model, goods.popularity[regime])
    rate = looks[category] * popular * viewed * bought

    power = P.style_click + P.style_buy
    clicked = np.exp((P.quality_click + P.quality_buy) * goods.quality + power**2 / 2 * norm)
    clicked *= np.exp(P.popularity_click * goods.popularity_score[regime]) * _dearness(model)
    clicked *= _taste_factor(model, regime)[category]
    total = np.bincount(category, goods.policy[regime], minlength=CATEGORIES)
    share = goods.policy[regime] / total[category] * _early(model, goods.policy[regime])
    rate += clicked * _attracting_places(model, base, share) * bought

    ads = (1 - P.searches - P.browses) * (1 + _mean_of_cut_poisson(P.more_ads))
    of_category = P.ad_targeted * base + (1 - P.ad_targeted) * base.sum() * goods.sizes / goods.sizes.sum()
    pull = model.pull.reshape(CATEGORIES, model.periods).mean(axis=1)
    rate += ads * (of_category * pull)[category] * share * np.mean(P.ad_slots) * clicked * bought
    return np.asarray(rate)


def _poisson(counts: NDArray[np.int_], mean: Floats | float) -> Floats:
    """Return Poisson probabilities; scipy.stats has them too, but takes long to import."""
    return np.asarray(np.exp(xlogy(counts, mean) - mean - gammaln(counts + 1)))


def _mean_of_cut_poisson(mean: float) -> float:
    counts = np.arange(0, 60)
    return float((np.minimum(counts, P.most_more) * _poisson(counts, mean)).sum())


def _from_neighbours(model: Model, base: Floats) -> Floats:
    return np.asarray(np.bincount(model.neighbour, base, minlength=CATEGORIES), dtype=np.float64)


def _early(model: Model, weight: Floats) -> Floats:
    """Mean over an item's days by which its share is larger while others of its category are not yet there."""
    goods, days = model.goods, model.settings.days
    launch = np.maximum(goods.launch, 0)
    total = np.bincount(goods.category, weight, minlength=CATEGORIES)
    launched = np.bincount(goods.category * days + launch, weight, minlength=CATEGORIES * days)
    there = np.cumsum(launched.reshape(CATEGORIES, days), axis=1)
    ratio = np.where(there > 0, total[:, None] / np.where(there > 0, there, 1), 1.0)
    from_day_on = np.cumsum(ratio[:, ::-1], axis=1)[:, ::-1] / (days - np.arange(days))
    return np.asarray(from_day_on[goods.category, launch])


def _dearness(model: Model) -> Floats:
    """Mean over users of what a list price above or below the usual does to clicks."""
    weight = model.users.activity / model.users.activity.sum()
    at = np.quantile(model.users.sensitivity, (np.arange(9) + 0.5) / 9, weights=weight, method="inverted_cdf")
    return np.asarray(np.mean([np.exp(-P.sensitivity_click * s * model.goods.dearness) for s in at], axis=0))


def _taste_factor(model: Model, regime: int) -> Floats:
    """Mean over the visitors of a category of what their taste for it does to clicks."""
    taste = model.users.taste[regime]
    log = np.log(np.maximum(taste * CATEGORIES, 1e-9))
    factor = np.exp(P.taste_click * np.clip(log, -MOST_LOG_TASTE, MOST_LOG_TASTE))
    weight = taste * model.users.activity[:, None]
    total = weight.sum(axis=0)
    return np.asarray((weight * factor).sum(axis=0) / np.where(total > 0, total, 1))


def _attracting_places(model: Model, base: Floats, share: Floats) -> Floats:
    """Sum over the lists of a day of examination, times the attraction that the grade alone gives."""
    searching, category = model.searching, model.goods.category
    lists = base * P.searches * (1 + P.more_lists + P.more_lists**2)
    asked = searching.asked(lists)
    match = P.attribute_match + (1 - P.attribute_match) / 9
    named = P.grade_attraction[3] - P.says_attribute * (1 - match) * (P.grade_attraction[3] - P.grade_attraction[2])
    grade = np.where(searching.named, named, np.where(searching.related, P.grade_attraction[1], P.grade_attraction[0]))

    # Placed items as independent clocks: item i rings at rate p[i], and its place is one more than those before it.
    rung = np.zeros((CATEGORIES, _GRID.size))
    for start in range(0, category.size, _BATCH):
        batch = slice(start, start + _BATCH)
        for g, time in enumerate(_GRID):
            rung[:, g] += np.bincount(category[batch], -np.expm1(-share[batch] * time), minlength=CATEGORIES)
    counts = np.arange(P.list_length)
    places = (counts + 1.0) ** -P.position_power
    result, rare, steps = np.zeros(category.size), np.zeros(CATEGORIES), np.diff(_GRID, prepend=0.0)
    by_category = np.argsort(category, kind="stable")
    bounds = np.searchsorted(category[by_category], np.arange(CATEGORIES + 1))
    for noun in np.flatnonzero(asked):
        mix = searching.mix[noun]
        # Clock times of the categories differ by their share of the mix.
        before = sum(np.interp(_GRID * m, _GRID, rung[c]) for c, m in enumerate(mix) if m > 0)
        seen = _poisson(counts[:, None], before).T @ places
        rare[:] += asked[noun] * grade[noun] * mix * ~searching.named[noun] * (steps * seen).sum()
        for c in np.flatnonzero(searching.named[noun] & (mix > 0)):
            items = by_category[bounds[c] : bounds[c + 1]]
            rate = mix[c] * share[items]
            some = np.geomspace(rate.min() * 0.99, rate.max() * 1.01, _RATES)
            edges = np.exp(-np.multiply.outer(some, np.concatenate([[0.0], _GRID])))
            placed = np.interp(rate, some, (edges[:, :-1] - edges[:, 1:]) @ seen)
            result[items] += asked[noun] * grade[noun, c] * placed
    # An item of another category than those named is so unlikely that its rate is its chance.
    return result + rare[category] * share
