"""evenshelf: measure the imbalance of a shop, compare every remedy for it, keep the winner.

>>> import evenshelf
>>> found = evenshelf.compare(titles, categories)  # doctest: +SKIP
>>> found.report("report.html")  # doctest: +SKIP
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evenshelf.comparing import Findings, compare
    from evenshelf.estimators import RemedyClassifier, RemedyLoss, RemedySampler
    from evenshelf.remedies import Remedy, parse
    from evenshelf.shop import Shop
    from evenshelf.study.runner import Study
    from evenshelf.tasks.label import LabelTask

__all__ = [
    "Findings",
    "LabelTask",
    "Remedy",
    "RemedyClassifier",
    "RemedyLoss",
    "RemedySampler",
    "Shop",
    "Study",
    "compare",
    "parse",
]

_HOMES = {
    "Findings": "evenshelf.comparing",
    "LabelTask": "evenshelf.tasks.label",
    "Remedy": "evenshelf.remedies",
    "RemedyClassifier": "evenshelf.estimators",
    "RemedyLoss": "evenshelf.estimators",
    "RemedySampler": "evenshelf.estimators",
    "Shop": "evenshelf.shop",
    "Study": "evenshelf.study.runner",
    "compare": "evenshelf.comparing",
    "parse": "evenshelf.remedies",
}


def __getattr__(name: str) -> Any:
    """Import what is asked for when it is asked for, so that ``import evenshelf`` takes no time."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
