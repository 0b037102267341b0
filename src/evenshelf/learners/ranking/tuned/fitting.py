"""The contrastive tuning of an encoder of items, and what it makes of their texts, kept by content.

A text is to be nearer to one that was taken near it than to others of the step. Frequent texts come into steps more
often, so that as rivals they would be pushed away from everything: what they count is lessened by how often they come
(logQ). Rare items have few pairs; where their words stand in texts that have more, they are moved along.

References
----------
van den Oord, Li, Vinyals: Representation Learning with Contrastive Predictive Coding, 2018 (InfoNCE).
Yi et al.: Sampling-Bias-Corrected Neural Modeling for Large Corpus Item Recommendations, RecSys 2019 (logQ).
Mikolov et al.: Distributed Representations of Words and Phrases, NeurIPS 2013 (draws by a power of the count).
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import load_file, save_file
from threadpoolctl import threadpool_limits

from evenshelf.encoders.weights import checkpoint_folder, content_hash, minilm_folder, read_weights
from evenshelf.learners.model_store import stored
from evenshelf.learners.ranking.tuned.pairs import TakenTexts
from evenshelf.learners.ranking.tuned.settings import MINILM, Contrast
from evenshelf.learners.torch_training import seeded
from evenshelf.learners.towers.descent import Descent, Tell, blended, check_torch, descend
from evenshelf.learners.towers.encoder import TunedEncoder, vectors_of
from evenshelf.learners.towers.frozen import frozen_layers
from evenshelf.learners.towers.network import upper_weights

Codes = NDArray[np.int64]
Floats = NDArray[np.float32]

REVISION = 1
"""Raised whenever the same settings would give another model."""


def fit_taken(taken: TakenTexts, settings: Contrast, *, seed: int, tell: Tell | None = None) -> TunedEncoder:
    """Tune an encoder to what was taken together.

    Parameters
    ----------
    taken
        What is learned from.
    settings
        How.
    seed
        Source of all randomness.
    tell
        Is told how many steps are done, and of how many.

    Raises
    ------
    MissingExtraError
        If torch is not installed.
    SettingError
        If the model has fewer layers than are to be tuned.
    InputError
        If the checkpoint cannot be read.
    """
    check_torch("tuning an encoder")
    began = time.process_time()
    checkpoint, layers = folder_of(settings.model), settings.layers
    frozen = frozen_layers(checkpoint, layers)
    start = upper_weights(read_weights(checkpoint), frozen.config, layers)
    presence = taken.presence(settings.partners, settings.power)
    often = np.log(np.maximum(presence, 1e-12)) * settings.debias
    with seeded(seed) as torch, threadpool_limits(1):
        weights = {name: torch.from_numpy(values.copy()).requires_grad_() for name, values in start.items()}

        def loss(texts: Codes, rng: np.random.Generator) -> Any:
            del rng
            lesson = taken.lesson(texts, settings.power)
            vectors = vectors_of(weights, frozen, layers, [taken.texts[i] for i in texts.tolist()])
            lessened = torch.from_numpy((often[texts] - often[texts].mean()).astype(np.float32))
            scores = vectors @ vectors.T / settings.temperature - lessened
            rivals = torch.logsumexp(scores + torch.from_numpy(lesson.rival), dim=1, keepdim=True)
            counts = torch.from_numpy(lesson.counts)
            value = counts * (torch.logaddexp(rivals, scores) - scores)
            # where nothing that was drawn answers anything by more than chance, there is nothing to learn
            return value.sum() / counts.sum().clamp_min(1e-12)

        epoch = partial(taken.epoch, settings.batch, settings.partners, settings.power)
        losses = descend(weights, loss, epoch, descent=Descent(settings.epochs, settings.rate, seed), tell=tell)
        spent = time.process_time() - began
        return TunedEncoder(checkpoint, layers, blended(start, weights, settings.keep), tuple(losses), spent)


def folder_of(model: str) -> Path:
    """The folder of a model."""
    return minilm_folder() if model == MINILM else checkpoint_folder(model)


@dataclass(frozen=True, eq=False)
class TunedVectors:
    """What a tuned encoder makes of texts.

    Attributes
    ----------
    vectors
        ``[T, width]`` unit rows.
    losses
        Mean of each epoch.
    seconds
        CPU time of the tuning and of the vectors.
    """

    vectors: Floats
    losses: tuple[float, ...]
    seconds: float


def tuned_vectors(taken: TakenTexts, settings: Contrast, *, seed: int, folder: Path | None = None) -> Floats:
    """``[I, width]`` vectors of items by an encoder tuned to what was taken together; 0 of items without a text.

    They are kept by all that decides them, so that one tuning serves all remedies of a fold.

    Parameters
    ----------
    taken, settings, seed
        As for :func:`fit_taken`.
    folder
        Of all that are kept; below the cache of this person by default.
    """
    check_torch("tuning an encoder")

    def made(place: Path) -> TunedVectors:
        del place
        began = time.process_time()
        encoder = fit_taken(taken, settings, seed=seed)
        vectors = encoder.encode(taken.texts)
        return TunedVectors(vectors, encoder.losses, time.process_time() - began)

    found, _ = stored(_address(taken, settings, seed), make=made, write=_write, read=_read, folder=folder)
    vectors = found.vectors[np.maximum(taken.place, 0)]
    vectors[taken.place < 0] = 0.0
    return vectors


def _address(taken: TakenTexts, settings: Contrast, seed: int) -> str:
    digest = blake2b(digest_size=16)
    digest.update(repr(("taken", REVISION, settings, seed, content_hash(folder_of(settings.model)))).encode())
    digest.update("\0".join(taken.texts).encode())
    for values in (taken.near.data, taken.near.indices, taken.near.indptr, taken.count):
        digest.update(np.ascontiguousarray(values).data)
    return digest.hexdigest()


def _write(found: TunedVectors, file: Path) -> None:
    facts = {"losses": np.array(found.losses), "seconds": np.array([found.seconds])}
    save_file({"vectors": np.ascontiguousarray(found.vectors), **facts}, file)


def _read(file: Path) -> TunedVectors:
    arrays = load_file(file)
    return TunedVectors(arrays["vectors"], tuple(arrays["losses"].tolist()), float(arrays["seconds"][0]))
