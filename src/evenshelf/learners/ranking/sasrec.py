"""A transformer that reads histories step by step: SASRec, with a softmax over all items or over a corrected draw."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from importlib.util import find_spec
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from threadpoolctl import threadpool_limits

from evenshelf.errors import InputError, MissingExtraError, SettingError
from evenshelf.learners.ranking.base import Evidence
from evenshelf.learners.ranking.item_vectors import history_vectors, nearest_items, taken_vectors, text_vectors
from evenshelf.learners.ranking.registry import RankingLearner, register
from evenshelf.learners.ranking.sequence_network import Network
from evenshelf.learners.ranking.sequence_training import Entries, Goal, Loop, pass_over
from evenshelf.learners.ranking.transformer import Shape, initial_weights
from evenshelf.learners.ranking.windows import Windows
from evenshelf.learners.torch_training import seeded
from evenshelf.rankers.base import Floats
from evenshelf.remedies import Prior, Remedy, Stage, effective_loss, parse
from evenshelf.remedies.negatives import Negatives
from evenshelf.tasks.histories import Histories
from evenshelf.tasks.ranking_metrics import rank_of, ranking_metrics

Codes = NDArray[np.int64]

SHAPE, LOOP = Shape(), Loop()
SPREAD = 0.02
"""Deviation of the numbers that items start from."""
PULL = 1.0
"""Penalty on the square of an item's own vector where a remedy pools, beside a loss of about 1 for each example."""
NEIGHBOURS = 10
BLOCK = 500
"""Users that are scored at once while training."""


@dataclass(frozen=True, eq=False)
class SequenceRanker:
    """A trained transformer, in numbers that torch is asked for only when it scores.

    Attributes
    ----------
    shape
        Of the transformer.
    weights, fixed
        See :class:`evenshelf.learners.ranking.sequence_network.Network`.
    popularity
        ``[I]`` logarithm of the share of the steps that each item has, for who has no history.
    rounds
        How many were made, and which was kept.
    notes
        What the remedy did to which examples, a sentence each; of sequences that it made, those of the first round.
    """

    shape: Shape
    weights: Mapping[str, Floats]
    fixed: Mapping[str, Floats]
    popularity: Floats
    rounds: tuple[int, int]
    notes: tuple[str, ...] = ()

    @property
    def bytes(self) -> int:
        """Of all weights."""
        held = (*self.weights.values(), *self.fixed.values(), self.popularity)
        return sum(int(values.nbytes) for values in held)

    def scores(self, histories: Histories) -> Floats:
        """See :meth:`evenshelf.rankers.base.Ranker.scores`."""
        found = np.repeat(self.popularity[None], len(histories.users), axis=0)
        known = np.flatnonzero(histories.lengths > 0)
        if len(known):
            some = histories.of_users(known)
            with seeded(0) as torch, threadpool_limits(1):
                network = Network(
                    self.shape,
                    {name: torch.from_numpy(values) for name, values in self.weights.items()},
                    {name: torch.from_numpy(values) for name, values in self.fixed.items()},
                )
                raw = network.scores(some.item, some.start)
            raw -= raw.max(axis=1, keepdims=True)
            found[known] = raw - np.log(np.exp(raw).sum(axis=1, keepdims=True))
        return found


def fit_sasrec(evidence: Evidence, remedy: Remedy, *, setting: Mapping[str, Any], seed: int) -> SequenceRanker:
    """See :class:`evenshelf.learners.ranking.registry.FitRanking`.

    Raises
    ------
    InputError
        If no user has two steps.
    MissingExtraError
        If torch is not installed.
    SettingError
        If the remedy makes vectors of its own: there is no history that such a row would be read from.
    """
    if find_spec("torch") is None:
        raise MissingExtraError("torch", "train", "the learner sasrec")
    fit = _Fit(evidence, remedy, setting, np.random.default_rng(seed))
    with seeded(seed), threadpool_limits(1):
        return fit.run()


