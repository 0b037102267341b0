"""More training sequences: those there are, with some steps hidden."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from evenshelf.plurals import counted
from evenshelf.remedies.augmentation import Augmentation
from evenshelf.remedies.registry import register
from evenshelf.remedies.rows import Codes, Prior
from evenshelf.remedies.sequences import MASKED, Sequences, chosen, sizes


@register
@dataclass(frozen=True)
class Mask(Augmentation):
    """Trains on a sequence with some steps hidden as well: no single item may be what all rests on.

    Hidden steps keep their places, and are not to be told. The paper contrasts two such views of a user. Here it is one
    more sequence to learn from.

    Parameters
    ----------
    rate
        Share of the sequences of three steps or more that are masked, in [0, 1]; 0 does nothing.
    share
        Share of the steps that are hidden, in [0, 1], but at least one; two stay.
    """

    share: float = 0.3

    name: ClassVar[str] = "mask"
    title: ClassVar[str] = "Masked sequences"
    paper: ClassVar[str] = "Xie et al., ICDE 2022 (CL4SRec)"
    formula: ClassVar[str] = "share n steps of a sequence of n, drawn at random, give way to a mask"

    def augment(
        self, item: Codes, start: Codes, prior: Prior, near: Codes | None, rng: np.random.Generator
    ) -> Sequences | None:
        """See :meth:`Remedy.augment`."""
        if self.rate == 0.0:
            return None
        given = Sequences(item, start)
        whole = given.picked(chosen(given.lengths > 2, self.rate, rng))
        count = np.minimum(sizes(whole.lengths, self.share, 1), whole.lengths - 2)
        hidden = whole.drawn_steps(count, rng)
        note = f"{counted(int(hidden.sum()), 'step', 'steps')} hidden in {counted(len(whole), 'sequence', 'sequences')}"
        masked = np.where(hidden, MASKED, whole.item)
        return Sequences(masked, whole.start, (f"{note} beside {len(given):,} given ones",))
