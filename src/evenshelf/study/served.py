"""Which learners of labels a bundle keeps."""

from __future__ import annotations

from evenshelf.errors import SettingError
from evenshelf.learners import LearnerKind, learner_kind
from evenshelf.learners.finetune.fits import Decoupled
from evenshelf.learners.heads import HEADS

SERVED = "finetune_heads"
"""The learner of tuned models whose heads a bundle keeps."""


def served_learner(name: str | None) -> LearnerKind:
    """The learner of a name that a bundle can keep; ``None`` stands for linear heads.

    Raises
    ------
    SettingError
        If it is another one.
    """
    if name is not None and name.partition("(")[0].strip() not in {HEADS.name, SERVED}:
        # told by its name, before anything is made of it that may be somebody's code
        raise SettingError(
            f"The learner {name!r} cannot be served from a bundle yet: a bundle keeps linear heads, on a frozen "
            f"encoder ({HEADS.name}) or on a tuned one ({SERVED}).",
            hint=f"Run a study with --learner {HEADS.name}, or name a remedy: --remedy SPEC.",
        )
    kind = HEADS if name is None else learner_kind(name)
    if isinstance(kind.fit, Decoupled) and kind.fit.settings.beside:
        raise SettingError(
            f"The learner {kind.name!r} reads the vectors of two models, and a bundle keeps one.",
            hint="Train without beside=True.",
        )
    return kind
