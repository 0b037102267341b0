"""A BERT as values: numbers of its configuration, tensors and tokenizer, from a folder or from arrays."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tokenizers import Tokenizer

from evenshelf.encoders.base import fingerprint_of
from evenshelf.encoders.weights import BertConfig, max_length, read_config, read_weights
from evenshelf.errors import InputError

_WEIGHTS = "weights."
_WORDS = "embeddings.word_embeddings.weight"


@dataclass(frozen=True, eq=False)
class Checkpoint:
    """A BERT with mean pooling.

    Attributes
    ----------
    config
        Its numbers.
    weights
        float32 tensors by name.
    written
        The tokenizer as JSON.
    length
        At which texts are cut, in tokens, special ones included.
    """

    config: BertConfig
    weights: Mapping[str, NDArray[np.float32]]
    written: str
    length: int

    @classmethod
    def of_folder(cls, folder: Path) -> Checkpoint:
        """Read a folder; see :func:`evenshelf.encoders.weights.checkpoint_folder`."""
        config = read_config(folder)
        written = (folder / "tokenizer.json").read_text(encoding="utf-8")
        return cls(config, read_weights(folder), written, max_length(folder, config))

    @classmethod
    def of_state(cls, state: Mapping[str, NDArray[Any]]) -> Checkpoint:
        """Made again from :meth:`state`; no code is in it.

        Raises
        ------
        InputError
            If arrays are missing, of another shape, or no text.
        """
        weights = {
            name.removeprefix(_WEIGHTS): np.asarray(array, np.float32)
            for name, array in state.items()
            if name.startswith(_WEIGHTS)
        }
        try:
            config = BertConfig(**json.loads(state["config"].tobytes()))
            found = cls(config, weights, state["tokenizer"].tobytes().decode("utf-8"), int(state["length"][0]))
            size = (found.tokenizer.get_vocab_size(), config.hidden_size)
        except Exception as error:
            raise InputError(f"the kept model cannot be read: {error}.", hint="Train and save it again.") from error
        words = weights.get(_WORDS)
        if words is None or words.shape[1:] != size[1:] or len(words) < size[0]:
            raise InputError(
                f"the kept model has no table of {size[0]:,} words by {size[1]} numbers.",
                hint="Train and save it again.",
            )
        return found

    def state(self) -> dict[str, NDArray[Any]]:
        """All of it as arrays of numbers."""
        return {
            "config": np.frombuffer(json.dumps(asdict(self.config), sort_keys=True).encode(), np.uint8),
            "tokenizer": np.frombuffer(self.written.encode(), np.uint8),
            "length": np.array([self.length], np.int64),
            **{_WEIGHTS + name: values for name, values in self.weights.items()},
        }

    @cached_property
    def digest(self) -> str:
        """Of all that decides the vectors."""
        ordered = [part for name in sorted(self.weights) for part in (name, self.weights[name])]
        config = json.dumps(asdict(self.config), sort_keys=True)
        return fingerprint_of("bert", config, self.written, str(self.length), *ordered)

    @property
    def tokenizer(self) -> Tokenizer:
        """That cuts at :attr:`length` tokens and never pads."""
        found = Tokenizer.from_str(self.written)
        found.no_padding()
        found.enable_truncation(self.length)
        return found
