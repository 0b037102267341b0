"""Remedies against imbalance: frozen values that act at one or more stages, composed with ``+``."""

from evenshelf.remedies.after_training import Calibrated, Retrieved
from evenshelf.remedies.base import Remedy, Stage, effective_loss
from evenshelf.remedies.clicked import Clicked
from evenshelf.remedies.composition import Composition
from evenshelf.remedies.families import Family
from evenshelf.remedies.losses import Loss
from evenshelf.remedies.negatives import Negatives
from evenshelf.remedies.offered import Offered
from evenshelf.remedies.registry import catalogue, register
from evenshelf.remedies.rows import Prior, Rows, SetRows
from evenshelf.remedies.sequences import MASKED, Sequences
from evenshelf.remedies.set_losses import SetLoss
from evenshelf.remedies.sets import remedy_set
from evenshelf.remedies.spec import joined, parse
from evenshelf.remedies.texts import MadeTexts
from evenshelf.remedies.variants import TextMaker, Variants

__all__ = [
    "MASKED",
    "Calibrated",
    "Clicked",
    "Composition",
    "Family",
    "Loss",
    "MadeTexts",
    "Negatives",
    "Offered",
    "Prior",
    "Remedy",
    "Retrieved",
    "Rows",
    "Sequences",
    "SetLoss",
    "SetRows",
    "Stage",
    "TextMaker",
    "Variants",
    "catalogue",
    "effective_loss",
    "joined",
    "parse",
    "register",
    "remedy_set",
]
