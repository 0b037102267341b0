"""A verdict for a notebook: one piece of HTML, without scripts or network, light or dark as its surroundings are."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

from evenshelf.study.advising import advise
from evenshelf.study.terminal import MARKS, standing, study_notes
from evenshelf.study.wording import seconds, signed

if TYPE_CHECKING:
    from evenshelf.study.comparison import Comparison
    from evenshelf.study.results import StudyResult
    from evenshelf.study.verdict import Verdict

WIDTH, HEIGHT = 120, 14
"""Pixels of the bar of an interval."""

# Colours are read from the notebook where it defines some (JupyterLab, VS Code), otherwise from the system's scheme.
STYLE = """
.evenshelf{--ink:var(--jp-content-font-color1,var(--vscode-editor-foreground,#1f2933));
--soft:var(--jp-content-font-color2,var(--vscode-descriptionForeground,#5b6770));
--line:var(--jp-border-color2,var(--vscode-panel-border,#d5dbe0));
--good:#14804a;--bad:#c02b2b;--warn:#9a6700;color:var(--ink);font:14px/1.45 system-ui,sans-serif;max-width:60em}
@media (prefers-color-scheme:dark){.evenshelf{
--ink:var(--jp-content-font-color1,var(--vscode-editor-foreground,#e4e8eb));
--soft:var(--jp-content-font-color2,var(--vscode-descriptionForeground,#9aa5ae));
--line:var(--jp-border-color2,var(--vscode-panel-border,#3b444b));--good:#4cc38a;--bad:#ff8080;--warn:#e0b04a}}
[data-jp-theme-light="true"] .evenshelf,.vscode-light .evenshelf{--good:#14804a;--bad:#c02b2b;--warn:#9a6700}
[data-jp-theme-light="false"] .evenshelf,.vscode-dark .evenshelf{--good:#4cc38a;--bad:#ff8080;--warn:#e0b04a}
.evenshelf .headline{font-size:1.15em;font-weight:600;margin:.2em 0}
.evenshelf ul{margin:.3em 0 .8em;padding-left:1.3em}
.evenshelf .scroll{overflow-x:auto}
.evenshelf table{border-collapse:collapse;font:inherit;font-variant-numeric:tabular-nums;color:inherit}
.evenshelf th,.evenshelf td{padding:.15em .5em;text-align:right;border-bottom:1px solid var(--line);background:none;
color:inherit;white-space:nowrap}
.evenshelf th{color:var(--soft);font-weight:500}
.evenshelf .name{text-align:left}
.evenshelf .good{color:var(--good)}.evenshelf .bad{color:var(--bad)}.evenshelf .warn{color:var(--warn)}
.evenshelf .soft{color:var(--soft);font-size:.9em;margin:.4em 0}
.evenshelf .won td{font-weight:600}
.evenshelf svg{vertical-align:middle;display:inline-block}
"""
COLOURS = {
    "recommended": "good",
    "tie": "good",
    "better": "good",
    "worse": "bad",
    "refused": "warn",
    "unguarded": "warn",
}


def html(result: StudyResult, verdict: Verdict) -> str:
    """Headline, reasons and a compact table; every text is escaped."""
    title, measures = verdict.title, verdict.measures
    won = "good" if verdict.recommended is not None else "warn"
    reasons = "".join(f"<li>{escape(reason)}</li>" for reason in verdict.reasons)
    low, high = _span(verdict)
    rows = "".join(_row(verdict, c, low, high) for c in verdict.comparisons)
    tail = "" if verdict.metric == measures.tail else f"<th>{measures.title(measures.tail)}</th>"
    used = {standing(verdict, c) for c in verdict.comparisons}
    signs = "; ".join(f"{sign} {meaning}" for key, (sign, _, meaning) in MARKS.items() if key in used and meaning)
    notes = "".join(f"<li>{escape(note.plain)}</li>" for note in study_notes(result, verdict))
    advice = "".join(f"<li>{escape(sentence)}</li>" for sentence in advise(result, verdict).brief)
    return (
        f'<div class="evenshelf"><style>{STYLE}</style><p class="headline {won}">{escape(verdict.headline)}</p>'
        f'<ul>{reasons}</ul><div class="scroll"><table><thead><tr><th></th><th class="name">remedy</th>'
        f"<th>{escape(title)}</th><th>gain</th><th>95 % interval</th><th></th>{tail}<th>untuned</th><th>CPU</th></tr>"
        f'</thead><tbody>{rows}</tbody></table></div><p class="soft">gain: change of {escape(title)} against doing '
        f"nothing, both tuned with the same budget. {escape(signs)}.</p>"
        f'<details class="soft"><summary>What suits these data</summary><ul>{advice}</ul></details>'
        f'<details class="soft"><summary>Good to know</summary><ul>{notes}</ul></details></div>'
    )


def _row(verdict: Verdict, c: Comparison, low: float, high: float) -> str:
    key = standing(verdict, c)
    colour = COLOURS.get(key, "")
    known, tail = math.isfinite(c.diff), verdict.measures.tail
    cells = [
        f'<td class="{colour}">{escape(MARKS[key][0].strip())}</td>',
        f'<td class="name {colour}" title="{escape(c.title)}">{escape(c.spec)}</td>',
        f"<td>{_value(c[verdict.metric])}</td>",
        f'<td class="{colour}">{signed(c.diff) if known else ""}</td>',
        f"<td>{f'{signed(c.low)} … {signed(c.high)}' if known else ''}</td>",
        f"<td>{_bar(c, low, high, colour) if known else ''}</td>",
        "" if verdict.metric == tail else f"<td>{_value(c[tail])}</td>",
        f"<td>{_value(c.untuned)}</td>",
        f"<td>{seconds(c.seconds)}</td>",
    ]
    return f'<tr class="{"won" if c.recommended else ""}">{"".join(cells)}</tr>'


def _span(verdict: Verdict) -> tuple[float, float]:
    """The smallest range that holds no difference and all intervals, with a little room."""
    ends = [0.0]
    for c in verdict.comparisons:
        ends += [end for end in (c.low, c.high, c.diff) if math.isfinite(end)]
    room = max(max(ends) - min(ends), 1e-9) * 0.04
    return min(ends) - room, max(ends) + room


def _bar(c: Comparison, low: float, high: float, colour: str) -> str:
    """An interval about its value, and the line of no difference, on one scale for all rows."""

    def at(value: float) -> float:
        return round((value - low) / (high - low) * WIDTH, 1)

    middle = HEIGHT / 2
    ends = ""
    if math.isfinite(c.low) and math.isfinite(c.high):
        ends = (
            f'<line x1="{at(c.low)}" x2="{at(c.high)}" y1="{middle}" y2="{middle}" stroke="currentColor" '
            'stroke-width="2.5"/>'
        )
    return (
        f'<svg class="{colour}" width="{WIDTH}" height="{HEIGHT}" viewBox="0 0 {WIDTH} {HEIGHT}" role="img" '
        f'aria-label="{signed(c.low)} to {signed(c.high)}"><line x1="{at(0)}" x2="{at(0)}" y1="0" y2="{HEIGHT}" '
        f'stroke="var(--soft)" stroke-dasharray="2 2"/>{ends}'
        f'<circle cx="{at(c.diff)}" cy="{middle}" r="3.5" fill="currentColor"/></svg>'
    )


def _value(value: float) -> str:
    return f"{value:.3f}".removeprefix("0") if math.isfinite(value) else "n/a"
