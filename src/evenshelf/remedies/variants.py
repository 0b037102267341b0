"""Texts that stand beside those that were given: what is to be made of them, and which are trained on."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from evenshelf.remedies.rows import Codes, Prior


@dataclass(frozen=True)
class TextMaker:
    """What makes texts out of training texts, and what they have to pass.

    Attributes
    ----------
    maker
        Spec of a maker of :mod:`evenshelf.augmentation`.
    copies
        How many at most are made of a text, >= 1.
    near
        Least cosine of a made text to its source, in [-1, 1].
    checked
        Whether what a model takes for another class is refused, where it takes the source for its own.
    copied
        Whether the sources stand in the place of what was made of them, as a control.
    """

    maker: str
    copies: int
    near: float
    checked: bool
    copied: bool = False

    @property
    def made_alike(self) -> TextMaker:
        """What makes the same texts."""
        return replace(self, copied=False)


@dataclass(frozen=True, eq=False)
class Variants:
    """Texts that were made, of training rows only.

    Attributes
    ----------
    source
        ``[m]`` which given text each was made of; equal numbers mean the same one.
    number
        ``[m]`` from 0, which of the texts that were made of its source it is.
    target
        ``[m]`` group of the source.
    """

    source: Codes
    number: Codes
    target: Codes

    def __len__(self) -> int:
        return len(self.source)


def picked(variants: Variants, wanted: Codes, prior: Prior, rng: np.random.Generator) -> Codes:
    """``[p]`` which variants bring each group nearest to a number of rows: first one of each text, then a second one.

    Parameters
    ----------
    wanted
        ``[G]`` rows that each group is to have, those that it has included.
    prior
        How many it has.
    rng
        Draws among texts where not all are needed.
    """
    order = rng.permutation(len(variants))
    order = order[np.lexsort((variants.number[order], variants.target[order]))]
    group = variants.target[order]
    first = np.searchsorted(group, group)
    place = np.arange(len(order)) - first
    missing = np.maximum(wanted - prior.counts, 0)
    return np.sort(order[place < missing[group]])
