"""Training texts made out of training texts, most of them of small groups: text augmentation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from evenshelf.remedies.base import Remedy, Stage
from evenshelf.remedies.checks import check_range
from evenshelf.remedies.families import Family
from evenshelf.remedies.registry import register
from evenshelf.remedies.resample import wanted_counts
from evenshelf.remedies.rows import Codes, Prior
from evenshelf.remedies.variants import TextMaker, Variants, picked


@register
@dataclass(frozen=True)
class AugmentTexts(Remedy):
    """Trains on texts as well that were made out of training texts: rewritten, translated there and back, generated.

    A study that is asked for it compares it with ``copied=True`` as well: the same number of rows of the same texts,
    but copies. What it gains over that is what the other words are worth.

    Parameters
    ----------
    maker
        Spec of what makes them, such as ``'eda'`` or ``'slots(share=0.8)'``; ``evenshelf makers`` lists them.
    copies
        How many at most are made of a text, >= 1.
    strength
        In [0, 1]; 1 fills each group up to the size of the largest, 0 does nothing; between, group g grows from n to
        ``n ** (1 - strength) * max ** strength`` rows, as far as there are texts.
    near
        In [-1, 1]: what is less like its source, by the cosine of their vectors, is not used.
    checked
        Whether what a model, fitted on other texts, takes for another class is not used, where it knows the source.
    copied
        Whether the sources stand in the place of what was made of them.
    """

    maker: str = ""
    copies: int = 4
    strength: float = 0.5
    near: float = 0.5
    checked: bool = True
    copied: bool = False

    name: ClassVar[str] = "augment_texts"
    title: ClassVar[str] = "Text augmentation"
    family: ClassVar[Family] = Family.TEXT_AUGMENTATION
    paper: ClassVar[str] = (
        "Wei & Zou, EMNLP 2019; Sennrich, Haddow & Birch, ACL 2016; Bayer et al., ACM CSUR 55(7), 2022"
    )
    formula: ClassVar[str] = "texts of g, and others made of them, up to n[g] ** (1 - strength) max(n) ** strength"
    stages: ClassVar[tuple[Stage, ...]] = (Stage.VARIANTS,)
    neutral: ClassVar[dict[str, float]] = {"strength": 0.0}
    grid: ClassVar[dict[str, tuple[float, ...]]] = {"strength": (0.5, 1.0)}
    needs: ClassVar[tuple[str, ...]] = ("maker",)
    one_label: ClassVar[bool] = True

    def __post_init__(self) -> None:
        check_range("copies", self.copies, 1, whole=True)
        check_range("strength", self.strength, 0.0, 1.0)
        check_range("near", self.near, -1.0, 1.0)

    @property
    def text_maker(self) -> TextMaker | None:
        """See :attr:`Remedy.text_maker`."""
        return TextMaker(self.maker, self.copies, self.near, self.checked, self.copied)

    @property
    def control(self) -> Remedy | None:
        """See :attr:`Remedy.control`."""
        return None if self.copied else self.with_parameters(copied=True)

    def not_applicable(self, prior: Prior, *, has_names: bool) -> str | None:
        """See :meth:`Remedy.not_applicable`."""
        if not self.maker:
            return "it has to be told what makes the texts, such as augment_texts(maker='eda')"
        return super().not_applicable(prior, has_names=has_names)

    def pick(self, variants: Variants, prior: Prior, rng: np.random.Generator) -> Codes:
        """See :meth:`Remedy.pick`."""
        return picked(variants, wanted_counts(prior, self.strength), prior, rng)
