"""Who gets what: shares, layers, ramp-ups, overrides and the hash that others must be able to compute."""

from __future__ import annotations

import pickle
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chi2_contingency, chisquare

from evenshelf.errors import SettingError
from evenshelf.experiments import Assigner, Experiment, changed, placed
from evenshelf.experiments.hashing import SLOTS, slot

NOW = datetime(2026, 3, 1, tzinfo=UTC)
DAY = timedelta(days=1)
UNITS = [f"user-{k}" for k in range(6000)]


def experiment(name: str = "tail-first", **changes: object) -> Experiment:
    usual = {"variants": {"old": 0.5, "new": 0.5}, "control": "old", "primary": "ctr"}
    return Experiment(name, **(usual | changes))  # type: ignore[arg-type]


def taken(assigner: Assigner, name: str, at: datetime = NOW, units: list[str] = UNITS) -> dict[str, str]:
    found = {unit: assigner.assign(unit, at=at) for unit in units}
    return {unit: given[name].variant for unit, given in found.items() if name in given}


@pytest.mark.parametrize(
    ("kind", "salt", "unit", "expected"),
    [
        ("variant", "tail-first", "user-1", 661528),
        ("variant", "tail-first", "user-2", 743203),
        ("own", "tail-first", "user-1", 747809),
        ("layer", "ranking", "user-1", 932937),
        ("variant", "尾部", "用户-1", 175182),
    ],
)
def test_the_hash_is_what_it_was(kind, salt, unit, expected):
    """These stand in the docs, for other languages: a change of them moves everybody."""
    assert slot(kind, salt, unit) == expected


def test_shares_and_traffic_are_what_was_asked_for():
    one = experiment(variants={"old": 0.5, "new": 0.3, "newer": 0.2}, traffic=0.4)
    found = taken(Assigner([one]), one.name)
    assert abs(len(found) / len(UNITS) - 0.4) < 0.03
    counts = [list(found.values()).count(variant) for variant in one.variants]
    assert chisquare(counts, [len(found) * share for share in one.variants.values()]).pvalue > 0.001
    (given,) = {(a.variant, a.propensity) for u in UNITS for a in Assigner([one]).assign(u, at=NOW).values()} - {
        ("old", 0.5),
        ("new", 0.3),
    }
    assert given == ("newer", 0.2)


def test_a_new_assigner_says_the_same_whatever_else_runs():
    one, other = experiment(traffic=0.5), experiment("other", traffic=0.7)
    assert taken(Assigner([one]), one.name) == taken(Assigner([other, one]), one.name)


def test_experiments_of_their_own_layers_know_nothing_of_each_other():
    one, other = experiment(), experiment("other")
    both = Assigner([one, other])
    table = [[0, 0], [0, 0]]
    for unit in UNITS:
        given = both.assign(unit, at=NOW)
        table[given["tail-first"].variant == "new"][given["other"].variant == "new"] += 1
    assert chi2_contingency(table).pvalue > 0.001


def test_experiments_of_a_layer_share_no_unit_and_stay_where_they_are_when_one_ends():
    first = experiment("first", layer="ranking", traffic=0.3, ends=NOW + DAY)
    second = placed(experiment("second", layer="ranking", traffic=0.5), [first])
    both = Assigner([first, second])
    one, two = (set(taken(both, name)) for name in ("first", "second"))
    assert not one & two
    assert abs(len(one) / len(UNITS) - 0.3) < 0.03
    assert abs(len(two) / len(UNITS) - 0.5) < 0.03
    later = NOW + 2 * DAY
    assert set(taken(both, "second", later)) == two == set(taken(Assigner([second]), "second", later))
    assert not taken(both, "first", later)
    third = placed(experiment("third", layer="ranking", traffic=0.3, starts=later), [first, second])
    assert third.offset == 0, "the place of the one that ended is free"


def test_what_overlaps_is_refused_and_a_full_layer_has_no_place():
    one, other = (experiment(name, layer="ranking", traffic=0.6) for name in ("one", "other"))
    with pytest.raises(SettingError, match=r"'one' and 'other' both take 0 to 0.6 of the layer 'ranking'"):
        Assigner([one, other])
    with pytest.raises(SettingError, match=r"widest free range is 0\.4"):
        placed(other, [one])
    with pytest.raises(SettingError, match="name of two"):
        Assigner([one, one])


