"""Labels of a shop that are probably wrong."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import polars as pl

from evenshelf.annotating.annotators import read_annotations
from evenshelf.annotating.confident import doubts
from evenshelf.annotating.examples import read_examples
from evenshelf.annotating.model import Labels, cross_fitted, encode
from evenshelf.annotating.select import FOLDS, class_texts
from evenshelf.annotating.votes import agreed
from evenshelf.errors import InputError, SettingError
from evenshelf.plurals import counted
from evenshelf.shop import Shop
from evenshelf.shop.progress import Progress
from evenshelf.study.prepare import AUTO
from evenshelf.tasks.folds import grouped_folds


@dataclass(frozen=True, eq=False)
class Suspects:
    """Labels that the others contradict.

    Attributes
    ----------
    rows
        item_id, title, label, label_confidence, suggestion, confidence, doubt (see
        :class:`evenshelf.annotating.confident.Doubts`), why; the most suspect first.
    classes
        By name: label, labels, judged, threshold (mean confidence of the class in its own examples), suspected.
    target
        The column.
    judged, not_judged
        Labelled rows that were compared, and those whose class has too few different titles to be trained on one side
        and judged on the other.
    settled
        Rows that would be suspect, but whose label enough people gave.
    """

    rows: pl.DataFrame
    classes: pl.DataFrame
    target: str
    judged: int
    not_judged: int
    settled: int = 0


def suspects(
    shop: Shop,
    target: str = "category",
    *,
    encoder: str = AUTO,
    folds: int = FOLDS,
    seed: int = 0,
    settled_by: int = 2,
    progress: Progress | None = None,
) -> Suspects:
    """Find labels that a model contradicts which was trained on the rows of other titles.

    Every row is judged by a head that saw neither it nor a title that is the same to a reader: see
    :func:`evenshelf.tasks.folds.grouped_folds` and :mod:`evenshelf.annotating.confident`.

    Parameters
    ----------
    target
        Column with the labels.
    encoder
        Spec; ``"auto"`` looks at the titles.
    folds
        Parts, each judged once by the others; at least 2.
    seed
        Of the parts.
    settled_by
        A label that so many annotators gave, and no other as often, is suspect no more; at least 1.
    progress
        Is told what is done.

    Raises
    ------
    InputError
        If there is no such column, or labels of fewer than two classes.
    SettingError
        If a setting cannot be, or there are fewer different titles than folds.
    """
    faults = [f"folds is {folds}, and must be at least 2"] if folds < 2 else []
    faults += [f"seed is {seed}, and must not be negative"] if seed < 0 else []
    faults += [f"settled_by is {settled_by}, and must be at least 1"] if settled_by < 1 else []
    if faults:
        raise SettingError("; ".join(faults) + ".")
    tell = progress or (lambda _what, _done, _total: None)
    tell("reading items", 0, None)
    examples = read_examples(shop, target)
    if len(examples.classes) < 2:
        raise InputError(
            f"The labels of {target!r} are of {counted(len(examples.classes), 'class', 'classes')}, and two are needed "
            "to doubt one.",
            hint=f"Label some rows first: evenshelf annotate export {shop.path}",
        )
    rows = examples.labelled
    titles = [examples.title[i] for i in rows]
    group = examples.group[rows]
    vectors, names, _ = encode(titles, class_texts(examples.classes), encoder, progress=tell)
    fold = grouped_folds(examples.target, group, folds, seed)
    judged = np.flatnonzero(fold >= 0)
    if not len(judged):
        raise InputError(
            f"No label of {target!r} can be judged: each class has titles of one kind only.", hint="Label more rows."
        )
    labels = Labels(vectors, examples.target, names, tuple(examples.classes))
    given, p = examples.target[judged], cross_fitted(labels, fold, vectors[judged], fold[judged], progress=tell)
    doubt = doubts(given, p)
    listed = np.flatnonzero(doubt.suspect)
    listed = listed[np.argsort(-doubt.doubt[listed], kind="stable")]
    told = agreed(read_annotations(shop), target, least=settled_by).select("item_id", "label")
    confirmed = set(told.iter_rows())
    open_ = [(examples.item_id[rows[judged[i]]], examples.classes[given[i]]) not in confirmed for i in listed]
    settled, listed = int(len(listed) - sum(open_)), listed[np.array(open_, bool)]
    at = rows[judged[listed]]
    count = np.bincount(examples.target, minlength=len(examples.classes))
    table = pl.DataFrame(
        {
            "item_id": [examples.item_id[i] for i in at],
            "title": [examples.title[i] for i in at],
            "label": [examples.classes[c] for c in given[listed]],
            "label_confidence": np.round(p[listed, given[listed]].astype(np.float64), 4),
            "suggestion": [examples.classes[c] for c in doubt.better[listed]],
            "confidence": np.round(p[listed, doubt.better[listed]].astype(np.float64), 4),
            "doubt": np.round(doubt.doubt[listed].astype(np.float64), 3),
            "why": [f"labelled {examples.classes[c]}, of which there are {count[c]:,}" for c in given[listed]],
        },
        schema_overrides={"item_id": pl.String, "title": pl.String, "label": pl.String, "suggestion": pl.String}
        | {"why": pl.String},
    )
    size = len(examples.classes)
    classes = pl.DataFrame(
        {
            "label": examples.classes,
            "labels": count,
            "judged": np.bincount(given, minlength=size),
            "threshold": pl.Series(doubt.thresholds.astype(np.float64)).fill_nan(None),
            "suspected": np.bincount(given[listed], minlength=size),
        }
    )
    return Suspects(table, classes, target, len(judged), len(rows) - len(judged), settled)
