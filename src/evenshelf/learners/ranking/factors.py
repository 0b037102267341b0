"""What learners of short vectors share: the package implicit, and what folds users in."""

from __future__ import annotations

from importlib import import_module
from types import ModuleType

import numpy as np

from evenshelf.errors import MissingExtraError
from evenshelf.rankers.base import Floats


def solver_of(items: Floats, penalty: float) -> Floats:
    """``[f, f]`` ``(Y'Y + penalty)^-1``, what is the same for all users."""
    gram = items.T.astype(np.float64) @ items + penalty * np.eye(items.shape[1])
    return np.linalg.inv(gram).astype(np.float32)


def implicit_module(name: str, feature: str) -> ModuleType:
    """A module of the package implicit, which is optional.

    Raises
    ------
    MissingExtraError
        If it is not installed.
    """
    try:
        return import_module(f"implicit.cpu.{name}")
    except ImportError as error:
        raise MissingExtraError("implicit", "train", feature) from error
