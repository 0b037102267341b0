"""Corrections of p-values for their number."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from scipy.stats import false_discovery_control

from evenshelf.errors import SettingError

Correction = Literal["holm", "fdr", "none"]

CORRECTIONS: dict[Correction, str] = {
    "holm": "the chance of a single false alarm among all is held (Holm 1979)",
    "fdr": "the share of false alarms among the alarms is held (Benjamini & Hochberg 1995)",
    "none": "every comparison stands for itself",
}


def corrected(p: Sequence[float], how: Correction = "holm") -> list[float]:
    """P-values corrected for their number; those that are NaN stay so and do not count.

    Raises
    ------
    SettingError
        If there is no such correction.

    Examples
    --------
    >>> corrected([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    if how not in CORRECTIONS:
        raise SettingError(f"There is no correction {how!r}.", hint=f"Choose one of {', '.join(CORRECTIONS)}.")
    values = np.asarray(p, dtype=float)
    known = np.flatnonzero(~np.isnan(values))
    if how == "none" or not known.size:
        return [float(value) for value in values]
    order = known[np.argsort(values[known], kind="stable")]
    if how == "holm":
        stepped = np.maximum.accumulate(values[order] * np.arange(known.size, 0, -1))
    else:
        stepped = false_discovery_control(values[order], method="bh")
    values[order] = np.minimum(stepped, 1.0)
    return [float(value) for value in values]
