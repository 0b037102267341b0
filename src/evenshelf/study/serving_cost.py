"""What a served model costs: milliseconds a text, and bytes."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.encoders import Encoder

Floats = NDArray[np.float32]

ALONE, TOGETHER = 50, 1000
"""Texts that are labelled one by one, and in one call."""
TIMES = 3
"""Calls with many."""


@dataclass(frozen=True)
class Cost:
    """What labelling costs on the machine where it was measured.

    Attributes
    ----------
    alone
        Milliseconds of a text that is asked for by itself; the median of several.
    together
        Milliseconds a text, of :data:`TOGETHER` in one call; the median of :data:`TIMES`.
    """

    alone: float
    together: float


def cost_of(encode: Callable[[Sequence[str]], Floats], head: Callable[[Floats], Any], texts: Sequence[str]) -> Cost:
    """Measure on the spot.

    Parameters
    ----------
    encode
        Texts to vectors; it is asked once before the clock runs.
    head
        Vectors to whatever is said of them.
    texts
        At least one, all different or a call would encode fewer; of many, some that lie evenly apart.
    """
    spread = np.linspace(0, len(texts) - 1, min(TOGETHER, len(texts))).astype(np.int64)
    several = [texts[place] for place in spread]
    head(encode(several[:2]))

    def seconds(some: Sequence[str]) -> float:
        began = time.perf_counter()
        head(encode(some))
        return time.perf_counter() - began

    alone = median(seconds([text]) for text in several[:ALONE])
    together = median(seconds(several) for _ in range(TIMES))
    return Cost(1000 * alone, 1000 * together / len(several))


def bytes_of(encoder: Encoder) -> int:
    """Bytes of the arrays by which a bundle keeps an encoder."""
    return sum(array.nbytes for array in encoder.state().values())
