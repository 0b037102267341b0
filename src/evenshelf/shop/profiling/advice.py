"""What follows from a profile: what to mind before a model is trained on this shop."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from evenshelf.shop.profiling.profile import Profile


def advice(profile: Profile) -> list[str]:
    """Return what follows from a profile, one sentence each; nothing if nothing does."""
    lines = []
    if profile.near_repeats >= 0.01:
        lines.append(
            f"{profile.near_repeats:.0%} of the titles repeat another: split by title group, "
            "or a model is tested on what it has seen."
        )
    if profile.conflicting_labels:
        share = profile.conflicting_labels / profile.rows
        lines.append(
            f"{profile.conflicting_labels:,} rows contradict equal titles: "
            f"no model of titles can get more than {1 - share:.1%} of these items right."
        )
    tail = int((profile.imbalance.bucket == "tail").sum())
    total = len(profile.imbalance.groups)
    if tail and total > 2:
        lines.append(f"{tail:,} of {total:,} groups are tail: accuracy hardly sees them; look at macro-F1 and tail F1.")
    if profile.label_in_title >= 0.2:
        lines.append(
            f"{profile.label_in_title:.0%} of the titles hold their label: "
            "a model that knows the words can borrow from the names of rare groups."
        )
    return lines
