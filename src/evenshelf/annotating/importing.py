"""Sheets back into a shop: what each annotator said, what they agree on, and what had to be refused."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import polars as pl

from evenshelf.annotating.annotators import Spellings, read_annotations
from evenshelf.annotating.examples import target_column
from evenshelf.annotating.reading import SURPLUS, Row, Sheet, read_sheet
from evenshelf.annotating.sheets import unguarded, write_refused
from evenshelf.annotating.votes import agreed, conflicts
from evenshelf.errors import InputError, SettingError, near
from evenshelf.plurals import counted
from evenshelf.shop import Shop
from evenshelf.shop.progress import Progress
from evenshelf.shop.schema import ANNOTATIONS

_SCHEMA = {column.name: column.dtype for column in ANNOTATIONS.columns}


@dataclass(frozen=True)
class Refusal:
    """A row that was refused.

    Attributes
    ----------
    file, line, column
        Where.
    value
        What stands there.
    reason
        What is wrong and, where that can be said, what was probably meant.
    """

    file: str
    line: int
    column: str
    value: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file}, line {self.line}, column {self.column}: {self.reason}"


@dataclass
class SheetReport:
    """What became of the rows of one sheet: ``rows = empty + new + changed + unchanged + refused``.

    Attributes
    ----------
    empty
        Rows without a label, which wait for one.
    new, changed, unchanged
        Labels that the annotator had not given before, had given differently, and had given already.
    refused_file
        Where the refused rows were written; ``None`` if there are none.
    """

    file: str
    rows: int = 0
    empty: int = 0
    new: int = 0
    changed: int = 0
    unchanged: int = 0
    refused: int = 0
    refused_file: str | None = None


@dataclass
class ImportReport:
    """What an import did.

    Attributes
    ----------
    sheets
        One report for each file.
    refused
        Every refused row.
    new_labels
        Labels that were not in use before.
    agreed
        Items of these sheets with one leading label.
    written
        Items that got this label now; `overwritten` of them had another one.
    waiting
        Items whose leading label has too few votes as yet.
    conflicts
        Items of these sheets for which labels tie: item_id and labels.
    notes
        What to know, a sentence each: which names are taken for one annotator.
    changed
        Whether the shop is another one now.
    """

    shop: str
    target: str
    sheets: list[SheetReport] = field(default_factory=list)
    refused: list[Refusal] = field(default_factory=list)
    new_labels: list[str] = field(default_factory=list)
    agreed: int = 0
    written: int = 0
    overwritten: int = 0
    waiting: int = 0
    conflicts: list[dict[str, str]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    changed: bool = False

    def to_dict(self) -> dict[str, Any]:
        """JSON-able."""
        return asdict(self)


def import_labels(
    shop: Shop,
    files: Sequence[str | Path],
    target: str = "category",
    *,
    annotator: str | None = None,
    new_labels: bool = False,
    new_target: bool = False,
    votes: int = 1,
    strict: bool = False,
    encoding: str = "utf-8",
    progress: Progress | None = None,
) -> ImportReport:
    """Take labelled sheets back: all annotations are kept, and what annotators agree on is written to the items.

    Annotations are known by item, target and annotator: a file that is imported twice changes nothing, and a label that
    an annotator changed replaces the one before. An item gets the label that has the most votes; a tie is a conflict
    and changes no item. Refused rows are written beside their file, as ``refused-NAME.csv``.

    Parameters
    ----------
    target
        Column the labels are for.
    annotator
        Who filled the rows whose column annotator is empty.
    new_labels
        Whether labels that nobody used before are taken. Where the target has no label at all, they always are.
    new_target
        Whether a column that is nowhere yet may be begun.
    votes
        Least votes that a label needs to be written to an item.
    strict
        Take nothing if a row has to be refused.
    encoding
        Of the files.
    progress
        Is told what is done.

    Raises
    ------
    InputError
        If a file or column cannot be used; with `strict`, with every row that was refused.
    SettingError
        If a setting cannot be.
    """
    if votes < 1:
        raise SettingError(f"votes is {votes}, and a label needs at least one vote.")
    if not files:
        raise SettingError("There is no file to import.")
    tell = progress or (lambda _what, _done, _total: None)
    tell("reading sheets", 0, len(files))
    items = shop.items()
    items = items.with_columns(target_column(items, target, new=new_target).alias(target))
    before = read_annotations(shop)
    mine = before.filter(pl.col("target") == target)
    known = sorted({*items[target].drop_nulls().to_list(), *mine["label"].to_list()})
    sheets = _read_all(files, encoding)
    people = Spellings(before["annotator"].unique(maintain_order=True).drop_nulls())
    everything = set(items["item_id"].to_list())
    intake = _Intake(everything, known, target, annotator, people, any_label=new_labels or not known)
    for number, sheet in enumerate(sheets):
        intake.add(sheet)
        tell("reading sheets", number + 1, len(sheets))
    intake.refuse_repeats()
    report = ImportReport(str(shop.path), target)
    report.notes = people.notes()
    report.refused = [refusal for _, _, refusal in sorted(intake.refused, key=lambda r: (r[0], r[1].line))]
    if strict and report.refused:
        shown = "\n".join(f"- {refusal}" for refusal in report.refused)
        many = counted(len(report.refused), "row is", "rows are")
        raise InputError(f"{many} refused, so nothing was taken:\n{shown}")
    _count(report, sheets, intake, mine)
    merged = _merge(before, intake.frame())
    report.new_labels = sorted(set(intake.labels()) - set(known))
    touched = [taken.item_id for taken in intake.taken.values()]
    now = _write_items(items, merged.filter(pl.col("item_id").is_in(touched)), target, votes, report)
    tables = {}
    if not merged.equals(before):
        tables["annotations"] = merged
    if report.written:
        tables["items"] = now
    if tables:
        tell("writing the shop", 0, None)
        shop.commit(tables)
    report.changed = bool(tables)
    # the shop first: a file of refused rows tells of an import that happened
    for place, (sheet, about) in enumerate(zip(sheets, report.sheets, strict=True)):
        rows = [(row, f"{r.column}: {r.reason}") for at, row, r in intake.refused if at == place]
        if rows:
            ordered = sorted(rows, key=lambda pair: pair[0].line)
            about.refused_file = str(write_refused(sheet.file, sheet.columns, ordered))
    return report


def _read_all(files: Sequence[str | Path], encoding: str) -> list[Sheet]:
    """Read every file; all that cannot be read are told at once."""
    sheets, problems, hints = [], [], []
    for file in files:
        try:
            sheets.append(read_sheet(Path(file), encoding=encoding))
        except InputError as error:
            problems.append(error.message)
            hints.append(error.hint)
    if problems:
        raise InputError("\n".join(problems), hint=next((hint for hint in hints if hint), None))
    return sheets


@dataclass(frozen=True)
class _Taken:
    """A label that an annotator gave."""

    sheet: int
    row: Row
    item_id: str
    annotator: str
    label: str
    source: tuple[str, str, int]


class _Intake:
    """Sorts the rows of sheets into labels, empty rows and refusals."""

    def __init__(
        self,
        items: set[str],
        labels: Iterable[str],
        target: str,
        annotator: str | None,
        people: Spellings,
        *,
        any_label: bool,
    ) -> None:
        self.items, self.known, self.target, self.annotator = items, list(labels), target, annotator
        self.any_label, self.people = any_label, people
        self._folded = {label.casefold(): label for label in self.known}
        self._without_zeros = {item.lstrip("0").casefold(): item for item in items}
        self.given: dict[tuple[str, str], list[_Taken]] = {}
        self.taken: dict[tuple[str, str], _Taken] = {}
        self.refused: list[tuple[int, Row, Refusal]] = []
        self.empty: list[int] = []
        self.sheets: list[Sheet] = []

    def add(self, sheet: Sheet) -> None:
        """Look at every row of a sheet."""
        number = len(self.sheets)
        self.sheets.append(sheet)
        for row in sheet.rows:
            label, item = unguarded(row.cells["label"]), row.cells["item_id"]
            if row.fault:
                self._refuse(number, row, SURPLUS, row.fault)
                continue
            if not label:
                self.empty.append(number)
                continue
            item = item if item in self.items else unguarded(item)
            who = unguarded(row.cells.get("annotator", "") or (self.annotator or "").strip())
            problem = self._problem(item, label, who)
            if problem is not None:
                self._refuse(number, row, *problem)
                continue
            source = (sheet.source_id, sheet.file.name, row.line)
            taken = _Taken(number, row, item, self.people.of(who), label, source)
            self.given.setdefault((item, taken.annotator), []).append(taken)

    def refuse_repeats(self) -> None:
        """One annotator gives an item one label: of equal rows the first counts, of different ones none."""
        for key, rows in self.given.items():
            first = rows[0]
            same = len({row.label for row in rows}) == 1
            if same:
                self.taken[key] = first
            for row in rows[1:] if same else rows if len(rows) > 1 else []:
                others = ", ".join(f"{self.sheets[o.sheet].file.name} line {o.row.line}" for o in rows if o is not row)
                what = "repeats the row of" if same else "says otherwise than the row of"
                self._refuse(
                    row.sheet,
                    row.row,
                    "item_id" if same else "label",
                    f"item {row.item_id!r} by {row.annotator!r} {what} {others}",
                )

    def labels(self) -> list[str]:
        """Labels that were taken."""
        return [taken.label for taken in self.taken.values()]

    def frame(self) -> pl.DataFrame:
        """What was taken, as rows of the table of annotations."""
        rows = [(t.item_id, self.target, t.annotator, t.label, *t.source) for t in self.taken.values()]
        return pl.DataFrame(rows, schema=_SCHEMA, orient="row")

    def _problem(self, item: str, label: str, who: str) -> tuple[str, str] | None:
        if not item:
            return "item_id", "the item is not named"
        if item not in self.items:
            return "item_id", f"the shop has no item {item!r}{self._near_item(item)}"
        if not who:
            return "annotator", "nobody is named; fill the column, or give --annotator NAME"
        if label not in self.known and not self.any_label:
            same = self._folded.get(label.casefold())
            meant = near(label, [same] if same is not None else self.known)
            return "label", f"{label!r} is no label in use{meant}; --new-labels takes it"
        return None

    def _near_item(self, item: str) -> str:
        """Spreadsheet programs take zeros off numbers."""
        found = self._without_zeros.get(item.lstrip("0").casefold())
        if found is not None:
            return f"; it has {found!r}, and spreadsheet programs change numbers: give them the column as text"
        return ""

    def _refuse(self, sheet: int, row: Row, column: str, reason: str) -> None:
        where = Refusal(str(self.sheets[sheet].file), row.line, column, row.cells.get(column, ""), reason)
        self.refused.append((sheet, row, where))


def _count(report: ImportReport, sheets: Sequence[Sheet], intake: _Intake, before: pl.DataFrame) -> None:
    """Fill in what became of each sheet's rows."""
    old = {(item, who): label for item, who, label in before.select("item_id", "annotator", "label").iter_rows()}
    report.sheets = [SheetReport(str(sheet.file), rows=len(sheet.rows)) for sheet in sheets]
    for number in intake.empty:
        report.sheets[number].empty += 1
    for number, _, _ in intake.refused:
        report.sheets[number].refused += 1
    for key, taken in intake.taken.items():
        about = report.sheets[taken.sheet]
        if key not in old:
            about.new += 1
        elif old[key] == taken.label:
            about.unchanged += 1
        else:
            about.changed += 1


