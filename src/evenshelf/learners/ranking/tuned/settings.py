"""How an encoder is tuned to what is taken together: one value that holds all of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from evenshelf.errors import SettingError
from evenshelf.learners.bracketed import spec_of, usual_of

MINILM = "minilm"
"""Model that comes with the library."""


@dataclass(frozen=True)
class Contrast:
    """How an encoder is tuned to what is taken together.

    Parameters
    ----------
    model
        ``minilm``, or the folder of a BERT with mean pooling.
    layers
        How many are tuned, from the end; at least 1. What lies below stays, and is computed once.
    rate
        Largest step size of AdamW, above 0.
    epochs
        Passes, at least 1: in each as many texts are drawn as were taken beside another one.
    batch
        Texts that a step draws, each with its partners; at least 2.
    partners
        Texts taken near each of these that a step draws with it, at least 1.
    temperature
        Cosines are divided by it, above 0.
    power
        A text is drawn, and counts, by how often it was taken to this power, from 0 (all alike) to 1.
    debias
        Share of the correction for frequent texts that come into a step as rivals more often (logQ), from 0 to 1.
    keep
        Share of the weights as they were that is mixed back in, from 0 to 1.

    Raises
    ------
    SettingError
        Tells all values that are out of range.
    """

    model: str = MINILM
    layers: int = 1
    rate: float = 1e-3
    epochs: int = 3
    batch: int = 64
    partners: int = 3
    temperature: float = 0.05
    power: float = 0.5
    debias: float = 1.0
    keep: float = 0.0

    def __post_init__(self) -> None:
        if faults := [fault for fault, bad in self._ranges().items() if bad]:
            usual = ", ".join(f"{name}={value!r}" for name, value in self.usual().items())
            raise SettingError(
                f"An encoder cannot be tuned so: {'; '.join(faults)}.", hint=f"Usual settings are: {usual}."
            )

    def _ranges(self) -> dict[str, bool]:
        return {
            "model is empty": not self.model,
            f"layers={self.layers} is below 1": self.layers < 1,
            f"rate={self.rate:g} is not above 0": not self.rate > 0,
            f"epochs={self.epochs} is below 1": self.epochs < 1,
            f"batch={self.batch} is below 2": self.batch < 2,
            f"partners={self.partners} is below 1": self.partners < 1,
            f"temperature={self.temperature:g} is not above 0": not self.temperature > 0,
            f"power={self.power:g} is not from 0 to 1": not 0 <= self.power <= 1,
            f"debias={self.debias:g} is not from 0 to 1": not 0 <= self.debias <= 1,
            f"keep={self.keep:g} is not from 0 to 1": not 0 <= self.keep <= 1,
        }

    @classmethod
    def usual(cls) -> dict[str, Any]:
        """Usual values by name."""
        return usual_of(cls)

    @property
    def spec(self) -> str:
        """Values that are not the usual ones, as they are typed: ``rate=5e-05, epochs=2``."""
        return spec_of(self)
