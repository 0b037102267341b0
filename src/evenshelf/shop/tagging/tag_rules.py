"""Rules that give tags to users, as values and as texts.

A rule is a :class:`TagRule`, or its text::

    runner: purchase >= 3 in category "Running Shoe" within 90 days
    lapsed: purchase >= 1 and purchase = 0 within 180 days
    bulk_buyer: pieces of purchase >= 100 within 4 weeks
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Literal, get_args

from evenshelf.errors import SettingError, near
from evenshelf.shop.schema import KINDS

if TYPE_CHECKING:
    from collections.abc import Collection

Measure = Literal["events", "pieces", "spend", "items", "days"]
"""What is counted: events, their pieces, pieces times price, different items, different days (UTC)."""

SEPARATOR = "|"
"""Divides tags in a cell of the users table."""

LONGEST = timedelta(days=36_500)
"""The longest time back that a rule may look."""

_MEASURES = get_args(Measure)
_UNITS = {"hour": timedelta(hours=1), "day": timedelta(days=1), "week": timedelta(weeks=1)}
_COMPARE = (">=", "<=", ">", "<", "=")
_WORD = re.compile(r"\w+")
_TOKEN = re.compile(r"""\s*(?:(?P<quoted>"[^"]*"|'[^']*')|(?P<sign>[<>=]+)|(?P<word>[^\s<>="']+))""")


@dataclass(frozen=True)
class Condition:
    """A condition on the events of a user.

    Attributes
    ----------
    kind
        One of :data:`~evenshelf.shop.schema.KINDS`.
    compare, amount
        ``">="``, ``"<="``, ``">"``, ``"<"`` or ``"="``, and the number to compare with, >= 0.
    measure
        What is counted. An event without a value is one piece; one without a price adds nothing to ``"spend"``.
    column, value
        Only events with items that have this value in this column of the items table. A ``path`` has the values of
        all its beginnings (``A|B|C`` is in ``A`` and ``A|B``), and ``tags`` have each of their parts.
    within
        Only events of so long a time before now; None: of any time.
    """

    kind: str
    compare: str
    amount: float
    measure: Measure = "events"
    column: str | None = None
    value: str | None = None
    within: timedelta | None = None

    def __post_init__(self) -> None:
        problems = []
        for name, given, choices in (
            ("kind", self.kind, KINDS),
            ("comparison", self.compare, _COMPARE),
            ("measure", self.measure, _MEASURES),
        ):
            if given not in choices:
                problems.append(f"there is no {name} {given!r}: choose one of {', '.join(choices)}")
        if not 0 <= self.amount < float("inf"):
            problems.append(f"the number must be finite and at least 0, not {self.amount:g}")
        if (self.column is None) != (self.value is None):
            problems.append("a column needs a value, and a value a column")
        problems += [
            f"{text!r} cannot be written in a rule: it is empty or holds both kinds of quotes"
            for text in (self.column, self.value)
            if text is not None and (not text or ('"' in text and "'" in text))
        ]
        if self.within is not None and not timedelta(0) < self.within <= LONGEST:
            problems.append(f"the time within which events count must be above 0 and at most {LONGEST.days} days")
        if problems:
            raise SettingError("tag rule: " + "; ".join(problems))

    def __str__(self) -> str:
        parts = [] if self.measure == "events" else [f"{self.measure} of"]
        parts += [self.kind, self.compare, f"{self.amount:.17g}"]
        if self.column is not None and self.value is not None:
            column = self.column if _WORD.fullmatch(self.column) else _quoted(self.column)
            parts += ["in", column, _quoted(self.value)]
        if self.within is not None:
            parts += ["within", _period(self.within)]
        return " ".join(parts)


@dataclass(frozen=True)
class TagRule:
    """A tag, and the conditions that all must hold for a user to get it."""

    tag: str
    conditions: tuple[Condition, ...]

    def __post_init__(self) -> None:
        problem = tag_problem(self.tag) or (":" in self.tag and f"{self.tag!r} holds a colon, which ends a tag")
        if problem:
            raise SettingError(f"tag rule: {problem}")
        if not self.conditions:
            raise SettingError(f"tag rule {self.tag!r} has no condition")

    def __str__(self) -> str:
        return f"{self.tag}: " + " and ".join(map(str, self.conditions))


def bought(
    *, at_least: float, in_category: str | None = None, within_days: float | None = None, measure: Measure = "events"
) -> Condition:
    """Return the condition that is asked for most.

    Examples
    --------
    >>> str(bought(at_least=3, in_category="Running Shoe", within_days=90))
    'purchase >= 3 in category "Running Shoe" within 90 days'
    """
    return Condition(
        "purchase",
        ">=",
        at_least,
        measure,
        None if in_category is None else "category",
        in_category,
        None if within_days is None else timedelta(days=within_days),
    )


def parse_tag_rule(text: str) -> TagRule:
    """Read a rule as in ``runner: purchase >= 3 in category "Running Shoe" within 90 days``.

    The grammar, with optional parts in brackets and parts that may repeat in braces::

        TAG: CONDITION {and CONDITION}
        CONDITION = [MEASURE of] KIND COMPARE NUMBER [in COLUMN VALUE] [within NUMBER hours|days|weeks]

    MEASURE is a :data:`Measure`, KIND one of :data:`~evenshelf.shop.schema.KINDS`, COMPARE one of ``>=``, ``<=``,
    ``>``, ``<``, ``=``. A VALUE of several words is quoted.

    Raises
    ------
    SettingError
        That names the position (from 1) and what was expected there.
    """
    tag, colon, _ = text.partition(":")
    if not colon:
        raise SettingError(f"tag rule {text!r}: no colon after the tag", hint=HINT)
    reader = _Reader(text, len(tag) + 1)
    conditions = [_condition(reader)]
    while not reader.done:
        reader.take("and", "'and', 'in', 'within' or the end" if conditions[-1].within is None else "'and' or the end")
        conditions.append(_condition(reader))
    return TagRule(tag.strip(), tuple(conditions))


HINT = 'Write it as in: runner: purchase >= 3 in category "Running Shoe" within 90 days'


class _Reader:
    """Reads a rule word by word, and says where it did not fit."""

    def __init__(self, text: str, start: int) -> None:
        self.text = text
        self.tokens: list[tuple[int, str]] = []
        at = start
        while text[at:].strip():
            match = _TOKEN.match(text, at)
            if match is None:
                found = len(text) - len(text[at:].lstrip())
                raise SettingError(f"tag rule {text!r}: position {found + 1}: a quote is not closed", hint=HINT)
            self.tokens.append((match.end() - len(match[0].lstrip()), match[0].lstrip()))
            at = match.end()

    @property
    def done(self) -> bool:
        return not self.tokens

    def next_is(self, *words: str) -> bool:
        return bool(self.tokens) and self.tokens[0][1] in words

    def fail(self, expected: str) -> SettingError:
        at, found = self.tokens[0] if self.tokens else (len(self.text), "")
        what = repr(found) if found else "the end"
        return SettingError(f"tag rule {self.text!r}: position {at + 1}: expected {expected}, found {what}", hint=HINT)

    def take(self, word: str | None, expected: str, choices: Collection[str] | None = None) -> str:
        if self.done or (word is not None and not self.next_is(word)):
            raise self.fail(expected)
        if choices is not None and not self.next_is(*choices):
            raise self.fail(expected + near(self.tokens[0][1], choices, n=1))
        return self.tokens.pop(0)[1]

    def number(self, expected: str, least: float, *, above: bool) -> float:
        try:
            value = float(self.tokens[0][1]) if self.tokens else None
        except ValueError:
            value = None
        if value is None or not value < float("inf") or value < least or (above and value == least):
            raise self.fail(expected)
        self.tokens.pop(0)
        return value


def _condition(reader: _Reader) -> Condition:
    kinds = f"one of {', '.join(KINDS)}"
    measure: Measure = "events"
    if reader.next_is(*_MEASURES):
        measure = reader.take(None, "")  # type: ignore[assignment]
        reader.take("of", "'of'")
        kind = reader.take(None, kinds, KINDS)
    else:
        kind = reader.take(None, f"{kinds}, or what to count of it ({', '.join(_MEASURES)})", (*KINDS, *_MEASURES))
    compare = reader.take(None, f"one of {', '.join(_COMPARE)}", _COMPARE)
    amount = reader.number("a number that is at least 0", 0, above=False)
    column = value = within = None
    if reader.next_is("in"):
        reader.take("in", "")
        column = _bare(reader.take(None, "a column of the items table"))
        value = _bare(reader.take(None, "a value of that column"))
    if reader.next_is("within"):
        reader.take("within", "")
        length = reader.number("a number above 0", 0, above=True)
        units = [*_UNITS, *(unit + "s" for unit in _UNITS)]
        unit = _UNITS[reader.take(None, "hours, days or weeks", units).removesuffix("s")]
        within = length * unit if length <= 2 * LONGEST / unit else 2 * LONGEST  # refused by the condition
    return Condition(kind, compare, amount, measure, column, value, within)


def _quoted(text: str) -> str:
    return f"'{text}'" if '"' in text else f'"{text}"'


def _bare(token: str) -> str:
    return token[1:-1] if token[0] in "\"'" else token


def _period(length: timedelta) -> str:
    unit = "days" if length % _UNITS["day"] == timedelta(0) else "hours"
    amount = length / _UNITS[unit.removesuffix("s")]
    return f"{amount:.17g} {unit.removesuffix('s') if amount == 1 else unit}"


def tag_problem(tag: str) -> str | None:
    """Say why a text is no tag, or return None."""
    if not tag.strip() or tag != tag.strip() or SEPARATOR in tag:
        return f"{tag!r} is no tag: a tag is a text without {SEPARATOR} and without blanks at its ends"
    return None
