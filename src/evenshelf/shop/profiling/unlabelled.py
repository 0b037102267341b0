"""A shop whose items have no categories at a glance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evenshelf.shop.profiling.profile import Profile, lacks_categories, profile

if TYPE_CHECKING:
    from evenshelf.shop.progress import Progress
    from evenshelf.shop.store import Shop

__all__ = ["lacks_categories", "profile_unlabelled"]


def profile_unlabelled(shop: Shop, *, progress: Progress | None = None) -> Profile:
    """Measure a shop without asking for labels: :func:`~evenshelf.shop.profiling.profile.profile` without a target."""
    return profile(shop, None, progress=progress)
