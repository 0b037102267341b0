"""What tests of made texts run that is no Python package."""

from __future__ import annotations

import os

import pytest

from evenshelf.augmentation.apertium_run import check_direction
from evenshelf.errors import InputError


@pytest.fixture(scope="session")
def apertium() -> None:
    """Apertium with English and Spanish; a skip that says how to get it, and a failure on continuous integration."""
    try:
        for direction in ("eng-spa", "spa-eng"):
            check_direction(direction)
    except InputError as error:
        if os.environ.get("CI"):
            raise
        pytest.skip(f"{error} (or: make apertium)")
