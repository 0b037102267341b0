"""What a remedy lets answers compete with, in draws that are small enough for a language model to read."""

from __future__ import annotations

import numpy as np

from evenshelf.errors import SettingError
from evenshelf.learners.search.tuned.pairs import TrainingPairs
from evenshelf.remedies import Prior, Remedy
from evenshelf.remedies.negatives import Negatives


def competitors_of(remedy: Remedy, prior: Prior, pairs: TrainingPairs, draws: int) -> Negatives | None:
    """What a remedy lets answers compete with, in so few draws that each can be read; None if it says nothing.

    With its own number of draws or fewer, the offsets are lessened by as much as there are fewer: the sum over the draw
    estimates what it did.

    Raises
    ------
    SettingError
        If the prior is not of the items.
    """
    found = remedy.competitors(prior)
    if found is None:
        return None
    if len(found.share) != len(pairs.items):
        raise SettingError(
            f"The prior has {len(found.share)} groups, and there are {len(pairs.items)} items.",
            hint="Groups of a search model are the items of its pairs.",
        )
    count = min(draws, found.count)
    fewer = np.float32(np.log(found.count / count)) if found.offset.any() else np.float32(0)
    return Negatives(count, found.share, found.offset - fewer)
