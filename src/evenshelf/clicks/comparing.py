"""Click models held against each other on lists that they were not fitted to."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from evenshelf.clicks.log import ClickLog, Floats
from evenshelf.clicks.models.base import ClickModel
from evenshelf.clicks.models.rates import ConstantRate, RankRate
from evenshelf.clicks.models.registry import click_model, click_models
from evenshelf.clicks.sums import sums

_NORMAL = 1.96


@dataclass(frozen=True, eq=False)
class Compared:
    """One model on held-out lists.

    Attributes
    ----------
    model
        The model, fitted to the other lists.
    bits
        Mean log loss in bits a row; less is better.
    behind, low, high
        By how many bits a row it is behind the best model, with a 95 % interval over lists; 0 of the best itself.
    perplexity
        ``[K]`` by rank.
    """

    model: ClickModel
    bits: float
    behind: float
    low: float
    high: float
    perplexity: Floats

    def to_dict(self) -> dict[str, Any]:
        """As JSON takes it."""
        by_rank = [round(float(p), 6) if np.isfinite(p) else None for p in self.perplexity]
        known = [float(p) for p in self.perplexity if np.isfinite(p)]
        return {
            "model": self.model.name,
            "title": self.model.title,
            "bits": self.bits,
            "behind": self.behind,
            "low": self.low,
            "high": self.high,
            "perplexity": sum(known) / len(known),
            "perplexity_by_rank": by_rank,
        }


@dataclass(frozen=True, eq=False)
class Comparison:
    """Models on the same held-out lists.

    Attributes
    ----------
    models
        The best first.
    lists, rows
        How many were held out.
    explained
        Share of the bits of a constant rate that the rate by rank saves: how much of what is clicked the place tells.
    """

    models: tuple[Compared, ...]
    lists: int
    rows: int
    explained: float

    @property
    def best(self) -> Compared:
        """The one of the least loss."""
        return self.models[0]

    @property
    def use(self) -> Compared:
        """Of those that cannot be told from the best, the one that assumes least."""
        return min((one for one in self.models if one.low <= 0), key=lambda one: one.model.cost)

    def to_dict(self) -> dict[str, Any]:
        """As JSON takes it."""
        return {
            "held_out": {"lists": self.lists, "rows": self.rows},
            "explained_by_position": self.explained,
            "best": self.best.model.name,
            "use": self.use.model.name,
            "models": [one.to_dict() for one in self.models],
        }


def compare_models(
    log: ClickLog,
    names: Sequence[str] | None = None,
    *,
    share: float = 0.2,
    seed: int = 0,
    progress: Callable[[str, int, int | None], None] | None = None,
) -> Comparison:
    """Fit models to some lists and see how well they predict the others, click by click.

    Parameters
    ----------
    log
        Any.
    names
        Of models; by default all that are registered.
    share
        Of lists to hold out; lists are held out whole.
    seed
        Of the draw of lists.
    progress
        Told how many models are done.

    Raises
    ------
    SettingError
        If there is no such model.
    InputError
        If the log has fewer than two lists, or all of its rows or none were clicked.
    """
    log.check_clicks()
    kinds = [click_model(name) for name in dict.fromkeys(names if names else click_models())]
    rest, held = log.split(share, seed=seed)
    fitted = []
    for number, kind in enumerate(kinds):
        if progress is not None:
            progress(f"fitting {kind.name}", number, len(kinds))
        fitted.append(kind.fit(rest))
    losses = [model.loss(held) for model in fitted]
    best = min(range(len(kinds)), key=lambda one: (losses[one].mean(), kinds[one].cost))
    found = []
    for model, loss in zip(fitted, losses, strict=True):
        behind, error = _by_lists(held, loss - losses[best])
        found.append(
            Compared(
                model,
                float(loss.mean()),
                behind,
                behind - _NORMAL * error,
                behind + _NORMAL * error,
                model.perplexity(held),
            )
        )
    explained = 1 - RankRate.fit(rest).bits(held) / ConstantRate.fit(rest).bits(held)
    order = sorted(found, key=lambda one: (one.bits, one.model.cost))
    return Comparison(tuple(order), held.lists, len(held), explained)


def _by_lists(log: ClickLog, values: Floats) -> tuple[float, float]:
    """Mean of values of rows, and its standard error where whole lists are drawn (linearised ratio)."""
    mean = float(values.mean())
    apart = sums(log.listing, values - mean)
    return mean, float(np.sqrt((apart**2).sum() * len(apart) / max(len(apart) - 1, 1))) / len(values)
