"""How well products answer queries: remedies on the uneven classes of ESCI, and what reads a pair of query and title.

    python -m bench.relevance            2,669 judged pairs in English, Spanish and Japanese, the standard remedies
    python -m bench.relevance --quick    500 pairs of a simulated shop and two remedies, in a minute

All pairs of a query are in one fold, nearly equal queries too. Beside the study stands what is built most often, in the
same folds and tuned on the same ones: scikit-learn's TF-IDF of query and title as one text, under a logistic regression
with class weights. Intervals are of a bootstrap over groups of queries. Vectors are compared under two remedies.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.pipeline import Pipeline, make_pipeline

from bench.data import real_data, shop_of
from bench.harness import Figure, Listing, Report, known, say
from evenshelf.encoders import default_cache_dir
from evenshelf.encoders.sides import SEPARATOR
from evenshelf.errors import EvenshelfError
from evenshelf.remedies import remedy_set
from evenshelf.shop import Shop, ingest
from evenshelf.study import prepare
from evenshelf.study.results import StudyResult
from evenshelf.study.statistics import Bootstrap, Estimate, paired_bootstrap
from evenshelf.study.verdict import Verdict, decide
from evenshelf.tasks.label import LabelTask

PEER = "scikit-learn"
LOCALES = ("us", "es", "jp")
VECTORS = ("pair:fused", "pair:tfidf", "fused", "tfidf")
BOTH = "balanced"
"""Remedy under which vectors are compared, besides none."""
STRENGTHS = (0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
"""Inverse penalties that the peer tries: as many as a remedy of the study has settings."""
SCORES = ("tail_f1", "last_f1", "accuracy")
REPLICATES = 2000


@dataclass(frozen=True)
class Asked:
    """What this run measures."""

    data: str
    target: str
    rows: int | None
    remedies: str
    vectors: tuple[str, ...]
    folds: int
    budget: int
    seed: int
    folder: Path | None
    json: Path | None


@dataclass(frozen=True, eq=False)
class Answers:
    """What models said of the same pairs.

    Attributes
    ----------
    task
        The pairs.
    locale
        ``[n]`` where each was judged; "" where that is not known.
    rows
        ``[n]`` those that a fold tests.
    predicted
        ``[n]`` codes of classes, by model.
    """

    task: LabelTask
    locale: NDArray[np.str_]
    rows: NDArray[np.bool_]
    predicted: dict[str, NDArray[np.integer]]

    @cached_property
    def drawn(self) -> Bootstrap:
        """Scores with draws of groups of queries."""
        return self._drawn(self.task.bucket)

    @cached_property
    def rarest(self) -> Bootstrap:
        """The same, with the rarest class alone for the tail."""
        return self._drawn(np.array(["torso"] * (len(self.task.classes) - 1) + ["tail"]))

    def _drawn(self, buckets: NDArray[np.str_]) -> Bootstrap:
        kept = {name: codes[self.rows] for name, codes in self.predicted.items()}
        target, group = self.task.target[self.rows], self.task.group[self.rows]
        return paired_bootstrap(target, group, kept, buckets, replicates=REPLICATES)

    def f1_of(self, name: str, locale: str) -> float:
        """Macro-F1 over the pairs of a locale."""
        of = self.rows & (self.locale == locale)
        return float(f1_score(self.task.target[of], self.predicted[name][of], average="macro"))


def arguments(words: list[str] | None = None) -> Asked:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.relevance", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--quick", action="store_true", help="500 pairs of a simulated shop and two remedies")
    parser.add_argument("--rows", type=int, help="pairs drawn with the seed: all")
    parser.add_argument("--remedies", help="a set or specs with commas: standard")
    parser.add_argument("--folds", type=int, help="5")
    parser.add_argument("--budget", type=int, help="settings per remedy: 8")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--folder", type=Path, help="keep the studies there, so that a run that was stopped goes on")
    parser.add_argument("--json", type=Path, help="write the result there")
    given = parser.parse_args(words)
    return Asked(
        data="simulated" if given.quick else "esci",
        target="grade" if given.quick else "esci_label",
        rows=given.rows or (500 if given.quick else None),
        remedies=given.remedies or ("balanced, logit_adjust" if given.quick else "standard"),
        vectors=("pair:tfidf", "tfidf") if given.quick else VECTORS,
        folds=given.folds or (3 if given.quick else 5),
        budget=given.budget or (4 if given.quick else 8),
        seed=given.seed,
        folder=given.folder,
        json=given.json,
    )


def main(words: list[str] | None = None) -> int:
    """Measure, print, write."""
    asked = arguments(words)
    report = Report("relevance")
    specs = [remedy.spec for remedy in remedy_set(asked.remedies)]
    report.settings = {"data": asked.data, "target": asked.target, "remedies": specs, "vectors": list(asked.vectors)}
    report.settings |= {"folds": asked.folds, "budget": asked.budget, "seed": asked.seed, "rows": asked.rows}
    try:
        with TemporaryDirectory(prefix="evenshelf-bench-") as folder:
            measure(asked, report, asked.folder or Path(folder))
    except EvenshelfError as error:
        say(str(error))
        return 1
    report.finish(asked.json)
    return 0


def measure(asked: Asked, report: Report, folder: Path) -> None:
    """The study, the peer and the vectors; tables and figures go into the report."""
    say(f"reading {asked.data}")
    shop = esci() if asked.data == "esci" else shop_of("simulated", 300, asked.seed)
    task = prepare.shop_task(shop, asked.target, kind="relevance", sample=asked.rows, seed=asked.seed)
    locale = locales(shop, task)
    found = study(task, asked, folder / "study", prepare.AUTO, asked.remedies)
    verdict = decide(found)
    said = {r.spec: r.tuned.predicted for r in found.remedies if r.tuned is not None}
    say(f"peer: {PEER}")
    answers = Answers(task, locale, found.fold >= 0, {**said, PEER: peer(task, found.fold)})
    order = [c.spec for c in verdict.comparisons]
    holm = {c.spec: known(c.p_holm) for c in verdict.comparisons}
    rows = [_row(answers, spec, verdict.baseline, holm.get(spec)) for spec in (*order, PEER)]
    columns = ("remedy", "macro_f1", "difference", "p_holm", *SCORES)
    report.tables.append(Listing("relevance", (*columns, *_places(locale)), tuple(rows)))
    report.tables.append(vectors_table(task, locale, asked, folder, found))
    rivals = [c for c in verdict.comparisons if c.spec != verdict.baseline and not found[c.spec].reference]
    best = max(rivals, key=lambda c: c["macro_f1"])
    ours, theirs = (answers.drawn.interval(name, "macro_f1").value for name in (verdict.baseline, PEER))
    none = verdict[verdict.baseline]
    report.figures += [
        Figure("relevance_macro_f1_none", ours, "F1", "higher", PEER, theirs, ours / theirs),
        Figure("relevance_gain_over_none", best["macro_f1"] - none["macro_f1"], "F1", "higher"),
        Figure("relevance_tail_f1_gain_over_none", best["tail_f1"] - none["tail_f1"], "F1", "higher"),
    ]
    report.notes += said_of(answers, found, verdict)
    report.notes += [f"{r.spec} is not applicable: {r.not_applicable}." for r in found.remedies if r.not_applicable]


def said_of(answers: Answers, found: StudyResult, verdict: Verdict) -> list[str]:
    """What was measured and what came out, a note each."""
    task = answers.task
    sizes = ", ".join(f"{name} {count:,}" for name, count in zip(task.classes, task.counts, strict=True))
    tail = ", ".join(name for name, of in zip(task.classes, task.bucket, strict=True) if of == "tail")
    groups, encoder = len(np.unique(task.group)), found.meta["encoder"]["spec"]
    about = f"{len(task.target):,} pairs in {groups:,} groups of queries ({sizes}; tail: {tail}), vectors by {encoder}."
    rivals = [c for c in verdict.comparisons if c.spec != verdict.baseline and not c.reference]
    helped = [c.spec for c in rivals if c.significant]
    which = f": {', '.join(helped)}" if helped else ""
    wanted = (verdict.baseline, BOTH, verdict.recommended)
    specs = [spec for spec in dict.fromkeys(wanted) if spec in answers.predicted]
    ahead = [f"{spec} {_said(answers.drawn.difference(spec, PEER, 'macro_f1'))}" for spec in specs]
    return [
        f"{about} {verdict.headline}",
        f"{len(helped)} of {len(rivals)} remedies are shown to beat doing nothing in {verdict.metric}{which}.",
        f"Macro-F1 minus that of {PEER}, which weighs classes as {BOTH} does: {', '.join(ahead)}.",
        f"What is recommended was chosen among {len(rivals)} on these very folds, which flatters it a little.",
    ]


def esci() -> Shop:
    """The fraction of the Shopping Queries data as a shop: its products, and its labels as judgements."""
    source = real_data() / "esci_fraction" / "training_set_fraction.csv.gz"
    path = default_cache_dir() / "bench" / "esci"
    ingest(path, [source], mapping={"brand": "product_brand"})  # what is in the shop already changes nothing
    ingest(path, [source], table="judgements")
    return Shop.open(path)


def locales(shop: Shop, task: LabelTask) -> NDArray[np.str_]:
    """``[n]`` the locale of each pair's query; "" where the judgements do not say."""
    judged = shop.read("judgements")
    if "query_locale" not in judged.columns:
        return np.full(len(task.target), "")
    of = {" ".join(query.split()): place for query, place in judged.select("query", "query_locale").iter_rows()}
    return np.array([of[text.partition(SEPARATOR)[0]] for text in task.texts or ()])


