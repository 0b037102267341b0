"""Catalogues of any size for the speed of search: electronics of Icecat, repeated with changes.

A copy of a product has two words of its title exchanged for words of other titles and a model number of its own, so
that no two titles are the same and the vocabulary grows as that of a shop does. Its vector is that of the original with
noise, at a cosine of about .9: encoding a million titles would take half an hour and say nothing about search.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import polars as pl
from numpy.typing import NDArray

from bench.harness import say
from bench.search_data import chorus
from evenshelf.encoders import VectorCache, default_cache_dir, open_encoder
from evenshelf.shop import Shop, simulate

ENCODER = "minilm-int8"
_NOISE = 0.5
_BLOCK = 50_000


@dataclass(frozen=True)
class Catalogue:
    """What is indexed and asked.

    Attributes
    ----------
    items
        ``item_id``, ``title``, ``description``, ``brand``, ``price``.
    vectors
        ``[n, 384]`` of the titles.
    queries
        What is asked, no text twice.
    """

    items: pl.DataFrame
    vectors: NDArray[np.float32]
    queries: list[str]

    def write(self, folder: Path) -> None:
        """Write it for other processes."""
        folder.mkdir(parents=True, exist_ok=True)
        self.items.write_parquet(folder / "items.parquet")
        np.save(folder / "vectors.npy", self.vectors)
        pl.DataFrame({"query": self.queries}).write_parquet(folder / "queries.parquet")

    @classmethod
    def read(cls, folder: Path) -> Catalogue:
        """Read what :meth:`write` wrote."""
        return cls(
            pl.read_parquet(folder / "items.parquet"),
            np.load(folder / "vectors.npy", mmap_mode="r"),
            pl.read_parquet(folder / "queries.parquet")["query"].to_list(),
        )


def made_up(items: int, queries: int, seed: int = 0, *, simulated: bool = False) -> Catalogue:
    """A catalogue of so many items, and queries for it.

    Parameters
    ----------
    items, queries
        How many.
    seed
        Of all that is drawn.
    simulated
        Whether the originals are a simulated shop of at most 1,000 items instead of the real one.
    """
    originals, asked = _simulated(min(items, 1000), seed) if simulated else _real()
    rng = np.random.default_rng(seed)
    titles = originals["title"].to_list()
    encoder = open_encoder(ENCODER)
    say(f"encoding {len(titles):,} titles")
    own = VectorCache().encode(encoder, titles)
    base = np.arange(items) % len(titles)
    words = np.array([word for title in titles for word in title.split()], object)
    new = [titles[b] if i < len(titles) else _changed(titles[b], i, words, rng) for i, b in enumerate(base.tolist())]
    vectors = np.empty((items, encoder.dimension), np.float32)
    for start in range(0, items, _BLOCK):
        rows = base[start : start + _BLOCK]
        block = own[rows].copy()
        copies = np.arange(start, start + len(rows)) >= len(titles)
        noise = rng.standard_normal((int(copies.sum()), block.shape[1]), dtype=np.float32)
        block[copies] += _NOISE * noise / np.sqrt(np.float32(block.shape[1]))
        vectors[start : start + len(rows)] = block / np.maximum(np.linalg.norm(block, axis=1, keepdims=True), 1e-9)
    price = originals["price"].to_numpy()[base] * rng.uniform(0.8, 1.2, items)
    frame = (
        originals[base.tolist()]
        .select("description", "brand")
        .with_columns(
            pl.Series("item_id", [f"p{i}" for i in range(items)]),
            pl.Series("title", new),
            pl.Series("price", price).fill_nan(None),
        )
    )
    return Catalogue(
        frame.select("item_id", "title", "description", "brand", "price"),
        vectors,
        _queries(asked, titles, queries, rng),
    )


def _real() -> tuple[pl.DataFrame, list[str]]:
    data = chorus()
    return data.items, list(data.queries)


def _simulated(items: int, seed: int) -> tuple[pl.DataFrame, list[str]]:
    path = default_cache_dir() / "bench" / f"search-{items}-{seed}"
    shop = Shop.open(path) if (path / "shop.toml").is_file() else simulate(path, items, seed=seed)
    table = shop.items()
    texts = {
        name: table[name] if name in table.columns else pl.Series(name, [None] * table.height, dtype=pl.String)
        for name in ("title", "description", "brand")
    }
    return pl.DataFrame({**texts, "price": table["price"]}), shop.read("queries")["query"].head(50).to_list()


def _changed(title: str, number: int, words: NDArray[np.object_], rng: np.random.Generator) -> str:
    parts = title.split()
    for place in rng.integers(len(parts), size=2).tolist():
        parts[place] = str(words[rng.integers(len(words))])
    return " ".join([*parts, f"m{number:x}"])


def _queries(asked: list[str], titles: list[str], count: int, rng: np.random.Generator) -> list[str]:
    """What people asked, and two to four words of titles."""
    found = dict.fromkeys(asked[:count])
    while len(found) < count:
        words = titles[rng.integers(len(titles))].split()
        size = min(len(words), int(rng.integers(2, 5)))
        found[" ".join(words[i] for i in np.sort(rng.choice(len(words), size, replace=False)))] = None
    return list(found)
