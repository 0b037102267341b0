"""What an encoder of items is tuned on: texts of items that the same users took near each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, diags_array

from evenshelf.errors import InputError
from evenshelf.index.text.folding import fold
from evenshelf.learners.ranking.counting import taken_near
from evenshelf.tasks.histories import Histories

Codes = NDArray[np.int64]
Floats = NDArray[np.float32]

_NEVER = -1e9


@dataclass(frozen=True, eq=False)
class Lesson:
    """What a step learns: which of its texts answer each other, and how much that counts.

    Attributes
    ----------
    texts
        ``[m]`` codes of texts, each once.
    counts
        ``[m, m]`` what it counts that a text (column) was taken near another one (row); 0 where it is no answer.
    rival
        ``[m, m]`` what to add to the score of a text (column) as a rival of those answers: much less than nothing where
        it is none.
    """

    texts: Codes
    counts: Floats
    rival: Floats


@dataclass(frozen=True, eq=False)
class TakenTexts:
    """Texts, and how often two of them were taken near each other.

    Items whose texts are equal but for case, accents and blanks are one text: an encoder cannot tell them apart.

    Attributes
    ----------
    texts
        ``[T]``.
    near
        ``[T, T]`` how often, weighed as in :func:`evenshelf.learners.ranking.counting.taken_near`; symmetric, 0 of a
        text with itself.
    count
        ``[T]`` how often each was taken.
    place
        ``[I]`` the text of each item, -1 where it has none.

    Raises
    ------
    InputError
        If no two texts were taken by one user.
    """

    texts: tuple[str, ...]
    near: csr_array
    count: Codes
    place: Codes

    def __post_init__(self) -> None:
        if not self.near.nnz:
            raise InputError(
                "No user took two items that have different titles, so there is nothing to tune an encoder on.",
                hint="Give items titles, or users longer histories.",
            )

    @classmethod
    def of(cls, histories: Histories, titles: Sequence[str]) -> TakenTexts:
        """Count in histories.

        Parameters
        ----------
        histories
            All that may be learned from; nothing else is looked at.
        titles
            ``[I]`` what each item is called, "" where that is not known.
        """
        folded = [" ".join(fold(title).split()) for title in titles]
        shown: dict[str, str] = {}
        for key, title in zip(folded, titles, strict=True):
            if key:
                shown[key] = min(shown.get(key, title), title)
        code = {key: number for number, key in enumerate(sorted(shown))}
        place = np.array([code.get(key, -1) for key in folded], np.int64)
        some = np.flatnonzero(place >= 0)
        ones = np.ones(len(some), np.float32)
        belongs = csr_array((ones, (some, place[some])), shape=(len(titles), max(len(code), 1)))
        near = (belongs.T @ taken_near(histories) @ belongs).tocoo()
        row, column = near.coords
        apart = row != column
        kept = csr_array((near.data[apart], (row[apart], column[apart])), shape=near.shape)
        kept.sort_indices()
        count = np.asarray(histories.counts @ belongs, np.int64)
        return cls(tuple(shown[key] for key in sorted(shown)), kept, count, place)

    def epoch(self, batch: int, partners: int, power: float, rng: np.random.Generator) -> list[Codes]:
        """Draw as many texts as were taken beside another one, and for each some of those that were taken near it.

        Parameters
        ----------
        batch
            Texts of a step, at least 1, without their partners.
        partners
            So many of each; one may come several times.
        power
            A text is drawn by how often it was taken to this power.
        rng
            What draws.

        Returns
        -------
        Codes of the texts of each step, each once.
        """
        wanted = int((self._mass > 0).sum())
        return [self._drawn(min(batch, wanted), partners, power, rng) for _ in range(-(-wanted // batch))]

    def _drawn(self, batch: int, partners: int, power: float, rng: np.random.Generator) -> Codes:
        first = _places(np.cumsum(self.shares(power)), rng.random(batch))
        begin, end = self._sums[self.near.indptr[first]], self._sums[self.near.indptr[first + 1]]
        at = begin[:, None] + rng.random((batch, partners)) * (end - begin)[:, None]
        pair = np.searchsorted(self._sums[1:], at.ravel(), side="right")
        low, high = (np.repeat(self.near.indptr[at], partners) for at in (first, first + 1))
        pair = np.clip(pair, low, high - 1)  # what rounding puts behind the last partner of a text belongs to it still
        return np.unique(np.concatenate([first, self.near.indices[pair].astype(np.int64)]))

    def shares(self, power: float) -> NDArray[np.float64]:
        """``[T]`` with what chance each text is drawn for itself; 0 where it was taken beside no other."""
        weight = np.where(self._mass > 0, np.maximum(self.count, 1).astype(np.float64) ** power, 0.0)
        return np.asarray(weight / weight.sum())

    def presence(self, partners: int, power: float) -> NDArray[np.float64]:
        """``[T]`` how large a part of what steps read each text is, as itself or as a partner."""
        share = self.shares(power)
        beside = diags_array(share / np.maximum(self._mass, 1e-12)) @ self.near
        return np.asarray((share + partners * beside.sum(axis=0)) / (1 + partners))

    def lesson(self, texts: Codes, power: float) -> Lesson:
        """What some texts teach, whichever of them brought which into the step.

        Answers are those that were taken near a text more often than chance would have it, and they are no rivals of
        each other. In a small shop nearly any two were taken by somebody, so that to have been is no sign. A text
        counts by how often it was taken to a power, and that is shared out by how often its answers were.

        Parameters
        ----------
        texts
            ``[m]`` codes, each once.
        power
            From 0 to 1.
        """
        own = self.near[texts][:, texts].toarray().astype(np.float64)
        mass = np.maximum(self._mass[texts], 1e-12)
        answers = own * float(self._mass.sum()) > mass[:, None] * mass
        weight = np.maximum(self.count[texts], 1).astype(np.float64) ** power
        counts = np.where(answers, own / mass[:, None] * weight[:, None], 0.0).astype(np.float32)
        refused = answers | np.eye(len(texts), dtype=bool)
        return Lesson(texts, counts, np.where(refused, np.float32(_NEVER), np.float32(0.0)))

    @cached_property
    def _mass(self) -> NDArray[np.float64]:
        return np.asarray(self.near.sum(axis=1), np.float64).ravel()

    @cached_property
    def _sums(self) -> NDArray[np.float64]:
        return np.concatenate([[0.0], np.cumsum(self.near.data, dtype=np.float64)])


def _places(sums: NDArray[np.float64], at: NDArray[np.float64]) -> Codes:
    """Places in cumulated shares; one with no share is never drawn."""
    last = np.searchsorted(sums, sums[-1])  # the first that holds all of it: behind it there are but empty ones
    found = np.minimum(np.searchsorted(sums, at * sums[-1], side="right"), last)
    return np.asarray(found, np.int64)
