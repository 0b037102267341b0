"""Remedies for sets that break a promise, each found out by the check that is there for it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np
import pytest
from scipy.sparse import csr_array

from evenshelf.remedies import Prior, Remedy, SetLoss, SetRows, Stage, parse
from evenshelf.remedies.mlsmote import MLSMOTE
from evenshelf.remedies.set_cut import LabelThresholds
from evenshelf.remedies.set_loss import AsymmetricLoss
from evenshelf.remedies.set_losses import BinaryCrossEntropy
from evenshelf.testing import remedy_checks


@dataclass(frozen=True)
class UnknownLabels(MLSMOTE):
    """Gives every label to every text that it makes."""

    def set_resample(self, *given: Any) -> SetRows | None:
        made = super().set_resample(*given)
        return None if made is None else replace(made, labels=csr_array(np.ones(made.labels.shape, bool)))


@dataclass(frozen=True)
class OwnDice(MLSMOTE):
    """Draws from a generator of its own."""

    def set_resample(self, vectors: Any, labels: Any, prior: Prior, rng: Any) -> SetRows | None:
        return super().set_resample(vectors, labels, prior, np.random.default_rng(1))


class Steep(BinaryCrossEntropy):
    """Tells twice the gradient."""

    def value_and_gradient(self, scores: Any, positive: Any, weight: Any) -> tuple[float, Any]:
        value, gradient = super().value_and_gradient(scores, positive, weight)
        return value, 2 * gradient


@dataclass(frozen=True)
class WrongSlope(AsymmetricLoss):
    """Has a loss with a gradient that is not its own."""

    def set_loss(self, prior: Prior) -> SetLoss:
        return Steep()


@dataclass(frozen=True)
class NeverNeutral(AsymmetricLoss):
    """Forgets that nothing was asked of it."""

    def set_loss(self, prior: Prior) -> SetLoss:
        return AsymmetricLoss(1.0, 3.0, 0.1).set_loss(prior)


class Ranks:
    """Orders the rows of a batch among each other."""

    notes = ()

    def __call__(self, scores: Any) -> Any:
        return (scores - scores.mean(axis=0)).astype(np.float32)


class Backwards:
    """Turns scores round."""

    notes = ()

    def __call__(self, scores: Any) -> Any:
        return -scores


@dataclass(frozen=True)
class ByBatch(LabelThresholds):
    """Looks at the other rows."""

    def set_calibration(self, scores: Any, labels: Any, count: Any, prior: Prior) -> Any:
        return Ranks()


@dataclass(frozen=True)
class TurnedRound(LabelThresholds):
    """Prefers what is unlikely."""

    def set_calibration(self, scores: Any, labels: Any, count: Any, prior: Prior) -> Any:
        return Backwards()


@dataclass(frozen=True)
class Undeclared(Remedy):
    """Has a loss for sets, and says that it weighs."""

    name: ClassVar[str] = "undeclared"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.WEIGHT,)
    many_labels: ClassVar[bool] = True

    def set_loss(self, prior: Prior) -> SetLoss:
        return BinaryCrossEntropy()


@pytest.mark.parametrize(
    ("remedy", "check"),
    [
        (UnknownLabels(), "makes_sets_from_training_rows"),
        (OwnDice(), "makes_sets_from_training_rows"),
        (WrongSlope(), "has_a_sound_set_loss"),
        (NeverNeutral(), "does_nothing_to_sets_at_its_neutral_value"),
        (ByBatch(), "calibrates_sets_row_by_row"),
        (TurnedRound(), "orders_the_texts_of_a_row_as_before"),
        (Undeclared(), "is_neutral_for_sets_at_stages_it_does_not_name"),
    ],
    ids=lambda value: value if isinstance(value, str) else type(value).__name__,
)
def test_a_broken_promise_is_found(remedy: Remedy, check: str) -> None:
    (found,) = (c for c in remedy_checks(remedy) if c.name == check)
    with pytest.raises(AssertionError):
        found()


@pytest.mark.parametrize("check", remedy_checks(parse("positive_weight + mlsmote + label_thresholds")))
def test_a_composition_keeps_them_all(check: Any) -> None:
    check()
