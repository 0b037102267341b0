"""Sentences about how a study of lists was done: every number and name in them is of its record."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evenshelf.plurals import counted
from evenshelf.study.search_wording import DRAWN_ANEW
from evenshelf.study.wording import percent
from evenshelf.tasks.list_measures import LISTS
from evenshelf.tasks.recommend import CUTS, REPEATED
from evenshelf.tasks.search_measures import SEARCHES

SPLIT_NAMES = {"last": "last basket", "time": "by time", "users": "by user"}
"""What ways to split are called in short."""
_TEST = {
    "last": "What users took in their last basket is the test, and what they took in the one before it chooses "
    "settings. The models that are judged learn from all but the test. Other users' last baskets may be earlier: a "
    "split by time is stricter.",
    "time": "What users took after a moment is the test, and the time before it chooses settings. The models that are "
    "judged learn from all before that moment, and users of whom nothing is known before it are asked as well. A "
    "session that goes on over the moment is known in part.",
    "users": "What users took in their last basket is the test, in {folds} folds of users: a model has seen no step of "
    "those by whom it is judged, reads their histories before that basket, and its settings are chosen by users of "
    "another fold.",
}
_CUT = {
    CUTS[0]: "Head are the most frequent items that together hold half of the steps, tail the least frequent ones that "
    "hold the last tenth, torso is what lies between; items of equal size stay together. Cold are items that nobody "
    "took before the test.",
    CUTS[1]: "Head are the first fifth of the items by how often they were taken, tail the last half, torso is what "
    "lies between. Cold are items that nobody took before the test.",
}

_ORDER = (
    "Items are numbered at random, so that no model can read their ids, and items that score alike come in an order "
    "that is drawn."
)


def how_sentences(meta: Mapping[str, Any]) -> tuple[tuple[str, str], ...]:
    """A heading and what is to be said, of the split, of what may be shown, of order, and of choosing settings."""
    found = [("Test", _TEST[meta["split_by"]].format(folds=meta["folds"]))]
    if "repeats" in meta:
        found.append(("What may be shown", candidates_sentence(meta)))
    found.append(("Order", _ORDER))
    if "chosen" in meta:
        found.append(("Settings", chosen_sentence(meta["chosen"])))
    return tuple(found)


def candidates_sentence(meta: Mapping[str, Any]) -> str:
    """Which items compete for the places."""
    every = f"Every user is shown the best of {_offered(meta)}; none is sampled."
    rule = "What a user had may come again" if meta["repeats"] else "What a user had is neither shown nor wanted again"
    if "repeats_asked" in meta:
        return f"{every} {rule}, as was asked for."
    if not meta.get("shop"):
        return f"{every} {rule}."
    share = f"{'at least' if meta['repeats'] else 'less than'} {percent(REPEATED)}"
    return f"{every} {rule}: {share} of what users took between their first and last baskets they had taken before."


def drawn_anew(meta: Mapping[str, Any]) -> str:
    """What another seed draws anew in such a study, and what it says; of studies of classes and of search as well."""
    if meta.get("measures") == SEARCHES.name:
        return DRAWN_ANEW
    if "split_by" not in meta:
        return (
            "Drawn anew under each seed: the folds, synthetic rows and all else that is drawn. The seed of the study "
            "chose the remedies that are run again, so its gains are flattered: what is tested are the folds of the "
            "fresh seeds alone."
        )
    common = "the order of steps in a basket, what fits draw, and the order of items that score alike"
    if meta["split_by"] == "users":
        return (
            f"Drawn anew under each seed: the folds of users, {common}. The seed of the study chose the remedies that "
            "are run again, so its gains are flattered: what is tested are the folds of the fresh seeds alone."
        )
    return (
        f"Drawn anew under each seed: the users by whom settings are chosen (as many, with replacement), {common}. "
        "The test is the same under all seeds, so nothing is tested once more: this says how far gains hang on what "
        "is drawn, and the intervals of the verdict how far they hang on which users were asked."
    )


def _offered(meta: Mapping[str, Any]) -> str:
    items = counted(meta["items"], "item", "items")
    rules = [f"are of the category {meta['only_category']}"] if "only_category" in meta else []
    rules += ["were in stock at that moment"] if meta.get("in_stock") else []
    return f"those of {items} that {' and '.join(rules)}" if rules else f"all {items}"


def chosen_sentence(chosen: Mapping[str, Any]) -> str:
    """By what settings are chosen."""
    best, kept = LISTS.title(chosen["metric"]), LISTS.title(chosen["guarded"])
    return (
        f"For each remedy the setting with the best {best} among those that lose at most {percent(chosen['give'])} of "
        f"the {kept} of doing nothing, or the one that loses least; on at most {chosen['users']:,} users, drawn, and "
        "never on the test. The remedy's setting and the learner's are chosen together. All may have as many fits; "
        "what acts on scores and lists alone is tried at each of its settings on every one of them."
    )


def parts_sentence(meta: Mapping[str, Any]) -> str:
    """What head, torso, tail and cold are."""
    return _CUT[meta.get("cut", CUTS[0])]
