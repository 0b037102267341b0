"""Fixtures shared by all tests."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# How long an example takes says more of the machine than of what is tested.
settings.register_profile("evenshelf", deadline=None)
settings.load_profile("evenshelf")

# Workers share the cores: libraries that each take all of them spend their time waiting for each other. They read
# this when they are first imported, as do the processes that tests start.
if "PYTEST_XDIST_WORKER_COUNT" in os.environ:
    share = max(1, (os.cpu_count() or 1) // int(os.environ["PYTEST_XDIST_WORKER_COUNT"]))
    for variable in ("MKL_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        os.environ.setdefault(variable, str(share))

# What is fetched is not tested here: without this, a name that no hub knows is asked for again and again where there
# is no network.
os.environ.setdefault("HF_HUB_OFFLINE", "1")

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets, or a skip that says how to get one."""
    folder = Path(os.environ.get("EVENSHELF_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real data at {folder}: set EVENSHELF_DATA to the folder that holds it")
    return folder


@pytest.fixture(scope="module")
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A cache of vectors that no other module has filled."""
    with pytest.MonkeyPatch.context() as patch:
        folder = tmp_path_factory.mktemp("cache")
        patch.setenv("EVENSHELF_CACHE", str(folder))
        yield folder


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """URL of a PostgreSQL server that lives as long as the tests of this process."""
    from bench.postgres import server

    with server() as url:
        yield url
