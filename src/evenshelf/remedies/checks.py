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
    open_low: bool = False,
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
    above = value > low if open_low else value >= low
    below = value < high if open_high else value <= high
    if not (above and below and math.isfinite(value)):
        left, right = ("(" if open_low else "["), (")" if open_high or high == math.inf else "]")
        raise SettingError(f"{name}={value!r} is outside {left}{low:g}, {high:g}{right}.")
