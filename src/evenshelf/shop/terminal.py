"""Reports of this package for the terminal, as rich renderables."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from rich.cells import cell_len, set_cell_size
from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from evenshelf.plurals import counted, plural
from evenshelf.shop.cleaning.rules import WARNINGS
from evenshelf.shop.ingesting.reasons import reason_text
from evenshelf.shop.profiling.advice import advice
from evenshelf.shop.profiling.imbalance import BUCKETS, FEW_SHOT

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from rich.console import RenderableType

    from evenshelf.shop.ingesting.accounts import IngestReport, SourceReport
    from evenshelf.shop.profiling.chance import Artefact
    from evenshelf.shop.profiling.imbalance import Imbalance
    from evenshelf.shop.profiling.log_profile import LogProfile, Spread
    from evenshelf.shop.profiling.profile import Profile

COLOURS = {"head": "cyan", "torso": "blue", "tail": "magenta", "cold": "bright_black"}
_STATUS = {"new": "read", "again": "read again, its settings changed", "unchanged": "already there, unchanged"}
_ASIDE = ("quarantine", "restored")
_ONE = {name: name[:-1] for name in ("items", "events", "judgements", "prices", "users")} | {"queries": "query"}
_BLOCKS = "▁▂▃▄▅▆▇█"
_BAR = 10
_LONGEST_NAME = 56


def ingest_report(report: IngestReport) -> RenderableType:
    """Return what an ingest did: per source where each row went, then what is worth a look."""
    parts: list[RenderableType] = []
    for source in report.sources:
        parts += [_source(source), ""]
    if report.warnings:
        parts += [_counts("Worth a look, in the whole shop", report.warnings, WARNINGS, "yellow"), ""]
    state = "holds" if report.changed else "is unchanged and holds"
    held = [
        counted(rows, _ONE.get(name, name), name) for name, rows in report.tables.items() if rows and name not in _ASIDE
    ]
    listed = ", ".join(held) or f"no {report.table}"
    parts.append(Text.assemble(("✓ ", "green"), (report.shop, "bold"), f" {state} {listed}."))
    if any(source.quarantined for source in report.sources):
        parts.append(Text(f"  Look at refused rows with: evenshelf shop quarantine {report.shop}", "bright_black"))
    return Group(*parts)


def _source(source: SourceReport) -> RenderableType:
    head = Text.assemble((source.name, "bold"), (f"  {_STATUS[source.status]}", "bright_black"))
    refused = sum(source.quarantined.values())
    sums = Text.assemble(
        f"{counted(source.rows_in, 'row', 'rows')} in = ",
        (f"{source.rows_kept - source.rows_known:,} kept", "green"),
        " + ",
        *((f"{source.rows_known:,} known already", "green"), " + ") * bool(source.rows_known),
        (f"{refused:,} in quarantine", "yellow" if refused else ""),
    )
    extra = []
    if source.items_derived:
        extra.append(f"{counted(source.items_derived, 'item', 'items')} made from titles")
    if source.members > 1:
        extra.append(f"{source.members:,} files")
    if source.blank_lines:
        extra.append(f"{counted(source.blank_lines, 'blank line', 'blank lines')} not counted")
    extra += [f"{count:,} repaired: {name}" for name, count in source.fixed.items()]
    if extra:
        sums.append("  (" + ", ".join(extra) + ")", "bright_black")
    parts: list[RenderableType] = [head, Padding(sums, (0, 0, 0, 2))]
    if source.quarantined:
        texts = {name: reason_text(name) for name in source.quarantined}
        parts.append(Padding(_counts(None, source.quarantined, texts, "yellow"), (0, 0, 0, 4)))
    if source.mapping:
        roles = _grid()
        for role, (column, why) in source.mapping.items():
            roles.add_row(Text(role, "cyan"), Text("← " + column), Text(why, "bright_black"))
        parts += [Padding(Text("Columns"), (0, 0, 0, 2)), Padding(roles, (0, 0, 0, 4))]
    left_out = [f"left out {name}: {why}" for name, why in source.skipped.items() if why != "hidden"]
    for note in [*source.notes, *left_out]:
        parts.append(Padding(Text.assemble(("! ", "yellow"), note), (0, 0, 0, 2)))
    return Group(*parts)


def profile_report(profile: Profile) -> RenderableType:
    """Return a profile: rows, titles, imbalance, columns, and what follows from them."""
    refused = sum(profile.quarantine.values())
    parts: list[RenderableType] = [
        Text.assemble((profile.shop, "bold"), (f"  {counted(profile.rows, 'item', 'items')}", "")),
        "",
    ]
    if refused:
        texts = {name: reason_text(name) for name in profile.quarantine}
        title = f"In quarantine: {refused:,} of {counted(profile.rows_in, 'row', 'rows')} read"
        parts += [_counts(title, profile.quarantine, texts, "yellow"), ""]
    of_events = profile.log.warnings if profile.log is not None else {}
    warnings = {name: count for name, count in profile.warnings.items() if name not in of_events}
    if warnings:
        parts += [_counts("Worth a look", warnings, WARNINGS, "yellow"), ""]
    parts += [_titles(profile), ""]
    if profile.target is not None and profile.imbalance is not None:
        parts += [_imbalance(profile.target, profile.imbalance), ""]
    parts += [_columns(profile), "", artefact_report(profile.artefacts)]
    found = advice(profile)
    if found:
        parts.append(Text("What follows", "bold"))
        parts += [Padding(Text.assemble(("→ ", "green"), line), (0, 0, 0, 2)) for line in found]
    if profile.log is not None:
        parts += ["", log_report(profile.log)]
    return Group(*parts)


def log_report(log: LogProfile) -> RenderableType:
    """Return the profile of a log: what happened, how uneven the items are, what makes evaluations lie."""
    refused = sum(log.quarantine.values())
    span = "without times" if log.first is None or log.last is None else f"{log.first[:10]} to {log.last[:10]}"
    head = Text.assemble((log.shop, "bold"), (f"  {counted(log.rows, 'event', 'events')}, {span}", ""))
    parts: list[RenderableType] = [head, ""]
    if refused:
        texts = {name: reason_text(name) for name in log.quarantine}
        title = f"In quarantine: {refused:,} of {counted(log.rows_in, 'row', 'rows')} read"
        parts += [_counts(title, log.quarantine, texts, "yellow"), ""]
    if log.warnings:
        parts += [_counts("Worth a look", log.warnings, WARNINGS, "yellow"), ""]
    parts += [_events(log), ""]
    parts += [_imbalance("items by their events", log.imbalance, "items", "events", name=log.name), ""]
    return Group(*parts, artefact_report(log.artefacts))


def _events(log: LogProfile) -> RenderableType:
    grid = _grid()
    grid.add_row("kinds", ", ".join(f"{count:,} {kind}" for kind, count in log.kinds.items()))
    without = f"; {log.without_user / log.rows:.1%} of the events have none" if log.without_user else ""
    grid.add_row("users", f"{log.users:,}{_spread(log.per_user)}{without}")
    if log.sessions:
        grid.add_row("sessions", f"{log.sessions:,}{_spread(log.per_session)}")
    if log.catalogue:
        of_unknown = counted(log.of_unknown_items, "event is", "events are")
        unknown = f"; {of_unknown} of items it does not have" if log.unknown_items else ""
        have = plural(log.silent_items, "has", "have")
        grid.add_row("items", f"{log.silent_items:,} of the shop's {log.catalogue:,} {have} no event{unknown}")
    else:
        grid.add_row("items", f"{log.items:,}, known by their ids alone: the shop has no items")
    if log.pieces_returned:
        grid.add_row("returns", f"{log.pieces_returned:.1%} of the pieces bought came back")
    if log.unit is not None and len(log.periods) > 1:
        totals = [sum(period.kinds.values()) for period in log.periods]
        busiest = int(np.argmax(totals))
        line = Text(_sparks(totals), "cyan")
        line.append(
            f"\nevents by {log.unit}, at most {totals[busiest]:,} ({log.periods[busiest].start})", "bright_black"
        )
        grid.add_row("when", line)
    tops = ", ".join(f"the top {top.items_share:.0%} hold {top.events_share:.0%}" for top in log.tops())
    if tops:
        grid.add_row("spread", f"of the items, {tops} of the events")
    return Group(Text("Events", "bold"), Padding(grid, (0, 0, 0, 2)))


def _spread(spread: Spread | None) -> str:
    if spread is None:
        return ""
    return f"; {spread.median:,g} events each in the median, the busiest {spread.most:,}"


def _sparks(values: Sequence[int]) -> str:
    """Return values as a line of blocks; heights are in proportion, and 0 is a blank."""
    top = max(*values, 1)
    return "".join(_BLOCKS[-(-value * len(_BLOCKS) // top) - 1] if value else " " for value in values)


def artefact_report(artefacts: Sequence[Artefact]) -> RenderableType:
    """Return what makes evaluations lie; nothing if nothing was found."""
    if not artefacts:
        return Group()
    grid = _grid()
    for artefact in artefacts:
        colour = "yellow" if artefact.severity == "warning" else "bright_black"
        grid.add_row(
            Text(f"{artefact.figure:.2f}", colour, justify="right"),
            Text(f"by chance {artefact.expected:.2f}", "bright_black"),
            Text.assemble((artefact.name, "bold"), f"  {artefact.meaning}. ", (artefact.advice, "bright_black")),
        )
    return Group(Text("What makes evaluations lie", "bold"), Padding(grid, (0, 0, 0, 2)), "")


def _titles(profile: Profile) -> RenderableType:
    grid = _grid()
    scripts = ", ".join(f"{name} {share:.1%}" for name, share in _by_share(profile.scripts) if share >= 0.001)
    rare = [name for name, share in profile.scripts.items() if share < 0.001]
    if rare:
        scripts += f" (and a few {', '.join(rare)})"
    length = profile.title_length
    size, first = profile.largest_group
    grid.add_row("scripts", Text(f"{scripts}; more than one: {profile.mixed_scripts:.1%}"))
    grid.add_row(
        "length",
        f"median {length['median']:.0f} characters, 90 % between {length['p05']:.0f} and {length['p95']:.0f}",
    )
    grid.add_row("repeats", f"{profile.exact_repeats:.1%} exact, {profile.near_repeats:.1%} with near repeats")
    if size > 1:
        grid.add_row("most alike", Text(f"{size:,} × {_short(first)}"))
    if profile.label_in_title is not None:
        grid.add_row("label in title", f"{profile.label_in_title:.1%} hold the whole {profile.target}")
    return Group(Text("Titles", "bold"), Padding(grid, (0, 0, 0, 2)))


def _by_share(shares: dict[str, float]) -> list[tuple[str, float]]:
    return sorted(shares.items(), key=lambda pair: -pair[1])


def _imbalance(
    target: str, imbalance: Imbalance, one: str = "groups", many: str = "examples", name: Callable[[str], str] = str
) -> RenderableType:
    """Return how `many` of something spread over `one` sort of groups, which readers call by `name`."""
    counts = imbalance.counts
    total, groups = max(1, int(counts.sum())), max(1, len(imbalance.groups))
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bright_black")
    table.add_column("")
    for column in (one, many, "sizes"):
        table.add_column(column, justify="right", no_wrap=True)
    table.add_column(f"of {one}", no_wrap=True)
    table.add_column(f"of {many}", no_wrap=True)
    for bucket in BUCKETS:
        inside = imbalance.bucket == bucket
        if not inside.any():
            continue
        n, size, colour = int(inside.sum()), int(counts[inside].sum()), COLOURS[bucket]
        table.add_row(
            Text(bucket, colour),
            f"{n:,}",
            f"{size:,}",
            _span(int(counts[inside].min()), int(counts[inside].max())),
            Text(_bar(n / groups), "bright_black"),
            Text(_bar(size / total), colour),
        )
    names = _grid()
    shown = 5 if len(imbalance.groups) > 10 else len(imbalance.groups)
    rows = list(range(shown))
    rows += list(range(max(shown, len(imbalance.groups) - 5), len(imbalance.groups)))
    for previous, index in zip([-1, *rows], rows, strict=False):
        if index != previous + 1:
            names.add_row("…", "", "")
        names.add_row(
            Text(f"{counts[index]:,}", justify="right"),
            Text(_short(name(imbalance.groups[index])), COLOURS[str(imbalance.bucket[index])]),
            "",
        )
    facts = (
        f"largest : smallest {imbalance.ratio:,.0f} : 1; Gini {imbalance.gini:.2f}; "
        f"as diverse as {imbalance.effective_groups:,.1f} equal {one}; "
        f"{imbalance.few_shot:,} with fewer than {FEW_SHOT} {many}"
    )
    return Group(
        Text.assemble((f"Imbalance of {target}", "bold"), f"  {len(imbalance.groups):,} {one}"),
        Padding(
            Group(
                _curve(imbalance),
                Text("frequency by rank, logarithmic", "bright_black"),
                "",
                table,
                "",
                Text(facts),
                "",
                names,
            ),
            (0, 0, 0, 2),
        ),
    )


def _curve(imbalance: Imbalance, width: int = 64) -> Text:
    """Return group sizes by rank as a line of blocks, coloured by bucket; heights are logarithmic."""
    text = Text()
    size = len(imbalance.groups)
    top = np.log1p(float(imbalance.counts.max(initial=1)))
    for rank in np.linspace(0, size - 1, min(width, size)).round().astype(int):
        height = np.log1p(float(imbalance.counts[rank])) / top
        text.append(_BLOCKS[min(int(height * len(_BLOCKS)), len(_BLOCKS) - 1)], COLOURS[str(imbalance.bucket[rank])])
    return text


def _columns(profile: Profile) -> RenderableType:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bright_black")
    table.add_column("column")
    for name in ("filled", "distinct", "max : min", "Gini", "head groups"):
        table.add_column(name, justify="right")
    measured = profile.imbalances
    for column in profile.columns:
        short = measured.get(column.name)
        cells = ["", "", ""]
        if short is not None:
            ratio = short["ratio"]
            head = short["buckets"]["head"]["groups"]
            cells = [f"{ratio:,.0f} : 1", f"{short['gini']:.2f}", f"{head:,}"]
        table.add_row(Text(_short(column.name)), f"{column.filled:.1%}", f"{column.distinct:,}", *cells)
    return Group(Text("Columns", "bold"), Padding(table, (0, 0, 0, 2)))


def _counts(title: str | None, counts: dict[str, int], texts: dict[str, str], colour: str) -> RenderableType:
    grid = _grid()
    for name, count in sorted(counts.items(), key=lambda pair: -pair[1]):
        grid.add_row(Text(f"{count:,}", colour, justify="right"), name, Text(texts.get(name, ""), "bright_black"))
    return grid if title is None else Group(Text(title, "bold"), Padding(grid, (0, 0, 0, 2)))


def _grid() -> Table:
    return Table(box=None, show_header=False, padding=(0, 2, 0, 0))


def _span(low: int, high: int) -> str:
    return f"{low:,}" if low == high else f"{low:,} - {high:,}"


def _bar(share: float) -> str:
    eighths = round(share * _BAR * 8)
    full, rest = divmod(eighths, 8)
    bar = "█" * full + ("▏▎▍▌▋▊▉"[rest - 1] if rest else "")
    return f"{share:>6.1%} {bar:<{_BAR}}"


def _short(text: str) -> str:
    line = " ".join(text.split())
    return line if cell_len(line) <= _LONGEST_NAME else set_cell_size(line, _LONGEST_NAME - 1).rstrip() + "…"
