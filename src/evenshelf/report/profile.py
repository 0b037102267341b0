"""The report of a profile: how uneven a shop is, and what to mind before a model is trained on it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evenshelf.report import class_charts
from evenshelf.report.buckets import bucket_rows
from evenshelf.report.page import render, write
from evenshelf.shop.cleaning.rules import WARNINGS
from evenshelf.shop.ingesting.reasons import reason_text
from evenshelf.shop.profiling.advice import advice
from evenshelf.shop.profiling.imbalance import FEW_SHOT

if TYPE_CHECKING:
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


def profile_report(profile: Profile) -> str:
    """The report of a profile as one HTML document."""
    imbalance = profile.imbalance
    names = [
        {"name": name, "count": int(size), "bucket": str(bucket)}
        for name, size, bucket in zip(imbalance.groups, imbalance.counts, imbalance.bucket, strict=True)
    ]
    return render(
        "profile.html",
        profile=profile,
        imbalance=imbalance,
        buckets=bucket_rows(imbalance),
        advice=advice(profile),
        few_shot=FEW_SHOT,
        first=names[:LISTED],
        last=names[max(LISTED, len(names) - LISTED) :],
        tail_figure=class_charts.long_tail(imbalance, noun="groups"),
        refused=[(name, n, reason_text(name)) for name, n in _by_count(profile.quarantine)],
        warnings=[(name, n, WARNINGS.get(name, name)) for name, n in _by_count(profile.warnings)],
        scripts=sorted(profile.scripts.items(), key=lambda pair: (-pair[1], pair[0])),
        columns=_columns(profile),
    )


def write_profile_report(profile: Profile, path: Path) -> Path:
    """Write :func:`profile_report` to `path`, replacing a file that is there; returns the path.

    Raises
    ------
    InputError
        If the file cannot be written.
    """
    return write(profile_report(profile), Path(path))


def _by_count(counts: dict[str, int]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))


def _columns(profile: Profile) -> list[Column]:
    measured: dict[str, dict[str, Any]] = {**profile.others, profile.target: profile.imbalance.summary()}
    made = []
    for column in profile.columns:
        short = measured.get(column.name)
        about = (column.name, column.type, column.filled, column.distinct)
        if short is None:
            made.append(Column(*about))
        else:
            made.append(Column(*about, short["ratio"], short["gini"], short["buckets"]["head"]["groups"]))
    return made
