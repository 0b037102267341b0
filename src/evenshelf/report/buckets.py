"""Head, torso and tail as lines of a table."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from evenshelf.shop.profiling.imbalance import BUCKETS

if TYPE_CHECKING:
    from evenshelf.shop.profiling.imbalance import Imbalance


@dataclass(frozen=True)
class Bucket:
    """One of head, torso, tail and cold: its groups, their examples, the shares of all, smallest and largest size."""

    name: str
    groups: int
    examples: int
    group_share: float
    example_share: float
    low: int
    high: int


def bucket_rows(imbalance: Imbalance) -> tuple[Bucket, ...]:
    """The buckets that hold a group, from frequent to unseen."""
    total, rows = max(1, int(imbalance.counts.sum())), []
    for name in BUCKETS:
        counts = imbalance.counts[imbalance.bucket == name]
        if len(counts):
            size = int(counts.sum())
            rows.append(
                Bucket(
                    name,
                    len(counts),
                    size,
                    len(counts) / len(imbalance.counts),
                    size / total,
                    int(counts.min()),
                    int(counts.max()),
                )
            )
    return tuple(rows)
