"""Sentences about how a study of search was done: every number and name in them is of its record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evenshelf.plurals import counted, plural
from evenshelf.study.wording import percent
from evenshelf.tasks.search import ANSWERS, CLICKS, JUDGEMENTS
from evenshelf.tasks.search_measures import SEARCHES

LIMITS = (
    "What nobody judged counts as irrelevant, so a ranking that shows items which were not judged looks worse than it "
    "is."
)
"""What incomplete judgements do; sentences."""
_COUNTED = {ANSWERS: "known answers"}
_PARTS = (
    "Head are the most frequent queries that together hold half of the {counted}, tail the least frequent ones that "
    "hold the last tenth, torso is what lies between; queries of equal frequency stay together. "
)
_FREQUENT = {
    ANSWERS: "How often queries were asked is not known. So a query counts as the more frequent the more items are "
    "known to answer it: what many items answer is asked in general words, and general words are asked most.",
}
_TESTED = {
    JUDGEMENTS: "How well an item answers a query is what people judged.",
    CLICKS: "How well an item answers a query is how attractive it is to who looks at it, by the position-based model "
    "of clicks: that an item stood high, and was looked at more for it, is taken out.",
}
_LEARNED = (
    "Learned from are clicks: what was shown for the queries of the other folds, and how often it was clicked, as each "
    "remedy reads it."
)
_SEEN = (
    "Without judgements, attraction by the click model is the test. That model, and how popular items are, have seen "
    "the clicks of the queries that are tested, and these were counted under the ranking that the shop showed: what "
    "stood high there is favoured, and what was not shown counts as irrelevant. So trust such a verdict less."
)
_APART = "Judgements choose settings and test; no model learns from them."
_GAINS = (
    "The gain of an item is its grade (linear, not a power of two), discounted by the logarithm of its place; NDCG@10 "
    "divides the sum over the first ten by that of the best order. Queries that no known item answers are not tested."
)
_ORDER = "Items that score alike come in an order that is drawn."


def counted_by(meta: Mapping[str, Any]) -> str:
    """What the frequency of queries is counted in, in the plural."""
    return _COUNTED.get(meta.get("counted", ""), "searches")


def tested_by(meta: Mapping[str, Any]) -> str:
    """What says how well items answer: one of :data:`evenshelf.tasks.search.TARGETS`."""
    return str(meta.get("tested_by") or meta.get("target") or JUDGEMENTS)


def target_phrase(meta: Mapping[str, Any]) -> str:
    """What is learned from, and what tells how well, in few words."""
    target, tested = meta.get("target") or JUDGEMENTS, tested_by(meta)
    return f"by {target}" if target == tested else f"from {target}, tested by {tested}"


def how_sentences(meta: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """A heading and what is to be said: of folds, candidates, what is true, and of choosing settings."""
    found = [("Splits", _splits(meta)), ("Candidates", _candidates(meta)), ("What answers", _answers(meta))]
    found.append(("Order", _ORDER))
    if "chosen" in meta:
        found.append(("Settings", chosen_sentence(meta["chosen"])))
    return tuple(found)


def chosen_sentence(chosen: Mapping[str, Any]) -> str:
    """By what settings are chosen."""
    best, kept = SEARCHES.title(chosen["metric"]), SEARCHES.title(chosen["guarded"])
    return (
        f"For each remedy the setting with the best {best} among those that lose at most {percent(chosen['give'])} of "
        f"the {kept} of doing nothing, or the one that loses least; by the queries of another fold, of which that fit "
        "has learned nothing, and never by those that are scored. The remedy's setting and the learner's are chosen "
        "together. All may have as many fits; what acts on scores and lists alone is tried at each of its settings "
        "on every one of them."
    )


def parts_sentence(meta: Mapping[str, Any]) -> str:
    """What head, torso and tail of queries are."""
    return (_PARTS.format(counted=counted_by(meta)) + frequency_sentence(meta)).strip()


def frequency_sentence(meta: Mapping[str, Any]) -> str:
    """What stands in for how often queries were asked; "" where that is known."""
    return _FREQUENT.get(meta.get("counted", ""), "")


def alarms(meta: Mapping[str, Any]) -> tuple[str, ...]:
    """What a reader has to know before a verdict is believed: that clicks test what was learned from clicks."""
    return (_SEEN,) if meta.get("target") == CLICKS == tested_by(meta) else ()


DRAWN_ANEW = (
    "Drawn anew under each seed: the folds of queries, what fits draw, and the order of items that score alike; not "
    "the queries that a remedy makes, which are those of the study's own seed. The seed of the study chose the "
    "remedies that are run again, so its gains are flattered: what is tested are the folds of the fresh seeds alone."
)
"""What another seed draws anew in such a study, and what it says."""


def _splits(meta: Mapping[str, Any]) -> str:
    return (
        f"{counted(meta['folds'], 'fold', 'folds')} of queries; those that are equal or nearly so are in one of them. "
        "Each query is answered by a model that has learned from the other folds alone."
    )


def _candidates(meta: Mapping[str, Any]) -> str:
    items = counted(meta["items"], "item", "items")
    middle = ""
    if "candidates" in meta:
        middle = f" Together these are {counted(meta['candidates'], 'item', 'items')} in the median query."
    return (
        f"For each query what the index of {items} finds, the best by words and the best by vectors, is ordered anew. "
        "What was judged and is not found is scored as well, to be learned from, and is shown only if a remedy finds "
        f"it.{middle}"
    )


def _answers(meta: Mapping[str, Any]) -> str:
    tested = tested_by(meta)
    said = [_TESTED[tested]]
    if "judged" in meta:
        pairs = counted(meta["judged"], "pair", "pairs")
        said.append(f"{pairs} of a query and an item {plural(meta['judged'], 'has', 'have')} a grade.")
    if meta.get("target") == CLICKS:
        said.append(f"{_LEARNED}{f' {_APART}' if tested != CLICKS else ''}")
    return " ".join((*said, _GAINS))
