"""Click models: properties that all of them have."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenshelf.clicks import ClickLog, ClickModel, click_model, click_models, register
from evenshelf.clicks.models.position_based import PositionBased
from evenshelf.errors import SettingError
from tests.clicks.worlds import log_of, position_based

MODELS = sorted(click_models())
FALLING = np.array([1.0, 0.7, 0.5, 0.4, 0.25, 0.2])

SMALL = st.lists(
    st.tuples(
        st.sampled_from(["tv", "radio", "lamp"]),
        st.lists(st.tuples(st.sampled_from("abcd"), st.booleans()), min_size=1, max_size=5),
    ),
    min_size=1,
    max_size=12,
)


def small(lists) -> ClickLog:
    rows = [(n, q, r, i, c) for n, (q, shown) in enumerate(lists) for r, (i, c) in enumerate(shown, start=1)]
    return ClickLog.of(*zip(*rows, strict=True))


@pytest.fixture(scope="module")
def known():
    return position_based(FALLING, lists=2000, seed=1)


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=8)
@given(lists=SMALL)
def test_probabilities_lie_between_0_and_1_on_any_log(name: str, lists) -> None:
    log = small(lists)
    model = click_model(name).fit(log)
    unknown = ClickLog.of([0, 0], ["never asked"] * 2, [1, 9], ["a", "never shown"], [1, 1])
    for other in (log, unknown):
        chance = model.probability(other)
        assert chance.shape == (len(other),)
        assert ((chance > 0) & (chance < 1)).all()
        assert np.isfinite(model.bits(other))
    assert (model.examination > 0).all()
    assert np.isfinite(model.examination).all()
    assert ((model.attraction.mean > 0) & (model.attraction.mean < 1)).all()


@pytest.mark.parametrize("name", MODELS)
@settings(max_examples=6)
@given(lists=SMALL, random=st.randoms())
def test_the_order_of_lists_changes_nothing(name: str, lists, random) -> None:
    mixed = lists.copy()
    random.shuffle(mixed)
    one, other = (click_model(name).fit(small(given_lists)) for given_lists in (lists, mixed))
    np.testing.assert_allclose(one.examination, other.examination, rtol=1e-4)
    np.testing.assert_array_equal(one.attraction.pairs.key, other.attraction.pairs.key)
    np.testing.assert_allclose(one.attraction.mean, other.attraction.mean, rtol=1e-3)


@pytest.mark.parametrize("name", MODELS)
def test_a_row_is_predicted_from_clicks_above_it_alone(name: str, known) -> None:
    model = click_model(name).fit(known.log)
    shown = np.array([[0, 1, 2, 3, 4]] * 2)
    clicked = np.array([[0, 1, 0, 0, 0], [0, 1, 1, 1, 1]], bool)
    first, second = model.probability(log_of(np.zeros(2, int), shown, clicked)).reshape(2, 5)
    np.testing.assert_array_equal(first[:3], second[:3])


@pytest.mark.parametrize("name", MODELS)
def test_pairs_are_found_by_their_names_and_not_by_their_codes(name: str, known) -> None:
    model, some = click_model(name).fit(known.log), known.log.of_lists(np.arange(40))
    names = [(some.queries[q], some.items[i]) for q, i in zip(some.query, some.item, strict=True)]
    query, item = zip(*names, strict=True)
    again = ClickLog.of(some.listing, query, some.rank, item, some.clicked)
    assert again.items is not some.items
    np.testing.assert_allclose(model.probability(again), model.probability(some))


@pytest.mark.parametrize("name", MODELS)
def test_bits_and_perplexity_are_those_of_what_happened(name: str, known) -> None:
    model = click_model(name).fit(known.log)
    chance = model.probability(known.log)
    happened = np.where(known.log.clicked, chance, 1 - chance)
    assert model.bits(known.log) == pytest.approx(-np.log2(happened).mean())
    second = happened[known.log.rank == 2]
    assert model.perplexity(known.log)[1] == pytest.approx(np.exp(-np.log(second).mean()))


def test_a_model_is_registered_once_and_near_names_are_offered() -> None:
    assert register(PositionBased) is PositionBased
    with pytest.raises(SettingError, match="already taken"):
        register(type("Other", (ClickModel,), {"name": "dbn"}))
    with pytest.raises(SettingError, match="did you mean position_based"):
        click_model("position_base")
