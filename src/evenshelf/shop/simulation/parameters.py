"""The numbers that the simulator's behaviour rests on. ``truth/truth.toml`` holds those a shop was made with."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Parameters:
    r"""How people, prices and the shop's own ranking behave.

    Notation: user `u`, item `i`, query `q`, category `c`, day `t`, place `k` in a list from 1.

    * **Visits.** Visits of `u` with category `c` in mind come as a Poisson process with rate proportional to
      ``activity[u] * taste[u, c] * season[c, t] * weekday[t]``; tastes are Dirichlet.
    * **Season.** ``season[c, t] = exp(a[c] * cos(2 pi (t - peak[c]) / 365.25))``, scaled to a mean of 1 over a year.
    * **Prices.** ``price = list price * level * (1 - reduction)``. The level changes each quarter for reasons outside
      of the shop; reductions are given by the week, and more often in season: ``P(reduced) = promotion_rate *
      season[c, t] ** promotion_season``, at most 0.8. Season is thus a confounder of price and demand.
    * **Lists.** An item is placed at `k` with a probability proportional to ``relevance(q, c) * popularity[i] **
      policy_power * noise[i]`` among those not yet placed (Plackett-Luce): the logged propensity. In the share
      `shuffled` of the lists such items are put in random order (variant ``shuffled``, no propensity).
    * **Clicks** (position-based model). ``P(click) = k ** -position_power * attraction``, where ``log attraction`` is
      the sum of ``log grade_attraction[grade(q, i)]``, ``quality_click * quality[i]``, ``style_click * fit[u, i]``,
      ``taste_click * log taste`` (of 1 for the average category, cut off at 2 either way), ``popularity_click * log
      popularity`` (standardised), ``-sensitivity_click * sensitivity[u] * log(list price / its category's usual
      price)`` and ``click_share * elasticity[i] * log(price / list price)``.
    * **Views.** Visits without a list look at items drawn by popularity within the category, and go on to the product
      page with the chance ``view_rate * exp(quality_view * quality[i] + style_view * fit[u, i])``.
    * **Advertisements.** ``P(click) = ad_slots[slot] * pull[campaign] * attraction / grade_attraction[3]``, the
      attraction taken at grade 3.
    * **Purchases.** After a click or view, ``P(purchase) = purchase_rate * exp(quality_buy * quality[i] + style_buy *
      fit[u, i]) * (price / list price) ** e``, with ``e = elasticity[i]`` after a view and the part that did not act on
      the click, ``(1 - click_share) * elasticity[i]``, after a click. So demand has the elasticity ``elasticity[i]``
      either way.
    * **Stock.** Every item is filled up to its level at its own interval; a purchase takes what is there, and what is
      asked for beyond that is lost.

    Probabilities are cut off at 0.95.
    """

    category_zipf: float = 1.15
    """Exponent of the frequencies of categories, by rank."""
    item_zipf: float = 0.9
    """Exponent of the popularity of the items of a category, by rank."""
    taste_concentration: float = 6.0
    """Sum of the Dirichlet's parameters: small ones make users of few interests."""
    taste_head: float = 0.8
    """Exponent by which the frequency of a category makes it liked."""
    activity_spread: float = 0.9
    """Standard deviation of the logarithm of a user's activity."""
    sensitivity_spread: float = 0.4
    """Standard deviation of the logarithm of a user's price sensitivity, whose median is 1."""
    style_size: int = 4
    """Dimensions of style, in which users and items fit: ``fit = style[u] . style[i] / sqrt(style_size)``."""
    brand_style: float = 0.7
    """Share of the variance of an item's style that its brand decides."""

    searches: float = 0.35
    """Share of visits that search."""
    browses: float = 0.50
    """Share of visits that look at items without a list; the rest see advertisements."""
    more_lists: float = 0.3
    """Chance that a search is followed by one more in the same visit, at most twice."""
    more_views: float = 1.5
    """Mean number of looks after the first of a visit without a list."""
    most_more: int = 5
    """So many looks or advertisements follow the first of a visit at most."""
    neighbour: float = 0.15
    """Chance that such a look is at the next category of the department."""
    list_length: int = 10
    """Places of a list."""
    says_name: float = 0.5
    """Chance that a query names the category by its name and not by a synonym."""
    says_attribute: float = 0.4
    """Chance that a query asks for an attribute too."""
    says_word: float = 0.6
    """Chance that this attribute is a word of the department; otherwise it is a colour."""

    relevant: float = 0.86
    """Chance that the ranking takes an item of a category that the query names."""
    related: float = 0.10
    """Chance that it takes one of a category that shares a word with those, else one of the whole shop."""
    attribute_match: float = 0.5
    """Chance that it takes one that has the attribute asked for, if there is one."""
    policy_power: float = 0.6
    """Exponent of popularity in the ranking."""
    policy_noise: float = 0.3
    """Standard deviation of the logarithm of what the ranking gets wrong about an item, for good."""
    shuffled: float = 0.10
    """Share of lists whose order is random."""

    position_power: float = 0.8
    """Examination falls with the place as ``k ** -position_power``."""
    grade_attraction: tuple[float, float, float, float] = (0.02, 0.07, 0.20, 0.30)
    """Attraction of items of grade 0 to 3."""
    quality_click: float = 0.20
    style_click: float = 0.30
    taste_click: float = 0.10
    popularity_click: float = 0.15
    sensitivity_click: float = 0.25
    click_share: float = 0.3
    """Share of an item's elasticity that acts on clicks; the rest acts on purchases."""

    view_rate: float = 0.4
    """Chance to go on to the product page, of an item of average quality and fit."""
    purchase_rate: float = 0.10
    quality_view: float = 0.20
    style_view: float = 0.40
    quality_buy: float = 0.30
    style_buy: float = 0.25
    carts: float = 2.5
    """Carts for each purchase: ``P(cart) = min(0.95, carts * P(purchase))``."""
    more_pieces: float = 0.15
    """Mean number of pieces of a purchase after the first."""
    elasticity_median: float = -1.8
    elasticity_spread: float = 0.25
    """Standard deviation of the logarithm of an item's elasticity."""

    rating_rate: float = 0.25
    """Chance that a purchase is rated: ``rating_mean + rating_quality * quality[i] + rating_style * fit[u, i]`` and
    noise of standard deviation `rating_noise`, rounded to 1 to 5."""
    rating_mean: float = 3.6
    rating_quality: float = 0.8
    rating_style: float = 0.4
    rating_noise: float = 0.7
    return_rate: float = 0.12
    """Chance that the pieces of a purchase come back; clothes and shoes twice as often, others half as often."""

    season_least: float = 0.1
    season_most: float = 0.8
    """Range of the amplitudes of season."""
    weekend: float = 1.25
    """Demand on a weekend day, that of other days being 1."""
    priced_actively: float = 0.4
    """Share of items whose price ever changes."""
    promotion_rate: float = 0.08
    """Chance that such an item is reduced in a week of average season."""
    promotion_season: float = 3.0
    """Exponent by which season brings reductions."""
    price_level: float = 0.10
    """Standard deviation of the logarithm of the price level of a quarter."""

    launched_later: float = 0.2
    """Share of items that come into the shop during the period."""
    ad_slots: tuple[float, float, float] = (0.10, 0.05, 0.02)
    """Click probability of an average advertisement, by slot."""
    ad_targeted: float = 0.6
    """Chance that an advertisement is of the category in the visitor's mind."""
    more_ads: float = 2.0
    """Mean number of advertisements after the first of a visit."""
    ad_pull_spread: float = 0.4
    """Standard deviation of the logarithm of a campaign's pull."""
    ad_length: int = 61
    """Days of a campaign."""

    misleading_share: float = 0.8
    """World ``misleading``: share of the titles of rare categories that use the words of a frequent one."""
    wrong_labels: float = 0.10
    """World ``noisy``: share of items whose category is wrong."""
    repeated_items: float = 0.02
    """World ``noisy``: share of items that are another one once more."""
    repeated_events: float = 0.01
    """World ``noisy``: share of events that are logged twice."""
    bots: float = 0.01
    """World ``noisy``: share of users that are bots."""
    bot_bursts: int = 2
    """Bursts of clicks of each bot."""
    bot_clicks: tuple[int, int] = (150, 300)
    """Least and most clicks of a burst, all within a minute."""


PARAMETERS = Parameters()
MOST = 0.95
"""No probability of the model is above this one."""
