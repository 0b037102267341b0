"""Annotation: which rows to label, sheets out and back, how far annotators agree, which labels are probably wrong.

>>> from evenshelf.annotating import agreement, import_labels, select, suspects, write_sheets
"""

from __future__ import annotations

from evenshelf.annotating.agreement import Agreement, agreement
from evenshelf.annotating.importing import ImportReport, import_labels
from evenshelf.annotating.select import Selection, select
from evenshelf.annotating.sheets import write_sheets
from evenshelf.annotating.suspects import Suspects, suspects

__all__ = [
    "Agreement",
    "ImportReport",
    "Selection",
    "Suspects",
    "agreement",
    "import_labels",
    "select",
    "suspects",
    "write_sheets",
]
