"""Text of files into numbers, moments, truth values and kinds of events; what cannot be read is never guessed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import polars as pl

from evenshelf.errors import InputError, SettingError
from evenshelf.shop.frames import text_of
from evenshelf.shop.schema import KINDS, TIME

_THOUSANDS = r"^[+-]?\d{1,3}(,\d{3})+(\.\d+)?$"
# Blanks beside the sign go with it; others stay, as "10 20" are two numbers.
_CURRENCY = r"(?i)\s*(?:[￥¥$€£元]|usd|eur|gbp|cny|rmb|inr|rs\.?)\s*|^\s+|\s+$"
_FIRST = datetime(1000, 1, 1, tzinfo=UTC)

# Not by NFKC, which makes 52 of five squared.
_WIDE, _NARROW = list("０１２３４５６７８９．，－＋"), list("0123456789.,-+")

# Formats that cannot be taken for one another.
_CLEAR = (
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y-%m-%d %H:%M:%S%.f",
    "%Y-%m-%dT%H:%M:%S%.f",
    "%Y-%m-%d %H:%M",
    "%Y-%m-%dT%H:%M",
    "%Y-%m-%d",
    "%Y/%m/%d %H:%M:%S",
    "%Y/%m/%d %H:%M",
    "%Y/%m/%d",
    "%Y年%m月%d日 %H:%M:%S",
    "%Y年%m月%d日 %H:%M",
    "%Y年%m月%d日",
    "%d.%m.%Y %H:%M:%S",
    "%d.%m.%Y %H:%M",
    "%d.%m.%Y",
    "%d %b %Y %H:%M:%S",
    "%d %b %Y",
    "%Y%m%d%H%M%S",
    "%Y%m%d",
)
_ZONED = (
    "%Y-%m-%dT%H:%M:%S%.f%#z",
    "%Y-%m-%d %H:%M:%S%.f%#z",
    "%Y-%m-%d %H:%M:%S %#z",
    "%Y-%m-%dT%H:%M%#z",
    "%Y-%m-%d %H:%M%#z",
    "%d/%b/%Y:%H:%M:%S %#z",
)
_CLOCKS = (" %H:%M:%S", " %H:%M", " %I:%M %p", " %I:%M:%S %p", "")
_DAY_ORDERS = {"month first": "%m/%d/%Y", "day first": "%d/%m/%Y"}

_DIGITS = r"^\d{9,19}(\.\d+)?$"
_COMPACT = r"^(19|20)\d{6}(\d{6})?$"
# Seconds since 1970 stay below 1e11 until the year 5138, milliseconds of days after March 1973 are above.
_EPOCH_UNITS = ((1e11, 1e6), (1e14, 1e3), (1e17, 1.0), (float("inf"), 1e-3))

_TRUE = ("1", "true", "t", "yes", "y", "是")
_FALSE = ("0", "false", "f", "no", "n", "否")

_SYNONYMS = {
    "impression": ("impression", "impressions", "show", "shown", "exposure", "exposed", "曝光", "展示"),
    "view": (
        "view",
        "views",
        "viewed",
        "pv",
        "pageview",
        "detail",
        "visit",
        "browse",
        "product_view",
        "view_item",
        "浏览",
    ),
    "click": ("click", "clicks", "clicked", "clk", "select_item", "点击"),
    "cart": (
        "cart",
        "add",
        "addtocart",
        "add_to_cart",
        "add to cart",
        "basket",
        "add_to_basket",
        "加购",
        "加入购物车",
        "加购物车",
    ),
    "purchase": (
        "purchase",
        "purchased",
        "buy",
        "bought",
        "order",
        "ordered",
        "transaction",
        "sale",
        "sold",
        "checkout",
        "conversion",
        "购买",
        "下单",
        "成交",
    ),
    "return": ("return", "returned", "returns", "refund", "refunded", "cancel", "cancelled", "退货", "退款"),
    "rating": ("rating", "rated", "rate", "review", "评分", "评价"),
}
_KIND_OF = {word: kind for kind, words in _SYNONYMS.items() for word in words}


def as_text(series: pl.Series, file: str) -> pl.Series:
    """Return a column as stripped text, with null for nothing.

    Whole numbers that a program stored as fractions, because some are missing, lose their ``.0``: they are names.

    Raises
    ------
    InputError
        If the column is of a kind that has no text.
    """
    try:
        if series.dtype.is_nested():
            series = series.to_frame().select(text_of(series.name, series.dtype)).to_series()
        if series.dtype.is_float():
            series = series.fill_nan(None)
            if (series.round() == series).all() and (series.abs() < 2**53).all():
                series = series.cast(pl.Int64)
        text = series.cast(pl.String).str.strip_chars()
    except pl.exceptions.PolarsError as error:
        raise InputError(f"{file}: column {series.name!r} cannot become text: {error}") from error
    return pl.select(pl.when(text != "").then(text)).to_series()


def numbers(text: pl.Series) -> pl.Series:
    """Return a column of numbers; null where there is none for certain.

    Currency signs, thousands separators (``1,234.50``) and full-width digits are understood. ``1,5`` is not: it may be
    one and a half. Infinite numbers and NaN count as no number. Truth values are 1 and 0, in a column that holds
    nothing else.
    """
    if text.dtype.is_numeric() or text.dtype == pl.Boolean:
        value = text.cast(pl.Float64)
    elif _tells_truth(text):
        value = truths(text).cast(pl.Float64)
    else:
        value = text.cast(pl.Float64, strict=False)
        left = value.is_null() & text.is_not_null()
        if left.any():
            bare = text.filter(left).str.replace_many(_WIDE, _NARROW).str.replace_all(_CURRENCY, "")
            grouped = pl.when(bare.str.contains(_THOUSANDS)).then(bare.str.replace_all(",", "", literal=True))
            again = pl.select(grouped.otherwise(bare)).to_series().cast(pl.Float64, strict=False)
            value = value.scatter(left.arg_true(), again)
    return pl.select(pl.when(value.is_finite()).then(value)).to_series()


def _tells_truth(text: pl.Series) -> bool:
    first = text.drop_nulls().head(1).cast(pl.String).str.to_lowercase()
    both = ["true", "false"]
    return first.is_in(both).any() and text.cast(pl.String).str.to_lowercase().is_in(both).all()


def truths(text: pl.Series) -> pl.Series:
    """Return a column of truth values; null where there is none for certain."""
    if text.dtype == pl.Boolean:
        return text
    plain = text.cast(pl.String).str.to_lowercase()
    known = pl.when(plain.is_in(_TRUE)).then(statement=True).when(plain.is_in(_FALSE)).then(statement=False)
    return pl.select(known.otherwise(None)).to_series()


def kinds(text: pl.Series) -> pl.Series:
    """Return a column of :data:`~evenshelf.shop.schema.KINDS`; null for what is none of their known names."""
    return text.cast(pl.String).str.to_lowercase().replace_strict(_KIND_OF, default=None, return_dtype=pl.String)


def check_kind(kind: str) -> str:
    """Return one of the kinds by its name or a known other name.

    Raises
    ------
    SettingError
        If it is none.
    """
    if kind.casefold() not in _KIND_OF:
        raise SettingError(f"there is no kind of event {kind!r}", hint=f"Kinds: {', '.join(KINDS)}.")
    return _KIND_OF[kind.casefold()]


@dataclass
class Times:
    """Reads the moments of one source.

    The order of day and month in dates such as ``3/4/2024`` is decided once, by the dates of the first rows that have
    only one reading.

    Parameters
    ----------
    format
        As for strptime (``%d/%m/%Y %H:%M``), or None to look at the text. ``s``, ``ms``, ``us`` and ``ns`` read numbers
        as time since 1970.
    zone
        Name of the time zone of moments that do not say theirs.
    order
        Which of day and month comes first, as it was decided before; None: to be decided.

    Raises
    ------
    SettingError
        If there is no such zone.
    """

    format: str | None = None
    zone: str = "UTC"
    order: str | None = None

    def __post_init__(self) -> None:
        try:
            ZoneInfo(self.zone)
        except (ZoneInfoNotFoundError, ValueError, OSError) as error:
            raise SettingError(f"there is no time zone {self.zone!r}", hint="Try UTC or Asia/Shanghai.") from error

    def read(self, column: pl.Series, place: str) -> pl.Series:
        """Return a column of moments (UTC); null for what cannot be read, and for years before 1000 (as 24 is).

        Parameters
        ----------
        column
            Text, numbers or moments.
        place
            File and column, for messages.

        Raises
        ------
        SettingError
            If day and month cannot be told apart.
        """
        found = self._read(column, place)
        return pl.select(pl.when(found >= _FIRST).then(found)).to_series()

    def _read(self, column: pl.Series, place: str) -> pl.Series:
        if column.dtype == pl.Date:
            return self._localise(column.cast(pl.Datetime("us")))
        if isinstance(column.dtype, pl.Datetime):
            if column.dtype.time_zone is None:
                return self._localise(column.cast(pl.Datetime("us")))
            return column.dt.convert_time_zone("UTC").cast(TIME)
        if column.dtype.is_numeric():
            return self._epoch(column.cast(pl.Float64)) if not _looks_compact(column) else self._text(column, place)
        return self._text(column, place)

    def _text(self, column: pl.Series, place: str) -> pl.Series:
        text = column.cast(pl.String).str.strip_chars()
        if self.format in {"s", "ms", "us", "ns"}:
            return self._epoch(text.cast(pl.Float64, strict=False))
        out = pl.repeat(None, len(text), dtype=TIME, eager=True)
        if self.format is not None:
            return self._parse(text, self.format)
        for fill in (self._numbers, *map(self._by, _CLEAR), *map(self._by, _ZONED), self._slashes(place)):
            left = (out.is_null() & text.is_not_null()).arg_true()
            if not len(left):
                break
            found = fill(text[left])
            out = out.scatter(left, found)
        return out

    def _by(self, format_: str) -> _Reader:
        return lambda text: self._parse(text, format_)

    def _parse(self, text: pl.Series, format_: str) -> pl.Series:
        zoned = "%z" in format_ or "%#z" in format_
        try:
            if zoned:
                return text.str.to_datetime(format_, strict=False, time_unit="us", time_zone="UTC").cast(TIME)
            if not any(part in format_ for part in ("%H", "%I", "%T", "%R", "%X")):
                return self._localise(text.str.to_date(format_, strict=False).cast(pl.Datetime("us")))
            return self._localise(text.str.to_datetime(format_, strict=False, time_unit="us"))
        except pl.exceptions.PolarsError as error:
            raise SettingError(f"{format_!r} is no format of times: {error}") from error

    def _numbers(self, text: pl.Series) -> pl.Series:
        since = text.str.contains(_DIGITS) & ~text.str.contains(_COMPACT)
        seconds = pl.select(pl.when(since).then(text)).to_series().cast(pl.Float64, strict=False)
        return self._epoch(seconds)

    def _epoch(self, value: pl.Series) -> pl.Series:
        if self.format is not None:
            factor = {"s": 1e6, "ms": 1e3, "us": 1.0, "ns": 1e-3}.get(self.format)
            micro = value * factor if factor is not None else value * float("nan")
        else:
            size = value.abs()
            choice = pl.lit(None, pl.Float64)
            for limit, factor in reversed(_EPOCH_UNITS):
                choice = pl.when(size < limit).then(value * factor).otherwise(choice)
            micro = pl.select(choice).to_series()
        inside = micro.is_finite() & (micro.abs() < 4e17)
        whole = pl.select(pl.when(inside).then(micro).round().cast(pl.Int64)).to_series()
        return whole.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")

    def _localise(self, naive: pl.Series) -> pl.Series:
        # The hour that a change of clocks repeats is taken the first time, one that it leaves out is no time.
        return (
            naive.dt.replace_time_zone(self.zone, ambiguous="earliest", non_existent="null")
            .dt.convert_time_zone("UTC")
            .cast(TIME)
        )

    def _slashes(self, place: str) -> _Reader:
        def read(text: pl.Series) -> pl.Series:
            readings = {name: self._with_clock(text, days) for name, days in _DAY_ORDERS.items()}
            if self.order is None:
                read_by = {name: len(found) - found.null_count() for name, found in readings.items()}
                best = max(read_by.values())
                if best == 0:
                    return pl.repeat(None, len(text), dtype=TIME, eager=True)
                fitting = [name for name, count in read_by.items() if count == best]
                first, second = readings.values()
                if len(fitting) > 1 and (first != second).any():
                    example = text.filter(first != second)[0]
                    raise SettingError(
                        f"{place}: {example!r} can be read with the month or the day first",
                        hint="Say which with --time-format '%d/%m/%Y' or '%m/%d/%Y', and a clock such as ' %H:%M' if "
                        "there is one (in Python: time_format=...).",
                    )
                self.order = fitting[0]
            return readings[self.order]

        return read

    def _with_clock(self, text: pl.Series, days: str) -> pl.Series:
        out = pl.repeat(None, len(text), dtype=TIME, eager=True)
        for clock in _CLOCKS:
            left = out.is_null().arg_true()
            if not len(left):
                break
            out = out.scatter(left, self._parse(text[left], days + clock))
        return out


if TYPE_CHECKING:
    from collections.abc import Callable

    _Reader = Callable[[pl.Series], pl.Series]


def _looks_compact(column: pl.Series) -> bool:
    """Whether numbers are dates written as one, such as 20240131."""
    if not column.dtype.is_integer():
        return False
    known = column.drop_nulls()
    return len(known) > 0 and bool(known.is_between(19_000_101, 21_001_231).all())
