"""The rows of a shop most worth labelling, with suggestions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import polars as pl
from numpy.typing import NDArray

from evenshelf.annotating.annotators import read_annotations
from evenshelf.annotating.examples import Examples, read_examples
from evenshelf.annotating.model import Labels, cross_fitted, encode, fit
from evenshelf.annotating.strategies import Candidates, nearest_distance, strategy_of
from evenshelf.annotating.votes import conflicts
from evenshelf.errors import InputError, SettingError
from evenshelf.plurals import counted, plural
from evenshelf.shop import Shop
from evenshelf.shop.progress import Progress
from evenshelf.study.prepare import AUTO
from evenshelf.tasks.folds import grouped_folds
from evenshelf.tasks.label import LabelTask

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]

WHICH = {
    "unlabelled": "rows without a label",
    "labelled": "rows that have one, to be checked",
    "conflicts": "rows that annotators do not agree on",
}
FOLDS = 5
CLOSE = 0.25
"""Two classes whose probabilities differ by less are told as a choice between both."""
LIKELY = 0.5
"""Two classes that hold less than this together are not told by name."""
FEW = 5
"""A class with at most so many labels is told to be rare."""


@dataclass(frozen=True, eq=False)
class Selection:
    """Rows to label.

    Attributes
    ----------
    rows
        item_id, title, suggestion, confidence, second_suggestion, second_confidence, why; the most worth first.
        Suggestions are null as long as there are fewer than two classes with a label.
    target
        Column the labels are for.
    strategy, which, seed
        How they were chosen.
    candidates
        Rows there were to choose from, one for each group of titles.
    labelled, classes
        Rows with a label, and classes in use.
    notes
        What to know, a sentence each.
    """

    rows: pl.DataFrame
    target: str
    strategy: str
    which: str
    seed: int
    candidates: int
    labelled: int
    classes: int
    notes: list[str] = field(default_factory=list)


def select(
    shop: Shop,
    target: str = "category",
    n: int = 100,
    *,
    strategy: str = "tail",
    which: str = "unlabelled",
    encoder: str = AUTO,
    seed: int = 0,
    repeats: bool = False,
    new_target: bool = False,
    progress: Progress | None = None,
) -> Selection:
    """Choose the rows of a shop that are most worth a label.

    Parameters
    ----------
    target
        Column the labels are for.
    n
        Rows to choose, at least 1; fewer are given if there are no more.
    strategy
        Name in :data:`evenshelf.annotating.strategies.STRATEGIES`.
    which
        Name in :data:`WHICH`.
    encoder
        Spec; ``"auto"`` looks at the titles.
    repeats
        Whether to ask also for titles that are nearly equal to a labelled or chosen one.
    new_target
        Whether a column that is nowhere yet may be begun.
    progress
        Is told what is done.

    Raises
    ------
    SettingError
        If a setting cannot be, or the strategy needs labels and there are none.
    InputError
        If there is no such column, or no such rows.
    """
    chosen_by = strategy_of(strategy)
    faults = []
    if n < 1:
        faults.append(f"n is {n}, and at least one row must be asked for")
    if which not in WHICH:
        faults.append(f"which is {which!r}, and must be one of {', '.join(WHICH)}")
    if seed < 0:
        faults.append(f"seed is {seed}, and must not be negative")
    if faults:
        raise SettingError("; ".join(faults) + ".")
    tell = progress or _silent
    tell("reading items", 0, None)
    examples = read_examples(shop, target, new=new_target)
    titles = len(np.unique(examples.group[examples.labelled]))
    # a row that has a label is judged by the labels of other titles
    warm = len(examples.classes) > 1 and (which == "unlabelled" or titles > 1)
    if not warm and not chosen_by.cold:
        raise SettingError(
            f"The strategy {strategy!r} needs labels of two classes on different titles; {target!r} has "
            f"{counted(len(examples.classes), 'class', 'classes')} on {counted(titles, 'title', 'titles')}.",
            hint="Begin with tail, coreset or random.",
        )
    pool, notes = _pool(shop, target, examples, which, repeats=repeats)
    if not len(pool):
        raise InputError(
            f"Nothing to choose from: there are no {WHICH[which]} ({target}).", hint=" ".join(notes) or None
        )
    if not warm:
        notes.append("There are labels of fewer than two classes or titles, so nothing can be suggested yet.")
    vectors, names, _ = encode(examples.title, class_texts(examples.classes), encoder, progress=tell)
    labels = Labels(vectors[examples.labelled], examples.target, names, tuple(examples.classes))
    probabilities, counts = None, None
    if warm:
        counts = np.bincount(examples.target, minlength=len(examples.classes)).astype(np.int64)
        probabilities, pool = _probabilities(
            examples, labels, vectors, pool, which=which, seed=seed, notes=notes, progress=tell
        )
    # rows that have a label themselves are near to it: what counts there is how far they are from each other
    known = vectors[examples.labelled] if which == "unlabelled" else vectors[:0]
    candidates = Candidates(vectors[pool], probabilities, counts, nearest_distance(vectors[pool], known))
    picked = chosen_by.choose(candidates, min(n, len(pool)), np.random.default_rng(seed), tell)
    if len(pool) < n:
        notes.append(f"Only {counted(len(pool), 'row is', 'rows are')} left to choose from.")
    rows = pool[picked]
    frame = pl.DataFrame(
        {"item_id": [examples.item_id[i] for i in rows], "title": [examples.title[i] for i in rows]},
        schema={"item_id": pl.String, "title": pl.String},
    ).with_columns(
        _suggestions(examples, candidates, picked),
    )
    why = reasons(candidates, picked, examples.classes, strategy)
    if which != "unlabelled":
        why = [f"labelled {examples.label[i]}; {w}" if examples.label[i] else w for i, w in zip(rows, why, strict=True)]
    return Selection(
        rows=frame.with_columns(pl.Series("why", why, dtype=pl.String)),
        target=target,
        strategy=strategy,
        which=which,
        seed=seed,
        candidates=len(pool),
        labelled=len(examples.labelled),
        classes=len(examples.classes),
        notes=notes,
    )


def class_texts(classes: Sequence[str]) -> list[str]:
    """What the classes are called, for an encoder; see :attr:`LabelTask.class_texts`."""
    nothing = np.zeros(0, np.int64)
    return list(LabelTask(None, nothing, tuple(classes), nothing, nothing).class_texts)


def _pool(shop: Shop, target: str, examples: Examples, which: str, *, repeats: bool) -> tuple[Codes, list[str]]:
    """Rows that may be asked for, and what was left out."""
    notes: list[str] = []
    disputed = set(conflicts(read_annotations(shop), target)["item_id"].to_list())
    if which == "conflicts":
        return np.flatnonzero([i in disputed for i in examples.item_id]).astype(np.int64), notes
    pool = examples.labelled if which == "labelled" else examples.unlabelled
    if which == "unlabelled" and disputed:
        open_rows = np.array([examples.item_id[i] not in disputed for i in pool], bool)
        if not open_rows.all():
            left = int((~open_rows).sum())
            notes.append(
                f"{counted(left, 'row', 'rows')} that annotators do not agree on {plural(left, 'is', 'are')} left out; "
                f"ask for {plural(left, 'it', 'them')} with --which conflicts."
            )
        pool = pool[open_rows]
    if repeats:
        return pool, notes
    if which == "unlabelled":
        answered = np.isin(examples.group[pool], examples.group[examples.labelled])
        if answered.any():
            left = int(answered.sum())
            notes.append(
                f"{counted(left, 'row is', 'rows are')} left out because a nearly equal title is labelled; ask for "
                f"{plural(left, 'it', 'them')} with --repeats."
            )
        pool = pool[~answered]
    first = np.sort(np.unique(examples.group[pool], return_index=True)[1])
    return pool[first], notes


def _probabilities(
    examples: Examples,
    labels: Labels,
    vectors: Floats,
    pool: Codes,
    *,
    which: str,
    seed: int,
    notes: list[str],
    progress: Progress,
) -> tuple[Floats, Codes]:
    """Probabilities of the pool's rows, and the rows that have any."""
    progress("fitting", 0, None)
    if which == "unlabelled":
        return fit(labels)(vectors[pool]), pool
    # a model that was trained on a row, or on the same title, knows its label already
    group = examples.group[examples.labelled]
    titles, of_title = np.unique(group, return_inverse=True)
    folds = min(FOLDS, len(titles))
    fold = grouped_folds(labels.target, group, folds, seed)
    if which == "conflicts":
        # all that people do not agree on is asked for, so a title that only trains elsewhere is spared here as well
        fold = np.where(fold < 0, of_title % folds, fold)
    of_group = dict(zip(group.tolist(), fold.tolist(), strict=True))
    unseen = np.array([of_group.get(title, -1) for title in examples.group[pool].tolist()], np.int64)
    if which == "labelled" and (left := int((unseen < 0).sum())):
        notes.append(
            f"{counted(left, 'row is', 'rows are')} left out: {plural(left, 'its', 'their')} class has too few "
            "different titles to be judged by the others."
        )
        pool, unseen = pool[unseen >= 0], unseen[unseen >= 0]
    return cross_fitted(labels, fold, vectors[pool], unseen, progress=progress), pool


