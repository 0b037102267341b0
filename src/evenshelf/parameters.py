"""Parameters of what a spec string names: read from the call in it, written again, and held to their ranges."""

from __future__ import annotations

import ast
import math
import numbers
from collections.abc import Mapping
from typing import Any

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


def read_parameters(name: str, defaults: Mapping[str, Any], call: ast.Call, faults: list[str]) -> dict[str, Any] | None:
    """Values of the parameters in a call, such as ``smote(k=3)``.

    Parameters
    ----------
    name
        What is called, for messages.
    defaults
        Of every parameter that it has.
    call
        The call. Values are Python literals of the type of the default; a whole number may stand for a number.
    faults
        Every fault is added here, as a sentence.

    Returns
    -------
    dict or None
        Values by parameter; ``None`` if there is a fault.
    """
    before = len(faults)
    values: dict[str, Any] = {}
    if call.args:
        faults.append(f"{name}: parameters are given by name, as in {_example(name, defaults)}.")
    for keyword in call.keywords:
        parameter = keyword.arg or "**"
        if parameter not in defaults:
            allowed = f"it has {', '.join(defaults)}." if defaults else "it has none."
            faults.append(f"{name} has no parameter {parameter!r}: {allowed}")
            continue
        if parameter in values:
            faults.append(f"{name}: {parameter} is given twice.")
            continue
        try:
            value = ast.literal_eval(keyword.value)
        except ValueError:
            faults.append(f"{name}: {parameter}={ast.unparse(keyword.value)} is not a number or quoted text.")
            continue
        default = defaults[parameter]
        if isinstance(default, float) and isinstance(value, int) and not isinstance(value, bool):
            value = float(value)
        if type(value) is not type(default):
            faults.append(
                f"{name}: {parameter}={value!r} is {_kind(value)}, "
                f"where {_kind(default)} is needed (default {default!r})."
            )
            continue
        values[parameter] = value
    return values if len(faults) == before else None


def literal(value: Any, default: Any) -> str:
    """A parameter as a spec has it: a 2, a 2.0 and a ``numpy.float64(2.0)`` are one setting and are written alike."""
    number = type(default) in (int, float)
    return repr(type(default)(value) if number else value)


def _kind(value: object) -> str:
    return {float: "a number", int: "a whole number", str: "text", bool: "True or False"}.get(type(value), "a list")


def _example(name: str, defaults: Mapping[str, Any]) -> str:
    inner = ", ".join(f"{parameter}={default!r}" for parameter, default in defaults.items())
    return f"{name}({inner})" if inner else name
