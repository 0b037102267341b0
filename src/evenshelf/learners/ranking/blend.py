"""A learned blend: candidates of all sources, ranked by LambdaMART on what each source says of them.

Sources count in the histories without their last baskets, and LambdaMART learns from those what each is worth. Then
they count anew in whole histories. Nothing else is looked at, so whoever holds baskets back for a test finds out what a
shop would see of the next ones. A basket is what was taken at one moment; where no moments are known, it is one step.
A basket is held back as a whole: with a part of it in the history, what is learned is how to complete baskets.

Where what users have may be shown again, all of it is among the candidates, and it is told of each how such a thing
tends to come back.

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
from evenshelf.rankers.base import Codes
from evenshelf.rankers.blend import Blend
from evenshelf.rankers.buying_again import returns_of
from evenshelf.rankers.candidates import in_blocks
from evenshelf.remedies import Remedy, Stage
from evenshelf.tasks.baskets import Held, last_held

LEARNERS = 25_000
"""Most users that are learned from."""


def fit_blend(evidence: Evidence, remedy: Remedy, *, setting: Mapping[str, Any], seed: int) -> Blend:
    """See :class:`evenshelf.learners.ranking.registry.FitRanking`: learn what sources are worth, without direction.

    ``give`` is the share of NDCG at 10, in [0, 1), that may be given for a tail that is found more often. ``recount``
    is whether the last baskets are counted as well, once it is learned from them what counts are worth; published
    comparisons hold those back for validation and do not count them. Weights of examples are those of the users that
    are learned from: each the mean by what the user wanted.

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
    held = last_held(histories)
    earlier = held.earlier
    asked, wanted = _asked(held, seed, repeats=repeats)
    known = replace(evidence, histories=earlier)
    sources, traits = sources_of(known, directed=directed), traits_of(known)
    returns = returns_of(earlier) if repeats else None
    parts = list(in_blocks(earlier, sources, traits, asked, returns))
    weight = remedy.weight(evidence.prior)
    said = np.ones(len(asked)) if weight is None else np.bincount(wanted[0], weight[wanted[1]]) / np.bincount(wanted[0])
    examples = Examples(parts, wanted, traits.tail, said, seed)
    if (examples.found > 0).sum() < 2:
        raise InputError("What users took last is among the candidates of fewer than two.", hint="Use item_knn.")
    del parts
    bonus, temperature = examples.chosen(examples.crossed(), setting["give"])
    trees = examples.fit()
    if setting["recount"]:
        sources, traits = sources_of(evidence, directed=directed), traits_of(evidence)
        returns = returns_of(histories) if repeats else None
    return Blend(sources, traits, returns, bonus, temperature, trees, bytes_of_models(trees))


def _asked(held: Held, seed: int, *, repeats: bool) -> tuple[Codes, tuple[Codes, Codes]]:
    """``[n]`` codes of users to learn from; and ``[m]`` their places in that and items that they wanted."""
    earlier, user, item = held.earlier, held.user, held.item
    kept = earlier.lengths[user] > 0
    if not repeats:  # a step that repeats what was there before asks for what is not shown
        kept[kept] = np.asarray(earlier.weights()[user[kept], item[kept]]).ravel() == 0
    user, item = user[kept], item[kept]
    asked = np.unique(user)
    if len(asked) < 2:
        raise InputError(
            "Fewer than two users took something after something else.", hint="Give longer histories, or use item_knn."
        )
    asked = np.random.default_rng(seed).permutation(asked)[:LEARNERS]
    place = np.full(len(earlier.users), len(asked), np.int64)
    place[asked] = np.arange(len(asked))
    order = np.argsort(place[user], kind="stable")
    order = order[place[user[order]] < len(asked)]
    return asked, (place[user[order]], item[order])


_GRID = {"give": (0.02, 0.0, 0.05), "recount": (True,)}

BLEND = register(
    RankingLearner(
        name="blend",
        title="learned blend",
        summary="Counts and texts, with weights learned by boosted trees; whichever of two steps came first.",
        paper="LambdaMART: Burges, Microsoft Research TR-2010-82",
        fit=fit_blend,
        stages=(Stage.WEIGHT,),
        grid=_GRID,
        repeats=True,
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
        repeats=True,
        cost=500.0,
    )
)
