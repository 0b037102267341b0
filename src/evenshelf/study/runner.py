"""Runs a study: plans its units, does them with any number of workers, resumes, and gathers the result."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from joblib import Parallel, delayed
from numpy.typing import NDArray

from evenshelf.encoders.cores import usable_cores
from evenshelf.errors import InputError, SettingError
from evenshelf.learners import LearnerKind, learner_kind
from evenshelf.learners.binary import BINARY
from evenshelf.learners.heads import HEADS
from evenshelf.learners.vectors import Vectors, prepare, prepare_sparse
from evenshelf.remedies import Prior, Remedy, parse, remedy_set
from evenshelf.study import trials
from evenshelf.study.alarms import alarms_of, with_alarms
from evenshelf.study.answers import copies_of_texts
from evenshelf.study.applicable import check_sets, unfit_for_sets
from evenshelf.study.gather import Gathered, gather
from evenshelf.study.plan import (
    SEARCH_AXES,
    Setting,
    Starts,
    Unit,
    final_units,
    on_paths,
    search_units,
    settings,
    starts_of,
)
from evenshelf.study.results import RemedyResult, StudyResult, save
from evenshelf.tasks.label import LabelTask

Progress = Callable[[float, float, str], None]
DENSE, SPARSE, SHUFFLED = "dense", "words", "random-folds"
WORDS_SPEC = "words + balanced"


@dataclass(eq=False)
class Study:
    """Task x remedies x folds, each remedy tuned with the same budget inside the training folds.

    Parameters
    ----------
    task
        The question.
    vectors
        ``[n, d]`` float32, one row per example.
    names
        ``[C, d]`` vectors of the class names by the same encoder, or ``None``.
    remedies
        Specs, remedies, or the name of a set.
    words
        ``[n, v]`` sparse vectors (plain TF-IDF) for the baseline without a language model, or ``None``.
    folds
        Outer folds, >= 3.
    budget
        Settings that each remedy may try.
    seed
        Of all randomness.
    workers
        Processes; ``None`` for as many as there are cores. The result is the same to the bit for any number.
    learner
        What is fitted, by name (see :func:`evenshelf.learners.learner_kinds`) or as such. Linear heads of all remedies
        are fitted together; any other learner is fitted once for each setting and fold.
    folder
        Where vectors, trials and results are kept; a study that was interrupted goes on there.
    about
        Facts for the record: encoder, shop, target.
    """

    task: LabelTask
    vectors: NDArray[np.float32]
    folder: Path
    names: NDArray[np.float32] | None = None
    remedies: str | Sequence[str | Remedy] = "standard"
    words: Any = None
    folds: int = 5
    budget: int = 8
    seed: int = 0
    workers: int | None = None
    learner: str | LearnerKind = "heads"
    about: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.folds < 3:
            raise SettingError(
                f"folds={self.folds}: a study needs at least 3, one to test, one to choose settings, one to train.",
                hint="The usual number is 5.",
            )
        rows = len(self.task.target)
        for what, given, wanted in (
            ("vectors", self.vectors, rows),
            ("words", self.words, rows),
            ("names", self.names, len(self.task.classes)),
        ):
            if given is not None and given.shape[0] != wanted:
                each = "classes" if what == "names" else "examples"
                raise InputError(
                    f"There are {given.shape[0]} rows of {what}, but {wanted} {each}.",
                    hint="Give one row each, in the task's order; a task leaves out examples without a label.",
                )
        self.folder = Path(self.folder).resolve()  # workers may live longer than the current folder
        self._remedies = remedy_set(self.remedies)
        self._learner = learner_kind(self.learner) if isinstance(self.learner, str) else self.learner
        check_sets(self._learner, self.task)
        for remedy in self._remedies:
            settings(remedy, self.budget, self._learner)

    @property
    def compared(self) -> tuple[Remedy, ...]:
        """The remedies, the baseline first."""
        return self._remedies

    @property
    def fitted(self) -> LearnerKind:
        """The learner."""
        return self._learner

    def run(self, progress: Progress | None = None) -> StudyResult:
        """Do what is not done yet and gather the result, which is also written to the folder.

        Parameters
        ----------
        progress
            Called with work done, work in all (same unit) and a few words.
        """
        started = time.perf_counter()
        task = self.task
        fold = task.split(self.folds, self.seed)
        empty = sorted(set(range(self.folds)) - set(fold.tolist()))
        if empty:
            groups = len(np.unique(task.group[fold >= 0]))
            raise SettingError(
                f"{len(empty)} of {self.folds} folds would be empty: only {groups} {task.nouns.groups} can be tested, "
                "as the other classes stand in one group each.",
                hint="Ask for fewer folds, give more examples, or merge rare classes.",
            )
        matrices, places = self._prepare(fold)
        prior = Prior(task.counts)
        reasons = {
            r.spec: self._learner.unsupported(r)
            or r.not_applicable(prior, has_names=self.names is not None)
            or unfit_for_sets(r, task)
            for r in self._remedies
        }
        learners = {DENSE: self._learner, SPARSE: BINARY if self._learner.sets else HEADS, SHUFFLED: self._learner}
        wanted = [
            (r.spec, s)
            for r in self._remedies
            if reasons[r.spec] is None
            for s in settings(r, self.budget, learners[DENSE])
        ]
        baseline = parse("balanced")
        plans: dict[str, list[tuple[str, Setting]]] = {DENSE: wanted}
        if SPARSE in matrices:
            plans[SPARSE] = [(WORDS_SPEC, s) for s in settings(baseline, self.budget, HEADS)]
        plans[SHUFFLED] = [("none", s) for s in settings(parse("none"), self.budget, self._learner)]
        search = {
            name: search_units(plan, places[name], self.folds, SEARCH_AXES, learners[name])
            for name, plan in plans.items()
        }
        defaults = {
            DENSE: [(r.spec, Setting(r, None)) for r in self._remedies if reasons[r.spec] is None],
            SPARSE: [(WORDS_SPEC, Setting(baseline, None))],
            SHUFFLED: [],
        }
        work = _Work(self, progress)
        likely = sum(_final_cost(plans[name], defaults[name], self.folds, path=name == SPARSE) for name in plans)
        work.expect(sum(_cost(u) for units in search.values() for u in units) + likely)
        work.do([u for units in search.values() for u in units], "choosing settings")
        chosen = {name: self._choose(units) for name, units in search.items()}
        finals: dict[str, list[Unit]] = {}
        for name in plans:
            by_fold = {
                f: [*defaults[name], *((spec, setting) for spec, setting in chosen[name][f].items())]
                for f in range(self.folds)
            }
            starts = self._starts(search[name], matrices[name]) if on_paths(learners[name]) else None
            finals[name] = final_units(by_fold, places[name], starts, learners[name])
        work.expect(sum(_cost(u) for units in finals.values() for u in units))
        work.do([u for units in finals.values() for u in units], "final fits")
        gathered = {name: self._gather(search[name], finals[name], matrices[name]) for name in plans}
        offered = self._learner.penalties(self.budget)
        results = [_result(r, reasons[r.spec], gathered[DENSE]) for r in self._remedies]
        if SPARSE in matrices:
            results.append(_yardstick(baseline, gathered[SPARSE]))
        leak = self._leak(gathered[SHUFFLED], gathered[DENSE], fold)
        meta = {
            **task.describe(),
            **self.about,
            "learner": self._learner.name,
            "models": self._learner.title,
            "sizes": "learned" if self._learner.sets else "known" if task.several else None,
            "default_penalty": self._learner.default,
            "settings_tried": sorted({len(settings(r, self.budget, self._learner)) for r in self._remedies}),
            "weakest_penalty": offered[-1] if len(offered) > 1 else None,
            "folds": self.folds,
            "seed": self.seed,
            "budget": self.budget,
            "dimension": int(self.vectors.shape[1]),
            "split": "stratified folds" + (f"; {task.nouns.together} stay on one side" if task.nouns.together else ""),
            "leak": leak,
            "not_evaluated": task.not_evaluated(fold),
            "only_trained_on": task.only_trained_on(fold),
            "versions": {p: version(p) for p in ("evenshelf", "numpy", "scipy", "scikit-learn", "polars")},
            "machine": {"python": platform.python_version(), "system": platform.system(), "cores": os.cpu_count()},
            "fingerprint": places[DENSE].removeprefix(f"{DENSE}-"),
            "timings": {"study_seconds": round(time.perf_counter() - started, 2), "cpu_seconds": round(work.cpu, 2)},
        }
        result = StudyResult(
            meta=meta,
            classes=pl.DataFrame({"class": list(task.classes), "count": task.counts, "bucket": task.bucket.tolist()}),
            y=task.target.astype(np.int32),
            fold=fold,
            group=task.group,
            remedies=tuple(results),
            example=task.same if task.several else None,
        )
        if self._learner.sets:
            result = with_alarms(
                result,
                alarms_of(gathered[DENSE], gathered.get(SPARSE), results),
                matrices[DENSE].row_of,
                copies_of_texts(matrices[DENSE]),
            )
        save(result, self.folder)
        return result

    def _prepare(self, fold: NDArray[np.int16]) -> tuple[dict[str, Vectors], dict[str, str]]:
        """The vectors by what they are for, and the names of the folders that hold them."""
        task = self.task
        shuffled = task.shuffled(self.folds, self.seed)
        asked = {DENSE: (prepare, self.vectors, fold), SHUFFLED: (prepare, self.vectors, shuffled)}
        if self.words is not None:
            asked[SPARSE] = (prepare_sparse, self.words, fold)
        matrices: dict[str, Vectors] = {}
        places: dict[str, str] = {}
        for name, (make, vectors, folds) in asked.items():
            names = self.names if name == DENSE else None
            # named by what goes in and never changed, so that runs on other data may share the study's folder
            several = [task.same] if task.several else []
            places[name] = f"{name}-{trials.digest_of(vectors, task.target, folds, task.same, names, *several)}"
            matrices[name] = trials.stored_vectors(
                self.folder / "vectors" / places[name],
                partial(make, vectors, task.target, folds, task.same, several=task.several),
                names,
            )
        return matrices, places

    def _address(self, unit: Unit) -> str:
        return trials.address_of(unit, self.seed)

    def _starts(self, units: Sequence[Unit], matrix: Vectors) -> dict[int, Starts] | None:
        """Where final fits may start; sparse searches keep no weights, which would be large."""
        if not isinstance(matrix.rows, np.ndarray):
            return None
        addressed = [(self._address(unit), unit) for unit in units]
        total = int(matrix.count.sum())
        return starts_of(addressed, self.folds, lambda fold: total - int(matrix.count[matrix.index((fold,))].sum()))

    def _choose(self, units: Sequence[Unit]) -> list[dict[str, Setting]]:
        """Per outer fold and remedy the setting with the best inner score; ties go to the one listed first."""
        totals: list[dict[str, dict[int, list[float]]]] = [{} for _ in range(self.folds)]
        known: dict[str, list[Setting]] = {}
        for unit in units:
            facts, _ = trials.read(self.folder, self._address(unit))
            users = [user for t in unit.trainings for user in t.users]
            for (name, setting), fact in zip(users, facts["users"], strict=True):
                listed = known.setdefault(name, [])
                if setting not in listed:
                    listed.append(setting)
                for fold in unit.held_out:
                    # the score on the other fold chooses for this one: this fold's labels must not choose for itself
                    (other,) = (f for f in unit.held_out if f != fold)
                    scores = totals[fold].setdefault(name, {})
                    scores.setdefault(listed.index(setting), []).append(fact["scores"][str(other)])
        return [
            {
                name: known[name][max(scores, key=lambda i, s=scores: (float(np.mean(s[i])), -i))]  # type: ignore[misc]
                for name, scores in of_fold.items()
            }
            for of_fold in totals
        ]

    def _gather(self, search: Sequence[Unit], finals: Sequence[Unit], matrix: Vectors) -> Gathered:
        return gather(
            ((unit, trials.read(self.folder, self._address(unit))) for unit in search),
            ((unit, trials.read(self.folder, self._address(unit))) for unit in finals),
            matrix,
            self.task.bucket,
        )

    def _leak(self, flattered: Gathered, grouped_folds: Gathered, fold: NDArray[np.int16]) -> dict[str, float]:
        """What folds that ignore repeated titles would have claimed for ``none``, on the same examples."""
        kept = fold >= 0
        grouped, loose = (found.macro_f1("none", self.task.target, kept) for found in (grouped_folds, flattered))
        return {"macro_f1_grouped": grouped, "macro_f1_random": loose, "flattery": loose - grouped}


def _result(remedy: Remedy, reason: str | None, found: Gathered) -> RemedyResult:
    about: dict[str, Any] = {
        "spec": remedy.spec,
        "title": remedy.title,
        "stages": tuple(s.value for s in remedy.stages),
        "paper": remedy.paper,
    }
    if reason is not None:
        return RemedyResult(**about, not_applicable=reason)
    return RemedyResult(
        **about,
        tuned=found.outcome(remedy.spec, tuned=True),
        default=found.outcome(remedy.spec, tuned=False),
        notes=found.notes(remedy.spec),
    )


def _yardstick(remedy: Remedy, found: Gathered) -> RemedyResult:
    return RemedyResult(
        spec=WORDS_SPEC,
        title="Plain TF-IDF with class weights",
        stages=tuple(s.value for s in remedy.stages),
        paper="the usual baseline without a language model",
        reference=True,
        tuned=found.outcome(WORDS_SPEC, tuned=True),
        default=found.outcome(WORDS_SPEC, tuned=False),
    )


class _Work:
    """Does units, in this process or in several, and says how far it is."""

    def __init__(self, study: Study, progress: Progress | None) -> None:
        self._study, self._progress = study, progress
        self._total, self._done = 0.0, 0.0
        self.cpu = 0.0

    def expect(self, left: float) -> None:
        self._total = self._done + left

    def do(self, units: Sequence[Unit], words: str) -> None:
        study = self._study
        if self._progress:
            self._progress(self._done, self._total, words)
        # the longest first, so that no worker is left with a long one at the end
        ordered = sorted(units, key=_cost, reverse=True)
        workers = min(study.workers or usable_cores(), max(len(ordered), 1))
        calls = (
            delayed(_do)(unit, study._address(unit), study.folder, study.seed, number)
            for number, unit in enumerate(ordered)
        )
        if workers == 1:
            finished = (function(*args) for function, args, _ in calls)
        else:
            finished = Parallel(n_jobs=workers, backend="loky", return_as="generator_unordered", batch_size=1)(calls)
        for number, seconds in finished:
            self.cpu += seconds
            self._done += _cost(ordered[number])
            if self._progress:
                self._progress(self._done, self._total, words)


def _do(unit: Unit, address: str, folder: Path, seed: int, number: int) -> tuple[int, float]:
    # the address comes along: another process may see the code of a remedy that was typed into a prompt differently
    trials.run(unit, address, folder, seed)
    return number, float(trials.read(folder, address)[0]["seconds"])


def _cost(unit: Unit) -> float:
    """Expected cost, in fits: a final fit goes further than one of a search."""
    each = 1.0 if unit.kind == "search" else 3.0
    return sum(each * len(t.penalties) * (1.5 if "resample" in t.remedy.stages else 1.0) for t in unit.trainings)


def _final_cost(
    wanted: Sequence[tuple[str, Setting]], defaults: Sequence[tuple[str, Setting]], folds: int, *, path: bool
) -> float:
    """Expected cost of the final fits, before it is known what is chosen; on a path of penalties each takes several."""
    remedies = dict(wanted)
    made = {name: 1.5 if "resample" in setting.remedy.stages else 1.0 for name, setting in remedies.items()}
    return 3.0 * folds * (sum(made.values()) * (3 if path else 1) + sum(made[name] for name, _ in defaults))


def study_folder(base: Path, task: LabelTask, *identity: object) -> Path:
    """Folder for a study's trials below `base`, named by what it asks."""
    digest = blake2b(repr((task.describe(), identity)).encode(), digest_size=6).hexdigest()
    return base / f"{task.name}-{digest}"
