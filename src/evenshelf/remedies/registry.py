"""The catalogue: every remedy by its name, those of other packages (entry points ``evenshelf.remedies``) included."""

from __future__ import annotations

import dataclasses
from functools import cache
from importlib import import_module
from importlib.metadata import entry_points
from pkgutil import iter_modules
from typing import TypeVar

from evenshelf.errors import SettingError
from evenshelf.remedies.base import Remedy

_catalogue: dict[str, type[Remedy]] = {}
R = TypeVar("R", bound=type[Remedy])


def register(remedy: R) -> R:
    """Class decorator that puts a remedy into the catalogue.

    Raises
    ------
    SettingError
        If the name is taken by another class, or a field has no default.
    """
    taken = _catalogue.get(remedy.name)
    if taken is not None and (taken.__module__, taken.__qualname__) != (
        remedy.__module__,
        remedy.__qualname__,
    ):
        raise SettingError(
            f"The remedy name {remedy.name!r} is already taken by {taken.__module__}.{taken.__qualname__}."
        )
    bare = [f.name for f in dataclasses.fields(remedy) if f.default is dataclasses.MISSING]
    if bare:
        raise SettingError(
            f"Remedy {remedy.name!r}: every parameter needs a default; these have none: {', '.join(bare)}."
        )
    _catalogue[remedy.name] = remedy
    return remedy


@cache
def _load() -> None:
    for module in iter_modules(import_module("evenshelf.remedies").__path__, "evenshelf.remedies."):
        import_module(module.name)
    for entry in entry_points(group="evenshelf.remedies"):
        loaded = entry.load()
        if isinstance(loaded, type) and issubclass(loaded, Remedy):
            register(loaded)


def catalogue() -> dict[str, type[Remedy]]:
    """All known remedies by name, in alphabetical order."""
    _load()
    return dict(sorted(_catalogue.items()))
