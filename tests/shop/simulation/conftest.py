"""A simulated shop with its truth, made once for all tests of the simulator."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl
import pytest

from evenshelf.shop import Shop, simulate
from evenshelf.shop.simulation import truth
from evenshelf.shop.simulation.truth import Truth


@dataclass(frozen=True)
class Made:
    shop: Shop
    truth: Truth
    events: pl.DataFrame

    def of_kind(self, kind: str) -> pl.DataFrame:
        return self.events.filter(pl.col("kind") == kind)


@pytest.fixture(scope="session")
def make(tmp_path_factory) -> Callable[..., Made]:
    """Make a shop and read it back."""

    def made(**settings) -> Made:
        folder = tmp_path_factory.mktemp("simulated") / "shop"
        shop = simulate(folder, **settings)
        return Made(shop, truth.read(folder), shop.read("events"))

    return made


@pytest.fixture(scope="session")
def shop(make) -> Made:
    """A shop with many events for its size."""
    return make(items=400, events=400_000, pictures=20)
