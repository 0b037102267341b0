"""What makes a row unusable (quarantine) and what is only worth knowing (warnings).

A rule is a value in :data:`RULES` or :data:`WARNINGS`; reports, switches and help texts are derived from there.
Rules see a frame of one source with the columns of the items table and, where the source has them, the columns
``__breadcrumb`` and ``__code``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import numpy as np
import polars as pl

from evenshelf.shop.duplicates import title_key

if TYPE_CHECKING:
    from collections.abc import Callable

BREADCRUMB = "__breadcrumb"
CODE = "__code"

PLACEHOLDERS = ("na", "n/a", "nan", "null", "none", "-", "--", "?", "tbd", "无", "暂无", "未知", "$n")
"""Titles that say that there is none. Only counted: an item may really be called None."""

_CONTROL = r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]"
_SEPARATOR = ">"
_USUAL_ROWS, _USUAL_SHARE = 10, 0.9


@dataclass(frozen=True)
class Rule:
    """A reason to put a row into quarantine.

    Attributes
    ----------
    name
        Its name in reports and for the switch that turns it off.
    reason
        One line that says what is wrong with such a row.
    find
        Frame -> Boolean series: True for rows to refuse. Must not depend on the order of rows, unless it says so.
    repair
        Frame, Boolean series of the rows found -> frame with these rows repaired, or None if there is no repair
        that can be told from the row alone. Only applied when asked for by name.
    """

    name: str
    reason: str
    find: Callable[[pl.DataFrame], pl.Series]
    repair: Callable[[pl.DataFrame, pl.Series], pl.DataFrame] | None = None


def _nowhere(frame: pl.DataFrame) -> pl.Series:
    return pl.repeat(False, frame.height, dtype=pl.Boolean, eager=True)


def _separators(column: str) -> pl.Expr:
    """Count ``>`` in a column, without those that close a bracket as in ``<new>`` or ``<<title>>``."""
    bare = pl.col(column).fill_null("").str.replace_all(r"<+[^<>]*>+", "")
    return bare.str.count_matches(f"{_SEPARATOR}+")


def _swapped_columns(frame: pl.DataFrame) -> pl.Series:
    """Find titles like ``A > B > title`` beside a breadcrumb without separator or without anything.

    Only where most breadcrumbs do have a separator, so that its absence means something.
    """
    if BREADCRUMB not in frame.columns or frame.height == 0:
        return _nowhere(frame)
    levels = pl.col("title").str.split(_SEPARATOR).list.eval(pl.element().str.strip_chars().ne("")).list.sum()
    seen = frame.select(
        title=_separators("title"),
        crumb=_separators(BREADCRUMB),
        levels=levels.fill_null(0),
        empty=pl.col(BREADCRUMB).fill_null("") == "",
    )
    if (seen["title"] + seen["crumb"] > 0).mean() < 0.5:  # type: ignore[operator]
        return _nowhere(frame)
    path = (pl.col("title") >= 2) | ((pl.col("title") == 1) & ~pl.col("empty"))
    return seen.select(hit=path & (pl.col("levels") >= 2) & (pl.col("crumb") == 0))["hit"]


def _swap_back(frame: pl.DataFrame, rows: pl.Series) -> pl.DataFrame:
    return frame.with_columns(
        title=pl.when(rows).then(pl.col(BREADCRUMB)).otherwise(pl.col("title")),
        __breadcrumb=pl.when(rows).then(pl.col("title")).otherwise(pl.col(BREADCRUMB)),
    )


def _empty_title(frame: pl.DataFrame) -> pl.Series:
    return frame["title"].fill_null("").str.strip_chars() == ""


def _control_characters_title(frame: pl.DataFrame) -> pl.Series:
    return frame["title"].fill_null("").str.contains(_CONTROL)


def _code_differs_from_file(frame: pl.DataFrame) -> pl.Series:
    """Find rows whose category code is not the name of their file.

    Only where files are named by codes at all: there are several, most are named like the code that is most
    frequent in them, and the file's name has the shape of a code (so ``correction.csv`` is left alone).
    """
    if CODE not in frame.columns or frame["source_file"].n_unique() < 2:
        return _nowhere(frame)
    files = frame["source_file"].unique().to_list()
    stem_of = {file: PurePosixPath(file).stem for file in files}
    common = (
        frame.filter(pl.col(CODE).is_not_null())
        .group_by("source_file", CODE)
        .len()
        .sort(["source_file", "len", CODE], descending=[False, True, False])
        .unique("source_file", keep="first", maintain_order=True)
    )
    agree = sum(stem_of[file] == code for file, code in common.select("source_file", CODE).iter_rows())
    if 2 * agree <= len(files):
        return _nowhere(frame)
    shapes = {_shape(code) for code in frame[CODE].drop_nulls().unique()}
    named = {file: stem for file, stem in stem_of.items() if _shape(stem) in shapes}
    expected = frame["source_file"].replace_strict(named, default=None, return_dtype=pl.String)
    return (frame[CODE] != expected).fill_null(value=False)


def _category_differs_from_code(frame: pl.DataFrame) -> pl.Series:
    """Find rows whose category is not the one that at least 90 % of at least 10 rows of their code have."""
    if CODE not in frame.columns or "category" not in frame.columns:
        return _nowhere(frame)
    usual = (
        frame.drop_nulls(["category", CODE])
        .group_by(CODE, "category")
        .len()
        .with_columns(total=pl.col("len").sum().over(CODE))
        .filter((pl.col("total") >= _USUAL_ROWS) & (pl.col("len") >= _USUAL_SHARE * pl.col("total")))
    )
    expected = frame.join(usual.select(CODE, usual="category"), on=CODE, how="left", maintain_order="left")
    return (expected["category"] != expected["usual"]).fill_null(value=False)


def _shape(code: str) -> str:
    return re.sub(r"[^\W\d_]", "a", re.sub(r"\d", "9", code))


def _duplicate_item_id(frame: pl.DataFrame) -> pl.Series:
    """Find every row whose item_id stood in an earlier row; depends on the order of rows."""
    return ~frame["item_id"].is_first_distinct()


RULES: tuple[Rule, ...] = (
    Rule(
        "swapped_columns",
        "title and breadcrumb are swapped: the title is a path, which would give the category away",
        _swapped_columns,
        _swap_back,
    ),
    Rule("empty_title", "the title is empty", _empty_title),
    Rule(
        "control_characters_title",
        "the title holds control characters, so its text was cut or damaged before",
        _control_characters_title,
    ),
    Rule(
        "code_differs_from_file",
        "the category code differs from the name of the file, so one of the two is wrong",
        _code_differs_from_file,
    ),
    Rule(
        "category_differs_from_code",
        "nearly all rows with this category code have another category",
        _category_differs_from_code,
    ),
    Rule("duplicate_item_id", "another item has the same item_id", _duplicate_item_id),
)
"""Quarantine rules in the order in which they are asked; the first that finds a row names its reason."""

MARKINGS = {
    "conflicting_labels": "rows with the minority category of a title that has several are marked (minority_label)",
    "title_groups": "titles that are the same to a reader are linked (title_group)",
}
"""What is written beside items without moving them; each can be turned off."""

WARNINGS = {
    "conflicting_labels": "rows with the minority category of a title that has several categories",
    "repeated_titles": "rows that repeat an earlier title exactly: split by title, or copies leak into tests",
    "missing_category": "rows without a category",
    "placeholder_titles": "titles such as NA or null",
    "impossible_prices": "prices of items below 0, or infinite",
    "unreadable_prices": "prices that are no number (kept as text in price_text)",
    "literal_quotes": "rows with stray quotes, read as part of the text",
    "unmatched_returns": "returns of which the purchase was not found, or not all of its pieces",
    "lost_zeros": "events of unknown items that are known with zeros in front: write item_id as the items have it",
    "events_without_user": "events of which nobody knows who did it",
    "prices_of_unknown_items": "listed prices of items that the shop does not have",
    "stock_of_unknown_items": "counts of stock of items that the shop does not have",
    "judgements_of_unknown_items": "judgements on items that the shop does not have: is item_id the right column?",
    "events_without_time": "events without a time: their order is that of the file",
}
"""What is counted, but keeps its place in the table."""


def minority_labels(frame: pl.DataFrame) -> pl.Series:
    """Mark rows whose title (by :func:`title_key`) is more often filed under another category.

    Equally frequent categories are told apart by name: the first is the majority. Rows without a category are
    never marked.
    """
    if "category" not in frame.columns or frame.height == 0:
        return _nowhere(frame)
    keyed = pl.DataFrame(
        {"key": [title_key(title) for title in frame["title"].to_list()], "category": frame["category"]}
    )
    votes = (
        keyed.drop_nulls("category")
        .group_by("key", "category")
        .len()
        .sort(["key", "len", "category"], descending=[False, True, False])
        .unique("key", keep="first", maintain_order=True)
        .select("key", majority="category")
    )
    joined = keyed.join(votes, on="key", how="left", maintain_order="left")
    return joined.select((pl.col("category") != pl.col("majority")).fill_null(value=False))["category"]


def count_warnings(frame: pl.DataFrame) -> dict[str, int]:
    """Count, over a whole items table, what is worth knowing; zero counts are left out."""
    counts = {
        "conflicting_labels": _sum(frame, "minority_label"),
        "repeated_titles": frame.height - frame["title"].n_unique(),
        "missing_category": frame["category"].null_count() if "category" in frame.columns else 0,
        "placeholder_titles": int(
            np.isin(frame["title"].str.strip_chars().str.to_lowercase().to_numpy(), PLACEHOLDERS).sum()
        )
        if frame.height
        else 0,
        "impossible_prices": int((~frame["price"].is_finite() | (frame["price"] < 0)).sum())
        if "price" in frame.columns
        else 0,
        "unreadable_prices": frame.height - frame["price_text"].null_count() if "price_text" in frame.columns else 0,
    }
    return {name: count for name, count in counts.items() if count}


def _sum(frame: pl.DataFrame, column: str) -> int:
    return int(frame[column].sum()) if column in frame.columns else 0
