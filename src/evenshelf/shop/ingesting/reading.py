"""Files of one source, batch by batch: what is in them, and which columns play which roles."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from evenshelf.errors import InputError, SettingError
from evenshelf.shop.ingesting.mapping import FileRoles
from evenshelf.shop.ingesting.whole_ids import FRACTIONAL_IDS, WholeIds
from evenshelf.shop.schema import empty
from evenshelf.shop.sources.archives import members
from evenshelf.shop.sources.read import read_batches
from evenshelf.shop.sources.sql import is_url

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from evenshelf.shop.ingesting.accounts import SourceReport
    from evenshelf.shop.ingesting.how import Work
    from evenshelf.shop.sources.records import Records


@dataclass(frozen=True)
class Batch:
    """Records of one file, with what is known of its columns.

    Attributes
    ----------
    file
        Its name.
    roles
        Its columns by role.
    records
        What was read.
    whole_ids
        Roles whose ids are written as whole fractions.
    """

    file: str
    roles: Mapping[str, str]
    records: Records
    whole_ids: frozenset[str]


class Reader:
    """Reads all members of one source, batch by batch, and counts."""

    def __init__(self, source: Path, report: SourceReport, work: Work) -> None:
        self._source, self._report, self._how, self._progress = source, report, work.how, work.progress
        self._unfit = work.unfit
        self._whole_ids = WholeIds(source, work.how)
        self._read_any = False

    def batches(self, refused: list[pl.DataFrame]) -> Iterator[Batch]:
        """Yield what is read; what is no record is added to `refused`."""
        report = self._report
        for member in members(self._source, self._how.exclude):
            if member.skipped is not None:
                report.skipped[member.name] = member.skipped
                continue
            report.members += 1
            if member.repeats is not None:
                report.notes.append(
                    f"{member.repeats} is called {member.name} here, as an earlier file has its name: to read only the "
                    "last of them, as unpacking does, unpack it and give the folder"
                )
            with member.open() as stream:
                yield from self._member(member.name, stream, refused)
        if report.members == 0:
            raise InputError(
                f"{report.name} holds no file of rows"
                + "".join(f"; {name}: {why}" for name, why in list(report.skipped.items())[:5]),
                hint="Give each file an ending that tells what it is, such as .csv, or .csv.gz if it is packed."
                if any("ending" in why for why in report.skipped.values())
                else None,
            )

    def _member(self, member: str, stream: Any, refused: list[pl.DataFrame]) -> Iterator[Batch]:
        report = self._report
        # What a database answered lies in a file whose name tells nobody anything.
        name = report.name if is_url(report.name) else member
        place = report.name if report.name.startswith(name) else f"{report.name}: {name}"
        rows = bad = undecodable = 0
        first_bad = ""
        seen: dict[str, pl.DataType] = {}
        roles = FileRoles(self._how.mapping, file=place, table=self._how.table, constants=self._how.constants)
        for records in read_batches(member, stream, **self._how.reading):
            report.rows_in += records.rows_in
            report.blank_lines += records.blank
            report.literal_quotes += records.literal_quotes
            rows += records.frame.height
            bad += len(records.rejected)
            undecodable += sum(one.reason == "undecodable" for one in records.rejected)
            if self._progress is not None:
                self._progress(f"reading {report.name}", report.rows_in, None)
            if records.rejected:
                first_bad = first_bad or records.rejected[0].detail
                refused.append(self._rejected(name, records))
                report.refuse(refused[-1])
            if not records.frame.height and (bad or not records.frame.width):
                continue
            # A block of JSON may lack a column that others have.
            there = records.frame.columns
            missing = [pl.lit(None, dtype).alias(column) for column, dtype in seen.items() if column not in there]
            records.frame = records.frame.with_columns(missing)
            seen = dict(records.frame.schema)
            try:
                found = roles.of(records.frame.columns)
            except SettingError as error:
                self._unfit.append(error)
            if self._unfit:
                return
            if not records.frame.height:  # only a header, which should fit as well
                continue
            report.notes += [note for note in found.notes if note not in report.notes]
            columns = {role: records.frame[column] for role, column in found.roles.items()}
            whole = self._whole_ids.of(member, columns)
            self._tell_whole(name, whole, found.roles, columns)
            yield Batch(name, found.roles, records, whole)
        if rows:
            self._note_roles(name, roles.settled)
        if not rows and not bad:
            report.notes.append(f"{name} holds no rows")
        if bad and not rows:
            report.notes.append(
                f"no line of {name} is a row ({first_bad}): look at it, or leave it out with --exclude {name}"
            )
        if undecodable:
            share = f"{undecodable:,} of {rows + bad:,} lines"
            report.notes.append(f"{share} of {name} cannot be decoded: if they should be, try --encoding gb18030")

    def _note_roles(self, name: str, settled: Mapping[str, tuple[str, str]]) -> None:
        """Keep which columns play which roles in a file, where that differs from the first one."""
        report = self._report
        if not self._read_any:
            self._read_any = True
            report.mapping = dict(settled)
            return
        roles = {role: column for role, (column, _) in settled.items()}
        first = report.first_roles
        if roles == first:
            return
        if not report.mappings:
            other = [f"{role} is {column!r}" for role, column in roles.items() if first.get(role) != column]
            other += [f"there is no {role}" for role in first if role not in roles]
            report.notes.append(f"not all files have the same columns; in {name} {', '.join(other)}")
        report.mappings[name] = roles

    def _tell_whole(
        self, name: str, whole: frozenset[str], roles: Mapping[str, str], columns: Mapping[str, pl.Series]
    ) -> None:
        report = self._report
        if whole:
            report.whole_ids[name] = sorted(whole)
        for role in sorted(whole):
            if columns[role].dtype != pl.String:  # a number has no .0
                continue
            count = report.fixed.get(FRACTIONAL_IDS, 0)
            report.fixed[FRACTIONAL_IDS] = count + int((columns[role].str.strip_chars() != "").sum())
            note = f"{roles[role]!r} holds whole numbers written as fractions, as in 14156.0: the .0 was left out"
            note = f"{note}; --off {FRACTIONAL_IDS} keeps it"
            if note not in report.notes:
                report.notes.append(note)

    def _rejected(self, name: str, records: Records) -> pl.DataFrame:
        return pl.DataFrame(
            {
                "source_id": self._report.source_id,
                "source_file": name,
                "source_line": [bad.line for bad in records.rejected],
                "table": self._how.table,
                "reason": [bad.reason for bad in records.rejected],
                "detail": [bad.detail for bad in records.rejected],
                "raw": [bad.raw for bad in records.rejected],
            },
            schema=empty("quarantine").schema,
        )
