"""Which learners and remedies make sense for a task, by whether its examples have sets of labels."""

from __future__ import annotations

from evenshelf.errors import SettingError
from evenshelf.learners import LearnerKind
from evenshelf.learners.binary import BINARY
from evenshelf.remedies import Remedy
from evenshelf.tasks.label import LabelTask


def check_sets(learner: LearnerKind, task: LabelTask) -> None:
    """Raise a :class:`SettingError` if a learner is for sets of labels, and the task has none."""
    if not learner.sets or (learner == BINARY and task.several):
        return
    what = "has one label each" if learner == BINARY else "can be fitted by this project's own learner only"
    raise SettingError(
        f"The learner {learner.name!r} is for examples with sets of labels, and this task {what}.",
        hint="Ask for sets, as with --task tags, or use another learner, such as heads.",
    )


def unfit_for_sets(remedy: Remedy, task: LabelTask) -> str | None:
    """Why a remedy makes no sense where labels are sets, if it makes none."""
    names = [part.name for part in remedy.parts if part.one_label]
    if not task.several or not names:
        return None
    return f"{' and '.join(names)} is for examples with one label each, and here they have several"
