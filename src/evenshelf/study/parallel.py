"""Calls that are spread over processes."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Iterator
from typing import Any

from joblib import Parallel


def as_done(calls: Iterable[Any], workers: int) -> Iterator[Any]:
    """What delayed calls return, in the order in which they end, in this process or in several."""
    if workers == 1:
        yield from (function(*args) for function, args, _ in calls)
        return
    with warnings.catch_warnings():
        # joblib starts a worker anew that has come to hold much memory, and loses nothing by it
        warnings.filterwarnings("ignore", message="A worker stopped while some jobs")
        yield from Parallel(n_jobs=workers, backend="loky", return_as="generator_unordered", batch_size=1)(calls)