def _suggestions(examples: Examples, candidates: Candidates, picked: Codes) -> list[pl.Series]:
    """The two likeliest classes of the chosen rows with their probabilities."""
    names = ("suggestion", "confidence", "second_suggestion", "second_confidence")
    dtypes = (pl.String, pl.Float64, pl.String, pl.Float64)
    if candidates.probabilities is None:
        empty = [None] * len(picked)
        return [pl.Series(name, empty, dtype=dtype) for name, dtype in zip(names, dtypes, strict=True)]
    p = candidates.probabilities[picked]
    order = np.argsort(-p, axis=1, kind="stable")[:, :2]
    values: list[list[object]] = []
    for place in (0, 1):
        values.append([examples.classes[c] for c in order[:, place]])
        values.append([round(float(v), 4) for v in p[np.arange(len(p)), order[:, place]]])
    return [pl.Series(name, v, dtype=dtype) for name, v, dtype in zip(names, values, dtypes, strict=True)]


def reasons(candidates: Candidates, picked: Codes, classes: Sequence[str], strategy: str) -> list[str]:
    """Why each chosen row was chosen, in a few words."""
    if strategy == "random":
        return ["drawn at random"] * len(picked)
    if candidates.probabilities is None or candidates.counts is None:
        return ["unlike the rows above it"] * len(picked)
    finite = np.isfinite(candidates.distance).all()
    far = np.quantile(candidates.distance, 0.9) if finite else np.inf
    found = []
    for i in picked:
        p = candidates.probabilities[i]
        first, second = np.argsort(-p, kind="stable")[:2]
        parts = []
        if p[first] - p[second] < CLOSE:
            either = f"{classes[first]} or {classes[second]}"
            parts.append(f"unsure: {either if p[first] + p[second] >= LIKELY else 'many classes are possible'}")
        rare = [c for c in (first, second) if candidates.counts[c] <= FEW and p[c] >= 0.5 * p[first]]
        if rare:
            count = int(candidates.counts[rare[0]])
            parts.append(f"{classes[rare[0]]} has only {counted(count, 'label', 'labels')}")
        if np.isfinite(far) and candidates.distance[i] >= far:
            parts.append("unlike all that is labelled")
        found.append("; ".join(parts) or "the most telling of what is left")
    return found


def _silent(what: str, done: int, total: int | None) -> None:
    del what, done, total
