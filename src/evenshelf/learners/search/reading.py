"""Learners that read: an encoder, and a model of pairs, tuned on what answers queries; both beside what words say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.index.features import FEATURES
from evenshelf.index.ranking import COSINE
from evenshelf.learners.search.base import Evidence, ItemSide, Pool, learned_from
from evenshelf.learners.search.convex import usual_weights
from evenshelf.learners.search.registry import SearchLearner, register
from evenshelf.learners.search.weighing import SHARPNESS
from evenshelf.remedies import Prior, Remedy, Stage

if TYPE_CHECKING:
    from evenshelf.learners.search.tuned.cross_encoder import TunedCrossEncoder
    from evenshelf.learners.search.tuned.pairs import TrainingPairs
    from evenshelf.learners.towers.encoder import TunedEncoder

MINED = 20
"""Candidates of each query that nobody judged and that the usual ranking puts first, as negatives."""
READ = 50
"""Candidates of each query, the first by the usual ranking, that a model of pairs reads."""
_BEYOND = 1000.0


@dataclass(frozen=True, eq=False)
class TunedCosine:
    """The usual fusion with the cosines of a tuned encoder, as far as vectors are trusted."""

    encoder: TunedEncoder
    weight: float

    @property
    def bytes(self) -> int:
        """See :class:`evenshelf.learners.search.base.Scorer`."""
        return sum(values.nbytes for values in self.encoder.weights.values())

    def scores(self, pool: Pool, items: ItemSide) -> NDArray[np.float64]:
        """See :meth:`evenshelf.learners.search.base.Scorer.scores`."""
        if not len(pool.item):
            return np.zeros(0)
        some, place = np.unique(pool.item, return_inverse=True)
        queries = self.encoder.encode(pool.queries.tolist())
        texts = self.encoder.encode(items.texts[some].tolist())
        cosine = np.einsum("nd,nd->n", queries[pool.query], texts[place])
        share, coverage, vectors = usual_weights()
        trust = pool.column("trust").astype(np.float64)
        dense = self.weight * trust
        words = (share * pool.column("words_share") + coverage * pool.column("coverage")) / max(1.0 - vectors, 1e-9)
        return np.asarray(SHARPNESS * ((1.0 - dense) * words + dense * COSINE * np.maximum(cosine, 0.0)))


@dataclass(frozen=True, eq=False)
class Reread:
    """The usual ranking, its first candidates moved by what a tuned model of pairs says of them."""

    model: TunedCrossEncoder
    weight: float

    @property
    def bytes(self) -> int:
        """See :class:`evenshelf.learners.search.base.Scorer`."""
        return sum(values.nbytes for values in self.model.weights.values())

    def scores(self, pool: Pool, items: ItemSide) -> NDArray[np.float64]:
        """See :meth:`evenshelf.learners.search.base.Scorer.scores`."""
        found = SHARPNESS * pool.column("usual").astype(np.float64)
        query = pool.query
        # what no search finds takes no place
        order = np.lexsort((-found, ~pool.found, query))
        place = np.empty(len(found), np.int64)
        place[order] = np.arange(len(found)) - np.repeat(pool.start[:-1], np.diff(pool.start))
        # not what was judged besides: to read that from further down would tell from the rest what is tested
        read = pool.found & (place < READ)
        rows = np.flatnonzero(read)
        if len(rows):
            # the usual ranking counts the cosine already
            found[rows] += self.weight * self.model.corrections(
                pool.queries[query[rows]].tolist(), items.texts[pool.item[rows]].tolist()
            )
        return np.where(read, found, found - _BEYOND)


def fit_bi_encoder(evidence: Evidence, remedy: Remedy, *, setting: Mapping[str, Any], seed: int) -> TunedCosine:
    """Tune an encoder; see :func:`evenshelf.learners.search.tuned.bi_encoder.fit_bi_encoder`."""
    from evenshelf.learners.search.tuned import bi_encoder  # noqa: PLC0415 - imports torch

    pairs, prior = training_pairs(evidence)
    tuned = bi_encoder.fit_bi_encoder(
        pairs,
        layers=setting["layers"],
        epochs=setting["epochs"],
        rate=setting["rate"],
        keep=setting["keep"],
        remedy=remedy,
        prior=prior,
        seed=seed,
    )
    return TunedCosine(tuned, float(setting["weight"]))


def fit_cross_encoder(evidence: Evidence, remedy: Remedy, *, setting: Mapping[str, Any], seed: int) -> Reread:
    """Tune a model of pairs; see :func:`evenshelf.learners.search.tuned.cross_encoder.fit_cross_encoder`."""
    from evenshelf.learners.search.tuned import cross_encoder  # noqa: PLC0415 - imports torch

    pairs, prior = training_pairs(evidence)
    tuned = cross_encoder.fit_cross_encoder(
        pairs,
        layers=setting["layers"],
        epochs=setting["epochs"],
        rate=setting["rate"],
        remedy=remedy,
        prior=prior,
        seed=seed,
    )
    return Reread(tuned, float(setting["weight"]))


def training_pairs(evidence: Evidence) -> tuple[TrainingPairs, Prior]:
    """What an encoder is tuned on, and how often each of its items was taken.

    Each query counts by how many examples it stands for, spread over what answers it. Where clicks are learned from,
    items answer that are clicked more than those of the query are on average; what answers a made query answers it.
    """
    from evenshelf.learners.search.tuned.pairs import TrainingPairs  # noqa: PLC0415

    pairs = learned_from(evidence.pool, unjudged=0)
    pool, grade = pairs.pool, pairs.grade.astype(np.float64)
    if pool.clicked.any():
        grade = _above_mean(pool, grade)
    some, item = np.unique(np.concatenate([pool.item, evidence.pool.item]), return_inverse=True)
    query = pool.query
    answers = np.maximum(np.bincount(query, grade > 0, len(pool)), 1.0)
    made = TrainingPairs(
        tuple(pool.queries.tolist()),
        tuple(evidence.items.texts[some].tolist()),
        query,
        item[: len(pool.item)],
        grade,
        (pool.count / answers)[query] / float((pool.count / answers).mean()),
    )
    # candidates of the same queries, in the order of the usual ranking
    place = {text: number for number, text in enumerate(pool.queries.tolist())}
    own = np.array([place.get(text, -1) for text in evidence.pool.queries.tolist()], np.int64)[evidence.pool.query]
    rows = np.flatnonzero((own >= 0) & evidence.pool.found)
    usual = evidence.pool.features[rows, FEATURES.index("usual")]
    mined = made.mined(own[rows], item[len(pool.item) :][rows], usual, MINED)
    return mined, Prior(evidence.items.count[some])


def _above_mean(pool: Pool, grade: NDArray[np.float64]) -> NDArray[np.float64]:
    """``[n]`` grades from clicks less their mean of the query, as shares of the greatest; of made queries as they are.

    A made query was never shown: its one answer is its own mean.
    """
    query = pool.query
    shown = (np.bincount(query, pool.clicked[:, 0], len(pool)) > 0)[query]
    mean = np.bincount(query, grade, len(pool)) / np.maximum(np.bincount(query, minlength=len(pool)), 1)
    above = np.where(shown, np.maximum(grade - mean[query], 0.0), 0.0)
    return np.where(shown, above / max(float(above.max(initial=0.0)), 1e-12), grade)


register(
    SearchLearner(
        "bi_encoder",
        "a tuned encoder",
        "MiniLM, its last layers tuned on what answers queries (contrastive), beside words.",
        "Karpukhin et al., EMNLP 2020; Xiong et al., ICLR 2021; Wortsman et al., CVPR 2022",
        fit_bi_encoder,
        stages=(Stage.EVIDENCE, Stage.WEIGHT, Stage.TEXTS, Stage.NEGATIVES),
        grid={"rate": (2e-5, 5e-5), "epochs": (1,), "layers": (1,), "keep": (0.0, 0.5), "weight": (0.65,)},
        cost=60.0,
    )
)
register(
    SearchLearner(
        "cross_encoder",
        "a tuned model of pairs",
        "A language model that reads query and item together, tuned on what answers, for the first fifty.",
        "Nogueira & Cho, arXiv 1901.04085, 2019; MacAvaney et al., SIGIR 2020",
        fit_cross_encoder,
        stages=(Stage.EVIDENCE, Stage.WEIGHT, Stage.TEXTS, Stage.NEGATIVES),
        grid={"weight": (0.5, 0.25), "rate": (5e-5, 2e-5), "epochs": (1,), "layers": (1,)},
        cost=200.0,
    )
)
