"""A small shop whose bundle every module reads."""

from __future__ import annotations

import pytest

from evenshelf.shop import Shop
from evenshelf.study.train import Wanted, train
from tests.bundles.shops import make_shop

REMEDY = "balanced + tau_norm + vector_scaling"


@pytest.fixture(scope="package")
def shop(tmp_path_factory) -> Shop:
    return make_shop(tmp_path_factory.mktemp("bundles") / "shop")


@pytest.fixture(scope="package")
def trained(shop, tmp_path_factory):
    """The bundle in memory, and its folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVENSHELF_CACHE", str(tmp_path_factory.mktemp("cache")))
        return train(shop, Wanted(remedy=REMEDY, penalty=1e-4, encoder="tfidf"))
