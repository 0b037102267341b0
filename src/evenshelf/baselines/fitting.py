"""What the fits of all baselines share: parameters that are part of their address, and the cases that are none."""

from __future__ import annotations

import warnings
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from evenshelf.errors import SettingError
from evenshelf.learners import Predict
from evenshelf.learners.log_scores import spread
from evenshelf.remedies import Remedy

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class Ladder:
    """Penalties for a study to choose from.

    Attributes
    ----------
    values
        All of them, the strongest first.
    """

    values: tuple[float, ...]

    def __call__(self, count: int) -> tuple[float, ...]:
        """At most `count` of them, evenly spread, the weakest included; one alone is from the middle."""
        if count >= len(self.values):
            return self.values
        if count == 1:
            return (self.values[len(self.values) // 2],)
        picked = np.linspace(0, len(self.values) - 1, count).round().astype(int)
        return tuple(self.values[i] for i in picked)


@contextmanager
def few_rows() -> Iterator[None]:
    """Where the rarest class has a row or two, so have all in each part: scikit-learn warns of so few, for good reason.

    What it warns of shows in the scores.
    """
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "The number of unique classes is greater than 50%", UserWarning)
        warnings.filterwarnings("ignore", "Using the fractional value max_samples", UserWarning)
        yield


@dataclass(frozen=True)
class BaselineFit(ABC):
    """Fits a baseline; its fields are its parameters. See :class:`evenshelf.learners.registry.FitScores`."""

    library: ClassVar[str]
    """The package that does the work, as its distribution is called."""
    usual: ClassVar[float]
    """The penalty for ``None``."""

    @property
    def fingerprint(self) -> str:
        """All that decides what it does."""
        try:
            release = version(self.library)
        except PackageNotFoundError:
            release = "missing"
        return f"{type(self).__name__} {asdict(self)} {self.library} {release}"

    def __call__(
        self,
        vectors: Floats,
        target: Codes,
        groups: int,
        remedy: Remedy,
        *,
        names: Floats | None = None,
        seed: int = 0,
        penalty: float | None = None,
        group: Codes | None = None,
    ) -> Predict:
        """Fit it; `group` as in :class:`evenshelf.learners.brought.Brought`.

        Raises
        ------
        SettingError
            If the remedy does anything.
        """
        if remedy.stages:
            stages = ", ".join(stage.value for stage in remedy.stages)
            raise SettingError(f"{remedy}: a baseline is fitted as it is, and cannot act at the stage {stages}.")
        present = np.unique(target)
        if len(present) < 2:
            return lambda new: spread(np.zeros((len(new), len(present))), present, groups)
        strength = self.usual if penalty is None else penalty
        predict = self.fit(vectors, target, groups, names=names, seed=seed, penalty=strength, group=group)
        # libraries refuse to predict no row
        return lambda new: predict(new) if len(new) else spread(np.empty((0, len(present))), present, groups)

    @abstractmethod
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
        """Fit at least two groups that have rows."""
