"""Fills the places of benchmarks in READMEs and docs from the result files, so that no figure is typed by hand.

    python -m bench.render            write
    python -m bench.render --check    write nothing; fail if a page is not what the results say

A place is marked by two comments, ``<!-- bench:NAME begin -->`` and ``<!-- bench:NAME end -->``; what stands between
them is replaced. NAME is ``opening`` for the words and tables of the READMEs, or the name of a result file, with
``_details`` after it or not, for all that it holds.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from bench import opening
from bench.harness import RESULTS, say
from bench.wording import cell, heading, sentence, title

ROOT = Path(__file__).resolve().parents[1]
PLACE = re.compile(r"(?P<begin><!-- bench:(?P<name>\w+) begin -->\n).*?(?P<end><!-- bench:(?P=name) end -->)", re.S)
CHINESE = ".zh-CN.md"


def pages(root: Path = ROOT) -> list[Path]:
    """Markdown files that have a place for a benchmark."""
    found = [*sorted(root.glob("*.md")), *sorted((root / "docs").rglob("*.md"))]
    return [page for page in found if PLACE.search(page.read_text(encoding="utf-8"))]


def filled(page: Path, results: Path = RESULTS) -> str:
    """The text of a page with all its places filled.

    Raises
    ------
    FileNotFoundError
        If a result is missing.
    """
    language = "zh" if page.name.endswith(CHINESE) else "en"

    def place(match: re.Match[str]) -> str:
        return f"{match['begin']}{block(match['name'], results, language)}\n{match['end']}"

    return PLACE.sub(place, page.read_text(encoding="utf-8"))


def block(name: str, results: Path, language: str) -> str:
    """What is put into the place `name`."""
    if name == "opening":
        return opening_block(results, language)
    return everything(read(results, name.removesuffix("_details")), language)


def read(results: Path, name: str) -> dict[str, Any]:
    """A result file.

    Raises
    ------
    FileNotFoundError
        If it is missing.
    """
    file = results / f"{name}.json"
    if not file.is_file():
        raise FileNotFoundError(f"There is no result {file.name}; measure it with: python -m bench")
    document: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
    return document


def opening_block(results: Path, language: str) -> str:
    """The opening argument of the READMEs; see :mod:`bench.opening`."""
    there = {name: read(results, name) for name in opening.SOURCES if (results / f"{name}.json").is_file()}
    quality = there.get("label_quality") or read(results, "label_quality")
    parts = [sentence("families", language).format(remedies=opening.tuned(quality))]
    for name in quality["settings"]["data"]:
        parts.append(opening.about(name, quality, language))
        parts.append(markdown(opening.COLUMNS, opening.families(name, quality), language))
    if "name_prior" in there:
        parts.append(opening.names(there["name_prior"], language))
    if "label_study" in there:
        parts.append(opening.costs(there["label_study"], there.get("label_study_full"), language))
    if "recommend_beauty" in there:
        found = there["recommend_beauty"]
        parts.append(opening.lists(found, language))
        parts.append(markdown(opening.LIST_COLUMNS, opening.recommenders(found), language))
    if "search_quality" in there:
        parts.append(sentence("searches", language))
        parts.append(markdown(opening.SEARCH_COLUMNS, opening.searches(there["search_quality"], language), language))
    parts.append(measured(there, language))
    return "\n\n".join(part for part in parts if part)


def measured(documents: Mapping[str, dict[str, Any]], language: str) -> str:
    """Where the figures come from; each run by its own commit."""
    machine = next(iter(documents.values()))["machine"]
    commits = [document["commit"] or "–" for document in documents.values()]
    if len(set(commits)) == 1:
        named = commits[0]
    else:
        each = [
            sentence("each_run", language).format(commit=commit, run=sentence(f"run_{name}", language))
            for commit, name in zip(commits, documents, strict=True)
        ]
        named = ("、" if language == "zh" else ", ").join(each)
    return sentence("measured", language).format(commits=named, cores=machine["cores"], processor=machine["processor"])


def everything(document: dict[str, Any], language: str) -> str:
    """All figures, tables and notes of a result."""
    columns = ("figure", "value", "unit", "better", "peer", "peer_value", "ratio")
    parts = [markdown(columns, [list(f.values()) for f in document["figures"]], language)]
    for listing in document["tables"]:
        parts += [f"**{title(listing['name'], language)}**", markdown(listing["columns"], listing["rows"], language)]
    parts.append("\n".join(f"- {note}" for note in document["notes"]))
    parts.append(measured({document["name"]: document}, language))
    return "\n\n".join(part for part in parts if part)


def markdown(columns: Sequence[str], rows: Sequence[Sequence[Any]], language: str) -> str:
    """A table; specs of remedies and encoders are set as code."""
    lines = ["| " + " | ".join(heading(column, language) for column in columns) + " |"]
    lines.append("|" + "|".join("---" if column in _TEXTS else "--:" for column in columns) + "|")
    for row in rows:
        cells = []
        for column, value in zip(columns, row, strict=True):
            code = column in ("remedy", "encoder") and value is not None
            cells.append((f"`{value}`" if code else cell(column, value, language)).replace("|", "\\|"))
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines)


_TEXTS = (
    "family",
    "remedy",
    "model",
    "learner",
    "encoder",
    "names",
    "data",
    "titles",
    "who",
    "world",
    "figure",
    "unit",
    "better",
    "peer",
    "stage",
    "made_as",
    "reason",
    "recommended",
    "no_better",
    "thresholds",
    "source",
    "ranking",
    "best_peer",
    "engine",
    "mode",
    "store",
    "reasons",
    "comprehensiveness",
    "sufficiency",
)


def main(words: Sequence[str] | None = None) -> int:
    """Write the pages, or check them."""
    parser = argparse.ArgumentParser(prog="python -m bench.render", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a page would change")
    parser.add_argument("--results", type=Path, default=RESULTS, help="folder of the result files")
    parser.add_argument("--root", type=Path, default=ROOT, help="folder of the pages")
    asked = parser.parse_args(words)
    stale = 0
    for page in pages(asked.root):
        try:
            text = filled(page, asked.results)
        except FileNotFoundError as error:
            say(f"{page.name}: {error}")
            return 1
        if text == page.read_text(encoding="utf-8"):
            continue
        stale += 1
        if asked.check:
            say(f"{page.name} is not what the results say; write it with: python -m bench.render")
        else:
            page.write_text(text, encoding="utf-8")
            say(f"written: {page.name}")
    return int(asked.check and stale > 0)


if __name__ == "__main__":
    sys.exit(main())
