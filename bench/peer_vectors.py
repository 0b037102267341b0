"""Vector stores of others, in an environment of their own: ``make vectors`` makes it."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench.vector_child import THREADS, K, Rows, Store

WIDTH, EFFORT = 16, 128
"""Of graphs: neighbours of a node, and how many are looked at when one is added."""
SEARCHED = 800
"""How many nodes of a graph a query keeps in view."""
BLOCK = 50_000


class Usearch(Store):
    """A graph (HNSW) over vectors in 8 bits; its Python package has no filters."""

    filters = False

    def build(self, vectors: NDArray[np.float32], folder: Path, masks: NDArray[np.bool_]) -> None:
        from usearch.index import Index  # noqa: PLC0415

        index = Index(ndim=vectors.shape[1], metric="cos", dtype="i8", connectivity=WIDTH, expansion_add=EFFORT)
        for start in range(0, len(vectors), BLOCK):
            block = np.ascontiguousarray(vectors[start : start + BLOCK])
            index.add(np.arange(start, start + len(block)), block, threads=THREADS)
        index.save(str(folder / "index"))

    def open(self, folder: Path) -> None:
        from usearch.index import Index  # noqa: PLC0415

        self.index = Index.restore(str(folder / "index"))
        self.index.expansion_search = SEARCHED

    def ask(self, query: NDArray[np.float32], mask: int | None, allowed: NDArray[np.bool_] | None) -> Rows:
        return self.index.search(query, K, threads=1).keys.astype(np.int64)

    def add(self, vector: NDArray[np.float32], row: int) -> None:
        self.index.add(row, vector, threads=1)


class Hnswlib(Store):
    """A graph (HNSW) over vectors in float32; a filter is a Python function, called for each node."""

    def build(self, vectors: NDArray[np.float32], folder: Path, masks: NDArray[np.bool_]) -> None:
        import hnswlib  # noqa: PLC0415

        index = hnswlib.Index("ip", vectors.shape[1])
        index.init_index(len(vectors) + 1000, ef_construction=EFFORT, M=WIDTH)
        for start in range(0, len(vectors), BLOCK):
            index.add_items(np.ascontiguousarray(vectors[start : start + BLOCK]), num_threads=THREADS)
        index.save_index(str(folder / "index"))
        np.save(folder / "shape.npy", vectors.shape)

    def open(self, folder: Path) -> None:
        import hnswlib  # noqa: PLC0415

        rows, dimension = np.load(folder / "shape.npy").tolist()
        self.index = hnswlib.Index("ip", dimension)
        self.index.load_index(str(folder / "index"), max_elements=rows + 1000)
        self.index.set_ef(SEARCHED)

    def ask(self, query: NDArray[np.float32], mask: int | None, allowed: NDArray[np.bool_] | None) -> Rows:
        # it raises an error where it finds fewer than it is asked for
        count = K
        while count:
            try:
                chosen = None if allowed is None else (lambda row: bool(allowed[row]))
                return self.index.knn_query(query[None], count, num_threads=1, filter=chosen)[0][0].astype(np.int64)
            except RuntimeError:
                count //= 2
        return np.zeros(0, np.int64)

    def add(self, vector: NDArray[np.float32], row: int) -> None:
        self.index.add_items(vector[None], np.array([row]), num_threads=1)


class Faiss(Store):
    """An index of faiss that a factory string makes.

    Parameters
    ----------
    spec
        From the number of rows to the string.
    """

    def __init__(self, spec: Callable[[int, int], str]) -> None:
        self.spec = spec

    def build(self, vectors: NDArray[np.float32], folder: Path, masks: NDArray[np.bool_]) -> None:
        import faiss  # noqa: PLC0415

        faiss.omp_set_num_threads(THREADS)
        rows, dimension = vectors.shape
        index = faiss.index_factory(dimension, self.spec(rows, dimension), faiss.METRIC_INNER_PRODUCT)
        index.train(np.ascontiguousarray(vectors[:: max(1, rows // 100_000)]))
        for start in range(0, rows, BLOCK):
            index.add(np.ascontiguousarray(vectors[start : start + BLOCK]))
        faiss.write_index(index, str(folder / "index"))

    def open(self, folder: Path) -> None:
        import faiss  # noqa: PLC0415

        faiss.omp_set_num_threads(1)
        self.index = faiss.read_index(str(folder / "index"))

    def add(self, vector: NDArray[np.float32], row: int) -> None:
        self.index.add(vector[None])


class Inverted(Faiss):
    """Lists of near vectors in 8 bits (IVF, SQ8). How many lists are looked at does not depend on the filter."""

    def __init__(self) -> None:
        super().__init__(lambda rows, _: f"IVF{lists_of(rows)},SQ8")

    def open(self, folder: Path) -> None:
        super().open(folder)
        # as many rows as ours compares
        self.probed = min(self.index.nlist, math.ceil(self.index.nlist * 150 / math.sqrt(self.index.ntotal)))

    def ask(self, query: NDArray[np.float32], mask: int | None, allowed: NDArray[np.bool_] | None) -> Rows:
        import faiss  # noqa: PLC0415

        chosen = {}
        if allowed is not None:
            bits = np.packbits(allowed, bitorder="little")
            chosen = {"sel": faiss.IDSelectorBitmap(bits)}
        setting = faiss.SearchParametersIVF(nprobe=self.probed, **chosen)
        return kept(self.index.search(query[None], K, params=setting)[1][0])


class Scanned(Faiss):
    """Product quantisation in 4 bits, all rows, then the best ones in float16 (PQ fast scan); it takes no filters."""

    filters = False

    def __init__(self) -> None:
        super().__init__(lambda _, dimension: f"PQ{dimension // 2}x4fs,Refine(SQfp16)")

    def open(self, folder: Path) -> None:
        super().open(folder)
        self.index.k_factor = 5

    def ask(self, query: NDArray[np.float32], mask: int | None, allowed: NDArray[np.bool_] | None) -> Rows:
        return kept(self.index.search(query[None], K)[1][0])


class Lance(Store):
    """LanceDB: all rows, or lists and product quantisation with the best ones compared again."""

    def __init__(self, lists: bool) -> None:
        self.lists = lists

    def build(self, vectors: NDArray[np.float32], folder: Path, masks: NDArray[np.bool_]) -> None:
        import lancedb  # noqa: PLC0415
        import pyarrow as pa  # noqa: PLC0415

        def batches() -> Any:
            for start in range(0, len(vectors), BLOCK):
                part = slice(start, min(len(vectors), start + BLOCK))
                block = pa.FixedSizeListArray.from_arrays(pa.array(vectors[part].reshape(-1)), vectors.shape[1])
                columns = [block, pa.array(np.arange(part.start, part.stop)), *(pa.array(mask[part]) for mask in masks)]
                yield pa.RecordBatch.from_arrays(columns, names)

        names = ["vector", "row", *(f"mask{number}" for number in range(len(masks)))]
        kinds = [pa.list_(pa.float32(), vectors.shape[1]), pa.int64(), *(pa.bool_() for _ in masks)]
        schema = pa.schema(list(zip(names, kinds, strict=True)))
        table = lancedb.connect(str(folder)).create_table("items", batches(), schema=schema)
        if self.lists:
            count = lists_of(len(vectors))
            table.create_index(metric="dot", num_partitions=count, num_sub_vectors=vectors.shape[1] // 4)

    def open(self, folder: Path) -> None:
        import lancedb  # noqa: PLC0415

        self.table = lancedb.connect(str(folder)).open_table("items")
        self.probed = math.ceil(lists_of(self.table.count_rows()) * 150 / math.sqrt(self.table.count_rows()))
        self.empty = dict.fromkeys([name for name in self.table.schema.names if name.startswith("mask")], True)

    def ask(self, query: NDArray[np.float32], mask: int | None, allowed: NDArray[np.bool_] | None) -> Rows:
        asked = self.table.search(query).distance_type("dot").limit(K).select(["row", "_distance"])
        if mask is not None:
            asked = asked.where(f"mask{mask}", prefilter=True)
        if self.lists:
            asked = asked.nprobes(self.probed).refine_factor(3)
        return asked.to_arrow()["row"].to_numpy().astype(np.int64)

    def add(self, vector: NDArray[np.float32], row: int) -> None:
        self.table.add([{"vector": vector, "row": row, **self.empty}])


def lists_of(rows: int) -> int:
    """As many lists as ours has."""
    return int(2 ** round(math.log2(2 * math.sqrt(rows))))


def kept(rows: NDArray[np.int64]) -> Rows:
    """Without the places that were not filled."""
    return rows[rows >= 0]


STORES: dict[str, Callable[[], Store]] = {
    "usearch": Usearch,
    "hnswlib": Hnswlib,
    "faiss, lists": Inverted,
    "faiss, fast scan": Scanned,
    "LanceDB": lambda: Lance(lists=False),
    "LanceDB, lists": lambda: Lance(lists=True),
}
