"""The report of a profile: how uneven a shop is, and what to mind before a model is trained on it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evenshelf.report import class_charts, event_charts
from evenshelf.report.artefacts import findings, terms
from evenshelf.report.buckets import bucket_rows
from evenshelf.report.page import render, write
from evenshelf.shop.cleaning.rules import WARNINGS
from evenshelf.shop.ingesting.reasons import reason_text
from evenshelf.shop.profiling.advice import advice
from evenshelf.shop.profiling.imbalance import FEW_SHOT
from evenshelf.shop.profiling.log_profile import LogProfile

if TYPE_CHECKING:
    from collections.abc import Callable

    from evenshelf.shop.profiling.imbalance import Imbalance
    from evenshelf.shop.profiling.profile import Profile

LISTED = 8
"""Groups named at either end of the tail."""


@dataclass(frozen=True)
class Column:
    """A column of the items table; `ratio`, `gini` and `head` are of its imbalance, ``None`` where not measured."""

    name: str
    type: str
    filled: float
    distinct: int
    ratio: float | None = None
    gini: float | None = None
    head: int | None = None


def profile_report(profile: Profile | LogProfile) -> str:
    """The report of a profile, with all that the terminal shows, as one HTML document.

    Parameters
    ----------
    profile
        Of a shop, with labels or without, or of the events of a shop that has no items.
    """
    items = None if isinstance(profile, LogProfile) else profile
    log = profile if isinstance(profile, LogProfile) else profile.log
    found = [*(items.artefacts if items is not None else ()), *(log.artefacts if log is not None else ())]
    return render(
        "profile.html",
        shop=profile.shop,
        few_shot=FEW_SHOT,
        findings=[
            *findings("items", items.artefacts if items is not None else ()),
            *findings("events", log.artefacts if log is not None else ()),
        ],
        terms=terms(found),
        **_of_items(items),
        **_of_log(log),
    )


def write_profile_report(profile: Profile | LogProfile, path: Path) -> Path:
    """Write :func:`profile_report` to `path`, replacing a file that is there; returns the path.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    return write(profile_report(profile), Path(path))


def _of_items(profile: Profile | None) -> dict[str, Any]:
    if profile is None:
        return {"profile": None, "labelled": False, "advice": []}
    imbalance = profile.imbalance
    of_events = profile.log.warnings if profile.log is not None else {}
    warnings = {name: n for name, n in profile.warnings.items() if name not in of_events}
    return {
        "profile": profile,
        "labelled": imbalance is not None,
        **(_of_groups(imbalance) if imbalance is not None else {}),
        "advice": advice(profile),
        "refused": [(name, n, reason_text(name)) for name, n in _by_count(profile.quarantine)],
        "warnings": [(name, n, WARNINGS.get(name, name)) for name, n in _by_count(warnings)],
        "scripts": sorted(profile.scripts.items(), key=lambda pair: (-pair[1], pair[0])),
        "columns": _columns(profile),
    }


def _of_groups(imbalance: Imbalance) -> dict[str, Any]:
    first, last = _ends(imbalance, str)
    return {
        "imbalance": imbalance,
        "buckets": bucket_rows(imbalance),
        "first": first,
        "last": last,
        "tail_figure": class_charts.long_tail(imbalance, noun="groups"),
    }


def _of_log(log: LogProfile | None) -> dict[str, Any]:
    if log is None:
        return {"log": None}
    first, last = _ends(log.imbalance, log.name)
    return {
        "log": log,
        "log_buckets": bucket_rows(log.imbalance),
        "log_first": first,
        "log_last": last,
        "tops": log.tops(),
        "time_figure": event_charts.events_over_time(log),
        "spread_figure": event_charts.concentration(log),
        "log_refused": [(name, n, reason_text(name)) for name, n in _by_count(log.quarantine)],
        "log_warnings": [(name, n, WARNINGS.get(name, name)) for name, n in _by_count(log.warnings)],
        "spread": lambda value: f"{value:,g}",
    }


def _ends(imbalance: Imbalance, name: Callable[[str], str]) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The most and the least frequent groups, none of them twice, by what readers call them."""
    size = len(imbalance.groups)
    ranks = range(min(LISTED, size)), range(max(LISTED, size - LISTED), size)
    first, last = (
        [
            {
                "name": name(imbalance.groups[rank]),
                "count": int(imbalance.counts[rank]),
                "bucket": str(imbalance.bucket[rank]),
            }
            for rank in part
        ]
        for part in ranks
    )
    return first, last


def _by_count(counts: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def _columns(profile: Profile) -> list[Column]:
    measured = profile.imbalances
    made = []
    for column in profile.columns:
        short = measured.get(column.name)
        about = (column.name, _plain(column.type), column.filled, column.distinct)
        if short is None:
            made.append(Column(*about))
        else:
            made.append(Column(*about, short["ratio"], short["gini"], short["buckets"]["head"]["groups"]))
    return made


_PLAIN = {
    "String": "text",
    "Categorical": "text",
    "Enum": "text",
    "Int": "whole number",
    "UInt": "whole number",
    "Float": "number",
    "Decimal": "number",
    "Boolean": "yes or no",
    "Date": "date",
    "Datetime": "time",
    "List": "list",
}


def _plain(dtype: str) -> str:
    """The type of a column in plain words; those that have none are named as polars does."""
    return _PLAIN.get(re.split(r"[\d(]", dtype, maxsplit=1)[0], dtype)
