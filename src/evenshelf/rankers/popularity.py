"""What is popular, the same for all."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from evenshelf.rankers.base import Codes, Floats
from evenshelf.rankers.grounds import Grounds
from evenshelf.rankers.packing import Arrays, Unpacked
from evenshelf.tasks.histories import Histories


@dataclass(frozen=True, eq=False)
class Popularity:
    """One list for everybody.

    Attributes
    ----------
    log_share
        ``[I]`` logarithm of how much of all that was taken each item is.
    """

    log_share: Floats

    kind: ClassVar[str] = "popularity"

    @classmethod
    def of(cls, counts: NDArray[np.floating]) -> Popularity:
        """Of counts ``[I]`` > 0."""
        return cls(np.log(counts / counts.sum()).astype(np.float32))

    @property
    def bytes(self) -> int:
        """Of the shares."""
        return int(self.log_share.nbytes)

    def scores(self, histories: Histories) -> Floats:
        """See :meth:`evenshelf.rankers.base.Ranker.scores`."""
        return np.repeat(self.log_share[None], len(histories.users), axis=0)

    def grounds(self, histories: Histories, items: Codes) -> Grounds:
        """See :meth:`evenshelf.rankers.kinds.Kept.grounds`: no item of the history adds anything."""
        del histories
        own = self.log_share[items]
        return Grounds.of(np.empty(0, np.int64), np.empty((len(items), 0)), own, source=self.kind, rest=own)

    def packed(self) -> tuple[dict[str, Any], Arrays]:
        """See :meth:`evenshelf.rankers.kinds.Kept.packed`."""
        return {}, {"log_share": self.log_share}

    @classmethod
    def unpacked(cls, held: Unpacked) -> Popularity:
        """See :meth:`evenshelf.rankers.kinds.Kept.unpacked`."""
        return cls(held.array("log_share", held.items))
