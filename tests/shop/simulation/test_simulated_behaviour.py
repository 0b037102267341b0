"""What can be measured in a simulated shop's logs is what its truth says."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from sklearn.linear_model import LinearRegression, PoissonRegressor

from evenshelf.errors import InputError
from evenshelf.shop.simulation import Settings
from evenshelf.shop.simulation.assortment import Assortment
from evenshelf.shop.simulation.lists import rank
from evenshelf.shop.simulation.model import Model


def position_power(impressions: pl.DataFrame, attraction: str | None = None) -> float:
    """Exponent of examination by a Poisson regression of clicks, given the attraction if that is known."""
    if attraction is not None:
        weight, target = impressions[attraction], impressions["value"] / impressions[attraction]
    else:
        weight, target = None, impressions["value"]
    log = np.log(impressions["position"].to_numpy())[:, None]
    return -float(PoissonRegressor(alpha=0).fit(log, target, sample_weight=weight).coef_[0])


@pytest.fixture(scope="module")
def listed(shop) -> pl.DataFrame:
    impressions = shop.of_kind("impression").filter(pl.col("position").is_not_null())
    return impressions.join(shop.truth.impressions, on="event_id", how="left", maintain_order="left")


def test_position_bias_is_found_where_the_order_is_random(shop, listed):
    truth = shop.truth.parameters["position_power"]
    assert position_power(listed.filter(variant="shuffled")) == pytest.approx(truth, abs=0.1)
    assert position_power(listed, "attraction") == pytest.approx(truth, abs=0.03)


def test_the_shop_s_own_ranking_makes_its_logs_biased(shop, listed):
    ranked = listed.filter(variant="ranked")
    grade = shop.truth.relevance(ranked)
    mean = ranked.with_columns(grade=grade).group_by("position").agg(pl.col("grade", "attraction").mean())
    first, last = (mean.filter(position=position) for position in (1, 10))
    assert first["grade"][0] > last["grade"][0] + 0.1
    assert position_power(ranked) > shop.truth.parameters["position_power"] + 0.02


def test_clicks_have_the_probabilities_of_the_truth(shop):
    impressions = shop.of_kind("impression").join(shop.truth.impressions, on="event_id")
    assert impressions.height == shop.truth.impressions.height
    for part in (pl.col("campaign").is_null(), *(pl.col("slot") == slot for slot in ("top", "side", "footer"))):
        chosen = impressions.filter(part)
        p = chosen["click_probability"].to_numpy()
        assert abs(chosen["value"].sum() - p.sum()) < 4 * np.sqrt((p * (1 - p)).sum())
        assert 0 < p.min() <= p.max() <= 0.95
    assert shop.of_kind("click").height == impressions["value"].sum()


def test_propensities_are_the_frequencies_of_the_ranking():
    settings = Settings.of(12, seed=2, language="en")
    assortment = Assortment(settings)
    list(assortment.batches())
    model, rng = Model(settings, assortment), np.random.default_rng(0)
    lists, day = 40_000, np.full(40_000, 364)
    query = np.repeat(model.searching.ask(assortment.category[:1], np.zeros(1, dtype=np.int64), rng), lists)
    row, item, position, propensity = rank(model, query, day, np.zeros(lists, dtype=bool), rng=rng, regime=0)
    first = position == 1
    expected = dict(zip(item[first].tolist(), propensity[first].tolist(), strict=True))
    assert sum(expected.values()) == pytest.approx(1)
    for one, p in expected.items():
        assert (item[first] == one).mean() == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / lists))
    # Given what stands first, the second place is as probable as it says.
    top = max(expected, key=expected.get)
    after = np.isin(row, row[first & (item == top)]) & (position == 2)
    second = dict(zip(item[after].tolist(), propensity[after].tolist(), strict=True))
    for one, p in second.items():
        assert (item[after] == one).mean() == pytest.approx(p, abs=4 * np.sqrt(p * (1 - p) / after.sum()))
    assert all(len(set(item[row == k].tolist())) == (row == k).sum() for k in range(200))


def test_judgements_are_the_truth_s_relevance(shop):
    judgements = shop.shop.read("judgements")
    assert judgements["grade"].to_list() == shop.truth.relevance(judgements).to_list()
    assert set(judgements["grade"].unique()) == {0, 1, 2, 3}
    with pytest.raises(InputError, match="no query"):
        shop.truth.relevance(pl.DataFrame({"query": ["no such thing"], "item_id": ["S000001"]}))


def test_queries_are_those_of_the_events(shop):
    asked = shop.of_kind("impression").filter(position=1)["query"].value_counts(name="count")
    queries = shop.shop.read("queries")
    assert dict(asked.iter_rows()) == dict(queries.select("query", "count").iter_rows())


def test_users_look_at_what_they_like(shop):
    views = shop.of_kind("view").join(shop.truth.items.select("item_id", "category"), on="item_id")
    seen = (
        views.group_by("user_id", "category")
        .len()
        .with_columns(share=pl.col("len") / pl.col("len").sum().over("user_id"))
    )
    seen = seen.filter(pl.col("len").sum().over("user_id") >= 30).join(shop.truth.users, on="user_id")
    taste = seen.select(pl.col("taste").list.get(pl.col("category")))["taste"].to_numpy()
    assert seen["user_id"].n_unique() > 100
    assert np.corrcoef(seen["share"], taste)[0, 1] > 0.75
    tastes = np.stack(shop.truth.users["taste"].to_numpy())
    assert tastes.sum(axis=1) == pytest.approx(1, abs=1e-4)


def test_ratings_follow_quality(shop):
    ratings = shop.of_kind("rating")
    assert set(ratings["value"]) == {1, 2, 3, 4, 5}
    mean = ratings.group_by("item_id").agg(pl.col("value").mean(), pl.len()).filter(pl.col("len") >= 5)
    both = mean.join(shop.truth.items, on="item_id")
    assert np.corrcoef(both["value"], both["quality"])[0, 1] > 0.7


def test_returns_follow_their_rate_and_name_their_purchase(shop):
    purchases, returns = shop.of_kind("purchase"), shop.of_kind("return")
    early = purchases.filter(pl.col("time") < pl.col("time").max() - pl.duration(days=31))
    early = early.join(shop.truth.items, on="item_id")
    expected = early["return_rate"].to_numpy()
    got = (early["returned"] > 0).sum()
    assert abs(got - expected.sum()) < 4 * np.sqrt((expected * (1 - expected)).sum())
    keys = ["user_id", "item_id"]
    matched = returns.join(
        purchases, left_on=[*keys, "purchase_time", "value"], right_on=[*keys, "time", "returned"], how="inner"
    )
    assert matched.height == returns.height == (purchases["returned"] > 0).sum()
    assert (returns["time"] > returns["purchase_time"]).all()


def test_nothing_happens_before_a_launch(shop):
    launched = shop.shop.items().select("item_id", "launched")
    both = shop.events.join(launched, on="item_id")
    assert (both["time"] >= both["launched"]).all()
    new = launched.filter(pl.col("launched") > shop.events["time"].min())
    assert 0.15 < new.height / launched.height < 0.25
    assert both.filter(pl.col("item_id").is_in(new["item_id"].to_list())).height > 1000


def test_prices_of_events_are_those_of_the_table(shop):
    priced = shop.events.filter(pl.col("price").is_not_null() & (pl.col("kind") != "return"))
    table = shop.shop.read("prices").sort("time").rename({"price": "valid"})
    both = priced.join_asof(table, on="time", by="item_id", check_sortedness=False)
    assert (both["price"] == both["valid"]).all()


def test_nothing_is_bought_that_is_not_there(shop):
    stock = shop.shop.read("stock").sort("time")
    purchases = shop.of_kind("purchase")
    before = purchases.join_asof(stock, on="time", by="item_id", allow_exact_matches=False, check_sortedness=False)
    assert (before["stock"] >= before["value"]).all()
    after = purchases.join_asof(stock, on="time", by="item_id", check_sortedness=False)
    assert (after["stock"] == before["stock"] - before["value"]).all()
    assert (stock["stock"] == 0).mean() > 0.05
    demand = shop.truth.demand
    assert demand["asked"].sum() - demand["lost"].sum() == purchases["value"].sum()
    assert demand["lost"].sum() > 0


def test_most_items_sell_now_and_then(make):
    made = make(items=1000, pictures=0)
    days = made.of_kind("purchase").select("item_id", pl.col("time").dt.date()).unique().group_by("item_id").len()
    assert (days["len"] > 36).sum() / 1000 < 0.05
    assert days.height / 1000 > 0.3


def test_demand_is_what_the_rates_say(shop):
    """Rate times season, weekday and price to the elasticity, over the days of an item, is what is asked for."""
    items = shop.truth.items.select("item_id", "label", "launch", "demand_rate", "elasticity")
    days = shop.truth.season.rename({"category": "label"})
    listed = shop.shop.items().select("item_id", listed="price")
    prices = shop.shop.read("prices").with_columns(
        day=(pl.col("time") - pl.col("time").min()).dt.total_days().cast(pl.Int32)
    )
    grid = items.join(days, on="label").filter(pl.col("day") >= pl.col("launch")).sort("day")
    grid = grid.join_asof(prices.sort("day"), on="day", by="item_id", check_sortedness=False).join(listed, on="item_id")
    rate = pl.col("demand_rate") * pl.col("season") * pl.col("weekday")
    grid = grid.with_columns(rate=rate * (pl.col("price") / pl.col("listed")) ** pl.col("elasticity"))
    asked = shop.truth.demand.group_by("item_id").agg(pl.col("asked", "expected").sum())
    both = grid.group_by("item_id").agg(pl.col("rate").sum()).join(asked, on="item_id", how="left").fill_null(0)
    assert both["expected"].sum() == pytest.approx(both["asked"].sum(), rel=0.05)
    assert both["rate"].sum() == pytest.approx(both["expected"].sum(), rel=0.06)
    by_tenth = both.sort("rate").with_row_index().group_by(pl.col("index") // 40).agg(pl.col("rate", "expected").sum())
    assert by_tenth["rate"].to_numpy() == pytest.approx(by_tenth["expected"].to_numpy(), rel=0.2)
    assert np.corrcoef(both["rate"], both["expected"])[0, 1] > 0.97


def elasticity(panel: pl.DataFrame, controls: list[str]) -> float:
    """Common elasticity by a Poisson regression with an effect of every item."""
    dummies = panel.select("item_id").to_dummies().to_numpy().astype(float)
    features = np.column_stack([panel.select("log_price", *controls).to_numpy(), dummies])
    fit = PoissonRegressor(alpha=1e-6, solver="newton-cholesky", max_iter=500, tol=1e-8).fit(features, panel["asked"])
    return float(fit.coef_[0])


def test_elasticity_is_found_if_season_is_held_and_missed_if_not(make):
    made = make(items=60, seed=9, users=3000, events=600_000, language="en", pictures=0)
    weeks = made.truth.season.with_columns(week=pl.col("day") // 7)
    season = weeks.group_by("category", "week").agg(
        (pl.col("season") * pl.col("weekday")).sum().log().alias("log_season")
    )
    prices = made.shop.read("prices").with_columns(
        week=(pl.col("time") - pl.col("time").min()).dt.total_days().cast(pl.Int32) // 7
    )
    changing = prices.filter(pl.len().over("item_id") > 5)["item_id"].unique().sort()
    items = made.truth.items.filter(pl.col("item_id").is_in(changing.to_list()) & (pl.col("launch") < 0))
    grid = items.select("item_id", category="label").join(
        pl.DataFrame({"week": range(52)}, schema={"week": pl.Int32}), how="cross"
    )
    grid = grid.sort("week").join_asof(prices.sort("week"), on="week", by="item_id", check_sortedness=False)
    asked = made.truth.demand.group_by("item_id", pl.col("day") // 7).agg(pl.col("asked").sum()).rename({"day": "week"})
    panel = grid.join(season, on=["category", "week"]).join(asked, on=["item_id", "week"], how="left").fill_null(0)
    panel = panel.with_columns(log_price=pl.col("price").log())
    weight = panel.group_by("item_id").agg(pl.col("asked").sum()).join(items, on="item_id")
    truth = float(np.average(weight["elasticity"], weights=weight["asked"]))
    assert panel["asked"].sum() > 5000
    controlled, naive = elasticity(panel, ["log_season"]), elasticity(panel, [])
    assert controlled == pytest.approx(truth, abs=0.25)
    assert naive < controlled - 0.15
    reduced = panel.group_by("promotion").agg(pl.col("log_season").mean()).sort("promotion")["log_season"]
    assert reduced[1] > reduced[0] + 0.1


def test_tastes_and_items_in_demand_change_in_the_drifting_world_only(make):
    like = {}
    for world in ("language", "drift"):
        made = make(items=300, events=100_000, world=world, days=200, pictures=0)
        start, views = made.events["time"].min(), made.of_kind("view")
        half = (views["time"] - start).dt.total_days() >= 100
        counts = [views.filter(half == late)["item_id"].value_counts(name="n") for late in (False, True)]
        both = counts[0].join(counts[1], on="item_id", how="full", coalesce=True).fill_null(0)
        old = made.truth.items.filter(pl.col("launch") < 0).select("item_id")
        both = both.join(old, on="item_id")
        like[world] = np.corrcoef(np.log1p(both["n"]), np.log1p(both["n_right"]))[0, 1]
        assert ("taste_later" in made.truth.users.columns) == (world == "drift")
    assert like["language"] > 0.7
    assert like["drift"] < 0.35


def test_flat_has_no_favourites(make):
    shares = {}
    for world in ("language", "flat"):
        made = make(items=240, events=60_000, world=world, pictures=0)
        views = made.of_kind("view")["item_id"].value_counts()["count"].sort(descending=True)
        shares[world] = views.head(24).sum() / views.sum()
    assert shares["flat"] < 0.25
    assert shares["language"] > 0.35


def test_noisy_has_bots_and_repeats(make):
    made = make(items=300, users=300, events=30_000, world="noisy", pictures=0)
    assert len(made.truth.bots) == 3
    repeats = made.events.height - made.events["event_id"].n_unique()
    assert repeats / made.events.height == pytest.approx(made.truth.parameters["repeated_events"], abs=0.003)
    assert made.events.unique().height == made.events["event_id"].n_unique()
    most = (
        made.of_kind("click")
        .group_by_dynamic("time", every="2m", group_by="user_id")
        .agg(pl.len())
        .group_by("user_id")
        .agg(pl.col("len").max())
    )
    fast = set(most.filter(pl.col("len") > 60)["user_id"])
    assert fast == set(made.truth.bots)
    assert made.truth.items["wrong_label"].sum() == 30
    shown = made.shop.items().join(made.truth.items.select("item_id", "label"), on="item_id")
    assert (shown["category"] != shown["label"]).sum() == 30


def test_activity_and_popularity_have_long_tails(shop):
    items = shop.truth.items.filter(pl.col("category") == 0)["popularity"].sort(descending=True).to_numpy()
    rank = np.log(np.arange(1, items.size + 1))[:, None]
    slope = LinearRegression().fit(rank, np.log(items)).coef_[0]
    assert slope == pytest.approx(-shop.truth.parameters["item_zipf"], abs=1e-6)
    visits = shop.events.group_by("user_id").agg(pl.col("session_id").n_unique())["session_id"].sort(descending=True)
    assert visits.head(visits.len() // 10).sum() > 0.25 * visits.sum()
