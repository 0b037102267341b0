"""What scores vectors at serving time: one matrix, and what calibration made of its scores; arrays and nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.errors import InputError
from evenshelf.remedies.calibrated import AffineMap, StepMap, log_probabilities

Floats = NDArray[np.float32]
AFFINE, STEPS = "affine", "steps"


@dataclass(frozen=True, eq=False)
class ServingHead:
    """A linear head with all that its remedy does to scores.

    Attributes
    ----------
    weights
        ``[d, C]`` float32 on vectors as the encoder gives them; adjustments of the scores are in it.
    bias
        ``[C]`` float32.
    calibration
        What follows the linear scores, or ``None``.
    """

    weights: Floats
    bias: Floats
    calibration: AffineMap | StepMap | None = None

    def scores(self, vectors: Floats) -> Floats:
        """``[n, C]`` scores of vectors ``[n, d]``, whose softmax are probabilities."""
        linear = np.asarray(vectors @ self.weights + self.bias, dtype=np.float32)
        return linear if self.calibration is None else self.calibration(linear)

    def probabilities(self, vectors: Floats) -> Floats:
        """``[n, C]`` probabilities; a row sums to one."""
        return np.exp(log_probabilities(self.scores(vectors))).astype(np.float32)

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All of it by name; :meth:`of_arrays` takes it back."""
        found: dict[str, NDArray[Any]] = {"weights": self.weights, "bias": self.bias}
        if isinstance(self.calibration, AffineMap):
            found |= {f"{AFFINE}.factor": self.calibration.factor, f"{AFFINE}.offset": self.calibration.offset}
        elif self.calibration is not None:
            maps = self.calibration.maps
            found |= {
                f"{STEPS}.at": np.concatenate([x for x, _ in maps]).astype(np.float64),
                f"{STEPS}.value": np.concatenate([y for _, y in maps]).astype(np.float64),
                f"{STEPS}.count": np.array([len(x) for x, _ in maps], np.int64),
            }
        return found

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, NDArray[Any]]) -> ServingHead:
        """The head of :meth:`arrays`.

        Raises
        ------
        InputError
            If arrays are missing or do not fit together.
        """
        try:
            weights, bias = arrays["weights"], arrays["bias"]
            classes = len(bias)
            calibration: AffineMap | StepMap | None = None
            fits = weights.ndim == 2 and bias.shape == (weights.shape[1],)
            if f"{AFFINE}.factor" in arrays:
                calibration = AffineMap(arrays[f"{AFFINE}.factor"], arrays[f"{AFFINE}.offset"])
                fits &= calibration.factor.shape == calibration.offset.shape == bias.shape
            elif f"{STEPS}.at" in arrays:
                at, value, count = (arrays[f"{STEPS}.{name}"] for name in ("at", "value", "count"))
                whole = len(count) == classes and bool((count > 0).all()) and count.sum() == len(at) == len(value)
                ends = np.cumsum(count)[:-1] if whole else np.empty(0, np.int64)
                parts = tuple(zip(np.split(at, ends), np.split(value, ends), strict=True))
                calibration = StepMap(parts)
                fits &= whole and all(bool((np.diff(x) >= 0).all()) for x, _ in parts)
        except KeyError as error:
            raise InputError(f"The array {error} is missing.", hint="Train the bundle again.") from error
        if not fits:
            shapes = ", ".join(f"{name} {array.shape}" for name, array in arrays.items())
            raise InputError(f"The arrays do not fit together: {shapes}.", hint="Train the bundle again.")
        return cls(weights, bias, calibration)
