"""Two rankings in one list: who is clicked more, with far fewer users than an A/B test needs.

Team draft (Radlinski, Kurup & Joachims 2008, "How does clickthrough data reflect retrieval quality?"): like captains
who choose in turn, with a coin for who begins each round, each ranking adds its best item that is not there yet. So
neither ranking is favoured by the place, and one that is no better is not clicked more.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Literal

import numpy as np
import polars as pl
from scipy.stats import binomtest
from scipy.stats import t as student

from evenshelf.errors import InputError, SettingError

Team = Literal["a", "b", ""]


@dataclass(frozen=True)
class Interleaved:
    """A list made of two.

    Attributes
    ----------
    items
        Ids, the first on top.
    teams
        Whose each is: ``"a"`` or ``"b"``; ``""`` for those that fill the list after one ranking was used up.
    """

    items: tuple[str, ...]
    teams: tuple[Team, ...]


def team_draft(a: Sequence[str], b: Sequence[str], *, length: int, seed: str) -> Interleaved:
    """Interleave two rankings; equal arguments give equal lists.

    Parameters
    ----------
    a, b
        Ids of items, the best first; an id that comes again is passed over.
    length
        Most items of the list.
    seed
        Decides the coins; something that differs from list to list, such as session and query.

    Raises
    ------
    SettingError
        If `length` is below 1.

    Examples
    --------
    >>> team_draft(["x", "y"], ["y", "z"], length=3, seed="s1").items
    ('y', 'x', 'z')
    """
    if length < 1:
        raise SettingError(f"A list has 1 item or more, not {length}.")
    rankings: dict[Team, list[str]] = {"a": list(dict.fromkeys(a)), "b": list(dict.fromkeys(b))}
    at: dict[Team, int] = {"a": 0, "b": 0}
    sizes: dict[Team, int] = {"a": 0, "b": 0}
    items: list[str] = []
    teams: list[Team] = []
    there: set[str] = set()

    def best(team: Team) -> str | None:
        ranking = rankings[team]
        while at[team] < len(ranking) and ranking[at[team]] in there:
            at[team] += 1
        return ranking[at[team]] if at[team] < len(ranking) else None

    while len(items) < length:
        choices = {team: best(team) for team in ("a", "b")}
        if choices["a"] is None and choices["b"] is None:
            break
        team = _turn(sizes, seed)
        used_up = choices["a"] is None or choices["b"] is None
        chosen = choices["a"] or choices["b"] if used_up else choices[team]
        if chosen is None:
            break
        items.append(chosen)
        teams.append("" if used_up else team)
        there.add(chosen)
        if not used_up:
            sizes[team] += 1
    return Interleaved(tuple(items), tuple(teams))


@dataclass(frozen=True)
class Preference:
    """Which ranking is clicked more.

    Attributes
    ----------
    a, b, ties
        Lists with a click on which the one, the other or neither got more clicks.
    margin, low, high
        Share of clicked lists that `a` wins, ties shared, less one half (Chapelle et al. 2012), and its interval;
        above 0 if `a` is better.
    p
        Two-sided sign test over units: those who prefer `a` against those who prefer `b`.
    units
        Users or sessions with a click.
    """

    a: int
    b: int
    ties: int
    margin: float
    low: float
    high: float
    p: float
    units: int


def preference(shown: pl.DataFrame, clicks: pl.DataFrame, *, alpha: float = 0.05) -> Preference:
    """Count for whom clicks speak.

    Parameters
    ----------
    shown
        ``list, unit, item_id, team``: each item of each list that was shown.
    clicks
        ``list, item_id``: each click; clicks on an item that come again count once.
    alpha
        One less the level of the interval.

    Raises
    ------
    InputError
        If a column is missing, or no list was clicked.
    """
    for name, frame, columns in (
        ("shown", shown, ("list", "unit", "item_id", "team")),
        ("clicks", clicks, ("list", "item_id")),
    ):
        missing = [column for column in columns if column not in frame.columns]
        if missing:
            raise InputError(f"The table {name} lacks {', '.join(missing)}.", hint=f"Columns: {', '.join(columns)}.")
    clicked = shown.unique(["list", "item_id"]).join(
        clicks.select("list", "item_id").unique(), on=["list", "item_id"], how="inner"
    )
    if not clicked.height:
        raise InputError("Nothing of what was shown was clicked, so neither ranking can be preferred.")
    won = clicked.group_by("list").agg(
        pl.col("unit").first(),
        score=((pl.col("team") == "a").sum().cast(pl.Int64) - (pl.col("team") == "b").sum()).sign(),
    )
    by_unit = won.group_by("unit").agg(pl.col("score").sum(), lists=pl.len()).sort("unit")
    score, lists = by_unit["score"].to_numpy().astype(float), by_unit["lists"].to_numpy().astype(float)
    units = len(score)
    margin = float(score.sum() / lists.sum()) / 2
    # lists of one unit are not independent: a ratio of sums over units, by the delta method
    rest = (score / 2 - margin * lists) / lists.mean()
    half = math.inf
    if units > 1:
        half = float(student.ppf(1 - alpha / 2, units - 1) * rest.std(ddof=1) / np.sqrt(units))
    for_a, for_b = int((score > 0).sum()), int((score < 0).sum())
    p = float(binomtest(for_a, for_a + for_b).pvalue) if for_a + for_b else 1.0
    counts = {int(value): count for value, count in won["score"].value_counts().iter_rows()}
    return Preference(
        counts.get(1, 0),
        counts.get(-1, 0),
        counts.get(0, 0),
        margin,
        max(margin - half, -0.5),
        min(margin + half, 0.5),
        p,
        units,
    )


def _turn(sizes: dict[Team, int], seed: str) -> Team:
    """Who chooses: the smaller team, or by a coin of its own for each round."""
    if sizes["a"] != sizes["b"]:
        return "a" if sizes["a"] < sizes["b"] else "b"
    digest = sha256(f"round\n{sizes['a']}\n{seed}".encode()).digest()
    return "a" if digest[0] % 2 else "b"
