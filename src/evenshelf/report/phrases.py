"""Phrases of the report that hang on what was asked for: classes, lists for users, or rankings for queries.

What is said of all studies alike stands in the templates. A number is never part of a phrase, unless the record of the
study holds it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evenshelf.study.search_wording import LIMITS, counted_by, target_phrase
from evenshelf.tasks.label_metrics import CLASSES
from evenshelf.tasks.list_measures import LISTS
from evenshelf.tasks.search_measures import SEARCHES

if TYPE_CHECKING:
    from evenshelf.tasks.measures import Measures
    from evenshelf.tasks.nouns import Nouns


@dataclass(frozen=True)
class Phrases:
    """How a report speaks of one kind of answers; each fits into a sentence of a template unless said otherwise.

    Attributes
    ----------
    study
        What the study is called.
    target, of_target
        What it is learned from, and a name that comes after; "" for none.
    facts
        The template of the first key figures.
    tried
        What of settings is counted, as a heading.
    encoded
        What an encoder reads.
    no_encoder
        What is said where there is none, a sentence; "" where vectors were given.
    held, counted, sizes, axis
        What is counted of each group: in a sentence of all of it, in one of how much there is, as a heading of how much
        one has, on the axis of a chart.
    same, whole
        What remedies are compared on, and what falls into head, torso and tail.
    each
        What counts the same in the metric that decides by default.
    others, beside
        What baselines are, and where they are judged.
    source
        What holds all that can be known.
    more_head
        What would tell of a head that could not be evaluated, a sentence.
    elsewhere
        Where effort is better spent than on remedies.
    sets, sets_are
        Heading and sentence of the metrics that are told beside.
    no_rules
        Why no rules of thumb are told, a sentence; "" where some are.
    defaults, tuned, chosen_on
        What usual defaults are, what tuning chooses, and on what.
    worse_tuned
        Why tuning may lose, a sentence; "" where it does not need to be said.
    gone
        What a gain was that is gone after tuning.
    further
        Which measures follow that of the tail and that of the head.
    shares
        What a learning curve learns from and is tested on, a sentence.
    shared
        What comes once before all fits, a sentence; asked with whether there is an encoder.
    uncounted
        What of that is not in the time.
    accounts
        How to read what is known of families, a sentence; "" where they are of such data.
    limits
        What the study cannot tell, sentences.
    cold
        What cold groups are.
    """

    study: str
    target: str
    of_target: str
    facts: str
    tried: str
    encoded: str
    no_encoder: str
    held: str
    counted: str
    sizes: str
    axis: str
    same: str
    whole: str
    each: str
    others: str
    beside: str
    source: str
    more_head: str
    elsewhere: str
    sets: str
    sets_are: str
    no_rules: str
    defaults: str
    tuned: str
    chosen_on: str
    worse_tuned: str
    gone: str
    further: str
    shares: str
    shared: Callable[[bool], str]
    uncounted: str
    accounts: str
    limits: str
    cold: str


def phrases_of(measures: Measures, meta: Mapping[str, Any], nouns: Nouns) -> Phrases:
    """Those of what a study judges by.

    Parameters
    ----------
    measures
        Of the verdict.
    meta
        The record of the study.
    nouns
        What its task calls its examples.
    """
    made = {CLASSES.name: _of_classes, LISTS.name: _of_lists, SEARCHES.name: _of_searches}[measures.name]
    return made(meta, nouns)


def _of_classes(meta: Mapping[str, Any], nouns: Nouns) -> Phrases:
    others = f"{nouns.unit}s" if nouns.grouped else nouns.texts
    return Phrases(
        study="Study of imbalance",
        target="column",
        of_target=str(meta.get("target") or ""),
        facts="study_class_facts.html",
        tried="Settings tried",
        encoded="text",
        no_encoder="",
        held="examples",
        counted="examples",
        sizes="sizes",
        axis="examples",
        same="examples",
        whole="catalogue",
        each=f"every {nouns.label}",
        others="models",
        beside="in the same folds",
        source="vectors",
        more_head=f"More examples of them, under other {others}, would tell.",
        elsewhere=f"better texts, a better encoder, or more examples of rare {nouns.labels}",
        sets=f"Sets of {nouns.labels}",
        sets_are=f"Beside the F1 of each {nouns.label}, these tell of the sets as a whole.",
        no_rules="",
        defaults=f"penalty {meta.get('default_penalty') or 'C = 1'}, parameters as in the papers",
        tuned="the penalty well",
        chosen_on="inside the training folds, never on the examples that are scored",
        worse_tuned="",
        gone="regularisation",
        further="Likelihood and CPU time are the third and the fourth measure",
        shares="Each model is tuned and fitted on a share of the training examples and tested on the same rows.",
        shared=lambda encoder: "Encoding the texts comes once, before, for all of them." if encoder else "",
        uncounted="encoding",
        accounts="",
        limits=f"The models are {meta.get('models') or 'linear heads'} on fixed vectors; with a fine-tuned encoder the "
        "remedies may rank otherwise.",
        cold="no training fold holds them when they are asked for",
    )


def _of_lists(meta: Mapping[str, Any], nouns: Nouns) -> Phrases:
    target = str(meta.get("target") or "")
    return Phrases(
        study="Study of recommendation",
        target="all kinds of events" if target == "all" else "events:",
        of_target="" if target == "all" else target,
        facts="study_list_facts.html",
        tried="Fits to choose from",
        encoded="title",
        no_encoder="Titles, where there are any, are read as words alone.",
        held="steps that are learned from",
        counted="steps",
        sizes="times taken",
        axis="times taken",
        same=nouns.examples,
        whole="catalogue",
        each="every wanted item",
        others="learners",
        beside="on the same users",
        source=nouns.texts,
        more_head="More users who want them would tell.",
        elsewhere="another learner, better texts, or longer histories",
        sets="What lists show",
        sets_are="Beside whether the first ten places hold what is wanted: how much of the catalogue they show, how "
        "evenly, how new and how varied.",
        no_rules="No rules of thumb are held against studies of recommendation: what was measured is all that is "
        "advised by.",
        defaults="learner and remedies as they come",
        tuned="the settings of the learner by what users took before the test",
        chosen_on="on what users took before the test, never on the test",
        worse_tuned="What keeps the head and was best before the test need not be best in it.",
        gone="a better setting of the learner",
        further="CPU time is the third measure",
        shares="Each model is tuned and fitted on what a share of the users took. Who is asked, with what history, and "
        "what they wanted is the same at every share.",
        shared=lambda encoder: "Encoding the titles comes once, before, for all of them." if encoder else "",
        uncounted="encoding",
        accounts="",
        limits=f"The lists are those of one learner, {meta.get('models') or meta.get('learner')}; with another the "
        "remedies may rank otherwise. What was wanted is what users took while the shop showed them what it showed: "
        "what they were never shown they could hardly take.",
        cold="nobody took them before the test",
    )


def _of_searches(meta: Mapping[str, Any], nouns: Nouns) -> Phrases:
    counted = counted_by(meta)
    return Phrases(
        study="Study of search",
        target=target_phrase(meta),
        of_target="",
        facts="study_search_facts.html",
        tried="Fits to choose from",
        encoded="title and each query",
        no_encoder="Titles and queries are read as words alone.",
        held=counted,
        counted=counted,
        sizes="each",
        axis=counted,
        same=nouns.things,
        whole="queries",
        each="every query",
        others="learners",
        beside="in the same folds",
        source="words and vectors of the candidates",
        more_head="Judging what answers them would tell.",
        elsewhere="another learner, more judgements, or better titles",
        sets="What rankings show",
        sets_are="Beside how well the first ten answer: how much of them was judged, how many queries find nothing, "
        "and which items are shown at all.",
        no_rules="No rules of thumb are held against studies of search: what was measured is all that is advised by.",
        defaults="learner and remedies as they come",
        tuned="the settings of the learner by the queries of another fold",
        chosen_on="on the queries of another fold, never on those that are scored",
        worse_tuned="What keeps the head and was best for the queries of another fold need not be best for those that "
        "are scored.",
        gone="a better setting of the learner",
        further="CPU time is the third measure",
        shares="Each model is tuned and fitted on a share of the queries. Which queries are asked in the end is the "
        "same at every share.",
        shared=lambda _: "Asking the index for candidates comes once, before, for all of them.",
        uncounted="asking the index",
        accounts="What is known is of classes with examples; here a remedy sees queries with their frequency, or items "
        "with how often they were taken, in their place.",
        limits=f"The lists are those of one index and one learner, {meta.get('models') or meta.get('learner')}; with "
        f"others the remedies may rank otherwise. {LIMITS}",
        cold="",
    )
