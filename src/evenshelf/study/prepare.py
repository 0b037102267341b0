"""From a question to a study that is ready to run: encoder, vectors, names, the plain baseline, the record."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import numpy as np

from evenshelf.baselines import Baseline, Reads, baselines_of
from evenshelf.baselines.registry import DEFAULT
from evenshelf.encoders import Choice, Encoder, VectorCache, choose_encoder, encoder_kind, open_encoder
from evenshelf.encoders.bag import word_matrix
from evenshelf.errors import InputError, SettingError, near
from evenshelf.learners import learner_kind
from evenshelf.remedies import Remedy, remedy_set
from evenshelf.remedies.sets import SETS
from evenshelf.shop import Shop
from evenshelf.study.applicable import check_sets
from evenshelf.study.plan import settings
from evenshelf.study.references import reference_line
from evenshelf.study.runner import Study, study_folder
from evenshelf.study.text_making import TextMaking, check_maker, makers_of
from evenshelf.tasks import task_kind
from evenshelf.tasks.label import LabelTask
from evenshelf.tasks.label_metrics import CLASSES, bucket_or_cold
from evenshelf.tasks.measures import Measures

AUTO = "auto"
STUDIES = "studies"
"""Folder of a shop's studies, inside of the shop."""


@dataclass(frozen=True)
class Plan:
    """What a study is asked for, apart from the data.

    Attributes
    ----------
    remedies
        Specs, remedies, or the name of a set.
    folds, budget, seed
        As in :class:`evenshelf.study.runner.Study`.
    workers
        Processes; ``None`` for as many as there are cores. Does not change the result.
    learner
        Name of what is fitted; see :func:`evenshelf.learners.learner_kinds`. Or what makes it, as ``file.py:make``.
    baselines
        As in :class:`evenshelf.study.runner.Study`.
    """

    remedies: str | Sequence[str | Remedy] = "standard"
    folds: int = 5
    budget: int = 8
    seed: int = 0
    workers: int | None = None
    learner: str = "heads"
    baselines: str | Sequence[str | Baseline] | None = None

    def check(self, *, texts: bool = True) -> None:
        """Raise a :class:`SettingError` that names every setting that cannot be; takes no time.

        Parameters
        ----------
        texts
            Whether there are texts, so that the baseline of plain words is tuned as well unless others are asked for.
        """
        faults, hint = [], None
        if self.folds < 3:
            faults.append(f"folds is {self.folds}, and a study needs at least 3")
        if self.workers is not None and self.workers < 1:
            faults.append(f"workers is {self.workers}, and at least one is needed")
        if self.seed < 0:
            faults.append(f"seed is {self.seed}, and must not be negative")
        try:
            learner = learner_kind(self.learner)
            compared = remedy_set(self.remedies)
            for remedy in compared:
                settings(remedy, self.budget, learner)
            for maker in makers_of(compared, self.budget):
                check_maker(maker)
            for baseline in self.wanted_baselines if texts or self.baselines is not None else ():
                reference_line(baseline, self.budget, learner)
        except SettingError as error:
            faults.append(error.message)
            hint = error.hint
            meant = near(str(self.remedies).strip(), SETS, n=1)
            if meant and self.remedies not in SETS:
                hint = f"The sets are {' and '.join(SETS)}{meant}."
        if faults:
            text = "; ".join(fault.rstrip(".") for fault in faults)
            raise SettingError(f"{text[0].upper()}{text[1:]}.", hint=hint)

    @property
    def wanted_baselines(self) -> tuple[Baseline, ...]:
        """Those asked for, where there are texts."""
        return baselines_of(DEFAULT if self.baselines is None else self.baselines)


def shop_task(
    shop: Shop,
    target: str = "category",
    *,
    kind: str = "label",
    sample: int | None = None,
    seed: int = 0,
    by: Sequence[str] = (),
) -> LabelTask:
    """Ask for a column of a shop, of all that it holds or of a seeded sample.

    Parameters
    ----------
    target
        The column to be learned.
    kind
        Of the task; see :func:`evenshelf.tasks.task_kinds`.
    sample
        How many items or users to draw, every one with the same chance, so that rare classes stay as rare as they are;
        ``None``, or more than there are, means all.
    seed
        Of the draw.
    by
        Columns that examples are told apart by once all is predicted; by default brand, seller and price.

    Raises
    ------
    InputError
        If a column is missing (close names are offered), or fewer than two classes are left.
    SettingError
        If the sample is not positive, there is no such task, or `by` is given for another one than ``label``.
    """
    if sample is not None and sample < 1:
        raise SettingError(f"A sample of {sample} is none.", hint="Give a positive number, or none for all.")
    found = task_kind(kind)
    if by and found.name != LabelTask.name:
        raise SettingError(
            f"The task {kind!r} cannot tell examples apart by {', '.join(by)}.",
            hint=f"Leave --by away, or ask with --task {LabelTask.name}.",
        )
    if found.answers != CLASSES.name:
        raise SettingError(f"The task {kind!r} is no question for a class.", hint="See: evenshelf tasks.")
    task = LabelTask.told_apart(shop, target, by=by) if by else cast("LabelTask", found.ask(shop, target))
    if task.name != kind:
        raise SettingError(
            f"The task {kind!r} returned one that calls itself {task.name!r}; studies are kept under that name.",
            hint=f"Return an instance of a subclass of LabelTask with name = {kind!r}.",
        )
    return task if sample is None or sample >= task.things else task.sampled(sample, seed)


def pick_encoder(texts: Sequence[str], spec: str = AUTO) -> Choice:
    """The encoder asked for, or one chosen by looking at the texts; with the reason, for the person who runs this."""
    return choose_encoder(texts) if spec.strip() == AUTO else Choice(spec.strip(), "as asked for")


