"""How well search ranks: the index beside BM25, MiniLM and both put together, on judged queries of real shops.

    python -m bench.search_quality                                electronics, Amazon in three countries, Chinese titles
    python -m bench.search_quality --quick                        a simulated shop: seconds
    python -m bench.search_quality --catalogue F --judgements F   a shop of your own, in the format of Chorus

Ours is asked as it comes, without a judgement seen; and, where queries have many judged items, with three weights
learned from the judgements of other queries (five folds). The weight of the peers' convex fusion is chosen on the same
other queries. Gains are linear; judged-only NDCG ranks the judged items alone, since most of what an engine finds was
never judged.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from bench.harness import Figure, Listing, Report, say
from bench.search_data import ITEM_COLUMNS, SearchData, from_files, search_data
from bench.search_peers import WEIGHTS, bm25, convex, minilm, rank_fusion
from bench.search_scores import interval, judged_ndcg, judged_share, ndcg
from bench.search_zh import chinese_categories
from evenshelf.index import SearchEngine
from evenshelf.learners.search.convex import learn_ranking
from evenshelf.shop import simulate

DATA = ("chorus", "esci_us", "esci_es", "esci_jp", "zh_categories", "zh_instruct")
FIGURES = {"esci_us": "esci_us_ndcg", "esci_es": "esci_es_ndcg", "esci_jp": "esci_jp_ndcg", "zh_categories": "zh_ndcg"}
OURS, LEARNED = "evenshelf", "evenshelf, weights learned"
COLUMNS = ("data", "ranking", "ndcg", "judged_ndcg", "judged_share", "over_best")
FOLDS = 5
LENGTH = 1000
"""Places that are looked at; nobody looks further."""


@dataclass(frozen=True)
class Asked:
    """What this run measures."""

    data: tuple[str, ...]
    files: tuple[Path, Path] | None
    quick: bool
    json: Path | None


@dataclass(frozen=True, eq=False)
class Ranked:
    """Of each query what a ranking is worth.

    Attributes
    ----------
    ndcg, judged
        ``[q]`` NDCG@10, and of the judged items alone.
    share
        ``[q]`` share of the first ten that is judged.
    """

    ndcg: NDArray[np.float64]
    judged: NDArray[np.float64]
    share: NDArray[np.float64]


def arguments(words: list[str] | None = None) -> Asked:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="python -m bench.search_quality", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--quick", action="store_true", help="a simulated shop: seconds")
    parser.add_argument("--data", nargs="+", choices=DATA, help="some of the data sets")
    parser.add_argument("--catalogue", type=Path, metavar="FILE", help="products, in the format of Chorus")
    parser.add_argument("--judgements", type=Path, metavar="FILE", help="CSV of query, docid, rating")
    parser.add_argument("--json", type=Path, help="write the result there")
    given = parser.parse_args(words)
    if (given.catalogue is None) is not (given.judgements is None):
        parser.error("--catalogue and --judgements go together")
    files = None if given.catalogue is None else (given.catalogue, given.judgements)
    return Asked(tuple(given.data or DATA), files, given.quick, given.json)


def main(words: list[str] | None = None) -> int:
    """Measure, print, write."""
    asked = arguments(words)
    measure(asked).finish(asked.json)
    return 0


def measure(asked: Asked) -> Report:
    """All rankings on all data sets."""
    report = Report("search_quality")
    report.settings = {"folds": FOLDS, "seed": 0}
    rows: list[tuple[Any, ...]] = []
    for data in _all(asked):
        say(f"{data.name}: {data.items.height:,} items, {len(data.answerable()):,} queries")
        found = rankings(data)
        rows += lines(data, found)
        report.figures += figures(data, found, first=data.name not in FIGURES and data.name != "zh_instruct")
    report.tables.append(Listing("search_quality", COLUMNS, tuple(rows)))
    report.notes += notes()
    return report


def _all(asked: Asked) -> list[SearchData]:
    if asked.files is not None:
        return [from_files(*asked.files)]
    if asked.quick:
        return [simulated()]
    return [_titles_alone() if name == "zh_categories" else search_data(name) for name in asked.data]


def _titles_alone() -> SearchData:
    """The Chinese titles without the category and the brand, which say what is relevant."""
    data = chinese_categories()
    return replace(data, items=data.items.with_columns(category=pl.lit(""), brand=pl.lit("")))


def simulated(items: int = 150) -> SearchData:
    """A made-up shop with its judgements."""
    with TemporaryDirectory() as place:
        shop = simulate(Path(place) / "shop", items, seed=0)
        table, judged = shop.items(), shop.read("judgements").select("query", "item_id", "grade")
    frame = table.select("item_id", "title", "brand", "category", "price").with_columns(
        pl.lit("").alias("description"), pl.lit("").alias("attributes")
    )
    queries = judged["query"].unique(maintain_order=True).head(24)
    few = judged.filter(pl.col("query").is_in(queries.to_list()))
    return SearchData("simulated", frame, tuple(queries), few, pooled=True)


def rankings(data: SearchData) -> dict[str, Ranked]:
    """What each ranking is worth, query by query."""
    grades = {query: items for query, items in data.grades().items() if max(items.values(), default=0) > 0}
    queries = list(grades)
    say("  peers")
    words, vectors = bm25(data, queries), minilm(data, queries)
    found = {
        "BM25": _of_scores(data, words, grades),
        "MiniLM": _of_scores(data, vectors, grades),
        "rank fusion": _of_scores(data, rank_fusion(words, vectors), grades),
        "convex, chosen": _chosen(data, words, vectors, grades),
    }
    say("  ours")
    items = data.items.select(ITEM_COLUMNS)
    texts = [pl.col(name) for name, dtype in items.schema.items() if dtype == pl.String]
    items = items.with_columns(pl.when(text != "").then(text) for text in texts)
    with TemporaryDirectory() as place, SearchEngine.build(Path(place) / "index", items) as engine:
        found[OURS] = _ours(engine, grades, {})
        if data.pooled and sum(len(set(g.values())) > 1 for g in grades.values()) >= FOLDS * 2:
            found[LEARNED] = _learned(engine, grades)
    return found


def _of_scores(data: SearchData, scores: NDArray[np.float32], grades: Mapping[str, Mapping[str, float]]) -> Ranked:
    ids = data.items["item_id"].to_list()
    place = {item: i for i, item in enumerate(ids)}
    tops, judged, shares = [], [], []
    for own, known in zip(scores, grades.values(), strict=True):
        ranked = [ids[i] for i in np.argsort(-own, kind="stable")[:10]]
        tops.append(ndcg(ranked, known))
        judged.append(judged_ndcg({item: float(own[place[item]]) for item in known}, known))
        shares.append(judged_share(ranked, known))
    return Ranked(np.array(tops), np.array(judged), np.array(shares))


def _chosen(
    data: SearchData,
    words: NDArray[np.float32],
    vectors: NDArray[np.float32],
    grades: Mapping[str, Mapping[str, float]],
) -> Ranked:
    """The convex fusion, its weight for each fold the best on the others."""
    tried = [_of_scores(data, convex(words, vectors, weight), grades) for weight in WEIGHTS]
    fold = folds(len(grades))
    best = [int(np.argmax([one.ndcg[fold != n].mean() for one in tried])) for n in range(FOLDS)]
    pick = np.array(best)[fold]
    at = np.arange(len(fold))
    return Ranked(*(np.stack([getattr(one, part) for one in tried])[pick, at] for part in ("ndcg", "judged", "share")))


def _ours(engine: SearchEngine, grades: Mapping[str, Mapping[str, float]], settings: Mapping[str, Any]) -> Ranked:
    tops, judged, shares = [], [], []
    for query, known in grades.items():
        ranking = settings.get(query)
        ranked = [hit.item_id for hit in engine.search(query, limit=10, ranking=ranking).hits]
        tops.append(ndcg(ranked, known))
        own = engine.scores(query, list(known), ranking=ranking)
        judged.append(judged_ndcg(dict(zip(known, own.tolist(), strict=True)), known))
        shares.append(judged_share(ranked, known))
    return Ranked(np.array(tops), np.array(judged), np.array(shares))


def _learned(engine: SearchEngine, grades: Mapping[str, Mapping[str, float]]) -> Ranked:
    """Each query with the weights that the queries of other folds teach."""
    fold, queries = folds(len(grades)), list(grades)
    settings = {}
    for number in range(FOLDS):
        others = {query: grades[query] for query, own in zip(queries, fold, strict=True) if own != number}
        ranking = learn_ranking(engine, others)
        settings |= {query: ranking for query, own in zip(queries, fold, strict=True) if own == number}
    return _ours(engine, grades, settings)


def folds(queries: int, seed: int = 0) -> NDArray[np.int64]:
    """``[queries]`` fold of each, drawn."""
    return np.random.default_rng(seed).permutation(np.arange(queries) % FOLDS)


def lines(data: SearchData, found: Mapping[str, Ranked]) -> list[tuple[Any, ...]]:
    """Lines of the table: each with intervals, and the difference to the best peer, query by query."""
    best = found[_best(found)]
    rows = []
    for name, one in found.items():
        ours = name.startswith(OURS)
        judged = interval(one.judged) if data.pooled else None
        share = float(one.share.mean()) if data.pooled else None
        rows.append(
            (data.name, name, interval(one.ndcg), judged, share, interval(one.ndcg - best.ndcg) if ours else None)
        )
    return rows


def _best(found: Mapping[str, Ranked]) -> str:
    return max((name for name in found if not name.startswith(OURS)), key=lambda name: float(found[name].ndcg.mean()))


def figures(data: SearchData, found: Mapping[str, Ranked], *, first: bool) -> list[Figure]:
    """NDCG beside the best peer's."""
    if not first and data.name not in FIGURES:
        return []
    peer = _best(found)
    ours = found[OURS]
    name = "ndcg_at_10" if first else FIGURES[data.name]
    made = [_figure(name, ours.ndcg, peer, found[peer].ndcg)]
    if first and data.pooled:
        judged = max((n for n in found if not n.startswith(OURS)), key=lambda n: float(found[n].judged.mean()))
        made.append(_figure("judged_ndcg_at_10", ours.judged, judged, found[judged].judged))
    return made


def _figure(name: str, ours: NDArray[np.float64], peer: str, theirs: NDArray[np.float64]) -> Figure:
    own, other = float(ours.mean()), float(theirs.mean())
    return Figure(name, own, "NDCG@10", "higher", peer, other, own / other)


def notes() -> list[str]:
    """What to know about the figures."""
    return [
        (
            "In brackets 95 % intervals of a bootstrap over queries; the last column is the mean difference to the "
            "best of the four peers, query by query. BM25 is that of bm25s over all texts of a product; MiniLM reads "
            "title and description."
        ),
        (
            "Amazon's fraction has almost always one judged product a query: known items, an exact one counts 1, a "
            "substitute .1, among the products of the country. Chinese queries are the last words of a category's "
            "path with a brand or an attribute; all titles of the category that have it are relevant, and nothing but "
            "titles is searched."
        ),
        (
            "No judgement was used to learn anything but the weights of the line that says so. But what the ranking is "
            "made of was decided by looking at these data sets (decision 24): on those of another shop expect less."
        ),
    ]


if __name__ == "__main__":
    sys.exit(main())
