"""Texts made out of texts: makers, gates, a cache, and how much what was made differs.

>>> from evenshelf.augmentation import Corpus, make_texts, parse_maker
"""

from __future__ import annotations

from evenshelf.augmentation.base import DrawingMaker, Maker, RuleMaker
from evenshelf.augmentation.cache import MadeCache
from evenshelf.augmentation.diversity import Diversity, DiversityReport, diversity
from evenshelf.augmentation.gates import Distinct, Gate, LabelKept, Length, Near, Variant, sift
from evenshelf.augmentation.making import Made, make_texts
from evenshelf.augmentation.registry import maker_kinds, register
from evenshelf.augmentation.sources import Corpus, Source
from evenshelf.augmentation.spec import parse_maker

__all__ = [
    "Corpus",
    "Distinct",
    "Diversity",
    "DiversityReport",
    "DrawingMaker",
    "Gate",
    "LabelKept",
    "Length",
    "Made",
    "MadeCache",
    "Maker",
    "Near",
    "RuleMaker",
    "Source",
    "Variant",
    "diversity",
    "make_texts",
    "maker_kinds",
    "parse_maker",
    "register",
    "sift",
]
