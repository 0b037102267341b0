"""Examples that are labels of one text, put together: a row for each text, with all its labels."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array

from evenshelf.learners.vectors import Vectors

Codes = NDArray[np.int64]


def of_sets(vectors: Vectors) -> Vectors:
    """The same examples with a row for each text; its count is that of its most frequent label.

    So what was counted stays so: an item is an example of each of its labels, and a title that three items share counts
    three times, for a label that one of them has once.

    Parameters
    ----------
    vectors
        With :attr:`Vectors.example`.
    """
    assert vectors.example is not None
    first, text_of = first_of_texts(vectors.example)
    shape = (len(first), int(vectors.target.max()) + 1)
    positive = csr_array((vectors.count, (text_of, vectors.target)), shape=shape)
    count = np.zeros(len(first), np.float32)
    np.maximum.at(count, text_of, vectors.count)
    return replace(
        vectors,
        rows=vectors.rows[first],
        target=vectors.target[first],
        count=count,
        row_of=text_of[vectors.row_of],
        bounds=tuple(int(b) for b in np.searchsorted(first, vectors.bounds)),
        example=None,
        group=None if vectors.group is None else vectors.group[first],
        positive=positive,
    )


def first_of_texts(example: Codes) -> tuple[Codes, Codes]:
    """First row of each text, and the text of each row, counted from 0 in the order of the rows."""
    begins = np.append(True, example[1:] != example[:-1])[: len(example)]
    return np.flatnonzero(begins), np.cumsum(begins) - 1
