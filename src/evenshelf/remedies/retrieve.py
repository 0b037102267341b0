"""Remedies that keep the training rows and ask the nearest ones: a memory forgets no rare group."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.special import softmax

from evenshelf.plurals import counted
from evenshelf.remedies.after_training import Retrieved
from evenshelf.remedies.base import Remedy, Stage
from evenshelf.remedies.checks import check_range
from evenshelf.remedies.families import Family
from evenshelf.remedies.neighbours import nearest_rows
from evenshelf.remedies.registry import register
from evenshelf.remedies.rows import Codes, Floats, Prior

_LEAST = 1e-30
"""Least probability: what no neighbour and no model believes in has a finite score."""


@register
@dataclass(frozen=True)
class NearestNeighbours(Remedy):
    """Mixes the probabilities of the model with the votes of the k nearest training rows.

    Near rows have more to say. Distances are those of rows whose root mean square length is 1, so that two rows that
    have nothing in common are about 1.4 apart. Equal rows of a group are one row with the votes of all.

    Parameters
    ----------
    k
        Rows that vote, >= 1; all where there are fewer.
    share
        Of the votes in the mixture, in [0, 1]; 0 does nothing, 1 leaves the model out.
    temperature
        Squared distance over which a vote falls to 1 / e of itself, in [0.001, 1000].
    balance
        In [0, 1]: votes are divided by this power of the size of their group; 0 leaves them.
    """

    k: int = 10
    share: float = 0.25
    temperature: float = 0.1
    balance: float = 1.0

    name: ClassVar[str] = "knn"
    title: ClassVar[str] = "Nearest training rows"
    family: ClassVar[Family] = Family.POOLING
    paper: ClassVar[str] = "Khandelwal et al., ICLR 2020; long tails: Long et al., CVPR 2022"
    formula: ClassVar[str] = (
        "log((1 - share) softmax(s)[g] + share p[g]), "
        "p[g] ~ n[g] ** -balance sum over the k nearest i of g of exp(-|x - x[i]|^2 / temperature)"
    )
    stages: ClassVar[tuple[Stage, ...]] = (Stage.RETRIEVE,)
    neutral: ClassVar[dict[str, float]] = {"share": 0.0}
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"share": (0.25, 0.1)}

    def __post_init__(self) -> None:
        check_range("k", self.k, 1, whole=True)
        check_range("share", self.share, 0.0, 1.0)
        check_range("temperature", self.temperature, 0.001, 1000.0)
        check_range("balance", self.balance, 0.0, 1.0)

    def retrieve(self, vectors: Floats, target: Codes, count: Floats, prior: Prior) -> Retrieved | None:
        """See :meth:`Remedy.retrieve`."""
        if self.share == 0.0 or not len(target):
            return None
        voice = np.maximum(prior.counts, 1).astype(np.float64) ** -self.balance
        return _Memory(vectors, target, count * voice[target], len(prior.counts), self.k, self.share, self.temperature)


@dataclass(frozen=True, eq=False)
class _Memory:
    """The rows; see :class:`NearestNeighbours`.

    Attributes
    ----------
    voice
        ``[n]`` votes of a row at distance 0.
    """

    vectors: Floats
    target: Codes
    voice: NDArray[np.float64]
    groups: int
    k: int
    share: float
    temperature: float

    @property
    def notes(self) -> tuple[str, ...]:
        if len(self.target) >= self.k:
            return ()
        return (f"all {counted(len(self.target), 'row', 'rows')} vote, as there are fewer than {self.k}",)

    def look_up(self, vectors: Floats) -> csr_array:
        k = min(self.k, len(self.target))
        near, distance = nearest_rows(vectors, self.vectors, k)
        votes = np.exp(-(distance**2 - distance[:, :1] ** 2) / self.temperature) * self.voice[near]
        votes /= votes.sum(axis=1, keepdims=True)
        lines = np.repeat(np.arange(len(vectors)), k)
        shape = (len(vectors), self.groups)
        return csr_array((votes.ravel().astype(np.float32), (lines, self.target[near].ravel())), shape=shape)

    def __call__(self, scores: Floats, found: csr_array) -> Floats:
        # Where a model offers no group at all, it prefers none.
        offered = np.where(np.isneginf(scores).all(axis=1, keepdims=True), np.float32(0.0), scores)
        mixed = (1.0 - self.share) * softmax(offered.astype(np.float64), axis=1) + self.share * found.toarray()
        return np.asarray(np.log(np.maximum(mixed, _LEAST)), dtype=np.float32)
