"""What follows from a profile: what to mind before a model is trained on this shop."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evenshelf.plurals import counted

if TYPE_CHECKING:
    from evenshelf.shop.profiling.judgement_profile import JudgementProfile
    from evenshelf.shop.profiling.profile import Profile


def advice(profile: Profile) -> list[str]:
    """Return what follows from a profile, one sentence each; nothing if nothing does."""
    lines = [] if profile.target is not None else [_without_target(profile)]
    if profile.near_repeats >= 0.01:
        lines.append(
            f"{profile.near_repeats:.0%} of the titles repeat another: split by title group, "
            "or a model is tested on what it has seen."
        )
    if profile.conflicting_labels:
        share = profile.conflicting_labels / profile.rows
        lines.append(
            f"{counted(profile.conflicting_labels, 'row contradicts', 'rows contradict')} equal titles: "
            f"no model of titles can get more than {1 - share:.1%} of these items right."
        )
    if profile.imbalance is not None:
        tail = int((profile.imbalance.bucket == "tail").sum())
        total = len(profile.imbalance.groups)
        if tail and total > 2:
            lines.append(
                f"{tail:,} of {total:,} groups are tail: accuracy hardly sees them; look at macro-F1 and tail F1."
            )
    if profile.label_in_title is not None and profile.label_in_title >= 0.2:
        lines.append(
            f"{profile.label_in_title:.0%} of the titles hold their label, {profile.label_word_in_title:.0%} a word of "
            "it: a model that knows the words can borrow from the names of rare groups."
        )
    return lines + (_about_judgements(profile.judgements) if profile.judgements is not None else [])


def _without_target(profile: Profile) -> str:
    choices = ", ".join(profile.others)
    if profile.categorised:
        learned = choices or "category"
        return f"No column was named, so nothing is said about labels. Columns that could be learned: {learned}."
    more = f" Columns that could be learned instead: {choices}; name one with --target." if choices else ""
    return f"No item has a category, so there is nothing to learn about categories yet.{more}"


def _about_judgements(judged: JudgementProfile) -> list[str]:
    lines = []
    if judged.median < judged.catalogue:
        lines.append(
            f"{judged.median:,g} of {judged.catalogue:,} items are judged for a query in the median: an item that "
            "nobody judged is not known to be wrong; report how many of the first ten are judged."
        )
    if judged.without_relevant:
        lines.append(
            f"{judged.without_relevant:,} of {judged.queries:,} queries have no relevant item: every ranking of them "
            "gets 0; leave them out of means, or say that they are in."
        )
    if judged.unknown_items:
        lines.append(
            f"{judged.unknown_items:,} of {judged.rows:,} judgements are of items that the shop does not have: "
            "no search of it can find them."
        )
    return lines
