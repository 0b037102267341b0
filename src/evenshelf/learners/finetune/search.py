"""A search of settings for tuning a language model: trials on rows held out, the poor ones ended early.

References
----------
Akiba et al.: Optuna, KDD 2019; Bergstra et al.: Algorithms for Hyper-Parameter Optimization, NeurIPS 2011 (TPE).
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from hashlib import blake2b
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.errors import EvenshelfError, MissingExtraError, SettingError
from evenshelf.learners.finetune.fits import Decoupled, Joint, Watching
from evenshelf.learners.finetune.judging import judge_of
from evenshelf.learners.finetune.network import content_of
from evenshelf.learners.finetune.space import first, suggested
from evenshelf.learners.finetune.trials import Found, Search, Trial
from evenshelf.learners.registry import learner_kind
from evenshelf.remedies import Remedy
from evenshelf.shop.locking import locked
from evenshelf.tasks.label import LabelTask

__all__ = ["Found", "Search", "Trial", "check_optuna", "folder_of", "search"]

Floats = NDArray[np.float32]
Tell = Callable[[float, float, str], None]
"""Is told how many seconds have passed, of how many, and what is being done."""

PARTS = 4
"""A trial is compared with the others after each of so many parts of its epochs, however many these are."""
STARTUP = 4
"""So many trials end before any is ended early."""
DRAWN = 8
"""So many trials draw by chance before any draws by what was good."""
AGAIN = 20
"""So many draws in a row of what was tried before, after which there is nothing more to try."""
JOURNAL = "trials.log"
_LAST, _AGAIN, _SECONDS, _SPEC = "goes_on", "again", "seconds", "learner"


class _OutOfTimeError(Exception):
    """Ends a trial that goes on in the next run."""


def search(
    task: LabelTask,
    vectors: Floats,
    names: Floats | None,
    asked: Search,
    *,
    folder: Path,
    tell: Tell | None = None,
) -> Found:
    """Search settings of a learner for as long as there is time.

    Each trial draws settings, tunes a model to the rows that are not held out, and is scored on those that are. After
    each of :data:`PARTS` parts of its epochs it ends if it is worse than the middle one of the others there. Everything
    is kept after each epoch, so that a run which is interrupted or repeated goes on.

    Parameters
    ----------
    task
        The question, with texts.
    vectors, names
        ``[n, d]`` and ``[C, d]`` of its texts and of what classes are called, by a frozen encoder; no names for
        ``None``.
    asked
        What is searched for.
    folder
        Where trials are kept; made if it is not there. It has to be another one for other rows or another `asked`,
        minutes and trials aside; see :func:`folder_of`.
    tell
        Is told how far it is.

    Raises
    ------
    MissingExtraError
        If optuna or a package of tuning is not installed.
    InputError
        If another process searches in the folder.
    SettingError
        If the task has no texts, or no rows can be held out.
    """
    check_optuna()
    data = _Data.of(task, vectors, names, asked)
    folder.mkdir(parents=True, exist_ok=True)
    with locked(folder, wait=False):
        course = _Course(asked, folder, data, tell)
        course.run()
        return Found(asked, course.trials(), course.left, int(data.held.sum()), int((~data.held).sum()))


def folder_of(base: Path, task: LabelTask, asked: Search, *identity: object) -> Path:
    """Folder of a search below `base`, named by what it asks, minutes and trials aside."""
    same = replace(asked, minutes=1.0, trials=None)
    read = (asked.parsed.fingerprint, content_of(asked.base.model))
    digest = blake2b(repr((task.describe(), same, read, identity)).encode(), digest_size=6).hexdigest()
    return base / f"{task.name}-{digest}"


def check_optuna() -> None:
    """Raise a :class:`MissingExtraError` if it is missing."""
    if find_spec("optuna") is None:
        raise MissingExtraError("optuna", "train", "searching settings")


@dataclass(frozen=True, eq=False)
class _Data:
    """Rows as the learner is given them, which of them are held out, and of what classes are called."""

    rows: Floats
    called: Floats | None
    target: NDArray[np.int64]
    held: NDArray[np.bool_]
    groups: int
    remedy: Remedy

    @classmethod
    def of(cls, task: LabelTask, vectors: Floats, names: Floats | None, asked: Search) -> _Data:
        reads = asked.kind.reads
        if task.texts is None or reads is None:
            raise SettingError("The task has no texts that a model could be tuned to.")
        held = task.split(asked.folds, asked.seed) == 0
        if not held.any() or len(np.unique(task.target[~held])) < 2:
            raise SettingError("No rows can be held out to search settings by.", hint="Give more titles of each class.")
        called = None if names is None else np.hstack([names, reads(task.class_texts)])
        rows = np.hstack([vectors, reads(task.texts)])
        return cls(
            rows, called, np.asarray(task.target, np.int64), held, len(task.classes), asked.parsed.bound(task.classes)
        )


class _Course:
    """A run of a search."""

    def __init__(self, asked: Search, folder: Path, data: _Data, tell: Tell | None) -> None:
        import optuna  # noqa: PLC0415 - an extra, and slow to import

        self._optuna, self._asked, self._folder, self._data, self._tell = optuna, asked, folder, data, tell
        self._began = time.monotonic()
        self.left = 0.0
        with _silent(optuna):
            self._study = optuna.create_study(
                storage=optuna.storages.JournalStorage(
                    optuna.storages.journal.JournalFileBackend(str(folder / JOURNAL))
                ),
                study_name="settings",
                direction="maximize",
                load_if_exists=True,
                pruner=optuna.pruners.MedianPruner(n_startup_trials=STARTUP, n_warmup_steps=0),
            )

    def run(self) -> None:
        """Try settings until there is no time, or nothing more to try."""
        state = self._optuna.trial.TrialState
        with _silent(self._optuna):
            if not self._study.trials:
                self._study.enqueue_trial(first(self._name, self._asked.base))
            for stopped in self._study.get_trials(deepcopy=False, states=(state.RUNNING,)):
                self._study.enqueue_trial(stopped.params, user_attrs={_LAST: stopped.number})
                self._study.tell(stopped.number, state=state.FAIL)
            again = 0
            while again < AGAIN and not self._over() and len(self.trials()) < (self._asked.trials or np.inf):
                trial, spec = self._drawn()
                if any(spec == one.learner for one in self.trials()):
                    again += 1
                    trial.set_user_attr(_AGAIN, value=True)
                    self._study.tell(trial, state=state.FAIL)
                    continue
                again = 0
                if not self._attempt(trial, spec):
                    return

    def _drawn(self) -> tuple[Any, str]:
        """The next trial, and its learner as it is typed."""
        # what it draws follows from those before it alone, in however many runs they were tried
        before = len(self.trials()) + sum(_AGAIN in one.user_attrs for one in self._study.get_trials(deepcopy=False))
        self._study.sampler = self._optuna.samplers.TPESampler(
            seed=self._asked.seed * 1_000_003 + before, n_startup_trials=DRAWN
        )
        trial = self._study.ask()
        at = self._asked.kind.at
        assert at is not None
        return trial, at(vars(suggested(trial, self._name, self._asked.base))).name

    def trials(self) -> tuple[Trial, ...]:
        """Those that were ended."""
        state = self._optuna.trial.TrialState
        ended = self._study.get_trials(deepcopy=False, states=(state.COMPLETE, state.PRUNED))
        return tuple(
            Trial(
                one.number,
                one.user_attrs[_SPEC],
                one.value if one.state == state.COMPLETE else None,
                tuple(one.intermediate_values[step] for step in sorted(one.intermediate_values)),
                one.user_attrs[_SECONDS],
            )
            for one in ended
        )

    @property
    def _name(self) -> str:
        return self._asked.learner.partition("(")[0].strip()

    def _attempt(self, trial: Any, spec: str) -> bool:
        """Run a trial; says whether there was time."""
        optuna = self._optuna
        began = time.process_time()
        trial.set_user_attr(_SPEC, spec)
        place = self._folder / "running" / blake2b(spec.encode(), digest_size=8).hexdigest()
        if (earlier := trial.user_attrs.get(_LAST)) is not None:
            for step, score in self._study.get_trials(deepcopy=False)[earlier].intermediate_values.items():
                trial.report(score, step)
        try:
            score = self._score(trial, spec, place)
        except _OutOfTimeError:
            self.left = time.process_time() - began
            return False
        except optuna.TrialPruned:
            score = None
        except EvenshelfError:
            self._study.tell(trial, state=optuna.trial.TrialState.FAIL)
            raise
        trial.set_user_attr(_SECONDS, time.process_time() - began)
        if score is None:
            self._study.tell(trial, state=optuna.trial.TrialState.PRUNED)
        else:
            self._study.tell(trial, score)
        shutil.rmtree(place, ignore_errors=True)
        return True

    def _score(self, trial: Any, spec: str, place: Path) -> float:
        kind = learner_kind(spec)
        assert isinstance(kind.fit, Joint | Decoupled)
        epochs = kind.fit.settings.epochs
        best = max((one.score for one in self.trials() if one.score is not None), default=None)
        words = f"trial {trial.number + 1}" + ("" if best is None else f", best {self._asked.metric} {best:.3f}")

        def judged(epoch: int, score: float) -> None:
            part = PARTS * (epoch + 1) // epochs
            if part == PARTS or part == PARTS * epoch // epochs:
                return
            trial.report(score, part)
            if trial.should_prune():
                raise self._optuna.TrialPruned

        def tell(done: int, total: int) -> None:
            del done, total
            if self._tell is not None:
                self._tell(time.monotonic() - self._began, 60 * self._asked.minutes, words)
            if self._over():
                raise _OutOfTimeError

        data, settings = self._data, replace(kind.fit.settings, watch=self._asked.metric)
        train, groups = ~data.held, data.groups
        watching = Watching(data.rows[data.held], data.target[data.held], judged, tell, place)
        learner = replace(kind.fit, settings=settings, watching=watching)
        remedy, seed = data.remedy, self._asked.seed
        predict = learner(data.rows[train], data.target[train], groups, remedy, names=data.called, seed=seed)
        counts = np.bincount(data.target[train], minlength=groups)
        judge = judge_of(data.target[data.held], counts, lambda scores: scores, self._asked.metric)
        return judge(predict(data.rows[data.held]))

    def _over(self) -> bool:
        return time.monotonic() - self._began > 60 * self._asked.minutes


@contextmanager
def _silent(optuna: Any) -> Iterator[None]:
    """Without remarks on each trial, which would break the bar of who asked."""
    level = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    try:
        yield
    finally:
        optuna.logging.set_verbosity(level)
