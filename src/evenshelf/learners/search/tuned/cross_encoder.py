"""A cross-encoder tuned to a shop: reads a query and an item as one text and says how well the item answers.

What it reads before the last layers comes from a checkpoint that knows sentences, not pairs. So a score starts as
the cosine between what the last layer says of the tokens of the query and of the item, each having seen the other, and
a head on the first token, which starts at nothing, adds what that cosine lacks.

References
----------
Nogueira, Cho: Passage Re-ranking with BERT, 2019.
Cao, Qin, Liu, Tsai, Li: Learning to Rank: From Pairwise to Listwise Approach, ICML 2007 (softmax over a list).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from evenshelf.encoders.base import check_texts
from evenshelf.encoders.sides import pair_text
from evenshelf.encoders.weights import minilm_folder, read_weights
from evenshelf.errors import InputError
from evenshelf.learners.search.tuned.descent import Descent, Tell, check_torch, competitors_of, descend
from evenshelf.learners.search.tuned.frozen import FrozenLayers, frozen_layers
from evenshelf.learners.search.tuned.network import mean_of, padded, through, upper_weights
from evenshelf.learners.search.tuned.pairs import TrainingPairs
from evenshelf.learners.search.tuned.visits import Sizes, Visit
from evenshelf.learners.torch_training import seeded
from evenshelf.remedies import Prior, Remedy

Floats = NDArray[np.float32]

SHARPNESS = 20.0
"""Logits a cosine is worth."""
SIZES = Sizes(answers=3, rivals=6, queries=4)
DRAWS = 6
"""Items that are drawn at most for a query and a step, where a remedy says what is drawn."""
HEAD = "head.weight"
TOKENS = 2048
"""Tokens that go through the layers at once, padding included."""
_AT_ONCE = 256


@dataclass(frozen=True, eq=False)
class TunedCrossEncoder:
    """A cross-encoder of which the last layers and the head were tuned.

    Attributes
    ----------
    folder
        The checkpoint it started from.
    layers
        How many were tuned, from the end.
    weights
        Those of the tuned layers and of the head, by name.
    losses
        Mean of each epoch.
    """

    folder: Path
    layers: int
    weights: Mapping[str, Floats]
    losses: tuple[float, ...]

    def scores(self, queries: Sequence[str], items: Sequence[str]) -> Floats:
        """``[n]`` logits of pairs; those of one query can be compared.

        Raises
        ------
        InputError
            If there are not as many queries as items.
        """
        texts = pair_texts(queries, items)
        frozen = frozen_layers(self.folder, self.layers, pairs=True)
        found = np.empty(len(texts), np.float32)
        with seeded(0) as torch, threadpool_limits(1), torch.no_grad():
            weights = {name: torch.from_numpy(values) for name, values in self.weights.items()}
            for start in range(0, len(texts), _AT_ONCE):
                part = texts[start : start + _AT_ONCE]
                found[start : start + len(part)] = _logits(weights, frozen, self.layers, part).numpy()
        return found


def pair_texts(queries: Sequence[str], items: Sequence[str]) -> list[str]:
    """Queries and items as one text each; see :mod:`evenshelf.encoders.sides`.

    Raises
    ------
    InputError
        If there are not as many of both.
    """
    check_texts(queries)
    check_texts(items)
    if len(queries) != len(items):
        raise InputError(
            f"There are {len(queries)} queries and {len(items)} items.", hint="Give the query of each item."
        )
    return [pair_text(query, item) for query, item in zip(queries, items, strict=True)]


def fit_cross_encoder(
    pairs: TrainingPairs,
    *,
    layers: int,
    epochs: int,
    rate: float,
    remedy: Remedy,
    prior: Prior,
    seed: int,
    tell: Tell | None = None,
    folder: Path | None = None,
) -> TunedCrossEncoder:
    """Tune a model of pairs by a softmax over lists of an answer and its rivals.

    Parameters
    ----------
    pairs, layers, epochs, rate, prior, seed, tell, folder
        As for :func:`evenshelf.learners.search.tuned.bi_encoder.fit_bi_encoder`.
    remedy
        Of its stages *negatives* is honoured: items that it draws are rivals as well.

    Raises
    ------
    SettingError
        If a setting is out of its range, or the prior is not of the items.
    InputError
        If the checkpoint cannot be read.
    MissingExtraError
        If torch is not installed.
    """
    check_torch("tuning a cross-encoder")
    descent = Descent(epochs, rate, seed)
    checkpoint = minilm_folder() if folder is None else folder
    frozen = frozen_layers(checkpoint, layers, pairs=True)
    start = upper_weights(read_weights(checkpoint), frozen.config, layers)
    start[HEAD] = np.zeros(frozen.config.hidden_size, np.float32)
    negatives = competitors_of(remedy, prior, pairs, DRAWS)
    mean = float(pairs.gain[pairs.positives].mean())
    with seeded(seed) as torch, threadpool_limits(1):
        weights = {name: torch.from_numpy(values.copy()).requires_grad_() for name, values in start.items()}

        def loss(visits: list[Visit], rng: np.random.Generator) -> Any:
            texts: list[str] = []
            parts: list[tuple[Visit, Floats]] = []
            for visit in visits:
                rivals, added = visit.rivals, visit.added.astype(np.float32)
                if negatives is not None:
                    drawn, offset = negatives.drawn(rng)
                    fits = ~pairs.answers(visit.query, drawn) & ~np.isin(drawn, rivals)
                    rivals, added = np.concatenate([rivals, drawn[fits]]), np.concatenate([added, offset[fits]])
                read = np.concatenate([visit.answers, rivals])
                texts += [pair_text(pairs.queries[visit.query], pairs.items[i]) for i in read.tolist()]
                parts.append((visit, added))
            logits = _logits(weights, frozen, layers, texts)
            values, at = [], 0
            for visit, added in parts:
                true = logits[at : (at := at + len(visit.answers))]
                rivals_of = torch.logsumexp(logits[at : (at := at + len(added))] + torch.from_numpy(added), dim=0)
                gain = torch.from_numpy((visit.gain / mean).astype(np.float32))
                values.append((torch.logaddexp(rivals_of, true) - true) * gain)
            return torch.cat(values).mean()

        losses = descend(weights, loss, pairs, sizes=SIZES, descent=descent, tell=tell)
        tuned = {name: tensor.detach().numpy() for name, tensor in weights.items()}
        return TunedCrossEncoder(checkpoint, layers, tuned, tuple(losses))


def _logits(weights: Mapping[str, Any], frozen: FrozenLayers, layers: int, texts: Sequence[str]) -> Any:
    """``[n]`` tensor; texts of like length go through the layers together."""
    import torch  # noqa: PLC0415 - slow to import, and optional

    known = frozen.states(texts)
    order = np.argsort([-len(one) for one, _ in known], kind="stable")
    parts, at = [], 0
    while at < len(order):
        some = order[at : at + max(1, TOKENS // len(known[order[at]][0]))]
        at += len(some)
        table, real = padded([known[i][0] for i in some])
        first = torch.arange(table.shape[1]) < torch.tensor([known[i][1] for i in some])[:, None]
        states = through(weights, frozen.config, layers, table, real)
        cosine = (mean_of(states, real & first) * mean_of(states, real & ~first)).sum(dim=1)
        parts.append(SHARPNESS * cosine + states[:, 0] @ weights[HEAD])
    return torch.cat(parts)[torch.from_numpy(np.argsort(order, kind="stable"))]
