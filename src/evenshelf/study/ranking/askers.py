"""Who is asked in an exam, and what is known there: some of the users, or users drawn again."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from evenshelf.tasks.exams import Exam
from evenshelf.tasks.recommend import RecommendTask

_DRAWN, _ORDERED = 0x647261776E, 0x6F72646572


def asking(exam: Exam, places: NDArray[np.integer]) -> Exam:
    """The exam of those asked at some places; a place that comes again is one more user with the same history."""
    order = np.argsort(exam.user, kind="stable")
    user = exam.user[order]
    first, last = np.searchsorted(user, places), np.searchsorted(user, places, side="right")
    lengths = last - first
    start = np.cumsum(lengths) - lengths
    rows = order[np.arange(int(lengths.sum())) + np.repeat(first - start, lengths)]
    asker = np.repeat(np.arange(len(places)), lengths)
    return replace(exam, asked=exam.asked.of_users(places), user=asker, item=exam.item[rows], group=exam.group[places])


def drawn_again(exam: Exam, users: int, seed: int) -> Exam:
    """The exam of as many users, `users` at most, drawn from all of them with replacement."""
    count = len(exam.group)
    return asking(exam, np.sort(np.random.default_rng([seed, _DRAWN]).integers(count, size=min(count, users))))


def of_share(exam: Exam, held: NDArray[np.bool_], *, choosing: bool) -> Exam:
    """The exam of a shop that has only some of the users to learn from.

    Parameters
    ----------
    held
        ``[U]`` which users of the task they are.
    choosing
        Whether settings are chosen by it, which those users alone can do; else all are asked, with all their histories.
    """
    less = replace(exam, known=exam.known.kept(held[exam.known.user]))
    return asking(less, np.flatnonzero(held[exam.group])) if choosing else less


def in_other_order(task: RecommendTask, seed: int) -> RecommendTask:
    """The task with the steps of each basket in an order that is drawn again; the baskets stay where they are."""
    histories = task.histories
    order = np.lexsort((np.random.default_rng([seed, _ORDERED]).random(len(histories.item)), histories.baskets))
    return replace(
        task,
        histories=replace(
            histories,
            item=histories.item[order],
            strength=None if histories.strength is None else histories.strength[order],
        ),
    )
