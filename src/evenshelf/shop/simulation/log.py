"""Events as columns of numbers, until they are written as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import polars as pl

from evenshelf.shop.schema import KINDS, TIME

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

IMPRESSION, VIEW, CLICK, CART, PURCHASE, RETURN, RATING = map(
    KINDS.index, ("impression", "view", "click", "cart", "purchase", "return", "rating")
)
VARIANTS = ("ranked", "shuffled")
SLOTS = ("top", "side", "footer")
NEVER = np.iinfo(np.int64).min

# Each column: type, and what stands for nothing.
_COLUMNS: dict[str, tuple[Any, float | int]] = {
    "time": (np.int64, NEVER),
    "user": (np.int32, -1),
    "item": (np.int64, -1),
    "kind": (np.int8, -1),
    "value": (np.float64, np.nan),
    "price": (np.float64, np.nan),
    "query": (np.int64, -1),
    "position": (np.int64, 0),
    "session": (np.int64, -1),
    "propensity": (np.float64, np.nan),
    "variant": (np.int8, -1),
    "campaign": (np.int32, -1),
    "slot": (np.int8, -1),
    "returned": (np.float64, np.nan),
    "bought": (np.int64, NEVER),
    "day": (np.int32, -1),
    "click_probability": (np.float64, np.nan),
    "attraction": (np.float64, np.nan),
    "exponent": (np.float64, np.nan),
}


class Log:
    """Columns of equal length; what is not given holds nothing.

    Items, users and the like are indices; times are microseconds since 1970. `day` (of the visit, from 0),
    `click_probability`, `attraction` and `exponent` (of the price, in what follows) are for the simulator alone.
    """

    def __init__(self, columns: dict[str, NDArray[Any]]) -> None:
        self._columns = columns

    @classmethod
    def of(cls, size: int, **columns: Any) -> Self:
        """Make a log from arrays or single values."""
        made = {}
        for name, (dtype, nothing) in _COLUMNS.items():
            made[name] = np.empty(size, dtype)
            made[name][:] = columns.pop(name, nothing)
        if columns:
            raise TypeError(f"a log has no columns {', '.join(columns)}")
        return cls(made)

    def __len__(self) -> int:
        return int(self._columns["time"].size)

    def __getitem__(self, name: str) -> Any:
        return self._columns[name]

    def take(self, rows: NDArray[Any], **changes: Any) -> Log:
        """Return some rows (indices or a mask), with columns changed."""
        columns = {name: values[rows] for name, values in self._columns.items()}
        size = columns["time"].size
        for name, value in changes.items():
            column = np.empty(size, _COLUMNS[name][0])
            column[:] = value
            columns[name] = column
        return Log(columns)

    @staticmethod
    def concat(logs: Sequence[Log]) -> Log:
        """Put logs below each other."""
        if not logs:
            return Log.of(0)
        return Log({name: np.concatenate([log[name] for log in logs]) for name in _COLUMNS})

    def sorted(self) -> Log:
        """Return the log in order of time; rows of the same moment keep theirs."""
        return self.take(np.argsort(self["time"], kind="stable"))

    def frame(self, users: pl.Series, items: pl.Series, campaigns: pl.Series, first: int) -> pl.DataFrame:
        """Return the table of events, but for the texts of queries, which stand as their codes.

        Parameters
        ----------
        users, items, campaigns
            Names by index.
        first
            Number of the first event.
        """
        number = pl.int_range(first, first + len(self), eager=True)
        return pl.DataFrame(
            {
                "time": _time(self["time"]),
                "user_id": _named(users, self["user"]),
                "item_id": _named(items, self["item"]),
                "kind": _named(pl.Series(KINDS), self["kind"]),
                "value": _number(self["value"]),
                "price": _number(self["price"]),
                "query": _index(self["query"]),
                "position": pl.select(pl.when(pl.lit(pl.Series(self["position"])) > 0).then(self["position"]))[:, 0],
                "session_id": "V" + _index(self["session"]).cast(pl.String).str.zfill(8),
                "propensity": _number(self["propensity"]),
                "variant": _named(pl.Series(VARIANTS), self["variant"]),
                "campaign": _named(campaigns, self["campaign"]),
                "slot": _named(pl.Series(SLOTS), self["slot"]),
                "event_id": "E" + number.cast(pl.String).str.zfill(9),
                "returned": _number(self["returned"]),
                "purchase_time": _time(self["bought"]),
            }
        )


def _number(values: NDArray[np.float64]) -> pl.Series:
    return pl.Series(values, nan_to_null=True, dtype=pl.Float64)


def _index(values: NDArray[Any]) -> pl.Series:
    series = pl.Series(values, dtype=pl.Int64)
    return series.set(series < 0, None)


def _time(values: NDArray[np.int64]) -> pl.Series:
    return _index(values).cast(TIME)


def _named(names: pl.Series, index: NDArray[Any]) -> pl.Series:
    return names.gather(_index(index))
