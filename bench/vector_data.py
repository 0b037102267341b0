"""Vectors of product titles for the benchmark of vector stores, as many as are asked for, and queries for them."""

from __future__ import annotations

import csv
import io
import json
import tarfile
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench.data import real_data
from evenshelf.encoders import VectorCache, open_encoder
from evenshelf.encoders.base import unit_rows

ENCODER = "minilm-int8"
FEW, NEIGHBOURS, AXES = 15_000, 8, 48
"""Neighbours of a vector are the nearest of so many, along so many leading axes."""
TOWARDS, NOISE = 0.5, 0.25
"""A made-up vector lies up to this far on the way to a neighbour, moved by this share of the data's own spread."""
BLOCK = 20_000


@dataclass(frozen=True, eq=False)
class Words:
    """What is encoded.

    Attributes
    ----------
    titles
        Of products.
    queries
        Such as a shopper may type.
    """

    titles: list[str]
    queries: list[str]


def words(queries: int, seed: int) -> Words:
    """Titles of three shops; queries are one to four words of a title, and those of a judged list."""
    folder = real_data()
    with zipfile.ZipFile(folder / "fashion_styles" / "styles.csv.zip") as archive:
        (name,) = (one for one in archive.namelist() if one.endswith("styles.csv"))
        lines = archive.read(name).decode("utf-8", "replace").splitlines()[1:]
    titles = [",".join(line.split(",")[9:]) for line in lines]
    for file in sorted((folder / "chorus_electronics").glob("products_*.json.zip")):
        with zipfile.ZipFile(file) as archive:
            for name in archive.namelist():
                if not name.startswith("__"):
                    titles += [
                        product.get("title") or product.get("name") or "" for product in json.loads(archive.read(name))
                    ]
    with tarfile.open(folder / "retrotech" / "products.tgz") as archive:
        found = archive.extractfile("products.csv")
        assert found is not None
        rows = csv.DictReader(io.StringIO(found.read().decode("utf-8", "replace")), skipinitialspace=True)
        titles += [row["name"] for row in rows if row["name"]]
    with (folder / "chorus_electronics" / "rated_queries_dev.csv").open(encoding="utf-8") as file:
        judged = sorted({row["query"] for row in csv.DictReader(file)})
    rng = np.random.default_rng(seed)
    drawn = []
    for place in rng.permutation(len(titles))[: 2 * queries].tolist():
        parts = titles[place].split()
        drawn.append(" ".join(rng.permutation(parts)[: rng.integers(1, 5)].tolist()))
    asked = [*judged, *(query for query in drawn if query)][:queries]
    return Words([titles[place] for place in rng.permutation(len(titles))], asked)


def real(queries: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Vectors of all titles, and of the queries."""
    found = words(queries, seed)
    encoder, cache = open_encoder(ENCODER, found.titles), VectorCache()
    return cache.encode(encoder, found.titles), cache.encode(encoder, found.queries)


def made_up(items: int, queries: int, seed: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Vectors around a few centres, for a quick run."""
    rng = np.random.default_rng(seed)
    centres = rng.standard_normal((50, 64))
    found = unit_rows(centres[rng.integers(0, 50, items + queries)] + rng.standard_normal((items + queries, 64)))
    return found[:items], found[items:]


def write(path: Path, vectors: NDArray[np.float32], items: int, seed: int) -> None:
    """Write ``[items, d]``: the vectors, and where there are too few, vectors between near ones, moved a little."""
    given = vectors[:items]
    out = np.lib.format.open_memmap(path, "w+", np.float32, (items, vectors.shape[1]))
    out[: len(given)] = given
    if items > len(given):
        rng = np.random.default_rng(seed)
        near, spread = neighbours(given, rng), root_of_spread(given)
        for start in range(len(given), items, BLOCK):
            size = min(BLOCK, items - start)
            one = rng.integers(0, len(given), size)
            other = near[one, rng.integers(0, near.shape[1], size)]
            way = rng.uniform(0.0, TOWARDS, (size, 1)).astype(np.float32)
            noise = rng.standard_normal((size, given.shape[1]), dtype=np.float32) @ spread
            out[start : start + size] = unit_rows(given[one] * (1 - way) + given[other] * way + NOISE * noise)
    out.flush()


def root_of_spread(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """``[d, d]`` that turns standard normal numbers into such as spread like the vectors."""
    values, axes = np.linalg.eigh(np.cov(vectors[::5].T))
    return (axes * np.sqrt(np.maximum(values, 0.0))).T.astype(np.float32)


def neighbours(vectors: NDArray[np.float32], rng: np.random.Generator) -> NDArray[np.int64]:
    """``[n, NEIGHBOURS]`` rows near to each, among some drawn."""
    _, axes = np.linalg.eigh(np.cov(vectors[::5].T))
    flat = (vectors @ axes[:, -AXES:].astype(np.float32)).astype(np.float32)
    some = rng.permutation(len(vectors))[:FEW]
    length = np.square(flat[some]).sum(axis=1)
    found = np.empty((len(vectors), NEIGHBOURS), np.int64)
    for start in range(0, len(vectors), 4000):
        apart = length - 2 * flat[start : start + 4000] @ flat[some].T
        found[start : start + 4000] = some[np.argpartition(apart, NEIGHBOURS, axis=1)[:, :NEIGHBOURS]]
    return found
