"""A small shop and bundles of it."""

from __future__ import annotations

from pathlib import Path

import pytest

from evenshelf.bundles import Bundle
from evenshelf.shop import Shop
from evenshelf.study.train import Wanted, train
from tests.bundles.shops import make_shop

REMEDY = "name_prior + balanced + logit_adjust(tau=0.5)"


@pytest.fixture(scope="package", autouse=True)
def cache(tmp_path_factory):
    """A cache of vectors that nothing else has filled."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVENSHELF_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


@pytest.fixture(scope="package")
def shop(tmp_path_factory) -> Shop:
    return make_shop(tmp_path_factory.mktemp("explain") / "shop")


@pytest.fixture(scope="package")
def trained(shop, tmp_path_factory):
    """Gives bundles of remedies and encoders, each trained once."""
    folder, made = tmp_path_factory.mktemp("bundles"), dict[tuple, Bundle]()

    def bundle(remedy: str = REMEDY, encoder: str = "tfidf") -> Bundle:
        if (remedy, encoder) not in made:
            out = Path(folder / str(len(made)))
            made[remedy, encoder] = train(shop, Wanted(remedy=remedy, penalty=1e-4, encoder=encoder), out)[0]
        return made[remedy, encoder]

    return bundle
