"""The loop that tunes the upper layers of a checkpoint: AdamW with a warm-up, a step at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from evenshelf.errors import MissingExtraError, SettingError
from evenshelf.learners.torch_training import rate_share

Floats = NDArray[np.float32]
S = TypeVar("S")
"""What a step looks at."""
Tell = Callable[[int, int], None]
"""Is told how many steps are done, and of how many."""

WARM = 0.1
"""Share of the steps in which the rate rises; it falls in the others."""
DECAY = 0.01
LARGEST = 1.0
"""A longer gradient is cut to this length."""


@dataclass(frozen=True)
class Descent:
    """How a model is tuned.

    Attributes
    ----------
    epochs
        Passes over what is learned from, at least 1.
    rate
        The largest step size of AdamW, > 0.
    seed
        Of what is looked at together.
    faster
        By how much the rate of a tensor is larger, by name; 1 where none is named.
    """

    epochs: int
    rate: float
    seed: int
    faster: Mapping[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.epochs < 1 or not self.rate > 0:
            raise SettingError(
                f"A model cannot be tuned in {self.epochs} epochs at a rate of {self.rate}.",
                hint="Give at least one epoch and a rate above 0, such as 3e-5.",
            )


def check_torch(feature: str) -> None:
    """Raise a :class:`MissingExtraError` if torch is not installed."""
    if find_spec("torch") is None:
        raise MissingExtraError("torch", "train", feature)


def check_keep(keep: float) -> None:
    """Raise a :class:`SettingError` unless a share of the weights as they were is one."""
    if not 0 <= keep <= 1:
        raise SettingError(f"A share of {keep} of the weights cannot be kept.", hint="Give a number from 0 to 1.")


def descend(
    weights: Mapping[str, Any],
    loss: Callable[[S, np.random.Generator], Any],
    epoch: Callable[[np.random.Generator], Sequence[S]],
    *,
    descent: Descent,
    tell: Tell | None,
) -> list[float]:
    """Change tensors in place; call it under :func:`evenshelf.learners.torch_training.seeded`.

    Parameters
    ----------
    weights
        Tensors by name, with slopes.
    loss
        Of a step: a tensor of one number.
    epoch
        Draws what the steps of an epoch look at.
    descent
        How fast.
    tell
        Is told how far it is.

    Returns
    -------
    list of float
        The mean loss of the steps of each epoch.
    """
    import torch  # noqa: PLC0415 - slow to import, and optional

    rng = np.random.default_rng(descent.seed)
    groups = [{"params": [tensor], "faster": descent.faster.get(name, 1.0)} for name, tensor in weights.items()]
    optimiser = torch.optim.AdamW(groups, lr=descent.rate, weight_decay=DECAY)
    epochs = [epoch(rng) for _ in range(descent.epochs)]
    total, done, losses = sum(map(len, epochs)), 0, []
    for steps in epochs:
        seen = []
        for step in steps:
            for group in optimiser.param_groups:
                group["lr"] = descent.rate * group["faster"] * rate_share(done, total, max(1, round(WARM * total)))
            optimiser.zero_grad()
            value = loss(step, rng)
            value.backward()
            torch.nn.utils.clip_grad_norm_(weights.values(), LARGEST)
            optimiser.step()
            seen.append(float(value.detach()))
            done += 1
            if tell is not None:
                tell(done, total)
        losses.append(float(np.mean(seen)))
    return losses


def blended(start: Mapping[str, Floats], tuned: Mapping[str, Any], keep: float) -> dict[str, Floats]:
    """Weights between those before and after tuning: `keep`, 0 to 1, of the former (WiSE-FT)."""
    return {
        name: np.asarray(keep * start[name] + (1.0 - keep) * tensor.detach().numpy(), np.float32)
        for name, tensor in tuned.items()
    }
