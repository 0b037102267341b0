"""No classifier at all: the class whose encoded name is nearest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize_scalar
from scipy.special import logsumexp

from evenshelf.baselines.fitting import BaselineFit
from evenshelf.baselines.registry import Baseline, Reads, register
from evenshelf.errors import SettingError
from evenshelf.learners import LearnerKind, Predict

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]

COLDEST, HOTTEST = 1e-3, 1e2
"""Temperatures searched."""


@dataclass(frozen=True)
class ZeroShot(BaselineFit):
    """Cosines of vectors and names, divided by the temperature that is likeliest for the training rows."""

    library: ClassVar[str] = "scipy"
    usual: ClassVar[float] = 1.0

    def fit(
        self,
        vectors: Floats,
        target: Codes,
        groups: int,
        *,
        names: Floats | None,
        seed: int,
        penalty: float,
        group: Codes | None,
    ) -> Predict:
        """See :meth:`BaselineFit.fit`.

        Raises
        ------
        SettingError
            If there are no names.
        """
        if names is None:
            raise SettingError("Without names of the classes nothing can be found by them.")
        directions = _unit(names).T
        cosines = (_unit(vectors) @ directions).astype(np.float64)
        true = cosines[np.arange(len(target)), target]

        def surprise(power: float) -> float:
            cold = np.exp(-power)
            return float((logsumexp(cosines * cold, axis=1) - true * cold).mean())

        found = minimize_scalar(surprise, bounds=(np.log(COLDEST), np.log(HOTTEST)), method="bounded")
        cold = np.float32(np.exp(-found.x))
        return lambda new: np.asarray(_unit(new) @ directions * cold, np.float32)


def _unit(vectors: Floats) -> Floats:
    length = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(length, 1e-12), np.float32)


ZERO_SHOT = register(
    Baseline(
        "zero_shot",
        "Nearest class name",
        "The class whose encoded name has the highest cosine to the vector; training finds the temperature alone.",
        "Yin, Hay & Roth, EMNLP 2019",
        Reads.VECTORS,
        LearnerKind("zero_shot", "nearest names", "-", (), ZeroShot(), norms=False),
        names=True,
    )
)
