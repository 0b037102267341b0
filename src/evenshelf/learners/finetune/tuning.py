"""The loop that tunes a language model to groups of texts: AdamW, a rate that rises and falls, and checkpoints."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file

from evenshelf.learners.finetune.network import NOTHING, Network
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
_POOL = 50
"""So many steps draw their rows together and share them out by length."""
_WEIGHTS, _STATE = "head.weight", "head.bias"


@dataclass(frozen=True, eq=False)
class Lessons:
    """What is learned from: points between the vectors of two texts, each with a group.

    Attributes
    ----------
    rows
        ``[n, length]`` tokens of texts.
    first, second, step
        ``[m]`` a point is ``(1 - step) v[first] + step v[second]`` of the tuned vectors: of Mixup or SMOTE, inside the
        network. Plain texts have step 0.
    target, weight
        ``[m]`` group and weight.
    """

    rows: Floats
    first: Codes
    second: Codes
    step: Floats
    target: Codes
    weight: Floats

    @classmethod
    def plain(cls, rows: Floats, target: Codes, weight: Floats | None = None) -> Lessons:
        """Texts as they are."""
        index = np.arange(len(rows))
        ones = np.ones(len(rows), np.float32)
        return cls(rows, index, index, np.zeros(len(rows), np.float32), target, ones if weight is None else weight)

    def __len__(self) -> int:
        return len(self.target)


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
    names: Floats | None = None,
    seed: int = 0,
    judge: Callable[[Floats], float] | None = None,
    held: Floats | None = None,
    place: Path | None = None,
    tell: Tell | None = None,
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
    names
        ``[groups, length]`` tokens of what groups are called: the head starts there and not at zero.
    seed
        Of the order and of dropout.
    judge, held
        ``[h, length]`` tokens of texts held out, and what their ``[h, groups]`` scores are worth, more being better:
        the state that was best is given back, and it ends after :attr:`FineTuning.patience` epochs without a better.
    place
        Folder in which a run that is interrupted goes on at its last epoch; removed when done.
    tell
        Is told how far it is.

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
        optimiser = torch.optim.AdamW(
            [
                {"params": list(body.values()), "share": settings.rate},
                {"params": list(head.values()), "share": settings.head_rate},
            ],
            weight_decay=settings.decay,
        )
        every = {**body, **head}
        run = _Run(every, optimiser, place)
        run.resumed()
        steps = -(-len(lessons) // settings.batch)
        total = steps * settings.epochs
        while len(run.losses) < settings.epochs and not run.waited_too_long(settings.patience if judge else 0):
            epoch = len(run.losses)
            torch.manual_seed(seed * 1_000_003 + epoch)  # a run that goes on has the same dropout
            network.module.train()
            seen, weighed = 0.0, 0.0
            for number, index in enumerate(_batches(lessons, settings.batch, np.random.default_rng([seed, epoch]))):
                for group in optimiser.param_groups:
                    group["lr"] = group["share"] * rate_share(
                        epoch * steps + number, total, round(settings.warm * total)
                    )
                optimiser.zero_grad()
                value, weight = _slopes(network, head, lessons, index, loss=loss or CrossEntropy(), settings=settings)
                torch.nn.utils.clip_grad_norm_(list(every.values()), LONGEST_SLOPE)
                optimiser.step()
                seen, weighed = seen + value, weighed + weight
                if tell is not None:
                    tell(epoch * steps + number + 1, total)
            score = None
            if judge is not None and held is not None:
                scored = network.encode(held) @ head[_WEIGHTS].detach().numpy() * settings.scale
                score = judge(scored + head[_STATE].detach().numpy())
            run.finished(seen / max(weighed, 1e-12), score)
        run.take_best()
        network.module.eval()
        found = settings.scale * head[_WEIGHTS].detach().numpy()
        run.forget()
        bias = head[_STATE].detach().numpy().copy()
        spent = time.process_time() - began
        return Tuned(network, found, bias, tuple(run.losses), tuple(run.scores), spent)


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
        mixed = step != 0
        vectors = network.vectors(lessons.rows[first])
        if mixed.any():
            others = network.vectors(lessons.rows[second[mixed]])
            share = torch.from_numpy(step[mixed])[:, None]
            at = torch.from_numpy(np.flatnonzero(mixed))
            vectors = vectors.index_copy(0, at, (1 - share) * vectors[at] + share * others)
        scores = settings.scale * vectors @ head[_WEIGHTS] + head[_STATE]
        total = loss_sum(scores, lessons.target[part], lessons.weight[part], loss)
        (total / whole).backward()
        value += float(total.detach())
    return value, whole


def _batches(lessons: Lessons, batch: int, rng: np.random.Generator) -> Iterator[Codes]:
    """Rows of each step of an epoch; those of like length together, so that little is padded."""
    sizes = (lessons.rows != NOTHING).sum(axis=1)
    longer = np.maximum(sizes[lessons.first], sizes[lessons.second])
    order = rng.permutation(len(lessons))
    pools = [order[start : start + _POOL * batch] for start in range(0, len(order), _POOL * batch)]
    order = np.concatenate([pool[np.argsort(longer[pool], kind="stable")] for pool in pools])
    for start in rng.permutation(np.arange(0, len(order), batch)):
        yield order[start : start + batch]


class _Run:
    """State of a run, kept after each epoch."""

    def __init__(self, values: Mapping[str, Any], optimiser: Any, place: Path | None) -> None:
        self._values, self._optimiser, self._place = values, optimiser, place
        self._best: dict[str, Any] | None = None
        self.losses: list[float] = []
        self.scores: list[float] = []

    def waited_too_long(self, patience: int) -> bool:
        if not patience or not self.scores:
            return False
        return len(self.scores) - 1 - int(np.argmax(self.scores)) >= patience

    def finished(self, loss: float, score: float | None) -> None:
        """End an epoch."""
        self.losses.append(loss)
        if score is not None:
            self.scores.append(score)
            if score >= max(self.scores) and self.scores.index(score) == len(self.scores) - 1:
                self._best = {name: value.detach().clone() for name, value in self._values.items()}
        if self._place is not None:
            self._keep(self._place)

    def take_best(self) -> None:
        """Go back to the state that was best on rows held out, where there were any."""
        if self._best is not None:
            self._set(self._best)

    def resumed(self) -> int:
        """Go on where an earlier run stopped; returns how many epochs were done."""
        file = None if self._place is None else self._place / "epoch.json"
        if self._place is None or file is None or not file.is_file():
            return 0
        import torch  # noqa: PLC0415 - slow to import, and optional

        facts = json.loads(file.read_text(encoding="utf-8"))
        stored = {k: torch.from_numpy(v) for k, v in load_file(self._place / facts["file"]).items()}
        self.losses, self.scores = facts["losses"], facts["scores"]
        self._set({name: stored[f"now/{name}"] for name in self._values})
        if any(name.startswith("best/") for name in stored):
            self._best = {name: stored[f"best/{name}"] for name in self._values}
        moved = [name for name in self._values if f"exp_avg/{name}" in stored]
        for name in moved:
            value = self._values[name]
            moments = {part: stored[f"{part}/{name}"].clone() for part in ("exp_avg", "exp_avg_sq")}
            self._optimiser.state[value] = {"step": torch.tensor(float(facts["steps"])), **moments}
        return len(self.losses)

    def forget(self) -> None:
        """Remove what was kept."""
        if self._place is not None and self._place.is_dir():
            for file in self._place.iterdir():
                file.unlink()
            self._place.rmdir()

    def _keep(self, place: Path) -> None:
        place.mkdir(parents=True, exist_ok=True)
        states = self._optimiser.state
        moved = {name: value for name, value in self._values.items() if value in states}
        arrays = {f"now/{name}": value.detach().numpy() for name, value in self._values.items()}
        for part in ("exp_avg", "exp_avg_sq"):
            arrays |= {f"{part}/{name}": states[value][part].numpy() for name, value in moved.items()}
        if self._best is not None:
            arrays |= {f"best/{name}": value.numpy() for name, value in self._best.items()}
        name = f"epoch{len(self.losses)}.safetensors"
        save_file({key: np.ascontiguousarray(value) for key, value in arrays.items()}, place / name)
        steps = max((float(states[value]["step"]) for value in moved.values()), default=0.0)
        facts = {"file": name, "losses": self.losses, "scores": self.scores, "steps": steps}
        partial = place / "epoch.json.partial"
        partial.write_text(json.dumps(facts), encoding="utf-8")
        partial.replace(place / "epoch.json")  # counts from here on
        for other in place.glob("epoch*.safetensors"):
            if other.name != name:
                other.unlink()

    def _set(self, values: Mapping[str, Any]) -> None:
        import torch  # noqa: PLC0415 - slow to import, and optional

        with torch.no_grad():
            for name, value in values.items():
                self._values[name].copy_(value)
