"""Records of a file into rows of any table but the items: typed, or refused with what cannot be read."""

from __future__ import annotations

import hashlib
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import polars as pl

from evenshelf.shop.duplicates import title_key
from evenshelf.shop.ingesting.grade_words import grades
from evenshelf.shop.ingesting.mapping import further_names
from evenshelf.shop.ingesting.parsing import Times, as_text, check_kind, kinds, numbers, truths
from evenshelf.shop.ingesting.raw_rows import encoded
from evenshelf.shop.ingesting.whole_ids import ID_ROLES, id_text
from evenshelf.shop.schema import PROVENANCE, TIME, empty

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from evenshelf.shop.schema import TableSchema
    from evenshelf.shop.sources.records import Records

ROW = "__row"
"""Hidden column: place of the row among the records it was made from."""

UNREADABLE = {
    "missing_value": "a cell that must not be empty is empty",
    "unreadable_value": "a cell holds no number (or yes or no) where one is expected",
    "unparsable_time": "the time cannot be read",
    "unknown_kind": "the kind of event is none that is known",
}
"""Reasons given while typing; they cannot be turned off."""

_OF_PIECES = ("purchase", "cart", "return")


@dataclass
class Derived:
    """An item that has no id of its own: how its title is spelled, and where it came first."""

    file: str
    line: int
    spellings: Counter[str] = field(default_factory=Counter)


