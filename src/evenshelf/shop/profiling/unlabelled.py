"""A shop whose items have no categories at a glance: all of a profile that asks for no labels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import polars as pl

from evenshelf.errors import InputError
from evenshelf.shop.duplicates import title_groups
from evenshelf.shop.profiling.advice import advice
from evenshelf.shop.profiling.artefacts import item_artefacts
from evenshelf.shop.profiling.imbalance import Imbalance
from evenshelf.shop.profiling.judgement_profile import profile_judgements
from evenshelf.shop.profiling.log_profile import profile_log, refused_of
from evenshelf.shop.profiling.profile import FEW_VALUES, SCRIPTS, ColumnProfile, Profile, imbalance_of
from evenshelf.shop.schema import MARKS, PROVENANCE

if TYPE_CHECKING:
    from evenshelf.shop.progress import Progress
    from evenshelf.shop.store import Shop

_OF_LABELS = ("target", "label_in_title", "label_word_in_title", "conflicting_labels", "unlabelled", "imbalance")


@dataclass(frozen=True)
class UnlabelledProfile(Profile):
    """What :func:`profile_unlabelled` found: a profile in which nothing is said about labels.

    `target` is the empty text, `imbalance` has no groups, shares of labels are NaN, and all items are unlabelled.
    """

    def to_dict(self) -> dict[str, Any]:
        """Return the profile, ready for JSON; what is about labels is null."""
        return {**super().to_dict(), **dict.fromkeys(_OF_LABELS)}

    def advice(self) -> list[str]:
        """Return what follows from the profile, one sentence each."""
        choices = ", ".join(self.others)
        more = f" Columns that could be learned instead: {choices}; name one with --target." if choices else ""
        return [f"No item has a category, so there is nothing to learn about categories yet.{more}", *advice(self)]


def lacks_categories(shop: Shop) -> bool:
    """Say whether a shop has items, but none with a category."""
    if not shop.rows("items"):
        return False
    items = shop.scan("items")
    if "category" not in items.collect_schema().names():
        return True
    return not items.select(pl.col("category").is_not_null().any()).collect().item()


def profile_unlabelled(shop: Shop, *, progress: Progress | None = None) -> UnlabelledProfile:
    """Measure a shop without asking for labels.

    Parameters
    ----------
    shop
        The shop.
    progress
        Told about the work as it goes on.

    Raises
    ------
    InputError
        If the shop has no items.
    """
    items = shop.items()
    if items.height == 0:
        raise InputError(f"the shop {shop.path} has no items", hint="Add some with: evenshelf ingest SHOP FILES")
    titles: list[str] = items["title"].to_list()
    grouped = "title_group" in items.columns
    if progress is not None:
        progress("measuring" if grouped else "comparing titles", 0, None)
    groups = items["title_group"].to_numpy() if grouped else title_groups(titles)
    _, first_of, sizes = np.unique(groups, return_index=True, return_counts=True)
    largest = int(np.argmax(sizes))
    has = np.stack([items["title"].str.contains(pattern).to_numpy() for pattern in SCRIPTS.values()])
    lengths = items["title"].str.len_chars().to_numpy()
    at = {"min": 0.0, "p05": 0.05, "median": 0.5, "p95": 0.95, "max": 1.0}
    refused = refused_of(shop, "items")
    columns = tuple(_column(items[name]) for name in items.columns if name not in {*PROVENANCE, *MARKS})
    few = [
        column.name
        for column in columns
        if column.name not in {"title", "item_id", "price"}
        and column.distinct
        and 2 <= items[column.name].drop_nulls().n_unique() <= FEW_VALUES
    ]
    return UnlabelledProfile(
        shop=str(shop.path),
        origin=shop.manifest.origin,
        target="",
        rows=items.height,
        rows_in=items.height + sum(refused.values()),
        quarantine=refused,
        warnings=dict(shop.manifest.warnings),
        columns=columns,
        scripts={name: float(hit.mean()) for name, hit in zip(SCRIPTS, has, strict=True) if hit.any()},
        mixed_scripts=float((has.sum(axis=0) > 1).mean()),
        title_length={name: float(np.quantile(lengths, q)) for name, q in at.items()},
        exact_repeats=1 - items["title"].n_unique() / items.height,
        near_repeats=1 - sizes.size / items.height,
        largest_group=(int(sizes[largest]), titles[int(first_of[largest])]),
        label_in_title=float("nan"),
        label_word_in_title=float("nan"),
        conflicting_labels=0,
        unlabelled=items.height,
        imbalance=Imbalance.from_counts({}),
        others={name: imbalance_of(items[name].drop_nulls().cast(pl.String)).summary() for name in few},
        artefacts=item_artefacts(items, progress=progress),
        log=profile_log(shop, progress=progress) if shop.rows("events") else None,
        judgements=profile_judgements(shop) if shop.rows("judgements") else None,
    )


def _column(series: pl.Series) -> ColumnProfile:
    filled = series.is_not_null()
    if series.dtype == pl.String:
        filled &= series.str.strip_chars().fill_null("") != ""
    simple = not series.dtype.is_nested() and series.dtype not in (pl.Object, pl.Binary)
    distinct = series.filter(filled).n_unique() if simple else 0
    return ColumnProfile(series.name, str(series.dtype), float(filled.to_numpy().mean()), distinct)