class _Fit:
    """One fit: what is trained on, under which remedy, and what it stops by."""

    def __init__(
        self, evidence: Evidence, remedy: Remedy, setting: Mapping[str, Any], rng: np.random.Generator
    ) -> None:
        self.evidence, self.remedy, self.setting, self.rng = evidence, remedy, setting, rng
        self.shape, self.loop = SHAPE, replace(LOOP, dropout=setting["dropout"])
        self.prior = evidence.prior
        self.notes: tuple[str, ...] = ()
        self.told = False
        self.seed = int(rng.integers(2**31))
        histories = evidence.histories
        self.held = self._held_out(histories)
        kept = np.ones(len(histories.item), bool)
        kept[histories.start[self.held + 1] - 1] = False
        self.given = histories.kept(kept)
        self.asked = self.given.of_users(self.held)
        self.wanted = histories.last(1)[self.held]
        self.texts = text_vectors(evidence.facts, self.shape.width, self.seed)
        self.windows = Windows.of(self.given.item, self.given.start, self.shape.most)
        if not len(self.windows.step):
            raise InputError("No user has two steps, so nothing comes after anything.", hint="Give longer histories.")

    def _held_out(self, histories: Histories) -> Codes:
        """A tenth of the users who have enough steps, and whose last one is to be shown: it is not trained on."""
        able = histories.lengths >= 3
        if not self.evidence.repeats:
            before, items = histories.without_last(1), len(histories.items)
            own = np.arange(len(able)) * items + histories.last(1)
            able &= ~np.isin(own, before.user * items + before.item)
        drawn = self.rng.permutation(np.flatnonzero(able))[: int(able.sum()) // 10]
        return np.sort(drawn).astype(np.int64)

    def run(self) -> SequenceRanker:
        """Train, and keep the weights that were best on what is held out."""
        import torch  # noqa: PLC0415 - slow to import, and optional

        entries = self._entries()
        fixed = self._fixed()
        start = initial_weights(self.shape, self._items(), {n: known.shape[1] for n, known in fixed.items()}, self.rng)
        weights = {name: torch.from_numpy(values).requires_grad_() for name, values in start.items()}
        network = Network(self.shape, weights, {name: torch.from_numpy(known) for name, known in fixed.items()})
        optimiser = torch.optim.Adam(weights.values(), lr=self.loop.rate, betas=(0.9, 0.98))
        near = self._near()
        done = chosen = 0
        kept = start
        for goal in self._goals(PULL if "centre" in fixed else 0.0):
            best, began = -1.0, done
            while done - began < (self.loop.rounds if len(self.held) else self.loop.alone):
                windows, more = self._augmented(entries, near)
                pass_over(network, windows, more, optimiser, goal=goal, loop=self.loop, rng=self.rng)
                done += 1
                found = self._worth(network) if len(self.held) else float(done)
                if found > best:
                    best, chosen = found, done
                    kept = {name: values.detach().numpy().copy() for name, values in weights.items()}
                if done - chosen >= self.loop.patience:
                    break
            with torch.no_grad():
                for name, values in kept.items():
                    weights[name].copy_(torch.from_numpy(values))
        popularity = np.log((self.prior.counts + 0.5) / (self.prior.counts + 0.5).sum()).astype(np.float32)
        return SequenceRanker(self.shape, kept, fixed, popularity, (done, chosen), self.notes)

    def _weights(self, target: Codes) -> Floats:
        """What an example of each target weighs."""
        by_item = np.ones(len(self.prior.counts), np.float32)
        for weight in (self.remedy.weight(self.prior), effective_loss(self.remedy, self.prior).class_weight()):
            by_item = by_item if weight is None else by_item * weight
        return by_item[target].astype(np.float32)

    def _entries(self) -> Entries:
        """What is trained on in every round: examples, or what the remedy makes of them."""
        windows = self.windows
        target = windows.target
        entries = Entries.plain(target, np.ones(len(target), np.float32))
        if Stage.RESAMPLE in self.remedy.stages:
            # a prior of what is drawn from: first steps are of the prior of all, and no examples
            prior = Prior(np.bincount(target, minlength=len(self.prior.counts)).astype(np.int64))
            rows = self.remedy.resample(self._history_vectors(), target, prior, self.rng)
            if rows is not None:
                if rows.made is not None:
                    raise SettingError(
                        f"{self.remedy.spec} makes vectors of its own, and a transformer reads histories.",
                        hint="Use a remedy that repeats examples or goes between two of them.",
                    )
                self.notes += rows.notes
                entries = Entries.made(rows)
        strength = self.given.strength
        if strength is not None:
            entries = entries.times(strength[windows.step[entries.first]])
        return entries.times(self._weights(entries.target))

    def _history_vectors(self) -> Floats:
        """``[E, d]`` of the examples, in the space of the texts if there are some."""
        items = self.texts
        if items is None:
            items = taken_vectors(self.given, self.shape.width, self.seed)
        return history_vectors(self.windows, self.given.start, items)

    def _goals(self, pull: float) -> list[Goal]:
        """What is made small, one after another: some losses are good only from where a plainer one ends."""
        negatives: Negatives | None = self.remedy.competitors(self.prior)
        if negatives is None and Stage.LOSS not in self.remedy.stages and self.setting["negatives"]:
            # remedies of other stages see what they are compared with
            drawn = parse(f"sampled_softmax(negatives={self.setting['negatives']})")
            negatives = drawn.competitors(self.prior)
        loss = effective_loss(self.remedy, self.prior)
        first = loss.warm_up()
        return [Goal(one, negatives, pull) for one in ((loss,) if first is None else (first, loss))]

    def _fixed(self) -> dict[str, Floats]:
        """What is known of the items and not trained."""
        found = {}
        if self.texts is not None and self.setting["text"] == "fused":
            found["text"] = self.texts
        if Stage.POOL in self.remedy.stages:
            target, vectors = self.windows.target, self._history_vectors()
            counts = np.bincount(target, minlength=len(self.prior.counts))
            shape = (len(counts), len(target))
            of_item = csr_array((1.0 / counts[target], (target, np.arange(len(target)))), shape=shape)
            means = np.asarray(of_item @ (vectors - vectors.mean(axis=0)), dtype=np.float32)
            centre = self.remedy.centre(self.texts, self.prior, means)
            if centre is not None:
                # the map is learned and takes up what all lengths have in common: beside Adam's steps, which do not
                # shrink with the size of what they multiply, long vectors would be learned in leaps
                length = float(np.sqrt((centre.astype(np.float64) ** 2).sum(axis=1).mean()))
                found["centre"] = centre / np.float32(length if length > 0 else 1.0)
        return found

    def _items(self) -> Floats:
        """``[I, d]`` vectors that items start from."""
        shape = (len(self.prior.counts), self.shape.width)
        drawn = np.clip(SPREAD * self.rng.standard_normal(shape), -2 * SPREAD, 2 * SPREAD).astype(np.float32)
        if self.texts is not None and self.setting["text"] == "initial":
            told = self.texts.any(axis=1)
            drawn[told] = 0.0
            drawn[told, : self.texts.shape[1]] = SPREAD * shape[1] ** 0.5 * self.texts[told]
        return drawn

    def _near(self) -> Codes | None:
        if Stage.AUGMENT not in self.remedy.stages or self.texts is None:
            return None
        return nearest_items(self.texts, NEIGHBOURS)

    def _augmented(self, entries: Entries, near: Codes | None) -> tuple[Windows, Entries]:
        """Windows and entries of a round, those of sequences that the remedy makes in it included."""
        if Stage.AUGMENT not in self.remedy.stages:
            return self.windows, entries
        item, start = self.given.item, self.given.start
        made = self.remedy.augment(item, start, self.prior, near, self.rng)
        if made is None or not len(made.item):
            return self.windows, entries
        if not self.told:
            self.notes, self.told = self.notes + made.notes, True
        bounds = np.concatenate([start, start[-1] + made.start[1:]])
        windows = Windows.of(np.concatenate([item, made.item]), bounds, self.shape.most)
        new = np.arange(len(self.windows.step), len(windows.step))
        target = windows.target[new]
        usual = 1.0 if self.given.strength is None else float(self.given.strength.mean())
        weight = (usual * self._weights(target)).astype(np.float32)
        more = Entries(new, new, np.zeros(len(new), np.float32), target, weight)
        return windows, entries.beside(more)

    def _worth(self, network: Network) -> float:
        """NDCG at 10 of the steps held out."""
        rank = np.empty(len(self.held))
        for users, some in self.asked.blocks(BLOCK):
            scores = network.scores(some.item, some.start)
            if not self.evidence.repeats:
                scores[some.weights().nonzero()] = -np.inf
            rank[users] = rank_of(scores, self.wanted[users])
        return ranking_metrics(rank)["ndcg_at_10"]


register(
    RankingLearner(
        name="sasrec",
        title="a sequence transformer",
        summary="A transformer that reads a history from left to right, beside texts; learns order, in minutes.",
        paper="SASRec: Kang & McAuley, ICDM 2018; softmax: Klenitskiy & Vasilev, RecSys 2023; Yi et al., RecSys 2019",
        fit=fit_sasrec,
        stages=(
            Stage.AUGMENT,
            Stage.RESAMPLE,
            Stage.WEIGHT,
            Stage.LOSS,
            Stage.NEGATIVES,
            Stage.POOL,
        ),
        grid={
            "text": ("fused", "initial", "none"),
            "negatives": (0, 1000),
            "dropout": (0.4, 0.2, 0.6),
        },
        directed=True,
        cost=600.0,
    )
)
