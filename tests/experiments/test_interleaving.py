"""Team draft: fair to both, the same again, and it finds the better ranking."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenshelf.errors import InputError, SettingError
from evenshelf.experiments.interleaving import preference, team_draft

rankings = st.lists(st.sampled_from("abcdefghijkl"), max_size=10, unique=True)


@given(a=rankings, b=rankings, length=st.integers(1, 12), seed=st.text(max_size=5))
def test_a_list_holds_the_best_of_both_in_their_order_and_favours_neither(a, b, length, seed):
    found = team_draft(a, b, length=length, seed=seed)
    assert found == team_draft(a, b, length=length, seed=seed)
    assert len(found.items) == len(set(found.items)) == min(length, len(set(a) | set(b)))
    sizes = [found.teams.count("a"), found.teams.count("b")]
    assert abs(sizes[0] - sizes[1]) <= 1
    # each item was the best of its team that was not there yet
    for place, (item, team) in enumerate(zip(found.items, found.teams, strict=True)):
        left = [one for one in {"a": a, "b": b}.get(team, [*a, *b]) if one not in found.items[:place]]
        assert item == left[0] or (team == "" and item in left)


@given(seed=st.text(max_size=8))
def test_with_the_sides_changed_teams_are_as_likely(seed):
    a, b = list("abcd"), list("dcba")
    found = team_draft(a, b, length=4, seed=seed)
    assert found.items[0] == ("a" if found.teams[0] == "a" else "d")


def test_each_side_begins_as_often():
    first = [team_draft("ab", "cd", length=1, seed=f"s{k}").teams[0] for k in range(2000)]
    assert abs(first.count("a") / 2000 - 0.5) < 0.05


def search(lists: int, quality: float, seed: int, users: int = 150) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Searches where `a` ranks by relevance with less noise than `b` by `quality`; people click what is relevant."""
    rng = np.random.default_rng(seed)
    names = [f"i{k}" for k in range(12)]
    shown, clicks = [], []
    for number in range(lists):
        relevance = rng.normal(size=12)
        noisy = [relevance + rng.normal(scale=scale, size=12) for scale in (1.0, 1.0 + quality)]
        ranked = [[names[k] for k in np.argsort(-scores)] for scores in noisy]
        made = team_draft(*ranked, length=8, seed=f"{seed}-{number}")
        for place, (item, team) in enumerate(zip(made.items, made.teams, strict=True)):
            shown.append((f"l{number}", f"u{number % users}", item, team))
            if rng.random() < 0.7 / (1 + place) * (relevance[names.index(item)] > 0.3):
                clicks.append((f"l{number}", item))
    return (
        pl.DataFrame(shown, schema=["list", "unit", "item_id", "team"], orient="row"),
        pl.DataFrame(clicks, schema=["list", "item_id"], orient="row"),
    )


def test_the_better_ranking_is_preferred():
    found = preference(*search(900, 2.0, seed=1))
    assert found.p < 0.01
    assert found.low > 0
    assert found.a > found.b
    assert found.units <= 150


def test_equal_rankings_are_seldom_told_apart():
    alarms = sum(preference(*search(120, 0.0, seed=seed, users=120)).p < 0.05 for seed in range(100))
    # the sign test is discrete, so its alarms are a little rarer than one in twenty
    assert alarms <= 11


def test_lists_of_one_user_are_one_voice():
    shown, clicks = search(300, 0.5, seed=2, users=300)
    again = [(frame.with_columns(pl.col("list") + f"-{k}"), k) for frame in (shown, clicks) for k in range(3)]
    thrice = preference(pl.concat([f for f, _ in again[:3]]), pl.concat([f for f, _ in again[3:]]))
    once = preference(shown, clicks)
    assert thrice.margin == pytest.approx(once.margin)
    assert (thrice.p, thrice.units) == (once.p, once.units)
    assert thrice.high - thrice.low == pytest.approx(once.high - once.low)


def test_counts_are_those_of_the_lists():
    shown = pl.DataFrame(
        {
            "list": ["1", "1", "2", "2", "3", "3"],
            "unit": ["u", "u", "u", "u", "v", "v"],
            "item_id": ["x", "y"] * 3,
            "team": ["a", "b", "b", "a", "a", ""],
        }
    )
    clicks = pl.DataFrame({"list": ["1", "1", "2", "3", "4"], "item_id": ["x", "x", "x", "y", "x"]})
    found = preference(shown, clicks)
    assert (found.a, found.b, found.ties, found.margin) == (1, 1, 1, 0)


def test_what_cannot_be_compared_is_refused():
    shown, clicks = search(5, 0.0, seed=3)
    with pytest.raises(InputError, match="shown lacks team"):
        preference(shown.drop("team"), clicks)
    with pytest.raises(InputError, match="Nothing of what was shown was clicked"):
        preference(shown, clicks.head(0))
    with pytest.raises(SettingError, match="1 item or more"):
        team_draft("ab", "ba", length=0, seed="s")
