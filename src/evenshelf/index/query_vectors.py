"""Vectors of queries: kept, since people ask alike, and not waited for longer than somebody will."""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TYPE_CHECKING

from evenshelf.encoders.cores import usable_cores

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from evenshelf.encoders import Encoder

KEPT = 10_000
"""Queries whose vectors are kept, those that were asked last."""
WAITING = 64
"""Queries that are encoded or wait for it, of those that are not waited for; whoever comes then gets none."""


class QueryVectors:
    """Encodes queries for any number of threads."""

    def __init__(self) -> None:
        self._vectors: OrderedDict[tuple[str, str], NDArray[np.float32]] = OrderedDict()
        self._lock = threading.Lock()
        self._coming: dict[tuple[str, str], Future[NDArray[np.float32]]] = {}
        self._pool: ThreadPoolExecutor | None = None

    def of(self, encoder: Encoder, query: str) -> NDArray[np.float32]:
        """Return the vector of a query."""
        # The next generation may have another encoder.
        key = (encoder.fingerprint, query)
        with self._lock:
            known = self._vectors.get(key)
            if known is not None:
                self._vectors.move_to_end(key)
                return known
        vector: NDArray[np.float32] = encoder.encode([query])[0]
        with self._lock:
            self._vectors[key] = vector
            while len(self._vectors) > KEPT:
                self._vectors.popitem(last=False)
        return vector

    def within(self, encoder: Encoder, query: str, *, patience: float) -> NDArray[np.float32] | None:
        """Return the vector of a query if it is there in time; if it is late, it is kept for whoever asks next.

        Of at most :data:`WAITING` queries at a time: if the encoder does not keep up, there is none, at once.

        Parameters
        ----------
        patience
            Seconds.
        """
        key = (encoder.fingerprint, query)
        with self._lock:
            known = self._vectors.get(key)
            if known is not None:
                return known
            coming = self._coming.get(key)
            if coming is None:
                if len(self._coming) >= WAITING:
                    return None
                if self._pool is None:
                    self._pool = ThreadPoolExecutor(usable_cores(), thread_name_prefix="encode")
                coming = self._coming[key] = self._pool.submit(self._encoded, encoder, query)
        try:
            return coming.result(timeout=patience)
        except TimeoutError:
            return None

    def _encoded(self, encoder: Encoder, query: str) -> NDArray[np.float32]:
        try:
            return self.of(encoder, query)
        finally:
            with self._lock:
                del self._coming[encoder.fingerprint, query]

    def close(self) -> None:
        """Wait for what is being encoded."""
        with self._lock:
            pool, self._pool = self._pool, None
        if pool is not None:
            pool.shutdown()
