"""A tuned model as a checkpoint that is served without torch."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.encoders.checkpoint import Checkpoint
from evenshelf.encoders.weights import BertConfig
from evenshelf.errors import SettingError
from evenshelf.learners.finetune.network import config_of, folder_of, tokenizer_of
from evenshelf.learners.finetune.settings import FineTuning
from evenshelf.learners.finetune.tuning import Tuned

Floats = NDArray[np.float32]

_FIXED = {"model_type": "bert", "hidden_act": "gelu", "position_embedding_type": "absolute"}
"""What the graph that serves a BERT takes for granted."""


def checkpoint_of(tuned: Tuned, settings: FineTuning) -> Checkpoint:
    """The tuned model with its tokenizer; matrices of low rank are added to what they stand beside.

    Raises
    ------
    SettingError
        If it is of another architecture than what is served without torch.
    """
    module = tuned.network.module
    if hasattr(module, "merge_and_unload"):  # of peft, which would change the module that is still in use
        module = copy.deepcopy(module).merge_and_unload()
    config = module.config
    _check(config, settings)
    weights = {
        name: np.ascontiguousarray(value.detach().float().numpy())
        for name, value in module.state_dict().items()
        if value.dtype.is_floating_point and not name.startswith("pooler.")
    }
    numbers = BertConfig(**{name: getattr(config, name) for name in BertConfig.__dataclass_fields__})
    return Checkpoint(numbers, weights, _tokenizer(settings), min(settings.length, numbers.max_position_embeddings))


def check_served(settings: FineTuning) -> None:
    """Raise before a model is tuned that could not be served.

    Raises
    ------
    MissingExtraError, InputError
        If the model cannot be looked at.
    SettingError
        See :func:`checkpoint_of`.
    """
    _check(config_of(settings.model), settings)


def _check(config: Any, settings: FineTuning) -> None:
    wrong = [f"{k} is {found!r}" for k, v in _FIXED.items() if (found := getattr(config, k, v)) != v]
    if wrong:
        raise SettingError(
            f"A bundle serves a BERT, and {settings.model} is another model ({'; '.join(wrong)}).",
            hint="Tune a BERT, such as model='minilm', or serve heads on a frozen model.",
        )


def _tokenizer(settings: FineTuning) -> str:
    file = Path(folder_of(settings.model)) / "tokenizer.json"
    if file.is_file():
        return file.read_text(encoding="utf-8")
    found: Any = tokenizer_of(settings.model)
    written: str = found.backend_tokenizer.to_str()
    return written
