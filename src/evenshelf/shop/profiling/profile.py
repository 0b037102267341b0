"""A shop at a glance: what is there, what is missing, what repeats, how uneven it is."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, TypedDict

import numpy as np
import polars as pl

from evenshelf.errors import InputError, SettingError, near
from evenshelf.shop.cleaning.rules import minority_labels
from evenshelf.shop.duplicates import title_groups
from evenshelf.shop.label_words import label_held
from evenshelf.shop.profiling.chance import Artefact
from evenshelf.shop.profiling.imbalance import Imbalance
from evenshelf.shop.profiling.item_artefacts import item_artefacts
from evenshelf.shop.profiling.judgement_profile import JudgementProfile, profile_judgements
from evenshelf.shop.profiling.label_parts import label_word_held
from evenshelf.shop.profiling.log_profile import LogProfile, profile_log, refused_of
from evenshelf.shop.schema import MARKS, PROVENANCE

if TYPE_CHECKING:
    from evenshelf.shop.progress import Progress
    from evenshelf.shop.store import Shop

FEW_VALUES = 200
"""A column with 2 to so many distinct values is worth a measure of imbalance of its own."""

# Scripts by the ranges of Unicode blocks that titles of shops use.
SCRIPTS = {
    "latin": r"[A-Za-z\u00c0-\u024f]",
    "han": r"[\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]",
    "kana": r"[\u3040-\u30ff]",
    "hangul": r"[\uac00-\ud7af]",
    "cyrillic": r"[\u0400-\u04ff]",
    "greek": r"[\u0370-\u03ff]",
    "arabic": r"[\u0600-\u06ff]",
    "hebrew": r"[\u0590-\u05ff]",
    "devanagari": r"[\u0900-\u097f]",
    "thai": r"[\u0e00-\u0e7f]",
}


@dataclass(frozen=True)
class ColumnProfile:
    """One column: its type, the share of rows with a value, the number of distinct values."""

    name: str
    type: str
    filled: float
    distinct: int


@dataclass(frozen=True)
class Profile:
    """What :func:`profile` found. All shares are from 0 to 1, of the rows in the items table.

    Attributes
    ----------
    target
        The column to be learned, whose imbalance is measured in `imbalance`; None: nothing is said about labels, and
        `label_in_title`, `label_word_in_title`, `conflicting_labels`, `unlabelled` and `imbalance` are None.
    rows, rows_in
        Items, and rows that were read to get them (items plus quarantine).
    quarantine, warnings
        Rows refused, and rows worth a look, by name.
    columns
        All columns but those that say where a row came from.
    scripts
        Share of titles that hold characters of each script; a title may hold several.
    mixed_scripts
        Share of titles that hold more than one script.
    title_length
        Quantiles of the number of characters: ``min``, ``p05``, ``median``, ``p95``, ``max``.
    exact_repeats
        Share of rows whose title stood in an earlier row, character for character.
    near_repeats
        Share of rows that are not the first of their group of
        :func:`~evenshelf.shop.duplicates.title_groups`; at least `exact_repeats`.
    largest_group
        Size of the largest of these groups, and its first title.
    label_in_title
        Share of rows with a target whose title holds the whole label (the last part of a path; either name of a
        label with two, as in ``Shoe / 鞋``), plural or not, without case and punctuation.
    label_word_in_title
        Share of rows with a target whose title holds at least one word of the label; at least `label_in_title`.
    conflicting_labels
        Rows that carry the minority label of a title with several labels.
    unlabelled
        Rows without a target.
    imbalance
        Of the target.
    others
        Imbalance in short of every other column with few values.
    artefacts
        What makes evaluations lie that were not made with it in mind.
    log
        The events, if the shop has any.
    judgements
        The judgements, if the shop has any.
    """

    shop: str
    origin: str
    target: str | None
    rows: int
    rows_in: int
    quarantine: dict[str, int]
    warnings: dict[str, int]
    columns: tuple[ColumnProfile, ...]
    scripts: dict[str, float]
    mixed_scripts: float
    title_length: dict[str, float]
    exact_repeats: float
    near_repeats: float
    largest_group: tuple[int, str]
    label_in_title: float | None
    label_word_in_title: float | None
    conflicting_labels: int | None
    unlabelled: int | None
    imbalance: Imbalance | None
    others: dict[str, dict[str, Any]]
    artefacts: tuple[Artefact, ...] = ()
    log: LogProfile | None = None
    judgements: JudgementProfile | None = None

    @property
    def categorised(self) -> bool:
        """Whether an item has a category."""
        return any(column.name == "category" and column.filled > 0 for column in self.columns)

    @property
    def imbalances(self) -> dict[str, dict[str, Any]]:
        """Imbalance in short of every column that has one, by name: the target's and `others`."""
        if self.target is None or self.imbalance is None:
            return dict(self.others)
        return {**self.others, self.target: self.imbalance.summary()}

    def to_dict(self) -> dict[str, Any]:
        """Return the profile, ready for JSON; without a target, what is about labels is null."""
        out = {
            name: getattr(self, name)
            for name in self.__dataclass_fields__
            if name not in {"columns", "imbalance", "largest_group", "artefacts", "log", "judgements"}
        }
        return {
            **out,
            "columns": [asdict(column) for column in self.columns],
            "artefacts": [asdict(artefact) for artefact in self.artefacts],
            "log": None if self.log is None else self.log.to_dict(),
            "judgements": None if self.judgements is None else self.judgements.to_dict(),
            "largest_group": {"rows": self.largest_group[0], "title": self.largest_group[1]},
            "imbalance": None if self.imbalance is None else _by_group(self.imbalance),
        }


