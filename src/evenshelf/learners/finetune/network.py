"""A language model with what of it is to be changed, its tokens as rows of numbers, and texts as its unit vectors."""

from __future__ import annotations

import hashlib
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.encoders.huggingface import is_causal
from evenshelf.encoders.sentence_transformers import check_folder, model_not_found
from evenshelf.encoders.weights import minilm_folder
from evenshelf.errors import InputError, MissingExtraError, SettingError
from evenshelf.learners.finetune.settings import MINILM, FineTuning, Scope

Floats = NDArray[np.float32]

NOTHING = 0.0
"""In a row of tokens, what stands behind the last one; a token's number is one more than in the vocabulary."""
_LAYERS = ("encoder.layer", "transformer.layer", "layers", "h", "block", "encoder.layers")
"""Where architectures have their list of layers."""
_ALPHA = 2
"""Matrices of low rank count so many times their rank over their rank, as is usual."""


def check_installed(settings: FineTuning) -> None:
    """Raise a :class:`MissingExtraError` if a package is missing."""
    wanted = ["torch", "transformers", *(["peft"] if settings.scope == Scope.LORA else [])]
    for package in wanted:
        if find_spec(package) is None:
            raise MissingExtraError(package, "train", "tuning a language model")


def folder_of(model: str) -> str:
    """The folder of a model, or its name on the hub."""
    return str(minilm_folder()) if model == MINILM else model


def content_of(model: str) -> str:
    """Digest of the files of a model in a folder, which may be replaced; "" of one that comes from elsewhere."""
    folder = Path(model).expanduser()
    if model == MINILM or not folder.is_dir():
        return ""
    files = sorted(file for file in folder.iterdir() if file.is_file() and file.suffix in {".json", ".safetensors"})
    return _digest_of(tuple((str(file), file.stat().st_size, file.stat().st_mtime_ns) for file in files))


@lru_cache(maxsize=8)
def _digest_of(stamps: tuple[tuple[str, int, int], ...]) -> str:
    digest = hashlib.blake2b(digest_size=16)
    for name, _, _ in stamps:
        with Path(name).open("rb") as file:
            digest.update(Path(name).name.encode() + hashlib.file_digest(file, "blake2b").digest())
    return digest.hexdigest()


@lru_cache(maxsize=2)
def tokenizer_of(model: str) -> Any:
    """The tokenizer of a model, which pads on the right.

    Raises
    ------
    InputError
        If there is none.
    """
    from transformers import AutoTokenizer  # noqa: PLC0415 - an extra, and slow to import

    place = folder_of(model)
    check_folder(place)
    try:
        found = AutoTokenizer.from_pretrained(place)
    except (OSError, ValueError) as error:
        raise model_not_found(model, error) from error
    found.padding_side = "right"
    return found


def config_of(model: str) -> Any:
    """The configuration of a model.

    Raises
    ------
    InputError
        If it cannot be had.
    """
    from transformers import AutoConfig  # noqa: PLC0415 - an extra, and slow to import

    place = folder_of(model)
    check_folder(place)
    try:
        return AutoConfig.from_pretrained(place)
    except (OSError, ValueError) as error:
        raise model_not_found(model, error) from error


def depth_of(model: str) -> int:
    """How many layers a model has; raises as :func:`config_of`."""
    return int(config_of(model).num_hidden_layers)


def token_rows(texts: Sequence[str], model: str, length: int) -> Floats:
    """``[n, length]`` numbers of tokens plus one as float32, which holds them exactly; :data:`NOTHING` behind the last.

    A text without any token is the first token of the vocabulary.
    """
    found = np.full((len(texts), length), NOTHING, np.float32)
    if not len(texts):
        return found
    tokens = tokenizer_of(model)(list(texts), truncation=True, max_length=length)["input_ids"]
    for row, ids in zip(found, tokens, strict=True):
        read = np.asarray(ids or [0], np.float32) + 1.0
        row[: len(read)] = read
    return found


