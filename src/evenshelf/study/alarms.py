"""Rows of a result where nothing is true: they hold the labels that remedies gave to a text that has them not.

So each remedy may give any number of labels, and all are counted on the same rows: there are as many of them for a text
as any remedy has alarms there. Like a pair of text and label, one is repeated for each example of the text.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evenshelf.study.answers import Alarms
from evenshelf.study.gather import Gathered
from evenshelf.study.results import Outcome, RemedyResult, StudyResult
from evenshelf.tasks.label_metrics import NOTHING

Codes = NDArray[np.int64]
Key = TypeVar("Key")


def lay_out(found: Mapping[Key, Alarms], copies: NDArray[np.floating]) -> tuple[Codes, dict[Key, Alarms]]:
    """Give each alarm a line, the same lines for all.

    Parameters
    ----------
    found
        Alarms by whose they are.
    copies
        ``[u]`` how many examples the text of each row stands for.

    Returns
    -------
    ``[e]`` the row of each line, and alarms of all lines by whose they are, :data:`NOTHING` where there is none.
    """
    each = {key: np.bincount(alarms.row, minlength=len(copies)) for key, alarms in found.items()}
    most = np.max([*each.values(), np.zeros(len(copies), np.int64)], axis=0)
    begins = np.cumsum(most) - most
    times = np.repeat(copies.astype(np.int64), most)
    row = np.repeat(np.repeat(np.arange(len(copies)), most), times)
    laid = {}
    for key, alarms in found.items():
        count = each[key]
        within = np.arange(len(alarms.row)) - np.repeat(np.cumsum(count) - count, count)
        label = np.full(int(most.sum()), NOTHING, np.int64)
        probability = np.zeros(len(label), np.float32)
        line = begins[alarms.row] + within
        label[line], probability[line] = alarms.label, alarms.probability
        laid[key] = Alarms(row, np.repeat(label, times), np.repeat(probability, times))
    return row, laid


def alarms_of(found: Mapping[str, Gathered], results: Sequence[RemedyResult]) -> dict[tuple[str, str], Alarms]:
    """Alarms of all outcomes by spec and mode; `found` has what was gathered of each by its spec."""
    return {
        (r.spec, mode): found[r.spec].alarms(r.spec, tuned=mode == "tuned")
        for r in results
        for mode, outcome in (("tuned", r.tuned), ("default", r.default))
        if outcome is not None
    }


def with_alarms(
    result: StudyResult, found: Mapping[tuple[str, str], Alarms], row_of: Codes, copies: NDArray[np.floating]
) -> StudyResult:
    """A result with the rows where nothing is true.

    Parameters
    ----------
    result
        Of the pairs of text and label.
    found
        Alarms by spec and mode; those of remedies that gave none may be missing.
    row_of
        ``[n]`` the row of each example in the vectors.
    copies
        As of :func:`lay_out`.
    """
    row, laid = lay_out(found, copies)
    rows, first = np.unique(row_of, return_index=True)
    example_of = first[np.searchsorted(rows, row)]

    def longer(outcome: Outcome | None, key: tuple[str, str]) -> Outcome | None:
        if outcome is None:
            return None
        alarms = laid.get(key, Alarms(row, np.full(len(row), NOTHING), np.zeros(len(row), np.float32)))
        return replace(
            outcome,
            predicted=np.concatenate([outcome.predicted, alarms.label.astype(np.int32)]),
            p_true=np.concatenate([outcome.p_true, np.zeros(len(row), np.float32)]),
            p_predicted=np.concatenate([outcome.p_predicted, alarms.probability]),
        )

    return replace(
        result,
        y=np.concatenate([result.y, np.full(len(row), NOTHING, np.int32)]),
        fold=np.concatenate([result.fold, result.fold[example_of]]),
        group=np.concatenate([result.group, result.group[example_of]]),
        example=None if result.example is None else np.concatenate([result.example, result.example[example_of]]),
        traits=None if result.traits is None else pl.concat([result.traits, result.traits[example_of]]),
        remedies=tuple(
            replace(r, tuned=longer(r.tuned, (r.spec, "tuned")), default=longer(r.default, (r.spec, "default")))
            for r in result.remedies
        ),
    )
