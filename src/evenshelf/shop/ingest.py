"""Files into a shop: read, map columns, apply rules, commit - and account for every row."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import polars as pl

from evenshelf.errors import InputError
from evenshelf.shop import rules
from evenshelf.shop.archives import members, sha256_of
from evenshelf.shop.mapping import resolve
from evenshelf.shop.read import read_records
from evenshelf.shop.rows import ITEM_ORDER, RAW, items_from, unify
from evenshelf.shop.schema import empty
from evenshelf.shop.store import MANIFEST, Shop, SourceEntry

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from evenshelf.shop.records import Records

    Progress = Callable[[str, int, int | None], None]
    """Called with what is being done, how much is done, and how much there is to do (None: unknown)."""


@dataclass
class SourceReport:
    """What became of one source.

    Attributes
    ----------
    status
        ``"new"``, ``"again"`` (read again, because the settings changed) or ``"unchanged"`` (nothing was done).
    rows_in
        Records found, without blank lines. Always ``rows_kept`` plus the sum of ``quarantined``.
    quarantined
        Rows refused, by reason.
    fixed
        Rows repaired on request, by rule; they are among ``rows_kept`` unless another rule refused them.
    mapping
        Source column by role, and why, as ``{"title": ("productDisplayName", "by its name")}``.
    skipped
        Members left out of archives and folders, with the reason.
    notes
        What to look at.
    """

    name: str
    sha256: str
    status: str
    rows_in: int = 0
    rows_kept: int = 0
    blank_lines: int = 0
    literal_quotes: int = 0
    members: int = 0
    quarantined: dict[str, int] = field(default_factory=dict)
    fixed: dict[str, int] = field(default_factory=dict)
    mapping: dict[str, tuple[str, str]] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


@dataclass
class IngestReport:
    """What an ingest did.

    Attributes
    ----------
    sources
        One report for each source given, in that order.
    rows
        Items in the shop afterwards.
    warnings
        Rows of the whole shop that are worth a look, by name; see :data:`evenshelf.shop.rules.WARNINGS`.
    changed
        Whether the shop is another one now.
    """

    shop: str
    sources: list[SourceReport]
    rows: int
    warnings: dict[str, int]
    changed: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the report, ready for JSON."""
        return asdict(self)


