"""A small shop with all kinds of columns, and its index."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator

import polars as pl
import pytest

from evenshelf.index import SearchEngine

TITLES = [
    ("Dell XPS-13 laptop 16GB 512 GB SSD", "Dell", "Computers|Laptops", 1199.0),
    ("Dell Inspiron 15 notebook 8 GB", "Dell", "Computers|Laptops", 549.0),
    ("HP Pavilion 15 laptop computer silver", "HP", "Computers|Laptops", 629.99),
    ("HP LaserJet Pro printer", "HP", "Computers|Printers", 189.0),
    ("Canon PIXMA inkjet printer", "Canon", "Computers|Printers", 79.5),
    ("Black toner cartridge for HP LaserJet", "HP", "Computers|Supplies", 64.0),
    ("Laptop sleeve 15 inch grey", "Targus", "Bags|Sleeves", 19.99),
    ("Waterproof backpack for notebooks", "Targus", "Bags|Backpacks", 49.0),
    ("Nike Air Max running shoes men", "Nike", "Shoes|Running", 129.0),
    ("Women's running shoe lightweight", "Adidas", "Shoes|Running", 89.0),
    ("Leather hiking boots brown", "Timberland", "Shoes|Boots", 159.0),
    ("Café press coffee maker 1 l", "Bodum", "Kitchen|Coffee", 34.9),
    ("Espresso machine 15 bar", "DeLonghi", "Kitchen|Coffee", 249.0),
    ("男士运动鞋 透气 跑步鞋", "耐克", "鞋|运动鞋", 399.0),
    ("女士休闲鞋 真皮 黑色", "彪马", "鞋|休闲鞋", 299.0),
    ("華為手機 Mate40 8GB", "华为", "手机|智能手机", 4999.0),
    ("蓝牙耳机 降噪", None, "手机|配件", 199.0),
    ("USB-C cable 2 m", "Anker", "Cables|USB", 12.0),
    ("HDMI cable 3 m 4K", "Anker", "Cables|HDMI", None),
    ("Garden hose 20 m", None, None, 25.0),
]


def catalogue(copies: int = 1) -> pl.DataFrame:
    """The small shop, so many times over."""
    rows = [
        {
            "item_id": f"i{n * len(TITLES) + i}",
            "title": title if n == 0 else f"{title} no. {n}",
            "brand": brand,
            "path": path,
            "price": None if price is None else price + n,
            "tags": "new|sale" if i % 4 == 0 else "sale" if i % 3 == 0 else None,
            "in_stock": None if i == 7 else i % 5 != 0,
            "popularity": float((i * 7) % 11),
            "launched": dt.datetime(2024, 1 + i % 12, 1, tzinfo=dt.UTC),
            "colour": ["red", "blue", None][i % 3],
        }
        for n in range(copies)
        for i, (title, brand, path, price) in enumerate(TITLES)
    ]
    schema = {"launched": pl.Datetime("us", "UTC")}
    return pl.DataFrame(rows, schema_overrides=schema, infer_schema_length=None)


@pytest.fixture(scope="module")
def items() -> pl.DataFrame:
    return catalogue()


@pytest.fixture(scope="module")
def engine(items: pl.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SearchEngine]:
    """An index that no test changes."""
    lines = ["couch, sofa", "computer => laptop", "手机, mobile phone"]
    queries = pl.DataFrame({"query": ["laptop sleeve", "跑步鞋", "lap desk"], "count": [50.0, 20.0, 5.0]})
    path = tmp_path_factory.mktemp("search") / "index"
    with SearchEngine.build(path, items, synonyms=lines, queries=queries) as built:
        yield built
