"""All reasons for which a row may be in quarantine, and the switches of the rules behind them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evenshelf.errors import SettingError
from evenshelf.shop.cleaning.event_rules import LOG_RULES
from evenshelf.shop.cleaning.rules import MARKINGS, RULES
from evenshelf.shop.cleaning.switches import unknown_rules
from evenshelf.shop.cleaning.table_rules import RULES_BY_TABLE
from evenshelf.shop.ingesting.log_rows import UNREADABLE
from evenshelf.shop.ingesting.replaced import REASON, REPLACED
from evenshelf.shop.ingesting.whole_ids import FRACTIONAL_IDS

if TYPE_CHECKING:
    from collections.abc import Collection

READING = {
    "wrong_field_count": "the line has more or fewer fields than there are columns",
    "stray_quote": "a quote opens and does not close",
    "bad_json": "the line is no JSON object",
    "undecodable": "bytes of the line are no text in the file's encoding",
    **UNREADABLE,
    "duplicate_key": "another row has the same key",
}
"""Reasons given while reading; they cannot be turned off."""

_FOUND_WHILE_READING = dict.fromkeys(READING, "is found while reading and cannot be turned off") | {
    REPLACED: "is nobody's unasked: leave out --newer"
}

REASONS: dict[str, str] = {
    **{rule.name: rule.reason for rule in RULES},
    **{rule.name: rule.reason for rules in RULES_BY_TABLE.values() for rule in rules},
    **{rule.name: rule.reason for rule in LOG_RULES},
    **READING,
    REPLACED: REASON,
}
"""What each reason means."""


REPAIRS = {
    FRACTIONAL_IDS: "whole columns of ids that are written as fractions (14156.0) lose the .0, which is none of theirs",
}
"""What is repaired while any table is read; each can be turned off."""


def switches(table: str) -> dict[str, str]:
    """Rules that can be turned off when rows of a table are read, and what they find."""
    if table == "items":
        return {rule.name: rule.reason for rule in RULES} | MARKINGS | REPAIRS
    rows = {rule.name: rule.reason for rule in RULES_BY_TABLE.get(table, ())}
    if table == "events":
        return rows | {rule.name: rule.reason for rule in LOG_RULES} | REPAIRS
    return rows | REPAIRS


def check_switches(table: str, off: Collection[str], fix: Collection[str]) -> None:
    """Raise SettingError if a rule to turn off does not exist for a table, or one to repair by has no repair."""
    problems = unknown_rules("off", off, switches(table), _FOUND_WHILE_READING)
    repairs = [rule.name for rule in RULES if rule.repair is not None] if table == "items" else []
    problems += unknown_rules("fix", fix, repairs, _FOUND_WHILE_READING)
    if problems:
        known = f"Rules for {table}: {', '.join(switches(table)) or 'none'}"
        raise SettingError("; ".join(problems), hint=f"{known}; with a repair: {', '.join(repairs) or 'none'}.")


def reason_text(name: str) -> str:
    """Return the one line that explains a reason."""
    return REASONS.get(name, name)
