"""Which learners of labels a bundle keeps."""

from __future__ import annotations

from evenshelf.errors import SettingError
from evenshelf.learners import LearnerKind, learner_kind
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
    kind = HEADS if name is None else learner_kind(name)
    if kind != HEADS and kind.name.partition("(")[0] != SERVED:
        raise SettingError(
            f"The learner {kind.name!r} cannot be served from a bundle yet: a bundle keeps linear heads, on a frozen "
            f"encoder ({HEADS.name}) or on a tuned one ({SERVED}).",
            hint=f"Run a study with --learner {HEADS.name}, or name a remedy: --remedy SPEC.",
        )
    return kind
