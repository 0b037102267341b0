"""Tables of the label study, made from its stored predictions."""

from __future__ import annotations

from typing import Any

import numpy as np

from bench.harness import Listing, known
from evenshelf.remedies import parse
from evenshelf.study.results import Outcome, StudyResult
from evenshelf.study.runner import WORDS_SPEC
from evenshelf.study.statistics import Bootstrap, paired_bootstrap
from evenshelf.study.verdict import Verdict, decide
from evenshelf.tasks.label_metrics import bucket_or_cold, label_metrics

BASELINE = "baseline"
RAREST = 5
"""Classes of at most so many rows have a column of their own."""


def remedies_table(found: StudyResult) -> Listing:
    """Every remedy, tuned, with its difference to doing nothing, and what a comparison at defaults would have said."""
    verdict = decide(found)
    kept = found.fold >= 0
    buckets = bucket_or_cold(found.y, found.fold, found.classes["bucket"].to_numpy())
    rows = []
    for c in verdict.comparisons:
        outcome = found[c.spec].tuned
        assert outcome is not None
        values = label_metrics(
            found.y[kept],
            outcome.predicted[kept],
            np.clip(outcome.p_true[kept], 0, 1),
            np.clip(outcome.p_predicted[kept], 0, 1),
            buckets=buckets,
            counts=found.classes["count"].to_numpy(),
        )
        difference = None if c.spec == verdict.baseline else [c.diff, c.low, c.high]
        rows.append(
            (
                c.spec,
                c["macro_f1"],
                c["tail_f1"],
                known(values["few_shot_f1"]),
                c["accuracy"],
                difference,
                known(c.p_holm),
                known(c.untuned),
                known(c.vanished),
            )
        )
    columns = (
        "remedy",
        "macro_f1",
        "tail_f1",
        "few_shot_f1",
        "accuracy",
        "difference",
        "p_holm",
        "untuned",
        "vanished",
    )
    return Listing("remedies", columns, tuple(rows))


def quality_table(name: str, found: StudyResult, verdict: Verdict) -> Listing:
    """Every remedy, tuned, best first: what it wins, where, and what that does to its confidence.

    Parameters
    ----------
    name
        Of the table.
    verdict
        On the study.
    """
    rows = []
    for c in verdict.comparisons:
        base = c.spec == verdict.baseline
        rows.append(
            (
                c.spec,
                _family(c.spec),
                c["macro_f1"],
                None if base else [c.diff, c.low, c.high],
                known(c.p_holm),
                c["tail_f1"],
                None if base else [c.tail_diff, c.tail_low, c.tail_high],
                known(c["head_f1"]),
                c["accuracy"],
                known(c["ece"]),
                known(c["tail_ece"]),
                known(c.untuned),
                known(c.vanished),
                c.seconds,
            )
        )
    scores = ("tail_f1", "tail_difference", "head_f1", "accuracy", "ece", "tail_ece", "untuned", "vanished", "seconds")
    return Listing(name, ("remedy", "family", "macro_f1", "difference", "p_holm", *scores), tuple(rows))


def _family(spec: str) -> str:
    """Families of a remedy's parts; of a baseline, that it is one."""
    return BASELINE if spec == WORDS_SPEC else " + ".join(family.value for family in parse(spec).families)


def names_table(found: StudyResult, shuffled: StudyResult, specs: list[str]) -> Listing:
    """Name priors with the true names and with names that belong to other classes; intervals against ``none``."""
    lines: list[tuple[Any, ...]] = []
    for names, result in (("true", found), ("shuffled", shuffled)):
        here = [spec for spec in specs if any(r.spec == spec and r.tuned for r in result.remedies)]
        scores = _bootstrap(result, here)
        for spec in here:
            if spec == "none":
                if names == "true":
                    lines.append((spec, None, _interval(scores, spec, "macro_f1"), None))
                continue
            gap = scores.difference(spec, "none", "macro_f1")
            lines.append((spec, names, _interval(scores, spec, "macro_f1"), [gap.value, gap.low, gap.high]))
    return Listing("names", ("remedy", "names", "macro_f1", "difference"), tuple(lines))


def vector_rows(encoder: str, found: StudyResult) -> list[tuple[Any, ...]]:
    """One line per remedy: macro-F1, tail F1, F1 of the rarest classes and accuracy, with intervals."""
    specs = [r.spec for r in found.remedies if r.tuned is not None]
    scores = _bootstrap(found, specs)
    # the bootstrap has three buckets; for the rarest classes it is asked again, with them as the tail
    counts = found.classes["count"].to_numpy()
    rarest = _bootstrap(found, specs, np.where(counts <= RAREST, "tail", "head"))
    return [
        (
            encoder,
            spec,
            _interval(scores, spec, "macro_f1"),
            _interval(scores, spec, "tail_f1"),
            _interval(rarest, spec, "tail_f1"),
            _interval(scores, spec, "accuracy"),
        )
        for spec in specs
    ]


def _bootstrap(found: StudyResult, specs: list[str], buckets: Any = None) -> Bootstrap:
    kept = found.fold >= 0
    if buckets is None:
        buckets = bucket_or_cold(found.y, found.fold, found.classes["bucket"].to_numpy())
    predictions = {spec: _tuned(found, spec).predicted[kept] for spec in specs}
    return paired_bootstrap(found.y[kept], found.group[kept], predictions, buckets)


def _tuned(found: StudyResult, spec: str) -> Outcome:
    outcome = found[spec].tuned
    assert outcome is not None
    return outcome


def _interval(scores: Bootstrap, spec: str, metric: str) -> list[float | None]:
    own = scores.interval(spec, metric)
    return [known(own.value), known(own.low), known(own.high)]
