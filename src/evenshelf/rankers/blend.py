"""A learned blend: candidates of all sources, in the order of a model of what each source says of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from evenshelf.errors import InputError
from evenshelf.rankers.base import Codes, Floats
from evenshelf.rankers.buying_again import Returns
from evenshelf.rankers.candidates import Traits, candidates, of_one
from evenshelf.rankers.grounds import POPULAR, Grounds
from evenshelf.rankers.packing import Arrays, Unpacked, flat
from evenshelf.rankers.sources import Source
from evenshelf.rankers.trees import Averaged, Trees
from evenshelf.tasks.histories import Histories


@dataclass(frozen=True, eq=False)
class Blend:
    """A fitted blend.

    Attributes
    ----------
    sources
        Counted in whole histories.
    traits
        Of items.
    returns
        How what was taken comes back; ``None`` where that is not shown again.
    tail_bonus
        What is added to the scores of the trees for items of the tail.
    temperature
        By which the sums are divided.
    trees
        That rank candidates.
    trees_bytes
        Memory that they hold.
    """

    sources: tuple[Source, ...]
    traits: Traits
    returns: Returns | None
    tail_bonus: float
    temperature: float
    trees: Averaged
    trees_bytes: int

    kind: ClassVar[str] = "blend"

    @property
    def bytes(self) -> int:
        """Of sources, each matrix once, traits and trees."""
        held = {id(source.left): source.bytes for source in self.sources}
        own = 0 if self.returns is None else self.returns.bytes
        return sum(held.values()) + self.traits.bytes + own + self.trees_bytes

    def scores(self, histories: Histories) -> Floats:
        """See :meth:`evenshelf.rankers.base.Ranker.scores`.

        Candidates come first, in the order of trees and bonus; then all others by the plain blend.
        """
        plain, found = candidates(histories, self.sources, self.traits, self.returns)
        scores = np.log(plain + 1e-9)
        scores -= scores.max(axis=1, keepdims=True)
        if len(found.item):
            raw = self.trees.predict(found.features) + self.tail_bonus * self.traits.tail[found.item]
            raw /= self.temperature
            some = np.flatnonzero(found.size)
            starts = (np.cumsum(found.size) - found.size)[some]
            scores[some] += (np.minimum.reduceat(raw, starts) - 1.0)[:, None]
            scores[found.user, found.item] = raw
        found_scores: Floats = scores.astype(np.float32)
        return found_scores

    def grounds(self, histories: Histories, items: Codes) -> Grounds:
        """See :meth:`evenshelf.rankers.kinds.Kept.grounds`: what the source says that speaks most for an item.

        Sources are compared by what they say of an item over what each says most of any.
        """
        paces = {source.decay: of_one(histories.weights(source.decay)) for source in self.sources}
        line = paces[self.sources[0].decay].indices
        share: NDArray[np.float64] = np.empty((len(self.sources), len(items)))
        for number, source in enumerate(self.sources):
            said = source.scores(paces[source.decay])[0].astype(np.float64)
            may = said.copy()
            if self.returns is None:
                may[line] = 0.0
            share[number] = said[items] / max(float(may.max()), 1e-9)
        strongest = share.argmax(axis=0)
        parts = np.zeros((len(items), len(line)))
        kind, names = [], []
        for place, number in enumerate(strongest.tolist()):
            source = self.sources[number]
            # every pace has the same items, in the same order
            parts[place] = source.parts(paces[source.decay], items[place : place + 1])[0]
            spoken = bool((parts[place] > 0).any())
            kind.append(source.kind if spoken else POPULAR)
            names.append(source.name)
        nothing = np.zeros(len(items))
        return Grounds(line.astype(np.int64), parts, nothing, parts.sum(axis=1), tuple(kind), tuple(names))

    def packed(self) -> tuple[dict[str, Any], Arrays]:
        """See :meth:`evenshelf.rankers.kinds.Kept.packed`: a matrix that several sources read is kept once.

        Raises
        ------
        InputError
            If its trees are not arrays.
        """
        if not all(isinstance(model, Trees) for model in self.trees.models):
            raise InputError("Trees are kept as arrays.", hint="Make them with learners.ranking.bundling.")
        numbers: dict[str, Any] = {
            "repeats": self.returns is not None,
            "tail_bonus": self.tail_bonus,
            "temperature": self.temperature,
            "trees_bytes": self.trees_bytes,
            "models": len(self.trees.models),
            "features": self.features,
        }
        arrays: Arrays = {
            f"trees{number}.{name}": array
            for number, model in enumerate(self.trees.models)
            for name, array in model.arrays().items()
        }
        named: dict[int, str] = {}
        told = []
        for source in self.sources:
            sides = []
            for matrix in (source.left, source.right):
                if matrix is None:
                    continue
                if id(matrix) not in named:
                    named[id(matrix)] = f"source{len(named)}"
                    arrays |= flat(named[id(matrix)], matrix)
                sides.append(named[id(matrix)])
            told.append({"name": source.name, "decay": source.decay, "matrices": sides})
        numbers["sources"] = told
        own = {} if self.returns is None else self.returns.arrays()
        return numbers, {**arrays, **self.traits.arrays(), **own}

    @property
    def features(self) -> int:
        """How many numbers the trees are given for a candidate."""
        found = candidates(_nobody(len(self.traits.popularity)), self.sources, self.traits, self.returns)[1]
        return int(found.features.shape[1])

    @classmethod
    def unpacked(cls, held: Unpacked) -> Blend:
        """See :meth:`evenshelf.rankers.kinds.Kept.unpacked`."""
        told = held.given("sources", list)
        matrices: dict[str, Any] = {}
        sources = []
        for entry in told:
            well = isinstance(entry, dict) and entry.keys() == {"name", "decay", "matrices"}
            well = well and isinstance(entry["name"], str) and isinstance(entry["decay"], int | float)
            well = well and 0.0 < entry["decay"] <= 1.0
            well = well and isinstance(entry["matrices"], list) and len(entry["matrices"]) in (1, 2)
            if not well or not all(isinstance(name, str) for name in entry["matrices"]):
                raise InputError(f"{entry!r} is no source of a blend.", hint="Train the bundle again.")
            for name in entry["matrices"]:
                if name not in matrices:
                    matrices[name] = held.matrix(name, held.items, held.items if len(entry["matrices"]) == 1 else None)
            left, *right = (matrices[name] for name in entry["matrices"])
            wide = left.shape[1] == (right[0].shape[1] if right else held.items)
            if not wide:
                raise InputError(f"The matrices of the source {entry['name']!r} do not fit.", hint="Train again.")
            sources.append(Source(entry["name"], float(entry["decay"]), left, right[0] if right else None))
        if not sources:
            raise InputError("The blend has no sources.", hint="Train the bundle again.")
        features, models = int(held.number("features", 1)), int(held.number("models", 1, 100))
        made = cls(
            tuple(sources),
            Traits.of_arrays(held),
            Returns.of_arrays(held) if held.given("repeats", bool) else None,
            held.number("tail_bonus", 0.0),
            held.number("temperature", 1e-6),
            Averaged(tuple(Trees.of(held, f"trees{number}.", features) for number in range(models))),
            int(held.number("trees_bytes", 0)),
        )
        if made.features != held.number("features"):
            raise InputError("The trees of the blend ask for other features.", hint="Train the bundle again.")
        return made


def _nobody(items: int) -> Histories:
    """A user without a history."""
    names = tuple(map(str, range(items)))
    return Histories(names, ("",), np.zeros(2, np.int64), np.empty(0, np.int64))