@dataclass
class LogRows:
    """Makes rows of one table from the records of one source.

    Parameters
    ----------
    schema
        The table.
    times
        Reads its moments.
    constants
        Values by role, for all rows.
    source_id
        Where the rows come from.

    Attributes
    ----------
    named
        Ids of the shop's items by the key of their title; see :func:`ids_by_title`.
    derived
        Items that events name by title only, by the id that was made from it; see :meth:`items`.
    returns
        Number of purchases with negative pieces, which became returns.
    """

    schema: TableSchema
    times: Times
    constants: Mapping[str, str]
    source_id: str
    named: Mapping[str, str] = field(default_factory=dict)
    derived: dict[str, Derived] = field(default_factory=dict)
    returns: int = 0
    _ids: dict[str, str] = field(default_factory=dict, repr=False)

    def make(
        self, records: Records, roles: Mapping[str, str], file: str, whole_ids: Collection[str] = ()
    ) -> tuple[pl.DataFrame, pl.DataFrame]:
        """Turn records into rows.

        Parameters
        ----------
        records
            What was read.
        roles
            Source column by role.
        file
            Where it was read.
        whole_ids
            Roles of ids that are written as whole fractions; see
            :class:`~evenshelf.shop.ingesting.whole_ids.WholeIds`.

        Returns
        -------
        rows
            Columns of the table in its order, then further ones as they came; :data:`ROW` says which record each is.
        refused
            Columns :data:`ROW`, ``reason`` and ``detail``.

        Raises
        ------
        InputError
            If a column that must be text cannot become text.
        SettingError
            If a constant or the order of day and month makes no sense.
        """
        source = records.frame
        height = source.height
        columns: dict[str, pl.Series] = {}
        problems: list[tuple[pl.Series, str, pl.Series]] = []
        worded = False

        def refuse(mask: pl.Series, reason: str, words: str, said: pl.Series | None = None) -> None:
            if mask.any():
                if said is None:
                    detail = pl.repeat(words, height, eager=True)
                else:
                    detail = pl.select(pl.format("{} {}", said.str.slice(0, 80), pl.lit(words))).to_series()
                problems.append((mask, reason, detail))

        for column in self.schema.columns:
            name = column.name
            if name in self.constants:
                text = pl.repeat(self.constants[name], height, dtype=pl.String, eager=True)
                given = text
            elif name in roles:
                given = source[roles[name]]
                text = id_text(given, file, whole=name in whole_ids) if name in ID_ROLES else as_text(given, file)
            else:
                continue
            filled = text.is_not_null()
            if column.dtype == TIME:
                values = self.times.read(
                    given if given.dtype.is_temporal() else text, f"{file}, column {roles.get(name, name)!r}"
                )
                refuse(filled & values.is_null(), "unparsable_time", f"is no {name}", text)
            elif name == "grade":
                values, worded = grades(given, text)
                refuse(filled & values.is_null(), "unreadable_value", "is no number (grade)", text)
            elif column.dtype == pl.Float64:
                values = numbers(given if given.dtype.is_numeric() else text)
                refuse(filled & values.is_null(), "unreadable_value", f"is no number ({name})", text)
            elif column.dtype == pl.Int64:
                real = numbers(given if given.dtype.is_numeric() else text)
                whole = real.is_not_null() & (real == real.floor()).fill_null(value=False) & (real.abs() < 2**53)
                values = pl.select(pl.when(whole).then(real)).to_series().cast(pl.Int64)
                refuse(filled & values.is_null(), "unreadable_value", f"is no whole number ({name})", text)
            elif column.dtype == pl.Boolean:
                values = truths(given if given.dtype == pl.Boolean else text)
                refuse(filled & values.is_null(), "unreadable_value", f"is neither yes nor no ({name})", text)
            elif name == "kind":
                values = kinds(text)
                refuse(filled & values.is_null(), "unknown_kind", "is no known kind of event", text)
            else:
                values = text
            if column.required or name == "time":
                refuse(~filled, "missing_value", f"{name} is empty")
            columns[name] = values
        if self.schema.name == "events":
            self._events(columns, records, roles, file, refuse)
        # words say what numbers do not, and are kept beside them
        self._further(columns, source, {r: c for r, c in roles.items() if not (worded and r == "grade")})
        frame = pl.DataFrame([series.alias(name) for name, series in columns.items()])
        frame = frame.with_columns(
            source_id=pl.lit(self.source_id),
            source_file=pl.lit(file),
            source_line=pl.Series(records.lines, dtype=pl.Int64),
        ).with_row_index(ROW)
        if not problems:
            return frame, _no_refusals()
        hit = pl.DataFrame([mask.alias(str(i)) for i, (mask, _, _) in enumerate(problems)])
        first = pl.coalesce(
            *(pl.when(pl.col(str(i))).then(pl.lit(i, pl.Int64)) for i in range(len(problems))), pl.lit(None, pl.Int64)
        )
        which = hit.select(which=first)["which"]
        refused = pl.concat(
            [
                frame.filter(which == i).select(
                    ROW, reason=pl.lit(reason), detail=detail.filter((which == i).fill_null(value=False))
                )
                for i, (_, reason, detail) in enumerate(problems)
            ]
        ).sort(ROW)
        return frame.filter(which.is_null()), refused

    def items(self) -> pl.DataFrame:
        """Items that were named by their title only, each with its most frequent spelling."""
        rows = [
            (item_id, min(d.spellings, key=lambda s: (-d.spellings[s], s)), True, self.source_id, d.file, d.line)
            for item_id, d in self.derived.items()
        ]
        schema = {"item_id": pl.String, "title": pl.String, "derived": pl.Boolean}
        provenance = {"source_id": pl.String, "source_file": pl.String, "source_line": pl.Int64}
        return pl.DataFrame(rows, schema | provenance, orient="row")

    def _events(
        self,
        columns: dict[str, pl.Series],
        records: Records,
        roles: Mapping[str, str],
        file: str,
        refuse: _Refuse,
    ) -> None:
        if "item_id" not in columns:
            titles = as_text(records.frame[roles["title"]], file)
            refuse(titles.is_null(), "missing_value", "the title that names the item is empty")
            columns["item_id"] = self._named(titles, file, records.lines)
        kind = columns["kind"]
        if "value" not in columns:
            pieces = kind.is_in(_OF_PIECES).fill_null(value=False)
            columns["value"] = pl.select(pl.when(pieces).then(1.0)).to_series()
        else:
            back = ((kind == "purchase") & (columns["value"] < 0)).fill_null(value=False)
            if back.any():
                self.returns += int(back.sum())
                sent = pl.when(back).then(pl.lit("return")).otherwise(kind)
                columns["kind"] = pl.select(sent).to_series()
                columns["value"] = pl.select(
                    pl.when(back).then(-columns["value"]).otherwise(columns["value"])
                ).to_series()

    def _named(self, titles: pl.Series, file: str, lines: list[int]) -> pl.Series:
        counted = (
            pl.DataFrame({"title": titles, "line": pl.Series(lines, dtype=pl.Int64)})
            .drop_nulls("title")
            .group_by("title", maintain_order=True)
            .agg(pl.len(), pl.col("line").first())
        )
        for title, count, line in counted.iter_rows():
            if title not in self._ids:
                self._ids[title] = self.named.get(title_key(title)) or derived_id(title)
            if self._ids[title] != derived_id(title):
                continue
            entry = self.derived.setdefault(self._ids[title], Derived(file, line))
            entry.spellings[title] += count
        return titles.replace_strict(self._ids, default=None, return_dtype=pl.String)

    def _further(self, columns: dict[str, pl.Series], source: pl.DataFrame, roles: Mapping[str, str]) -> None:
        used = {column for role, column in roles.items() if role in self.schema.names or "item_id" not in roles}
        further = [column for column in source.columns if column not in used]
        for column, name in further_names(further, {*self.schema.names, *PROVENANCE, ROW}).items():
            columns[name] = source[column]


