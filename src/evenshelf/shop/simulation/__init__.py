"""The simulated shop: deterministic, of any size, in several worlds, with a truth that is known.

:func:`simulate` makes one, :func:`evenshelf.shop.simulation.truth.read` reads its truth, and
:class:`~evenshelf.shop.simulation.parameters.Parameters` writes down how people and prices behave in it.
"""

from __future__ import annotations

from evenshelf.shop.simulation.settings import LANGUAGES, WORLDS, Settings
from evenshelf.shop.simulation.write import simulate, tables

__all__ = ["LANGUAGES", "WORLDS", "Settings", "simulate", "tables"]
