"""What annotation found, for the terminal, as rich renderables."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from evenshelf.plurals import counted, plural

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from rich.console import RenderableType

    from evenshelf.annotating.agreement import Agreement
    from evenshelf.annotating.importing import ImportReport
    from evenshelf.annotating.select import Selection
    from evenshelf.annotating.suspects import Suspects

GREY = "bright_black"
_SHOWN = 10
_TITLE = 48


def selection_report(selection: Selection, files: Sequence[Path], *, blind: bool = False) -> RenderableType:
    """What was chosen, the first rows of it, and where the sheets are."""
    head = Text.assemble(
        (counted(selection.rows.height, "row", "rows"), "bold"),
        f" of {selection.candidates:,} chosen by ",
        (selection.strategy, "cyan"),
        f" for {selection.target}; {counted(selection.labelled, 'is', 'are')} labelled, with "
        f"{counted(selection.classes, 'class', 'classes')}.",
    )
    table = _table("title", *(() if blind else ("suggestion", "", "why")))
    for row in selection.rows.head(_SHOWN).iter_rows(named=True):
        more = (row["suggestion"] or "", _share(row["confidence"]), Text(row["why"], GREY))
        _add(table, _cut(row["title"]), *(() if blind else more))
    parts: list[RenderableType] = [head, Padding(table, (1, 0, 1, 2)), *_notes(selection.notes)]
    parts += [Text.assemble(("✓ ", "green"), (str(file), "bold")) for file in files]
    return Group(*parts)


def import_report(report: ImportReport) -> RenderableType:
    """Where each row went, what was refused, conflicts, and what was written."""
    parts: list[RenderableType] = []
    for sheet in report.sheets:
        sums = Text.assemble(
            (sheet.file, "bold"),
            f"  {counted(sheet.rows, 'row', 'rows')} = ",
            (f"{sheet.new:,} new", "green"),
            f" + {sheet.changed:,} changed + {sheet.unchanged:,} there already + {sheet.empty:,} without a label + ",
            (f"{sheet.refused:,} refused", "yellow" if sheet.refused else ""),
        )
        parts.append(sums)
        if sheet.refused_file:
            parts.append(Padding(Text(f"refused rows, to be corrected: {sheet.refused_file}", "yellow"), (0, 0, 0, 2)))
    parts += [Padding(Text.assemble(("! ", "yellow"), str(refusal)), (0, 0, 0, 2)) for refusal in report.refused]
    if report.conflicts:
        table = _table("item", "labels and their votes")
        for row in report.conflicts:
            _add(table, row["item_id"], row["labels"])
        n = len(report.conflicts)
        kept = plural(n, "this item keeps what it", "these items keep what they")
        title = Text(f"{counted(n, 'conflict', 'conflicts')}; {kept} had", "yellow")
        parts += ["", title, Padding(table, (0, 0, 0, 2))]
    if report.new_labels:
        parts.append(Text.assemble(("! ", "yellow"), f"Labels that are new: {', '.join(report.new_labels)}"))
    parts += _notes(report.notes)
    waiting = f", {counted(report.waiting, 'waits', 'wait')} for more votes" if report.waiting else ""
    agreed = counted(report.agreed, "agreed label", "agreed labels")
    what = f" holds {agreed} of these items{waiting}; {counted(report.written, 'was', 'were')} written now"
    over = f", {report.overwritten:,} of them over another label" if report.overwritten else ""
    state = "" if report.changed else " (nothing changed)"
    parts += ["", Text.assemble(("✓ ", "green"), (report.shop, "bold"), f"{what}{over}.{state}")]
    return Group(*parts)


def agreement_report(found: Agreement) -> RenderableType:
    """Alpha and raw agreement, pairs, classes by their number, confusions."""
    who = ", ".join(f"{name} ({count:,})" for name, count in found.annotations.items())
    parts: list[RenderableType] = [
        Text.assemble((found.target, "bold"), f"  {counted(found.items, 'item', 'items')} labelled by {who}"),
    ]
    if not found.shared or found.agreement is None:
        parts.append(Text("No item was labelled by two people, so there is no agreement to measure.", "yellow"))
        return Group(*parts)
    raw = (
        f"{counted(found.shared, 'item has', 'items have')} two labels or more: {found.agreement:.1%} of pairs agree, "
        f"{found.unanimous:.1%} "
    )
    parts.append(Text(raw + "of items have one label only"))
    if found.alpha is None:
        parts.append(Text("Only one label was given, so agreement beyond chance cannot be measured.", "yellow"))
    else:
        interval = f" [{found.alpha_low:.3f}, {found.alpha_high:.3f}]" if found.alpha_low is not None else ""
        meaning = " (1 is the best, 0 is chance; below .67 labels should not be built upon)"
        parts.append(
            Text.assemble("Krippendorff's alpha ", (f"{found.alpha:.3f}", "bold cyan"), interval, (meaning, GREY))
        )
    pairs = _table("", "", "items", "agree", "Cohen's kappa")
    for pair in found.pairs:
        kappa = "–" if pair.kappa is None else f"{pair.kappa:.3f}"
        _add(pairs, pair.first, pair.second, f"{pair.items:,}", f"{pair.agreement:.1%}", kappa)
    parts += ["", Padding(pairs, (0, 0, 0, 2))]
    worst = sorted(found.classes, key=lambda c: (c.agreement, -c.given, c.label))[:_SHOWN]
    classes = _table("least agreed on", "given", "agree")
    for c in worst:
        _add(classes, c.label, f"{c.given:,}", f"{c.agreement:.1%}")
    parts += ["", Padding(classes, (0, 0, 0, 2))]
    if found.confusions:
        confusions = _table("given to the same items", "", "items")
        for pair_of in found.confusions[:_SHOWN]:
            _add(confusions, pair_of.first, pair_of.second, f"{pair_of.items:,}")
        parts += ["", Padding(confusions, (0, 0, 0, 2))]
    return Group(*parts)


def suspects_report(found: Suspects, shown: int, file: Path | None) -> RenderableType:
    """The most suspect labels, and the classes with most of them."""
    share = found.rows.height / found.judged
    head = Text.assemble(
        (counted(found.rows.height, "label", "labels"), "bold"),
        f" of {found.judged:,} judged {plural(found.rows.height, 'is', 'are')} suspect ({share:.1%}).",
    )
    table = _table("title", "label", "", "rather", "")
    for row in found.rows.head(shown).iter_rows(named=True):
        likely = Text(row["suggestion"], "cyan")
        _add(
            table, _cut(row["title"]), row["label"], _share(row["label_confidence"]), likely, _share(row["confidence"])
        )
    parts: list[RenderableType] = [head, *([Padding(table, (1, 0, 1, 2))] if found.rows.height else [])]
    counts = found.classes.filter(found.classes["suspected"] > 0).sort("suspected", "label", descending=[True, False])
    if counts.height:
        classes = _table("class", "labels", "suspect", "threshold")
        for row in counts.head(_SHOWN).iter_rows(named=True):
            _add(classes, row["label"], f"{row['labels']:,}", f"{row['suspected']:,}", f"{row['threshold']:.2f}")
        parts.append(Padding(classes, (0, 0, 1, 2)))
    if found.not_judged:
        n = found.not_judged
        note = f"{counted(n, 'label is', 'labels are')} not judged: {plural(n, 'its', 'their')} class has too few "
        note += "different titles."
        parts += _notes([note])
    if found.settled:
        whose = plural(found.settled, "its", "their")
        parts += _notes([f"{found.settled:,} more would be suspect, but enough annotators gave {whose} label."])
    if file is not None:
        parts.append(Text.assemble(("✓ ", "green"), (str(file), "bold"), "  a sheet to label these rows anew"))
    return Group(*parts)


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, show_header=any(columns), header_style=GREY)
    for name in columns:
        numeric = name in ("", "items", "given", "agree", "labels", "suspect", "threshold", "Cohen's kappa")
        table.add_column(Text(name), justify="right" if numeric and name else "left", overflow="fold")
    return table


def _add(table: Table, *cells: str | Text) -> None:
    """Add a row as it is: what stands in brackets in a label is no markup."""
    table.add_row(*(cell if isinstance(cell, Text) else Text(cell) for cell in cells))


def _notes(notes: Sequence[str]) -> list[RenderableType]:
    return [Text.assemble(("! ", "yellow"), note) for note in notes]


def _share(value: float | None) -> str:
    return "" if value is None else f"{value:.0%}"


def _cut(text: str) -> Text:
    shown = Text(" ".join(text.split()))
    shown.truncate(_TITLE, overflow="ellipsis")
    return shown
