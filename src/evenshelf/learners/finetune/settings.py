"""How a language model is tuned: one value that holds all of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from evenshelf.errors import SettingError
from evenshelf.learners.bracketed import spec_of, usual_of

MINILM = "minilm"
"""Model that comes with the library."""


class Scope(StrEnum):
    """What of a model is changed."""

    FULL = "full"
    LAYERS = "layers"
    LORA = "lora"
    HEAD = "head"


@dataclass(frozen=True)
class FineTuning:
    """How a language model is tuned.

    Parameters
    ----------
    model
        ``minilm``, a folder, or a name on the Hugging Face hub: an encoder such as BERT, or a decoder such as GPT.
    scope
        What is changed: ``full``, the last ``layers``, matrices of low rank beside those of the attention (``lora``, Hu
        et al., ICLR 2022), or the ``head`` alone.
    layers
        How many, from the end, for ``scope='layers'``; at least 1.
    rank
        Of the matrices for ``scope='lora'``; at least 1.
    rate, head_rate
        Largest step sizes of AdamW, of the model and of the head on it; above 0.
    epochs
        Passes over the rows, at least 1.
    batch
        Rows a step, at least 2.
    parts
        In how many parts a step is computed, so that less memory is needed; at least 1. It changes no result but
        for rounding and dropout.
    length
        Tokens read of a text, 4 to 512.
    warm
        Share of the steps in which the rate rises, from 0 to below 1; it falls to nothing in the others.
    decay
        Weight decay of AdamW, >= 0.
    scale
        What unit vectors are multiplied with before the head, > 0.
    patience
        Epochs without a better score on rows held out after which it ends; 0 for none to be held out.
    dropout
        Of the model, from 0 to below 1.
    half
        Whether layers are computed in bfloat16: about twice as fast on cores that can do it.

    Raises
    ------
    SettingError
        Tells all values that are out of range.
    """

    model: str = MINILM
    scope: str = Scope.FULL.value
    layers: int = 2
    rank: int = 8
    rate: float = 1e-4
    head_rate: float = 1e-2
    epochs: int = 5
    batch: int = 32
    parts: int = 1
    length: int = 48
    warm: float = 0.1
    decay: float = 0.01
    scale: float = 20.0
    patience: int = 0
    dropout: float = 0.1
    half: bool = False

    def __post_init__(self) -> None:
        faults = [fault for fault, bad in self._ranges().items() if bad]
        if faults:
            usual = ", ".join(f"{name}={value!r}" for name, value in self.usual().items())
            raise SettingError(
                f"A model cannot be tuned so: {'; '.join(faults)}.", hint=f"Usual settings are: {usual}."
            )

    def _ranges(self) -> dict[str, bool]:
        scopes = [scope.value for scope in Scope]
        return {
            "model is empty": not self.model,
            f"scope={self.scope!r} is none of {', '.join(scopes)}": self.scope not in scopes,
            f"layers={self.layers} is below 1": self.layers < 1,
            f"rank={self.rank} is below 1": self.rank < 1,
            f"rate={self.rate:g} is not above 0": not self.rate > 0,
            f"head_rate={self.head_rate:g} is not above 0": not self.head_rate > 0,
            f"epochs={self.epochs} is below 1": self.epochs < 1,
            f"batch={self.batch} is below 2": self.batch < 2,
            f"parts={self.parts} is not from 1 to the batch": not 1 <= self.parts <= self.batch,
            f"length={self.length} is not from 4 to 512": not 4 <= self.length <= 512,
            f"warm={self.warm:g} is not from 0 to below 1": not 0 <= self.warm < 1,
            f"decay={self.decay:g} is below 0": self.decay < 0,
            f"scale={self.scale:g} is not above 0": not self.scale > 0,
            f"patience={self.patience} is below 0": self.patience < 0,
            f"dropout={self.dropout:g} is not from 0 to below 1": not 0 <= self.dropout < 1,
        }

    @classmethod
    def usual(cls) -> dict[str, Any]:
        """Usual values by name."""
        return usual_of(cls)

    @property
    def spec(self) -> str:
        """Values that are not the usual ones, as they are typed: ``rate=5e-05, epochs=3``."""
        return spec_of(self)
