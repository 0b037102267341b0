"""Remedies by which rare groups borrow from text: what is rare in the log is not rare in the language."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from evenshelf.remedies.base import Remedy, Stage
from evenshelf.remedies.checks import check_range
from evenshelf.remedies.families import Family
from evenshelf.remedies.registry import register
from evenshelf.remedies.rows import Floats, Prior


@register
@dataclass(frozen=True)
class NamePrior(Remedy):
    """Shrinks a group's weights towards its encoded name instead of towards zero.

    A group with many examples moves away from its name as far as they ask for; a group with few stays near it; a
    group with none is known by its name alone.

    Parameters
    ----------
    scale
        Length of the name vectors, in logits per unit of cosine, in [0, 1000]; 0 does nothing.
    """

    scale: float = 20.0

    name: ClassVar[str] = "name_prior"
    title: ClassVar[str] = "Class names as prior"
    family: ClassVar[Family] = Family.POOLING
    paper: ClassVar[str] = "evenshelf; kin: LIFT (Shi et al., ICML 2024)"
    formula: ClassVar[str] = "penalty |w[g] - scale v(name of g)|^2"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.POOL,)
    neutral: ClassVar[dict[str, float]] = {"scale": 0.0}
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"scale": (20.0, 40.0)}
    reads_names: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_range("scale", self.scale, 0.0, 1000.0)

    def centre(self, names: Floats | None, prior: Prior, means: Floats) -> Floats | None:
        """See :meth:`Remedy.centre`."""
        if self.scale == 0.0 or names is None:
            return None
        return np.float32(self.scale) * names
