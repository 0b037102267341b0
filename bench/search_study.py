"""What remedies do for search: the study of search on judged queries of real shops, and on clicks whose truth is known.

    python -m bench.search_study            electronics, Amazon (us), Chinese titles; clicks of a simulated shop
    python -m bench.search_study --quick    a simulated shop of 120 items, judged and clicked: seconds

Each study ranks the candidates that an index finds, in folds of queries. The peer is LightGBM's ranker as it comes, on
the same features, candidates and folds. Where clicks are learned from, judgements test what was learned.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import lightgbm
import numpy as np
import polars as pl

from bench.harness import Figure, Listing, Report, known, say
from bench.search_data import ITEM_COLUMNS, SearchData, search_data
from bench.search_zh import chinese_categories
from evenshelf.index import SearchEngine
from evenshelf.index.shops import index_shop
from evenshelf.learners.search.base import learned_from
from evenshelf.remedies import parse
from evenshelf.shop import Shop, simulate
from evenshelf.study.judges import judge_of
from evenshelf.study.results import Outcome, StudyResult
from evenshelf.study.search import SearchStudy
from evenshelf.study.search.answering import answers
from evenshelf.study.search.prepare import SearchPlan, prepare
from evenshelf.study.search.rows import SearchRows
from evenshelf.study.search.trials import evidence_of
from evenshelf.study.statistics import Estimate
from evenshelf.study.verdict import decide
from evenshelf.tasks.search import SearchTask
from evenshelf.tasks.search_lessons import taught_by_clicks

DATA = ("chorus", "esci_us", "zh_categories", "clicks")
PEER = "LightGBM"
COLUMNS = ("data", "learner", "remedy", "ndcg", "difference", "p_holm", "head_ndcg", "tail_ndcg", "judged_ndcg")
SMALL = "balanced, knn, doc_to_query(queries=20), unbiased_clicks"
REPLICATES = 2000


@dataclass(frozen=True)
class Asked:
    """What this run measures."""

    data: tuple[str, ...]
    quick: bool
    learners: tuple[str, ...]
    folder: Path | None
    json: Path | None


def arguments(words: list[str] | None = None) -> Asked:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.search_study", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--quick", action="store_true", help="a simulated shop of 120 items: seconds")
    parser.add_argument("--data", nargs="+", choices=DATA, help="some of the data sets")
    parser.add_argument("--learners", nargs="+", help="what remedies are compared on: convex, lambdamart")
    parser.add_argument("--folder", type=Path, help="keep the studies there, so that a run that was stopped goes on")
    parser.add_argument("--json", type=Path, help="write the result there")
    given = parser.parse_args(words)
    data = tuple(given.data or (("judged", "clicks") if given.quick else DATA))
    learners = tuple(given.learners or (("convex",) if given.quick else ("convex", "lambdamart")))
    return Asked(data, given.quick, learners, given.folder, given.json)


def main(words: list[str] | None = None) -> int:
    """Measure, print, write."""
    asked = arguments(words)
    report = Report("search_study")
    report.settings = {"data": list(asked.data), "learners": list(asked.learners), "seed": 0}
    rows: list[tuple[Any, ...]] = []
    with TemporaryDirectory(prefix="evenshelf-bench-") as place:
        base = asked.folder or Path(place)
        for name in asked.data:
            with opened(name, base, quick=asked.quick) as (task, engine):
                say(f"{name}: {int(task.answerable.sum()):,} queries with an item that answers")
                for learner in asked.learners:
                    study = _study(task, engine, base / f"{name}-{learner}", learner, quick=asked.quick)
                    result = study.run(lambda done, of, what: None)
                    rows += lines(name, study, result, report)
    report.tables.append(Listing("search_study", COLUMNS, tuple(rows)))
    report.notes += notes()
    report.finish(asked.json)
    return 0


@contextmanager
def opened(name: str, base: Path, *, quick: bool) -> Iterator[tuple[SearchTask, SearchEngine]]:
    """A task, and an index of its items."""
    if name == "clicks" or quick:
        path, language = base / f"{name}-shop", "en" if quick else "both"
        there = (path / "shop.toml").is_file()
        shop = Shop.open(path) if there else simulate(path, 120 if quick else 2000, seed=0, language=language)
        with index_shop(shop, encoder="tfidf" if quick else None, tell=lambda *_: None).engine as engine:
            yield (taught_by_clicks(shop) if name == "clicks" else SearchTask.from_shop(shop)), engine
        return
    data = _titles_alone() if name == "zh_categories" else search_data(name)
    items = data.items.select(ITEM_COLUMNS)
    texts = [pl.col(column) for column, dtype in items.schema.items() if dtype == pl.String]
    items = items.with_columns(pl.when(text != "").then(text) for text in texts)
    task = SearchTask.of(data.grades(), items["item_id"].to_list())
    with SearchEngine.build(base / f"{name}-index", items) as engine:
        yield task, engine


def _titles_alone() -> SearchData:
    data = chinese_categories()
    return replace(data, items=data.items.with_columns(category=pl.lit(""), brand=pl.lit("")))


def _study(task: SearchTask, engine: SearchEngine, folder: Path, learner: str, *, quick: bool) -> SearchStudy:
    say(f"  {learner}")
    baselines = ("usual",) if quick else ("usual", "words", "vectors", "rrf", "linear")
    plan = SearchPlan(
        SMALL if quick else "search", learner, baselines, folds=3 if quick else 5, budget=2 if quick else 8
    )
    return prepare(task, engine, folder, plan)


def lines(name: str, study: SearchStudy, result: StudyResult, report: Report) -> list[tuple[Any, ...]]:
    """Lines of the table: doing nothing, remedies, other learners, and the peer."""
    verdict = decide(result, replicates=REPLICATES)
    say("  peer")
    theirs = peer(study, result)
    tuned = {c.spec: result[c.spec].tuned for c in verdict.comparisons}
    named = {spec: outcome for spec, outcome in tuned.items() if outcome is not None}
    bootstrap = judge_of(result).bootstrap({**named, PEER: theirs}, replicates=REPLICATES, seed=0)
    holm = {c.spec: known(c.p_holm) for c in verdict.comparisons}
    rows = []
    for spec in (*named, PEER):
        cells = [_cell(bootstrap.interval(spec, m)) for m in ("ndcg_at_10", "head_ndcg_at_10", "tail_ndcg_at_10")]
        against = (
            None if spec == verdict.baseline else _cell(bootstrap.difference(spec, verdict.baseline, "ndcg_at_10"))
        )
        judged = known(named[spec].sets["judged_ndcg_at_10"]) if spec in named else None
        rows.append((name, study.learner, spec, cells[0], against, holm.get(spec), *cells[1:], judged))
    ours = bootstrap.interval(verdict.recommended or verdict.baseline, "ndcg_at_10").value
    other = bootstrap.interval(PEER, "ndcg_at_10").value
    figure = f"search_study_ndcg_{name}_{study.learner}"
    report.figures.append(Figure(figure, ours, "NDCG@10", "higher", PEER, other, ours / other))
    report.notes.append(f"{name}, {study.learner}: {verdict.headline} {verdict.reasons[0]}")
    return rows


def peer(study: SearchStudy, result: StudyResult) -> Outcome:
    """LightGBM's ranker as it comes, on the same features, fitted on the queries of all other folds."""
    exams = {number: turn.judging for number, turn in study.turns().items()}
    ranks = []
    for number, exam in exams.items():
        evidence = evidence_of(study.known, exam, parse("none"))
        pairs = learned_from(evidence.pool, unjudged_weight=1.0)
        _, label = np.unique(pairs.grade, return_inverse=True)
        label = np.minimum(label, 30)
        ranker = lightgbm.LGBMRanker(random_state=number, verbose=-1, n_jobs=1)
        ranker.fit(pairs.pool.features, label, group=np.diff(pairs.pool.start))
        asked = study.known.pool.of(exam.asked)
        scores = np.asarray(ranker.predict(asked.features), np.float32)
        ranks.append(answers(scores, asked, [parse("none")], evidence, seed=0)[0].rank)
    first = result[result.baseline.spec].tuned
    assert first is not None
    assert len(SearchRows(study.known, study.task, exams).item) == sum(len(rank) for rank in ranks)
    return replace(first, rank=np.concatenate(ranks).astype(np.float32))


def _cell(found: Estimate) -> list[float | None]:
    return [known(found.value), known(found.low), known(found.high)]


def notes() -> list[str]:
    """What to know about the figures."""
    return [
        (
            "In brackets 95 % intervals of a bootstrap over queries; the difference is to the same learner without a "
            "remedy, both tuned, its p-value corrected for all remedies (Holm). Gains are linear; what nobody judged "
            "counts as irrelevant, but not in the last column."
        ),
        (
            "Head and tail are queries by how often they were asked; in the real data nobody counted that, and they "
            "are queries by how many items are known to answer them; where each has one answer, none is rare and all "
            "are head."
        ),
        (
            "Clicks are those of a simulated shop, drawn by a model of places and attraction; what is learned from "
            "them is tested by judgements that no fit has seen."
        ),
    ]


if __name__ == "__main__":
    sys.exit(main())
