"""Named sets of remedies to compare."""

from __future__ import annotations

from collections.abc import Sequence

from evenshelf.errors import SettingError
from evenshelf.remedies.base import Remedy
from evenshelf.remedies.registry import catalogue
from evenshelf.remedies.spec import parse

# compositions that earned their place by measurement; see docs/decisions
PROVEN = ("name_prior + logit_adjust(tau=0.5)",)
SETS = {
    "standard": "every remedy for labels that needs nothing from you, and proven compositions",
    "quick": "one of each stage",
    "texts": "text augmentation by makers that need nothing installed, each beside as many copies",
    "lists": "for recommendation: what changes training, scores or lists",
    "search": "for search: queries weighed and made, evidence of queries nearby, scores and lists changed",
}
QUICK = ("none", "balanced", "random_over", "balanced_softmax", "logit_adjust", "knn", "threshold_moving", "name_prior")
TEXTS = ("none", "balanced", *(f"augment_texts(maker={name!r})" for name in ("eda", "slots", "typos", "crop")))
"""What makes texts out of texts by rules."""
LISTS = (
    "none",
    "balanced",
    "effective_number",
    "inverse_propensity",
    "random_over",
    "square_root",
    "balanced_softmax",
    "focal",
    "logit_adjust(tau=0.05)",
    "logit_adjust(tau=0.1)",
    "logit_adjust(tau=0.2)",
    "sampled_softmax",
    "sampled_softmax(logq=False)",
    "crop",
    "mask",
    "reorder",
    "substitute",
    "name_prior",
    "text_smoothed",
    "mmr",
    "calibrated",
    "xquad",
    "fair_exposure",
)
"""What is worth comparing where items are ranked for users."""
SEARCH = (
    "none",
    "balanced",
    "effective_number",
    "unbiased_clicks",
    "popularity_debiased",
    "unbiased_clicks + knn",
    "doc_to_query",
    "sampled_softmax",
    "knn",
    "knn(k=3, share=0.5)",
    "logit_adjust(tau=0.05)",
    "logit_adjust(tau=0.2)",
    "mmr",
    "fair_exposure",
)
"""What is worth comparing where items are ranked for queries."""


def remedy_set(names: str | Sequence[str | Remedy]) -> tuple[Remedy, ...]:
    """The remedies meant by a set name, a comma-separated list of specs, or a sequence of specs and remedies.

    The baseline ``none`` always comes first, and what a remedy has to be compared with comes after it
    (:attr:`Remedy.control`); repeats are dropped.

    Raises
    ------
    SettingError
        If a spec is not valid.
    """
    items: list[str | Remedy] = _split(names) if isinstance(names, str) else list(names)
    found: list[Remedy] = [parse("none")]
    for item in items:
        if isinstance(item, Remedy):
            found.append(item)
        elif item == "standard":
            found.extend(kind() for kind in catalogue().values() if not kind.needs and kind().serves_labels)
            found.extend(parse(spec) for spec in PROVEN)
        elif item == "quick":
            found.extend(parse(spec) for spec in QUICK)
        elif item == "texts":
            found.extend(parse(spec) for spec in TEXTS)
        elif item == "lists":
            found.extend(parse(spec) for spec in LISTS)
        elif item == "search":
            found.extend(parse(spec) for spec in SEARCH)
        else:
            found.append(parse(item))
    found = [one for remedy in found for one in (remedy, remedy.control) if one is not None]
    unique = {remedy.spec: remedy for remedy in found}
    if not items:
        raise SettingError("No remedies given.", hint=f"Give specs, or a set: {', '.join(SETS)}.")
    return tuple(unique.values())


def _split(text: str) -> list[str | Remedy]:
    """Split at the commas outside brackets."""
    parts, depth, start = [], 0, 0
    for position, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if character == "," and depth == 0:
            parts.append(text[start:position])
            start = position + 1
    parts.append(text[start:])
    return [p.strip() for p in parts if p.strip()]
