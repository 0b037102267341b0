"""Learners that read texts by a language model tuned to who took what: texts alone, and the blend."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from evenshelf.errors import InputError
from evenshelf.learners.finetune.network import content_of
from evenshelf.learners.ranking.base import Evidence, ItemFacts
from evenshelf.learners.ranking.blend import BLEND, fit_blend
from evenshelf.learners.ranking.registry import RankingLearner, register
from evenshelf.learners.ranking.text import TEXT, fit_text
from evenshelf.learners.ranking.tuned.fitting import tuned_vectors
from evenshelf.learners.ranking.tuned.pairs import TakenTexts
from evenshelf.learners.ranking.tuned.settings import Contrast
from evenshelf.rankers.base import Floats
from evenshelf.rankers.blend import Blend
from evenshelf.rankers.texts import Texts
from evenshelf.remedies import Remedy
from evenshelf.tasks.baskets import last_held
from evenshelf.tasks.histories import Histories


@dataclass(frozen=True)
class TunedText:
    """Texts alone, by vectors of a language model tuned to all histories, beside those of the frozen one."""

    settings: Contrast

    @property
    def fingerprint(self) -> str:
        """All that decides what it does."""
        return f"text_tuned 1 {self.settings!r}{content_of(self.settings.model)}"

    def __call__(self, evidence: Evidence, remedy: Remedy, *, setting: Mapping[str, Any], seed: int) -> Texts:
        """See :class:`evenshelf.learners.ranking.registry.FitRanking`.

        Raises
        ------
        InputError
            If it is not known what items are called, or no user took two of them.
        MissingExtraError
            If torch is not installed.
        """
        facts, own = evidence.facts, vectors_for(evidence.facts, evidence.histories, self.settings, seed)
        if facts.vectors is not None:
            own = np.hstack([facts.vectors, own]) * np.float32(np.sqrt(0.5))
        return fit_text(replace(evidence, facts=replace(facts, vectors=own)), remedy, setting=setting, seed=seed)


@dataclass(frozen=True)
class TunedBlend:
    """The blend, with vectors of a tuned language model as a source of its own.

    What sources are worth is learned from last baskets, so the model is tuned to histories without them: one that had
    seen what is asked there would be trusted too much. The same vectors stand in the blend that is given back.
    """

    settings: Contrast

    @property
    def fingerprint(self) -> str:
        """All that decides what it does."""
        return f"blend_tuned 1 {self.settings!r}{content_of(self.settings.model)}"

    def __call__(self, evidence: Evidence, remedy: Remedy, *, setting: Mapping[str, Any], seed: int) -> Blend:
        """See :func:`evenshelf.learners.ranking.blend.fit_blend`.

        Raises
        ------
        InputError
            If it is not known what items are called, or no user took two of them before the last basket.
        MissingExtraError
            If torch or lightgbm is not installed.
        """
        tuned = vectors_for(evidence.facts, last_held(evidence.histories).earlier, self.settings, seed)
        told = replace(evidence, facts=replace(evidence.facts, tuned=tuned))
        return fit_blend(told, remedy, setting=setting, seed=seed)


def vectors_for(facts: ItemFacts, histories: Histories, settings: Contrast, seed: int) -> Floats:
    """``[I, width]`` by a model tuned to these histories; 0 of items without a title.

    Raises
    ------
    InputError
        If it is not known what items are called, or no user took two of them.
    """
    if facts.titles is None or not facts.has_titles:
        raise InputError(
            "A language model is tuned by what items are called, and that is not known.",
            hint="Give items titles, or use the learner near or item_knn.",
        )
    return tuned_vectors(TakenTexts.of(histories, facts.titles), settings, seed=seed)


def text_tuned(settings: Contrast) -> RankingLearner:
    """Texts alone at some settings of the tuning."""
    return RankingLearner(
        name=_named("text_tuned", settings),
        title="texts alone, tuned",
        summary="Texts by a language model tuned to what users take together; needs evenshelf[train].",
        paper="Yi et al., RecSys 2019; van den Oord et al., 2018; Pazzani & Billsus, 2007",
        fit=TunedText(settings),
        stages=TEXT.stages,
        grid=TEXT.grid,
        needs=("titles",),
        cost=2_000.0,
        usual=Contrast.usual(),
        at=_text_at,
    )


def blend_tuned(settings: Contrast) -> RankingLearner:
    """The blend at some settings of the tuning."""
    return RankingLearner(
        name=_named("blend_tuned", settings),
        title="learned blend with a tuned language model",
        summary="The blend, with texts by a language model tuned to what users take together; needs evenshelf[train].",
        paper="Yi et al., RecSys 2019; LambdaMART: Burges, Microsoft Research TR-2010-82",
        fit=TunedBlend(settings),
        stages=BLEND.stages,
        grid=BLEND.grid,
        needs=("titles",),
        repeats=True,
        cost=2_500.0,
        usual=Contrast.usual(),
        at=_blend_at,
    )


def _text_at(values: Mapping[str, Any]) -> RankingLearner:
    return text_tuned(Contrast(**values))


def _blend_at(values: Mapping[str, Any]) -> RankingLearner:
    return blend_tuned(Contrast(**values))


def _named(name: str, settings: Contrast) -> str:
    return f"{name}({settings.spec})" if settings.spec else name


register(text_tuned(Contrast()))
register(blend_tuned(Contrast()))
