"""Lists of search results: what the shop's own ranking shows, and what is clicked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evenshelf.shop.simulation.assortment import ATTRIBUTES
from evenshelf.shop.simulation.behaviour import SECOND, attraction
from evenshelf.shop.simulation.drawing import chance
from evenshelf.shop.simulation.log import CLICK, IMPRESSION, Log
from evenshelf.shop.simulation.parameters import MOST
from evenshelf.shop.simulation.parameters import PARAMETERS as P
from evenshelf.shop.simulation.searching import NO_ATTRIBUTE

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evenshelf.shop.simulation.model import Model
    from evenshelf.shop.simulation.visits import Visits

    Bools = NDArray[np.bool_]
    Floats = NDArray[np.float64]
    Ints = NDArray[np.int64]

_TRIES = 28
"""Draws of items for a list; a list is shorter if fewer different ones are among them."""


def searches(model: Model, visits: Visits, regime: int, rng: np.random.Generator) -> tuple[Log, Log]:
    """Return the impressions and clicks of visits that search."""
    again = rng.random(visits.day.size)
    lists = 1 + (again < P.more_lists).astype(np.int64) + (again < P.more_lists**2)
    visit = np.repeat(np.arange(lists.size), lists)
    number = np.arange(visit.size) - np.repeat(np.cumsum(lists) - lists, lists)
    tongue = model.users.tongue[visits.user[visit]]
    query = model.searching.ask(visits.category[visit], tongue, rng)
    opened = visits.start[visit] + number * 400 * SECOND + rng.integers(SECOND, 30 * SECOND, visit.size)
    shuffled = rng.random(visit.size) < P.shuffled
    row, item, position, propensity = rank(model, query, visits.day[visit], shuffled, rng=rng, regime=regime)
    day, user = visits.day[visit[row]], visits.user[visit[row]]
    price = model.prices.at(item, day)
    grade = model.searching.grade(query[row], item)
    attracts = attraction(model, user, item, grade=grade, price=price, regime=regime)
    clicks = np.minimum(position**-P.position_power * attracts, MOST)
    clicked = chance(clicks, rng)
    shown = Log.of(
        row.size,
        time=opened[row],
        user=user,
        item=item,
        kind=IMPRESSION,
        value=clicked,
        price=price,
        query=query[row],
        position=position,
        session=visits.session[visit[row]],
        propensity=propensity,
        variant=shuffled[row],
        day=day,
        click_probability=clicks,
        attraction=attracts,
        exponent=(1 - P.click_share) * model.goods.elasticity[item],
    )
    looks = shown.take(clicked, kind=CLICK, value=np.nan)
    looks["time"][:] += looks["position"] * 3 * SECOND + rng.integers(SECOND, 8 * SECOND, len(looks))
    return shown, looks


def rank(
    model: Model, query: Ints, day: Ints, shuffled: Bools, *, rng: np.random.Generator, regime: int
) -> tuple[Ints, Ints, Ints, Floats]:
    """Fill the places of lists one by one with items that are not placed yet (Plackett-Luce).

    Items are drawn with replacement and those drawn before are passed over, which is the same.

    Returns
    -------
    tuple
        For each place of each list: the list, the item, the place from 1, and the probability of that item there, given
        those before it; nan in shuffled lists.
    """
    goods, searching = model.goods, model.searching
    shape = (query.size, _TRIES)
    noun, attribute = (np.broadcast_to(part[:, None], shape) for part in searching.parts(query))
    days = np.broadcast_to(day[:, None], shape)
    category = searching.rank_categories(noun, rng)
    item = goods.shelves[regime].draw(category, days, rng)
    group = category * ATTRIBUTES + np.maximum(attribute, 0)
    matched = goods.matching[regime].total(group, days)
    matchable = (attribute != NO_ATTRIBUTE) & (matched > 0)
    use = matchable & (rng.random(shape) < P.attribute_match)
    item[use] = goods.matching[regime].draw(group[use], days[use], rng)

    weight = goods.policy[regime][item]
    of_category = weight / goods.shelves[regime].total(category, days)
    of_match = searching.matches(item, attribute) * weight / np.where(matchable, matched, 1)
    share = np.where(matchable, (1 - P.attribute_match) * of_category + P.attribute_match * of_match, of_category)
    share = share * searching.mix[noun, category]

    new = _first_occurrence(item)
    place = np.cumsum(new, axis=1)
    kept = new & (place <= P.list_length)
    taken = np.cumsum(share * kept, axis=1) - share * kept
    row, column = np.nonzero(kept)
    propensity = share[row, column] / np.maximum(1 - taken[row, column], share[row, column])
    item, position = item[row, column], np.asarray(place[row, column], dtype=np.int64)
    mixed = shuffled[row]
    if mixed.any():
        order = np.lexsort((np.where(mixed, rng.random(row.size), position), row))
        item, propensity = item[order], np.where(mixed, np.nan, propensity)
    return np.asarray(row, dtype=np.int64), item, position, np.asarray(propensity, dtype=np.float64)


def _first_occurrence(items: Ints) -> Bools:
    """Where a row names an item that it did not name before."""
    order = np.argsort(items, axis=1, kind="stable")
    ordered = np.take_along_axis(items, order, axis=1)
    first = np.ones(items.shape, dtype=bool)
    first[:, 1:] = ordered[:, 1:] != ordered[:, :-1]
    new = np.empty_like(first)
    np.put_along_axis(new, order, first, axis=1)
    return new
