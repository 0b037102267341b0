"""A cross-encoder tuned to a shop: reads a query and an item together and says how well the item answers.

The lower layers read query and item each by itself, so that what they say of an item is computed once for all queries;
from the last layers on the tokens of both see each other. A score is the cosine that the encoder gives as it was, and a
correction by a head that starts at nothing: with few judgements it stays near to what is known without any.

References
----------
Nogueira, Cho: Passage Re-ranking with BERT, 2019.
MacAvaney et al.: Efficient Document Re-Ranking for Transformers by Precomputing Term Representations, SIGIR 2020.
Cao, Qin, Liu, Tsai, Li: Learning to Rank: From Pairwise to Listwise Approach, ICML 2007 (softmax over a list).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from threadpoolctl import threadpool_limits

from evenshelf.encoders.base import check_texts
from evenshelf.encoders.weights import minilm_folder, read_weights
from evenshelf.errors import InputError
from evenshelf.learners.search.tuned.competitors import competitors_of
from evenshelf.learners.search.tuned.pairs import TrainingPairs
from evenshelf.learners.search.tuned.visits import Sizes, Visit, epoch_of
from evenshelf.learners.torch_training import seeded
from evenshelf.learners.towers.descent import Descent, Tell, check_torch, descend
from evenshelf.learners.towers.encoder import TOKENS, vectors_of
from evenshelf.learners.towers.frozen import FrozenLayers, frozen_layers
from evenshelf.learners.towers.network import mean_of, padded, through, upper_weights
from evenshelf.remedies import Prior, Remedy
from evenshelf.remedies.negatives import Negatives

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]

SHARPNESS = 20.0
"""Logits a cosine is worth."""
SIZES = Sizes(answers=4, rivals=8, queries=4)
DRAWS = 8
"""Items that are drawn at most for a query and a step, where a remedy says what is drawn."""
HEAD, PRODUCT = "head.weight", "head.product"
"""Weights of the head: of the first token, and of what the means of the two sides have in common."""
FASTER = 20.0
"""The head, which starts at nothing, is learned so many times as fast as the layers."""
_AT_ONCE = 256


@dataclass(frozen=True, eq=False)
class TunedCrossEncoder:
    """A cross-encoder of which the last layers and the head were tuned.

    Attributes
    ----------
    folder
        The checkpoint it started from.
    layers
        How many were tuned, from the end; in them query and item see each other.
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
        return self._read(queries, items, cosines=True)

    def corrections(self, queries: Sequence[str], items: Sequence[str]) -> Floats:
        """``[n]`` scores less the cosines of the encoder as it was: what to add to a ranking that counts these already.

        Raises
        ------
        InputError
            If there are not as many queries as items.
        """
        return self._read(queries, items, cosines=False)

    def _read(self, queries: Sequence[str], items: Sequence[str], *, cosines: bool) -> Floats:
        check_pairs(queries, items)
        found = np.empty(len(queries), np.float32)
        with seeded(0) as torch, threadpool_limits(1), torch.no_grad():
            reader = _Reader.of(self.folder, self.layers)
            weights = {name: torch.from_numpy(values) for name, values in self.weights.items()}
            for start in range(0, len(queries), _AT_ONCE):
                part = slice(start, start + _AT_ONCE)
                own = reader.corrections(weights, queries[part], items[part])
                found[part] = (own + reader.cosines(queries[part], items[part]) if cosines else own).numpy()
        return found


