"""Checks that every task holds whose answers are lists: nothing wanted leaks, and what is asked can be answered."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np

from evenshelf.tasks.baskets import last_held
from evenshelf.tasks.exams import SPLITS, Exam, Sitting
from evenshelf.tasks.recommend import RecommendTask
from evenshelf.testing.check import Check, gather


@dataclass(frozen=True)
class _Subject:
    task: RecommendTask
    folds: int


def list_task_checks(task: RecommendTask, folds: int = 3) -> list[Check]:
    """Checks of a task with histories, as named calls that raise ``AssertionError``.

    Parameters
    ----------
    task
        To be checked; small, since all of its splits are made.
    folds
        Of users.
    """
    return gather(
        f"{task.name} with {len(task.classes)} items",
        numbers_baskets_without_splitting_users,
        asks_for_the_baskets_that_learners_hold_back,
        learns_from_nothing_that_is_wanted,
        asks_only_for_what_may_be_shown,
        asks_everybody_once_at_most,
        splits_alike_for_the_same_seed,
        knows_cold_items,
        describes_itself_in_json,
        of=_Subject(task, folds),
    )


def numbers_baskets_without_splitting_users(subject: _Subject) -> None:
    """Numbers do not fall, and a basket is of one user."""
    histories = subject.task.histories
    basket = histories.baskets
    assert len(basket) == len(histories.item), "there is not one basket a step"
    assert (np.diff(basket) >= 0).all(), "baskets are not in order"
    pairs = np.unique(np.stack([basket, histories.user]), axis=1)
    assert len(np.unique(pairs[0])) == pairs.shape[1], "a basket is of two users"


def asks_for_the_baskets_that_learners_hold_back(subject: _Subject) -> None:
    """The test by last baskets asks for all of what a learner holds back of the same histories."""
    task, size = subject.task, len(subject.task.classes)
    held = last_held(task.histories)
    wanted = held.user * size + held.item
    left = held.earlier.lengths[held.user] > 0
    if not task.repeats:
        left &= ~np.isin(wanted, held.earlier.user * size + held.earlier.item)
    (sitting,) = task.sittings("last", folds=subject.folds, seed=7)
    exam = sitting.judging
    asked = np.sort(exam.group[exam.user] * size + exam.item)
    assert np.array_equal(asked, np.sort(wanted[left])), "exams and learners do not hold back the same baskets"
    assert np.array_equal(exam.known.item, held.earlier.item), "exams and learners do not keep the same steps"


def learns_from_nothing_that_is_wanted(subject: _Subject) -> None:
    """Steps that are known and steps that are wanted are different ones, and no more than there are."""
    task, size = subject.task, len(subject.task.classes)
    every = np.bincount(task.histories.user * size + task.histories.item, minlength=1)
    for sitting in _sittings(subject):
        for exam in (sitting.choosing, sitting.judging):
            known = np.bincount(exam.known.user * size + exam.known.item, minlength=len(every))
            wanted = np.bincount(exam.group[exam.user] * size + exam.item, minlength=len(every))
            assert (known + (wanted > 0) <= every).all(), "what is wanted can be learned from"
            asked = np.bincount(exam.group[exam.asked.user] * size + exam.asked.item, minlength=len(every))
            assert (asked + (wanted > 0) <= every).all(), "what is wanted stands in the history of who is asked"


def asks_only_for_what_may_be_shown(subject: _Subject) -> None:
    """Where nothing is shown again, nothing that a user has is wanted."""
    if subject.task.repeats:
        return
    for exam in _exams(subject):
        had = exam.asked.weights()[exam.user, exam.item]
        assert not np.asarray(had).any(), "something is wanted that must not be shown"


def asks_everybody_once_at_most(subject: _Subject) -> None:
    """An item is wanted once by a user, and everybody who is asked wants something."""
    for exam in _exams(subject):
        pairs = np.unique(np.stack([exam.user, exam.item]), axis=1)
        assert pairs.shape[1] == len(exam.user), "an item is wanted twice"
        assert np.array_equal(np.unique(exam.user), np.arange(len(exam.group))), "somebody is asked and wants nothing"


def splits_alike_for_the_same_seed(subject: _Subject) -> None:
    """To the step."""
    for one, two in zip(_exams(subject), _exams(subject), strict=True):
        assert np.array_equal(one.item, two.item), "other items are wanted"
        assert np.array_equal(one.known.item, two.known.item), "other steps are known"


def knows_cold_items(subject: _Subject) -> None:
    """Exactly the items that nobody took, whatever the cut."""
    counts = subject.task.counts
    bucket = subject.task.bucket(counts)
    assert np.array_equal(bucket == "cold", counts == 0), "cold items are not those that nobody took"
    assert set(bucket) <= {"head", "torso", "tail", "cold"}, f"buckets are {set(bucket)}"


def describes_itself_in_json(subject: _Subject) -> None:
    """For the record of a study."""
    facts = subject.task.describe()
    assert json.loads(json.dumps(facts)) == facts, "the description does not survive JSON"
    assert facts["items"] == len(subject.task.classes), "the description has another number of items"


def _sittings(subject: _Subject) -> list[Sitting]:
    timed = subject.task.histories.time is not None
    splits = [split for split in SPLITS if timed or split != "time"]
    return [s for split in splits for s in subject.task.sittings(split, folds=subject.folds, seed=7)]


def _exams(subject: _Subject) -> list[Exam]:
    return [exam for sitting in _sittings(subject) for exam in (sitting.choosing, sitting.judging)]
