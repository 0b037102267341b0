"""The catalogue: every remedy by its name, those of other packages (entry points ``evenshelf.remedies``) included."""

from __future__ import annotations

import dataclasses
from typing import TypeVar

from evenshelf.errors import SettingError
from evenshelf.plugins import Registry
from evenshelf.remedies.base import Remedy
from evenshelf.remedies.families import Family

R = TypeVar("R", bound=type[Remedy])

_registry: Registry[type[Remedy]] = Registry(
    "remedy",
    "evenshelf.remedies",
    wanted="a class of remedies",
    fits=lambda kind: isinstance(kind, type) and issubclass(kind, Remedy),
    identity=lambda kind: f"{kind.__module__}.{kind.__qualname__}",
)


def register(remedy: R) -> R:
    """Class decorator that puts a remedy into the catalogue.

    Raises
    ------
    SettingError
        If the name is taken by another class, a field has no default, or the family is missing.
    """
    bare = [f.name for f in dataclasses.fields(remedy) if f.default is dataclasses.MISSING]
    if bare:
        raise SettingError(
            f"Remedy {remedy.name!r}: every parameter needs a default; these have none: {', '.join(bare)}."
        )
    if not isinstance(getattr(remedy, "family", None), Family):
        raise SettingError(
            f"Remedy {remedy.name!r} names no family.",
            hint=f"Declare family: ClassVar[Family] = Family.X, X one of {', '.join(f.name for f in Family)}.",
        )
    _registry.register(remedy)
    return remedy


def catalogue() -> dict[str, type[Remedy]]:
    """All known remedies by name, in alphabetical order."""
    return _registry.all()
