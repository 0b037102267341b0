"""One cache folder for all encoder tests of a run, so that the graph and the static table are built once.

Test workers share it, and wait for each other where one of them distils the static table (a minute of work).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

import pytest

# Read when huggingface_hub is first imported, so before anything else.
os.environ["HF_HUB_OFFLINE"] = "1"

from evenshelf.encoders import Encoder, encoder_kinds, open_encoder, static
from evenshelf.encoders.store import _locked

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from evenshelf.encoders.base import Vectors

ENGLISH = [
    "Nike Men Air Max Running Shoes",
    "Puma Women's Suede Classic Sneakers - Red",
    "Titan Analog Watch for Men, Black Dial",
    "French Connection Women Navy Top",
    "ADIDAS Originals track-suit (XL) 2-pack!",
    "Caf\u00e9 cr\u00e8me na\u00efve T-shirt",
    "a",
    "Ray-Ban RB3025 Aviator 58mm sunglasses \U0001f60e",
]
CHINESE = [
    "耐克 男子 运动鞋 AIR MAX 黑色 42码",
    "三字方服饰2014春装新款韩版修身男士格子衬衫",
    "TATA 木门实木复合免漆门",
    "女士手提包",
]
HARD = ["", "   ", "\t\n", "!!!", "\u0301", "x" * 3000, "shoe " * 600, "ＮＩＫＥ　运动鞋", "日本語 テキスト 한국어"]


@pytest.fixture(autouse=True, scope="session")
def cache_folder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    base = tmp_path_factory.getbasetemp()
    # a worker of pytest-xdist has a folder of its own inside that of the run
    run = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder = run / "evenshelf-cache"
    folder.mkdir(exist_ok=True)
    token_vectors = static.token_vectors

    def one_at_a_time() -> tuple[Vectors, Any]:
        with _locked(folder / "distilling"):
            return token_vectors()

    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EVENSHELF_CACHE", str(folder))
        patch.setattr(static, "token_vectors", one_at_a_time)
        yield folder


@pytest.fixture(scope="session")
def titles() -> list[str]:
    """Ninety-odd titles in English and Chinese, without repeats."""
    brands = ["Nike", "Puma", "Titan", "耐克", "李宁"]
    things = ["running shoe", "watch", "handbag", "运动鞋", "手提包", "衬衫"]
    return [f"{b} {t} {c}" for b in brands for t in things for c in ("red", "black", "黑色")]


WHOLE = [kind.name for kind in encoder_kinds().values() if kind.argument is None and kind.name != "auto"]


@pytest.fixture(scope="session", params=WHOLE)
def encoder(request: pytest.FixtureRequest, titles: list[str]) -> Encoder:
    """Every registered encoder that needs no model to be named; ``auto`` opens one of them."""
    return open_encoder(request.param, titles)