def ids_by_title(items: pl.DataFrame) -> dict[str, str]:
    """Ids of items by the key of their title, of those whose title no other item has; derived ones left out."""
    if "derived" in items.columns:
        items = items.filter(pl.col("derived").is_null())
    keys = pl.Series([title_key(title or "") for title in items["title"]], dtype=pl.String)
    once = keys.is_unique() & (keys != "")
    return dict(zip(keys.filter(once), items["item_id"].filter(once), strict=True))


def derived_id(title: str) -> str:
    """Return the id of an item that has only a title: ``t`` and 12 digits of a hash of its key.

    Titles that are the same but for case, punctuation and blanks get one id; see
    :func:`~evenshelf.shop.duplicates.title_key`.
    """
    return "t" + hashlib.blake2b(title_key(title).encode(), digest_size=6).hexdigest()


def check_constants(table: str, constants: Mapping[str, str]) -> dict[str, str]:
    """Constants with their kinds of events by their proper names.

    Raises
    ------
    SettingError
        If a kind does not exist.
    """
    return {
        role: check_kind(value) if table == "events" and role == "kind" else value for role, value in constants.items()
    }


def _no_refusals() -> pl.DataFrame:
    return pl.DataFrame(schema={ROW: pl.UInt32, "reason": pl.String, "detail": pl.String})


def refused_rows(records: Records, refused: pl.DataFrame, table: str, source_id: str, file: str) -> pl.DataFrame:
    """Refusals of rows that were made from records, as rows of the quarantine."""
    if not refused.height:
        return empty("quarantine")
    return refused.select(
        source_id=pl.lit(source_id),
        source_file=pl.lit(file),
        source_line=pl.Series(records.lines, dtype=pl.Int64)[refused[ROW].cast(pl.Int64)],
        table=pl.lit(table),
        reason="reason",
        detail="detail",
        raw=raw_text(records, refused[ROW]),
    )


def raw_text(records: Records, at: pl.Series) -> pl.Series:
    """Return what some of the records said, as JSON."""
    return encoded(records.frame[at.cast(pl.Int64)])


if TYPE_CHECKING:
    from typing import Protocol

    class _Refuse(Protocol):
        def __call__(self, mask: pl.Series, reason: str, words: str, said: pl.Series | None = None) -> None: ...
