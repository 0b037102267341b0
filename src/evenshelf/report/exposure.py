"""The section on exposure: whose places in lists a remedy takes, and to whom it gives them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import altair as alt
import numpy as np

from evenshelf.report.fairness_charts import trait_changes
from evenshelf.report.svg import ACCENT, INK, MUTED, Figure, Size, axis, data, figure, layer
from evenshelf.study.exposure_wording import catalogue_sentence, exposure_sentences
from evenshelf.study.fairness_wording import pooling_sentence
from evenshelf.study.wording import percent

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from evenshelf.study.exposure import ListFairness
    from evenshelf.study.results import StudyResult

POINTS = 200
"""Points of a curve; more the eye cannot tell apart."""
KINDS = ("wanted", "before", "after")


def exposure_section(result: StudyResult, found: ListFairness) -> dict[str, Any]:
    """All that the template asks for."""
    return {
        "exposed": found,
        "same_learner": _learners(result, found.base) == _learners(result, found.spec),
        "exposure_sentences": exposure_sentences(found),
        "exposure_figure": concentration(result, found),
        "users_figure": trait_changes(found),
        "users_pooling": pooling_sentence(found, ("wanted item", "wanted items")),
    }


def _learners(result: StudyResult, spec: str) -> list[dict[str, Any]]:
    """Of each fold, the learner's own settings under a remedy."""
    outcome = result[spec].tuned
    settings = () if outcome is None else outcome.settings
    return [{key: value for key, value in setting.items() if key != "remedy"} for setting in settings]


def curve(counts: NDArray[np.integer]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Share of all places that the first items have, by the share of the catalogue that they are, most shown first.

    Returns
    -------
    Two arrays that begin with 0 and end with 1, of at most :data:`POINTS` + 1 points; zeros where nothing is shown.
    """
    ordered = np.sort(counts)[::-1].astype(np.float64)
    total = np.concatenate([[0.0], np.cumsum(ordered)]) / max(ordered.sum(), 1.0)
    # the first items have most of the places: points are denser there
    steps = np.linspace(0, 1, POINTS + 1) ** 1.5 * len(ordered)
    at = np.unique(np.round(steps).astype(int))
    return at / max(len(ordered), 1), total[at]


def concentration(result: StudyResult, found: ListFairness) -> Figure | None:
    """Cumulative share of the places over the catalogue, before, after and as wanted; ``None`` if nothing is shown."""
    outcomes = [result[spec].tuned for spec in (found.base, found.spec)]
    shown = [outcome.shown for outcome in outcomes if outcome is not None and outcome.shown is not None]
    if len(shown) < 2:
        return None
    wanted = np.bincount(result.y[result.fold >= 0], minlength=found.items)
    rows = []
    drawn: tuple[NDArray[np.integer], ...] = (wanted, *shown)
    for kind, counts in zip(KINDS, drawn, strict=True):
        across, up = curve(counts)
        name = {"wanted": "what was wanted", "before": found.base, "after": found.spec}[kind]
        rows += [
            {"kind": kind, "x": x, "y": y, "tip": f"{name}: the first {percent(x)} of the items have {percent(y)}"}
            for x, y in zip(across.tolist(), up.tolist(), strict=True)
        ]
    colours = alt.Scale(domain=list(KINDS), range=[INK, MUTED, ACCENT])

    def draw(size: Size) -> Any:
        ticks = {"tickCount": size.pick(6, 4), "format": ".0%"}
        base = alt.Chart(data(rows)).encode(
            x=alt.X(
                "x:Q",
                scale=alt.Scale(domain=[0, 1], nice=False),
                axis=axis(title="items of the catalogue, most shown first", **ticks),
            ),
            y=alt.Y("y:Q", scale=alt.Scale(domain=[0, 1], nice=False), axis=axis(title="share of the places", **ticks)),
            color=alt.Color("kind:N", scale=colours, legend=None),
            detail="kind:N",
        )
        even = (
            alt.Chart(data([{"x": 0, "y": 0}, {"x": 1, "y": 1}]))
            .mark_line(color=MUTED, strokeWidth=1, opacity=0.5, aria=False)
            .encode(x="x:Q", y="y:Q")
        )
        lines = [
            even,
            base.transform_filter("datum.kind === 'wanted'").mark_line(strokeWidth=1.5, strokeDash=[4, 4], aria=False),
            base.transform_filter("datum.kind !== 'wanted'").mark_line(strokeWidth=2.5, aria=False),
            base.mark_point(filled=True, size=40, opacity=0).encode(description="tip:N"),
        ]
        return layer(lines, width=size.pick(800, 270), height=size.pick(320, 260))

    return figure(draw, f"Curves over the catalogue, of equal exposure a straight line. {catalogue_sentence(found)}")
