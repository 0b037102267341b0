"""Fills in the numbers of a comparison from a study's predictions and their paired bootstrap."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from evenshelf.study.comparison import NAN, Comparison, Tie
from evenshelf.study.statistics import Bootstrap, Estimate, holm

if TYPE_CHECKING:
    from evenshelf.study.results import Outcome, RemedyResult
    from evenshelf.tasks.measures import Measures

UNSEEN = 3.0
"""So many groups may be expected, at 95 %, of what is seen in none."""


def compared(
    remedy: RemedyResult,
    outcome: Outcome,
    values: Mapping[str, float],
    bootstrap: Bootstrap,
    *,
    measures: Measures,
    metric: str,
    base: str,
    gain: Estimate | None,
    p_holm: float,
    alpha: float,
    guardrail: float,
    zone: float,
    groups: int,
    defaults: bool,
) -> Comparison:
    """One tuned remedy beside the baseline.

    Parameters
    ----------
    values
        By metric.
    bootstrap
        Holds ``tuned SPEC`` and, where it was run, ``default SPEC``.
    gain
        Difference to the baseline; ``None`` for the baseline itself.
    zone
        Half width of the zone in which a difference does not matter.
    groups
        How many hold a row of a class that the metric is over.
    defaults
        Whether it and the baseline were run at the usual defaults.

    Others are those of :func:`evenshelf.study.verdict.decide`.
    """

    def observed(mode: str, spec: str, name: str) -> float:
        row = bootstrap.names.index(f"{mode} {spec}")
        return float(bootstrap.observed[row, bootstrap.metrics.index(name)])

    own = bootstrap.interval(f"tuned {remedy.spec}", metric)
    nothing = Estimate(NAN, NAN, NAN)
    tail = bootstrap.difference(f"tuned {remedy.spec}", f"tuned {base}", measures.tail) if gain else nothing
    gain = gain or nothing
    head = bootstrap.loss(f"tuned {remedy.spec}", f"tuned {base}", measures.head)
    naive = {
        name: observed("default", remedy.spec, name) - observed("default", base, name)
        if defaults and remedy.spec != base
        else NAN
        for name in (metric, measures.tail)
    }
    has_default = f"default {remedy.spec}" in bootstrap.names
    # Two one-sided tests at `alpha` are an interval of 1 - 2 alpha that lies inside (Schuirmann 1987).
    narrow = bootstrap.difference(f"tuned {remedy.spec}", f"tuned {base}", metric, level=max(1 - 2 * alpha, 0.0))
    slight = remedy.spec != base and -zone <= narrow.low and narrow.high <= zone
    return Comparison(
        spec=remedy.spec,
        title=remedy.title,
        stages=tuple(remedy.stages),
        values=values,
        value_low=own.low,
        value_high=own.high,
        diff=gain.value,
        low=gain.low,
        high=gain.high,
        p=gain.p,
        p_holm=p_holm,
        tail_diff=tail.value,
        tail_low=tail.low,
        tail_high=tail.high,
        head_loss=head.value,
        head_loss_low=head.low,
        head_loss_high=head.high,
        seconds=outcome.seconds,
        bytes=outcome.bytes,
        untuned=observed("default", remedy.spec, metric) if has_default else NAN,
        untuned_tail=observed("default", remedy.spec, measures.tail) if has_default else NAN,
        naive_gain=naive[metric],
        naive_tail_gain=naive[measures.tail],
        vanished=1 - gain.value / naive[metric] if naive[metric] > 0 else NAN,
        significant=bool(gain.value > 0 and p_holm < alpha),
        worse=bool(gain.value < 0 and p_holm < alpha),
        slight=bool(slight),
        # what no group of G shows may still happen in 3 / G of them (Hanley & Lippman-Hand, JAMA 249, 1983)
        equivalent=bool(slight and zone * groups >= UNSEEN),
        # Half a millionth of slack: a loss of exactly the guardrail must not fail by rounding.
        guardrail_ok=bool(head.value <= guardrail + 5e-7),
        reference=remedy.reference,
    )


def ties_of(
    bootstrap: Bootstrap, comparisons: list[Comparison], winner: Comparison | None, metric: str, alpha: float
) -> tuple[Tie, ...]:
    """Remedies that qualify and cannot be told apart from the winner, best first."""
    if winner is None:
        return ()
    others = [c for c in comparisons if c.qualifies and c.spec != winner.spec]
    gaps = [bootstrap.difference(f"tuned {c.spec}", f"tuned {winner.spec}", metric) for c in others]
    corrected = holm([gap.p for gap in gaps])
    return tuple(
        Tie(c.spec, gap.value, gap.low, gap.high, float(p))
        for c, gap, p in zip(others, gaps, corrected, strict=True)
        if p >= alpha
    )


def ahead_of(
    bootstrap: Bootstrap, comparisons: list[Comparison], held: str, metric: str, alpha: float
) -> tuple[Tie, ...]:
    """Yardsticks that are better than `held`, corrected for how many there are, best first."""
    others = [c for c in comparisons if c.reference]
    gaps = [bootstrap.difference(f"tuned {c.spec}", f"tuned {held}", metric) for c in others]
    corrected = holm([gap.p for gap in gaps])
    return tuple(
        Tie(c.spec, gap.value, gap.low, gap.high, float(p))
        for c, gap, p in zip(others, gaps, corrected, strict=True)
        if gap.value > 0 and p < alpha
    )


def simplest_of(comparisons: list[Comparison], winner: Comparison | None, ties: tuple[Tie, ...]) -> str | None:
    """Of the winner and those that cannot be told apart from it the one of fewest parts, then the cheapest."""
    if winner is None or not ties:
        return None
    names = {winner.spec, *(tie.spec for tie in ties)}
    return min((c for c in comparisons if c.spec in names), key=lambda c: (c.parts, c.seconds, c.spec)).spec