def ingest(
    shop_path: str | Path,
    sources: Sequence[str | Path],
    *,
    mapping: Mapping[str, str] | None = None,
    columns: Sequence[str] | None = None,
    delimiter: str | None = None,
    header: bool | None = None,
    encoding: str = "utf-8",
    off: Collection[str] = (),
    fix: Collection[str] = (),
    exclude: Sequence[str] = (),
    progress: Progress | None = None,
) -> IngestReport:
    """Add files of items to a shop; make the shop if there is none.

    Each record of each source ends up in the items or in the quarantine, with its reason. A source that is in the
    shop already (same bytes, same settings) is not read again; with other settings its rows are replaced. Either
    all sources are added or, on any error, none.

    Parameters
    ----------
    shop_path
        Folder of the shop.
    sources
        Files (CSV, TSV, JSON lines, JSON, Parquet), archives of them (.gz, .zip, .tar.*) or folders.
    mapping
        Source column by role (``{"title": "productDisplayName"}``); what is not given is found by name.
    columns, delimiter, header, encoding
        How to read delimited files; see :func:`evenshelf.shop.read.read_records`.
    off
        Names of rules not to apply.
    fix
        Names of rules whose rows are repaired instead of refused (``swapped_columns``).
    exclude
        Glob patterns of members of archives and folders to leave out.
    progress
        Told about the work as it goes on.

    Raises
    ------
    InputError
        If a source cannot be read.
    SettingError
        If columns, mapping or rules do not fit.
    """
    rules.check_names(off, "off")
    rules.check_names(fix, "fix")
    settings = {
        "mapping": dict(sorted((mapping or {}).items())),
        "columns": columns and list(columns),
        "delimiter": delimiter,
        "header": header,
        "encoding": encoding,
        "off": sorted(set(off)),
        "fix": sorted(set(fix)),
        "exclude": sorted(set(exclude)),
    }
    stamp = hashlib.sha256(json.dumps(settings, sort_keys=True).encode()).hexdigest()[:16]
    shop_path = Path(shop_path)
    shop = Shop.open(shop_path) if (shop_path / MANIFEST).exists() else None
    entries = {entry.sha256: entry for entry in shop.manifest.sources} if shop else {}
    items = shop.items() if shop else empty("items")
    refused = shop.quarantine() if shop else empty("quarantine")
    reports: list[SourceReport] = []
    changed = False
    for source in map(Path, sources):
        if not source.exists():
            next(members(source))  # raises, with close spellings
        digest, size = sha256_of(source)
        known = entries.get(digest)
        if known is not None and known.settings == stamp:
            reports.append(_unchanged(known))
            continue
        report = SourceReport(source.name, digest, "new" if known is None else "again")
        if known is not None:
            items = items.filter(pl.col("source_id").ne_missing(digest[:12]))
            refused = refused.filter(pl.col("source_id") != digest[:12])
        reader = _Reader(report, mapping or {}, exclude, progress)
        frame, out = reader.read(source, columns=columns, delimiter=delimiter, header=header, encoding=encoding)
        frame, found = _apply_rules(frame, items, report, set(off), set(fix))
        report.rows_kept = frame.height
        report.quarantined = dict(Counter(out["reason"].to_list() + found["reason"].to_list()).most_common())
        if report.rows_in != report.rows_kept + sum(report.quarantined.values()):
            raise RuntimeError(f"{source}: {report.rows_in} rows came in, but not all are accounted for")
        items = unify([items, frame])
        refused = pl.concat([refused, out, found])
        entries[digest] = SourceEntry(
            name=source.name,
            sha256=digest,
            bytes=size,
            settings=stamp,
            rows_in=report.rows_in,
            rows_kept=report.rows_kept,
            blank_lines=report.blank_lines,
            quarantined=report.quarantined,
            fixed=report.fixed,
            literal_quotes=report.literal_quotes,
            mapping={role: column for role, (column, _) in report.mapping.items()},
        )
        reports.append(report)
        changed = True
    if changed or shop is None:
        if progress is not None:
            progress("writing the shop", 0, None)
        shop, warnings = _commit(shop or Shop.create(shop_path), items, refused, list(entries.values()))
    else:
        warnings = shop.manifest.warnings
    return IngestReport(str(shop_path), reports, shop.manifest.tables["items"].rows, warnings, changed)


def _commit(
    shop: Shop, items: pl.DataFrame, refused: pl.DataFrame, entries: list[SourceEntry]
) -> tuple[Shop, dict[str, int]]:
    items = items.with_columns(minority_label=rules.minority_labels(items))
    order = [name for name in ITEM_ORDER if name in items.columns]
    items = items.select(*order, pl.exclude(order))
    warnings = rules.count_warnings(items)
    literal = sum(entry.literal_quotes for entry in entries)
    if literal:
        warnings["literal_quotes"] = literal
    shop.commit(
        {"items": items, "quarantine": refused},
        sources=entries,
        quarantine=dict(Counter(refused["reason"].to_list()).most_common()),
        warnings=warnings,
    )
    return shop, warnings


def _unchanged(entry: SourceEntry) -> SourceReport:
    return SourceReport(
        entry.name,
        entry.sha256,
        "unchanged",
        rows_in=entry.rows_in,
        rows_kept=entry.rows_kept,
        blank_lines=entry.blank_lines,
        literal_quotes=entry.literal_quotes,
        quarantined=entry.quarantined,
        fixed=entry.fixed,
        mapping={role: (column, "as before") for role, column in entry.mapping.items()},
    )


