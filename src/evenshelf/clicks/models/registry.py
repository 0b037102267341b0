"""The one list of click models.

Other packages add theirs as entry points of the group ``evenshelf.click_models``, each a class of
:class:`~evenshelf.clicks.models.base.ClickModel`.
"""

from __future__ import annotations

from typing import TypeVar

from evenshelf.clicks.models.base import ClickModel
from evenshelf.plugins import Registry

M = TypeVar("M", bound=type[ClickModel])

_registry: Registry[type[ClickModel]] = Registry(
    "click model",
    "evenshelf.clicks.models",
    wanted="a class of click models",
    fits=lambda kind: isinstance(kind, type) and issubclass(kind, ClickModel),
    identity=lambda kind: f"{kind.__module__}.{kind.__qualname__}",
    group="evenshelf.click_models",
)


def register(model: M) -> M:
    """Class decorator that adds a model.

    Raises
    ------
    SettingError
        If the name is taken by another class.
    """
    _registry.register(model)
    return model


click_models = _registry.all
"""Every class of click models by name."""

click_model = _registry.find
"""The class of click models of a name."""
