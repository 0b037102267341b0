"""Learners that rank items for users by their histories."""

from __future__ import annotations

from evenshelf.learners.ranking.blend import Blend, fit_blend
from evenshelf.learners.ranking.sources import Source, sources_of

__all__ = ["Blend", "Source", "fit_blend", "sources_of"]
