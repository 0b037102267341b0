"""Numbers, moments, truth values and kinds of events out of the spellings of shops; what is not certain is no value."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evenshelf.errors import InputError, SettingError
from evenshelf.shop.ingesting.parsing import Times, as_text, check_kind, kinds, numbers, truths
from evenshelf.shop.schema import KINDS, TIME

SIGNS = ("", "$", "€", "£", "¥", "￥", "USD ", "usd", "EUR ", "Rs. ", "rs", "INR ", "CNY ", "RMB ")
AFTER = ("", " €", "元", " USD", " eur", " 元")
MOMENTS = st.datetimes(datetime(1975, 1, 1), datetime(2099, 12, 31)).map(lambda t: t.replace(microsecond=0))
PLAIN_FORMATS = (
    "%Y-%m-%d %H:%M:%S",
    "%Y-%m-%dT%H:%M:%S",
    "%Y/%m/%d %H:%M:%S",
    "%Y年%m月%d日 %H:%M:%S",
    "%d.%m.%Y %H:%M:%S",
    "%d %b %Y %H:%M:%S",
    "%Y%m%d%H%M%S",
)
ZONES = ("UTC", "Asia/Shanghai", "America/New_York", "Europe/Berlin", "Asia/Kathmandu")


def texts(*values: str | None) -> pl.Series:
    return pl.Series("x", values, dtype=pl.String)


def read(times: Times, *values: str | None) -> list[datetime | None]:
    found = times.read(texts(*values), "log.csv, column 'x'")
    assert found.dtype == TIME
    return found.to_list()


@settings(deadline=None)
@given(st.lists(st.one_of(st.none(), st.floats(allow_nan=False, allow_infinity=False)), max_size=20))
def test_numbers_as_python_writes_them(values):
    assert numbers(texts(*(None if v is None else repr(v) for v in values))).to_list() == values


@settings(deadline=None)
@given(st.integers(0, 10**15), st.integers(0, 99), st.booleans(), st.sampled_from(SIGNS), st.sampled_from(AFTER))
def test_thousands_and_currency_signs_change_no_number(whole, cents, negative, before, after):
    number = f"{'-' if negative else ''}{whole:,}.{cents:02}"
    want = float(number.replace(",", ""))
    assert numbers(texts(f"{before}{number}{after}")).to_list() == [want]


@pytest.mark.parametrize(
    ("text", "value"),
    [("-$5", -5.0), ("$-5", -5.0), ("+3", 3.0), ("1e3", 1000.0), ("12 €", 12.0), ("￥１，２３４．５０", 1234.5)],
)
def test_numbers_with_signs(text, value):
    assert numbers(texts(text)).to_list() == [value]


@pytest.mark.parametrize(
    "text",
    [
        "1,5",  # one and a half, or fifteen
        "1.234,50",
        "12,34,567",  # grouped as in India
        "1,2345",
        "1234,567",
        ",123",
        "(5.00)",  # a loss in books, or a remark
        "5-",
        "--5",
        "1.2.3",
        "0x10",
        "5²",
        "nan",
        "inf",
        "-Infinity",
        "1e999",
        "three",
        "€",
        "5 pcs",
    ],
)
def test_what_is_no_number_for_certain_is_none(text):
    assert numbers(texts(text, "7")).to_list() == [None, 7.0]


@settings(deadline=None)
@given(st.text(max_size=12))
def test_numbers_are_finite_or_none_whatever_the_text(text):
    (value,) = numbers(texts(text)).to_list()
    assert value is None or math.isfinite(value)


@settings(deadline=None)
@given(st.lists(st.sampled_from(["1,5", "$1,234", "7", "x", "", None, "inf"]), max_size=12))
def test_each_cell_is_read_for_itself(cells):
    assert numbers(texts(*cells)).to_list() == [numbers(texts(cell)).item() for cell in cells]


def test_numbers_that_are_numbers():
    assert numbers(pl.Series([1, None, -3])).to_list() == [1.0, None, -3.0]
    assert numbers(pl.Series([math.nan, math.inf, 2.5])).to_list() == [None, None, 2.5]


@settings(deadline=None)
@given(MOMENTS, st.sampled_from(PLAIN_FORMATS))
def test_moments_in_every_form_are_the_same_moment(moment, form):
    assert read(Times(), moment.strftime(form)) == [moment.replace(tzinfo=UTC)]


@settings(max_examples=25, deadline=None)
@given(MOMENTS, st.integers(-14 * 4, 14 * 4), st.sampled_from(["%Y-%m-%dT%H:%M:%S%z", "%d/%b/%Y:%H:%M:%S %z"]))
def test_an_offset_in_the_text_goes_before_the_zone_of_the_source(moment, quarters, form):
    moment = moment.replace(tzinfo=timezone(timedelta(minutes=15 * quarters)))
    for zone in ("UTC", "Asia/Shanghai"):
        assert read(Times(zone=zone), moment.strftime(form)) == [moment]


@settings(deadline=None)
@given(MOMENTS, st.sampled_from(ZONES))
def test_moments_without_a_zone_are_those_of_the_clocks_there(moment, zone):
    there = moment.replace(tzinfo=ZoneInfo(zone))
    left_out = there.astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None) != moment
    found = read(Times(zone=zone), f"{moment:%Y-%m-%d %H:%M:%S}")
    assert found == [None if left_out else there.astimezone(UTC)]


def test_an_hour_that_the_clocks_repeat_is_the_first_one_and_one_left_out_is_none():
    berlin = Times(zone="Europe/Berlin")
    assert read(berlin, "2024-10-27 02:30:00", "2024-03-31 02:30:00") == [
        datetime(2024, 10, 27, 0, 30, tzinfo=UTC),
        None,
    ]


@settings(deadline=None)
@given(st.datetimes(datetime(2002, 1, 1), datetime(2099, 1, 1)), st.sampled_from(["s", "ms", "us"]))
def test_numbers_since_1970_tell_their_unit_by_their_size(moment, unit):
    moment = moment.replace(microsecond=0, tzinfo=UTC)
    number = int(moment.timestamp()) * {"s": 1, "ms": 1_000, "us": 1_000_000}[unit]
    assert read(Times(), str(number)) == [moment]
    assert read(Times(format=unit), str(number)) == [moment]
    assert Times().read(pl.Series([number]), "x").to_list() == [moment]


@settings(max_examples=25, deadline=None)
@given(st.dates(date(1950, 1, 1), date(2099, 12, 31)))
def test_dates_written_as_one_number_are_no_seconds(day):
    midnight = datetime(day.year, day.month, day.day, tzinfo=UTC)
    assert read(Times(), f"{day:%Y%m%d}") == [midnight]
    assert Times().read(pl.Series([int(f"{day:%Y%m%d}")]), "x").to_list() == [midnight]
    assert Times().read(pl.Series([day]), "x").to_list() == [midnight]


@settings(max_examples=25, deadline=None)
@given(st.lists(st.dates(date(2000, 1, 1), date(2099, 12, 31)), min_size=1, max_size=10), st.booleans())
def test_the_order_of_day_and_month_is_that_of_the_dates_with_one_reading(days, day_first):
    form = "%d/%m/%Y" if day_first else "%m/%d/%Y"
    days = [*days, date(2024, 5, 31)]
    found = read(Times(), *(f"{day:{form}}" for day in days))
    assert found == [datetime(day.year, day.month, day.day, tzinfo=UTC) for day in days]


def test_the_order_once_decided_holds_for_later_rows_and_a_format_decides_it_at_once():
    times = Times()
    read(times, "31/05/2024 10:00")
    assert read(times, "03/04/2024 10:00") == [datetime(2024, 4, 3, 10, tzinfo=UTC)]
    assert read(times, "05/31/2024 10:00") == [None]
    with pytest.raises(SettingError, match=r"log\.csv, column 'x': '03/04/2024' can be read with the month or the day"):
        read(Times(), "03/04/2024")
    assert read(Times("%m/%d/%Y"), "03/04/2024", "2024-03-04") == [datetime(2024, 3, 4, tzinfo=UTC), None]


# Text that is no moment is tried in every form.
@settings(max_examples=20, deadline=None)
@given(st.lists(st.sampled_from(["2024-05-06", "2024-05-06T07:08:09Z", "1714979289", "soon", None]), max_size=6))
def test_each_moment_is_read_for_itself(cells):
    assert read(Times(), *cells) == [moment for cell in cells for moment in read(Times(), cell)]


@pytest.mark.parametrize("text", ["soon", "2024-02-30", "24:00", "12", "2024", "2024-05-06 25:00:00", "-5", "1e40"])
def test_what_is_no_moment_is_none(text):
    assert read(Times(), text) == [None]


def test_moments_that_are_moments():
    berlin = Times(zone="Europe/Berlin")
    naive = pl.Series([datetime(2024, 7, 1, 12)])
    assert berlin.read(naive, "x").to_list() == [datetime(2024, 7, 1, 10, tzinfo=UTC)]
    zoned = naive.dt.replace_time_zone("Asia/Shanghai")
    assert berlin.read(zoned, "x").to_list() == [datetime(2024, 7, 1, 4, tzinfo=UTC)]


def test_zones_and_formats_that_are_none_are_told():
    with pytest.raises(SettingError, match="there is no time zone 'Mars/Olympus'"):
        Times(zone="Mars/Olympus")
    with pytest.raises(SettingError, match=r"there is no time zone '\.\./UTC'"):
        Times(zone="../UTC")


CASES = st.sampled_from([str.lower, str.upper, str.title])


@settings(deadline=None)
@given(st.sampled_from(KINDS), CASES)
def test_the_names_of_kinds_in_any_case(kind, case):
    assert kinds(texts(case(kind), None, "sneeze")).to_list() == [kind, None, None]
    assert check_kind(case(kind)) == kind


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("曝光", "impression"),
        ("浏览", "view"),
        ("点击", "click"),
        ("加购", "cart"),
        ("加入购物车", "cart"),
        ("下单", "purchase"),
        ("成交", "purchase"),
        ("退货", "return"),
        ("评价", "rating"),
        ("PV", "view"),
        ("addToCart", "cart"),
        ("Buy", "purchase"),
        ("Refunded", "return"),
    ],
)
def test_other_names_of_kinds(text, kind):
    assert kinds(texts(text)).to_list() == [kind]
    assert check_kind(text) == kind


def test_a_kind_that_is_none_is_told():
    with pytest.raises(SettingError, match="there is no kind of event 'sneeze'"):
        check_kind("sneeze")


@settings(deadline=None)
@given(CASES)
def test_truth_values(case):
    assert truths(texts(*map(case, ("yes", "true", "t", "y", "1", "是")))).to_list() == [True] * 6
    assert truths(texts(*map(case, ("no", "false", "f", "n", "0", "否")))).to_list() == [False] * 6
    assert truths(texts(case("maybe"), None, "2")).to_list() == [None] * 3
    assert truths(pl.Series([True, None])).to_list() == [True, None]


# Python and Unicode do not agree on which control characters are blanks.
@settings(deadline=None)
@given(st.lists(st.one_of(st.none(), st.text(st.characters(exclude_categories=("Cc", "Cs")), max_size=5))))
def test_text_is_stripped_and_never_empty(values):
    found = as_text(texts(*values), "log.csv").to_list()
    for before, after in zip(values, found, strict=True):
        assert after is None or after == after.strip() != ""
        if before is not None and before.strip().isalnum():
            assert after == before.strip()


@settings(deadline=None)
@given(st.lists(st.one_of(st.none(), st.integers(-(2**52), 2**52))))
def test_names_that_a_program_stored_as_fractions_are_whole_again(values):
    column = pl.Series(values, dtype=pl.Int64).cast(pl.Float64)
    assert as_text(column, "log.csv").to_list() == [None if v is None else str(v) for v in values]


def test_text_of_other_types():
    assert as_text(pl.Series([["a", None, "b"], []], dtype=pl.List(pl.String)), "f").to_list() == ["a|b", None]
    assert as_text(pl.Series([1.5, math.nan]), "f").to_list() == ["1.5", None]
    with pytest.raises(InputError, match=r"log\.parquet: column 'x' cannot become text"):
        as_text(pl.Series("x", [b"\xff\xfe"]), "log.parquet")
