"""The axis of names that charts of remedies and of classes share."""

from __future__ import annotations

from typing import Any

from evenshelf.report.svg import INK, Size, axis

STEP = 26
"""Height of one line, in pixels."""
FINE = 0.06
"""Axes of differences that are shorter need a third decimal."""


def plot_width(size: Size) -> int:
    """Pixels beside the names."""
    return size.width - size.labels - 14


def names_axis(size: Size) -> Any:
    """Names in a column of the same width in every chart."""
    return axis(
        labelLimit=size.labels - 12,
        labelPadding=10,
        minExtent=size.labels,
        maxExtent=size.labels,
        labelExpr="split(datum.value, '\\n')",
        labelColor=INK,
        labelFontSize=size.pick(12.5, 11),
        grid=False,
    )


def value_format(low: float, high: float) -> str:
    """How ticks of scores between two bounds are written, so that neighbours differ."""
    return ".2~f" if high - low >= FINE else ".3~f"


def change_format(low: float, high: float) -> str:
    """The same for differences, which have a sign."""
    return f"+{value_format(low, high)}"


def name_lines(spec: str, size: Size) -> str:
    """A spec for the axis; a composition is broken into lines where there is little room."""
    return spec.replace(" + ", "\n+ ") if size.narrow else spec
