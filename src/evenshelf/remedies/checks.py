"""Checks of parameter values, with one form of message."""

from __future__ import annotations

import math
import numbers

from evenshelf.errors import SettingError


def check_range(
    name: str,
    value: float,
    low: float,
    high: float = math.inf,
    *,
    open_high: bool = False,
    whole: bool = False,
) -> None:
    """Raise :class:`SettingError` unless `value` is a number and ``low <= value <= high`` (``<`` at an open end).

    Infinity is never within a range; with `whole`, neither is a fraction.

    Raises
    ------
    SettingError
        Names the parameter, its value and what is allowed.
    """
    if not isinstance(value, numbers.Integral if whole else numbers.Real) or isinstance(value, bool):
        raise SettingError(f"{name}={value!r} is not {'a whole number' if whole else 'a number'}.")
    below = value < high if open_high else value <= high
    if not (value >= low and below and math.isfinite(value)):
        right = ")" if open_high or high == math.inf else "]"
        raise SettingError(f"{name}={value!r} is outside [{low:g}, {high:g}{right}.")
