"""The one list of makers.

Other packages add theirs as entry points of the group ``evenshelf.augmentation``, each a class of
:class:`~evenshelf.augmentation.base.Maker`.
"""

from __future__ import annotations

import dataclasses
from typing import TypeVar

from evenshelf.augmentation.base import Maker, settings_of
from evenshelf.errors import SettingError
from evenshelf.plugins import Registry

M = TypeVar("M", bound=type[Maker])

_registry: Registry[type[Maker]] = Registry(
    "maker",
    "evenshelf.augmentation.makers",
    wanted="a class of makers",
    fits=lambda kind: isinstance(kind, type) and issubclass(kind, Maker),
    identity=lambda kind: f"{kind.__module__}.{kind.__qualname__}",
    group="evenshelf.augmentation",
)


def register(maker: M) -> M:
    """Class decorator that adds a maker.

    Raises
    ------
    SettingError
        If the name is taken by another class, or a parameter has no default.
    """
    bare = [name for name, default in settings_of(maker).items() if default is dataclasses.MISSING]
    if bare:
        raise SettingError(
            f"Maker {maker.name!r}: every parameter needs a default; these have none: {', '.join(bare)}."
        )
    _registry.register(maker)
    return maker


maker_kinds = _registry.all
"""Every class of makers by name."""