def _by_group(imbalance: Imbalance) -> dict[str, object]:
    groups = zip(imbalance.groups, imbalance.counts, imbalance.bucket, strict=True)
    return {
        **imbalance.summary(),
        "by_group": [{"group": g, "examples": int(n), "bucket": str(b)} for g, n, b in groups],
    }


def lacks_categories(shop: Shop) -> bool:
    """Say whether a shop has items, but none with a category."""
    if not shop.rows("items"):
        return False
    items = shop.scan("items")
    if "category" not in items.collect_schema().names():
        return True
    return not items.select(pl.col("category").is_not_null().any()).collect().item()


def profile(shop: Shop, target: str | None = "category", *, progress: Progress | None = None) -> Profile:
    """Measure a shop.

    Parameters
    ----------
    shop
        The shop.
    target
        The column to be learned; None asks for no labels, as for a shop without categories.
    progress
        Told about the work as it goes on.

    Raises
    ------
    InputError
        If the shop has no items.
    SettingError
        If there is no such column, or nothing in it.
    """
    items = shop.items()
    if items.height == 0:
        raise InputError(f"the shop {shop.path} has no items", hint="Add some with: evenshelf ingest SHOP FILES")
    labels = None if target is None else _labels(shop, items, target)
    if progress is not None and "title_group" not in items.columns:
        progress("comparing titles", 0, None)
    titles: list[str] = items["title"].to_list()
    groups = items["title_group"].to_numpy() if "title_group" in items.columns else title_groups(titles)
    sizes = np.unique(groups, return_counts=True)[1]
    largest = int(np.argmax(sizes))
    first_of = np.unique(groups, return_index=True)[1]
    if progress is not None:
        progress("measuring", 0, None)
    has = {name: items["title"].str.contains(pattern) for name, pattern in SCRIPTS.items()}
    lengths = items["title"].str.len_chars().to_numpy()
    at = {"min": 0.0, "p05": 0.05, "median": 0.5, "p95": 0.95, "max": 1.0}
    refused = refused_of(shop, "items")
    return Profile(
        shop=str(shop.path),
        origin=shop.manifest.origin,
        target=target,
        rows=items.height,
        rows_in=items.height + sum(refused.values()),
        quarantine=refused,
        warnings=dict(shop.manifest.warnings),
        columns=tuple(_column(items[name]) for name in items.columns if name not in {*PROVENANCE, *MARKS}),
        scripts={name: float(np.mean(hit.to_numpy())) for name, hit in has.items() if hit.any()},
        mixed_scripts=float(np.mean(np.sum([hit.to_numpy() for hit in has.values()], axis=0) > 1)),
        title_length={name: float(np.quantile(lengths, q)) for name, q in at.items()},
        exact_repeats=1 - items["title"].n_unique() / items.height,
        near_repeats=1 - sizes.size / items.height,
        largest_group=(int(sizes[largest]), titles[int(first_of[largest])]),
        **_of_labels(titles, labels),
        others={
            name: imbalance_of(items[name].drop_nulls().cast(pl.String)).summary()
            for name in items.columns
            if name not in {*PROVENANCE, *MARKS, "title", "item_id", "price", target}
            and _is_simple(items[name].dtype)
            and 2 <= items[name].drop_nulls().n_unique() <= FEW_VALUES
        },
        artefacts=item_artefacts(items, target, progress=progress),
        log=profile_log(shop, progress=progress) if shop.rows("events") else None,
        judgements=profile_judgements(shop) if shop.rows("judgements") else None,
    )


def _labels(shop: Shop, items: pl.DataFrame, target: str) -> pl.Series:
    """The column to be learned as texts, not all of them null."""
    choices = [name for name in items.columns if name not in {*PROVENANCE, *MARKS, "title", "item_id"}]
    if target not in choices:
        raise SettingError(
            f"the shop {shop.path} has no column {target!r} to measure{near(target, choices)}",
            hint=f"Choose one with --target: {', '.join(choices)}.",
        )
    labels = items[target].cast(pl.String)
    if labels.null_count() == items.height:
        raise SettingError(f"column {target!r} of the shop {shop.path} is empty")
    return labels


class _AboutLabels(TypedDict):
    label_in_title: float | None
    label_word_in_title: float | None
    conflicting_labels: int | None
    unlabelled: int | None
    imbalance: Imbalance | None


def _of_labels(titles: list[str], labels: pl.Series | None) -> _AboutLabels:
    """What is about labels in a profile; all None without any."""
    if labels is None:
        return {
            "label_in_title": None,
            "label_word_in_title": None,
            "conflicting_labels": None,
            "unlabelled": None,
            "imbalance": None,
        }
    known, given = labels.drop_nulls(), labels.to_list()
    return {
        "label_in_title": float(label_held(titles, given).sum() / len(known)),
        "label_word_in_title": float(label_word_held(titles, given).sum() / len(known)),
        "conflicting_labels": int(minority_labels(pl.DataFrame({"title": titles, "category": labels})).sum()),
        "unlabelled": labels.null_count(),
        "imbalance": imbalance_of(known),
    }


def imbalance_of(labels: pl.Series) -> Imbalance:
    """Measure the imbalance of a column of labels; nulls must be gone."""
    counts = labels.alias("label").value_counts()
    return Imbalance.from_counts(dict(zip(counts["label"].to_list(), counts["count"].to_list(), strict=True)))


def _column(series: pl.Series) -> ColumnProfile:
    filled = series.is_not_null()
    if series.dtype == pl.String:
        filled = filled & (series.fill_null("").str.strip_chars() != "")
    distinct = series.filter(filled).n_unique() if _is_simple(series.dtype) else 0
    return ColumnProfile(series.name, str(series.dtype), float(np.mean(filled.to_numpy())), distinct)


def _is_simple(dtype: pl.DataType) -> bool:
    return not dtype.is_nested() and dtype not in (pl.Object, pl.Binary)
