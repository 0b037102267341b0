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
from evenshelf.encoders.tokenizer_parts import unknown_parts
from evenshelf.encoders.weights import BertConfig, max_length, read_config, read_weights
from evenshelf.errors import InputError

_WEIGHTS = "weights."


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
            written = state["tokenizer"].tobytes().decode("utf-8")
            found = cls(config, weights, written, int(state["length"][0]))
            faults = [*_of_numbers(config), *unknown_parts(json.loads(written))]
            faults = faults or [*_of_shapes(config, weights), *_of_tokens(found)]
        except Exception as error:
            raise InputError(f"the kept model cannot be read: {error}.", hint="Train and save it again.") from error
        if faults:
            raise InputError(f"the kept model is no BERT: {'; '.join(faults)}.", hint="Train and save it again.")
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


def _of_numbers(config: BertConfig) -> list[str]:
    """What is wrong with a configuration, which may be anybody's."""
    whole = ("hidden_size", "num_hidden_layers", "num_attention_heads", "max_position_embeddings")
    faults = [f"{name} is {value!r}" for name in whole if type(value := getattr(config, name)) is not int or value < 1]
    eps = config.layer_norm_eps
    if not isinstance(eps, float) or not 0 < eps < 1:
        faults.append(f"layer_norm_eps is {eps!r}")
    if not faults and config.hidden_size % config.num_attention_heads:
        faults.append(f"{config.num_attention_heads} heads do not share {config.hidden_size} numbers")
    return faults


def _of_shapes(config: BertConfig, weights: Mapping[str, NDArray[np.float32]]) -> list[str]:
    size = config.hidden_size
    inner = weights.get("encoder.layer.0.intermediate.dense.bias", np.empty(0)).shape[0]
    wanted: dict[str, tuple[int, ...]] = {}
    for name in ("word", "position", "token_type"):
        rows = weights.get(f"embeddings.{name}_embeddings.weight", np.empty((0, 0))).shape[0]
        wanted[f"embeddings.{name}_embeddings.weight"] = (max(rows, 1), size)
    wanted |= {f"embeddings.LayerNorm.{part}": (size,) for part in ("weight", "bias")}
    for layer in range(config.num_hidden_layers):
        if len(wanted) > len(weights):
            break
        for name, (after, before) in {
            **{f"attention.self.{which}": (size, size) for which in ("query", "key", "value")},
            "attention.output.dense": (size, size),
            "intermediate.dense": (inner, size),
            "output.dense": (size, inner),
        }.items():
            wanted |= {f"encoder.layer.{layer}.{name}.{part}": (after,) for part in ("bias",)}
            wanted[f"encoder.layer.{layer}.{name}.weight"] = (after, before)
        for name in ("attention.output.LayerNorm", "output.LayerNorm"):
            wanted |= {f"encoder.layer.{layer}.{name}.{part}": (size,) for part in ("weight", "bias")}
    return [
        f"{name} is {'missing' if name not in weights else f'of the shape {weights[name].shape}'}"
        for name, shape in wanted.items()
        if name not in weights or weights[name].shape != shape
    ][:3]


def _of_tokens(found: Checkpoint) -> list[str]:
    words, places = (found.weights[f"embeddings.{name}_embeddings.weight"].shape[0] for name in ("word", "position"))
    faults = []
    most = min(found.config.max_position_embeddings, places)
    if not 3 <= found.length <= most:
        return [f"it cuts at {found.length} tokens and has {most} places"]
    if max(found.tokenizer.get_vocab(with_added_tokens=True).values(), default=0) >= words:
        faults.append(f"its tokenizer has numbers beyond the {words:,} words")
    if len(found.tokenizer.encode("").ids) != 2:
        faults.append("no token stands before and behind a text")
    return faults
