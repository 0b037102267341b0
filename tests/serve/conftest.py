"""A small shop with an index and two bundles, and the service of a copy of it."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from fastapi.testclient import TestClient

from evenshelf import cli
from evenshelf.index.shops import index_shop
from evenshelf.serve import Settings, create_app
from evenshelf.serve.run import prepared
from evenshelf.shop import Shop


def run(*args: object) -> int:
    """The exit code of a command."""
    with pytest.raises(SystemExit) as caught:
        cli.main([str(arg) for arg in args])
    return int(caught.value.code or 0)


@pytest.fixture(scope="session")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A shop that nobody changes: with an index, a bundle that labels, and two that recommend."""
    folder = tmp_path_factory.mktemp("serve") / "shop"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVENSHELF_CACHE", str(tmp_path_factory.mktemp("cache")))
        assert run("simulate", folder, "--items", 90, "--events", 3000, "--language", "en", "--pictures", 0) == 0
        index_shop(Shop.open(folder), encoder="tfidf", tell=lambda *_: None).engine.close()
        lists = ("--task", "recommend", "--learner", "near", "--encoder", "tfidf")
        assert run("train", folder, *lists, "--remedy", "logit_adjust(tau=0.5)", "--out", folder / "bundles/tail") == 0
        assert run("train", folder, *lists, "--remedy", "none", "--out", folder / "bundles/plain") == 0
        assert run("train", folder, "--task", "label", "--remedy", "balanced", "--encoder", "tfidf") == 0
    return folder


@pytest.fixture
def shop(made: Path, tmp_path: Path) -> Path:
    """A copy of it that a test may change."""
    return Path(shutil.copytree(made, tmp_path / "shop"))


@pytest.fixture
def opened(shop: Path) -> Iterator[Callable[..., TestClient]]:
    """Opens the service of the shop with some bundles and settings, as often as asked for."""
    clients: list[TestClient] = []

    def make(*bundles: str, **settings: object) -> TestClient:
        # what is meant to be answered is waited for, on whatever machine this is
        settings = {"budget": 60, "patience": 60, **settings}
        folders = [shop / "bundles" / name for name in bundles or ("plain",)]
        ready = prepared(Settings(shop=shop, **settings), folders)  # type: ignore[arg-type]
        client = TestClient(create_app(ready.settings), raise_server_exceptions=False)
        clients.append(client.__enter__())
        return client

    yield make
    for client in clients:
        client.__exit__(None, None, None)


@pytest.fixture
def client(opened: Callable[..., TestClient]) -> TestClient:
    """Of a service that lets everybody in."""
    return opened(open=True, rate=0)
