"""More training sequences: those there are, with some items replaced by others whose texts are alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from evenshelf.plurals import counted
from evenshelf.remedies.augmentation import Augmentation
from evenshelf.remedies.checks import check_range
from evenshelf.remedies.registry import register
from evenshelf.remedies.rows import Codes, Prior
from evenshelf.remedies.sequences import MASKED, Sequences, chosen, sizes


@register
@dataclass(frozen=True)
class Substitute(Augmentation):
    """Trains on a sequence with some items replaced by others of like text as well, by rare ones first.

    What was taken once or never so comes into histories, and is asked for. The paper replaces by what is correlated,
    and contrasts two such views of a user; here it is one more sequence to learn from, and rare neighbours are drawn
    more often. An item without a neighbour stays.

    Parameters
    ----------
    rate
        Share of the sequences that are changed, in [0, 1]; 0 does nothing.
    share
        Share of the steps that are replaced, in [0, 1], but at least one.
    rare
        Neighbours are drawn in proportion to ``(1 + n) ** -rare``, in [0, 3]; 0 draws all alike.
    """

    share: float = 0.3
    rare: float = 0.5

    name: ClassVar[str] = "substitute"
    title: ClassVar[str] = "Substituted items"
    paper: ClassVar[str] = "Liu et al., arXiv 2108.06479, 2021 (CoSeRec); rare ones first: evenshelf"
    formula: ClassVar[str] = "share n steps of a sequence give way to text neighbours j, drawn by (1 + n[j]) ** -rare"
    reads_names: ClassVar[bool] = True

    def __post_init__(self) -> None:
        super().__post_init__()
        check_range("rare", self.rare, 0.0, 3.0)

    def augment(
        self, item: Codes, start: Codes, prior: Prior, near: Codes | None, rng: np.random.Generator
    ) -> Sequences | None:
        """See :meth:`Remedy.augment`."""
        if self.rate == 0.0 or near is None or near.shape[1] == 0:
            return None
        given = Sequences(item, start)
        whole = given.picked(chosen(given.lengths > 0, self.rate, rng))
        steps = np.flatnonzero(whole.drawn_steps(sizes(whole.lengths, self.share, 1), rng) & (whole.item != MASKED))
        offered = near[whole.item[steps]]
        likely = np.where(offered >= 0, (1.0 + prior.counts[np.maximum(offered, 0)]) ** -self.rare, 0.0)
        edges = np.cumsum(likely, axis=1)
        draw = rng.random((len(steps), 1)) * edges[:, -1:]
        place = np.minimum((edges <= draw).sum(axis=1), near.shape[1] - 1)
        found = offered[np.arange(len(steps)), place]
        replaced = whole.item.copy()
        replaced[steps] = np.where((edges[:, -1] > 0) & (found >= 0), found, replaced[steps])
        changed = int((replaced != whole.item).sum())
        note = f"{counted(changed, 'step', 'steps')} replaced in {counted(len(whole), 'sequence', 'sequences')}"
        return Sequences(replaced, whole.start, (f"{note} beside {len(given):,} given ones",))
