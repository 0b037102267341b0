"""From the event log back to the shop, and to a bundle that replaces the one that answers only if it is not worse."""

from __future__ import annotations

from evenshelf.refreshing.gate import Gate, Gated, compared
from evenshelf.refreshing.intake import Intake, take_in
from evenshelf.refreshing.refresh import Refreshed, refresh

__all__ = ["Gate", "Gated", "Intake", "Refreshed", "compared", "refresh", "take_in"]