@dataclass(frozen=True, eq=False)
class Network:
    """A model that is being tuned.

    Attributes
    ----------
    module
        Of transformers, or of peft around it.
    causal
        Whether a token sees only what stands before it: then a text is its last token, else the mean of all.
    width
        Of the vectors.
    half
        Whether layers are computed in bfloat16.
    """

    module: Any
    causal: bool
    width: int
    half: bool

    @classmethod
    def opened(cls, settings: FineTuning) -> Network:
        """A pretrained model of which only what the settings say can be changed.

        Raises
        ------
        MissingExtraError
            If torch, transformers or peft is not installed.
        InputError
            If the model cannot be had, or has no layers that are known.
        SettingError
            If it has fewer layers than are to be changed.
        """
        check_installed(settings)
        import torch  # noqa: PLC0415 - an extra, and slow to import
        from transformers import AutoConfig, AutoModel  # noqa: PLC0415

        place = folder_of(settings.model)
        check_folder(place)
        try:
            config = AutoConfig.from_pretrained(place)
            _set_dropout(config, settings.dropout)
            with _quiet():
                module = AutoModel.from_pretrained(place, config=config, dtype=torch.float32)
        except (OSError, ValueError) as error:
            raise model_not_found(settings.model, error) from error
        if getattr(config, "is_encoder_decoder", False):
            module = module.get_encoder()
        return cls(_scoped(module, settings), is_causal(config), int(config.hidden_size), settings.half)

    def changed(self) -> dict[str, Any]:
        """Parameters that are changed, by name."""
        return {name: value for name, value in self.module.named_parameters() if value.requires_grad}

    def load(self, values: Mapping[str, Any]) -> None:
        """Set parameters by name."""
        import torch  # noqa: PLC0415

        own = dict(self.module.named_parameters())
        with torch.no_grad():
            for name, value in values.items():
                own[name].copy_(value)

    def vectors(self, rows: Floats) -> Any:
        """``[n, width]`` tensor of unit vectors of rows of tokens, with slopes."""
        import torch  # noqa: PLC0415

        sizes = np.maximum((rows != NOTHING).sum(axis=1), 1)
        longest = int(sizes.max())
        ids = torch.from_numpy(np.maximum(rows[:, :longest] - 1.0, 0.0).astype(np.int64))
        real = torch.from_numpy((np.arange(longest) < sizes[:, None]).astype(np.int64))
        with torch.autocast("cpu", torch.bfloat16, enabled=self.half):
            states = self.module(input_ids=ids, attention_mask=real).last_hidden_state
        states = states.float()
        if self.causal:
            pooled = states[torch.arange(len(rows)), torch.from_numpy(sizes - 1)]
        else:
            pooled = (states * real[:, :, None]).sum(dim=1)
        return torch.nn.functional.normalize(pooled, dim=1)

    def encode(self, rows: Floats, batch: int = 256) -> Floats:
        """``[n, width]`` unit vectors, without slopes; rows of like length go through together."""
        import torch  # noqa: PLC0415

        self.module.eval()
        order = np.argsort(-(rows != NOTHING).sum(axis=1), kind="stable")
        found = np.empty((len(rows), self.width), np.float32)
        with torch.no_grad():
            for start in range(0, len(rows), batch):
                some = order[start : start + batch]
                found[some] = self.vectors(rows[some]).numpy()
        return found


@contextmanager
def _quiet() -> Iterator[None]:
    """Without the bars and remarks of transformers, which would break the bars of who asked."""
    from transformers.utils import logging  # noqa: PLC0415 - an extra

    shown, level = logging.is_progress_bar_enabled(), logging.get_verbosity()
    logging.disable_progress_bar()
    logging.set_verbosity_error()
    try:
        yield
    finally:
        logging.set_verbosity(level)
        if shown:
            logging.enable_progress_bar()


def _scoped(module: Any, settings: FineTuning) -> Any:
    """The module with slopes only where it is to be changed."""
    for name, value in module.named_parameters():
        # what pools the first token is not used
        value.requires_grad = settings.scope == Scope.FULL and not name.startswith("pooler.")
    if settings.scope == Scope.LAYERS:
        layers = _layers_of(module, settings.model)
        if settings.layers > len(layers):
            raise SettingError(
                f"The last {settings.layers} layers cannot be tuned: {settings.model} has {len(layers)}.",
                hint="Give fewer layers, or scope='full'.",
            )
        for layer in list(layers)[-settings.layers :]:
            for value in layer.parameters():
                value.requires_grad = True
    if settings.scope == Scope.LORA:
        from peft import LoraConfig, get_peft_model  # noqa: PLC0415 - an extra

        wanted = LoraConfig(
            r=settings.rank,
            lora_alpha=_ALPHA * settings.rank,
            lora_dropout=0.0,
            target_modules=_projections(module, settings.model),
        )
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # of names within transformers
            return get_peft_model(module, wanted)
    return module


def _layers_of(module: Any, model: str) -> Any:
    for path in _LAYERS:
        try:
            return module.get_submodule(path)
        except AttributeError:
            continue
    raise InputError(f"Nobody knows where {model} has its layers.", hint="Tune it with scope='full' or scope='lora'.")


def _projections(module: Any, model: str) -> list[str]:
    """Names of the attention's matrices for queries and values, by architecture."""
    last = {name.rpartition(".")[2] for name, _ in module.named_modules()}
    for names in (("query", "value"), ("q_proj", "v_proj"), ("q_lin", "v_lin"), ("c_attn",), ("q", "v"), ("Wqkv",)):
        if last >= set(names):
            return list(names)
    raise InputError(f"Nobody knows the attention of {model}.", hint="Tune it with scope='full' or scope='layers'.")


def _set_dropout(config: Any, dropout: float) -> None:
    for name in ("hidden_dropout_prob", "attention_probs_dropout_prob", "dropout", "attention_dropout"):
        if isinstance(getattr(config, name, None), float):
            setattr(config, name, dropout)
    for name in ("resid_pdrop", "embd_pdrop", "attn_pdrop"):
        if hasattr(config, name):
            setattr(config, name, dropout)
