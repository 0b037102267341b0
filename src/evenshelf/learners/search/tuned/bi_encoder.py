"""A bi-encoder tuned to a shop: vectors of queries come nearer to those of what answers them.

The upper layers of a small sentence encoder are tuned by a contrastive loss; the lower ones stay, so what they say of a
text is computed once for all epochs and fits. A shop judges tens of queries: a part of the weights as they were is
mixed back in, which keeps what the encoder knew of everything else.

References
----------
van den Oord, Li, Vinyals: Representation Learning with Contrastive Predictive Coding, 2018 (InfoNCE).
Karpukhin et al.: Dense Passage Retrieval, EMNLP 2020 (negatives of other queries, and hard ones).
Wortsman et al.: Robust Fine-Tuning of Zero-Shot Models, CVPR 2022 (weights between before and after).
Yi et al.: Sampling-Bias-Corrected Neural Modeling for Large Corpus Item Recommendations, RecSys 2019 (logQ).
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from evenshelf.encoders.weights import minilm_folder, read_weights
from evenshelf.learners.search.tuned.competitors import competitors_of
from evenshelf.learners.search.tuned.pairs import TrainingPairs
from evenshelf.learners.search.tuned.visits import Sizes, Visit, epoch_of
from evenshelf.learners.torch_training import seeded
from evenshelf.learners.towers.descent import Descent, Tell, blended, check_keep, check_torch, descend
from evenshelf.learners.towers.encoder import TEMPERATURE, TunedEncoder, vectors_of
from evenshelf.learners.towers.frozen import frozen_layers
from evenshelf.learners.towers.network import upper_weights
from evenshelf.remedies import Prior, Remedy
from evenshelf.remedies.negatives import Negatives

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]

SIZES = Sizes(answers=4, rivals=8, queries=8)
DRAWS = 48
"""Items that are drawn at most for a step, where a remedy says what is drawn."""
_NEVER = -1e9


def fit_bi_encoder(
    pairs: TrainingPairs,
    *,
    layers: int,
    epochs: int,
    rate: float,
    keep: float,
    remedy: Remedy,
    prior: Prior,
    seed: int,
    tell: Tell | None = None,
    folder: Path | None = None,
) -> TunedEncoder:
    """Tune a sentence encoder to judged pairs.

    Parameters
    ----------
    pairs
        What is learned from. Stages of the remedy that weigh are the business of who makes them.
    layers
        How many are tuned, from the end, at least 1.
    epochs, rate
        See :class:`~evenshelf.learners.towers.descent.Descent`.
    keep
        Share of the weights as they were, from 0 (as tuned) to 1 (as before).
    remedy
        Of its stages *negatives* is honoured: items that it draws take the place of those of other queries.
    prior
        Of the items of the pairs.
    seed
        Source of all randomness.
    tell
        Is told how many steps are done, and of how many.
    folder
        A checkpoint of a BERT with mean pooling; None: MiniLM.

    Raises
    ------
    SettingError
        If a setting is out of its range, or the prior is not of the items.
    InputError
        If the checkpoint cannot be read.
    MissingExtraError
        If torch is not installed.
    """
    check_torch("tuning an encoder")
    began = time.process_time()
    check_keep(keep)
    descent = Descent(epochs, rate, seed)
    checkpoint = minilm_folder() if folder is None else folder
    frozen = frozen_layers(checkpoint, layers)
    start = upper_weights(read_weights(checkpoint), frozen.config, layers)
    negatives = competitors_of(remedy, prior, pairs, DRAWS)
    with seeded(seed) as torch, threadpool_limits(1):
        weights = {name: torch.from_numpy(values.copy()).requires_grad_() for name, values in start.items()}
        mean = float(pairs.gain[pairs.positives].mean())

        def loss(visits: Sequence[Visit], rng: np.random.Generator) -> Any:
            step = _Step.of(visits, pairs, negatives, rng)
            texts = [pairs.queries[visit.query] for visit in visits] + [pairs.items[i] for i in step.items.tolist()]
            vectors = vectors_of(weights, frozen, layers, texts)
            return step.loss(vectors[: len(visits)], vectors[len(visits) :]) / mean

        losses = descend(weights, loss, epoch_of(pairs, SIZES), descent=descent, tell=tell)
        tuned = blended(start, weights, keep)
        return TunedEncoder(checkpoint, layers, tuned, tuple(losses), time.process_time() - began)


@dataclass(frozen=True, eq=False)
class _Step:
    """What the queries of a step are compared with.

    Attributes
    ----------
    items
        ``[m]`` codes, all that are read.
    row, place, gain
        ``[a]`` for each answer the visit and the place of the item, and what it counts.
    added
        ``[visits, m]`` what to add to the score of each item as a rival: much less than nothing where it is none.
    """

    items: Codes
    row: Codes
    place: Codes
    gain: NDArray[np.float64]
    added: Floats

    @classmethod
    def of(
        cls, visits: Sequence[Visit], pairs: TrainingPairs, negatives: Negatives | None, rng: np.random.Generator
    ) -> _Step:
        asked = np.array([visit.query for visit in visits])
        own = [np.concatenate([visit.answers, visit.rivals]) for visit in visits]
        drawn, offset = (np.empty(0, np.int64), np.empty(0, np.float32)) if negatives is None else negatives.drawn(rng)
        items = np.unique(np.concatenate([*own, drawn]))
        # Without a draw the items of other queries compete; with one, those that are drawn do.
        base = np.zeros(len(items), np.float32)
        if negatives is not None:
            base[:] = _NEVER
            base[np.searchsorted(items, drawn)] = offset
        added = np.tile(base, (len(visits), 1))
        for row, visit in enumerate(visits):
            added[row, np.searchsorted(items, visit.rivals)] = visit.added
        # What answers a query is no rival of another answer to it, and neither is its twin.
        added[pairs.answers(asked[:, None], items[None, :])] = _NEVER
        sizes = [len(visit.answers) for visit in visits]
        answers = np.concatenate([visit.answers for visit in visits])
        return cls(
            items,
            np.repeat(np.arange(len(visits)), sizes),
            np.searchsorted(items, answers),
            np.concatenate([visit.gain for visit in visits]),
            added,
        )

    def loss(self, queries: Any, items: Any) -> Any:
        """Mean over the answers of what each counts times its loss."""
        import torch  # noqa: PLC0415

        scores = queries @ items.T / TEMPERATURE
        rivals = torch.logsumexp(scores + torch.from_numpy(self.added), dim=1)
        row, place = torch.from_numpy(self.row), torch.from_numpy(self.place)
        true = scores[row, place]
        value = torch.logaddexp(rivals[row], true) - true
        return (value * torch.from_numpy(self.gain.astype(np.float32))).mean()
