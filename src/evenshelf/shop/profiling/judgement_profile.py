"""The judgements of a shop at a glance: how much was judged, and which queries cannot tell two rankings apart."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from evenshelf.errors import InputError
from evenshelf.shop.profiling.log_profile import refused_of

if TYPE_CHECKING:
    from evenshelf.shop.store import Shop


@dataclass(frozen=True)
class JudgementProfile:
    """What :func:`profile_judgements` found.

    Attributes
    ----------
    rows, rows_in
        Judgements, and rows that were read to get them (judgements plus quarantine).
    quarantine
        Rows refused, by reason.
    queries, items
        Distinct ones among the judgements.
    grades
        Judgements by grade, lowest first.
    fewest, median, most
        Items judged for a query.
    without_relevant
        Queries of which no item has a grade above 0.
    of_one_grade
        Queries of which all items have the same grade, those of `without_relevant` included.
    unknown_items
        Judgements of items that the shop does not have.
    catalogue
        Items of the shop.
    """

    rows: int
    rows_in: int
    quarantine: dict[str, int]
    queries: int
    items: int
    grades: dict[str, int]
    fewest: int
    median: float
    most: int
    without_relevant: int
    of_one_grade: int
    unknown_items: int
    catalogue: int

    def to_dict(self) -> dict[str, Any]:
        """Return the profile, ready for JSON."""
        return asdict(self)


def profile_judgements(shop: Shop) -> JudgementProfile:
    """Measure the judgements of a shop.

    Parameters
    ----------
    shop
        The shop.

    Raises
    ------
    InputError
        If the shop has no judgements.
    """
    if not shop.rows("judgements"):
        raise InputError(
            f"the shop {shop.path} has no judgements",
            hint="Add some with: evenshelf ingest SHOP FILES --table judgements",
        )
    judged = shop.read("judgements")
    grade = pl.col("grade")
    pools = judged.group_by("query").agg(items=pl.len(), best=grade.max(), grades=grade.n_unique())
    sizes = pools["items"].sort().to_list()
    known = shop.items().select("item_id")
    refused = refused_of(shop, "judgements")
    middle = len(sizes) // 2
    return JudgementProfile(
        rows=judged.height,
        rows_in=judged.height + sum(refused.values()),
        quarantine=refused,
        queries=pools.height,
        items=judged["item_id"].n_unique(),
        grades={f"{value:g}": count for value, count in judged["grade"].value_counts().sort("grade").iter_rows()},
        fewest=sizes[0],
        median=(sizes[middle] + sizes[~middle]) / 2,
        most=sizes[-1],
        without_relevant=int((pools["best"] <= 0).sum()),
        of_one_grade=int((pools["grades"] == 1).sum()),
        unknown_items=judged.join(known, on="item_id", how="anti").height,
        catalogue=known.height,
    )
