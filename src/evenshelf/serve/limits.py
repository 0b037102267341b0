"""How often one sender may ask: a bucket of tokens for each key or address."""

from __future__ import annotations

import math
import threading
import time
from collections import OrderedDict
from collections.abc import Callable

_WHOLE = 1 - 1e-9
"""Of a token, what is one: who comes back when told must not be sent away by a rounding."""
_SENDERS = 100_000
"""Senders that are remembered; those who asked longest ago are forgotten first, and have a full bucket again."""


class Rate:
    """Token buckets.

    Parameters
    ----------
    rate
        Tokens a second; 0 for no limit at all.
    burst
        Tokens that a full bucket holds.
    clock
        Seconds that never go back, whatever happens to the time of the day.
    """

    def __init__(self, rate: float, burst: int, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._rate, self._burst, self._clock = rate, float(burst), clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def taken(self, sender: str) -> int:
        """Take a token; returns 0, or the seconds after which there will be one."""
        if not self._rate:
            return 0
        now = self._clock()
        with self._lock:
            tokens, when = self._buckets.pop(sender, (self._burst, now))
            tokens = min(self._burst, tokens + (now - when) * self._rate)
            wait = 0 if tokens >= _WHOLE else max(1, math.ceil((1 - tokens) / self._rate))
            self._buckets[sender] = (tokens if wait else max(0.0, tokens - 1), now)
            if len(self._buckets) > _SENDERS:
                self._buckets.popitem(last=False)
        return wait
