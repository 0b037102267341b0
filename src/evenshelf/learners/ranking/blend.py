"""A learned blend: candidates of all sources, ranked by LambdaMART on what each source says of them.

Sources count in the histories without their last step, and LambdaMART learns from that step what each is worth. Then
they count anew in whole histories. Nothing else is looked at, so whoever holds steps back for a test finds out what a
shop would see of the next ones.

Items of the tail get a bonus as large as costs all users next to nothing: the guardrail that verdicts have. It is found
by cross-fitting over the users.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from evenshelf.errors import InputError
from evenshelf.learners.ranking.base import Evidence
from evenshelf.learners.ranking.lambdamart import Examples, bytes_of_models
from evenshelf.learners.ranking.registry import RankingLearner, register
from evenshelf.learners.ranking.sources import sources_of
from evenshelf.learners.ranking.traits import traits_of
from evenshelf.rankers.blend import Blend
from evenshelf.rankers.candidates import in_blocks
from evenshelf.remedies import Remedy, Stage

LEARNERS = 25_000
"""Most users that are learned from."""


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
    histories, repeats = evidence.histories, evidence.repeats
    earlier, target = histories.without_last(1), histories.last(1)
    asked = np.flatnonzero((earlier.lengths > 0) & (target >= 0))
    if not repeats:  # a step that repeats what was there before asks for what is not shown
        asked = asked[np.asarray(earlier.weights()[asked, target[asked]]).ravel() == 0]
    if len(asked) < 2:
        raise InputError(
            "Fewer than two users took something after something else.", hint="Give longer histories, or use item_knn."
        )
    asked = np.random.default_rng(seed).permutation(asked)[:LEARNERS]
    known = replace(evidence, histories=earlier)
    sources, traits = sources_of(known, directed=directed), traits_of(known)
    parts = list(in_blocks(earlier, sources, traits, asked, repeats=repeats))
    weight = remedy.weight(evidence.prior)
    said = np.ones(len(asked)) if weight is None else weight[target[asked]]
    examples = Examples(parts, target[asked], traits.tail, said, seed)
    if examples.found.sum() < 2:
        raise InputError("What users took last is among the candidates of fewer than two.", hint="Use item_knn.")
    del parts
    bonus, temperature = examples.chosen(examples.crossed(), setting["give"])
    trees = examples.fit()
    if setting["recount"]:
        sources, traits = sources_of(evidence, directed=directed), traits_of(evidence)
    return Blend(sources, traits, repeats, bonus, temperature, trees, bytes_of_models(trees))


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
