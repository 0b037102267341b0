"""What may speak for showing an item to a user: counts, texts, attributes, each as a score of its own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.sparse import csr_array

from evenshelf.learners.ranking.base import Evidence, needed_texts
from evenshelf.learners.ranking.counting import lent, likeness, strongest, taken_after, taken_near, taken_together
from evenshelf.learners.ranking.item_texts import nearest
from evenshelf.rankers.base import Floats
from evenshelf.rankers.sources import Source

NEAR = 50
"""Items with similar texts that lend their counts."""
PAIRS = 500
"""Items that each one speaks for at most, with counts on loan, of which there are many small ones."""
PACES = {"fast": 0.5, "slow": 0.9, "last": 0.01}
"""What a step says is multiplied by this for each basket that it is back."""


def sources_of(evidence: Evidence, *, directed: bool = False) -> tuple[Source, ...]:
    """All sources, each with histories that fade fast and slowly, and some with the last step alone.

    EASE and ALS are none: beside these they brought a thousandth of recall at 10 in one cross-fit, and EASE needs
    memory by the square of the items.

    Parameters
    ----------
    evidence
        To count in. Texts, if there are any, lend counts to rare items.
    directed
        Whether what was taken after what counts as well.
    """
    histories, facts = evidence.histories, evidence.facts
    taken = histories.counts.astype(np.float64)
    near = taken_near(histories)
    found: list[tuple[str, csr_array | Floats, csr_array | Floats | None, Sequence[str]]] = [
        ("together", likeness(taken_together(histories), taken), None, ("fast", "slow")),
        ("near", likeness(near, taken, shrink=10.0), None, ("fast", "slow", "last")),
    ]
    if facts.has_texts:
        graph = nearest(needed_texts(evidence, "blend"), NEAR)
        pairs = strongest(likeness(*lent(near, taken, graph), shrink=10.0), PAIRS)
        found.append(("lent", pairs, None, ("fast", "slow")))
    if directed:
        after = taken_after(histories)
        found.append(("after", likeness(after, taken, shrink=10.0), None, ("fast", "slow", "last")))
    for name, matrix in (*facts.texts, ("vectors", facts.vectors), ("tuned", facts.tuned)):
        if matrix is not None:
            found.append((name, matrix, matrix, ("fast", "slow", "last") if name != "attributes" else ("fast", "slow")))
    return tuple(
        Source(f"{name}, {pace}", PACES[pace], left, right) for name, left, right, paces in found for pace in paces
    )
