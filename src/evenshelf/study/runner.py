"""Runs a study: plans its units, does them with any number of workers, resumes, and gathers the result."""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from hashlib import blake2b
from importlib.metadata import version
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evenshelf.baselines import Baseline, baselines_of
from evenshelf.baselines.registry import DEFAULT, NONE
from evenshelf.encoders import Encoder
from evenshelf.encoders.token_ids import token_matrix
from evenshelf.errors import InputError, SettingError
from evenshelf.learners import LearnerKind, learner_kind
from evenshelf.learners.heads import HEADS
from evenshelf.learners.variants import acting_on_rows
from evenshelf.learners.vectors import Vectors, prepare, prepare_given, prepare_sparse
from evenshelf.remedies import Prior, Remedy, TextMaker, parse, remedy_set
from evenshelf.study import trials
from evenshelf.study.advising.data import DATA, data_facts
from evenshelf.study.alarms import alarms_of, with_alarms
from evenshelf.study.answers import copies_of_texts
from evenshelf.study.applicable import check_sets, unfit_for_sets
from evenshelf.study.controls import CONTROLS
from evenshelf.study.curve_fits import check_learner
from evenshelf.study.gather import Gathered, gather
from evenshelf.study.learning_curve import LearningCurve, learning_curve
from evenshelf.study.made_rows import MADE_TEXTS, laid_out_texts
from evenshelf.study.plan import (
    Setting,
    Starts,
    Unit,
    final_units,
    on_paths,
    search_axes,
    search_units,
    settings,
    starts_of,
    with_variants,
)
from evenshelf.study.references import (
    GIVEN,
    SPARSE,
    TOKENS,
    Line,
    described,
    reference_line,
    reference_result,
    refused,
)
from evenshelf.study.results import RemedyResult, StudyResult, kept_further, save
from evenshelf.study.text_making import TextMaking, makers_of
from evenshelf.study.work import Progress, Work, cost, final_cost, pieces_of
from evenshelf.tasks.label import LabelTask
from evenshelf.tasks.recommend import RecommendTask
from evenshelf.tasks.search import SearchTask

