"""Tuned models on disk, by all that decides them, so that one tuning serves all remedies that act after it."""

from __future__ import annotations

import os
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from evenshelf.encoders.folders import default_cache_dir
from evenshelf.encoders.sentence_transformers import weights_digest
from evenshelf.learners.finetune.lessons import Lessons
from evenshelf.learners.finetune.network import Network
from evenshelf.learners.finetune.settings import FineTuning
from evenshelf.learners.finetune.tuning import Tuned
from evenshelf.learners.torch_training import seeded
from evenshelf.shop.locking import locked

MOST = 4 * 2**30
"""Bytes that are kept; beyond these the models that were not used for longest go."""
_MODEL = "model.safetensors"
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
    place = (default_cache_dir() / "tunings") if folder is None else folder
    with seeded(seed):
        network = Network.opened(settings)
    own = place / _address(lessons, groups, settings, seed, network)
    own.mkdir(parents=True, exist_ok=True)
    file = own / _MODEL
    with locked(own):
        if file.is_file():
            os.utime(file)
            return _read(file, network), True
        found = tune(own / "run")
        _write(found, file)
        _tidy(place, but=file)
        return found, False


def _address(lessons: Lessons, groups: int, settings: FineTuning, seed: int, network: Network) -> str:
    digest = blake2b(digest_size=16)
    digest.update(repr((groups, settings, seed, weights_digest(network.module))).encode())
    for values in vars(lessons).values():
        digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()


def _write(tuned: Tuned, file: Path) -> None:
    arrays = {name: np.ascontiguousarray(value.detach().numpy()) for name, value in tuned.network.changed().items()}
    head = (tuned.weights, tuned.bias, *map(np.array, (tuned.losses, tuned.scores, [tuned.seconds])))
    arrays |= dict(zip(_HEAD, map(np.ascontiguousarray, head), strict=True))
    partial = file.with_suffix(f".{os.getpid()}.partial")
    save_file(arrays, partial)
    partial.replace(file)


def _read(file: Path, network: Network) -> Tuned:
    import torch  # noqa: PLC0415 - slow to import, and optional

    arrays = load_file(file)
    weights, bias, losses, scores, seconds = (arrays.pop(name) for name in _HEAD)
    network.load({name: torch.from_numpy(value) for name, value in arrays.items()})
    network.module.eval()
    return Tuned(network, weights, bias, tuple(losses.tolist()), tuple(scores.tolist()), float(seconds[0]))


def _tidy(place: Path, *, but: Path) -> None:
    files = sorted(place.glob(f"*/{_MODEL}"), key=lambda file: file.stat().st_mtime, reverse=True)
    total = 0
    for file in files:
        total += file.stat().st_size
        if total > MOST and file != but:
            file.unlink(missing_ok=True)
