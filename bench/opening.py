"""The opening argument of the READMEs: the best of each family on real titles, what names are worth, what it costs."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from bench.recommend_peers import OUTSIDE, PEER
from bench.search_quality import OURS as SEARCH
from bench.wording import cell, figure, sentence
from evenshelf.study.runner import WORDS_SPEC

Document = dict[str, Any]
Read = Callable[[str], "Document | None"]
"""A result by its name, or ``None`` where there is none."""

COLUMNS = (
    "family",
    "remedy",
    "macro_f1",
    "difference",
    "p_holm",
    "tail_f1",
    "tail_difference",
    "head_f1",
    "ece",
    "vanished",
)
"""Of the table of families."""
_NO_REMEDY = ("none", WORDS_SPEC)
LIST_COLUMNS = (
    "model",
    "directed",
    "recall_at_10",
    "ndcg_at_10",
    "tail50_recall_at_10",
    "descending_recall_at_10",
    "fit_seconds",
)
"""Of the table of what recommends."""
SEARCH_COLUMNS = ("data", "ndcg", "best_peer", "peer_ndcg", "over_best")
"""Of the table of search."""
SOURCES = ("label_quality", "name_prior", "label_study", "label_study_full", "recommend_beauty", "search_quality")
"""Results that the opening is made of; only the first is always needed."""


def about(name: str, quality: Document, language: str) -> str:
    """What was measured on what."""
    settings, data = quality["settings"], quality["settings"]["data"][name]
    return sentence("about", language).format(
        data=sentence(f"data_{name}", language),
        rows=f"{data['rows']:,}",
        classes=data["classes"],
        encoder=data["encoder"],
        folds=settings["folds"],
        budget=settings["budget"],
    )


def tuned(quality: Document) -> int:
    """How many remedies were tuned on the first data set: those that are not for it have no line."""
    rows = quality["tables"][0]["rows"]
    return sum(row[0] not in _NO_REMEDY for row in rows)


def families(name: str, quality: Document) -> list[list[Any]]:
    """Of each family the remedy with the best macro-F1, best first, in :data:`COLUMNS`."""
    listing = next(t for t in quality["tables"] if t["name"] == f"quality_{name}")
    rows = [dict(zip(listing["columns"], row, strict=True)) for row in listing["rows"]]
    best: dict[str, dict[str, Any]] = {}
    for row in rows:  # best first
        best.setdefault(row["family"], row)
    return [[row[column] for column in COLUMNS] for row in best.values()]


def lists(found: Document, language: str) -> str:
    """What was asked of recommendation, and of whom."""
    settings = found["settings"]
    return sentence("lists", language).format(users=f"{settings['users']:,}", items=f"{settings['items']:,}")


def recommenders(found: Document) -> list[list[Any]]:
    """Peers, what was published, and what of ours is ahead of all peers, best NDCG first, in :data:`LIST_COLUMNS`."""
    rows = [
        dict(zip(table["columns"], row, strict=True))
        for table in found["tables"]
        if table["name"] in ("recommenders", "recommenders_published")
        for row in table["rows"]
    ]
    for row in rows:
        if "source" in row:
            row["model"] = f"*{row['model']}, {row['source'].split(';')[0]}*"
    peers = {PEER, *(model.title for peer in OUTSIDE for model in peer.models)}
    bound = max((row["ndcg_at_10"] for row in rows if row["model"] in peers), default=0.0)
    rows = [row for row in rows if row["model"] in peers or "source" in row or row["ndcg_at_10"] > bound]
    rows.sort(key=lambda row: -row["ndcg_at_10"])
    return [[row.get(column) for column in LIST_COLUMNS] for row in rows]


def searches(found: Document, language: str) -> list[list[Any]]:
    """Of each data set the search as it comes beside the best peer, in :data:`SEARCH_COLUMNS`."""
    (listing,) = (table for table in found["tables"] if table["name"] == "search_quality")
    rows = [dict(zip(listing["columns"], row, strict=True)) for row in listing["rows"]]
    told = []
    for data in dict.fromkeys(row["data"] for row in rows):
        own = [row for row in rows if row["data"] == data]
        (ours,) = (row for row in own if row["ranking"] == SEARCH)
        best = max((row for row in own if not row["ranking"].startswith(SEARCH)), key=lambda row: row["ndcg"][0])
        told.append(
            [sentence(f"search_{data}", language), ours["ndcg"], best["ranking"], best["ndcg"], ours["over_best"]]
        )
    return told


def names(found: Document, language: str) -> str:
    """What is left of the gain of the name prior under names that say something else, or nothing."""
    figures = {f["name"]: f for f in found["figures"]}
    lines = []
    for data in found["settings"]["data"]:
        gain, codes, unseen = (figures[f"{kind}_{data}"] for kind in ("gain", "gain_of_codes", "unseen_recall"))
        lines.append(
            sentence("names", language).format(
                data=sentence(f"data_{data}", language),
                gain=cell("difference", gain["value"], language),
                shuffled=cell("difference", gain["peer_value"], language),
                codes=cell("difference", codes["value"], language),
                unseen=f"{unseen['value']:.0%}",
                nameless=f"{unseen['peer_value']:.0%}",
            )
        )
    return ("" if language == "zh" else " ").join(lines)


def costs(study: Document, full: Document | None, language: str) -> str:
    """The study's speed beside its peer's, and at full size where that was measured."""
    figures = {f["name"]: f for f in study["figures"]}
    lines = []
    if "speed_ratio" in figures:
        lines.append(
            sentence("speed", language).format(
                remedies=next(
                    sum(row[0] not in _NO_REMEDY for row in t["rows"])
                    for t in study["tables"]
                    if t["name"] == "remedies"
                ),
                seconds=figure(figures["study_seconds"]["value"]),
                peer=figure(figures["study_seconds"]["peer_value"]),
                ratio=figure(figures["speed_ratio"]["value"]),
                memory=figure(figures["memory_ratio"]["value"]),
                gap=cell("macro_f1", figures["macro_f1_gap_max"]["value"], language),
                exact=cell("macro_f1", figures["macro_f1_gap_same_setting_not_drawn_max"]["value"], language),
                tight=cell("macro_f1", figures["macro_f1_gap_at_optimum_max"]["value"], language),
                tried=next((len(t["rows"]) for t in study["tables"] if t["name"] == "objectives"), 0),
                peer_folds=peer_folds(study),
                folds=study["settings"]["folds"],
            )
        )
    if full is not None:
        (seconds,) = (f["value"] for f in full["figures"] if f["name"] == "study_seconds")
        rows = f"{full['settings']['rows']:,}"
        lines.append(sentence("full", language).format(rows=rows, seconds=figure(seconds)))
    encoding = ("encode_ratio", "encode_ratio_int8", "encode_ratio_fast")
    if all(name in figures for name in encoding):
        values = {name: figure(figures[name]["value"]) for name in encoding}
        lines.append(sentence("encode", language).format(**values))
    return ("" if language == "zh" else " ").join(lines)


def peer_folds(study: Document) -> int:
    """How many folds the peer ran, as the run itself wrote it down."""
    found = next(m for note in study["notes"] if (m := re.match(r"The peer ran (\d+) of", note)))
    return int(found[1])
