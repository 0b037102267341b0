"""What every encoder is: texts in, unit vectors out, and a fingerprint of all that decides them."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.encoders.pieces import Pieces
from evenshelf.encoders.torch_text import TorchText
from evenshelf.errors import InputError

Progress = Callable[[int], None]
"""Is told how many texts were finished since its last call."""

Vectors = NDArray[np.float32]


class Encoder(ABC):
    """Turns texts into vectors of unit length.

    The same call gives the same bits. The same text among other texts, or in another order, gives a vector
    that is equal within 1e-5 in every component (the last bits may depend on the batch a text falls into).

    Attributes
    ----------
    name
        The spec string that opens this encoder, such as ``"minilm"``.
    dimension
        Length of a vector.
    fingerprint
        Hex digest of all that changes the vectors: weights, settings, fitted state, revision of the
        algorithm. Two encoders with one fingerprint may share a cache.
    chunk
        How many texts a caller that saves its progress should hand over at once (a few seconds of work).
    """

    name: str
    dimension: int
    fingerprint: str
    chunk: int = 4096

    def encode(self, texts: Sequence[str], *, progress: Progress | None = None) -> Vectors:
        """Encode texts; equal texts are encoded once.

        Parameters
        ----------
        texts
            ``n`` texts, of any length and script; a long one is cut at the encoder's own limit.
        progress
            Called with the number of texts finished since the last call; the numbers add up to ``n``.

        Returns
        -------
        numpy.ndarray
            ``[n, dimension]``, float32, rows of unit length. A row is zero only where the text has no
            feature that the encoder knows.

        Raises
        ------
        InputError
            If ``texts`` is one string, or holds something that is not a string.
        """
        check_texts(texts)
        if not len(texts):
            return np.zeros((0, self.dimension), np.float32)
        distinct: dict[str, int] = {}
        row = np.fromiter((distinct.setdefault(t, len(distinct)) for t in texts), np.int64, len(texts))
        if len(distinct) == len(texts):
            return self._encode(texts, progress or _silent)
        # Repeats are told to `progress` at the end: which text they repeat says nothing of when it is done.
        vectors = self._encode(list(distinct), progress or _silent)
        if progress is not None:
            progress(len(texts) - len(distinct))
        return vectors[row]

    @abstractmethod
    def _encode(self, texts: Sequence[str], progress: Progress) -> Vectors:
        """Encode distinct texts (at least one)."""

    def state(self) -> dict[str, NDArray[Any]]:
        """What was fitted, as arrays by name; nothing where :attr:`name` tells all."""
        return {}

    def pieces(self, text: str) -> Pieces | None:
        """Return what the vector of a text is the sum of, or ``None`` where it is no sum over pieces of the text."""
        return None

    def torch_text(self) -> TorchText | None:
        """Return the language model as torch runs it, or ``None`` where there is none.

        Raises
        ------
        MissingExtraError
            If torch or transformers is not installed.
        SettingError
            If the model does not tell what is needed of it.
        """
        return None

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name!r}: {self.dimension} dimensions, {self.fingerprint[:12]}>"


class CompositeEncoder(Encoder):
    """An encoder whose vectors are made of other encoders' vectors, so that a cache can keep the parts.

    Attributes
    ----------
    parts
        The encoders it is made of.
    """

    parts: tuple[Encoder, ...]

    def read_by(self, texts: Sequence[str]) -> list[Sequence[str]]:
        """What each part reads of the texts, as many each; all of it, where not said otherwise."""
        return [texts] * len(self.parts)

    @abstractmethod
    def combine(self, vectors: Sequence[Vectors]) -> Vectors:
        """Make ``[n, dimension]`` of one ``[n, d_i]`` for each part, in the order of the parts."""

    def state(self) -> dict[str, NDArray[Any]]:
        """The states of the parts, each name led by the number of its part, as in ``0.idf``."""
        return {f"{i}.{name}": array for i, part in enumerate(self.parts) for name, array in part.state().items()}

    def _encode(self, texts: Sequence[str], progress: Progress) -> Vectors:
        done = len(self.parts) - 1
        read = zip(self.parts, self.read_by(texts), strict=True)
        return self.combine(
            [part.encode(own, progress=progress if i == done else None) for i, (part, own) in enumerate(read)]
        )


def _silent(_: int) -> None:
    return None


def check_texts(texts: Sequence[str]) -> None:
    """Raise an :class:`InputError` unless ``texts`` is a sequence of strings that can be written as UTF-8."""
    if isinstance(texts, str):
        raise InputError("texts is one string, not a list of strings.", hint="Put it in a list: [text].")
    wrong = [i for i, text in enumerate(texts) if not isinstance(text, str)]
    if wrong:
        shown = ", ".join(f"row {i}: {texts[i]!r}" for i in wrong[:3])
        raise InputError(
            f"{len(wrong)} of {len(texts)} texts are not strings ({shown}{', ...' if len(wrong) > 3 else ''}).",
            hint="Drop the rows without a text, or replace the missing text by an empty string.",
        )
    try:
        "".join(texts).encode()
    except UnicodeEncodeError as error:
        broken = [i for i, text in enumerate(texts) if any("\ud800" <= letter <= "\udfff" for letter in text)]
        raise InputError(
            f"{len(broken)} of {len(texts)} texts hold half a character (a lone surrogate): "
            f"row {', '.join(map(str, broken[:3]))}{', ...' if len(broken) > 3 else ''}.",
            hint="The file was read with the wrong encoding; read it as UTF-8.",
        ) from error


def unit_rows(rows: NDArray[np.floating]) -> Vectors:
    """Scale the rows of ``[n, d]`` to length one; zero rows stay zero.

    Examples
    --------
    >>> unit_rows(np.array([[3.0, 4.0], [0.0, 0.0]])).tolist()
    [[0.6000000238418579, 0.800000011920929], [0.0, 0.0]]
    """
    length = np.sqrt(np.einsum("ij,ij->i", rows, rows, dtype=np.float64))
    length[length == 0] = 1.0
    unit: Vectors = (rows / length[:, None]).astype(np.float32)
    return unit


def fingerprint_of(*parts: str | bytes | NDArray[np.generic]) -> str:
    """Hex digest (blake2b, 16 bytes) of strings, bytes and arrays, each with its type, shape and length."""
    digest = hashlib.blake2b(digest_size=16)
    for part in parts:
        if isinstance(part, np.ndarray):
            head, body = f"array {part.dtype.str} {part.shape}", np.ascontiguousarray(part).data.cast("B")
        else:
            body = memoryview(part.encode() if isinstance(part, str) else part)
            head = f"{type(part).__name__} {len(body)}"
        digest.update(head.encode() + b"\0")
        digest.update(body)
    return digest.hexdigest()
