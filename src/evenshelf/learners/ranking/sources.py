"""What may speak for showing an item to a user: counts, texts, attributes, each as a score of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from scipy.sparse import csr_array, diags_array

from evenshelf.learners.ranking.als import fit_als
from evenshelf.learners.ranking.base import Evidence, Floats, bytes_of, needed_texts
from evenshelf.learners.ranking.counting import lent, likeness, taken_after, taken_near, taken_together
from evenshelf.learners.ranking.ease import check_memory, item_weights
from evenshelf.learners.ranking.factors import Factors, folded_in
from evenshelf.learners.ranking.item_texts import nearest
from evenshelf.remedies import parse

NEAR = 50
"""Items with similar texts that lend their counts."""
PACES = {"fast": 0.5, "slow": 0.9, "last": 0.01}
"""What a step says is multiplied by this for each step that it is back."""
MOST_OF_EASE = 20_000
"""Items up to which EASE is among the sources: 1.6 GB."""
PENALTY = 200.0
ALS = {"factors": 128, "confidence": 4.0, "penalty": 1.0, "decay": 0.8}


class Source(Protocol):
    """Scores of items by the items of a history."""

    @property
    def name(self) -> str:
        """What is told of it."""

    @property
    def decay(self) -> float:
        """Of the weights of a history; see :meth:`Histories.weights`."""

    @property
    def bytes(self) -> int:
        """Memory that it holds."""

    def scores(self, weights: csr_array) -> Floats:
        """``[n, I]`` scores for histories ``[n, I]``, whose weights add up to one."""


@dataclass(frozen=True, eq=False)
class Alike:
    """What is like the items of a history.

    Attributes
    ----------
    name, decay
        See :class:`Source`.
    left, right
        ``left`` is ``[I, I]`` likeness and `right` ``None``; or both are ``[I, d]`` vectors whose products are.
    """

    name: str
    decay: float
    left: csr_array | Floats
    right: csr_array | Floats | None = None

    @property
    def bytes(self) -> int:
        """See :attr:`Source.bytes`."""
        return bytes_of(self.left) + (0 if self.right is None or self.right is self.left else bytes_of(self.right))

    def scores(self, weights: csr_array) -> Floats:
        """See :meth:`Source.scores`."""
        found = weights @ self.left
        found = found if self.right is None else found @ self.right.T
        return np.asarray(found.toarray() if isinstance(found, csr_array) else found, dtype=np.float32)


@dataclass(frozen=True, eq=False)
class Folded:
    """Vectors of ALS, with users folded in by their histories.

    Attributes
    ----------
    name
        See :class:`Source`.
    factors
        Of items.
    """

    name: str
    factors: Factors

    @property
    def decay(self) -> float:
        """See :attr:`Source.decay`."""
        return self.factors.decay

    @property
    def bytes(self) -> int:
        """See :attr:`Source.bytes`."""
        return self.factors.bytes

    def scores(self, weights: csr_array) -> Floats:
        """See :meth:`Source.scores`; the latest step of a history weighs one here, not all of them together."""
        latest = np.maximum(weights.max(axis=1).toarray().ravel(), 1e-9)
        whole = csr_array(diags_array(1.0 / latest) @ weights, dtype=np.float32)
        items = self.factors.items
        return np.asarray(folded_in(whole, items, self.factors.solver, self.factors.confidence) @ items.T, np.float32)


def sources_of(evidence: Evidence, *, seed: int, directed: bool = False) -> tuple[Source, ...]:
    """All sources, each with histories that fade fast and slowly, and some with the last step alone.

    EASE is among them up to :data:`MOST_OF_EASE` items, as its memory grows with their square.

    Parameters
    ----------
    evidence
        To count in. Texts, if there are any, lend counts to rare items.
    seed
        Of the start of ALS.
    directed
        Whether what was taken after what counts as well.
    """
    histories, facts, none = evidence.histories, evidence.facts, parse("none")
    taken = histories.counts.astype(np.float64)
    near = taken_near(histories)
    found: list[tuple[str, csr_array | Floats, csr_array | Floats | None, Sequence[str]]] = [
        ("together", likeness(taken_together(histories), taken), None, ("fast", "slow")),
        ("near", likeness(near, taken, shrink=10.0), None, ("fast", "slow", "last")),
    ]
    if facts.has_texts:
        graph = nearest(needed_texts(evidence, "blend"), NEAR)
        found.append(("lent", likeness(*lent(near, taken, graph), shrink=10.0), None, ("fast", "slow")))
    if directed:
        after = taken_after(histories)
        found.append(("after", likeness(after, taken, shrink=10.0), None, ("fast", "slow", "last")))
    if len(taken) <= MOST_OF_EASE:
        check_memory(len(taken))
        weights = item_weights(histories, penalty=PENALTY)
        found.append(("ease", weights, None, ("fast", "slow")))
    for name, matrix in (*facts.texts, ("vectors", facts.vectors)):
        if matrix is not None:
            found.append((name, matrix, matrix, ("fast", "slow", "last") if name != "attributes" else ("fast", "slow")))
    factors = fit_als(evidence, none, setting=ALS, seed=seed)
    return (
        *(Alike(f"{name}, {pace}", PACES[pace], left, right) for name, left, right, paces in found for pace in paces),
        Folded("als", factors),
    )
