"""A language model distilled into a table of token vectors: what it says of texts, said again by sums of rows.

The rows start from what the model says of each token alone, reduced to its main directions (Model2Vec). Then they are
fitted to the vectors that it gives to texts (Tokenlearn): the mean of the rows of a text is to be its vector, and each
row is held to where it started, so that a token of few texts moves little and one of none stays. With squares for both
that is one linear system with one solution, found by conjugate gradients: no step size, no seed, no torch. How much a
token counts in a text is the length of its row, which is fitted as well.

References
----------
van Dongen, Tulkens: Model2Vec: Fast State-of-the-Art Static Embeddings, MinishLab, 2024.
van Dongen, Tulkens: Tokenlearn: Pre-train Static Word Embeddings, MinishLab, 2024.
Hestenes, Stiefel: Methods of Conjugate Gradients for Solving Linear Systems, 1952.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray

from evenshelf.encoders.base import Vectors
from evenshelf.encoders.checkpoint import Checkpoint
from evenshelf.encoders.onnx_encoder import OnnxEncoder
from evenshelf.encoders.static import token_counts
from evenshelf.encoders.token_table import TokenTable
from evenshelf.encoders.weights import word_numbers
from evenshelf.errors import InputError

DIMENSION = 256
"""Directions that are kept; of MiniLM tuned to fashion titles they hold 98 % of the squares."""
HELD = 0.03
"""How strongly a row is held to its start, against the squared error of one text."""
TOLERANCE, MOST_STEPS = 1e-3, 100
"""Of the solver: share of the first slope at which it stops, and steps at the most."""
_BLOCK = 2048


@dataclass(frozen=True, eq=False)
class Distilled:
    """A table, and where its numbers lie among those of the model.

    Attributes
    ----------
    table
        Of the tokens of the model.
    directions
        ``[width, d]`` orthonormal columns: a vector of the model times these is what the table imitates.
    """

    table: TokenTable
    directions: Vectors

    def cosines(self, taught: Vectors, said: Vectors) -> NDArray[np.float64]:
        """``[n]`` cosines of unit vectors of the model, ``[n, width]``, and of the table, ``[n, d]``."""
        found: NDArray[np.float64] = np.einsum("ij,ij->i", taught @ self.directions, said, dtype=np.float64)
        return found


def distil(
    teacher: OnnxEncoder,
    source: Checkpoint,
    texts: Sequence[str],
    taught: Vectors,
    *,
    asked: Sequence[str] | None = None,
    progress: Callable[[int], None] = lambda done: None,
) -> Distilled:
    """Distil a model.

    Parameters
    ----------
    teacher
        The model.
    source
        What it was made from.
    texts
        ``n`` texts to learn from, at least one; labels are not needed.
    taught
        ``[n, width]`` unit vectors that the model gives them.
    asked
        Texts of which vectors will be asked for, where these are all: tokens of no other texts get a row, which spares
        the model most of its vocabulary and changes no vector of these. ``None`` for any texts.
    progress
        Called with the number of tokens looked at since the last call.

    Raises
    ------
    InputError
        If no text holds a token.
    """
    tokenizer = teacher.tokenizer
    size = max(tokenizer.get_vocab(with_added_tokens=True).values()) + 1
    counts = token_counts(tokenizer, texts, size)
    real = word_numbers(tokenizer)
    wanted = real
    if asked is not None:
        whole = source.tokenizer
        whole.no_truncation()  # the model reads the beginning of a long text, and the table all of it
        wanted = np.intersect1d(real, np.union1d(counts.indices, token_counts(whole, asked, size).indices))
    if not np.isin(counts.indices, real).any():
        raise InputError("No text holds a token that the model knows.", hint="Check which column holds the titles.")
    directions = _main_directions(taught)
    start = np.zeros((size, directions.shape[1]), np.float32)
    for begin in range(0, len(wanted), _BLOCK):
        some = wanted[begin : begin + _BLOCK]
        start[some] = teacher.encode_tokens(some) @ directions
        progress(len(some))
    fitted = fitted_rows(mean_counts(counts, real), taught @ directions, start)
    return Distilled(TokenTable.of(fitted, source.written), directions)


def mean_counts(counts: sp.csr_array, real: NDArray[np.int64]) -> sp.csr_array:
    """``[n, vocabulary]`` shares of the tokens in a text that say something; a row without any is zero."""
    kept = np.zeros(counts.shape[1], np.float32)
    kept[real] = 1.0
    held = sp.csr_array(counts * kept[None, :])
    total = np.asarray(held.sum(axis=1), np.float32).reshape(-1)
    shares = sp.csr_array(sp.diags_array(1 / np.where(total > 0, total, 1.0)) @ held, dtype=np.float32)
    shares.sum_duplicates()
    shares.eliminate_zeros()
    return shares


def fitted_rows(shares: sp.csr_array, wanted: Vectors, start: Vectors, held: float = HELD) -> Vectors:
    """Minimise ``sum((shares @ rows - wanted) ** 2) + held * sum((rows - start) ** 2)``.

    Parameters
    ----------
    shares
        ``[n, v]`` sparse.
    wanted
        ``[n, d]``.
    start
        ``[v, d]``.
    held
        Above 0.

    Returns
    -------
    numpy.ndarray
        ``[v, d]`` float32; rows whose column of `shares` is empty are those of `start`.
    """
    used = np.unique(shares.indices)
    inside = sp.csr_array(shares.tocsc()[:, used].tocsr(), dtype=np.float32)
    turned = sp.csr_array(inside.T)
    # tokens of many texts have slopes a thousand times those of rare ones, which the diagonal evens out
    squares = np.asarray(inside.multiply(inside).sum(axis=0), np.float32).reshape(-1)
    diagonal = (squares + np.float32(held))[:, None]
    moved = np.zeros((len(used), start.shape[1]), np.float32)
    left = turned @ (wanted - inside @ start[used]).astype(np.float32)
    step = left / diagonal
    way = step.copy()
    size = np.einsum("ij,ij->j", left, step, dtype=np.float64)
    enough = TOLERANCE**2 * size
    for _ in range(MOST_STEPS):
        if (size <= enough).all():
            break
        bent = turned @ (inside @ way) + np.float32(held) * way
        curve = np.einsum("ij,ij->j", way, bent, dtype=np.float64)
        share = np.where(curve > 0, size / np.where(curve > 0, curve, 1.0), 0.0).astype(np.float32)
        moved += share * way
        left -= share * bent
        step = left / diagonal
        new = np.einsum("ij,ij->j", left, step, dtype=np.float64)
        way = step + np.where(size > 0, new / np.where(size > 0, size, 1.0), 0.0).astype(np.float32) * way
        size = new
    found = start.copy()
    found[used] += moved
    return found


def _main_directions(vectors: Vectors) -> Vectors:
    """``[width, d]`` in which the vectors have most of their squares, at most :data:`DIMENSION`."""
    squares, axes = np.linalg.eigh(vectors.T.astype(np.float64) @ vectors.astype(np.float64))
    leading = axes[:, np.argsort(-squares, kind="stable")[:DIMENSION]]
    peak = np.abs(leading).argmax(axis=0)
    leading = leading * np.where(leading[peak, np.arange(leading.shape[1])] < 0, -1, 1)
    return np.ascontiguousarray(leading, np.float32)
