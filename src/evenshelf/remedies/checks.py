"""Checks of parameter values, with one form of message."""

from __future__ import annotations

import math

from evenshelf.errors import SettingError


def check_range(
    name: str,
    value: float,
    low: float,
    high: float = math.inf,
    *,
    open_low: bool = False,
    open_high: bool = False,
) -> None:
    """Raise :class:`SettingError` unless ``low <= value <= high`` (``<`` at an open end).

    Raises
    ------
    SettingError
        Names the parameter, its value and what is allowed.
    """
    above = value > low if open_low else value >= low
    below = value < high if open_high else value <= high
    if not (above and below):
        left, right = ("(" if open_low else "["), (")" if open_high or high == math.inf else "]")
        raise SettingError(f"{name}={value!r} is outside {left}{low:g}, {high:g}{right}.")
