"""The text that holds the numbers of a profile's page, section by section, made of the JSON of the profile alone.

Numbers that stand in the prose of the page, such as the ends of a scale, are written out here as they are there.
"""

from __future__ import annotations

import re

from evenshelf.report.artefacts import CORRELATIONS, UNITS
from evenshelf.shop.cleaning.rules import WARNINGS
from evenshelf.shop.ingesting.reasons import reason_text
from evenshelf.study.wording import percent

NUMBER = re.compile(r"\d+(?:,\d{3})*(?:\.\d+)?|(?<!\w)\.\d+")
LISTED = 8


def numbers(text: str) -> list[str]:
    return NUMBER.findall(text)


def sections(values: dict, advice: list[str]) -> dict[str, list[str]]:
    """The numbers of each section in their order; ``header`` is that of the page."""
    items, log = (values, values["log"]) if "rows" in values else (None, values["log"])
    labelled = items is not None and items["imbalance"] is not None
    texts = {"header": _header(items, log, labelled, advice)}
    if labelled:
        texts["tail"] = _tail(items)
    if items is not None:
        texts["titles"] = _titles(items, labelled)
        texts["quarantine"] = _accounts(items, leave_out=log["warnings"] if log else {})
        texts["columns"] = _columns(items)
    if log:
        texts["events"] = _events(log)
        texts["popularity"] = _popularity(log)
        texts["event-quarantine"] = _accounts(log)
    found = [*(items["artefacts"] if items else []), *(log["artefacts"] if log else [])]
    if found:
        texts["artefacts"] = _artefacts(found)
    return {name: numbers(" ".join(map(str, parts))) for name, parts in texts.items()}


def _n(value: float) -> str:
    return f"{value:,.0f}"


def _score(value: float) -> str:
    return f"{value:.3f}".removeprefix("0")


def _buckets(uneven: dict) -> list[tuple[str, int, int]]:
    return [(name, b["groups"], b["examples"]) for name, b in uneven["buckets"].items() if b["groups"]]


def _headline(uneven: dict) -> list[str]:
    held = {name: (groups, examples) for name, groups, examples in _buckets(uneven)}
    total = uneven["examples"]
    parts = [_n(held["head"][0]), _n(uneven["groups"]), percent(held["head"][1] / total), _n(total)]
    if "tail" in held:
        parts += [_n(held["tail"][0]), percent(held["tail"][1] / total)]
    return parts


def _header(items: dict | None, log: dict | None, labelled: bool, advice: list[str]) -> list[str]:
    parts = [(items or log)["shop"]]
    if labelled:
        parts += [items["target"], *_headline(items["imbalance"])]
    elif log:
        parts += _headline(log["imbalance"])
    else:
        parts.append(_n(items["rows"]))
    parts += advice
    if items is None:
        return [
            *parts,
            *map(_n, (log["rows"], log["rows_in"], log["rows_in"] - log["rows"], log["users"], log["items"])),
        ]
    parts += [_n(items["rows"]), _n(items["rows_in"]), _n(items["rows_in"] - items["rows"])]
    if log:
        parts.append(_n(log["rows_in"] - log["rows"]))
    if labelled:
        parts.append(_n(items["unlabelled"]))
    elif log:
        parts += [_n(log["rows"]), _n(log["rows_in"])]
    else:
        parts.append(_n(items["rows"]))
    return [*parts, percent(items["near_repeats"]), percent(items["exact_repeats"])]


def _uneven(uneven: dict, sizes: dict[str, tuple[int, int]]) -> list[str]:
    parts = []
    for name, groups, examples in _buckets(uneven):
        parts += [_n(groups), percent(groups / uneven["groups"]), _n(examples), percent(examples / uneven["examples"])]
        parts += [_n(size) for size in sorted(set(sizes[name]))]
    parts += [_n(uneven["ratio"]), "1", _score(uneven["gini"]), "0 1"]
    return [*parts, f"{uneven['effective_groups']:,.1f}", _n(uneven["groups"]), _n(uneven["few_shot"]), "20"]


def _tail(items: dict) -> list[str]:
    uneven = items["imbalance"]
    groups = uneven["by_group"]
    sizes = {
        name: (min(mine), max(mine))
        for name, *_ in _buckets(uneven)
        if (mine := [row["examples"] for row in groups if row["bucket"] == name])
    }
    first, last = groups[:LISTED], groups[max(LISTED, len(groups) - LISTED) :]
    named = [f"{row['group']} {_n(row['examples'])}" for row in first + last]
    return [items["target"], *_uneven(uneven, sizes), *named]


