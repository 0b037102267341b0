"""A table of token vectors as values: numbers in 8 bits and a tokenizer, from a folder or from arrays."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from evenshelf.encoders.base import Vectors, fingerprint_of
from evenshelf.encoders.tokenizer_parts import unknown_parts
from evenshelf.errors import InputError

WEIGHTS, TOKENIZER = "model.safetensors", "tokenizer.json"
"""Files of a folder, named as Model2Vec names them."""
_TABLE, _SHARE, _PLACE = "embeddings", "weights", "mapping"
"""Tensors of such a folder: rows, what a token counts, and which row it has; the last two may be missing."""
_LARGEST = 127


@dataclass(frozen=True, eq=False)
class TokenTable:
    """A vector for each token of a tokenizer.

    Attributes
    ----------
    numbers
        ``[vocabulary, d]`` int8.
    scale
        ``[vocabulary]`` float32 >= 0, what a row's numbers are multiplied by; 0 for tokens that say nothing.
    written
        The tokenizer as JSON.
    """

    numbers: NDArray[np.int8]
    scale: NDArray[np.float32]
    written: str

    @classmethod
    def of(cls, table: Vectors, written: str) -> Self:
        """Round the rows of a table to 8 bits, each by its own largest number.

        Parameters
        ----------
        table
            ``[vocabulary, d]``, finite, the weights of tokens included.
        written
            The tokenizer as JSON.
        """
        scale = (np.abs(table).max(axis=1, initial=0.0) / _LARGEST).astype(np.float32)
        numbers = np.rint(table / np.where(scale > 0, scale, 1.0)[:, None])
        return cls(np.clip(numbers, -_LARGEST, _LARGEST).astype(np.int8), scale, written)

    @classmethod
    def of_folder(cls, folder: Path) -> Self:
        """Read a folder that Model2Vec wrote.

        Raises
        ------
        InputError
            If a file is missing, is none of these, or both do not fit each other.
        """
        missing = [name for name in (WEIGHTS, TOKENIZER) if not (folder / name).is_file()]
        if missing:
            raise InputError(
                f"{folder} is not the folder of a table of token vectors: it lacks {', '.join(missing)}.",
                hint="Give a folder that Model2Vec wrote (save_pretrained).",
            )
        try:
            written = (folder / TOKENIZER).read_text(encoding="utf-8")
            arrays = load_file(folder / WEIGHTS)
            table = np.array(arrays[_TABLE], np.float32)
            if _PLACE in arrays:
                table = table[arrays[_PLACE].astype(np.int64)]
            if _SHARE in arrays:
                table = table * arrays[_SHARE].astype(np.float32)[:, None]
        except (OSError, ValueError, LookupError, SafetensorError) as error:
            raise InputError(
                f"The table of token vectors in {folder} cannot be read: {error}.", hint="Write it again."
            ) from error
        if table.ndim != 2 or not np.isfinite(table).all():
            raise InputError(
                f"The table of token vectors in {folder} is {table.shape}, or not all finite.", hint="Write it again."
            )
        unknown = _unknown(written)
        if unknown is not None and unknown < len(table):
            table[unknown] = 0  # Model2Vec leaves it out: it tells nothing of which word it stands for
        return cls.of(table, written)._checked()

    @classmethod
    def of_state(cls, state: Mapping[str, NDArray[Any]]) -> Self:
        """Made again from :meth:`state`; no code is in it.

        Raises
        ------
        InputError
            If arrays are of another kind or shape, not finite, or the tokenizer is none that may be anybody's.
        """
        numbers, scale = state["numbers"], state["scale"]
        try:
            written = state["tokenizer"].tobytes().decode("utf-8")
        except UnicodeDecodeError as error:
            raise InputError(f"the kept tokenizer is no text: {error}.", hint="Train and save it again.") from error
        return cls(numbers, scale, written)._checked()

    def state(self) -> dict[str, NDArray[Any]]:
        """All of it as arrays of numbers."""
        return {
            "numbers": self.numbers,
            "scale": self.scale,
            "tokenizer": np.frombuffer(self.written.encode(), np.uint8),
        }

    @cached_property
    def digest(self) -> str:
        """Of all that decides the vectors."""
        return fingerprint_of("token table", self.numbers, self.scale, self.written)

    @property
    def rows(self) -> Vectors:
        """``[vocabulary, d]`` float32."""
        return self.numbers.astype(np.float32) * self.scale[:, None]

    @property
    def tokenizer(self) -> Tokenizer:
        """That neither cuts nor pads."""
        found = Tokenizer.from_str(self.written)
        found.no_padding()
        found.no_truncation()
        return found

    def _checked(self) -> Self:
        faults = [*_of_arrays(self.numbers, self.scale)]
        if not faults:
            try:
                faults = unknown_parts(json.loads(self.written)) or _of_tokens(self.tokenizer, len(self.numbers))
            except Exception as error:  # noqa: BLE001 - of the tokenizers library, which raises nothing narrower
                faults = [f"its tokenizer cannot be read: {error}"]
        if faults:
            raise InputError(f"the kept table is none: {'; '.join(faults)}.", hint="Train and save it again.")
        return self


def _of_arrays(numbers: NDArray[Any], scale: NDArray[Any]) -> list[str]:
    faults = []
    if numbers.dtype != np.int8 or numbers.ndim != 2 or 0 in numbers.shape:
        faults.append(f"its numbers are {numbers.dtype} {numbers.shape}")
    if scale.dtype != np.float32 or scale.shape != numbers.shape[:1]:
        faults.append(f"its scales are {scale.dtype} {scale.shape}")
    elif not (np.isfinite(scale).all() and (scale >= 0).all()):
        faults.append("its scales are not all finite and above 0")
    elif float(scale.max(initial=0.0)) > 1e6:
        faults.append("its scales are too large")
    return faults


def _of_tokens(tokenizer: Tokenizer, size: int) -> list[str]:
    if max(tokenizer.get_vocab(with_added_tokens=True).values(), default=0) >= size:
        return [f"its tokenizer has numbers beyond the {size:,} rows"]
    return []


def _unknown(written: str) -> int | None:
    """The number of the token that stands for all that is unknown, or ``None``."""
    try:
        tokenizer = Tokenizer.from_str(written)
        model = json.loads(written)["model"]
    except Exception:  # noqa: BLE001 - what is no tokenizer is told later, with all that is wrong
        return None
    if isinstance(model.get("unk_id"), int):
        return int(model["unk_id"])
    found: int | None = tokenizer.token_to_id(model["unk_token"]) if isinstance(model.get("unk_token"), str) else None
    return found
