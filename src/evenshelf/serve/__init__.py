"""A shop over HTTP: search, recommendations, labels, and the events from which the next study learns.

>>> from evenshelf.serve import Settings, create_app
>>> app = create_app(Settings(shop="myshop", open=True))  # doctest: +SKIP
"""

from __future__ import annotations

from evenshelf.serve.app import create_app
from evenshelf.serve.settings import Settings

__all__ = ["Settings", "create_app"]
