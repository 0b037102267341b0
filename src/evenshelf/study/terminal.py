"""A verdict for the terminal, as rich renderables: the sentence, the reasons, every remedy in a table."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from rich.console import Group
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from evenshelf.plurals import counted, plural
from evenshelf.study.advising import advise
from evenshelf.study.evidence_wording import calibration_sentence, curve_sentences, front_sentence, seed_sentences
from evenshelf.study.exposure import ListFairness
from evenshelf.study.exposure_wording import short_exposure_sentences
from evenshelf.study.fairness_wording import short_sentences
from evenshelf.study.list_wording import drawn_anew
from evenshelf.study.order_wording import alarms
from evenshelf.study.search_fairness import SearchFairness
from evenshelf.study.search_fairness_wording import short_search_sentences
from evenshelf.study.search_wording import alarms as alarms_of_clicks
from evenshelf.study.search_wording import frequency_sentence
from evenshelf.study.sets import how_answered, set_table
from evenshelf.study.wording import (
    lowered,
    only_trained_on,
    read_off,
    rivals,
    seconds,
    signed,
    unguarded,
    value,
)
from evenshelf.tasks.nouns import nouns_of

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console, ConsoleOptions, RenderableType

    from evenshelf.study.comparison import Comparison
    from evenshelf.study.fairness import Found
    from evenshelf.study.results import StudyResult
    from evenshelf.study.verdict import Verdict
    from evenshelf.tasks.nouns import Nouns

WIDE = 96
"""From so many columns on, the head, the value at defaults and the time are shown as well."""
INDENT = 2
WORDS = "words"
"""What the spec of the baseline without a language model starts with."""
GREY = "bright_black"

MARKS: dict[str, tuple[str, str, str]] = {
    "recommended": ("★", "bold green", "recommended"),
    "yardstick": ("◇", "cyan", "yardstick, not a remedy"),
    "tie": ("≈", "green", "cannot be told apart from the recommended one"),
    "better": ("+", "green", "better than nothing"),
    "same": (" ", "", ""),
    "worse": ("−", "red", "worse than nothing"),
    "equivalent": ("=", GREY, "practically the same as nothing"),
    "refused": ("!", "yellow", "better on the whole, but loses more of the head than the guardrail allows"),
    "unguarded": ("?", "yellow", "better on the whole, but what it takes from the head could not be evaluated"),
    "baseline": ("·", "cyan", "does nothing: what all are measured against"),
}
"""How a remedy stands: its sign, colour and meaning."""


def standing(verdict: Verdict, comparison: Comparison) -> str:
    """Key of :data:`MARKS` for a remedy."""
    if comparison.spec == verdict.baseline:
        return "baseline"
    if comparison.reference:
        return "yardstick"
    if comparison.recommended:
        return "recommended"
    if comparison.spec in {tie.spec for tie in verdict.ties}:
        return "tie"
    if comparison.significant and verdict.informative and not comparison.slight:
        if unguarded(comparison):
            return "unguarded"
        return "better" if comparison.guardrail_ok else "refused"
    if comparison.equivalent:
        return "equivalent"
    return "worse" if comparison.worse else "same"


@dataclass(frozen=True)
class StudyReport:
    """What the terminal shows of a study.

    Parameters
    ----------
    result, verdict
        The study and what was decided.
    folder
        Where it is kept, or ``None`` for one that is kept nowhere.
    report
        Its HTML file.
    fair
        Who gains and who loses, where it is known.
    """

    result: StudyResult
    verdict: Verdict
    folder: Path | None = None
    report: Path | None = None
    fair: Found | None = None

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        verdict = self.verdict
        won = verdict.recommended is not None
        yield Text.assemble(
            ("✓ " if won else "○ ", "green" if won else "yellow"),
            (verdict.headline, "bold green" if won else "bold yellow"),
        )
        for reason in verdict.reasons:
            yield Padding.indent(hanging("• ", Text(reason)), INDENT)
        yield ""
        yield comparison_table(verdict, wide=options.max_width >= WIDE)
        yield ""
        yield Padding.indent(legend(verdict, wide=options.max_width >= WIDE), INDENT)
        sets = set_table(self.result, verdict, wide=options.max_width >= WIDE)
        if sets is not None:
            yield ""
            yield sets
        if len(self.result.meta.get("baselines", ())) > 1:
            yield ""
            yield Text("Baselines", "bold")
            yield Padding.indent(baseline_table(self.result, verdict), INDENT)
        notes = list(study_notes(self.result, verdict, self.fair))
        if self.folder is not None and any(standing(verdict, c) == "refused" for c in verdict.comparisons):
            again = f"evenshelf report {self.folder} --guardrail 0.05"
            notes.append(Text.assemble("A head that may lose more is decided anew, at once, with: ", (again, "cyan")))
        brief = advise(self.result, verdict).brief
        if brief:
            yield ""
            yield Text("What suits these data", "bold")
        for sentence in brief:
            yield Padding.indent(hanging("→ ", Text(sentence)), INDENT)
        if notes:
            yield ""
            yield Text("Good to know", "bold")
            yield from (Padding.indent(hanging("→ ", note), INDENT) for note in notes)
        if self.folder is not None or self.report is not None:
            yield ""
        if self.report is not None:
            yield Text.assemble(("Report  ", "bold"), (str(self.report), "cyan"), overflow="fold")
        if self.folder is not None:
            yield Text.assemble(("Numbers ", "bold"), (str(self.folder), GREY), overflow="fold")


def hanging(sign: str, text: Text) -> RenderableType:
    """A paragraph whose lines all start behind its sign."""
    grid = Table.grid(padding=0)
    grid.add_column(no_wrap=True)
    grid.add_column()
    grid.add_row(Text(sign, "green"), text)
    return grid


def comparison_table(verdict: Verdict, *, wide: bool) -> Table:
    """Every tuned remedy, best first."""
    title = verdict.title
    table = Table(box=None, padding=(0, 1, 0, 0), header_style=GREY, pad_edge=False)
    table.add_column("", no_wrap=True)
    table.add_column("remedy", overflow="fold", min_width=16)
    for name in (title, "gain", "95 % interval"):
        table.add_column(name, justify="right", no_wrap=True)
    measures = verdict.measures
    parts = (measures.tail, measures.head) if wide else (measures.tail,)
    buckets = [name for name in parts if name != verdict.metric]
    for name in buckets:
        table.add_column(measures.title(name), justify="right", no_wrap=True)
    if wide:
        table.add_column("untuned", justify="right", no_wrap=True)
        table.add_column("CPU", justify="right", no_wrap=True)
    for c in verdict.comparisons:
        key = standing(verdict, c)
        sign, colour, _ = MARKS[key]
        gain = signed(c.diff) if math.isfinite(c.diff) else ""
        span = f"{signed(c.low)} … {signed(c.high)}" if math.isfinite(c.low) else ""
        cells = [Text(sign, colour), Text(c.spec, colour), Text(value(c[verdict.metric]), colour)]
        cells += [Text(gain, colour), Text(span, GREY if key == "same" else colour)]
        for name in buckets:
            lost = name == measures.head and not c.guardrail_ok
            cells.append(Text(value(c[name]), "yellow" if lost else ""))
        if wide:
            cells += [Text(value(c.untuned), GREY), Text(seconds(c.seconds), GREY)]
        table.add_row(*cells)
    return table


def baseline_table(result: StudyResult, verdict: Verdict) -> Table:
    """The baselines that were fitted, best first: what they read, settings to choose from, time."""
    told = {entry["spec"]: entry for entry in result.meta.get("baselines", ())}
    title = verdict.title
    table = Table(box=None, padding=(0, 1, 0, 0), header_style=GREY, pad_edge=False)
    table.add_column("baseline", overflow="fold", min_width=16)
    table.add_column("reads", no_wrap=True)
    tail = verdict.measures.tail
    for name in ("settings", title, verdict.measures.title(tail), "CPU"):
        table.add_column(name, justify="right", no_wrap=True)
    ahead = {tie.spec for tie in verdict.ahead}
    for c in verdict.comparisons:
        if c.reference and c.spec in told:
            entry, colour = told[c.spec], "bold cyan" if c.spec in ahead else ""
            cells = [c.spec, entry["reads"], str(entry["settings"]), value(c[verdict.metric])]
            table.add_row(*(Text(cell, colour) for cell in (*cells, value(c[tail]), seconds(c.seconds))))
    return table


def legend(verdict: Verdict, *, wide: bool) -> RenderableType:
    """What the columns, and the signs that occur, mean."""
    used = {standing(verdict, c) for c in verdict.comparisons}
    lines = Table.grid(padding=(0, 1, 0, 0))
    for key, (sign, colour, meaning) in MARKS.items():
        if key in used and meaning:
            lines.add_row(Text(sign, colour), Text(meaning, GREY))
    if "same" in used:
        corrected = ", corrected for the number of remedies" if rivals(verdict) > 1 else ""
        lines.add_row("", Text(f"no sign: cannot be told from doing nothing{corrected}", GREY))
    title = verdict.title
    meaning = verdict.measures.metrics[verdict.metric].meaning
    notes = [
        f"{title}: {lowered(meaning).rstrip('.')}",
        f"gain: change of {title} against doing nothing, both tuned with the same budget",
    ]
    if wide:
        notes.append(f"untuned: {title} at the usual defaults; CPU: time for the search and the fits")
        notes.append(f"head: {verdict.measures.metrics[verdict.measures.head].meaning}")
    notes.append(f"tail: {verdict.measures.metrics[verdict.measures.tail].meaning}")
    if any(c.spec.startswith(f"{WORDS} + ") for c in verdict.comparisons):
        notes.append(f"{WORDS}: plain TF-IDF of words, without the encoder")
    return Group(*(Text(note, GREY) for note in notes), lines)


def study_notes(result: StudyResult, verdict: Verdict, fair: Found | None = None) -> Iterator[Text]:
    """What a reader of the table should know besides."""
    meta, nouns = result.meta, nouns_of(result.meta)
    for sentence in (*alarms_of_clicks(meta), how_answered(meta, nouns), frequency_sentence(meta)):
        if sentence:
            yield Text(sentence)
    if meta.get("read_off"):
        yield Text(read_off(meta["read_off"], nouns))
    for reason, count in meta.get("dropped", {}).items():
        left = f"{nouns.left_out(count)} {plural(count, 'was', 'were')} left out"
        yield Text(f"{left}: {reason}.")
    missing = meta.get("not_evaluated", {})
    if missing:
        whose = plural(len(missing), "all its examples share", "all examples of each share")
        yield Text(
            f"{len(missing):,} of {len(result.classes):,} {nouns.labels} could not be evaluated: {whose} one "
            f"{nouns.unit}, so {plural(len(missing), 'it is', 'they are')} only trained on."
        )
    if meta.get("only_trained_on"):
        text = only_trained_on(meta["only_trained_on"], nouns, several=result.example is not None)
        yield Text(f"{text}.")
    leak = meta.get("leak") or {}
    flattery = leak.get("flattery")
    if flattery is not None and math.isfinite(flattery) and flattery >= 0.001:
        yield Text(
            f"Folds that ignore {nouns.repeats} would have shown macro-F1 {value(leak['macro_f1_random'])} instead of "
            f"{value(leak['macro_f1_grouped'])} for doing nothing: {signed(flattery)} that is not there."
        )
    refused: dict[str, list[str]] = {}
    for remedy in result.remedies:
        if remedy.not_applicable is not None:
            refused.setdefault(remedy.not_applicable, []).append(remedy.spec)
    for reason, specs in refused.items():
        were = plural(len(specs), "was", "were")
        yield Text.assemble((", ".join(specs), "bold"), f" {were} not applicable: {reason}.")
    for sentence in (calibration_sentence(verdict), front_sentence(verdict) if verdict.tradeoffs else ""):
        if sentence and verdict.informative and rivals(verdict) > 1:
            yield Text(f"{sentence[0].upper()}{sentence[1:]}")
    if fair is not None and verdict.informative:
        yield from (Text(f"Who gains. {sentence}") for sentence in _gaining(fair, nouns))
    yield from (Text(f"Order. {sentence}") for sentence in alarms(meta))
    if result.seeds is not None:
        told = seed_sentences(result.seeds, verdict.measures)
        yield from (Text(f"Other seeds. {sentence}") for sentence in (*told, drawn_anew(meta)))
    if result.curve is not None:
        told = curve_sentences(result.curve, nouns, verdict.measures)
        yield from (Text(f"More {nouns.more}. {sentence}") for sentence in told)
    timings = meta.get("timings", {})
    if "study_seconds" in timings:
        compared = rivals(verdict)
        what = f"Doing nothing and {counted(compared, 'remedy', 'remedies')}" if compared else "Doing nothing alone"
        counts = meta.get("settings_tried") or [meta.get("budget")]
        words = (
            ("setting", "settings") if verdict.measures.likelihood else ("fit to choose from", "fits to choose from")
        )
        tried = f"{' to '.join(map(str, counts))} {plural(counts[-1], *words)}"
        one = meta.get("folds") == 1 and not verdict.measures.likelihood
        folds = "one test" if one else counted(meta.get("folds") or 0, "fold", "folds")
        yield Text(
            f"{what}, {folds}, {tried} each: "
            f"{seconds(timings['study_seconds'])}, {seconds(timings['cpu_seconds'])} of CPU time."
        )


def _gaining(fair: Found, nouns: Nouns) -> tuple[str, ...]:
    """Who gains and who loses, in a few sentences."""
    if isinstance(fair, SearchFairness):
        return short_search_sentences(fair)
    return short_exposure_sentences(fair) if isinstance(fair, ListFairness) else short_sentences(fair, nouns)


def verdict_text(result: StudyResult, verdict: Verdict) -> str:
    """The verdict as plain text, for a prompt that shows no colours."""
    lines = [verdict.headline, *(f"  - {reason}" for reason in verdict.reasons), ""]
    width = max(len(c.spec) for c in verdict.comparisons)
    title, tail = verdict.title, verdict.measures.tail
    wide, narrow = max(len(title), 9), max(len(verdict.measures.title(tail)), 7)
    lines.append(
        f"    {'remedy':<{width}}  {title:>{wide}}    gain    95 % interval  {verdict.measures.title(tail):>{narrow}}"
    )
    for c in verdict.comparisons:
        gain = signed(c.diff) if math.isfinite(c.diff) else ""
        span = f"{signed(c.low)} … {signed(c.high)}" if math.isfinite(c.low) else ""
        sign = MARKS[standing(verdict, c)][0]
        held = value(c[verdict.metric])
        lines.append(
            f"  {sign} {c.spec:<{width}}  {held:>{wide}}  {gain:>6}  {span:>15}  {value(c[tail]):>{narrow}}".rstrip()
        )
    not_used = [f"{r.spec}: {r.not_applicable}" for r in result.remedies if r.not_applicable]
    lines += [f"    not applicable: {text}" for text in not_used]
    nouns = nouns_of(result.meta)
    dropped = result.meta.get("dropped", {}).items()
    lines += [f"  ({nouns.left_out(count)} left out: {why})" for why, count in dropped]
    return "\n".join(lines)
