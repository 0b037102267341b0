"""Moments as a person names them: a year, a month, a day, a time of day is a span, from its beginning to its end."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

_NAMED = re.compile(
    r"\d{4}(?P<month>-\d\d(?P<day>-\d\d(?P<hour>[T ]\d\d(?P<minute>:\d\d(?P<second>:\d\d(?P<part>\.\d{1,6})?)?)?"
    r"(?:Z|[+-]\d\d:\d\d)?)?)?)?"
)
_STEPS = {
    "part": timedelta(microseconds=1),
    "second": timedelta(seconds=1),
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
}
"""How long lasts what is named to this part, the finest first."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_LENGTHS = (4, 7, 10, 16, 19, 26)
"""Characters of a moment in ISO 8601 that name a year, a month, a day, a minute, a second, a microsecond."""


def span_of(text: str) -> tuple[float, float] | None:
    """Return where what a text names begins, and where what comes after it begins.

    Parameters
    ----------
    text
        As in ISO 8601: ``2024``, ``2024-03``, ``2024-03-05``, ``2024-03-05T10:30``, ``2024-03-05 10:30:00+02:00``; UTC
        unless it says otherwise.

    Returns
    -------
    tuple of float or None
        Seconds since 1970; None if the text names no moment of the years 1 to 9998.

    Examples
    --------
    >>> span_of("1970-01-02"), span_of("soon")
    ((86400.0, 172800.0), None)
    """
    named = _NAMED.fullmatch(text)
    if named is None:
        return None
    whole = text if named["month"] else f"{text}-01-01"
    try:
        begins = datetime.fromisoformat(whole if named["day"] or not named["month"] else f"{text}-01")
        begins = begins if begins.tzinfo else begins.replace(tzinfo=UTC)
        step = next((step for part, step in _STEPS.items() if named[part]), None)
        if step is not None:
            ends = begins + step
        elif named["month"] and begins.month < 12:
            ends = begins.replace(month=begins.month + 1)
        else:
            ends = begins.replace(year=begins.year + 1, month=1)
    except (ValueError, OverflowError):
        return None
    return begins.timestamp(), ends.timestamp()


def moment_of(seconds: float) -> datetime:
    """Return the moment that is so many seconds after the beginning of 1970, in UTC."""
    return _EPOCH + timedelta(seconds=seconds)


def name_of(seconds: float) -> str:
    """Return the shortest text that names what begins at a moment."""
    written = _written(moment_of(seconds))
    return next((name for name in written if _begins(name) == seconds), written[-1])


def name_of_span(begins: float, ends: float) -> str:
    """Return the shortest text that names a span, as ``2024-03`` or ``2024-01-05..2024-02-01``.

    Parameters
    ----------
    begins, ends
        Seconds since 1970; the end is not of the span.
    """
    first = _written(moment_of(begins))
    last = _written(moment_of(ends) - timedelta(microseconds=1))
    pairs = zip(first, last, strict=True)
    fit = ((a, b) for a, b in pairs if _begins(a) == begins and (span_of(b) or (0, 0))[1] == ends)
    one, other = next(fit, (first[-1], last[-1]))
    return one if one == other else f"{one}..{other}"


def _begins(name: str) -> float | None:
    span = span_of(name)
    return None if span is None else span[0]


def _written(moment: datetime) -> list[str]:
    whole = moment.replace(tzinfo=None).isoformat(timespec="microseconds")
    return [whole[:length] for length in _LENGTHS]
