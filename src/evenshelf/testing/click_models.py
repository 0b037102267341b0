"""What every click model promises."""

from __future__ import annotations

from random import Random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from evenshelf.clicks import ClickLog, ClickModel
from evenshelf.testing.check import EXAMPLES, Check, gather, run_all

Shown = list[tuple[str, list[tuple[str, bool]]]]
"""Lists: a query, and from the top each item with whether it was clicked."""

_FALLING = np.array([1.0, 0.7, 0.5, 0.4, 0.25])
_few = settings(EXAMPLES, max_examples=8)
_lists = st.lists(
    st.tuples(
        st.sampled_from(["tv", "radio", "lamp"]),
        st.lists(st.tuples(st.sampled_from("abcd"), st.booleans()), min_size=1, max_size=5),
    ),
    min_size=1,
    max_size=12,
)


def click_model_checks(model: type[ClickModel]) -> list[Check]:
    """All checks of a click model.

    Parameters
    ----------
    model
        The class that was registered.
    """
    return gather(
        model.name,
        probabilities_lie_between_0_and_1_on_any_log,
        the_order_of_lists_changes_nothing,
        a_row_is_predicted_from_clicks_above_it_alone,
        pairs_are_found_by_their_names_and_not_by_their_codes,
        bits_and_perplexity_are_those_of_what_happened,
        of=model,
    )


def check_click_model(model: type[ClickModel]) -> None:
    """Run :func:`click_model_checks`, and raise all that fail together."""
    run_all(click_model_checks(model))


def probabilities_lie_between_0_and_1_on_any_log(model: type[ClickModel]) -> None:
    """Small logs, in which all or nothing may be clicked; and pairs and ranks that they do not have."""

    @_few
    @given(lists=_lists)
    def run(lists: Shown) -> None:
        log = _log(lists)
        fitted = model.fit(log)
        unknown = ClickLog.of([0, 0], ["never asked"] * 2, [1, 9], ["a", "never shown"], [1, 1])
        for other in (log, unknown):
            chance = fitted.probability(other)
            assert chance.shape == (len(other),), f"{chance.shape} probabilities of {len(other)} rows"
            assert ((chance > 0) & (chance < 1)).all(), f"a probability of {chance.min()} or {chance.max()}"
            assert np.isfinite(fitted.bits(other)), "bits that are not finite"
        assert (fitted.examination > 0).all(), "a rank that is never looked at"
        assert np.isfinite(fitted.examination).all(), "an examination that is not finite"
        mean = fitted.attraction.mean
        assert ((mean > 0) & (mean < 1)).all(), "an attraction that is 0 or 1"

    run()


def the_order_of_lists_changes_nothing(model: type[ClickModel]) -> None:
    """Which list was logged first says nothing."""

    @_few
    @given(lists=_lists, random=st.randoms())
    def run(lists: Shown, random: Random) -> None:
        mixed = lists.copy()
        random.shuffle(mixed)
        one, other = model.fit(_log(lists)), model.fit(_log(mixed))
        np.testing.assert_allclose(one.examination, other.examination, rtol=1e-4)
        np.testing.assert_array_equal(one.attraction.pairs.key, other.attraction.pairs.key)
        np.testing.assert_allclose(one.attraction.mean, other.attraction.mean, rtol=1e-3)

    run()


def a_row_is_predicted_from_clicks_above_it_alone(model: type[ClickModel]) -> None:
    """What was clicked in the row itself or below it changes no probability."""
    fitted = model.fit(_made_up())
    items = ["0", "1", "2", "3", "4"]
    clicks = [[0, 1, 0, 0, 0], [0, 1, 1, 1, 1]]
    both = ClickLog.of(
        [0] * 5 + [1] * 5, ["0"] * 10, [1, 2, 3, 4, 5] * 2, items * 2, [c for row in clicks for c in row]
    )
    first, second = fitted.probability(both).reshape(2, 5)
    np.testing.assert_array_equal(first[:3], second[:3], "the click in row 3 changed what is said of rows 1 to 3")


def pairs_are_found_by_their_names_and_not_by_their_codes(model: type[ClickModel]) -> None:
    """Another log may number queries and items otherwise."""
    log = _made_up()
    fitted, some = model.fit(log), log.of_lists(np.arange(30))
    names = [(some.queries[q], some.items[i]) for q, i in zip(some.query, some.item, strict=True)]
    query, item = zip(*names, strict=True)
    again = ClickLog.of(some.listing, query, some.rank, item, some.clicked)
    np.testing.assert_allclose(fitted.probability(again), fitted.probability(some))


def bits_and_perplexity_are_those_of_what_happened(model: type[ClickModel]) -> None:
    """The losses follow from the probabilities."""
    log = _made_up()
    fitted = model.fit(log)
    chance = fitted.probability(log)
    happened = np.where(log.clicked, chance, 1 - chance)
    assert np.isclose(fitted.bits(log), -np.log2(happened).mean()), "bits are not those of the probabilities"
    second = happened[log.rank == 2]
    expected = np.exp(-np.log(second).mean())
    assert np.isclose(fitted.perplexity(log)[1], expected), "perplexity is not that of the probabilities"


def _log(lists: Shown) -> ClickLog:
    rows = [(n, q, r, i, c) for n, (q, shown) in enumerate(lists) for r, (i, c) in enumerate(shown, start=1)]
    return ClickLog.of(*zip(*rows, strict=True))


def _made_up(lists: int = 1200) -> ClickLog:
    """A log of position bias and nothing else: four queries, eight items, five ranks."""
    rng = np.random.default_rng(1)
    attraction = rng.beta(1, 3, (4, 8))
    query = rng.integers(4, size=lists)
    shown = rng.random((lists, 8)).argsort(axis=1)[:, :5]
    clicked = rng.random(shown.shape) < _FALLING * attraction[query[:, None], shown]
    rows = np.arange(shown.size)
    asked = [str(q) for q in query[rows // 5]]
    return ClickLog.of(rows // 5, asked, rows % 5 + 1, [str(i) for i in shown.ravel()], clicked.ravel())
