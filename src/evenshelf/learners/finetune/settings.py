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


class Watch(StrEnum):
    """What tells how good a model is while it is tuned."""

    MACRO = "macro_f1"
    TAIL = "tail_f1"


_LATER = ("contrast", "temperature", "balance", "defer", "average", "soup", "beside", "watch")


@dataclass(frozen=True, repr=False)
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
    contrast
        Share of the supervised contrastive loss in what is minimised, from 0 (the loss of the scores alone) to 1 (the
        contrastive loss alone, as SetFit; the head is then the mean vector of each class). Above 0, rows are drawn two
        of a class at a time.
    temperature
        What cosines are divided by in the contrastive loss, > 0.
    balance
        Power by which classes are evened out when rows are drawn, from 0 (as often as they have rows) to 1 (all as
        often).
    defer
        Share of the epochs, from 0 to below 1, in which rows are learned from as they are; a remedy's rows, weights
        and loss, and :attr:`balance`, act in the others.
    average
        Share of the steps, from 0 to below 1, over the last of which the weights are averaged.
    soup
        Share of the pretrained weights in those of the tuned model, from 0 to below 1.
    beside
        Whether linear heads see the frozen vectors beside the tuned ones (``finetune_heads``): those of the encoder of
        the study, which may read characters.
    watch
        What is watched on rows held out: ``macro_f1``, or ``tail_f1``, over the least frequent classes that hold a
        tenth of the rows.

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
    contrast: float = 0.0
    temperature: float = 0.1
    balance: float = 0.0
    defer: float = 0.0
    average: float = 0.0
    soup: float = 0.0
    beside: bool = False
    watch: str = Watch.MACRO.value

    def __repr__(self) -> str:
        """As it was written before the later settings were, while these are at their usual values.

        What is kept is found by it again.
        """
        told = {k: v for k, v in vars(self).items() if k not in _LATER or v != self.usual()[k]}
        return f"FineTuning({', '.join(f'{name}={value!r}' for name, value in told.items())})"

    def __post_init__(self) -> None:
        faults = [fault for fault, bad in self._ranges().items() if bad]
        if faults:
            usual = ", ".join(f"{name}={value!r}" for name, value in self.usual().items())
            raise SettingError(
                f"A model cannot be tuned so: {'; '.join(faults)}.", hint=f"Usual settings are: {usual}."
            )

    def _ranges(self) -> dict[str, bool]:
        scopes = [scope.value for scope in Scope]
        watches = [watch.value for watch in Watch]
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
            f"contrast={self.contrast:g} is not from 0 to 1": not 0 <= self.contrast <= 1,
            f"contrast={self.contrast:g} compares the rows of a whole step, and there are parts={self.parts}": (
                self.contrast > 0 and self.parts > 1
            ),
            f"temperature={self.temperature:g} is not above 0": not self.temperature > 0,
            f"balance={self.balance:g} is not from 0 to 1": not 0 <= self.balance <= 1,
            f"defer={self.defer:g} is not from 0 to below 1": not 0 <= self.defer < 1,
            f"average={self.average:g} is not from 0 to below 1": not 0 <= self.average < 1,
            f"soup={self.soup:g} is not from 0 to below 1": not 0 <= self.soup < 1,
            f"watch={self.watch!r} is none of {', '.join(watches)}": self.watch not in watches,
        }

    @classmethod
    def usual(cls) -> dict[str, Any]:
        """Usual values by name."""
        return usual_of(cls)

    @property
    def spec(self) -> str:
        """Values that are not the usual ones, as they are typed: ``rate=5e-05, epochs=3``."""
        return spec_of(self)
