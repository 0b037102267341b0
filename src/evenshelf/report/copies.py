"""Whether rows that a network made copy the rows that it was trained on, as a page tells it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from statistics import mean
from typing import TYPE_CHECKING, Any

from evenshelf.plurals import counted
from evenshelf.remedies.memorisation import PARTS, UNKNOWN
from evenshelf.study.trials import COPIED

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MEANING = {
    "copies": "many of its rows are copies",
    "too near": "its rows lie nearer to the given ones than unseen ones would: it has learned some by heart",
    "unlike the data": "its rows lie farther from the given ones than unseen ones would, and copy none",
    UNKNOWN: "no group has rows enough to tell",
    "like the data": "its rows lie about as far from the given ones as unseen ones would, and do not copy them",
}


@dataclass(frozen=True)
class Copied:
    """What is told of a remedy; numbers are means over the folds.

    Attributes
    ----------
    spec
        The remedy.
    sentence
        Whether it copies.
    rows, copies
        Rows that were made in a fold, and those that were copies and replaced.
    ratio, z
        As of :class:`evenshelf.remedies.memorisation.CopyTest`; ``None`` where no fold can tell.
    made, held_out
        Percentiles :data:`~evenshelf.remedies.memorisation.PARTS` of the distances; ``None`` where no fold can tell.
    """

    spec: str
    sentence: str
    rows: float
    copies: float
    ratio: float | None
    z: float | None
    made: tuple[float, ...] | None
    held_out: tuple[float, ...] | None


def copies_section(meta: Mapping[str, Any]) -> dict[str, Any]:
    """What a template needs; no lines where no network made rows."""
    return {"copied": [_told(spec, facts) for spec, facts in meta.get(COPIED, {}).items()], "copied_parts": PARTS}


def _told(spec: str, facts: Sequence[Mapping[str, Any]]) -> Copied:
    judged = Counter(str(fact["judgement"]) for fact in facts)
    common = sorted(judged.items(), key=lambda pair: (-pair[1], pair[0]))
    folds = counted(len(facts), "fold", "folds")
    said = "; ".join(f"in {n} of {folds} {MEANING[word]}" for word, n in common)
    able = [fact for fact in facts if fact["ratio"] is not None]

    def mean_of(name: str) -> tuple[float, ...] | None:
        return tuple(mean(values) for values in zip(*(fact[name] for fact in able), strict=True)) if able else None

    return Copied(
        spec,
        f"{said[:1].upper()}{said[1:]}.",
        mean(fact["rows"] for fact in facts),
        mean(fact["copies"] for fact in facts),
        mean(fact["ratio"] for fact in able) if able else None,
        mean(fact["z"] for fact in able) if able else None,
        mean_of("made"),
        mean_of("held_out"),
    )
