"""The report of a study: the verdict first, then the evidence for it."""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

import numpy as np

from evenshelf.remedies import parse
from evenshelf.report import class_charts, evidence_charts, fairness_charts, remedy_charts
from evenshelf.report.advice import cards, fact_lines, findings
from evenshelf.report.buckets import bucket_rows
from evenshelf.report.cases import cases_section
from evenshelf.report.classes import class_changes, most_changed, reliability_tables
from evenshelf.report.command import command
from evenshelf.report.copies import copies_section
from evenshelf.report.exposure import exposure_section
from evenshelf.report.numbers import merged, small
from evenshelf.report.page import render, write
from evenshelf.report.phrases import phrases_of
from evenshelf.report.search import search_facts, search_section
from evenshelf.shop.profiling.imbalance import FEW_SHOT, Imbalance
from evenshelf.study.advising import advise
from evenshelf.study.evidence_wording import (
    calibration_sentence,
    controls_sentence,
    curve_sentences,
    front_sentence,
    seed_sentences,
)
from evenshelf.study.exposure import ListFairness
from evenshelf.study.fairness import fairness
from evenshelf.study.fairness_wording import called, fairness_sentences, pooling_sentence
from evenshelf.study.list_wording import SPLIT_NAMES, drawn_anew, how_sentences, parts_sentence
from evenshelf.study.made_rows import MADE_TEXTS
from evenshelf.study.order_free import METRICS as ORDER_METRICS
from evenshelf.study.order_free import order_free
from evenshelf.study.order_wording import alarms, free_sentence, order_sentences
from evenshelf.study.runner import WORDS_SPEC
from evenshelf.study.search_fairness import SearchFairness
from evenshelf.study.sets import how_answered, metrics_beside, set_values, shown_beside
from evenshelf.study.wording import comparison_note, only_trained_on, read_off, refusable, unguarded
from evenshelf.tasks.list_measures import LISTS
from evenshelf.tasks.nouns import nouns_of

if TYPE_CHECKING:
    from evenshelf.explain.cases import Cases
    from evenshelf.report.svg import Figure
    from evenshelf.study.comparison import Comparison
    from evenshelf.study.fairness import Found
    from evenshelf.study.results import Outcome, RemedyResult, StudyResult
    from evenshelf.study.verdict import Verdict
    from evenshelf.tasks.nouns import Nouns


def study_report(result: StudyResult, verdict: Verdict, fair: Found | None = None, cases: Cases | None = None) -> str:
    """The report of a study as one HTML document.

    Parameters
    ----------
    result
        Of the study.
    verdict
        What :func:`evenshelf.study.verdict.decide` said of that result.
    fair
        What :func:`evenshelf.study.fairness.fairness` found there, if it was asked already.
    cases
        What :func:`evenshelf.explain.study_cases.study_cases` found there, if it was asked.
    """
    imbalance = _imbalance(result, lists=not verdict.measures.likelihood)
    nouns = nouns_of(result.meta)
    base = verdict[verdict.baseline]
    best = verdict[verdict.best] if verdict.best is not None else None
    rivals = [c for c in verdict.comparisons if c.spec != verdict.baseline]
    advice = advise(result, verdict)
    classes = verdict.measures.likelihood
    say = phrases_of(verdict.measures, result.meta, nouns)
    return render(
        "study.html",
        verdict=verdict,
        result=result,
        meta=result.meta,
        say=say,
        encoder=_encoder(result.meta),
        metric=verdict.measures.metrics[verdict.metric],
        metrics=verdict.measures.metrics,
        measured=verdict.measures,
        base=base,
        best=best,
        rivals=rivals,
        words=next((c for c in rivals if c.spec == WORDS_SPEC), None),
        top_remedy=next((c for c in rivals if not c.reference), None),
        baselines=_baselines(result, verdict),
        words_spec=WORDS_SPEC,
        few_shot=FEW_SHOT,
        imbalance=imbalance,
        buckets=bucket_rows(imbalance),
        refused_for_head=[c for c in rivals if refusable(c)],
        unknown_head=[c for c in rivals if unguarded(c)],
        notes={
            c.spec: comparison_note(c, verdict.guardrail, informative=verdict.informative) for c in verdict.comparisons
        },
        tuning=_tuning(rivals),
        tail_figure=class_charts.long_tail(imbalance, nouns.labels, say.axis),
        gain_figure=remedy_charts.gains(verdict) if rivals else None,
        tuning_figure=remedy_charts.tuning(verdict)
        if any(math.isfinite(c.untuned) for c in verdict.comparisons)
        else None,
        cost_figure=remedy_charts.cost(verdict),
        cost_total=result.meta.get("timings", {}).get("cpu_seconds"),
        by_class=_by_class(result, verdict, nouns) if classes else None,
        reliability_figure=_reliability(result, verdict) if classes else None,
        did=[_did(r, lists=not classes) for r in result.remedies if r.tuned is not None],
        refused=[r for r in result.remedies if r.not_applicable is not None],
        unfinished=_unfinished(result),
        weakest=_at_weakest(result),
        missing=_not_evaluated(result),
        nouns=nouns,
        read_off=read_off(result.meta["read_off"], nouns) if result.meta.get("read_off") else "",
        several_labels=how_answered(result.meta, nouns),
        set_values=set_values(result, verdict),
        set_metrics=[
            metrics_beside(verdict.measures)[name]
            for name in shown_beside(verdict.measures, set_values(result, verdict))
        ],
        only_trained_on=only_trained_on(
            result.meta.get("only_trained_on", 0), nouns, several=result.example is not None
        ),
        command=command(result, verdict),
        advice=advice,
        fact_lines=fact_lines(advice.facts, nouns) if classes else (),
        family_cards=cards(advice, verdict),
        family_findings=findings(verdict),
        **_evidence(result, verdict, nouns),
        **_fairness(result, fairness(result, verdict) if fair is None else fair, nouns),
        **_asked(result, verdict),
        **cases_section(cases, nouns),
        **copies_section(result.meta),
    )


