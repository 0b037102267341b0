"""Every ranker that can be kept as arrays and numbers, by the name of its kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Protocol, runtime_checkable

from evenshelf.errors import InputError
from evenshelf.rankers.base import Codes, Floats
from evenshelf.rankers.blend import Blend
from evenshelf.rankers.buying_again import BuyingAgain
from evenshelf.rankers.category_popularity import CategoryPopularity
from evenshelf.rankers.factors import Factors, Ordered
from evenshelf.rankers.grounds import Grounds
from evenshelf.rankers.neighbourhoods import Neighbourhoods
from evenshelf.rankers.packing import Arrays, Unpacked
from evenshelf.rankers.popularity import Popularity
from evenshelf.rankers.sequence_reader import SequenceReader
from evenshelf.rankers.texts import Texts
from evenshelf.tasks.histories import Histories


@runtime_checkable
class Kept(Protocol):
    """A ranker that can be kept, and that can say why."""

    kind: ClassVar[str]

    @property
    def bytes(self) -> int:
        """Memory that it holds."""

    def scores(self, histories: Histories) -> Floats:
        """See :meth:`evenshelf.rankers.base.Ranker.scores`."""

    def grounds(self, histories: Histories, items: Codes) -> Grounds:
        """Why some items have their scores.

        Parameters
        ----------
        histories
            Of one user.
        items
            ``[k]`` codes.
        """

    def packed(self) -> tuple[dict[str, Any], Arrays]:
        """JSON-able numbers, and finite arrays by name."""

    @classmethod
    def unpacked(cls, held: Unpacked) -> Kept:
        """What was packed.

        Raises
        ------
        InputError
            If numbers or arrays are missing or do not fit together.
        """


KINDS: Mapping[str, type[Kept]] = {
    kind.kind: kind
    for kind in (
        Neighbourhoods,
        Popularity,
        CategoryPopularity,
        Texts,
        Factors,
        Ordered,
        Blend,
        BuyingAgain,
        SequenceReader,
    )
}


def unpacked(kind: str, held: Unpacked) -> Kept:
    """The ranker of a kind that was packed.

    Raises
    ------
    InputError
        If there is no such kind, or what is held does not fit to it.
    """
    if kind not in KINDS:
        raise InputError(
            f"There is no kind of ranker {kind!r}.", hint="Use the version of evenshelf that wrote the bundle."
        )
    return KINDS[kind].unpacked(held)
