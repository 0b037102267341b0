"""Logs of experiments whose truth is known."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl

from evenshelf.experiments import Assigner, Experiment

START = datetime(2026, 3, 1, tzinfo=UTC)
ITEMS = [f"i{k}" for k in range(40)]


def experiment(name: str = "tail-first", **changes: object) -> Experiment:
    usual = {"variants": {"old": 0.5, "new": 0.5}, "control": "old", "primary": "ctr"}
    return Experiment(name, **(usual | changes))  # type: ignore[arg-type]


def exposures(one: Experiment, users: int, *, seed: int = 0, days: int = 14) -> pl.DataFrame:
    """Units as the assigner gives them, exposed over some days."""
    rng = np.random.default_rng(seed)
    seconds = np.sort(rng.integers(days * 86_400, size=users)).tolist()
    times = [START + timedelta(seconds=s) for s in seconds]
    assigner = Assigner([one])
    rows = [
        {"experiment": one.name, "variant": given.variant, "unit": f"u{k}", "time": at, "propensity": given.propensity}
        for k, at in enumerate(times)
        for given in assigner.assign(f"u{k}", at=at).values()
    ]
    return pl.DataFrame(rows, schema_overrides={"time": pl.Datetime("us", "UTC")})


def events(
    shown: pl.DataFrame, *, lift: float = 0.0, tail_lift: float = 0.0, seed: int = 1, before: bool = True
) -> pl.DataFrame:
    """Impressions, clicks and purchases; users differ in how much they see and click, the same before and after.

    Parameters
    ----------
    shown
        Exposures.
    lift, tail_lift
        By how much ``new`` raises the click rate, of all items and further of the ten rarest.
    """
    rng = np.random.default_rng(seed)
    parts = []
    count = shown.height
    taste, habit = rng.beta(2, 8, count), rng.integers(5, 40, count)
    times = shown["time"].to_list()
    new = (shown["variant"] == "new").to_numpy()
    popularity = 1 / np.arange(1, len(ITEMS) + 1)
    for after in (False, True) if before else (True,):
        seen = rng.poisson(habit)
        who = np.repeat(np.arange(count), seen)
        item = rng.choice(len(ITEMS), who.size, p=popularity / popularity.sum())
        rate = taste[who] * np.where(after & new[who], 1 + lift + tail_lift * (item >= len(ITEMS) - 10), 1.0)
        clicked = rng.random(who.size) < rate
        bought = clicked & (rng.random(who.size) < 0.2)
        shift = rng.integers(1, 6 * 86_400, who.size) * (1 if after else -1)
        at = pl.Series([times[w] for w in who], dtype=pl.Datetime("us", "UTC")) + pl.Series(
            (shift * 1_000_000).astype("timedelta64[us]")
        )
        base = pl.DataFrame(
            {
                "time": at,
                "user_id": [f"u{w}" for w in who],
                "session_id": [f"s{w}-{s // 86_400}" for w, s in zip(who, shift, strict=True)],
                "item_id": [ITEMS[k] for k in item],
                "price": 10.0 + item,
            }
        )
        kinds = (("impression", np.ones(who.size, bool)), ("click", clicked), ("purchase", bought))
        parts += [
            base.filter(pl.Series(mask)).with_columns(
                kind=pl.lit(kind), value=pl.lit(1.0 if kind == "purchase" else None, pl.Float64)
            )
            for kind, mask in kinds
        ]
    # units by their first row in `shown`
    names = dict(zip((f"u{k}" for k in range(count)), shown["unit"], strict=True))
    return pl.concat(parts).with_columns(pl.col("user_id").replace(names))