def test_a_place_is_free_of_all_that_meet_it_though_they_follow_each_other():
    first = experiment("first", layer="x", traffic=0.5, ends=NOW)
    second = experiment("second", layer="x", traffic=0.2, offset=0.1, starts=NOW)
    assert placed(experiment("third", layer="x", traffic=0.2), [first, second]).offset == 0.5


@given(shares=st.lists(st.floats(0.01, 0.24), min_size=1, max_size=4))
def test_placed_experiments_can_always_run_together(shares):
    there: list[Experiment] = []
    for number, share in enumerate(shares):
        there.append(placed(experiment(f"e{number}", layer="all", traffic=share), there))
    Assigner(there)


@given(
    shares=st.lists(st.integers(1, SLOTS), min_size=1, max_size=5).map(sorted), unit=st.text(min_size=1, max_size=20)
)
def test_who_is_in_stays_in_with_the_same_variant(shares, unit):
    steps = tuple((NOW + k * DAY, share / SLOTS) for k, share in enumerate(shares))
    assigner = Assigner([experiment(traffic=steps)])
    assert not assigner.assign(unit, at=NOW - DAY)
    given_in_turn = [assigner.assign(unit, at=moment) for moment, _ in steps]
    entered = [given for given in given_in_turn if given]
    assert all(given == entered[0] for given in entered)
    assert given_in_turn[len(steps) - len(entered) :] == entered, "nobody drops out"


def test_nobody_is_assigned_before_the_start_nor_from_the_end_on():
    assigner = Assigner([experiment(starts=NOW, ends=NOW + DAY)])
    inside = [bool(assigner.assign("u", at=NOW + hours * timedelta(hours=1))) for hours in (-1, 0, 23, 24)]
    assert inside == [False, True, True, False]


def test_testers_get_what_they_are_told_and_nothing_else_of_the_layer():
    one = experiment("one", layer="x", traffic=0.5, overrides={"ann": "new"}, starts=NOW, ends=NOW + DAY)
    two = experiment("two", layer="x", traffic=0.5, offset=0.5, overrides={"bob": "old"})
    assigner = Assigner([one, two])
    for at in (NOW - DAY, NOW):
        given = assigner.assign("ann", at=at)
        assert {name: (a.variant, a.propensity, a.overridden) for name, a in given.items()} == {
            "one": ("new", 1.0, True)
        }
    assert set(assigner.assign("bob", at=NOW)) == {"two"}
    assert not any(a.overridden for a in assigner.assign("ann", at=NOW + DAY).values())
    with pytest.raises(SettingError, match="ann cannot be a tester of both"):
        Assigner([one, replace(two, overrides={"ann": "old"})])


def test_sessions_and_users_are_kept_apart():
    assigner = Assigner([experiment("by-user"), experiment("by-session", unit="session")])
    assert set(assigner.assign("x", at=NOW)) == {"by-user"}
    assert set(assigner.assign("x", at=NOW, kind="session")) == {"by-session"}


def test_only_what_moves_nobody_is_a_safe_change():
    one = experiment(traffic=0.2)
    safe = replace(one, traffic=0.4, ends=NOW, metrics=("conversion",))
    assert changed(one, safe) == []
    for key, value in {
        "salt": "x",
        "layer": "x",
        "offset": 0.1,
        "traffic": 0.1,
        "unit": "session",
        "variants": {"old": 0.4, "new": 0.6},
    }.items():
        assert len(changed(one, replace(one, **{key: value}))) >= 1, key
    # what counts as safe is what leaves everybody where they are
    before, after = (taken(Assigner([e]), one.name, NOW - DAY) for e in (one, safe))
    assert before.items() <= after.items()


def test_a_copy_in_another_process_says_the_same():
    one = experiment(traffic=0.5, overrides={"ann": "new"}, guardrails={"conversion": 0.1})
    copy = pickle.loads(pickle.dumps(one))
    assert copy == one
    assert taken(Assigner([copy]), one.name, units=UNITS[:200]) == taken(Assigner([one]), one.name, units=UNITS[:200])
    with pytest.raises(TypeError):
        copy.variants["old"] = 0.9


@pytest.mark.parametrize(("unit", "at"), [("", NOW), ("u", NOW.replace(tzinfo=None))])
def test_nobody_and_no_zone_are_refused(unit, at):
    with pytest.raises(SettingError):
        Assigner([experiment()]).assign(unit, at=at)
