"""Ids that a program wrote as fractions (``14156.0``) because some are missing: told by whole columns of a file."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import polars as pl

from evenshelf.errors import SettingError
from evenshelf.shop.ingesting.mapping import FileRoles
from evenshelf.shop.ingesting.parsing import as_text
from evenshelf.shop.sources.archives import members
from evenshelf.shop.sources.read import read_batches

if TYPE_CHECKING:
    from pathlib import Path

    from evenshelf.shop.ingesting.how import How

FRACTIONAL_IDS = "fractional_ids"
"""Name of the repair, and of the switch that turns it off."""

ID_ROLES = ("user_id", "item_id", "session_id", "event_id", "query_id")
_WHOLE = r"^\d+\.0$"
_EXACT = 2**53  # above, a fraction does not tell which whole number it was


def id_text(series: pl.Series, file: str, *, whole: bool) -> pl.Series:
    """Return ids as text, with null for nothing.

    Parameters
    ----------
    series
        As they stand in the file: text or numbers.
    file
        Its name, for messages.
    whole
        Whether the whole column was found to be written as fractions, which lose their ``.0``.

    Raises
    ------
    InputError
        If the column is of a kind that has no text.
    """
    if series.dtype.is_float():
        series = series.fill_nan(None)
        # Not by what stands in this portion of the file: others may hold more.
        return series.cast(pl.Int64).cast(pl.String) if whole else series.cast(pl.String)
    text = as_text(series, file)
    return text.str.strip_suffix(".0") if whole else text


def _are_whole(series: pl.Series) -> tuple[bool, bool]:
    """Say of a column whether it has any value, and whether all that it has are whole numbers with ``.0``."""
    if series.dtype.is_float():
        values = series.fill_nan(None).drop_nulls()
        return len(values) > 0, bool(((values.round() == values) & (values.abs() < _EXACT)).all())
    if series.dtype != pl.String:
        return series.null_count() < len(series), False
    text = series.str.strip_chars()
    text = text.filter((text != "").fill_null(value=False))
    return len(text) > 0, bool(text.str.contains(_WHOLE).all())


class WholeIds:
    """Finds out which columns of ids of a source are written as whole fractions.

    A column counts if all of its ids in a file are. Nothing is read ahead until the first id of a column looks like
    one; then the source is gone through once. So it does not matter in which portions it is read.

    Parameters
    ----------
    source
        Where it is.
    how
        How it is read.

    Attributes
    ----------
    found
        Roles of such columns, by file.
    """

    def __init__(self, source: Path, how: How) -> None:
        self._source, self._how = source, how
        self._begun: set[tuple[str, str]] = set()
        self._ahead: dict[str, frozenset[str]] | None = None
        self.found: dict[str, frozenset[str]] = {}

    def of(self, member: str, roles: dict[str, pl.Series]) -> frozenset[str]:
        """Return the roles of such columns in a file, given the next portion of its columns by role."""
        if FRACTIONAL_IDS in self._how.off:
            return frozenset()
        for role in ID_ROLES:
            if role not in roles or (member, role) in self._begun:
                continue
            filled, whole = _are_whole(roles[role])
            if filled:
                self._begun.add((member, role))
                if whole and self._ahead is None:
                    self._ahead = _look_ahead(self._source, self._how)
        found = (self._ahead or {}).get(member, frozenset())
        if found:
            self.found[member] = found
        return found


def _look_ahead(source: Path, how: How) -> dict[str, frozenset[str]]:
    found: dict[str, frozenset[str]] = {}
    for member in members(source, how.exclude):
        if member.skipped is not None:
            continue
        whole: dict[str, bool] = defaultdict(bool)
        of_file = FileRoles(how.mapping, file="", table=how.table, constants=how.constants)
        with member.open() as stream:
            for records in read_batches(member.name, stream, **how.reading):
                if not records.frame.height:
                    continue
                try:
                    roles = of_file.of(records.frame.columns).roles
                except SettingError:  # told when the file is read
                    break
                for role in ID_ROLES:
                    if roles.get(role) in records.frame.columns and whole.get(role, True):
                        filled, all_whole = _are_whole(records.frame[roles[role]])
                        if filled:
                            whole[role] = all_whole
                if whole and not any(whole.values()) and all(role in whole for role in ID_ROLES if role in roles):
                    break
        if those := frozenset(role for role, all_whole in whole.items() if all_whole):
            found[member.name] = those
    return found
