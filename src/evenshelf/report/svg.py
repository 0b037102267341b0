"""Altair charts as inline SVG whose colours are CSS variables, so that one file serves light, dark and print.

Charts are drawn in stand-in colours, one for each role. In the SVG these become ``var(--role)``; the style sheet
says what a role looks like. Every chart is drawn twice, for wide pages and for phones, and CSS shows one of them.
"""

from __future__ import annotations

import html
import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import vl_convert

WIDE = 880
NARROW = 340
"""Widths of a chart in CSS pixels, labels included."""

# Stand-ins: any colours will do as long as they are unique and nothing else uses them.
ROLES = {
    "ink": "#010101",
    "muted": "#020202",
    "rule": "#030303",
    "accent": "#040404",
    "soft": "#050505",
    "faint": "#060606",
    "other": "#070707",
    "paper": "#080808",
}
INK, MUTED, RULE, ACCENT, SOFT, FAINT, OTHER, PAPER = ROLES.values()

FONT = (
    "Inter, system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', 'PingFang SC', 'Microsoft YaHei', "
    "'Noto Sans CJK SC', sans-serif"
)
"""What the widths of texts are measured with; the style sheet of the page names the same fonts."""

_LINES = re.compile(r'(<text text-anchor="end" transform="translate\([^,]+,)([-\d.]+)(\)[^>]*>)(<tspan.*?)</text>')
_TAG = re.compile(r'<[^<>"]*(?:"[^"]*"[^<>"]*)*>')


@dataclass(frozen=True)
class Size:
    """For which width a chart is drawn."""

    width: int
    narrow: bool

    @property
    def labels(self) -> int:
        """Room for the names at the left, in pixels."""
        return 128 if self.narrow else 270

    def pick(self, wide: Any, narrow: Any) -> Any:
        """The first on wide pages, the second on phones."""
        return narrow if self.narrow else wide


@dataclass(frozen=True)
class Figure:
    """A chart ready for the template.

    Attributes
    ----------
    wide, narrow
        SVG elements.
    alt
        What the chart shows, in a sentence or two, for those who cannot see it.
    """

    wide: str
    narrow: str
    alt: str


def figure(draw: Callable[[Size], Any], alt_text: str) -> Figure:
    """Draw a chart for both widths.

    Parameters
    ----------
    draw
        Makes the Altair chart for a size.
    alt_text
        See :class:`Figure`.
    """
    return Figure(
        render(draw(Size(WIDE, narrow=False))), render(draw(Size(NARROW, narrow=True))), alt=" ".join(alt_text.split())
    )


def data(rows: list[dict[str, Any]]) -> Any:
    """Rows as inline data; unlike a data frame there is no limit to their number.

    They are written out at once: Altair copies and checks lists over and over, but leaves a text alone.
    """
    return alt.Data(values=json.dumps(rows, ensure_ascii=False), format=alt.DataFormat(type="json"))


def layer(charts: Sequence[Any], **properties: Any) -> dict[str, Any]:
    """Charts over each other, as Vega-Lite.

    Altair's own function copies and checks every chart again and again, which takes most of the time of a report.
    """
    return {"layer": [_plain(chart) for chart in charts], **{k: _plain(v) for k, v in properties.items()}}


def abreast(charts: Sequence[Any], spacing: int) -> dict[str, Any]:
    """Charts beside each other."""
    return {"hconcat": [_plain(chart) for chart in charts], "spacing": spacing}


def stacked(charts: Sequence[Any], spacing: int) -> dict[str, Any]:
    """Charts below each other."""
    return {"vconcat": [_plain(chart) for chart in charts], "spacing": spacing}


def _plain(value: Any) -> Any:
    if isinstance(value, alt.TopLevelMixin):
        return {k: v for k, v in value.to_dict(validate=False).items() if k not in {"$schema", "config"}}
    return value.to_dict() if isinstance(value, alt.SchemaBase) else value


def axis(**options: Any) -> Any:
    """An axis without title or line, with faint grid lines."""
    return alt.Axis(**{"title": None, "domain": False, "ticks": False, **options})


_CONFIG = {
    "background": "transparent",
    "font": FONT,
    "padding": 2,
    "autosize": {"type": "pad", "contains": "padding"},
    "view": {"stroke": None},
    "axis": {
        "labelColor": MUTED,
        "titleColor": MUTED,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
        "gridColor": RULE,
        "domainColor": RULE,
        "tickColor": RULE,
        "labelPadding": 6,
    },
}


def render(chart: Any) -> str:
    """A chart as an SVG element with CSS variables for colours and tooltips for its marks."""
    document = json.dumps({"$schema": alt.SCHEMA_URL, "config": _CONFIG, **_plain(chart)}, ensure_ascii=False)
    return themed(vl_convert.vegalite_to_svg(document))


def themed(svg: str) -> str:
    """Turn stand-in colours into CSS variables and the descriptions of marks into tooltips."""
    for role, colour in ROLES.items():
        svg = svg.replace(f'"{colour}"', f'"var(--{role})"')
    # A described mark keeps its words as a tooltip, which any browser shows without a script.
    svg = re.sub(
        r'<(path|line|rect|text) aria-label="([^"]*)" role="graphics-symbol"([^>]*?)(/?)>',
        lambda m: f"<{m[1]}{m[3]}><title>{_unhide(m[2])}</title>" + (f"</{m[1]}>" if m[4] else ""),
        svg,
    )
    svg = re.sub(r'<path class="(background|foreground)"[^>]*?(/>|></path>)', "", svg)
    svg = _TAG.sub(lambda m: _tidy(m[0]), svg)
    svg = _LINES.sub(_centred, svg)
    return re.sub(
        r'<svg [^>]*?width="([\d.]+)" height="([\d.]+)" viewBox="([^"]+)">',
        r'<svg class="chart" viewBox="\3" width="\1" height="\2" aria-hidden="true" focusable="false">',
        svg,
        count=1,
    )


def _centred(match: re.Match[str]) -> str:
    """A label of several lines, moved up so that their middle stands where Vega puts the first line."""
    start, y, middle, lines = match.groups()
    rise = sum(float(dy) for dy in re.findall(r'dy="([\d.]+)"', lines)) / 2
    return f"{start}{float(y) - rise:g}{middle}{lines}</text>"


def _tidy(tag: str) -> str:
    """A tag without what nobody reads, which is most of its length; the text between tags is left alone."""
    tag = re.sub(r'\s(role|aria-[a-z]+|pointer-events|font-family)="[^"]*"', "", tag)
    tag = re.sub(r'\s(stroke-width|opacity)="1"', "", tag)
    return re.sub(r"(\d+\.\d\d)\d+", r"\1", tag)


def _unhide(text: str) -> str:
    return html.escape(html.unescape(text), quote=False)