def _merge(before: pl.DataFrame, taken: pl.DataFrame) -> pl.DataFrame:
    """Annotations with those taken in the place of what the same annotator said before; unchanged ones stay."""
    key = ["item_id", "target", "annotator"]
    fresh = taken.join(before, on=[*key, "label"], how="anti")
    kept = before.join(fresh, on=key, how="anti", maintain_order="left")
    return pl.concat([kept, fresh.sort(key)], how="diagonal")


def _write_items(
    items: pl.DataFrame, here: pl.DataFrame, target: str, votes: int, report: ImportReport
) -> pl.DataFrame:
    """Items with the leading labels of those that the sheets name; tells the report."""
    leading = agreed(here, target)
    enough = leading.filter(pl.col("votes") >= votes).select("item_id", pl.col("label").alias("__label"))
    report.agreed, report.waiting = enough.height, leading.height - enough.height
    report.conflicts = conflicts(here, target).to_dicts()
    joined = items.join(enough, on="item_id", how="left", maintain_order="left")
    differs = pl.col("__label").is_not_null() & pl.col(target).ne_missing(pl.col("__label"))
    changing = joined.filter(differs)
    report.written = changing.height
    report.overwritten = changing.filter(pl.col(target).is_not_null()).height
    return joined.with_columns(pl.coalesce("__label", target).alias(target)).drop("__label")
