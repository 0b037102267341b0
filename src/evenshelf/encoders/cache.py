"""A text is encoded once: vectors by content hash of the text and fingerprint of the encoder."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from evenshelf.encoders.base import CompositeEncoder, Encoder, Progress, Vectors, check_texts
from evenshelf.encoders.folders import default_cache_dir
from evenshelf.encoders.store import KEY, VectorStore


class VectorCache:
    """Keeps the vectors of every encoder in a folder, by content of the text.

    Several processes may use one folder at once. An interrupted call keeps all chunks (of
    :attr:`Encoder.chunk` texts, a few seconds of work) that it had finished. The parts of a
    :class:`CompositeEncoder` are cached each by itself, so that a part that needs no fitting is not computed
    again when the corpus grows.

    Parameters
    ----------
    folder
        Where to keep them; ``default_cache_dir() / "vectors"`` if None.
    """

    def __init__(self, folder: Path | str | None = None) -> None:
        self.folder = default_cache_dir() / "vectors" if folder is None else Path(folder)
        self._stores: dict[str, VectorStore] = {}

    def encode(self, encoder: Encoder, texts: Sequence[str], progress: Progress | None = None) -> Vectors:
        """Encode texts, the model being run only for those that it has never encoded.

        Parameters
        ----------
        encoder
            Any encoder.
        texts
            ``n`` texts; repeats are encoded once.
        progress
            Called with the number of texts finished since the last call; known ones count at once.

        Returns
        -------
        numpy.ndarray
            ``[n, dimension]``, float32; what ``encoder.encode(texts)`` returns.

        Raises
        ------
        InputError
            If ``texts`` holds something that is not a string, or the folder cannot be written to.
        """
        check_texts(texts)
        if isinstance(encoder, CompositeEncoder):
            last = len(encoder.parts) - 1
            read = zip(encoder.parts, encoder.read_by(texts), strict=True)
            return encoder.combine(
                [self.encode(part, own, progress if i == last else None) for i, (part, own) in enumerate(read)]
            )
        store = self._store(encoder)
        store.refresh()
        first: dict[str, int] = {}
        row = np.fromiter((first.setdefault(text, len(first)) for text in texts), np.int64, len(texts))
        distinct = list(first)
        keys = [text_key(text) for text in distinct]
        missing = store.missing(keys)
        if progress is not None and len(texts) > len(missing):
            progress(len(texts) - len(missing))
        self._fill(encoder, store, distinct, keys, missing=missing, progress=progress)
        vectors, damaged = store.read(keys)
        while damaged:
            self._fill(encoder, store, distinct, keys, missing=damaged)
            vectors, damaged = store.read(keys)
        return vectors if len(distinct) == len(texts) else vectors[row]

    def _fill(
        self,
        encoder: Encoder,
        store: VectorStore,
        texts: Sequence[str],
        keys: Sequence[bytes],
        *,
        missing: Sequence[int],
        progress: Progress | None = None,
    ) -> None:
        for start in range(0, len(missing), encoder.chunk):
            chunk = missing[start : start + encoder.chunk]
            # Another process may have committed some of these while we worked on the last chunk.
            store.refresh()
            todo = [chunk[i] for i in store.missing([keys[i] for i in chunk])]
            if progress is not None and len(todo) < len(chunk):
                progress(len(chunk) - len(todo))
            if todo:
                vectors = encoder.encode([texts[i] for i in todo], progress=progress)
                store.append([keys[i] for i in todo], vectors)

    def _store(self, encoder: Encoder) -> VectorStore:
        if encoder.fingerprint not in self._stores:
            folder = self.folder / encoder.fingerprint
            self._stores[encoder.fingerprint] = VectorStore(folder, encoder.dimension)
        return self._stores[encoder.fingerprint]


def text_key(text: str) -> bytes:
    """Return the content hash of a text: 16 bytes of BLAKE2b over its UTF-8 form."""
    return hashlib.blake2b(text.encode(), digest_size=KEY).digest()
