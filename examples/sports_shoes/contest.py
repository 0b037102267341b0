"""The contest: a class thinned in training alone, a study in each training part, its choice of each family tested.

Outer folds keep equal and nearly equal titles on one side. In each training part the class is thinned, and a study of
what is left tunes all remedies and ranks those of a family. The best of each family is then fitted on the whole of the
thinned part and asked for the test fold, in which the class has all of its rows. So no removed row is ever trained on,
no tested row chooses anything, and the class is measured on hundreds of rows although it is taught on a few.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray

from evenshelf import LabelTask, Study
from evenshelf.errors import InputError, near
from evenshelf.learners.heads import fit_alone
from evenshelf.remedies import Remedy, parse
from evenshelf.study.results import StudyResult
from evenshelf.study.winner import most_chosen
from evenshelf.tasks.label_metrics import macro_f1

Codes = NDArray[np.int64]
Floats = NDArray[np.float32]

NOTHING = "doing nothing"
FULL = "all rows, doing nothing"
"""Not thinned: what there was to lose."""
CHOICE = "the study's choice"
"""Of all remedies the best by the inner criterion."""
REMEDIES = (
    "balanced, effective_number, random_over, square_root, random_under, tomek, smote, borderline_smote, "
    "balanced_mixup, gan, ldam, balanced_softmax, generalised_ce, logit_adjust, tau_norm, vector_scaling, name_prior, "
    "class_mean, balanced_bagging, name_prior + logit_adjust(tau=0.5)"
)
"""One or two of each family, which stand for the rest; of calibration the one that can change an answer."""
LEAST = 3
"""Rows that the thinned class keeps at least, one for each fold of the study."""


@dataclass(frozen=True)
class Asked:
    """How the contest is held.

    Attributes
    ----------
    label
        The class.
    share
        Of its training rows that are kept.
    remedies, budget, seed, workers
        As in :class:`evenshelf.study.runner.Study`.
    folds
        Outer ones, and those of each study.
    """

    label: str = "Sports Shoes"
    share: float = 0.01
    remedies: str = REMEDIES
    folds: int = 3
    budget: int = 4
    seed: int = 0
    workers: int = 2


@dataclass(eq=False)
class Line:
    """One rival in the contest.

    Attributes
    ----------
    answers
        ``[n]`` predicted codes, -1 where a row is not tested.
    remedies
        Which remedy was taken, in how many outer folds.
    seconds
        CPU time of tuning all that there was to choose from, and of the last fits.
    """

    answers: Codes
    remedies: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0


@dataclass(frozen=True, eq=False)
class Contest:
    """What came out.

    Attributes
    ----------
    lines
        By name: :data:`NOTHING` first, families, :data:`CHOICE`, :data:`FULL`.
    fold
        ``[n]`` outer fold, -1 for rows that are only trained on.
    kept
        Rows of the class that each training part keeps.
    had
        How many there were in each before.
    code
        Of the class.
    """

    lines: Mapping[str, Line]
    fold: NDArray[np.int16]
    kept: tuple[Codes, ...]
    had: tuple[int, ...]
    code: int

    @property
    def taught(self) -> tuple[int, ...]:
        """How many rows of the class each training part keeps."""
        return tuple(len(rows) for rows in self.kept)


def hold(
    task: LabelTask, vectors: Floats, names: Floats, asked: Asked, tell: Callable[[str], None] = lambda text: None
) -> Contest:
    """Hold the contest.

    Raises
    ------
    InputError
        If there is no such class, or it has too few rows to be thinned and measured.
    """
    code = _code(task, asked.label)
    fold = task.split(asked.folds, asked.seed)
    lines: dict[str, Line] = {}
    every, had = [], []
    for number in range(asked.folds):
        tell(f"fold {number + 1} of {asked.folds}: thinning, study")
        train, test = np.flatnonzero(fold != number), np.flatnonzero(fold == number)
        mine = train[task.target[train] == code]
        kept = _kept(mine, task.group[mine], asked.share, np.random.default_rng([asked.seed, number]))
        every.append(kept)
        had.append(len(mine))
        thin = np.setdiff1d(train, np.setdiff1d(mine, kept))
        part = part_of(task, thin)
        own = [task.classes.index(name) for name in part.classes]
        with TemporaryDirectory(prefix="evenshelf-example-") as folder:
            result = Study(
                part,
                vectors[thin],
                Path(folder),
                names=names[own],
                remedies=asked.remedies,
                folds=asked.folds,
                budget=asked.budget,
                seed=asked.seed,
                workers=asked.workers,
            ).run()
        chosen = chosen_of(result)
        tell(f"fold {number + 1} of {asked.folds}: the best of each of {len(chosen)} lines on all rows of the part")
        settings = {spec: _setting(result, spec) for spec in sorted(set(chosen.values()))}
        fits = Parallel(n_jobs=asked.workers)(
            delayed(_answers)(
                task, given=thin, tested=test, vectors=vectors, names=names, setting=setting, seed=asked.seed
            )
            for setting in settings.values()
        )
        found = dict(zip(settings, fits, strict=True))
        for name, spec in chosen.items():
            line = lines.setdefault(name, Line(np.full(len(task.target), -1, np.int64)))
            line.answers[test] = found[spec][0]
            line.remedies[spec] += 1
            line.seconds += found[spec][1] + _searched(result, name)
        full = lines.setdefault(FULL, Line(np.full(len(task.target), -1, np.int64)))
        full.answers[test], seconds = _answers(
            task, given=train, tested=test, vectors=vectors, names=names, setting=settings["none"], seed=asked.seed
        )
        full.remedies["none"] += 1
        full.seconds += seconds
    ordered = [NOTHING, *(n for n in lines if n not in {NOTHING, CHOICE, FULL}), CHOICE, FULL]
    return Contest({name: lines[name] for name in ordered}, fold, tuple(every), tuple(had), code)


def family_of(remedy: Remedy) -> str:
    """What its line is called; compositions stand for themselves."""
    return " + ".join(family.value for family in remedy.families)


def chosen_of(result: StudyResult) -> dict[str, str]:
    """Of each family, and of all, the remedy with the best macro-F1 in the study; ties go to the one listed first."""
    rows = result.fold >= 0
    values: dict[str, dict[str, float]] = {}
    for found in result.remedies:
        if found.tuned is None or found.reference:
            continue
        value = macro_f1(result.y[rows], found.tuned.predicted[rows], len(result.classes))
        line = NOTHING if found.spec == result.baseline.spec else family_of(parse(found.spec))
        values.setdefault(line, {})[found.spec] = value
    every = {spec: value for of_line in values.values() for spec, value in of_line.items()}
    chosen = {line: max(of_line, key=of_line.__getitem__) for line, of_line in values.items()}
    return {**chosen, CHOICE: max(every, key=every.__getitem__)}


def part_of(task: LabelTask, rows: Codes) -> LabelTask:
    """The question for some of its rows, in the title groups of all."""
    assert task.texts is not None
    return LabelTask.of(
        [task.classes[code] for code in task.target[rows]],
        [task.texts[row] for row in rows],
        group=task.group[rows],
        nouns=task.nouns,
    )


def _code(task: LabelTask, label: str) -> int:
    if label not in task.classes:
        raise InputError(
            f"There is no class {label!r}{near(label, task.classes)}.", hint=f"The largest: {task.classes[:5]}."
        )
    code = task.classes.index(label)
    groups = len(np.unique(task.group[task.target == code]))
    if groups < 10 * LEAST:
        raise InputError(
            f"The class {label!r} has {groups} different titles here, too few to be thinned and measured.",
            hint="Draw a larger --sample, or name a larger class: --label.",
        )
    return code


def _kept(rows: Codes, group: Codes, share: float, rng: np.random.Generator) -> Codes:
    """Rows drawn to stay; while there are titles left that are different, no two of a group."""
    order = rng.permutation(len(rows))
    _, first = np.unique(group[order], return_index=True)
    order = np.concatenate([order[np.sort(first)], np.delete(order, first)])
    return np.sort(rows[order[: max(LEAST, round(share * len(rows)))]])


def _setting(result: StudyResult, spec: str) -> tuple[str, float | None]:
    tuned = result[spec].tuned
    assert tuned is not None
    setting, _ = most_chosen([dict(s) for s in tuned.settings if s])
    return setting["remedy"], setting["penalty"]


def _searched(result: StudyResult, line: str) -> float:
    """CPU seconds of all that the line could choose from."""
    specs = [
        found
        for found in result.remedies
        if line == CHOICE
        or (family_of(parse(found.spec)) == line if line != NOTHING else found.spec == result.baseline.spec)
    ]
    return sum(found.tuned.seconds for found in specs if found.tuned is not None)


def _answers(
    task: LabelTask,
    *,
    given: Codes,
    tested: Codes,
    vectors: Floats,
    names: Floats,
    setting: tuple[str, float | None],
    seed: int,
) -> tuple[Codes, float]:
    began = time.process_time()
    spec, penalty = setting
    # classes without a row in this part are left out, as a study of the part leaves them out
    own, target = np.unique(task.target[given], return_inverse=True)
    bound = parse(spec).bound(tuple(task.classes[code] for code in own))
    head = fit_alone(
        vectors[given], target.astype(np.int64), len(own), bound, names=names[own], seed=seed, penalty=penalty
    )
    return own[head(vectors[tested]).argmax(axis=1)], time.process_time() - began
