"""What is told of a study whose examples have sets of labels: how sets were answered, and the metrics of sets."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from evenshelf.study.wording import several_labels, value
from evenshelf.tasks.label_metrics import CLASSES
from evenshelf.tasks.list_measures import LISTS
from evenshelf.tasks.list_metrics import METRICS as LIST_METRICS
from evenshelf.tasks.measures import Measures, Metric
from evenshelf.tasks.search_measures import BESIDE, SEARCHES
from evenshelf.tasks.set_metrics import SET_METRICS

if TYPE_CHECKING:
    from evenshelf.study.results import StudyResult
    from evenshelf.study.verdict import Verdict
    from evenshelf.tasks.nouns import Nouns

SHOWN = ("micro_f1", "map", "tail_map", "lrap", "known_size_f1", "known_size_tail_f1")
"""Metrics of sets that the terminal and the report show."""
SHOWN_OF_LISTS = ("coverage", "gini", "tail_share", "novelty", "diversity", "serendipity")
"""Of lists, likewise."""


def metrics_beside(measures: Measures) -> Mapping[str, Metric]:
    """Metrics that are told beside those of a verdict: of sets of labels, or of lists."""
    return {CLASSES.name: SET_METRICS, LISTS.name: LIST_METRICS, SEARCHES.name: BESIDE}[measures.name]


def shown_beside(measures: Measures, lines: Sequence[tuple[str, Mapping[str, float]]]) -> tuple[str, ...]:
    """Those of them that are shown: that any remedy has a value of."""
    names = {CLASSES.name: SHOWN, LISTS.name: (*SHOWN_OF_LISTS, *AGAIN), SEARCHES.name: tuple(BESIDE)}[measures.name]
    return tuple(name for name in names if any(math.isfinite(values.get(name, math.nan)) for _, values in lines))


AGAIN = ("rebought_recall_at_10", "new_recall_at_10")
"""Of lists where what users had may be shown again."""
NARROW = ("coverage", "gini", "tail_share", *AGAIN, "judged_ndcg_at_10", "zero_results", "tail_items_shown")
"""Of lists and rankings, those that a narrow terminal has room for."""


def how_answered(meta: Mapping[str, Any], nouns: Nouns) -> str:
    """How texts with several labels were asked for them; "" where they have one."""
    if "labels_per_text" not in meta:
        return ""
    if meta.get("sizes") != "learned":
        return several_labels(meta["labels_per_text"], nouns)
    texts = nouns.texts[0].upper() + nouns.texts[1:]
    return (
        f"{texts} have {meta['labels_per_text']:.3g} {nouns.labels} on average, those of equal {nouns.texts} together. "
        f"Each {nouns.label} is given where its own score says so, to any number of {nouns.texts}, and one that is "
        "given and not true counts against it; nobody is told how many there are."
    )


def set_values(result: StudyResult, verdict: Verdict) -> list[tuple[str, Mapping[str, float]]]:
    """Spec and metrics of sets of every tuned remedy, in the order of the verdict; empty where there are no sets."""
    known = {r.spec: r.tuned.sets for r in result.remedies if r.tuned is not None and r.tuned.sets}
    return [(c.spec, known[c.spec]) for c in verdict.comparisons if c.spec in known]


def set_table(result: StudyResult, verdict: Verdict, *, wide: bool = True) -> Table | None:
    """The metrics of sets for the terminal, or ``None`` where there are no sets; of lists fewer if it is not `wide`."""
    lines = set_values(result, verdict)
    if not lines:
        return None
    table = Table(box=None, padding=(0, 1, 0, 0), header_style="bright_black", pad_edge=False)
    of = {CLASSES.name: "sets of ", LISTS.name: "lists", SEARCHES.name: "rankings"}[verdict.kind]
    labels = (result.meta.get("nouns") or {}).get("labels", "labels") if verdict.measures == CLASSES else ""
    table.add_column(of + labels, overflow="fold", min_width=16)
    shown, metrics = shown_beside(verdict.measures, lines), metrics_beside(verdict.measures)
    shown = shown if wide or verdict.measures == CLASSES else tuple(name for name in shown if name in NARROW)
    for name in shown:
        title = metrics[name].title if verdict.measures == CLASSES else metrics[name].title.replace(" ", "\n")
        table.add_column(title, justify="right", no_wrap=verdict.measures != CLASSES)
    for spec, values in lines:
        table.add_row(spec, *(Text(value(values.get(name, math.nan))) for name in shown))
    return table
