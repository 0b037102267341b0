"""Resampling as imbalanced-learn does it, with the care that small classes ask for."""

from __future__ import annotations

import numpy as np
from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.under_sampling import RandomUnderSampler
from numpy.typing import NDArray

from evenshelf.remedies import Remedy

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]


def resample(remedy: Remedy, X: Floats, y: Codes, seed: int) -> tuple[Floats, Codes]:
    """Rows and classes after ``random_over``, ``random_under`` or ``smote``."""
    counts = np.bincount(y)
    there = np.flatnonzero(counts)
    largest, smallest = counts.max(), counts[there].min()
    strength = remedy.strength
    if remedy.name == "random_under":
        wanted = {int(c): max(round(counts[c] ** (1 - strength) * smallest**strength), 1) for c in there}
        return RandomUnderSampler(sampling_strategy=wanted, random_state=seed).fit_resample(X, y)
    wanted = {int(c): max(round(counts[c] ** (1 - strength) * largest**strength), int(counts[c])) for c in there}
    wanted = {c: size for c, size in wanted.items() if size > counts[c]}
    if remedy.name == "random_over":
        return RandomOverSampler(sampling_strategy=wanted, random_state=seed).fit_resample(X, y)
    return _smote(X, y, remedy.k, wanted, seed=seed)


def _smote(X: Floats, y: Codes, k: int, wanted: dict[int, int], *, seed: int) -> tuple[Floats, Codes]:
    """SMOTE with as many neighbours as each class has, at most k; classes of one row are repeated."""
    counts = np.bincount(y)
    parts: list[tuple[Floats, Codes]] = []
    for neighbours in range(k + 1):
        classes = [c for c in wanted if min(k, counts[c] - 1) == neighbours]
        if not classes:
            continue
        strategy = {c: wanted[c] for c in classes}
        sampler = (
            SMOTE(sampling_strategy=strategy, k_neighbors=neighbours, random_state=seed)
            if neighbours
            else RandomOverSampler(sampling_strategy=strategy, random_state=seed)
        )
        more, labels = sampler.fit_resample(X, y)
        parts.append((more[len(y) :], labels[len(y) :]))  # both put what they make after what they are given
    return np.concatenate([X, *(p for p, _ in parts)]), np.concatenate([y, *(labels for _, labels in parts)])


def default_smote_raises(X: Floats, y: Codes) -> bool:
    """Whether SMOTE as it comes refuses these rows because of a small class."""
    try:
        SMOTE(random_state=0).fit_resample(X, y)
    except ValueError as error:
        if "n_neighbors" not in str(error):
            raise
        return True
    return False
