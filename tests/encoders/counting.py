"""Encoders that write down what they were asked, for tests of the cache; also run as a program.

``python counting.py FOLDER LOG SEED COUNT`` encodes COUNT texts through the cache in FOLDER, in an order by
SEED, and writes every text that reached the model to LOG.
"""

from __future__ import annotations

import hashlib
import sys
from pathlib import Path

import numpy as np

from evenshelf.encoders import Encoder, VectorCache


class CountingEncoder(Encoder):
    """Vectors by hash of the text; remembers (and logs) which texts it was given."""

    def __init__(self, dimension: int = 24, chunk: int = 8, log: Path | None = None, kind: str = "counting") -> None:
        self.name = kind
        self.dimension = dimension
        self.chunk = chunk
        self.fingerprint = hashlib.blake2b(f"{kind} {dimension}".encode(), digest_size=16).hexdigest()
        self.asked: list[str] = []
        self.log = log

    def _encode(self, texts, progress):
        self.asked += texts
        if self.log is not None:
            with self.log.open("a") as file:
                file.write("".join(f"{text}\n" for text in texts))
        rows = [np.random.default_rng(list(text.encode())).standard_normal(self.dimension) for text in texts]
        vectors = np.array(rows)
        progress(len(texts))
        return (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)


if __name__ == "__main__":
    folder, log, seed, count = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    texts = [f"title {i}" for i in np.random.default_rng(seed).permutation(count)]
    print("ready", flush=True)
    VectorCache(folder).encode(CountingEncoder(log=log), texts)
    print("done", flush=True)