def check_encoder(spec: str) -> None:
    """Raise a :class:`SettingError` with close names if there is no such encoder, before any data is read."""
    encoder_kind(spec.strip().partition(":")[0])


def shop_folder(shop: Shop, task: LabelTask, target: str, choice: Choice, plan: Plan) -> Path:
    """Where a study of a shop is kept: the same question of the same data leads to the same folder."""
    remedies = tuple(r.spec for r in remedy_set(plan.remedies))
    identity = (shop.fingerprint(), target, choice.spec, plan.learner, remedies, plan.folds, plan.budget, plan.seed)
    return study_folder(shop.path / STUDIES, task, *identity)


def prepare(
    task: LabelTask,
    choice: Choice,
    folder: Path,
    plan: Plan | None = None,
    *,
    encoder: Encoder | None = None,
    names: Sequence[str] | None = None,
    about: Mapping[str, Any] | None = None,
    cache: VectorCache | None = None,
    progress: Callable[[float, float], None] | None = None,
) -> Study:
    """Encode the texts and make the study ready.

    Parameters
    ----------
    task
        The question, with texts.
    choice
        The encoder and why; see :func:`pick_encoder`.
    folder
        Of the study; one that was interrupted there goes on.
    plan
        What to compare and how.
    encoder
        One that is open already, instead of opening what `choice` names.
    names
        ``[C]`` what each class is called, for the encoder; by default :attr:`LabelTask.class_texts`.
    about
        More facts for the record (shop, target).
    cache
        Of vectors; by default the one of this person, so that no text is ever encoded twice.
    progress
        Called with the number of texts encoded and in all.

    Raises
    ------
    InputError
        If the task has no texts, or what the encoder raises.
    """
    plan = plan or Plan()
    if task.texts is None:
        raise InputError("The task has no texts to encode.", hint="Give a Study its vectors instead.")
    plan.check()
    check_sets(learner_kind(plan.learner), task)
    for remedy in remedy_set(plan.remedies):
        remedy.bound(task.classes)  # what is wrong for these classes is said before the texts are encoded
    makers = makers_of(remedy_set(plan.remedies), plan.budget)
    texts, labels = list(task.texts), list(task.class_texts if names is None else names)
    total, done = len(texts) + len(labels), 0

    def tell(more: int) -> None:
        nonlocal done
        done += more
        if progress is not None:
            progress(done, total)

    tell(0)
    started = time.perf_counter()
    opened = open_encoder(choice.spec, texts) if encoder is None else encoder
    cache = cache or VectorCache()
    vectors = cache.encode(opened, texts, tell)
    named = cache.encode(opened, labels, tell)
    reads = learner_kind(plan.learner).reads
    making = TextMaking(task, opened, cache, reads) if makers and not task.several else None
    seconds = time.perf_counter() - started
    return Study(
        task,
        vectors,
        folder,
        names=named,
        remedies=plan.remedies,
        words=word_matrix(texts) if any(b.reads is Reads.WORDS for b in plan.wanted_baselines) else None,
        baselines=plan.wanted_baselines,
        folds=plan.folds,
        budget=plan.budget,
        seed=plan.seed,
        workers=plan.workers,
        learner=plan.learner,
        read=None if reads is None else (reads(texts), reads(labels)),
        making=making,
        encoder=opened,
        about={
            "name": task.name,
            **(about or {}),
            "encoder": {
                "spec": choice.spec,
                "reason": choice.reason,
                "dimension": opened.dimension,
                "fingerprint": opened.fingerprint,
                "seconds": round(seconds, 2),
                "texts_per_second": round(total / max(seconds, 1e-9), 1),
            },
        },
    )


def check_verdict(metric: str, guardrail: float, zone: float = 0.0, *, measures: Measures = CLASSES) -> None:
    """Raise a :class:`SettingError` before the work, not after it, if no verdict can be had with these settings."""
    if metric not in measures.decisive:
        raise SettingError(
            f"No verdict rests on the metric {metric!r}{near(metric, measures.decisive)}.",
            hint=f"One of: {', '.join(measures.decisive)}.",
        )
    if not 0 <= guardrail <= 1:
        raise SettingError(
            f"The guardrail is a share of {measures.title(measures.head)}, from 0 to 1, not {guardrail:g}.",
            hint="The usual value is 0.01.",
        )
    if not 0 <= zone <= 1:
        raise SettingError(
            f"The zone in which a gain does not matter is from 0 to 1, not {zone:g}.",
            hint=f"The usual value is {measures.zone:g}.",
        )


def check_metric(task: LabelTask, metric: str, plan: Plan) -> None:
    """Raise a :class:`SettingError` before the work if no class that `metric` averages over will be evaluated."""
    kind = metric.removesuffix("_f1")
    if kind not in ("head", "torso", "tail", "cold"):
        return
    fold = task.split(plan.folds, plan.seed)
    evaluated = np.bincount(task.target[fold >= 0], minlength=len(task.classes)) > 0
    there = sorted(set(bucket_or_cold(task.target, fold, task.bucket)[evaluated].tolist()))
    if kind not in there:
        raise SettingError(
            f"No verdict can rest on {metric}: none of the classes that can be evaluated is {kind} (they are "
            f"{' and '.join(there) or 'none'}).",
            hint="Choose macro_f1, or the metric of a kind that is there.",
        )


def stored_trials(folder: Path) -> int:
    """How many units of work an earlier run left in a study's folder."""
    return sum(1 for _ in (folder / "trials").glob("*.npz"))
