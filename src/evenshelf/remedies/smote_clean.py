"""SMOTE, followed by cleaning over given and synthetic rows together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from evenshelf.plurals import counted
from evenshelf.remedies.base import Remedy, Stage
from evenshelf.remedies.checks import check_range
from evenshelf.remedies.clean import (
    CAP,
    KINDS,
    Flags,
    at_odds,
    check_kind,
    drawn_evenly,
    keep_one_of_each,
    kept_note,
    searched_note,
    tomek_links,
)
from evenshelf.remedies.families import Family
from evenshelf.remedies.neighbours import BLOCK
from evenshelf.remedies.registry import register
from evenshelf.remedies.rows import Codes, Floats, Prior, Rows
from evenshelf.remedies.smote import SMOTE


@register
@dataclass(frozen=True)
class SMOTETomek(Remedy):
    """SMOTE, then both rows of each Tomek link are dropped, given or synthetic.

    At most 30,000 rows are searched. Where there are more, so many are drawn from each of the largest groups, alike, as
    bring the number down to that; those that are not drawn stay, and are no neighbours of others.

    Parameters
    ----------
    k
        Neighbours of SMOTE, >= 1.
    strength
        Of SMOTE, in [0, 1], see ``random_over``; at 0 rows are only cleaned.
    """

    k: int = 5
    strength: float = 1.0

    name: ClassVar[str] = "smote_tomek"
    title: ClassVar[str] = "SMOTE + Tomek links"
    family: ClassVar[Family] = Family.INTERPOLATION
    paper: ClassVar[str] = "Batista, Prati & Monard, SIGKDD Explorations 6(1), 2004"
    formula: ClassVar[str] = "smote, then drop i and j if each is the nearest row of the other and y[i] != y[j]"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.RESAMPLE,)
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"k": (5, 2)}

    def __post_init__(self) -> None:
        check_range("k", self.k, 1, whole=True)
        check_range("strength", self.strength, 0.0, 1.0)

    def resample(self, vectors: Floats, target: Codes, prior: Prior, rng: np.random.Generator) -> Rows:
        """See :meth:`Remedy.resample`."""

        def linked(points: Floats, groups: Codes) -> Flags:
            found = np.zeros(len(groups), np.bool_)
            found[tomek_links(points, groups).ravel()] = True
            return found

        made = SMOTE(self.k, self.strength).resample(vectors, target, prior, rng)
        return cleaned(made, vectors, linked, rng)


@register
@dataclass(frozen=True)
class SMOTEENN(Remedy):
    """SMOTE, then rows of any group whose nearest rows are of other groups are dropped, given or synthetic.

    At most 30,000 rows are searched, see ``smote_tomek``.

    Parameters
    ----------
    k
        Neighbours of SMOTE, >= 1.
    strength
        Of SMOTE, in [0, 1], see ``random_over``; at 0 rows are only cleaned.
    edited
        Neighbours of the cleaning, >= 1.
    kind
        ``"mode"`` or ``"all"``, see ``enn``; the paper has the first, imbalanced-learn by default the second.
    """

    k: int = 5
    strength: float = 1.0
    edited: int = 3
    kind: str = "mode"

    name: ClassVar[str] = "smote_enn"
    title: ClassVar[str] = "SMOTE + edited nearest neighbours"
    family: ClassVar[Family] = Family.INTERPOLATION
    paper: ClassVar[str] = "Batista, Prati & Monard, SIGKDD Explorations 6(1), 2004"
    formula: ClassVar[str] = (
        "smote, then drop i if the plurality (mode), or any (all), of the rows nearest to it are foreign"
    )
    stages: ClassVar[tuple[Stage, ...]] = (Stage.RESAMPLE,)
    grid: ClassVar[dict[str, tuple[Any, ...]]] = {"kind": KINDS}

    def __post_init__(self) -> None:
        check_range("k", self.k, 1, whole=True)
        check_range("strength", self.strength, 0.0, 1.0)
        check_range("edited", self.edited, 1, whole=True)
        check_kind(self.kind)

    def resample(self, vectors: Floats, target: Codes, prior: Prior, rng: np.random.Generator) -> Rows:
        """See :meth:`Remedy.resample`."""
        made = SMOTE(self.k, self.strength).resample(vectors, target, prior, rng)
        return cleaned(made, vectors, lambda points, groups: at_odds(points, groups, self.edited, self.kind), rng)


def cleaned(
    made: Rows, vectors: Floats, unclean: Callable[[Floats, Codes], Flags], rng: np.random.Generator, cap: int = CAP
) -> Rows:
    """The rows without those that are unclean among at most `cap` of them, one row of each group at least.

    Parameters
    ----------
    made
        Given and synthetic rows.
    vectors
        ``[n, d]`` vectors of the given ones.
    unclean
        From vectors and groups of rows, whether each is to be dropped.
    rng
        Draws the rows to search where there are too many.
    cap
        Most rows that are searched.
    """
    searched = drawn_evenly(made.target, cap, rng)
    dropped = searched[unclean(points_of(made, vectors, searched), made.target[searched])]
    keep = np.ones(len(made), np.bool_)
    keep[dropped] = False
    saved = keep_one_of_each(keep, made.target, lambda rows: points_of(made, vectors, rows))
    given = int((~keep[made.step == 0.0]).sum())
    rows = counted(int((~keep).sum()), "row", "rows")
    stood = round(float(made.weight[~keep].sum(dtype=np.float64)))
    notes = [*made.notes, f"{rows} dropped by cleaning, which stood for {stood:,}; {given:,} given or repeated ones"]
    notes += searched_note(len(searched), len(made))
    if saved:
        notes.append(kept_note(saved))
    kept: dict[str, Any] = {name: column[keep] for name, column in made.columns.items()}
    return Rows(**kept, notes=tuple(notes))


def points_of(made: Rows, vectors: Floats, index: Codes) -> Floats:
    """``[m, d]`` vectors of some of the rows, built block by block."""
    found = np.empty((len(index), vectors.shape[1]), np.float32)
    for start in range(0, len(index), BLOCK):
        rows = index[start : start + BLOCK]
        step = made.step[rows, None]
        found[start : start + BLOCK] = (1.0 - step) * vectors[made.first[rows]] + step * vectors[made.second[rows]]
    return found
