"""The loop that tunes a language model to groups of texts: AdamW, a rate that rises and falls, and checkpoints."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.learners.finetune.averaging import mixed
from evenshelf.learners.finetune.checkpoints import Run
from evenshelf.learners.finetune.contrast import contrastive_loss
from evenshelf.learners.finetune.drawing import batches, steps_of
from evenshelf.learners.finetune.lessons import Lessons
from evenshelf.learners.finetune.network import Network
from evenshelf.learners.finetune.settings import FineTuning
from evenshelf.learners.torch_slopes import loss_sum
from evenshelf.learners.torch_training import rate_share, seeded
from evenshelf.remedies import Loss
from evenshelf.remedies.losses import CrossEntropy

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]
Tell = Callable[[int, int], None]
"""Is told how many steps are done, and of how many."""

LONGEST_SLOPE = 1.0
_WEIGHTS, _STATE = "head.weight", "head.bias"


@dataclass(frozen=True, eq=False)
class Tuned:
    """A tuned model with its head.

    Attributes
    ----------
    network
        The model.
    weights, bias
        ``[width, G]`` and ``[G]`` of the head, on unit vectors.
    losses
        Mean loss of each epoch.
    scores
        On rows held out after each epoch; empty where none were.
    seconds
        CPU time of the tuning, that of an earlier process not included.
    """

    network: Network
    weights: Floats
    bias: Floats
    losses: tuple[float, ...]
    scores: tuple[float, ...]
    seconds: float

    def encode(self, rows: Floats) -> Floats:
        """``[n, width]`` unit vectors."""
        with seeded(0):
            return self.network.encode(rows)

    def head(self, vectors: Floats) -> Floats:
        """``[n, G]`` scores of vectors."""
        return np.asarray(vectors @ self.weights + self.bias, np.float32)


def tune(
    lessons: Lessons,
    groups: int,
    settings: FineTuning,
    *,
    loss: Loss | None = None,
    before: Lessons | None = None,
    names: Floats | None = None,
    seed: int = 0,
    judge: Callable[[Floats], float] | None = None,
    held: Floats | None = None,
    place: Path | None = None,
    tell: Tell | None = None,
    judged: Callable[[int, float], None] | None = None,
) -> Tuned:
    """Tune a model.

    Parameters
    ----------
    lessons
        What is learned from.
    groups
        How many there are.
    settings
        How.
    loss
        To be minimised; cross entropy by default.
    before
        What is learned from by cross entropy in the share of the epochs that :attr:`FineTuning.defer` says; `lessons`
        by default.
    names
        ``[groups, length]`` tokens of what groups are called: the head starts there and not at zero.
    seed
        Of the order and of dropout.
    judge, held
        ``[h, length]`` tokens of texts held out, and what their ``[h, groups]`` scores are worth, more being better:
        it ends after :attr:`FineTuning.patience` epochs without a better, and the state that was best is given back.
        With a patience of 0 the scores are told and nothing else.
    place
        Folder in which a run that is interrupted goes on at its last epoch; removed when done.
    tell
        Is told how far it is.
    judged
        Is told the number of each epoch from 0, and its score.

    Raises
    ------
    MissingExtraError, InputError, SettingError
        See :meth:`Network.opened`.
    """
    began = time.process_time()
    with seeded(seed) as torch:
        network = Network.opened(settings)
        # what has no weights of its own in the pretrained model starts from the seed
        weights = torch.zeros(network.width, groups)
        if names is not None:
            weights = torch.from_numpy(network.encode(names).T.copy())
        head = {_WEIGHTS: weights.requires_grad_(), _STATE: torch.zeros(groups).requires_grad_()}
        body = network.changed()
        start = {name: value.detach().clone() for name, value in body.items()} if settings.soup else {}
        optimiser = torch.optim.AdamW(
            [
                {"params": list(body.values()), "share": settings.rate},
                {"params": list(head.values()), "share": settings.head_rate},
            ],
            weight_decay=settings.decay,
            fused=True,  # or a third of a step is spent on it
        )
        every = {**body, **head}
        run = Run(every, optimiser, place)
        run.resumed()
        course = _Course.of(lessons, before, loss, settings)
        while not course.ended(run, patience=settings.patience if judge else 0):
            epoch = len(run.losses)
            torch.manual_seed(seed * 1_000_003 + epoch)  # a run that goes on has the same dropout
            network.module.train()
            part, done = course.epochs[epoch], course.done(epoch)
            seen, weighed = 0.0, 0.0
            for number, index in enumerate(part.batches(settings, np.random.default_rng([seed, epoch])), start=done):
                for group in optimiser.param_groups:
                    group["lr"] = group["share"] * rate_share(number, course.total, round(settings.warm * course.total))
                optimiser.zero_grad()
                value, weight = _slopes(network, head, part.lessons, index, loss=part.loss, settings=settings)
                torch.nn.utils.clip_grad_norm_(list(every.values()), LONGEST_SLOPE)
                optimiser.step()
                if number >= course.averaged_from:
                    run.averages.add()
                seen, weighed = seen + value, weighed + weight
                if tell is not None:
                    tell(number + 1, course.total)
            if judge is not None and held is not None:
                with run.averages.shown():
                    _mean_head(network, head, lessons, settings)
                    scored = network.encode(held) @ head[_WEIGHTS].detach().numpy() * settings.scale
                    run.judged(judge(scored + head[_STATE].detach().numpy()), keeps=settings.patience > 0)
                if judged is not None:
                    judged(epoch, run.scores[-1])
            run.finished(seen / max(weighed, 1e-12))
        run.take_best()
        if settings.soup:
            mixed(body, start, settings.soup)
        _mean_head(network, head, lessons, settings)
        network.module.eval()
        found = settings.scale * head[_WEIGHTS].detach().numpy()
        run.forget()
        bias = head[_STATE].detach().numpy().copy()
        spent = time.process_time() - began
        return Tuned(network, found, bias, tuple(run.losses), tuple(run.scores), spent)


@dataclass(frozen=True, eq=False)
class _Epoch:
    """What an epoch learns from, and by which loss."""

    lessons: Lessons
    loss: Loss
    balance: float

    def batches(self, settings: FineTuning, rng: np.random.Generator) -> Iterator[Codes]:
        pairs = settings.contrast > 0
        return batches(self.lessons, settings.batch, rng, balance=self.balance, pairs=pairs)


@dataclass(frozen=True, eq=False)
class _Course:
    """All epochs, and how many steps each has."""

    epochs: tuple[_Epoch, ...]
    steps: tuple[int, ...]
    average: float

    @classmethod
    def of(cls, lessons: Lessons, before: Lessons | None, loss: Loss | None, settings: FineTuning) -> _Course:
        deferred = int(settings.defer * settings.epochs + 1e-9)  # so there is always one in which it acts
        first = _Epoch(lessons if before is None else before, CrossEntropy(), 0.0)
        later = _Epoch(lessons, loss or CrossEntropy(), settings.balance)
        epochs = (*(first,) * deferred, *(later,) * (settings.epochs - deferred))
        steps = [steps_of(len(one.lessons), settings.batch, pairs=settings.contrast > 0) for one in epochs]
        return cls(epochs, tuple(steps), settings.average)

    @property
    def total(self) -> int:
        return sum(self.steps)

    @property
    def averaged_from(self) -> int:
        """The step from which weights are averaged: the total, where none are."""
        return self.total - round(self.average * self.total)

    def done(self, epoch: int) -> int:
        return sum(self.steps[:epoch])

    def ended(self, run: Run, patience: int) -> bool:
        return len(run.losses) >= len(self.epochs) or run.waited_too_long(patience)


def _mean_head(network: Network, head: Mapping[str, Any], lessons: Lessons, settings: FineTuning) -> None:
    """Where no loss of scores acted, the head is the mean vector of each group's texts."""
    if settings.contrast < 1:
        return
    import torch  # noqa: PLC0415 - slow to import, and optional

    plain = lessons.step == 0
    vectors, target = network.encode(lessons.rows[lessons.first[plain]]), lessons.target[plain]
    sums = np.zeros((head[_STATE].shape[0], vectors.shape[1]), np.float32)
    np.add.at(sums, target, vectors)
    means = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-12)
    with torch.no_grad():
        head[_WEIGHTS].copy_(torch.from_numpy(means.T.copy()))


