"""Learners at settings of their own, as they are typed: ``name(setting=value)``."""

from __future__ import annotations

import ast
import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from evenshelf.errors import SettingError
from evenshelf.parameters import read_parameters

_BETWEEN = re.compile(r",(?![^()]*\))")
"""A comma that stands in no brackets."""


def base_of(spec: str) -> str:
    """The name before the brackets."""
    return spec.partition("(")[0].strip()


def values_in(spec: str, name: str, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Values that a spec gives to some settings.

    Parameters
    ----------
    spec
        As it is typed, brackets included.
    name
        What messages call it.
    settings
        Usual values by name.

    Raises
    ------
    SettingError
        If it cannot be read, or gives what is no setting; all faults are told.
    """
    hint = 'Write settings in brackets, such as "finetune(epochs=3)".'
    try:
        call = ast.parse(spec.strip(), mode="eval").body
    except SyntaxError as error:
        raise SettingError(f"The learner {spec!r} cannot be read: {error.msg}.", hint=hint) from None
    if not isinstance(call, ast.Call):
        raise SettingError(f"The learner {spec!r} cannot be read.", hint=hint)
    faults: list[str] = []
    values = read_parameters(name, settings, call, faults)
    if values is None:
        raise SettingError(f"The learner {spec!r} is not valid: {' '.join(faults)}", hint=hint)
    return values


def parted(specs: str) -> list[str]:
    """Specs with commas between them; those in brackets part nothing.

    Examples
    --------
    >>> parted("near, blend_tuned(epochs=2, rate=1e-4)")
    ['near', 'blend_tuned(epochs=2, rate=1e-4)']
    """
    return [part.strip() for part in _BETWEEN.split(specs) if part.strip()]


def usual_of(kind: type[Any]) -> dict[str, Any]:
    """Usual values of a dataclass of settings, by name."""
    return {field.name: field.default for field in dataclasses.fields(kind)}


def spec_of(settings: Any) -> str:
    """Values of a dataclass of settings that are not the usual ones, as they are typed: ``rate=5e-05, epochs=3``."""
    usual = usual_of(type(settings))
    return ", ".join(f"{k}={getattr(settings, k)!r}" for k, v in usual.items() if getattr(settings, k) != v)