DENSE, SHUFFLED, GROUPED = "dense", "random-folds", "plain-heads"
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
        ``[n, v]`` sparse vectors (plain TF-IDF) for the baselines of plain words, or ``None``.
    baselines
        Other models to tell beside the remedies, by name or as such, ``"all"`` or ``"none"``; ``None`` for plain words
        where there are some. See :func:`evenshelf.baselines.baseline_kinds`.
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
    read
        Of a learner that reads texts beside vectors (:attr:`evenshelf.learners.LearnerKind.reads`), what it reads of
        examples and of class names, a row each.
    folder
        Where vectors, trials and results are kept; a study that was interrupted goes on there.
    making
        What makes texts for remedies that train on such; without it they are not applicable.
    encoder
        What turned texts into `vectors`; ``None`` where that is not known, and nothing can be said of words.
    about
        Facts for the record: encoder, shop, target.
    """

    task: LabelTask
    vectors: NDArray[np.float32]
    folder: Path
    names: NDArray[np.float32] | None = None
    remedies: str | Sequence[str | Remedy] = "standard"
    words: Any = None
    baselines: str | Sequence[str | Baseline] | None = None
    folds: int = 5
    budget: int = 8
    seed: int = 0
    workers: int | None = None
    learner: str | LearnerKind = "heads"
    read: tuple[NDArray[np.float32], NDArray[np.float32]] | None = None
    making: TextMaking | None = None
    encoder: Encoder | None = None
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
        self._remedies = tuple(remedy.bound(self.task.classes) for remedy in remedy_set(self.remedies))
        self._learner = learner_kind(self.learner) if isinstance(self.learner, str) else self.learner
        if (self._learner.reads is None) != (self.read is None):
            raise SettingError(
                f"The learner {self._learner.name!r} reads {'vectors alone' if self.read else 'texts as well'}.",
                hint="Make the study by evenshelf.study.prepare.prepare, which gives a learner what it reads.",
            )
        check_sets(self._learner, self.task)
        asked = self.baselines if self.baselines is not None else NONE if self.words is None else DEFAULT
        self._baselines = baselines_of(asked)
        self._finals: tuple[Unit, ...] = ()
        for remedy in self._remedies:
            settings(remedy, self.budget, self._learner)
        for baseline in self._baselines:
            reference_line(baseline, self.budget, self._learner)

    @property
    def compared(self) -> tuple[Remedy, ...]:
        """The remedies, the baseline first."""
        return self._remedies

    @property
    def fitted(self) -> LearnerKind:
        """The learner."""
        return self._learner

    @property
    def finals(self) -> tuple[Unit, ...]:
        """The final fits of the remedies, once it has run; of none of the baselines."""
        return self._finals

    @property
    def given(self) -> tuple[NDArray[np.float32], NDArray[np.float32] | None]:
        """What the learner is given: ``[n, d]`` rows of examples, and ``[C, d]`` of class names."""
        if self.read is None:
            return self.vectors, self.names
        names = None if self.names is None else np.hstack([self.names, self.read[1]])
        return np.hstack([self.vectors, self.read[0]]), names

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
        why = {b.spec: self._refused(b) for b in self._baselines}
        lines = {b.spec: reference_line(b, self.budget, self._learner) for b in self._baselines if why[b.spec] is None}
        matrices, places = self._prepare(fold, {line.matrix for line in lines.values()})
        prior = Prior(task.counts)
        reasons = {
            r.spec: self._learner.unsupported(acting_on_rows(r))
            or r.not_applicable(prior, has_names=self.names is not None)
            or unfit_for_sets(r, task)
            or self._unmade(r)
            for r in self._remedies
        }
        applicable = [r for r in self._remedies if reasons[r.spec] is None]
        lines = {
            DENSE: Line(
                DENSE,
                self._learner,
                [(r.spec, s) for r in applicable for s in settings(r, self.budget, self._learner)],
                [(r.spec, Setting(r, None)) for r in applicable],
            ),
            **lines,
            **{name: self._plain_line(name) for name in self._flattery},
        }
        made, told = self.made_texts(applicable, matrices[DENSE], fold, progress)
        search = {
            name: with_variants(
                search_units(
                    line.wanted, places[line.matrix], self.folds, search_axes(matrices[line.matrix]), line.learner
                ),
                made,
            )
            if line.settled is None
            else []
            for name, line in lines.items()
        }
        work = Work(self.folder, self.workers, progress)
        likely = sum(final_cost(line, self.folds) for line in lines.values())
        work.expect(sum(cost(u) for units in search.values() for u in units) + likely)
        work.do(pieces_of([u for units in search.values() for u in units], self.seed), "choosing settings")
        chosen = {name: self._choose(units) for name, units in search.items()}
        settled = {name: line.settled for name, line in lines.items()}
        chosen |= {name: [known] * self.folds for name, known in settled.items() if known is not None}
        finals: dict[str, list[Unit]] = {}
        for name, line in lines.items():
            by_fold = {
                f: [*line.defaults, *((spec, setting) for spec, setting in chosen[name][f].items())]
                for f in range(self.folds)
            }
            starts = self._starts(search[name], matrices[line.matrix]) if on_paths(line.learner) else None
            finals[name] = with_variants(final_units(by_fold, places[line.matrix], starts, line.learner), made)
        self._finals = tuple(finals[DENSE])
        work.expect(sum(cost(u) for units in finals.values() for u in units))
        work.do(pieces_of([u for units in finals.values() for u in units], self.seed), "final fits")
        gathered = {n: self._gather(search[n], finals[n], matrices[line.matrix]) for n, line in lines.items()}
        offered = self._learner.penalties(self.budget)
        results = [_result(r, reasons[r.spec], gathered[DENSE]) for r in self._remedies]
        results += [reference_result(b, why[b.spec], gathered.get(b.spec)) for b in self._baselines]
        kept, loose = self._flattery[0] if len(self._flattery) > 1 else DENSE, SHUFFLED
        leak = self._leak(gathered[loose], gathered[kept], fold)
        meta = {
            **task.describe(),
            **self.about,
            "learner": self._learner.name,
            "models": self._learner.title,
            "sizes": "learned" if self._learner.sets else "known" if task.several else None,
            "default_penalty": self._learner.default,
            "settings_tried": sorted({len(settings(r, self.budget, self._learner)) for r in self._remedies}),
            "baselines": [described(b, lines.get(b.spec)) for b in self._baselines],
            "weakest_penalty": offered[-1] if len(offered) > 1 else None,
            "folds": self.folds,
            "seed": self.seed,
            "budget": self.budget,
            "dimension": int(self.vectors.shape[1]),
            "split": "stratified folds" + (f"; {task.nouns.together} stay on one side" if task.nouns.together else ""),
            "leak": leak,
            **({MADE_TEXTS: told} if told else {}),
            **({trials.COPIED: copied} if (copied := _copied(gathered[DENSE], applicable)) else {}),
            **({CONTROLS: controls} if (controls := _controls(self._remedies)) else {}),
            "not_evaluated": task.not_evaluated(fold),
            "only_trained_on": task.only_trained_on(fold),
            DATA: data_facts(task, self.vectors, self.seed),
            "versions": {p: version(p) for p in ("evenshelf", "numpy", "scipy", "scikit-learn", "polars")},
            "machine": {"python": platform.python_version(), "system": platform.system(), "cores": os.cpu_count()},
            "fingerprint": places[DENSE].removeprefix(f"{DENSE}-"),
            "plan": self._digest(search[DENSE], finals[DENSE]),
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
            traits=task.traits,
        )
        if self._learner.sets:
            result = with_alarms(
                result,
                alarms_of({**dict.fromkeys(reasons, gathered[DENSE]), **gathered}, results),
                matrices[DENSE].row_of,
                copies_of_texts(matrices[DENSE]),
            )
        result = replace(result, **kept_further(self.folder, result.meta["plan"]))
        save(result, self.folder)
        return result

    @property
    def tests_anew(self) -> bool:
        """Whether another seed tests by other folds."""
        return True

    def again(self, seed: int, specs: Sequence[str], folder: Path) -> Study:
        """Some of the remedies under another seed - other folds, other draws -, without other models."""
        known = {remedy.spec: remedy for remedy in self._remedies}
        chosen = [known[spec] for spec in specs]  # with the controls of those that have one
        return replace(self, seed=seed, remedies=chosen, words=None, baselines=NONE, folder=folder)

    def check_curve(self) -> None:
        """Raise a :class:`SettingError` if there is no learning curve of the learner."""
        check_learner(self._learner)

    def learning_curve(self, result: StudyResult, specs: Sequence[str], progress: Progress | None) -> LearningCurve:
        """See :func:`evenshelf.study.learning_curve.learning_curve`."""
        return learning_curve(self, result, specs, progress)

    def _digest(self, search: Sequence[Unit], finals: Sequence[Unit]) -> str:
        """Of all that other seeds and a learning curve depend on; baselines are in neither."""
        addresses = np.array(sorted(self._address(unit) for unit in (*search, *finals)))
        return trials.digest_of(addresses, self.task.group)

    def _refused(self, baseline: Baseline) -> str | None:
        """Why a baseline cannot be fitted here, or ``None``."""
        return baseline.not_applicable(
            words=self.words is not None,
            texts=self.task.texts is not None,
            names=self.names is not None,
            several=self.task.several,
        ) or refused(baseline, self._learner)

    def _prepare(self, fold: NDArray[np.int16], more: set[str]) -> tuple[dict[str, Vectors], dict[str, str]]:
        """The vectors by what they are for, and the names of the folders that hold them.

        Parameters
        ----------
        more
            What baselines read.
        """
        task = self.task
        shuffled = task.shuffled(self.folds, self.seed)
        given = partial(prepare_given, group=task.group)
        make = given if self._learner.grouped else prepare
        rows, named = self.given
        asked = {DENSE: (make, rows, fold), SHUFFLED: (prepare if self.read else make, self.vectors, shuffled)}
        if self.read is not None:
            asked[GROUPED] = (prepare, self.vectors, fold)
        if SPARSE in more:
            asked[SPARSE] = (prepare_sparse, self.words, fold)
        if GIVEN in more:
            asked[GIVEN] = (given, self.vectors, fold)
        if TOKENS in more and task.texts is not None:
            asked[TOKENS] = (given, token_matrix(task.texts), fold)
        matrices: dict[str, Vectors] = {}
        places: dict[str, str] = {}
        for name, (make, vectors, folds) in asked.items():
            names = named if name == DENSE else self.names if name == GIVEN else None
            # named by what goes in and never changed, so that runs on other data may share the study's folder
            further = [*([task.same] if task.several else []), *([task.group] if make is given else [])]
            places[name] = f"{name}-{trials.digest_of(vectors, task.target, folds, task.same, names, *further)}"
            matrices[name] = trials.stored_vectors(
                self.folder / "vectors" / places[name],
                partial(make, vectors, task.target, folds, task.same, several=task.several),
                names,
            )
        return matrices, places

    def _unmade(self, remedy: Remedy) -> str | None:
        """Why no texts can be made for a remedy, or ``None``."""
        if remedy.text_maker is None:
            return None
        return "there are no texts to make others of" if self.making is None else self.making.unfit(remedy.text_maker)

    def made_texts(
        self, remedies: Sequence[Remedy], matrix: Vectors, fold: NDArray[np.integer], progress: Progress | None
    ) -> tuple[dict[TextMaker, str], list[dict[str, Any]]]:
        """Make texts for remedies that train on such, out of those of each fold.

        Returns
        -------
        Names of the folders that hold their vectors, by what made them, and what is told of each.
        """
        if self.making is None:
            return {}, []
        making = partial(self.making, fold=fold, seed=self.seed, tell=progress)
        return laid_out_texts(making, makers_of(remedies, self.budget), matrix, self.folder)

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

    @property
    def _flattery(self) -> tuple[str, ...]:
        """Lines beside the learner's that tell what repeated titles would flatter.

        Where a fit takes minutes, linear heads tell it, which need a line on the grouped folds as well.
        """
        return (SHUFFLED,) if self.read is None else (GROUPED, SHUFFLED)

    def _plain_line(self, matrix: str) -> Line:
        """Doing nothing, on vectors alone."""
        learner = HEADS if self.read is not None else self._learner
        return Line(matrix, learner, [("none", s) for s in settings(parse("none"), self.budget, learner)])

    def _leak(self, flattered: Gathered, grouped_folds: Gathered, fold: NDArray[np.int16]) -> dict[str, float]:
        """What folds that ignore repeated titles would have claimed for ``none``, on the same examples."""
        kept = fold >= 0
        grouped, loose = (found.macro_f1("none", self.task.target, kept) for found in (grouped_folds, flattered))
        return {"macro_f1_grouped": grouped, "macro_f1_random": loose, "flattery": loose - grouped}


def _copied(found: Gathered, remedies: Sequence[Remedy]) -> dict[str, list[dict[str, Any]]]:
    """Of each remedy whose rows a network made, by fold whether they copy given ones."""
    told = {
        r.spec: sorted((dict(fact) for fact in found.copied(r.spec)), key=lambda f: int(f["fold"])) for r in remedies
    }
    return {spec: facts for spec, facts in told.items() if facts}


def _controls(remedies: Sequence[Remedy]) -> dict[str, str]:
    """What each remedy that has a control is to be compared with besides."""
    return {r.spec: r.control.spec for r in remedies if r.control is not None}


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


def study_folder(base: Path, task: LabelTask | RecommendTask | SearchTask, *identity: object) -> Path:
    """Folder for a study's trials below `base`, named by what it asks."""
    digest = blake2b(repr((task.describe(), identity)).encode(), digest_size=6).hexdigest()
    return base / f"{task.name}-{digest}"
