"""Language models tuned to labels, as learners: with a head of their own, or under linear heads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.learners.finetune import fits
from evenshelf.learners.finetune.fits import PENALTY, Decoupled, Joint
from evenshelf.learners.finetune.network import token_rows
from evenshelf.learners.finetune.settings import FineTuning
from evenshelf.learners.heads import STAGES
from evenshelf.learners.registry import LearnerKind, register

Floats = NDArray[np.float32]


def penalty_of_heads(count: int) -> tuple[float, ...]:
    """The one penalty of linear heads on tuned vectors: to choose among several, a model would be tuned for each."""
    del count
    return (PENALTY,)


@dataclass(frozen=True)
class Tokens:
    """Reads texts as rows of token numbers; see :attr:`~evenshelf.learners.registry.LearnerKind.reads`."""

    model: str
    length: int

    def __call__(self, texts: Sequence[str]) -> Floats:
        """``[n, length]``."""
        return token_rows(texts, self.model, self.length)


def joint(settings: FineTuning) -> LearnerKind:
    """The learner that tunes model and head together."""
    return LearnerKind(
        _named("finetune", settings),
        "tuned language models",
        "A language model and its head tuned together, in full, in part or by low-rank matrices; needs "
        "evenshelf[train].",
        fits.STAGES,
        Joint(settings),
        default="no penalty",
        grouped=True,
        cost=400.0,
        reads=Tokens(settings.model, settings.length),
        makes=False,
        settings=FineTuning.usual(),
        at=_joint_at,
    )


def decoupled(settings: FineTuning) -> LearnerKind:
    """The learner that fits linear heads on the vectors of a tuned model."""
    return LearnerKind(
        _named("finetune_heads", settings),
        "linear heads on tuned language models",
        "A language model tuned on the rows as they are, then linear heads under the remedy on its vectors; needs "
        "evenshelf[train].",
        STAGES,
        Decoupled(settings),
        penalties=penalty_of_heads,
        default=f"{PENALTY:g}",
        grouped=True,
        apart=True,
        averages=True,
        cost=100.0,
        reads=Tokens(settings.model, settings.length),
        settings=FineTuning.usual(),
        at=_decoupled_at,
    )


def _joint_at(values: Mapping[str, Any]) -> LearnerKind:
    return joint(FineTuning(**values))


def _decoupled_at(values: Mapping[str, Any]) -> LearnerKind:
    return decoupled(FineTuning(**values))


def _named(name: str, settings: FineTuning) -> str:
    return f"{name}({settings.spec})" if settings.spec else name


register(joint(FineTuning()))
register(decoupled(FineTuning()))