def _slopes(
    network: Network,
    head: Mapping[str, Any],
    lessons: Lessons,
    index: Codes,
    *,
    loss: Loss,
    settings: FineTuning,
) -> tuple[float, float]:
    """Add up the slopes of a step, part by part; returns the sum of the loss and of the weights."""
    import torch  # noqa: PLC0415 - slow to import, and optional

    whole = max(float(lessons.weight[index].sum()), 1e-12)
    value = 0.0
    for part in np.array_split(index, settings.parts):
        if not len(part):
            continue
        first, second, step = lessons.first[part], lessons.second[part], lessons.step[part]
        between = step != 0
        plain = vectors = network.vectors(lessons.rows[first])
        if between.any():
            others = network.vectors(lessons.rows[second[between]])
            share = torch.from_numpy(step[between])[:, None]
            at = torch.from_numpy(np.flatnonzero(between))
            vectors = vectors.index_copy(0, at, (1 - share) * vectors[at] + share * others)
        total = torch.zeros(())
        if settings.contrast < 1:
            scores = settings.scale * vectors @ head[_WEIGHTS] + head[_STATE]
            total = loss_sum(scores, lessons.target[part], lessons.weight[part], loss)
        if settings.contrast > 0:
            apart = whole * contrastive_loss(plain[~between], lessons.target[part[~between]], settings.temperature)
            total = (1 - settings.contrast) * total + settings.contrast * apart
        (total / whole).backward()
        value += float(total.detach())
    return value, whole
