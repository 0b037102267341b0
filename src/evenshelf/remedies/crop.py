"""More training sequences: pieces of those there are."""

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
class Crop(Augmentation):
    """Trains on a random piece of a sequence as well: what comes next has to be told from less.

    The paper contrasts two such views of a user. Here the piece is one more sequence to learn from.

    Parameters
    ----------
    rate
        Share of the sequences that give a piece, in [0, 1]; 0 does nothing.
    share
        Share of its steps that a piece has, in [0, 1], but at least two; where these are all, there is none.
    """

    name: ClassVar[str] = "crop"
    title: ClassVar[str] = "Cropped sequences"
    paper: ClassVar[str] = "Xie et al., ICDE 2022 (CL4SRec)"
    formula: ClassVar[str] = "steps c + 1, ..., c + m of a sequence of n, m = share n, c uniform in 0, ..., n - m"

    def augment(
        self, item: Codes, start: Codes, prior: Prior, near: Codes | None, rng: np.random.Generator
    ) -> Sequences | None:
        """See :meth:`Remedy.augment`."""
        if self.rate == 0.0:
            return None
        given = Sequences(item, start)
        size = sizes(given.lengths, self.share, 2)
        which = chosen(size < given.lengths, self.rate, rng)
        whole = given.picked(which)
        begin = rng.integers(0, whole.lengths - size[which] + 1)
        of = whole.sequence
        kept = (whole.place >= begin[of]) & (whole.place < (begin + size[which])[of])
        bounds = np.concatenate([[0], np.cumsum(size[which])]).astype(np.int64)
        note = f"pieces of {counted(len(which), 'sequence', 'sequences')} beside {len(given):,} given ones"
        return Sequences(whole.item[kept], bounds, (note,))
