"""Models tuned to labels on disk, so that one tuning serves all remedies that act after it."""

from __future__ import annotations

from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from evenshelf.encoders.sentence_transformers import weights_digest
from evenshelf.learners.finetune.lessons import Lessons
from evenshelf.learners.finetune.network import Network
from evenshelf.learners.finetune.settings import FineTuning
from evenshelf.learners.finetune.tuning import Tuned
from evenshelf.learners.model_store import stored
from evenshelf.learners.torch_training import seeded

REVISION = 2
"""Raised whenever the same settings give another model."""
_HEAD = ("head.weights", "head.bias", "head.losses", "head.scores", "head.seconds")


def kept(
    lessons: Lessons,
    groups: int,
    settings: FineTuning,
    *,
    seed: int,
    tune: Callable[[Path], Tuned],
    folder: Path | None = None,
) -> tuple[Tuned, bool]:
    """A tuned model: that on disk, or one that is tuned now, by one process while others that want it wait.

    Parameters
    ----------
    lessons, groups, settings, seed
        What decides it.
    tune
        Makes it, and may keep what it needs to go on after an interruption in the folder that it is given.
    folder
        Of all that are kept; below the cache of this person by default.

    Returns
    -------
    tuple
        The model, and whether it was there already.
    """
    with seeded(seed):
        network = Network.opened(settings)
    address = _address(lessons, groups, settings, seed, network)
    return stored(address, make=tune, write=_write, read=lambda file: _read(file, network), folder=folder)


def _address(lessons: Lessons, groups: int, settings: FineTuning, seed: int, network: Network) -> str:
    digest = blake2b(digest_size=16)
    digest.update(repr((REVISION, groups, settings, seed, weights_digest(network.module))).encode())
    for values in vars(lessons).values():
        digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()


def _write(tuned: Tuned, file: Path) -> None:
    arrays = {name: np.ascontiguousarray(value.detach().numpy()) for name, value in tuned.network.changed().items()}
    head = (tuned.weights, tuned.bias, *map(np.array, (tuned.losses, tuned.scores, [tuned.seconds])))
    arrays |= dict(zip(_HEAD, map(np.ascontiguousarray, head), strict=True))
    save_file(arrays, file)


def _read(file: Path, network: Network) -> Tuned:
    import torch  # noqa: PLC0415 - slow to import, and optional

    arrays = load_file(file)
    weights, bias, losses, scores, seconds = (arrays.pop(name) for name in _HEAD)
    network.load({name: torch.from_numpy(value) for name, value in arrays.items()})
    network.module.eval()
    return Tuned(network, weights, bias, tuple(losses.tolist()), tuple(scores.tolist()), float(seconds[0]))