@dataclass
class _Reader:
    """Reads all members of one source into one frame and one quarantine."""

    report: SourceReport
    mapping: Mapping[str, str]
    exclude: Sequence[str]
    progress: Progress | None

    def read(self, source: Path, **how: Any) -> tuple[pl.DataFrame, pl.DataFrame]:
        frames: list[pl.DataFrame] = []
        refused: list[dict[str, object]] = []
        seen: Counter[str] = Counter()
        report = self.report
        for member in members(source, self.exclude):
            if member.data is None:
                report.skipped[member.name] = member.skipped or ""
                continue
            if self.progress is not None:
                self.progress(f"reading {source.name}", report.members, None)
            records = read_records(member.name, member.data, **how)
            report.members += 1
            report.rows_in += records.rows_in
            report.blank_lines += records.blank
            report.literal_quotes += records.literal_quotes
            refused += [
                {
                    "source_id": report.sha256[:12],
                    "source_file": member.name,
                    "source_line": bad.line,
                    "reason": bad.reason,
                    "detail": bad.detail,
                    "raw": bad.raw,
                }
                for bad in records.rejected
            ]
            self._note(member.name, records)
            if records.frame.height:
                place = source.name if member.name in source.name else f"{source.name}: {member.name}"
                roles = resolve(records.frame.columns, self.mapping, file=place)
                report.mapping |= {role: (col, roles.why[role]) for role, col in roles.roles.items()}
                report.notes += [note for note in roles.notes if note not in report.notes]
                frames.append(items_from(records, roles.roles, member.name, report.sha256[:12], seen))
        if report.members == 0:
            raise InputError(
                f"{source} holds no file of rows"
                + "".join(f"; {name}: {why}" for name, why in list(report.skipped.items())[:5])
            )
        if frames and "item_id" not in report.mapping:
            report.notes.append("no column holds an item_id: ids are derived from the content of each row")
        quarantine = pl.DataFrame(refused, schema=empty("quarantine").schema)
        return unify(frames) if frames else items_from(None, {}, "", "", seen), quarantine

    def _note(self, name: str, records: Records) -> None:
        if records.rejected and not records.frame.height:
            self.report.notes.append(
                f"no line of {name} is a row ({records.rejected[0].detail}): look at it, or leave it out "
                f"with --exclude {name}"
            )
        undecodable = sum(bad.reason == "undecodable" for bad in records.rejected)
        if 2 * undecodable > records.rows_in:
            self.report.notes.append(f"most lines of {name} cannot be decoded: try --encoding gb18030")


def _apply_rules(
    frame: pl.DataFrame, items: pl.DataFrame, report: SourceReport, off: set[str], fix: set[str]
) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Return the rows kept and the rows refused, in the schema of the items and of the quarantine."""
    refused: list[pl.DataFrame] = []
    for rule in rules.RULES:
        if rule.name in off:
            continue
        hits = rule.find(frame)
        if rule.name == "duplicate_item_id":
            hits = hits | frame["item_id"].is_in(items["item_id"].implode())
        count = int(hits.sum())
        if not count:
            continue
        if rule.name in fix and rule.repair is not None:
            frame = rule.repair(frame, hits)
            report.fixed[rule.name] = count
            continue
        refused.append(
            frame.filter(hits).select(
                "source_id",
                "source_file",
                "source_line",
                reason=pl.lit(rule.name),
                detail=pl.lit(rule.reason),
                raw=RAW,
            )
        )
        frame = frame.filter(~hits)
    if "duplicate_item_id" in off:
        frame = frame.with_columns(item_id=_made_unique(frame["item_id"], set(items["item_id"].to_list())))
    frame = frame.with_columns(pl.col("title").fill_null("")).drop(RAW, rules.BREADCRUMB, rules.CODE, strict=False)
    return frame, pl.concat([empty("quarantine"), *refused])


def _made_unique(ids: pl.Series, taken: set[str]) -> pl.Series:
    out: list[str] = []
    for item_id in ids.to_list():
        name, again = item_id, 2
        while name in taken:
            name, again = f"{item_id}#{again}", again + 1
        taken.add(name)
        out.append(name)
    return pl.Series("item_id", out, dtype=pl.String)
