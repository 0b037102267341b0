"""Experiments: who gets which variant, what came of it, and what can be known before and without one.

>>> from evenshelf.experiments import Assigner, Experiment, plan, readout
"""

from __future__ import annotations

from evenshelf.experiments.assignment import Assigned, Assigner
from evenshelf.experiments.definition import Experiment, changed
from evenshelf.experiments.files import (
    EXPOSURES,
    experiment_dict,
    experiment_of,
    experiment_text,
    read_experiment,
    read_exposures,
    write_experiment,
)
from evenshelf.experiments.layers import placed
from evenshelf.experiments.metrics import MEASURES, Metric, metric
from evenshelf.experiments.planning import Plan, plan
from evenshelf.experiments.reading_out import Readout, readout

__all__ = [
    "EXPOSURES",
    "MEASURES",
    "Assigned",
    "Assigner",
    "Experiment",
    "Metric",
    "Plan",
    "Readout",
    "changed",
    "experiment_dict",
    "experiment_of",
    "experiment_text",
    "metric",
    "placed",
    "plan",
    "read_experiment",
    "read_exposures",
    "readout",
    "write_experiment",
]
