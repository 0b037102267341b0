"""A conditional Wasserstein GAN of what rows of groups add to the mean of their group. Needs torch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.errors import MissingExtraError
from evenshelf.remedies.rows import Codes, Floats

BATCH = 128
HIDDEN = 128
EMBEDDED = 16
CRITIC_STEPS = 3
"""Steps of the critic for each of the generator."""
PASSES = 10
"""Most passes of the generator's batches over the rows: few rows are learned by heart in many."""
RATE = 2e-3
PENALTY = 10.0
"""Of the critic's gradient, as in the paper."""
UNKNOWN = 0.2
"""Part of a batch that is shown without its group, so that groups that are not learned can be made without one."""
SLOPE = 0.2
USUAL = 4.0
"""Rows that the usual spread of groups counts for, where that of a group is taken."""


class ConditionalGAN:
    """Makes rows of groups: the mean of a group and what a generator adds to it, given the mean and the group.

    The critic and the generator are those of Gulrajani et al. (NeurIPS 2017), with two hidden layers, both conditional
    (Mirza & Osindero, 2014) on a learned embedding of the group and on the mean of its *other* rows. The mean comes
    with the group when rows are made, so that what is learned of frequent groups is used for rare ones; one that knew
    the row itself would be a copy of it. The generator starts as Gaussian noise with the covariance that rows have
    within groups, as large as it is in the group, and learns what to add to that. All that is drawn comes from `rng`,
    none from torch.

    Parameters
    ----------
    rows
        ``[n, k]`` rows, no two of a group equal.
    group
        ``[n]``.
    groups
        Number of groups.
    steps
        Most steps of the generator, >= 0; :data:`PASSES` bounds them too.
    rng
        Source of all randomness.

    Raises
    ------
    MissingExtraError
        If torch is not installed.
    """

    def __init__(self, rows: Floats, group: Codes, groups: int, steps: int, rng: np.random.Generator) -> None:
        self.torch, self.rng = _torch(), rng
        counts = np.bincount(group, minlength=groups)
        sums = np.zeros((groups, rows.shape[1]))
        np.add.at(sums, group, rows.astype(np.float64))
        self.means = sums / np.maximum(counts, 1)[:, None]
        kept = counts[group] > 1
        self._group, n = group[kept], counts[group[kept], None]
        given = rows[kept].astype(np.float64)
        others = (sums[self._group] - given) / (n - 1)
        # the mean of the others is itself off by 1 / (n - 1) of the variance: this has the variance of the group
        added = (given - others) * np.sqrt((n - 1) / n)
        self._spread = np.sqrt((added**2).mean(axis=0))
        inverse = np.where(self._spread > 0, 1.0 / np.where(self._spread > 0, self._spread, 1.0), 0.0)
        added *= inverse
        self._size = _sizes((added**2).mean(axis=1), self._group, groups)
        self._added = (added / self._size[self._group, None]).astype(np.float32)
        self._others = (others * inverse).astype(np.float32)
        self._condition = (self.means * inverse).astype(np.float32)
        self._learned = counts > 1
        # groups are shown in proportion to the root of their size
        self._edges = np.cumsum(n[:, 0] ** -0.5) / (n[:, 0] ** -0.5).sum()
        self.steps = min(steps, -(-PASSES * len(given) // BATCH))
        with _one_thread(self.torch):
            self._build(groups)
            self._train()

    def __call__(self, group: Codes) -> Floats:
        """``[e, k]`` a row made for each of some groups."""
        torch = self.torch
        found = np.empty((len(group), self.means.shape[1]), np.float32)
        with _one_thread(torch), torch.no_grad():
            for low in range(0, len(group), 4096):
                here = group[low : low + 4096]
                known = self._learned[here].astype(np.float32)
                added = self._generate(self._noise(len(here)), torch.tensor(self._condition[here]), here, known)
                found[low : low + 4096] = self.means[here] + added.numpy() * self._size[here, None] * self._spread
        return found

    def _build(self, groups: int) -> None:
        width = self._added.shape[1]
        correlation = self._added.T.astype(np.float64) @ self._added / len(self._added)
        root = np.linalg.cholesky(correlation + 1e-3 * np.eye(width)).T
        self._skip = self._parameter(root)
        self._generator = self._layers(2 * width + EMBEDDED, width, last=0.05)
        self._critic = self._layers(2 * width + EMBEDDED, 1, last=1.0)
        self._embeddings = [self._parameter(0.1 * self.rng.standard_normal((groups, EMBEDDED))) for _ in "gc"]

    def _layers(self, width: int, out: int, last: float) -> list[Any]:
        """Weights and biases of two hidden layers and one that ends, `last` times as large as usual (He et al.)."""
        sizes = [(width, HIDDEN), (HIDDEN, HIDDEN), (HIDDEN, out)]
        found = []
        for (before, after), gain in zip(sizes, (1.0, 1.0, last), strict=True):
            found.append(self._parameter(gain * (2.0 / before) ** 0.5 * self.rng.standard_normal((before, after))))
            found.append(self._parameter(np.zeros(after)))
        return found

    def _parameter(self, value: NDArray[np.floating[Any]]) -> Any:
        return self.torch.tensor(value.astype(np.float32), requires_grad=True)

    def _train(self) -> None:
        torch = self.torch
        generator = torch.optim.Adam(
            [*self._generator, self._skip, self._embeddings[0]], RATE, betas=(0.0, 0.9), fused=True
        )
        critic = torch.optim.Adam([*self._critic, self._embeddings[1]], RATE, betas=(0.0, 0.9), fused=True)
        for _ in range(self.steps):
            for _ in range(CRITIC_STEPS):
                added, others, group, known = self._batch()
                with torch.no_grad():
                    made = self._generate(self._noise(len(group)), others, group, known)
                critic.zero_grad()
                judged = self._judge(
                    torch.cat([made, added]), torch.cat([others, others]), np.tile(group, 2), np.tile(known, 2)
                )
                gap = judged[:BATCH].mean() - judged[BATCH:].mean()
                (gap + PENALTY * self._steepness(added, made, others, group, known)).backward()
                critic.step()
            _, others, group, known = self._batch()
            generator.zero_grad()
            made = self._generate(self._noise(len(group)), others, group, known)
            (-self._judge(made, others, group, known).mean()).backward()
            generator.step()

    def _batch(self) -> tuple[Any, Any, Codes, Floats]:
        """What rows add to the mean of the others, that mean, their groups, and whether these are shown."""
        index = np.searchsorted(self._edges, self.rng.random(BATCH), side="right").clip(0, len(self._group) - 1)
        known = (self.rng.random(BATCH) >= UNKNOWN).astype(np.float32)
        tensors = (self.torch.tensor(part[index]) for part in (self._added, self._others))
        return (*tensors, self._group[index], known)

    def _noise(self, rows: int) -> Any:
        return self.torch.tensor(self.rng.standard_normal((rows, self.means.shape[1]), dtype=np.float32))

    def _generate(self, noise: Any, others: Any, group: Codes, known: Floats) -> Any:
        return noise @ self._skip + self._through(0, noise, others, group, known)

    def _judge(self, added: Any, others: Any, group: Codes, known: Floats) -> Any:
        return self._through(1, added, others, group, known)

    def _through(self, net: int, x: Any, others: Any, group: Codes, known: Floats) -> Any:
        torch, layers = self.torch, (self._generator, self._critic)[net]
        embedded = self._embeddings[net][torch.tensor(group)] * torch.tensor(known)[:, None]
        x = torch.cat([x, others, embedded], dim=1)
        for weight, bias in zip(layers[:-2:2], layers[1:-2:2], strict=True):
            x = torch.nn.functional.leaky_relu(x @ weight + bias, SLOPE)
        return x @ layers[-2] + layers[-1]

    def _steepness(self, added: Any, made: Any, others: Any, group: Codes, known: Floats) -> Any:
        """Mean squared distance from 1 of the critic's slope, at random points between rows and made ones."""
        torch = self.torch
        part = torch.tensor(self.rng.random((len(added), 1), dtype=np.float32))
        between = (part * added + (1.0 - part) * made).requires_grad_(True)
        judged = self._judge(between, others, group, known).sum()
        (slope,) = torch.autograd.grad(judged, between, create_graph=True)
        # at exactly no slope its length has no derivative
        return ((torch.sqrt((slope**2).sum(dim=1) + 1e-12) - 1.0) ** 2).mean()


def _sizes(squares: NDArray[np.float64], group: Codes, groups: int) -> NDArray[np.float64]:
    """``[G]`` root mean square of each group, those of few rows or none drawn to the usual one.

    Parameters
    ----------
    squares
        ``[n]`` mean square of each row.
    """
    rows = np.bincount(group, minlength=groups)
    mean = np.bincount(group, squares, groups) / np.maximum(rows, 1)
    usual = float(np.median(mean[rows > 0]))
    drawn = (rows * mean + USUAL * usual) / (rows + USUAL)
    return np.sqrt(np.where(drawn > 0, drawn, 1.0))


def _torch() -> Any:
    try:
        import torch  # noqa: PLC0415 - slow to import, and optional
    except ModuleNotFoundError:
        raise MissingExtraError("torch", "train", "the remedy gan") from None
    return torch


@contextmanager
def _one_thread(torch: Any) -> Iterator[None]:
    """The bits of a sum depend on how many threads make it."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)
