"""What a search of settings is asked for, its trials, and what it has found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from evenshelf.errors import SettingError
from evenshelf.learners.finetune.fits import Decoupled, Joint
from evenshelf.learners.finetune.settings import FineTuning, Watch
from evenshelf.learners.finetune.space import CHOICES
from evenshelf.learners.registry import LearnerKind, learner_kind
from evenshelf.remedies import Remedy, Stage, parse


@dataclass(frozen=True)
class Search:
    """What is searched for.

    Parameters
    ----------
    learner
        ``finetune_heads`` or ``finetune``; settings in brackets stay as they are.
    remedy
        Spec of the remedy under which it is to be good.
    minutes
        Of this run, > 0; one that follows goes on where it stopped.
    metric
        ``macro_f1`` or ``tail_f1`` of the rows held out.
    trials
        At most so many in all runs; ``None`` for as many as there is time for.
    folds
        One part of so many is held out, >= 3; groups of titles are never split.
    seed
        Of the parts and of all that is drawn.

    Raises
    ------
    SettingError
        Tells all values that cannot be.
    """

    learner: str = "finetune_heads"
    remedy: str = "balanced"
    minutes: float = 20.0
    metric: str = Watch.MACRO.value
    trials: int | None = None
    folds: int = 5
    seed: int = 0

    def __post_init__(self) -> None:
        metrics = [watch.value for watch in Watch]
        ranges = {
            f"minutes={self.minutes:g} is not above 0": not self.minutes > 0,
            f"metric={self.metric!r} is none of {', '.join(metrics)}": self.metric not in metrics,
            f"trials={self.trials} is below 1": self.trials is not None and self.trials < 1,
            f"folds={self.folds} is below 3": self.folds < 3,
            f"seed={self.seed} is below 0": self.seed < 0,
        }
        if faults := [fault for fault, bad in ranges.items() if bad]:
            raise SettingError(f"Settings cannot be searched so: {'; '.join(faults)}.")
        if (reason := self.kind.unsupported(self.parsed)) is not None:
            raise SettingError(f"{self.parsed}: {reason}.")
        if self.base.patience:
            raise SettingError(
                "A search tries numbers of epochs; patience would end them by the rows that score them.",
                hint="Leave patience away.",
            )
        if isinstance(self.kind.fit, Joint) and Stage.CALIBRATE in self.parsed.stages:
            raise SettingError(
                f"{self.parsed} is calibrated, for which every trial of finetune would tune several models.",
                hint="Search without what calibrates, and add it in the study.",
            )

    @property
    def kind(self) -> LearnerKind:
        """The learner at the settings from which the search starts."""
        found = learner_kind(self.learner)
        if not isinstance(found.fit, Joint | Decoupled):
            raise SettingError(
                f"The learner {self.learner!r} tunes no language model.", hint=f"Give {' or '.join(CHOICES)}."
            )
        return found

    @property
    def base(self) -> FineTuning:
        """The settings from which the search starts."""
        fit = self.kind.fit
        assert isinstance(fit, Joint | Decoupled)
        return fit.settings

    @property
    def parsed(self) -> Remedy:
        """The remedy."""
        return parse(self.remedy)


@dataclass(frozen=True)
class Trial:
    """One that was ended, early or not.

    Attributes
    ----------
    number
        From 0, in the order in which they began.
    learner
        Its learner, as it is typed.
    score
        Of the rows held out at its end; ``None`` where it was ended early.
    course
        Scores of the model's own head after each part of the epochs but the last, as far as it came.
    seconds
        CPU time, that of an earlier process not included.
    """

    number: int
    learner: str
    score: float | None
    course: tuple[float, ...]
    seconds: float


@dataclass(frozen=True)
class Found:
    """What a search has found.

    Attributes
    ----------
    asked
        What was searched for.
    trials
        In the order in which they began.
    left
        Seconds that the trial which ran out of time had taken in this run; it goes on in the next.
    held, rows
        How many rows were held out, and how many were tuned to.
    """

    asked: Search
    trials: tuple[Trial, ...]
    left: float
    held: int
    rows: int

    @property
    def best(self) -> Trial:
        """The one with the best score; the earliest of equal ones.

        Raises
        ------
        SettingError
            If there was no time for any.
        """
        whole = [trial for trial in self.trials if trial.score is not None]
        if not whole:
            raise SettingError(
                f"No trial came to its end in {self.asked.minutes:g} minutes.",
                hint="Run it again: it goes on where it stopped. Or give it more minutes, or a sample of the rows.",
            )
        return max(whole, key=lambda trial: (trial.score or 0.0, -trial.number))

    def to_dict(self) -> dict[str, Any]:
        """For JSON."""
        shown = [{**vars(trial), "course": list(trial.course)} for trial in self.trials]
        best = {"learner": self.best.learner, "score": self.best.score, "trial": self.best.number}
        return {"asked": vars(self.asked), **best, "rows": self.rows, "held": self.held, "trials": shown}
