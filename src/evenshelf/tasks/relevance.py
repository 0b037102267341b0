"""The task ``relevance``: how well a product answers a query, by the shop's judgements."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from evenshelf.encoders.sides import pair_text
from evenshelf.errors import InputError, near
from evenshelf.shop import title_groups
from evenshelf.shop.schema import PROVENANCE
from evenshelf.tasks.label import LabelTask
from evenshelf.tasks.nouns import Nouns
from evenshelf.tasks.traits import read_traits, usual_traits

if TYPE_CHECKING:
    from evenshelf.shop import Shop

TABLE = "judgements"
GRADE = "grade"
NEAR = 0.75
"""Likeness from which queries are nearly equal: lower than of titles, since in a short text a plural weighs more."""

_NO_TARGETS = {"query", "item_id", *PROVENANCE}
_PAIRS = Nouns(
    thing="pair",
    things="pairs",
    text="pair",
    texts="pairs",
    label="grade",
    labels="grades",
    examples="pairs of query and product",
    parts="titles",
    advice="Give the items titles that describe them, or have more pairs judged",
    kept="query",
    kept_all="queries",
)


@dataclass(frozen=True, eq=False)
class RelevanceTask(LabelTask):
    """Pairs of a query and a product with their grades; see :class:`~evenshelf.tasks.label.LabelTask`.

    Groups are of equal and nearly equal queries, so that what is measured holds for queries that were never judged. A
    product may stand on both sides of a split, with other queries.
    """

    name = "relevance"
    spoken = _PAIRS

    @classmethod
    def from_shop(cls, shop: Shop, target: str = GRADE, text: str = "title") -> RelevanceTask:
        """Ask for the judgements of a shop, by the query and the column `text` of the item.

        Brand, seller and price of the item are kept as traits.

        Parameters
        ----------
        shop
            The shop.
        target
            ``grade``, whose numbers are the classes, or a further column of the judgements.
        text
            A column of the items. Their brand is not read besides: most titles have it.

        Raises
        ------
        InputError
            If there are no judgements, a column is missing (close names are offered), or nothing is left.
        """
        if not shop.rows(TABLE):
            raise InputError(
                f"The shop {shop.path} has no judgements to learn from.",
                hint=f"Ingest some: evenshelf ingest {shop.path} FILE --table {TABLE}.",
            )
        judged, items = shop.read(TABLE), shop.items()
        choices = [column for column in judged.columns if column not in _NO_TARGETS]
        if target not in choices:
            raise InputError(
                f"The judgements of {shop.path} have no column {target!r} to learn{near(target, choices)}.",
                hint=f"Choose one with --target: {', '.join(choices)}.",
            )
        if text not in items.columns:
            raise InputError(
                f"The items of {shop.path} have no column {text!r} to read{near(text, items.columns)}.",
                hint="Choose another column.",
            )
        traits = usual_traits(items.columns, (text,))
        about = items.select("item_id", *(pl.col(name).alias(f"item {name}") for name in (text, *traits)), known=True)
        rows = judged.select("query", "item_id", label=_label(judged[target])).join(
            about, on="item_id", how="left", maintain_order="left"
        )
        read = pl.col(f"item {text}").cast(pl.String).str.strip_chars().replace("", None)
        reason = (
            pl.when(pl.col("known").is_null())
            .then(pl.lit("the shop has no such item"))
            .when(read.is_null())
            .then(pl.lit(f"the item has no {text}"))
            .when(pl.col("label").is_null())
            .then(pl.lit(f"no {target}"))
        )
        rows = rows.with_columns(read.alias(f"item {text}"), reason=reason)
        left_out = rows["reason"].drop_nulls().value_counts(sort=True)
        rows = rows.filter(pl.col("reason").is_null())
        if not rows.height:
            said = ", ".join(f"{count:,} because {why}" for why, count in left_out.iter_rows())
            raise InputError(
                f"None of the {judged.height:,} judgements can be learned from: {said}.",
                hint="Judgements and items have to be of the same shop.",
            )
        queries = rows["query"].to_list()
        made = cls.of(
            rows["label"].to_list(),
            [pair_text(query, title) for query, title in zip(queries, rows[f"item {text}"].to_list(), strict=True)],
            group=title_groups(queries, jaccard=NEAR),
            dropped=dict(left_out.iter_rows()),
            nouns=_PAIRS if target == GRADE else replace(_PAIRS, label="class", labels="classes"),
        )
        told = rows.select(pl.col(f"item {name}").alias(name) for name in traits)
        return replace(made, traits=read_traits(told, traits, traits))


def _label(column: pl.Series) -> pl.Series:
    """Classes as text: numbers without what is not needed of them, such as ``3`` and ``0.1``."""
    if column.dtype.is_numeric():
        values = column.cast(pl.Float64).fill_nan(None).to_list()
        return pl.Series([None if value is None else f"{value:.12g}" for value in values], dtype=pl.String)
    return column.cast(pl.String).str.strip_chars().replace("", None)
