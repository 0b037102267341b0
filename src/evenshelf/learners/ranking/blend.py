"""A learned blend: candidates of all sources, ranked by LambdaMART on what each source says of them.

Sources count in the histories without their last step, and LambdaMART learns from that step what each is worth. Then
they count anew in whole histories. Nothing else is looked at, so whoever holds steps back for a test finds out what a
shop would see of the next ones.

Items of the tail get a bonus as large as costs all users next to nothing: the guardrail that verdicts have. It is found
by cross-fitting over the users.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from evenshelf.errors import InputError
from evenshelf.learners.ranking.base import Evidence, Floats
from evenshelf.learners.ranking.baskets import last_held
from evenshelf.learners.ranking.buying_again import Returns, returns_of
from evenshelf.learners.ranking.candidates import Traits, candidates, in_blocks
from evenshelf.learners.ranking.lambdamart import Examples, Trees
from evenshelf.learners.ranking.registry import RankingLearner, register
from evenshelf.learners.ranking.sources import Source, sources_of
from evenshelf.remedies import Remedy, Stage
from evenshelf.tasks.histories import Histories

RANKS_REPEATS = True
LEARNERS = 25_000
"""Most users that are learned from."""


@dataclass(frozen=True, eq=False)
class Blend:
    """A fitted blend.

    Attributes
    ----------
    sources
        Counted in whole histories.
    traits
        Of items.
    repeats
        Whether what a user has may be shown again.
    tail_bonus
        What is added to the scores of the trees for items of the tail.
    temperature
        By which the sums are divided.
    trees
        That rank candidates.
    """

    sources: tuple[Source, ...]
    traits: Traits
    repeats: bool
    tail_bonus: float
    temperature: float
    trees: Trees
    returns: Returns | None

    @property
    def bytes(self) -> int:
        """Of sources, each matrix once, traits and trees."""
        held = {id(source.left): source.bytes for source in self.sources}
        return sum(held.values()) + self.traits.bytes + self.trees.bytes

    def scores(self, histories: Histories) -> Floats:
        """See :meth:`evenshelf.learners.ranking.base.Ranker.scores`.

        Candidates come first, in the order of trees and bonus; then all others by the plain blend.
        """
        plain, found = candidates(histories, self.sources, self.traits, self.returns, repeats=self.repeats)
        scores = np.log(plain + 1e-9)
        scores -= scores.max(axis=1, keepdims=True)
        if len(found.item):
            raw = self.trees.predict(found.features) + self.tail_bonus * self.traits.tail[found.item]
            raw /= self.temperature
            some = np.flatnonzero(found.size)
            starts = (np.cumsum(found.size) - found.size)[some]
            scores[some] += (np.minimum.reduceat(raw, starts) - 1.0)[:, None]
            scores[found.user, found.item] = raw
        found_scores: Floats = scores.astype(np.float32)
        return found_scores


def fit_blend(evidence: Evidence, remedy: Remedy, *, setting: Mapping[str, Any], seed: int) -> Blend:
    """See :class:`evenshelf.learners.ranking.registry.FitRanking`: learn what sources are worth, without direction.

    ``give`` is the share of NDCG at 10, in [0, 1), that may be given for a tail that is found more often. ``recount``
    is whether the last steps are counted as well, once it is learned from them what counts are worth; published
    comparisons hold that step back for validation and do not count it. Weights of examples are those of the users that
    are learned from, by what they wanted.

    Raises
    ------
    InputError
        If fewer than two users took something after something else, so that nothing can be learned from.
    MissingExtraError
        If the package lightgbm is not installed.
    """
    return _fitted(evidence, remedy, setting, seed, directed=False)


def fit_blend_directed(evidence: Evidence, remedy: Remedy, *, setting: Mapping[str, Any], seed: int) -> Blend:
    """See :func:`fit_blend`; what was taken after what is a source as well."""
    return _fitted(evidence, remedy, setting, seed, directed=True)


def _fitted(evidence: Evidence, remedy: Remedy, setting: Mapping[str, Any], seed: int, *, directed: bool) -> Blend:
    histories, repeats = evidence.histories, evidence.repeats and RANKS_REPEATS
    held = last_held(histories)
    earlier, user, target = held.earlier, held.user, held.item
    kept = earlier.lengths[user] > 0
    if not repeats:  # a step that repeats what was there before asks for what is not shown
        kept[kept] = np.asarray(earlier.weights()[user[kept], target[kept]]).ravel() == 0
    user, target = user[kept], target[kept]
    asked = np.unique(user)
    if len(asked) < 2:
        raise InputError(
            "Fewer than two users took something after something else.", hint="Give longer histories, or use item_knn."
        )
    asked = np.random.default_rng(seed).permutation(asked)[:LEARNERS]
    place = np.full(len(histories.users), -1, np.int64)
    place[asked] = np.arange(len(asked))
    rows = np.flatnonzero(place[user] >= 0)
    rows = rows[np.argsort(place[user[rows]], kind="stable")]
    user, target = place[user[rows]], target[rows]
    known = replace(evidence, histories=earlier)
    sources, traits = sources_of(known, directed=directed), Traits.of(known)
    returns = returns_of(earlier) if repeats else None
    parts = list(in_blocks(earlier, sources, traits, asked, returns, repeats=repeats))
    weight = remedy.weight(evidence.prior)
    said = np.ones(len(asked)) if weight is None else np.bincount(user, weight[target]) / np.bincount(user)
    examples = Examples(parts, user, target, traits.tail, said, seed)
    if (examples.found > 0).sum() < 2:
        raise InputError("What users took last is among the candidates of fewer than two.", hint="Use item_knn.")
    del parts
    bonus, temperature = examples.chosen(examples.crossed(), setting["give"])
    trees = examples.fit()
    if setting["recount"]:
        sources, traits = sources_of(evidence, directed=directed), Traits.of(evidence)
    returns = returns_of(histories) if repeats else None
    return Blend(sources, traits, repeats, bonus, temperature, trees, returns)


_GRID = {"give": (0.02, 0.0, 0.05), "recount": (True,)}

register(
    RankingLearner(
        name="blend",
        title="learned blend",
        summary="Counts and texts, with weights learned by boosted trees; whichever of two steps came first.",
        paper="LambdaMART: Burges, Microsoft Research TR-2010-82",
        fit=fit_blend,
        stages=(Stage.WEIGHT,),
        grid=_GRID,
        cost=500.0,
    )
)
register(
    RankingLearner(
        name="blend_directed",
        title="learned blend with transitions",
        summary="The blend, with what was taken after what as well; reads the order of steps.",
        paper="LambdaMART: Burges, Microsoft Research TR-2010-82",
        fit=fit_blend_directed,
        stages=(Stage.WEIGHT,),
        grid=_GRID,
        directed=True,
        cost=500.0,
    )
)
