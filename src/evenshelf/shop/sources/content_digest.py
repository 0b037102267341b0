"""A hash of the rows of a table that depends on nothing but them: not on batches, files or versions of libraries."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

KINDS: dict[pa.DataType, str] = {
    pa.large_string(): "text",
    pa.int64(): "integer",
    pa.float64(): "real",
    pa.bool_(): "boolean",
    pa.date32(): "date",
    pa.timestamp("us"): "local time",
    pa.timestamp("us", "UTC"): "time",
}
"""Names of the types of columns that can be hashed; part of the digest."""


class ContentDigest:
    """Sha256 over the columns of a table that comes in batches.

    Each column has streams of its own - which rows are empty, values (as 64 bits, little end first), lengths of texts -
    so that it does not matter where one batch ends and the next begins. Equal rows in equal order, and equal names and
    types of columns, give equal digests.

    Parameters
    ----------
    schema
        Names and types of the columns, all of :data:`KINDS`.
    """

    def __init__(self, schema: pa.Schema) -> None:
        self._schema = schema
        self._streams = [[hashlib.sha256() for _ in range(3)] for _ in schema]

    def update(self, batch: pa.RecordBatch) -> None:
        """Add rows."""
        for column, (valid, values, lengths) in zip(batch.columns, self._streams, strict=True):
            valid.update(np.asarray(column.is_valid()).astype(np.uint8).data)
            if column.type == pa.large_string():
                filled = column.fill_null("")
                lengths.update(np.asarray(pc.binary_length(filled)).astype("<i8").data)
                values.update(_characters(filled))
            else:
                values.update(_numbers(column).data)

    def hexdigest(self) -> str:
        """Return the digest of all rows so far: 64 hexadecimal digits."""
        parts = [
            [field.name, KINDS[field.type], *(stream.hexdigest() for stream in streams)]
            for field, streams in zip(self._schema, self._streams, strict=True)
        ]
        return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _characters(column: Any) -> memoryview:
    _, offsets, data = column.buffers()
    ends = np.frombuffer(offsets, np.int64)[[column.offset, column.offset + len(column)]]
    return memoryview(data or b"")[ends[0] : ends[1]]


def _numbers(column: Any) -> np.ndarray[Any, np.dtype[Any]]:
    if column.type == pa.float64():
        reals: np.ndarray[Any, np.dtype[Any]] = np.array(column.fill_null(0.0)).astype("<f8")
        reals[np.isnan(reals)] = np.nan  # there are many bit patterns that say so
        return reals
    whole = column.cast(pa.int32()) if column.type == pa.date32() else column
    return np.asarray(whole.cast(pa.int64()).fill_null(0)).astype("<i8")
