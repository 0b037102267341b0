"""Debiased evidence: grades, inverse propensities and evidence of neighbouring queries."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import sparse

from evenshelf.clicks import ClickLog, click_model, grades, inverse_propensity, pool, weighted_rates
from evenshelf.clicks.models.position_based import PositionBased
from evenshelf.clicks.pooling import leaning
from evenshelf.errors import InputError, SettingError
from tests.clicks.worlds import log_of, position_based

FALLING = np.array([1.0, 0.7, 0.5, 0.4, 0.25, 0.2])


def test_grades_tell_each_pair_of_the_log_with_its_counts() -> None:
    made = position_based(FALLING, lists=3000, queries=4, items=8, seed=1)
    model = PositionBased.fit(made.log)
    table = grades(model, made.log)
    assert table.columns == ["query", "item_id", "shown", "clicks", "attraction", "sd", "low", "high"]
    assert table["shown"].sum() == len(made.log)
    assert table["clicks"].sum() == made.log.clicked.sum()
    assert (table["low"] < table["attraction"]).all()
    assert (table["attraction"] < table["high"]).all()
    truth = [made.attraction[int(q), int(i)] for q, i in table.select("query", "item_id").iter_rows()]
    assert np.abs(table["attraction"].to_numpy() - truth).mean() < 0.03
    for _, one in table.group_by("query"):
        assert one["attraction"].is_sorted(descending=True)


def test_grades_of_pairs_that_the_model_does_not_know_are_those_of_any_pair() -> None:
    model = PositionBased.fit(position_based(FALLING, lists=500, queries=4, items=8, seed=1).log)
    (row,) = grades(model, ClickLog.of([0], ["new"], [1], ["new"], [1])).iter_rows(named=True)
    assert row["attraction"] == pytest.approx(model.attraction.usual)


def test_inverse_propensities_are_unbiased_and_plain_rates_are_not() -> None:
    """Mean over many logs of two items, the worse of which stands on top in nine lists of ten."""
    rng, lists = np.random.default_rng(0), 40
    attraction = np.array([0.3, 0.5])
    found, plain = [], []
    for _ in range(500):
        shown = np.where(rng.random((lists, 1)) < 0.9, [[0, 1]], [[1, 0]])
        clicked = rng.random((lists, 2)) < np.array([1.0, 0.3]) * attraction[shown]
        log = log_of(np.zeros(lists, int), shown, clicked)
        pairs, rates = weighted_rates(log, inverse_propensity(log, np.array([1.0, 0.3]), clip=0))
        assert [pairs.items[i] for i in pairs.item] == ["0", "1"]
        found.append(rates)
        plain.append(np.bincount(pairs.find(log), log.clicked) / np.bincount(pairs.find(log)))
    error = np.std(found, axis=0) / np.sqrt(len(found))
    assert (np.abs(np.mean(found, axis=0) - attraction) < 4 * error).all()
    assert np.mean(plain, axis=0)[1] < np.mean(plain, axis=0)[0], "the better item looks worse"


@given(st.floats(0, 1), st.floats(0, 1))
def test_weights_are_bounded_by_the_clip_and_it_is_told_which_rows_are_clipped(clip: float, popularity: float) -> None:
    log = log_of(np.zeros(3, int), np.array([[0, 1, 2], [0, 2, 1], [0, 1, 3]]), np.zeros((3, 3), bool))
    found = inverse_propensity(log, np.array([1.0, 0.4, 0.1]), clip=clip, popularity=popularity)
    assert (found.weight >= 1).all()
    if clip:
        assert (found.weight <= 1 / clip * (1 + 1e-12)).all()
    share = np.array([3, 3, 2, 1])[log.item] / 3
    propensity = np.array([1.0, 0.4, 0.1])[log.rank - 1] * share**popularity
    np.testing.assert_allclose(found.weight, 1 / np.maximum(propensity, clip))
    assert found.clipped.tolist() == (propensity < clip).tolist()
    assert found.clipped_share == pytest.approx(np.mean(propensity < clip))


def test_options_out_of_range_and_places_that_are_never_looked_at_are_refused() -> None:
    log = log_of(np.zeros(1, int), np.array([[0, 1]]), np.zeros((1, 2), bool))
    for wrong in ({"clip": -0.1}, {"clip": 1.5}, {"popularity": 2.0}):
        with pytest.raises(SettingError, match="between 0 and 1"):
            inverse_propensity(log, np.array([1.0, 0.5]), **wrong)
    with pytest.raises(SettingError, match="never looked at"):
        inverse_propensity(log, np.array([1.0, 0.0]))


def twins(lists: int, seed: int, *, alike: bool) -> tuple[ClickLog, sparse.csr_array]:
    """Forty queries; queries 2 n and 2 n + 1 are told to be neighbours, and are as attractive or not."""
    rng = np.random.default_rng(seed)
    attraction = rng.beta(0.8, 2.0, (20, 12)).repeat(2, axis=0)
    if not alike:
        attraction = rng.beta(0.8, 2.0, (40, 12))
    log = position_based(FALLING, lists=lists, attraction=attraction, seed=seed).log
    number = np.array(log.queries, int)
    return log, sparse.csr_array((number[:, None] // 2 == number // 2).astype(float))


def test_at_strength_0_or_without_neighbours_it_is_the_plain_estimate() -> None:
    log, similarity = twins(400, 1, alike=True)
    plain = PositionBased.fit(log)
    for given_similarity, strength in ((similarity, 0.0), (0 * similarity, 8.0), (np.eye(40), 8.0)):
        found = pool(log, given_similarity, strength=strength)
        np.testing.assert_array_equal(found.model.attraction.pairs.key, plain.attraction.pairs.key)
        np.testing.assert_array_equal(found.model.attraction.mean, plain.attraction.mean)
        np.testing.assert_array_equal(found.model.examination, plain.examination)


def test_neighbours_that_are_alike_help_and_others_are_hardly_listened_to() -> None:
    log, similarity = twins(600, 2, alike=True)
    unseen = twins(4000, 2, alike=True)[0]
    found = pool(log, similarity)
    assert found.strength >= 4
    assert found.tried[found.strength] == min(found.tried.values())
    assert found.model.bits(unseen) < PositionBased.fit(log).bits(unseen)
    log, similarity = twins(2000, 2, alike=False)
    assert pool(log, similarity).strength <= 2


@settings(max_examples=20)
@given(st.floats(0.1, 200), st.floats(0.1, 3))
def test_a_pair_moves_towards_its_neighbours_and_never_past_them(strength: float, weight: float) -> None:
    log, similarity = twins(300, 3, alike=True)
    plain = click_model("document_rate").fit(log).attraction
    without = sparse.csr_array(weight * (similarity.toarray() - np.eye(40)))
    leant = leaning(plain, without, strength)
    at = np.searchsorted(leant.pairs.key, plain.pairs.key)
    other = {(int(q), int(i)): n for n, (q, i) in enumerate(zip(plain.pairs.query, plain.pairs.item, strict=True))}
    twin = without.indices[without.indptr[:-1]]
    for number, (q, i) in enumerate(zip(plain.pairs.query, plain.pairs.item, strict=True)):
        partner = other.get((int(twin[q]), int(i)))
        before, after = plain.mean[number], leant.mean[at[number]]
        if partner is None or plain.looks[partner] == 0:
            assert after == pytest.approx(before)
        else:
            rate = plain.hits[partner] / plain.looks[partner]
            assert min(before, rate) - 1e-9 <= after <= max(before, rate) + 1e-9
    lent = leant.a + leant.b - leant.before.sum(axis=1)
    own = np.zeros(len(lent))
    own[at] = plain.looks
    assert (lent - own <= strength + 1e-9).all()


def test_an_item_that_only_a_neighbour_showed_is_known_as_well() -> None:
    log = ClickLog.of([0, 1, 2, 3], ["tv", "telly", "tv", "telly"], [1] * 4, ["a", "b", "a", "b"], [1, 0, 1, 0])
    found = pool(log, np.ones((2, 2)), kind=click_model("document_rate"), strength=4.0)
    assert len(found.model.attraction.pairs) == 4
    chance = found.model.probability(ClickLog.of([0, 0], ["telly"] * 2, [1, 2], ["a", "b"], [0, 0]))
    assert chance[0] > chance[1]


def test_similarities_that_do_not_fit_and_models_without_items_are_refused() -> None:
    log, similarity = twins(400, 1, alike=True)
    with pytest.raises(InputError, match="2 x 2, and the log has 40 queries"):
        pool(log, np.ones((2, 2)))
    wrong = similarity.toarray()
    wrong[3, 5] = -0.2
    with pytest.raises(InputError, match=r"row 3, column 5: -0\.2"):
        pool(log, wrong)
    with pytest.raises(SettingError, match="must not be negative"):
        pool(log, similarity, strength=-1.0)
    with pytest.raises(SettingError, match="nothing to pool"):
        pool(log, similarity, kind=click_model("rank_rate"), strength=1.0)
