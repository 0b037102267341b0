"""What every task of search promises: sound codes, parts by frequency, folds that keep near queries together."""

from __future__ import annotations

import json

import numpy as np

from evenshelf.shop import title_groups
from evenshelf.tasks.search import SearchTask
from evenshelf.testing.check import Check, gather

_FOLDS = 3


def search_task_checks(task: SearchTask) -> list[Check]:
    """Checks of a task of search with enough queries for three folds."""
    return gather(
        task.name,
        has_codes_of_its_queries_and_items,
        has_something_that_answers,
        cuts_by_frequency,
        keeps_near_queries_in_one_fold,
        splits_alike_for_the_same_seed,
        describes_itself_in_json,
        of=task,
    )


def has_codes_of_its_queries_and_items(task: SearchTask) -> None:
    """Each pair once, with a grade from 0 up."""
    assert len(task.query) == len(task.item) == len(task.grade), "query, item and grade differ in length"
    assert len(set(task.queries)) == len(task.queries), "a query is there twice"
    assert len(set(task.items)) == len(task.items), "an item is there twice"
    assert sorted(np.unique(task.query)) == list(range(len(task.queries))), "codes are not those of the queries"
    assert task.item.min() >= 0, "codes of items are below 0"
    assert task.item.max() < len(task.items), "codes of items are beyond them"
    pairs = task.query * len(task.items) + task.item
    assert len(np.unique(pairs)) == len(pairs), "a pair was judged twice"
    assert np.isfinite(task.grade).all(), "a grade is no number"
    assert (task.grade >= 0).all(), "a grade is below 0"


def has_something_that_answers(task: SearchTask) -> None:
    """Else no ranking is better than another."""
    assert task.answerable.any(), "no query has an item that answers it"
    assert set(np.unique(task.query[task.grade > 0])) == set(np.flatnonzero(task.answerable)), "answerable is wrong"


def cuts_by_frequency(task: SearchTask) -> None:
    """A query of the head is not rarer than one of the tail."""
    assert (task.frequency >= 1).all(), "a query was asked less than once"
    assert set(task.query_bucket) <= {"head", "torso", "tail"}, f"parts are {set(task.query_bucket)}"
    head, tail = (task.frequency[task.query_bucket == part] for part in ("head", "tail"))
    if len(head) and len(tail):
        assert head.min() >= tail.max(), "a query of the tail is more frequent than one of the head"


def keeps_near_queries_in_one_fold(task: SearchTask) -> None:
    """Of queries that are nearly equal none is learned from while another is asked."""
    fold, group = task.folds(_FOLDS, 0), np.asarray(title_groups(task.queries))
    assert set(fold.tolist()) == set(range(_FOLDS)), f"folds are {set(fold.tolist())}"
    assert len(np.unique(np.stack([group, fold]), axis=1).T) == len(np.unique(group)), "a group is in two folds"


def splits_alike_for_the_same_seed(task: SearchTask) -> None:
    """Twice the same folds."""
    np.testing.assert_array_equal(task.folds(_FOLDS, 1), task.folds(_FOLDS, 1))


def describes_itself_in_json(task: SearchTask) -> None:
    """Facts for a record."""
    facts = json.loads(json.dumps(task.describe()))
    assert facts["task"] == task.name, "the facts do not name the task"
    assert facts["judged"] == len(task.grade), "the facts do not count the pairs"
