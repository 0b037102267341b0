"""Checks of parameter values, with one form of message."""

from __future__ import annotations

from evenshelf.parameters import check_range

__all__ = ["check_range"]
