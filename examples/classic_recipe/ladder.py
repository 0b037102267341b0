"""The ladder: the recipe, and then one step at a time made sound, each run measured on titles that it has not seen."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evenshelf import LabelTask
from evenshelf.study.statistics import Bootstrap, Estimate, paired_bootstrap
from examples.classic_recipe.made_up import Account, account
from examples.classic_recipe.recipe import NEIGHBOURS, Trained, fewest_rows, random_split, refusals, run
from examples.classic_recipe.vectors import Heads, answers_of, study_heads

Codes = NDArray[np.int64]

FOLDS = 5
"""One of them is the test part."""
METRICS = ("accuracy", "macro_f1", "tail_f1")
SHOWN = 8


@dataclass(frozen=True)
class Step:
    """A rung of the ladder.

    Attributes
    ----------
    name
        Short.
    what
        What is other than in the step before, a sentence.
    classes
        How many classes are asked for in the test part.
    tested
        Rows of the test part.
    rows
        Rows trained on.
    values
        The :data:`METRICS`.
    changes
        Against the step before, with 95 % intervals where both are measured on the same rows.
    seconds
        CPU time; 0 where nothing new was trained.
    """

    name: str
    what: str
    classes: int
    tested: int
    rows: int
    values: dict[str, float]
    changes: dict[str, Estimate]
    seconds: float


@dataclass(frozen=True)
class Repeats:
    """What repeated titles do to the accuracy of a random split.

    Attributes
    ----------
    rows
        Test rows with an equal or nearly equal title in training.
    of
        All test rows.
    seen, unseen
        Accuracy on these and on the others.
    """

    rows: int
    of: int
    seen: float
    unseen: float


@dataclass(frozen=True)
class Dropped:
    """What has to go before SMOTE runs.

    Attributes
    ----------
    refusals
        What the libraries say without.
    fewest
        Rows that a class must have.
    classes, of_classes, rows, of_rows
        That go, of how many.
    grouped_classes
        Of those left, how many more have to go once titles are kept on one side.
    """

    refusals: tuple[str, ...]
    fewest: int
    classes: int
    of_classes: int
    rows: int
    of_rows: int
    grouped_classes: int


@dataclass(frozen=True, eq=False)
class Found:
    """All that the page tells."""

    steps: tuple[Step, ...]
    repeats: Repeats
    dropped: Dropped
    words: Account
    heads: Heads
    epochs: int


def climb(
    task: LabelTask,
    *,
    epochs: int,
    encoder: str,
    seed: int,
    workers: int | None = None,
    tell: Callable[[str], None] = lambda text: None,
) -> Found:
    """Run all steps."""
    assert task.texts is not None
    kept = np.flatnonzero(task.counts[task.target] >= fewest_rows())
    tell("the recipe, as it is taught")
    given, tested = random_split(task, kept, seed)
    taught = run(task, given, tested, epochs=epochs, smote=True, seed=seed)
    words = account(taught, task.texts, given, task.target, task.classes, shown=SHOWN, seed=seed)
    repeats = _repeats(task, given, tested, taught)
    steps = [
        _step("The recipe", "As articles teach it.", task=task, tested=tested, answers=taught.answers, trained=taught)
    ]

    fold = task.split(FOLDS, seed)
    train, test = np.flatnonzero(fold != 0), np.flatnonzero(fold == 0)
    enough = np.bincount(task.target[train], minlength=len(task.classes)) > NEIGHBOURS
    enough &= task.counts >= fewest_rows()
    few, asked = train[enough[task.target[train]]], test[enough[task.target[test]]]
    tell("the split by title groups")
    split = run(task, few, test, epochs=epochs, smote=True, seed=seed)
    held = np.isin(test, asked)
    steps.append(
        _step(
            "Split by titles",
            "Equal and nearly equal titles stand on one side of the split.",
            task=task,
            tested=asked,
            answers=split.answers[held],
            trained=split,
        )
    )
    tell("the same classes without SMOTE")
    plain = run(task, few, test, epochs=_as_long(split, few, epochs), seed=seed)
    tell("all classes")
    longer = _as_long(split, train, epochs)
    whole = run(task, train, test, epochs=longer, seed=seed)
    tell("class weights")
    weighted = run(task, train, test, epochs=longer, weighted=True, seed=seed)
    tell("early stopping")
    stopped = run(task, train, test, epochs=longer, weighted=True, stopping=True, seed=seed)
    tell("linear heads")
    heads = study_heads(task, train, encoder, seed, workers)
    best = heads.best
    answers = {
        spec: answers_of(heads, spec, task=task, given=train, tested=test, seed=seed)
        for spec in dict.fromkeys(("none", "smote", best))
    }
    why = "recommended by" if heads.verdict.recommended else "best, though not shown to be better than nothing, in"
    new = [
        ("All classes asked", "The same model: the classes that were dropped are asked for, too.", split, 0.0),
        (
            "No SMOTE",
            "No rows are made between word numbers; the titles there are take their place, for as many steps.",
            plain,
            None,
        ),
        ("All classes taught", "Nothing asks for six rows any more, so no class is dropped.", whole, None),
        ("Class weights", "Rows count the more, the rarer their class.", weighted, None),
        (
            "Early stopping",
            "A validation part, an eighth of the titles by groups, says when to stop; it is not trained on.",
            stopped,
            None,
        ),
    ]
    predictions = {name: trained.answers for name, _, trained, _ in new}
    rows = {name: trained.rows for name, _, trained, _ in new}
    seconds = {name: trained.seconds if known is None else known for name, _, trained, known in new}
    whats = {name: what for name, what, _, _ in new}
    for name, what, spec in (
        ("Pretrained vectors", "A linear head on frozen vectors instead of the network; its penalty is tuned.", "none"),
        ("SMOTE on vectors", "The same with rows made between vectors, where between means something.", "smote"),
        ("Study's choice", f"{best} instead, {why} a study of the training rows.", best),
    ):
        predictions[name], seconds[name] = answers[spec]
        rows[name], whats[name] = len(train), what
    bootstrap = paired_bootstrap(task.target[test], task.group[test], predictions, task.bucket, seed=seed)
    before: str | None = None
    for name in predictions:
        steps.append(
            _sound(
                bootstrap,
                name,
                before,
                what=whats[name],
                truth=task.target[test],
                rows=rows[name],
                seconds=seconds[name],
            )
        )
        before = name
    lost = len(task.classes) - len(np.unique(task.target[kept]))
    dropped = Dropped(
        refusals(task, seed),
        fewest_rows(),
        lost,
        len(task.classes),
        len(task.target) - len(kept),
        len(task.target),
        int((task.counts >= fewest_rows()).sum() - enough.sum()),
    )
    return Found(tuple(steps), repeats, dropped, words, heads, epochs)


def _as_long(smoted: Trained, given: Codes, epochs: int) -> int:
    """Epochs over fewer rows that take as many steps: more rows also train for longer, which is no merit of SMOTE."""
    return max(epochs, round(smoted.rows * epochs / len(given)))


def _repeats(task: LabelTask, given: Codes, tested: Codes, trained: Trained) -> Repeats:
    right = trained.answers == task.target[tested]
    seen = np.isin(task.group[tested], task.group[given])
    means = [float(right[part].mean()) if part.any() else float("nan") for part in (seen, ~seen)]
    return Repeats(int(seen.sum()), len(tested), *means)


def _step(name: str, what: str, *, task: LabelTask, tested: Codes, answers: Codes, trained: Trained) -> Step:
    """Measured on rows of its own, so without a change."""
    bootstrap = paired_bootstrap(task.target[tested], task.group[tested], {name: answers}, task.bucket, replicates=1)
    return Step(
        name,
        what,
        len(np.unique(task.target[tested])),
        len(tested),
        trained.rows,
        {metric: bootstrap.interval(name, metric).value for metric in METRICS},
        {},
        trained.seconds,
    )


def _sound(
    bootstrap: Bootstrap, name: str, before: str | None, *, what: str, truth: Codes, rows: int, seconds: float
) -> Step:
    """Measured on the rows of all later steps; `before` is the step that changes are told from."""
    return Step(
        name,
        what,
        len(np.unique(truth)),
        len(truth),
        rows,
        {metric: bootstrap.interval(name, metric).value for metric in METRICS},
        {} if before is None else {metric: bootstrap.difference(name, before, metric) for metric in METRICS},
        seconds,
    )
