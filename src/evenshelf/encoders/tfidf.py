"""Character n-gram TF-IDF reduced by a truncated SVD: latent semantic analysis that knows no language.

References
----------
Deerwester, Dumais, Furnas, Landauer, Harshman: Indexing by latent semantic analysis, JASIS 41(6), 1990.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from evenshelf.encoders.base import Encoder, Progress, Vectors, check_texts, fingerprint_of, unit_rows
from evenshelf.encoders.cores import usable_cores
from evenshelf.encoders.folders import default_cache_dir, write_whole
from evenshelf.encoders.ngrams import count_ngrams, ngram_places
from evenshelf.encoders.pieces import Pieces, scaled
from evenshelf.encoders.registry import EncoderKind, register
from evenshelf.encoders.svd import right_singular_vectors
from evenshelf.errors import InputError

REVISION = "1"
BLOCK = 8192
"""Texts that are turned into a sparse matrix at once."""


class TfidfEncoder(Encoder):
    """TF-IDF of character n-grams (see :mod:`~evenshelf.encoders.ngrams`), projected on its leading directions.

    Term frequencies are damped (``1 + ln tf``), inverse document frequencies smoothed
    (``1 + ln((1 + n) / (1 + df))``), rows of length one before and after the projection.

    Parameters
    ----------
    hashes
        ``[d]``, uint64, ascending: the n-grams that are known.
    idf
        ``[d]``, float32.
    directions
        ``[d, dimension]``, float16: where each n-gram points.

    See Also
    --------
    TfidfEncoder.fit : makes one from a corpus.
    """

    chunk = 32768

    def __init__(self, hashes: NDArray[np.uint64], idf: NDArray[np.float32], directions: NDArray[np.float16]) -> None:
        self.name = "tfidf"
        self.hashes = hashes
        self.idf = idf
        self.directions = directions
        self.dimension = int(directions.shape[1])
        self.fingerprint = fingerprint_of("tfidf", REVISION, hashes, idf, directions)
        self._directions = directions.astype(np.float32)

    @classmethod
    def fit(
        cls,
        texts: Sequence[str],
        *,
        dimension: int = 512,
        max_features: int = 65536,
        sample: int = 30000,
        seed: int = 0,
        iterations: int = 2,
    ) -> TfidfEncoder:
        """Fit on a corpus, without labels. Repeated texts count once; their order does not matter.

        Parameters
        ----------
        texts
            The corpus.
        dimension
            Most directions that are kept; a small corpus has fewer.
        max_features
            Most n-grams that are kept, those of most texts first. From 1,000 distinct texts on, an n-gram of
            a single text is dropped: it cannot relate texts to one another.
        sample
            Most texts that the directions are computed from, drawn at random; document frequencies always
            come from all texts.
        seed
            Of the sample and the decomposition.
        iterations
            Of the subspace iteration.

        Raises
        ------
        InputError
            If no text holds any character n-gram.
        """
        check_texts(texts)
        distinct = sorted(set(texts))
        counted = [count_ngrams(distinct[i : i + BLOCK]) for i in range(0, len(distinct), BLOCK)]
        hashes, place = np.unique(
            np.concatenate([h for h, _ in counted] or [np.zeros(0, np.uint64)]), return_inverse=True
        )
        frequency = np.zeros(len(hashes), np.int64)
        offset = 0
        for found, counts in counted:
            frequency[place[offset : offset + len(found)]] += np.bincount(counts.indices, minlength=len(found))
            offset += len(found)
        kept = np.flatnonzero(frequency >= (2 if len(distinct) >= 1000 else 1))
        # Ties at the border are broken by the hash, which is fixed.
        kept = np.sort(kept[np.argsort(-frequency[kept], kind="stable")[:max_features]])
        if not len(kept):
            raise InputError("no text has any character to fit tfidf on.", hint="Check which column holds the texts.")
        hashes = hashes[kept]
        idf = (1 + np.log((1 + len(distinct)) / (1 + frequency[kept]))).astype(np.float32)
        matrix = sp.csr_array(sp.vstack([_weighted(f, c, hashes, idf) for f, c in counted], format="csr"))
        del counted
        if len(distinct) > sample:
            drawn = np.sort(np.random.default_rng(seed).choice(len(distinct), sample, replace=False))
            matrix = matrix[drawn]
        vectors, _ = right_singular_vectors(matrix, dimension, seed=seed, iterations=iterations, threads=usable_cores())
        return cls(hashes, idf, vectors.astype(np.float16))

    def _encode(self, texts: Sequence[str], progress: Progress) -> Vectors:
        vectors = np.empty((len(texts), self.dimension), np.float32)
        for start in range(0, len(texts), BLOCK):
            block = texts[start : start + BLOCK]
            rows = _weighted(*count_ngrams(block), self.hashes, self.idf) @ self._directions
            vectors[start : start + BLOCK] = unit_rows(rows)
            progress(len(block))
        return vectors

    def pieces(self, text: str) -> Pieces:
        """The n-grams of a text where they stand, those that are known; see :meth:`Encoder.pieces`."""
        found, start, stop = ngram_places(text)
        column = np.minimum(np.searchsorted(self.hashes, found), len(self.hashes) - 1)
        known = self.hashes[column] == found
        _, same, times = np.unique(column[known], return_inverse=True, return_counts=True)
        often = times[same.reshape(-1)].astype(np.float64)
        weight = self.idf[column[known]] * (1 + np.log(often)) / often
        return scaled(start[known], stop[known], weight[:, None] * self._directions[column[known]])

    def state(self) -> dict[str, NDArray[Any]]:
        """See :meth:`Encoder.state`; :meth:`of_state` takes it back."""
        return {"hashes": self.hashes, "idf": self.idf, "directions": np.ascontiguousarray(self.directions)}

    @classmethod
    def of_state(cls, state: Mapping[str, NDArray[Any]]) -> TfidfEncoder:
        """The encoder of a :meth:`state`.

        Raises
        ------
        KeyError
            If an array is missing.
        InputError
            If the arrays do not fit together.
        """
        hashes, idf, directions = state["hashes"], state["idf"], state["directions"]
        known = len(hashes) if hashes.ndim == 1 else 0
        if not (
            known
            and hashes.dtype == np.uint64
            and bool((hashes[1:] > hashes[:-1]).all())
            and (idf.dtype.kind, idf.shape) == ("f", (known,))
            and (directions.dtype.kind, directions.ndim, directions.shape[0]) == ("f", 2, known)
        ):
            arrays = {"hashes": hashes, "idf": idf, "directions": directions}
            shapes = ", ".join(f"{name} {array.dtype} {array.shape}" for name, array in arrays.items())
            raise InputError(f"the arrays of a tfidf encoder do not fit together: {shapes}.", hint="Fit it again.")
        return cls(hashes, idf, directions)

    def save(self, path: Path) -> None:
        """Write the fitted state to one safetensors file, whole or not at all."""
        state = self.state()
        write_whole(path, lambda temporary: save_file(state, temporary))

    @classmethod
    def load(cls, path: Path) -> TfidfEncoder:
        """Read what :meth:`save` wrote.

        Raises
        ------
        InputError
            If the file is absent, torn, or not of a tfidf encoder.
        """
        try:
            return cls.of_state(load_file(path))
        except (OSError, SafetensorError, KeyError, InputError) as error:
            raise InputError(f"{path} is not a saved tfidf encoder: {error}.", hint="Fit and save it again.") from error


def _weighted(
    found: NDArray[np.uint64], counts: sp.csr_array, hashes: NDArray[np.uint64], idf: NDArray[np.float32]
) -> sp.csr_array:
    """Damped, weighted and length-one rows over the known n-grams."""
    column = np.searchsorted(hashes, found)
    column[column == len(hashes)] = 0
    known = hashes[column] == found
    keep = known[counts.indices]
    entries = np.concatenate([[0], np.cumsum(keep)])[counts.indptr]
    indices = column[counts.indices[keep]].astype(np.int32)
    data = (1 + np.log(counts.data[keep])) * idf[indices]
    rows = np.repeat(np.arange(len(entries) - 1), np.diff(entries))
    length = np.sqrt(np.bincount(rows, data.astype(np.float64) ** 2, minlength=len(entries) - 1))
    length[length == 0] = 1
    data = (data / length[rows]).astype(np.float32)
    return sp.csr_array((data, indices, entries), shape=(len(entries) - 1, len(hashes)))


def open_fitted(texts: Sequence[str]) -> TfidfEncoder:
    """Fit on a corpus, or read the state of an earlier fit on the same distinct texts from the cache folder."""
    corpus = fingerprint_of("tfidf fit", REVISION, np.__version__, *sorted(set(texts)))
    path = default_cache_dir() / "tfidf" / f"{corpus}.safetensors"
    if path.is_file():
        return TfidfEncoder.load(path)
    encoder = TfidfEncoder.fit(texts)
    encoder.save(path)
    return encoder


register(
    EncoderKind(
        "tfidf",
        "Character n-grams of this very corpus (TF-IDF, 512 dimensions); any script, knows brands and codes.",
        lambda _argument, texts: open_fitted(texts),
        fitted=True,
        restore=lambda _argument, state: TfidfEncoder.of_state(state),
    )
)
