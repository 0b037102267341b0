"""What a study and its data are like: the facts that rules of advice ask for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import TYPE_CHECKING, Any

import numpy as np

from evenshelf.shop.profiling.imbalance import FEW_SHOT
from evenshelf.study.advising.data import DATA
from evenshelf.study.comparison import jsonable
from evenshelf.tasks.label_metrics import CLASSES

if TYPE_CHECKING:
    from evenshelf.study.results import Outcome, StudyResult

NAN = float("nan")
FEWEST = 5
"""Below so many examples a class is very rare: no fold of five holds one for each part of a study."""


@dataclass(frozen=True)
class Facts:
    """Measured, not asked for. A share that is not known is NaN, with the reason in `unknown`.

    Attributes
    ----------
    examples, classes
        Of the study.
    median, smallest
        Examples of the class in the middle, and of that below which a tenth of the classes lie.
    few, very_few
        Classes with fewer than :data:`FEW_SHOT` and :data:`FEWEST` examples.
    ratio
        Most over fewest examples of a class, >= 1.
    tail, tail_examples
        Classes of the tail and their examples.
    contradicted
        Share of evaluated labels that confident learning would call wrong, by what doing nothing predicts for examples
        it has not seen; see :func:`contradicted`.
    conflicting
        Share of examples whose very text has another label too.
    named
        Share of texts that hold their whole label.
    near, near_by_chance
        Share of examples below the head whose nearest example of another title group is of their class, and that of
        one drawn at random.
    unknown
        Why something is not known, by the name of the fact.
    """

    examples: int
    classes: int
    median: float
    smallest: float
    few: int
    very_few: int
    ratio: float
    tail: int
    tail_examples: int
    contradicted: float
    conflicting: float
    named: float
    near: float
    near_by_chance: float
    unknown: Mapping[str, str] = field(default_factory=dict)

    @property
    def few_share(self) -> float:
        """Share of the classes that have few examples."""
        return self.few / max(self.classes, 1)

    def to_dict(self) -> dict[str, Any]:
        """JSON-able; NaN becomes ``None``."""
        return jsonable(asdict(self))

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Facts:
        """The facts that :meth:`to_dict` described."""
        floats = {f.name for f in fields(cls) if f.type == "float"}
        values: dict[str, Any] = {k: NAN if v is None and k in floats else v for k, v in document.items()}
        return cls(**values)


def facts_of(result: StudyResult) -> Facts:
    """Measure a study, and take from its record what it measured of texts and vectors."""
    counts = result.classes["count"].to_numpy()
    held = counts[counts > 0]
    tail = result.classes["bucket"].to_numpy() == "tail"
    known: Mapping[str, Any] = result.meta.get(DATA) or {}
    unknown = dict(known.get("unknown", {}))
    shares = {}
    for name in ("named", "conflicting", "near", "near_by_chance"):
        value = known.get(name)
        shares[name] = NAN if value is None else float(value)
        if value is None and name not in unknown and name != "near_by_chance":
            unknown[name] = "the record of this study does not hold it; the same command again adds it"
    doubted = NAN
    if result.meta.get("measures", CLASSES.name) != CLASSES.name:
        unknown = dict.fromkeys(("named", "conflicting", "near", "contradicted"), "it is asked of labels alone")
    elif result.example is not None:
        unknown["contradicted"] = "a text may have several labels"
    elif result.baseline.tuned is not None:
        doubted = contradicted(result, result.baseline.tuned)
    return Facts(
        examples=int((result.y >= 0).sum()),
        classes=len(held),
        median=float(np.median(held)),
        smallest=float(np.quantile(held, 0.1, method="lower")),
        few=int((held < FEW_SHOT).sum()),
        very_few=int((held < FEWEST).sum()),
        ratio=float(held.max() / held.min()),
        tail=int(tail.sum()),
        tail_examples=int(counts[tail].sum()),
        contradicted=doubted,
        conflicting=shares["conflicting"],
        named=shares["named"],
        near=shares["near"],
        near_by_chance=shares["near_by_chance"],
        unknown=unknown,
    )


def contradicted(result: StudyResult, outcome: Outcome) -> float:
    """Share of labels that confident predictions of unseen examples contradict (Northcutt et al., JAIR 2021).

    A class is believed where its probability reaches the mean that its own examples get. A study keeps the probability
    of the likeliest class only, so a label counts if that class is another one and is believed: a lower bound of what
    :func:`evenshelf.annotating.confident.doubts` finds with all probabilities.
    """
    rows = result.fold >= 0
    y, predicted = result.y[rows], outcome.predicted[rows]
    count = np.bincount(y, minlength=len(result.classes))
    own = np.bincount(y, outcome.p_true[rows], minlength=len(count))
    usual = np.where(count > 0, own / np.maximum(count, 1), np.inf)
    return float(((predicted != y) & (outcome.p_predicted[rows] >= usual[predicted])).mean())
