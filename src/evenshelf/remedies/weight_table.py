"""A remedy whose weights a user brings along."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from typing import ClassVar

import numpy as np

from evenshelf.errors import SettingError
from evenshelf.remedies.base import Remedy, Stage
from evenshelf.remedies.families import Family
from evenshelf.remedies.registry import register
from evenshelf.remedies.rows import Floats, Prior
from evenshelf.remedies.weight_file import USAGE, WeightFile


@dataclass(frozen=True)
class _Bound:
    """Weights of classes in the order of their codes, and what is to be told of them."""

    weights: tuple[float, ...]
    notes: tuple[str, ...]


@register
@dataclass(frozen=True)
class WeightTable(Remedy):
    """Weighs the examples of each class as a table of yours says, by what a mistake costs there or what you know of it.

    Only the ratios matter: weights are divided by their mean over the training examples. A class that is not in the
    table has the weight 1, which is told. One of the table that is not among the classes is left out, and told, unless
    its name is near to that of a class that the table lacks: that is a slip, and an error.

    The table is read once, when the remedy is made. It is part of what a study remembers its fits by, so that a study
    made after a change starts anew.

    Parameters
    ----------
    file
        Path, from the current folder, of a CSV with the columns ``class`` and ``weight``, or of a JSON object of
        weights by class. Weights are in [0.000001, 1000000].
    """

    file: str = ""

    name: ClassVar[str] = "weight_table"
    title: ClassVar[str] = "Class weights of your own"
    family: ClassVar[Family] = Family.WEIGHTS
    paper: ClassVar[str] = "cost-sensitive learning: Elkan, IJCAI 2001"
    formula: ClassVar[str] = "w[g] ~ your weight of g, mean 1 over the examples"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.WEIGHT,)
    needs: ClassVar[tuple[str, ...]] = ("file",)

    def __post_init__(self) -> None:
        if not isinstance(self.file, str):
            raise SettingError(f"file={self.file!r} is not text.", hint=USAGE)
        # no fields: workers get what was read, while a remedy is still written and compared by its file
        vars(self)["read"] = WeightFile.read(self.file) if self.file else None

    @property
    def _table(self) -> WeightFile | None:
        table: WeightFile | None = vars(self)["read"]
        return table

    @property
    def _bound(self) -> _Bound | None:
        """Weights of the classes, once it was told their names."""
        bound: _Bound | None = vars(self).get("bound_to")
        return bound

    def bound(self, labels: Sequence[str]) -> Remedy:
        """See :meth:`Remedy.bound`."""
        table = self._table
        if table is None:
            return self
        notes = table.file.left_over(labels, "weighed 1")
        found = copy(self)  # which does not read the file again
        vars(found)["bound_to"] = _Bound(tuple(table.weights.get(label, 1.0) for label in labels), notes)
        return found

    @property
    def fingerprint(self) -> str:
        """Digest of the table and, once bound, of the weight of each class."""
        if self._table is None:
            return ""
        return blake2b(repr((self._table.weights, self._bound)).encode(), digest_size=8).hexdigest()

    @property
    def read_from(self) -> dict[str, str]:
        """See :attr:`Remedy.read_from`."""
        return {} if self._table is None else {Path(self.file).name: f"sha256:{self._table.file.sha256}"}

    def notes(self, prior: Prior) -> tuple[str, ...]:
        """See :meth:`Remedy.notes`."""
        return () if self._bound is None else self._bound.notes

    def not_applicable(self, prior: Prior, *, has_names: bool) -> str | None:
        """Without a table there are no weights, and none without the names of the classes."""
        if not self.file:
            return "no file was given"
        if self._bound is None or len(self._bound.weights) != len(prior.counts):
            return "the table is not bound to the names of these classes"
        return super().not_applicable(prior, has_names=has_names)

    def weight(self, prior: Prior) -> Floats:
        """See :meth:`Remedy.weight`."""
        if self._bound is None:
            raise SettingError(
                f"{self} weighs classes by their names, which it was not told.",
                hint="Call bound() with the names, in the order of the codes.",
            )
        weights = np.array(self._bound.weights)
        mean = float((weights * prior.counts).sum() / max(prior.total, 1))
        return np.asarray(weights / max(mean, 1e-300), dtype=np.float32)
