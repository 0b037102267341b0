"""Which settings of a tuning are searched, and from where to where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from importlib.util import find_spec
from typing import Any

from evenshelf.learners.finetune.network import depth_of
from evenshelf.learners.finetune.settings import FineTuning, Scope

RATES = (2e-5, 1e-3)
"""Step sizes of the model's own weights; those of matrices of low rank are :data:`FASTER` times as large."""
FASTER = 10.0
EPOCHS = (3, 16)
BATCHES = (16, 32, 64)
DROPOUTS = (0.0, 0.1, 0.2)
DEEPEST = 4
"""Of the last layers, where only these are tuned."""
CHOICES: Mapping[str, Mapping[str, tuple[float | bool, ...]]] = {
    "finetune_heads": {"contrast": (0.0, 0.5, 1.0), "balance": (0.0, 0.5, 1.0), "beside": (False, True)},
    "finetune": {"contrast": (0.0, 0.25, 0.5), "defer": (0.0, 0.5, 0.75)},
}
"""By learner, what else is tried."""


def suggested(trial: Any, learner: str, base: FineTuning) -> FineTuning:
    """Settings that a trial of optuna draws; those of `base` that are not the usual ones stay as they are.

    Parameters
    ----------
    trial
        Of optuna.
    learner
        ``finetune`` or ``finetune_heads``.
    base
        The settings to start from.
    """
    stay = {name for name, value in base.usual().items() if getattr(base, name) != value}
    if base.parts > 1:
        stay.add("contrast")  # compares the rows of a whole step
    drawn: dict[str, Any] = {}
    scope = base.scope
    if "scope" not in stay:
        scope = drawn["scope"] = trial.suggest_categorical("scope", scopes(base))
    if scope == Scope.LAYERS and "layers" not in stay:
        drawn["layers"] = trial.suggest_int("layers", 1, min(DEEPEST, depth_of(base.model)))
    if "rate" not in stay:
        rate = trial.suggest_float("rate", *RATES, log=True)
        drawn["rate"] = float(f"{rate * (FASTER if scope == Scope.LORA else 1.0):.2g}")
    if "epochs" not in stay:
        drawn["epochs"] = trial.suggest_int("epochs", *EPOCHS, log=True)
    batches = tuple(batch for batch in BATCHES if batch >= base.parts) or (base.batch,)
    choices: dict[str, tuple[float | bool, ...]] = {"batch": batches, "dropout": DROPOUTS, **CHOICES[learner]}
    for name, values in choices.items():
        if name not in stay:
            drawn[name] = trial.suggest_categorical(name, values)
    return replace(base, **drawn)


def first(learner: str, base: FineTuning) -> dict[str, Any]:
    """The trial that a search starts with: the settings as they are given."""
    names = ("scope", "layers", "rate", "epochs", "batch", "dropout", *CHOICES[learner])
    found = {name: getattr(base, name) for name in names if getattr(base, name) == base.usual()[name]}
    if base.scope == Scope.LORA and "rate" in found:
        found["rate"] = max(base.rate / FASTER, RATES[0])  # as it is drawn before it is made faster
    return found


def scopes(base: FineTuning) -> tuple[str, ...]:
    """What of a model can be tuned here: matrices of low rank need peft."""
    found = [Scope.FULL.value]
    if depth_of(base.model) > 1:
        found.append(Scope.LAYERS.value)
    if find_spec("peft") is not None:
        found.append(Scope.LORA.value)
    return tuple(found)
