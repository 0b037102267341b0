"""More training sequences: those there are, with a piece of each shuffled."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from evenshelf.plurals import counted
from evenshelf.remedies.augmentation import Augmentation
from evenshelf.remedies.registry import register
from evenshelf.remedies.rows import Codes, Prior
from evenshelf.remedies.sequences import Sequences, chosen, sizes


@register
@dataclass(frozen=True)
class Reorder(Augmentation):
    """Trains on a sequence with a piece of it shuffled as well: the order of near steps is mostly chance.

    In files whose times are days, steps of a day stand in the order of their ids; who is trained on shuffled pieces
    reads less of that. The paper contrasts two such views of a user. Here it is one more sequence to learn from.

    Parameters
    ----------
    rate
        Share of the sequences that are shuffled, in [0, 1]; 0 does nothing.
    share
        Share of its steps that the shuffled piece of a sequence has, in [0, 1], but at least two.
    """

    name: ClassVar[str] = "reorder"
    title: ClassVar[str] = "Reordered sequences"
    paper: ClassVar[str] = "Xie et al., ICDE 2022 (CL4SRec)"
    formula: ClassVar[str] = "steps c + 1, ..., c + m of a sequence of n in random order, m = share n, c uniform"

    def augment(
        self, item: Codes, start: Codes, prior: Prior, near: Codes | None, rng: np.random.Generator
    ) -> Sequences | None:
        """See :meth:`Remedy.augment`."""
        if self.rate == 0.0:
            return None
        given = Sequences(item, start)
        whole = given.picked(chosen(given.lengths > 1, self.rate, rng))
        size = sizes(whole.lengths, self.share, 2)
        begin = rng.integers(0, whole.lengths - size + 1)
        of, place = whole.sequence, whole.place
        inside = (place >= begin[of]) & (place < (begin + size)[of])
        # a piece's steps are drawn anew between the places before its first and behind its last
        key = np.where(inside, begin[of] - 0.5 + size[of] * rng.random(len(of)), place)
        note = f"a piece of {counted(len(whole), 'sequence', 'sequences')} shuffled beside {len(given):,} given ones"
        return Sequences(whole.item[np.lexsort((key, of))], whole.start, (note,))