def study(task: LabelTask, asked: Asked, folder: Path, encoder: str, remedies: str) -> StudyResult:
    """A study of the pairs on vectors of one encoder."""
    say(f"study: {encoder}, {remedies}")
    plan = prepare.Plan(remedies, asked.folds, asked.budget, asked.seed)
    return prepare.prepare(task, prepare.pick_encoder(task.texts or (), encoder), folder, plan).run()


def peer(task: LabelTask, fold: NDArray[np.integer]) -> NDArray[np.int64]:
    """Codes of classes for pairs that were not trained on, by scikit-learn alone.

    The strength is chosen by macro-F1 on the fold after the one that is tested, then all other folds are fitted.
    """
    texts, y = np.array(task.texts, object), task.target
    predicted = np.full(len(y), -1, np.int64)
    folds = int(fold.max()) + 1
    for k in range(folds):
        tested, held = fold == k, fold == (k + 1) % folds
        scores = []
        for strength in STRENGTHS:
            fitted = _pipeline(strength).fit(texts[~tested & ~held], y[~tested & ~held])
            scores.append(f1_score(y[held], fitted.predict(texts[held]), average="macro"))
        chosen = STRENGTHS[int(np.argmax(scores))]
        predicted[tested] = _pipeline(chosen).fit(texts[~tested], y[~tested]).predict(texts[tested])
        say(f"peer: fold {k + 1} of {folds}, strength {chosen:g}")
    return predicted


