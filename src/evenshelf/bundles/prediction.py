"""What a bundle says of a text: the likeliest classes, the set that holds the right one, and whether it is sure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.bundles.conformal import Conformal
from evenshelf.errors import SettingError


@dataclass(frozen=True)
class Prediction:
    """What is said of one text.

    Attributes
    ----------
    labels
        The likeliest classes, the likeliest first.
    probabilities
        Of these. Of tags: the chance to be among those of a text that has as many as the average one.
    conformal
        Classes that hold the right one with the frequency that the bundle was trained for, the likeliest first; may be
        empty. ``None`` for tags.
    unsure
        Why a person should look at it, or ``None``: several classes in the set, none in it, or a low probability.
    """

    labels: tuple[str, ...]
    probabilities: tuple[float, ...]
    conformal: tuple[str, ...] | None
    unsure: str | None

    @property
    def label(self) -> str:
        """The likeliest class."""
        return self.labels[0]

    @property
    def probability(self) -> float:
        """Of the likeliest class."""
        return self.probabilities[0]

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return {
            "label": self.label,
            "probability": round(self.probability, 6),
            "unsure": self.unsure,
            "set": None if self.conformal is None else list(self.conformal),
            "top": [
                {"label": label, "probability": round(p, 6)}
                for label, p in zip(self.labels, self.probabilities, strict=True)
            ],
        }


def check_asked(top: int, unsure_below: float) -> None:
    """Raise a :class:`SettingError` if nothing can be predicted with these settings."""
    if top < 1:
        raise SettingError(f"top is {top}, and at least one class has to be told.")
    if not 0 <= unsure_below <= 1:
        raise SettingError(f"unsure_below is a probability, not {unsure_below:g}.", hint="The usual value is 0.5.")


def predicted(
    probabilities: NDArray[np.float32],
    classes: Sequence[str],
    conformal: Conformal | None,
    *,
    labels_per_text: float = 1.0,
    top: int = 3,
    unsure_below: float = 0.5,
) -> list[Prediction]:
    """Put probabilities into words.

    Parameters
    ----------
    probabilities
        ``[n, C]``; equal ones are ordered by the code of the class.
    classes
        ``[C]``.
    conformal
        Without it there are no sets, and nothing is unsure but by its probability.
    labels_per_text
        By which probabilities are multiplied: where a text has several labels, they share a probability of 1.
    top, unsure_below
        See :meth:`evenshelf.bundles.Bundle.predict`.
    """
    check_asked(top, unsure_below)
    top = min(top, len(classes))
    order = np.argsort(-probabilities, axis=1, kind="stable")
    chances = np.minimum(probabilities * np.float32(labels_per_text), 1.0)
    sets = None if conformal is None else conformal.sets(probabilities)
    found = []
    for row, ranked in enumerate(order):
        best = ranked[:top]
        held = None if sets is None else tuple(classes[c] for c in ranked[sets[row, ranked]])
        p = tuple(float(chances[row, c]) for c in best)
        found.append(Prediction(tuple(classes[c] for c in best), p, held, _unsure(held, p[0], unsure_below)))
    return found


def _unsure(held: tuple[str, ...] | None, probability: float, unsure_below: float) -> str | None:
    if held is not None and len(held) > 1:
        return f"{len(held)} classes are possible"
    if held is not None and not held:
        return "no class is likely enough"
    return f"probability below {unsure_below:g}" if probability < unsure_below else None
