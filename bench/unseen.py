"""A labelling question in which some classes are never trained on before they are asked for."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from evenshelf.tasks.label import LabelTask

SHARE = 0.1
"""Of all classes, drawn for each fold."""


@dataclass(frozen=True, eq=False)
class UnseenTask(LabelTask):
    """A task whose drawn classes lie in one fold each: when it is tested, training holds no example of them.

    Attributes
    ----------
    home
        ``[C]`` the fold of a drawn class; -1 for the others, which are spread over the folds as ever.
    """

    home: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))

    @classmethod
    def drawn(cls, task: LabelTask, folds: int, seed: int) -> tuple[UnseenTask, NDArray[np.int64]]:
        """Draw a tenth of the classes for each fold, each class for one fold at most.

        Title groups that hold a drawn class beside another one would tie the two to one fold and are left out.

        Returns
        -------
        The task, and which examples of the given one it has.
        """
        classes = len(task.classes)
        each = max(1, min(round(SHARE * classes), classes // (2 * folds)))
        home = np.full(classes, -1, np.int64)
        home[np.random.default_rng(seed).permutation(classes)[: each * folds]] = np.repeat(np.arange(folds), each)
        _, group = np.unique(task.group, return_inverse=True)
        first = np.full(group.max() + 1, classes)
        last = np.full(group.max() + 1, -1)
        np.minimum.at(first, group, task.target)
        np.maximum.at(last, group, task.target)
        holds = np.zeros(group.max() + 1, bool)
        np.logical_or.at(holds, group, home[task.target] >= 0)
        kept = np.flatnonzero(~(holds & (first < last))[group])
        made = cls.of(
            [task.classes[code] for code in task.target[kept]],
            None if task.texts is None else [task.texts[row] for row in kept],
            group=task.group[kept],
            nouns=task.nouns,
        )
        of_name = dict(zip(task.classes, home.tolist(), strict=True))
        homes = np.array([of_name[name] for name in made.classes], np.int64)
        return cls(**{**vars(made), "home": homes}), kept

    def split(self, folds: int, seed: int) -> NDArray[np.int16]:
        """See :meth:`LabelTask.split`; drawn classes are then moved to their fold."""
        fold, home = super().split(folds, seed), self.home[self.target]
        return np.where(home >= 0, home, fold).astype(np.int16)
