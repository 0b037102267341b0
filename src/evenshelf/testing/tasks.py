"""What every labelling task promises: sound codes, classes by frequency, folds that do not leak."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from evenshelf.shop import simulate
from evenshelf.tasks import TaskKind, task_kinds
from evenshelf.tasks.folds import ALWAYS_TRAINING
from evenshelf.tasks.label import LabelTask
from evenshelf.tasks.label_metrics import CLASSES
from evenshelf.tasks.recommend import RecommendTask
from evenshelf.tasks.search import SearchTask
from evenshelf.testing.check import Check, gather, run_all
from evenshelf.testing.list_tasks import list_task_checks
from evenshelf.testing.search_tasks import search_task_checks

Folds = NDArray[np.int16]


@dataclass(frozen=True)
class _Subject:
    task: LabelTask
    folds: int


def task_checks(task: LabelTask, folds: int = 5) -> list[Check]:
    """Checks of a task, split into so many folds.

    Parameters
    ----------
    task
        The task.
    folds
        At least 2, and no more than the task has groups of texts.
    """
    return gather(
        task.name,
        has_codes_of_its_classes,
        names_classes_by_falling_frequency,
        keeps_equal_texts_together,
        splits_no_group,
        evaluates_all_that_can_be_trained_and_tested,
        spreads_every_class,
        splits_alike_for_the_same_seed,
        names_what_is_not_evaluated,
        describes_itself_in_json,
        of=_Subject(task, folds),
    )


def task_kind_checks(kind: TaskKind, folder: Path) -> list[Check]:
    """Checks of a kind of task, asked of a simulated shop for its categories, or for what is no column of its items.

    Parameters
    ----------
    kind
        As it is registered.
    folder
        An empty or new one, for the shop.
    """
    shop = simulate(folder, items=300, language="en")
    of_items = kind.answers == CLASSES.name and kind.target in shop.items().columns
    task = kind.ask(shop, "category" if of_items else kind.target)
    named = gather(kind.name, is_found_and_named, of=_Asked(kind, task))
    if isinstance(task, SearchTask):
        return [*named, *search_task_checks(task)]
    return [*named, *(list_task_checks(task) if isinstance(task, RecommendTask) else task_checks(task, 3))]


def check_task(task: LabelTask, folds: int = 5) -> None:
    """Run :func:`task_checks`; raise ``AssertionError`` (or a group of errors) if any fails."""
    run_all(task_checks(task, folds))


@dataclass(frozen=True)
class _Asked:
    kind: TaskKind
    task: LabelTask | RecommendTask | SearchTask


def is_found_and_named(asked: _Asked) -> None:
    """By its name, under which studies of its tasks are kept."""
    assert task_kinds().get(asked.kind.name) == asked.kind, f"{asked.kind.name!r} is not registered"
    assert asked.task.name == asked.kind.name, f"its tasks are called {asked.task.name!r}, not {asked.kind.name!r}"
    assert asked.kind.summary.strip().endswith("."), "the summary is no sentence"


def has_codes_of_its_classes(subject: _Subject) -> None:
    """One code per example, and no class without an example."""
    task = subject.task
    assert task.target.dtype == np.int64, f"codes are {task.target.dtype}, not int64"
    lengths = {len(task.target), len(task.group), len(task.same)} | ({len(task.texts)} if task.texts else set())
    assert len(lengths) == 1, f"target, group, same and texts differ in length: {sorted(lengths)}"
    assert sorted(np.unique(task.target)) == list(range(len(task.classes))), "codes are not those of the classes"
    assert len(set(task.classes)) == len(task.classes) >= 2, "classes repeat, or there is but one"


def names_classes_by_falling_frequency(subject: _Subject) -> None:
    """Ties by name; counts, buckets and texts of the classes in the same order."""
    task = subject.task
    counts = np.bincount(task.target, minlength=len(task.classes)).tolist()
    assert task.counts.tolist() == counts, "counts are not those of the codes"
    order = sorted(range(len(counts)), key=lambda c: (-counts[c], task.classes[c]))
    assert order == list(range(len(counts))), "classes are not ordered by falling frequency, ties by name"
    assert len(task.bucket) == len(task.class_texts) == len(counts), "there is not one bucket and text per class"
    assert set(task.bucket) <= {"head", "torso", "tail"}, f"buckets are {set(task.bucket)}"


def keeps_equal_texts_together(subject: _Subject) -> None:
    """Examples with the same text are the same, and in the same group."""
    task = subject.task
    if task.texts is not None:
        known: dict[str, int] = {}
        for text, same in zip(task.texts, task.same.tolist(), strict=True):
            assert known.setdefault(text, same) == same, f"equal texts have different numbers: {text!r}"
        assert len(set(known.values())) == len(known), "different texts have equal numbers"
    pairs = np.unique(np.stack([task.same, task.group]), axis=1)
    assert len(np.unique(pairs[0])) == pairs.shape[1], "equal texts are in different groups"


def splits_no_group(subject: _Subject) -> None:
    """Equal and nearly equal texts are on one side."""
    task, fold = subject.task, _split(subject)
    pairs = np.unique(np.stack([task.group, fold.astype(np.int64)]), axis=1)
    assert len(np.unique(pairs[0])) == pairs.shape[1], "a group of texts is split between folds"


def evaluates_all_that_can_be_trained_and_tested(subject: _Subject) -> None:
    """Only examples whose group holds a class of one group are left to training."""
    task, fold = subject.task, _split(subject)
    groups_of_class = [len(np.unique(task.group[task.target == c])) for c in range(len(task.classes))]
    lone = np.array(groups_of_class)[task.target] == 1
    left = np.isin(task.group, task.group[lone])
    np.testing.assert_array_equal(fold == ALWAYS_TRAINING, left)
    assert fold.min() >= ALWAYS_TRAINING, f"folds begin at {fold.min()}"
    assert fold.max() < subject.folds, f"there is a fold {fold.max()} of {subject.folds}"


def spreads_every_class(subject: _Subject) -> None:
    """Every evaluated class can be trained on when it is tested."""
    task, fold = subject.task, _split(subject)
    for code in np.unique(task.target[fold != ALWAYS_TRAINING]):
        found = np.unique(fold[task.target == code])
        assert len(found) > 1, f"all examples of {task.classes[code]!r} are in fold {found[0]}"


def splits_alike_for_the_same_seed(subject: _Subject) -> None:
    """To the example."""
    np.testing.assert_array_equal(_split(subject), _split(subject))


def names_what_is_not_evaluated(subject: _Subject) -> None:
    """Exactly the classes without an evaluated example, each with a reason."""
    task, fold = subject.task, _split(subject)
    tested = {task.classes[c] for c in np.unique(task.target[fold != ALWAYS_TRAINING])}
    named = task.not_evaluated(fold)
    assert set(named) == set(task.classes) - tested, "the classes named are not those without an evaluated example"
    assert all(reason.strip() for reason in named.values()), "a class is not evaluated, without a reason"


def describes_itself_in_json(subject: _Subject) -> None:
    """For the record of a study."""
    facts = subject.task.describe()
    assert json.loads(json.dumps(facts)) == facts, "the description does not survive JSON"
    assert facts["rows"] == len(subject.task.target), "the description has another number of rows"
    assert facts["classes"] == len(subject.task.classes), "the description has another number of classes"


def _split(subject: _Subject) -> Folds:
    return subject.task.split(subject.folds, 7)
