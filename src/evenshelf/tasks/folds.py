"""Folds that a model cannot cheat on: stratified by class, with equal and nearly equal texts on one side."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from evenshelf.errors import SettingError

ALWAYS_TRAINING = -1


def grouped_folds(target: NDArray[np.integer], group: NDArray[np.integer], k: int, seed: int) -> NDArray[np.int16]:
    """Assign examples to `k` folds so that no group is split and every class is spread as evenly as its groups allow.

    Greedy: groups come in the order of their rarest class, then by falling size, and each goes to the fold that
    lacks most of that class; ties go to the smaller fold, then by a seeded draw.

    Parameters
    ----------
    target
        ``[n]`` class codes, >= 0.
    group
        ``[n]`` group numbers; examples with equal numbers stay together.
    k
        Number of folds, >= 2.
    seed
        For the ties.

    Returns
    -------
    ``[n]`` int16 in ``-1 .. k - 1``. A class that stands in one group only cannot be both trained and tested; its
    group gets -1: always in training, never evaluated.

    Raises
    ------
    SettingError
        If there are fewer than `k` groups.
    """
    _, group = np.unique(group, return_inverse=True)
    groups = int(group.max()) + 1
    if groups < k:
        raise SettingError(
            f"{k} folds need at least {k} different texts; there are {groups}.", hint="Ask for fewer folds."
        )
    rng = np.random.default_rng(seed)
    pairs, counts = np.unique(np.stack([group, target], axis=1), axis=0, return_counts=True)
    of_group, of_class = pairs[:, 0], pairs[:, 1]
    groups_of_class = np.bincount(of_class)
    class_size = np.bincount(target)
    untestable = np.zeros(groups, bool)
    untestable[of_group[groups_of_class[of_class] == 1]] = True
    # the rarest class of each group decides where it goes
    order = np.lexsort((of_class, class_size[of_class], of_group))
    of_group, of_class, counts = of_group[order], of_class[order], counts[order]
    starts = np.searchsorted(of_group, np.arange(groups + 1))
    rarest = of_class[starts[:-1]]
    size = np.bincount(group, minlength=groups)
    queue = np.lexsort((rng.random(groups), -size, rarest, class_size[rarest]))
    have = np.zeros((k, len(class_size)), np.int64)
    total = np.zeros(k, np.int64)
    tie = np.arange(k)
    fold_of_group = np.full(groups, ALWAYS_TRAINING, np.int16)
    for g in queue:
        if untestable[g]:
            continue
        rng.shuffle(tie)
        fold = int(tie[np.lexsort((total[tie], have[tie, rarest[g]]))[0]])
        fold_of_group[g] = fold
        part = slice(starts[g], starts[g + 1])
        have[fold, of_class[part]] += counts[part]
        total[fold] += size[g]
    folds: NDArray[np.int16] = fold_of_group[group]
    return folds


def random_folds(target: NDArray[np.integer], k: int, seed: int) -> NDArray[np.int16]:
    """Stratified folds that ignore groups, as most tutorials make them; for measuring what they flatter."""
    rng = np.random.default_rng(seed)
    order = np.lexsort((rng.random(len(target)), target))
    fold = np.empty(len(target), np.int16)
    fold[order] = np.arange(len(target)) % k
    return fold
