"""What annotators say together: the label with most votes, and ties."""

from __future__ import annotations

import polars as pl

VOTES = {"item_id": pl.String, "label": pl.String, "votes": pl.UInt32, "annotators": pl.UInt32}


def count_votes(annotations: pl.DataFrame, target: str) -> pl.DataFrame:
    """Votes for each label of each item: item_id, label, votes, annotators; sorted, most votes first."""
    return (
        annotations.filter(pl.col("target") == target)
        .group_by("item_id", "label")
        .agg(pl.len().alias("votes"))
        .with_columns(pl.col("votes").sum().over("item_id").alias("annotators"))
        .sort("item_id", -pl.col("votes").cast(pl.Int64), "label")
        .select(pl.col(name).cast(dtype) for name, dtype in VOTES.items())
    )


def agreed(annotations: pl.DataFrame, target: str, *, least: int = 1) -> pl.DataFrame:
    """Items whose label has more votes than any other, and at least `least`: item_id, label, votes, annotators."""
    leading = _leading(annotations, target)
    return (
        leading.filter((pl.len().over("item_id") == 1) & (pl.col("votes") >= least)).select(list(VOTES)).sort("item_id")
    )


def conflicts(annotations: pl.DataFrame, target: str) -> pl.DataFrame:
    """Items for which two labels or more have the most votes: item_id, and labels, as in ``"Hats: 1, Caps: 1"``."""
    tied = _leading(annotations, target).filter(pl.len().over("item_id") > 1)["item_id"].unique()
    said = pl.concat_str("label", pl.lit(": "), pl.col("votes").cast(pl.String))
    return (
        count_votes(annotations, target)
        .filter(pl.col("item_id").is_in(tied.implode()))
        .group_by("item_id", maintain_order=True)
        .agg(said.str.join(", ").alias("labels"))
        .sort("item_id")
    )


def _leading(annotations: pl.DataFrame, target: str) -> pl.DataFrame:
    votes = count_votes(annotations, target)
    return votes.filter(pl.col("votes") == pl.col("votes").max().over("item_id"))
