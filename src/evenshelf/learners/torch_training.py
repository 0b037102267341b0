"""The loop that trains modules of torch: Adam, and the state that was best on rows held out."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.learners.torch_slopes import loss_sum
from evenshelf.remedies import Loss

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Loop:
    """How a module is trained.

    Attributes
    ----------
    rounds
        At most so many. A round is an epoch, or :attr:`steps` steps where an epoch has fewer.
    patience
        Rounds without a better loss on the rows held out after which it ends.
    steps
        At least so many a round.
    batch
        Rows a step.
    rate
        Step size of Adam.
    cap
        At most so many rows a round, drawn anew each time.
    """

    rounds: int = 60
    patience: int = 6
    steps: int = 25
    batch: int = 128
    rate: float = 1e-3
    cap: int = 50_000


@dataclass(frozen=True, eq=False)
class Examples:
    """Rows to train on, or to stop by.

    Attributes
    ----------
    inputs
        ``[n, ...]`` as the module takes them in a tensor.
    target
        ``[n]`` group codes.
    weight
        ``[n]``, or ``None`` for 1.
    """

    inputs: NDArray[Any]
    target: Codes
    weight: Floats | None = None

    def weights(self) -> Floats:
        """``[n]``."""
        return np.ones(len(self.target), np.float32) if self.weight is None else self.weight


@contextmanager
def seeded(seed: int) -> Iterator[Any]:
    """Torch on one thread with random numbers of its own, so that equal seeds give equal bits; gives the module."""
    import torch  # noqa: PLC0415 - slow to import, and optional

    threads = torch.get_num_threads()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.set_num_threads(1)
        try:
            yield torch
        finally:
            torch.set_num_threads(threads)


def train(
    module: Any, given: Examples, stop: Examples | None, *, losses: tuple[Loss, ...], loop: Loop, seed: int
) -> None:
    """Train a module in place; call it under :func:`seeded`.

    Parameters
    ----------
    module
        Gives ``[b, G]`` scores for a tensor of ``b`` inputs.
    given, stop
        Rows to train on, and those held out; without the latter all rounds are done.
    losses
        To be minimised one after another, the last one counts. Their own slopes are used.
    """
    import torch  # noqa: PLC0415

    optimiser = torch.optim.Adam(module.parameters(), lr=loop.rate)
    rng = np.random.default_rng(seed)
    for loss in losses:
        best, kept, waited = np.inf, None, 0
        for _ in range(loop.rounds):
            module.train()
            for index in _batches(len(given.target), loop, rng):
                optimiser.zero_grad()
                scores = module(torch.from_numpy(given.inputs[index]))
                weight = given.weights()[index]
                total = loss_sum(scores, given.target[index], weight, loss)
                (total / max(float(weight.sum()), 1e-12)).backward()
                optimiser.step()
            if stop is None:
                continue
            found = loss.value_and_gradient(predicted(module, stop.inputs), stop.target, stop.weights())[0]
            if kept is None or found < best - 1e-6 * abs(best):
                best, kept, waited = found, copy.deepcopy(module.state_dict()), 0
                continue
            waited += 1
            if waited >= loop.patience:
                break
        if kept is not None:
            module.load_state_dict(kept)
    module.eval()


def rate_share(done: int, total: int, rising: int) -> float:
    """Share of the largest rate at a step: linearly up over the first `rising` steps, then linearly down to nothing."""
    return (done + 1) / rising if done < rising else (total - done) / max(1, total - rising)


def predicted(module: Any, inputs: NDArray[Any], batch: int = 1024) -> Floats:
    """``[n, G]`` scores, on one thread."""
    import torch  # noqa: PLC0415

    module.eval()
    with torch.no_grad():
        parts = [
            module(torch.from_numpy(np.array(inputs[start : start + batch]))).numpy()
            for start in range(0, len(inputs), batch)
        ]
    return np.concatenate(parts).astype(np.float32)


def scoring(module: Any, prepare: Callable[[Floats], NDArray[Any]], width: int) -> Callable[[Floats], Floats]:
    """What gives scores for new rows: ``[m, width]``, also for none."""

    def scores(new: Floats) -> Floats:
        if not len(new):
            return np.empty((0, width), np.float32)
        with seeded(0):
            return predicted(module, prepare(new))

    return scores


def _batches(rows: int, loop: Loop, rng: np.random.Generator) -> Iterator[NDArray[np.int64]]:
    """Rows of each step of a round, all rows drawn equally often."""
    wanted = max(min(rows, loop.cap), min(loop.steps * loop.batch, loop.steps * rows))
    order = np.concatenate([rng.permutation(rows) for _ in range(-(-wanted // rows))])[:wanted]
    size = min(loop.batch, rows)
    for start in range(0, wanted, size):
        if start and wanted - start == 1:
            break  # layers that normalise a batch cannot take one row
        yield order[start : start + size]