def write_study_report(
    result: StudyResult, verdict: Verdict, path: Path, fair: Found | None = None, cases: Cases | None = None
) -> Path:
    """Write :func:`study_report` to `path`, replacing a file that is there; returns the path.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    return write(study_report(result, verdict, fair, cases), Path(path))


def _evidence(result: StudyResult, verdict: Verdict, nouns: Nouns) -> dict[str, Any]:
    """What a verdict rests on besides: parts, folds, trade-offs, calibration, seeds, fewer labels."""
    tests = {t.spec: t for t in verdict.resampled}
    ranks = {c.spec: n for n, c in enumerate(verdict.comparisons)}
    lines = [
        {
            "comparison": c,
            "buckets": {g.bucket: g for g in verdict.buckets if g.spec == c.spec},
            "test": tests[c.spec],
        }
        for c in verdict.comparisons
        if c.spec in tests
    ]
    curve = result.curve
    return {
        "bucket_lines": lines,
        "folds_tested": any(math.isfinite(t.diff) for t in verdict.resampled) and result.meta.get("folds", 0) != 1,
        "tradeoff_figure": evidence_charts.tradeoff(verdict),
        "front_sentence": front_sentence(verdict) if verdict.tradeoffs else "",
        "calibration_sentence": calibration_sentence(verdict),
        "calibration_lines": sorted(verdict.calibration, key=lambda c: ranks[c.spec]),
        "seed_sentences": () if result.seeds is None else seed_sentences(result.seeds, verdict.measures),
        "drawn_anew": drawn_anew(result.meta),
        "curve_figure": None if curve is None else evidence_charts.learning_curves(curve, verdict.measures, nouns),
        "curve_sentences": () if curve is None else curve_sentences(curve, nouns, verdict.measures),
        **_texts(result, verdict),
        "curve_specs": [] if curve is None else list(dict.fromkeys(p.spec for p in curve.points)),
    }


def _texts(result: StudyResult, verdict: Verdict) -> dict[str, Any]:
    """What made texts are worth, and what they cost."""
    told = {entry["maker"]: entry for entry in result.meta.get(MADE_TEXTS, ())}
    lines = []
    for line in verdict.controls:
        maker = parse(line.spec).text_maker
        facts = None if maker is None else told.get(maker.maker)
        if facts is not None:
            minutes = verdict[line.spec].seconds / 60
            lines.append(
                {
                    "line": line,
                    "comparison": verdict[line.spec],
                    "facts": facts,
                    "per_minute": verdict[line.spec].tail_diff / minutes if minutes > 0 else math.nan,
                }
            )
    return {"text_lines": lines, "text_facts": list(told.values()), "controls_sentence": controls_sentence(verdict)}


def _baselines(result: StudyResult, verdict: Verdict) -> list[tuple[Comparison, dict[str, Any]]]:
    """Baselines that were fitted, best first, with what the study tells of them; none for the usual one alone."""
    told = {entry["spec"]: entry for entry in result.meta.get("baselines", ())}
    found = [(c, told[c.spec]) for c in verdict.comparisons if c.reference and c.spec in told]
    return found if len(told) > 1 else []


def _imbalance(result: StudyResult, *, lists: bool) -> Imbalance:
    """How classes are spread; of lists with the buckets that the task cut, which need not be those of labels."""
    counts = dict(zip(result.classes["class"].to_list(), result.classes["count"].to_list(), strict=True))
    found = Imbalance.from_counts(counts)
    if not lists:
        return found
    bucket = dict(zip(result.classes["class"].to_list(), result.classes["bucket"].to_list(), strict=True))
    return replace(found, bucket=np.array([bucket[name] for name in found.groups]))


def _asked(result: StudyResult, verdict: Verdict) -> dict[str, Any]:
    """What is told of a study of lists alone, or of one of search alone."""
    if verdict.measures != LISTS:
        nothing: dict[str, Any] = {"how_sentences": (), "parts_sentence": "", "order_sentences": ()}
        nothing |= {"order_alarms": (), "test_alarms": ()}
        return nothing | ({} if verdict.measures.likelihood else search_facts(result.meta))
    free = order_free(result, verdict)
    return {
        "split_name": SPLIT_NAMES.get(result.meta.get("split_by", ""), ""),
        "how_sentences": how_sentences(result.meta) if "split_by" in result.meta else (),
        "parts_sentence": parts_sentence(result.meta),
        "order_sentences": order_sentences(result.meta),
        "order_alarms": alarms(result.meta),
        "test_alarms": (),
        "order_free": free,
        "order_free_sentence": "" if free is None else free_sentence(free),
        "order_metrics": ORDER_METRICS,
    }


def _fairness(result: StudyResult, found: Found | None, nouns: Nouns) -> dict[str, Any]:
    """Who gains and who loses."""
    nobody = {"fair": None, "exposed": None, "answered": None}
    if isinstance(found, SearchFairness):
        return nobody | search_section(found)
    if isinstance(found, ListFairness):
        return nobody | {"called": called, **exposure_section(result, found)}
    return nobody | {
        "fair": found,
        "fairness_sentences": () if found is None else fairness_sentences(found, nouns),
        "fairness_figure": None if found is None else fairness_charts.trait_changes(found),
        "fair_traits": [] if found is None else list(dict.fromkeys(v.trait for v in found.values)),
        "pooling_sentence": "" if found is None else pooling_sentence(found),
        "called": called,
    }


def _encoder(meta: Any) -> dict[str, Any]:
    """Of the encoder what is known: nothing if the study was given vectors."""
    known = meta.get("encoder")
    if not known:
        return {}
    return dict(known) if isinstance(known, dict) else {"spec": str(known)}


@dataclass(frozen=True)
class Tuning:
    """What is left of the gains that a comparison at defaults would have claimed.

    Attributes
    ----------
    claimed
        Remedies that gain at the defaults.
    gone
        Those whose gain turns into a loss once both sides are tuned.
    share
        Median over the claimed gains of the share that vanished.
    largest
        The remedy that claims most.
    """

    claimed: int
    gone: int
    share: float
    largest: Comparison


def _tuning(rivals: list[Comparison]) -> Tuning | None:
    claims = [c for c in rivals if math.isfinite(c.vanished) and not c.reference]
    if not claims:
        return None
    return Tuning(
        claimed=len(claims),
        gone=sum(c.vanished >= 1 for c in claims),
        share=median(c.vanished for c in claims),
        largest=max(claims, key=lambda c: (c.naive_gain, c.spec)),
    )


def _by_class(result: StudyResult, verdict: Verdict, nouns: Nouns) -> dict[str, Any] | None:
    """Every class under doing nothing and under the best remedy, and charts of it."""
    before = result.baseline.tuned
    after = result[verdict.best].tuned if verdict.best is not None else None
    if before is None or after is None or verdict.best is None:
        return None
    changes = class_changes(result, before, after)
    shown = most_changed(changes)
    return {
        "changes": changes,
        "gain": sum(c.change > 0 for c in changes),
        "loss": sum(c.change < 0 for c in changes),
        "same": sum(c.change == 0 for c in changes),
        "shown": len(shown),
        "figure": class_charts.class_changes(shown, verdict.baseline, verdict.best, nouns) if shown else None,
        "scatter": class_charts.class_scatter(changes, verdict.baseline, verdict.best, nouns),
        "buckets": _bucket_scores(verdict),
    }


def _bucket_scores(verdict: Verdict) -> dict[str, tuple[float, float]]:
    before, after = verdict[verdict.baseline], verdict[verdict.best or verdict.baseline]
    of = verdict.measures.of_part
    return {name: (before[of(name)], after[of(name)]) for name in ("head", "torso", "tail")}


def _reliability(result: StudyResult, verdict: Verdict) -> Figure | None:
    """How sure and how right; ``None`` where nothing is predicted."""
    compared: dict[str, Outcome | None] = {verdict.baseline: result.baseline.tuned}
    if verdict.best is not None:
        compared[verdict.best] = result[verdict.best].tuned
    tables = {spec: reliability_tables(result, o) for spec, o in compared.items() if o is not None}
    panels = {
        title: {spec: t[k] for spec, t in tables.items() if len(t[k].share)}
        for k, title in enumerate(("all examples", "the tail"))
    }
    filled = {title: panel for title, panel in panels.items() if panel}
    return class_charts.reliability(filled, verdict.baseline) if filled else None


def _did(remedy: RemedyResult, *, lists: bool) -> dict[str, Any]:
    """What a remedy did, and on how many folds which parameters and which penalty were chosen for it.

    Of lists and rankings, the parameters of the learner instead of the penalty.
    """
    settings = remedy.tuned.settings if remedy.tuned else ()
    own = [", ".join(f"{k} {v}" for k, v in setting.items() if k != "remedy") for setting in settings]
    parameters = Counter(words for words in own if words)
    specs = Counter(str(s["remedy"]) for s in settings if s.get("remedy"))
    known = () if lists else settings  # of lists and rankings it is one of the parameters
    penalties = Counter(float(s["penalty"]) for s in known if s.get("penalty") is not None)
    return {
        "remedy": remedy,
        "notes": merged(remedy.notes),
        "specs": [] if set(specs) == {remedy.spec} or (remedy.reference and lists) else specs.most_common(),
        "penalties": [(small(penalty), n) for penalty, n in sorted(penalties.items())],
        "parameters": parameters.most_common() if lists else [],
    }


def _not_evaluated(result: StudyResult) -> tuple[list[tuple[str, int]], list[str]]:
    """Classes that no fold could test, with their examples, and the reasons for all of them."""
    known = result.meta.get("not_evaluated") or {}
    sizes = dict(zip(result.classes["class"].to_list(), result.classes["count"].to_list(), strict=True))
    return [(name, sizes.get(name, 0)) for name in known], merged(known.values())


def _unfinished(result: StudyResult) -> tuple[int, int] | None:
    """Final tuned fits that stopped at the limit of steps, and all of them; ``None`` where that is not recorded."""
    known = [
        setting["converged"]
        for remedy in result.remedies
        if remedy.tuned is not None
        for setting in remedy.tuned.settings
        if setting.get("converged") is not None
    ]
    return (sum(not value for value in known), len(known)) if known else None


def _at_weakest(result: StudyResult) -> tuple[int, int]:
    """Choices of the weakest penalty on offer, and all choices of a penalty; a weaker one might have done better."""
    weakest = result.meta.get("weakest_penalty")
    if weakest is None:
        return 0, 0
    chosen = [
        setting["penalty"]
        for remedy in result.remedies
        if remedy.tuned is not None and not remedy.reference
        for setting in remedy.tuned.settings
        if setting.get("penalty")
    ]
    return sum(penalty <= 1.001 * weakest for penalty in chosen), len(chosen)
