"""Averages of weights: over the last steps of a tuning, and with the pretrained ones.

References
----------
Izmailov et al.: Averaging Weights Leads to Wider Optima and Better Generalization, UAI 2018 (SWA).
Wortsman et al.: Robust Fine-Tuning of Zero-Shot Models, CVPR 2022 (weights between before and after).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any


class Averages:
    """Running means of parameters.

    Parameters
    ----------
    values
        Parameters by name, which go on to change.
    """

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values
        self.means: dict[str, Any] = {}
        self.steps = 0

    def add(self) -> None:
        """Count the parameters as they are."""
        self.steps += 1
        for name, value in self._values.items():
            if name not in self.means:
                self.means[name] = value.detach().clone()
            else:
                self.means[name].lerp_(value.detach(), 1.0 / self.steps)

    @contextmanager
    def shown(self) -> Iterator[None]:
        """Within it the parameters are their means, if any were counted."""
        now = {name: value.detach().clone() for name, value in self._values.items()} if self.steps else {}
        set_to(self._values, self.means)
        try:
            yield
        finally:
            set_to(self._values, now)


def set_to(values: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Set parameters by name."""
    import torch  # noqa: PLC0415 - slow to import, and optional

    with torch.no_grad():
        for name, value in wanted.items():
            values[name].copy_(value)


def mixed(values: Mapping[str, Any], start: Mapping[str, Any], share: float) -> None:
    """Move parameters towards what they were at the start by a share of the way."""
    import torch  # noqa: PLC0415 - slow to import, and optional

    with torch.no_grad():
        for name, value in values.items():
            value.lerp_(start[name], share)