def _titles(items: dict, labelled: bool) -> list[str]:
    length = items["title_length"]
    parts = [_n(length[at]) for at in ("median", "p05", "p95", "max")]
    if labelled:
        parts += [percent(items["label_in_title"]), items["target"], _n(items["conflicting_labels"])]
    if items["largest_group"]["rows"] > 1:
        parts += [_n(items["largest_group"]["rows"]), items["largest_group"]["title"]]
    for share in sorted(items["scripts"].values(), reverse=True):
        parts.append(percent(share) if share >= 0.0005 else "0.1")
    return [*parts, percent(items["mixed_scripts"])] if items["scripts"] else parts


def _accounts(table: dict, leave_out: dict | None = None) -> list[str]:
    def by_count(counts: dict, meaning) -> list[str]:
        ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
        return [f"{name} {_n(n)} {meaning(name)}" for name, n in ordered]

    warnings = {name: n for name, n in table["warnings"].items() if name not in (leave_out or {})}
    return [
        *map(_n, (table["rows_in"], table["rows"], table["rows_in"] - table["rows"])),
        *by_count(table["quarantine"], reason_text),
        *by_count(warnings, lambda name: WARNINGS.get(name, name)),
    ]


def _columns(items: dict) -> list[str]:
    measured = dict(items["others"])
    if items["imbalance"] is not None:
        measured[items["target"]] = items["imbalance"]
    parts = []
    for column in items["columns"]:
        parts += [column["name"], percent(column["filled"]), _n(column["distinct"]) if column["distinct"] else ""]
        if short := measured.get(column["name"]):
            head = short["buckets"]["head"]["groups"]
            parts += [_n(short["ratio"]), "1", _score(short["gini"]), _n(head)]
    return parts


def _events(log: dict) -> list[str]:
    parts = []
    if log["first"]:
        parts += [log["first"][:10], log["last"][:10], _n(log["without_time"]) if log["without_time"] else ""]
    parts += [_n(log["users"]), percent(log["without_user"] / log["rows"]) if log["without_user"] else ""]
    if log["sessions"]:
        parts += [_n(log["sessions"]), f"{log['per_session']['median']:,g}", _n(log["per_session"]["most"])]
    parts.append(_n(log["items"]))
    if log["catalogue"]:
        parts += [_n(log["silent_items"]), _n(log["catalogue"])]
        parts.append(_n(log["of_unknown_items"]) if log["unknown_items"] else "")
    if per_user := log["per_user"]:
        parts += [f"{per_user['median']:,g}", "95", _n(per_user["p95"]), _n(per_user["most"])]
    if log["pieces_returned"]:
        parts.append(percent(log["pieces_returned"]))
    return [*parts, *(f"{kind} {_n(n)} {percent(n / log['rows'])}" for kind, n in log["kinds"].items())]


def _popularity(log: dict) -> list[str]:
    uneven = log["imbalance"]
    parts = []
    for top in log["tops"]:
        parts += [_n(top["items"]), percent(top["items_share"]), percent(top["events_share"])]
    titles = {row["group"]: row["title"] for row in uneven["most_frequent"] + uneven["least_frequent"]}

    def name(row: dict) -> str:
        again = list(titles.values()).count(row["title"]) > 1
        return row["group"] if row["title"] is None else f"{row['title']} ({row['group']})" if again else row["title"]

    rest = min(LISTED, max(0, uneven["groups"] - LISTED))
    listed = uneven["most_frequent"][:LISTED] + (uneven["least_frequent"][-rest:] if rest else [])
    named = [f"{name(row)} {_n(row['examples'])}" for row in listed]
    return [*parts, *_uneven(uneven, uneven["sizes"]), *named]


def _artefacts(found: list[dict]) -> list[str]:
    parts = []
    for artefact in found:
        parts += [artefact["name"], artefact["meaning"]]
        for value in (artefact["figure"], artefact["expected"]):
            shown = f"{value:.2f}" if artefact["name"] in CORRELATIONS else percent(value) if value else "0"
            parts.append(shown)
        parts += [_n(artefact["observations"]), artefact["advice"]]
    said = " ".join(artefact["meaning"] for artefact in found)
    return [*parts, *(meaning for term, meaning in UNITS.items() if term in said)]
