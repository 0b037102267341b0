"""The loop that tunes the upper layers of a checkpoint: AdamW with a warm-up, on visits of queries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.errors import MissingExtraError, SettingError
from evenshelf.learners.search.tuned.pairs import TrainingPairs
from evenshelf.learners.search.tuned.visits import Sizes, Visit, steps_of, visits_of
from evenshelf.learners.torch_training import rate_share
from evenshelf.remedies import Prior, Remedy
from evenshelf.remedies.negatives import Negatives

Floats = NDArray[np.float32]
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
        Passes over the queries, at least 1.
    rate
        The largest step size of AdamW, > 0.
    seed
        Of which answers and rivals are looked at together.
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


def descend(
    weights: Mapping[str, Any],
    loss: Callable[[list[Visit], np.random.Generator], Any],
    pairs: TrainingPairs,
    *,
    sizes: Sizes,
    descent: Descent,
    tell: Tell | None,
) -> list[float]:
    """Change tensors in place; call it under :func:`evenshelf.learners.torch_training.seeded`.

    Parameters
    ----------
    weights
        Tensors by name, with slopes.
    loss
        Of a step's visits: a tensor of one number, the mean over their answers.
    pairs, sizes
        What is visited.
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
    epochs = [list(steps_of(visits_of(pairs, sizes, rng), sizes)) for _ in range(descent.epochs)]
    total, done, losses = sum(map(len, epochs)), 0, []
    for steps in epochs:
        seen = []
        for visits in steps:
            for group in optimiser.param_groups:
                group["lr"] = descent.rate * group["faster"] * rate_share(done, total, max(1, round(WARM * total)))
            optimiser.zero_grad()
            value = loss(list(visits), rng)
            value.backward()
            torch.nn.utils.clip_grad_norm_(weights.values(), LARGEST)
            optimiser.step()
            seen.append(float(value.detach()))
            done += 1
            if tell is not None:
                tell(done, total)
        losses.append(float(np.mean(seen)))
    return losses


def competitors_of(remedy: Remedy, prior: Prior, pairs: TrainingPairs, draws: int) -> Negatives | None:
    """What a remedy lets answers compete with, in so few draws that each can be read; None if it says nothing.

    With its own number of draws or fewer, the offsets are lessened by as much as there are fewer: the sum over the draw
    estimates what it did.

    Raises
    ------
    SettingError
        If the prior is not of the items.
    """
    found = remedy.competitors(prior)
    if found is None:
        return None
    if len(found.share) != len(pairs.items):
        raise SettingError(
            f"The prior has {len(found.share)} groups, and there are {len(pairs.items)} items.",
            hint="Groups of a search model are the items of its pairs.",
        )
    count = min(draws, found.count)
    fewer = np.float32(np.log(found.count / count)) if found.offset.any() else np.float32(0)
    return Negatives(count, found.share, found.offset - fewer)


def blended(start: Mapping[str, Floats], tuned: Mapping[str, Any], keep: float) -> dict[str, Floats]:
    """Weights between those before and after tuning: `keep`, 0 to 1, of the former (WiSE-FT)."""
    return {
        name: np.asarray(keep * start[name] + (1.0 - keep) * tensor.detach().numpy(), np.float32)
        for name, tensor in tuned.items()
    }