def check_pairs(queries: Sequence[str], items: Sequence[str]) -> None:
    """Raise an :class:`InputError` unless there are as many texts of both."""
    check_texts(queries)
    check_texts(items)
    if len(queries) != len(items):
        raise InputError(
            f"There are {len(queries)} queries and {len(items)} items.", hint="Give the query of each item."
        )


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
    descent = Descent(epochs, rate, seed, faster={HEAD: FASTER, PRODUCT: FASTER})
    checkpoint = minilm_folder() if folder is None else folder
    negatives = competitors_of(remedy, prior, pairs, DRAWS)
    mean = float(pairs.gain[pairs.positives].mean())
    with seeded(seed) as torch, threadpool_limits(1):
        reader = _Reader.of(checkpoint, layers)
        weights = {name: tensor.clone() for name, tensor in reader.start.items()}
        weights |= {name: torch.zeros(reader.frozen.config.hidden_size) for name in (HEAD, PRODUCT)}
        for tensor in weights.values():
            tensor.requires_grad_()

        def loss(visits: Sequence[Visit], rng: np.random.Generator) -> Any:
            lists = [_listed(visit, pairs, negatives, rng) for visit in visits]
            queries = [pairs.queries[v.query] for v, (read, _) in zip(visits, lists, strict=True) for _ in read]
            items = [pairs.items[i] for read, _ in lists for i in read.tolist()]
            scores = reader.cosines(queries, items) + reader.corrections(weights, queries, items)
            values, at = [], 0
            for visit, (_, added) in zip(visits, lists, strict=True):
                true = scores[at : (at := at + len(visit.answers))]
                rivals = torch.logsumexp(scores[at : (at := at + len(added))] + torch.from_numpy(added), dim=0)
                gain = torch.from_numpy((visit.gain / mean).astype(np.float32))
                values.append((torch.logaddexp(rivals, true) - true) * gain)
            return torch.cat(values).mean()

        losses = descend(weights, loss, epoch_of(pairs, SIZES), descent=descent, tell=tell)
        tuned = {name: tensor.detach().numpy() for name, tensor in weights.items()}
        return TunedCrossEncoder(checkpoint, layers, tuned, tuple(losses))


def _listed(
    visit: Visit, pairs: TrainingPairs, negatives: Negatives | None, rng: np.random.Generator
) -> tuple[Codes, Floats]:
    """The items of a visit, answers first, and what to add to the scores of those that are rivals."""
    rivals, added = visit.rivals, visit.added.astype(np.float32)
    if negatives is not None:
        drawn, offset = negatives.drawn(rng)
        new = ~pairs.answers(visit.query, drawn) & ~np.isin(drawn, rivals)
        rivals, added = np.concatenate([rivals, drawn[new]]), np.concatenate([added, offset[new]])
    return np.concatenate([visit.answers, rivals]), added


@dataclass(frozen=True, eq=False)
class _Reader:
    """A checkpoint that reads pairs; made and used under :func:`evenshelf.learners.torch_training.seeded`.

    Attributes
    ----------
    layers
        In which both texts of a pair see each other.
    frozen
        The layers below.
    start
        Tensors of the layers as they were, by name.
    known
        Vectors of texts by the encoder as it was.
    """

    layers: int
    frozen: FrozenLayers
    start: Mapping[str, Any]
    known: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, folder: Path, layers: int) -> _Reader:
        import torch  # noqa: PLC0415 - slow to import, and optional

        frozen = frozen_layers(folder, layers)
        start = upper_weights(read_weights(folder), frozen.config, layers)
        return cls(layers, frozen, {name: torch.from_numpy(values) for name, values in start.items()})

    def cosines(self, queries: Sequence[str], items: Sequence[str]) -> Any:
        """``[n]`` tensor, in logits."""
        import torch  # noqa: PLC0415

        new = [text for text in dict.fromkeys([*queries, *items]) if text not in self.known]
        with torch.no_grad():
            for start in range(0, len(new), _AT_ONCE):
                part = new[start : start + _AT_ONCE]
                self.known.update(zip(part, vectors_of(self.start, self.frozen, self.layers, part), strict=True))
        one, other = (torch.stack([self.known[text] for text in texts]) for texts in (queries, items))
        return SHARPNESS * (one * other).sum(dim=1)

    def corrections(self, weights: Mapping[str, Any], queries: Sequence[str], items: Sequence[str]) -> Any:
        """``[n]`` tensor, in logits; pairs of like length go through the layers together."""
        import torch  # noqa: PLC0415

        asked, told = self.frozen.states(queries), self.frozen.states(items)
        # The token before the item is left out: the query has it.
        joined = [np.concatenate([one, other[1:]]) for one, other in zip(asked, told, strict=True)]
        order = np.argsort([-len(one) for one in joined], kind="stable")
        parts, at = [], 0
        while at < len(order):
            some = order[at : at + max(1, TOKENS // len(joined[order[at]]))]
            at += len(some)
            table, real = padded([joined[i] for i in some])
            first = torch.arange(table.shape[1]) < torch.tensor([len(asked[i]) for i in some])[:, None]
            states = through(weights, self.frozen.config, self.layers, table, real)
            common = mean_of(states, real & first) * mean_of(states, real & ~first)
            parts.append(SHARPNESS * (common @ weights[PRODUCT]) + states[:, 0] @ weights[HEAD])
        return torch.cat(parts)[torch.from_numpy(np.argsort(order, kind="stable"))]