def _pipeline(strength: float) -> Pipeline:
    # n-grams within words: Japanese has no blanks for scikit-learn's words
    counts = TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), min_df=2, sublinear_tf=True)
    return make_pipeline(counts, LogisticRegression(C=strength, class_weight="balanced", max_iter=1000))


def vectors_table(
    task: LabelTask, locale: NDArray[np.str_], asked: Asked, folder: Path, main_study: StudyResult
) -> Listing:
    """Macro-F1 by what reads a pair, under none and :data:`BOTH`, with intervals and by locale."""
    rows: list[tuple[Any, ...]] = []
    for spec in asked.vectors:
        same = spec == main_study.meta["encoder"]["spec"] and BOTH in {r.spec for r in main_study.remedies}
        found = main_study if same else study(task, asked, folder / spec.replace(":", "-"), spec, BOTH)
        said = {r: found[r].tuned for r in ("none", BOTH)}
        answers = Answers(
            task, locale, found.fold >= 0, {r: outcome.predicted for r, outcome in said.items() if outcome is not None}
        )
        rows += [(spec, remedy, *_scores(answers, remedy)) for remedy in answers.predicted]
    return Listing("relevance_vectors", ("encoder", "remedy", "macro_f1", *SCORES, *_places(locale)), tuple(rows))


def _row(answers: Answers, name: str, base: str, p: float | None) -> tuple[Any, ...]:
    """A line of the table of remedies."""
    difference = None if name == base else _cell(answers.drawn.difference(name, base, "macro_f1"))
    macro, *others = _scores(answers, name)
    return (name, macro, difference, p, *others)


def _scores(answers: Answers, name: str) -> list[Any]:
    """Macro-F1, :data:`SCORES`, and macro-F1 by locale."""
    macro, tail, accuracy = (_cell(answers.drawn.interval(name, m)) for m in ("macro_f1", "tail_f1", "accuracy"))
    last = _cell(answers.rarest.interval(name, "tail_f1"))
    return [macro, tail, last, accuracy, *(answers.f1_of(name, place) for place in _places(answers.locale))]


def _cell(found: Estimate) -> list[float | None]:
    return [known(found.value), known(found.low), known(found.high)]


def _said(found: Estimate) -> str:
    return f"{found.value:+.3f} [{found.low:+.3f}, {found.high:+.3f}]"


def _places(locale: NDArray[np.str_]) -> Sequence[str]:
    return [place for place in LOCALES if place in set(locale.tolist())]


if __name__ == "__main__":
    sys.exit(main())
