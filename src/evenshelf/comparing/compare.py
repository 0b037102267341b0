"""The function :func:`compare`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from rich.console import Console

from evenshelf.baselines import Baseline
from evenshelf.comparing.inputs import Examples, read_by, read_examples, read_groups, read_labels, read_names
from evenshelf.comparing.result import Findings
from evenshelf.encoders import Choice, Encoder, open_encoder
from evenshelf.errors import InputError, SettingError
from evenshelf.learners import learner_kind
from evenshelf.remedies import Remedy
from evenshelf.study.further import check_curve, check_seeds, further, of_verdict
from evenshelf.study.metrics import save_findings
from evenshelf.study.prepare import AUTO, Plan, check_encoder, check_metric, check_verdict, pick_encoder, prepare
from evenshelf.study.progress import progress_bar
from evenshelf.study.runner import Study
from evenshelf.study.verdict import decide
from evenshelf.tasks.label import LabelTask

GIVEN = "given"
"""Where the record names what only the caller has, such as groups: to compare again takes the same."""


def compare(
    texts_or_matrix: Any,
    y: Any,
    *,
    remedies: str | Sequence[str | Remedy] = "standard",
    encoder: str | Encoder | None = None,
    names: Any = None,
    groups: Any = None,
    folds: int = 5,
    budget: int = 8,
    seed: int = 0,
    workers: int | None = None,
    learner: str = "heads",
    baselines: str | Sequence[str | Baseline] | None = None,
    by: Any = None,
    metric: str = "macro_f1",
    guardrail: float = 0.01,
    zone: float = 0.005,
    seeds: int = 1,
    learning_curve: bool = False,
    folder: str | Path | None = None,
    progress: bool = True,
) -> Findings:
    """Compare remedies against imbalance on your own data, each tuned with the same budget, and say which to use.

    Parameters
    ----------
    texts_or_matrix
        ``[n]`` texts (list, numpy, pandas or polars), which are encoded; or ``[n, d]`` numbers (numpy, pandas, polars,
        lists, or a scipy matrix small enough to be dense), which are used as they are.
    y
        ``[n]`` labels of any kind, compared as text. Examples without one are left out and counted.
    remedies
        ``"standard"``, ``"quick"``, specs such as ``"balanced, smote(k=3)"``, or a list of specs and remedies.
    encoder
        Spec (see ``evenshelf encoders``) or an open encoder; ``None`` looks at the texts. With a matrix: the one that
        made it, needed only if `names` are texts.
    names
        What the classes are called, for remedies that borrow from names: a dictionary from label to text, or a list in
        the order of the sorted labels. With texts the labels themselves are used if it is ``None``. With a matrix
        without an `encoder` it may hold vectors of the same ``d`` numbers; if it is ``None``, such remedies do not
        apply.
    groups
        ``[n]`` examples of one group are never split between training and test. By default equal and nearly equal
        texts, or equal rows of a matrix.
    folds
        Parts of the data, each tested once; at least 3.
    budget
        Settings that every remedy may try.
    seed
        Equal seeds give equal results, whatever the number of workers.
    workers
        Processes; ``None`` for one per core.
    learner
        What is fitted on the vectors; see :func:`evenshelf.learners.learner_kinds`.
    baselines
        Other models to tell beside the remedies: ``"all"``, ``"none"``, names with commas, or a list of names and
        baselines; see :func:`evenshelf.baselines.baseline_kinds`. ``None`` for plain words where there are texts. One
        that needs what is not given, such as words with a matrix, is reported as not applicable.
    by
        Traits to tell who gains and who loses, such as ``{"brand": brands}`` or a table of pandas or polars: a name and
        ``[n]`` values each, words or numbers, ``None`` where it is not known. Nothing is learned from them.
    metric: ``macro_f1``, ``tail_f1``, ``torso_f1``, ``head_f1`` or ``accuracy``.
    guardrail
        Share of head F1 that a remedy may lose, from 0 to 1.
    zone
        Differences of the metric that are certainly smaller do not matter, from 0 to 1.
    seeds
        Above 1, the best remedies are run again with other folds and draws, so many seeds in all.
    learning_curve
        Whether to fit doing nothing and the best remedy on shares of the labels, to see what more would bring.
    folder
        Where to keep the study, so that an interrupted one goes on there; ``None`` keeps it in memory only.
    progress
        Show a bar, where there is a terminal or a notebook.

    Returns
    -------
    Findings
        With the verdict, the table, the whole study and a report to write; shows itself in a notebook.

    Raises
    ------
    InputError
        If data cannot be used: lengths that differ, fewer than two classes, values that are no numbers.
    SettingError
        If a setting is not valid.

    Examples
    --------
    >>> found = compare(titles, categories)  # doctest: +SKIP
    >>> print(found.verdict.headline)  # doctest: +SKIP
    >>> found.report("report.html")  # doctest: +SKIP
    """
    plan = Plan(remedies, folds, budget, seed, workers, learner, baselines)
    plan.check(texts=False)  # those of the baseline of words are checked once there are texts
    check_verdict(metric, guardrail, zone)
    check_seeds(seeds)
    if learning_curve:
        check_curve(learner_kind(plan.learner))
    if isinstance(encoder, str):
        check_encoder(encoder)
    examples, labels, group, traits, dropped = _known(read_examples(texts_or_matrix), y, groups, by)
    named_by_user = {"encoder": isinstance(encoder, Encoder), "names": names is not None, "groups": groups is not None}
    given = [name for name, there in (named_by_user | {"by": traits is not None}).items() if there]
    console = Console(stderr=True, highlight=False)
    with ExitStack() as stack:
        home = Path(stack.enter_context(TemporaryDirectory(prefix="evenshelf-"))) if folder is None else Path(folder)
        with progress_bar(console, f"encoding {len(labels):,} texts", shown=progress) as tell:
            if examples.texts is None:
                study = _of_matrix(
                    examples,
                    labels,
                    group=group,
                    dropped=dropped,
                    plan=plan,
                    folder=home,
                    encoder=encoder,
                    names=names,
                    y=y,
                    traits=traits,
                    given=given,
                )
                _check_task(study.task, metric, plan, curve=learning_curve)
            else:
                task = replace(
                    LabelTask.of(labels, examples.texts, group=group, dropped=dropped),  # type: ignore[arg-type]
                    traits=traits,
                )
                _check_task(task, metric, plan, curve=learning_curve)
                spec = AUTO if encoder is None else encoder
                choice = (
                    pick_encoder(task.texts or (), spec) if isinstance(spec, str) else Choice(spec.name, "as given")
                )
                study = prepare(
                    task,
                    choice,
                    home,
                    plan,
                    encoder=encoder if isinstance(encoder, Encoder) else None,
                    names=None if names is None else _as_texts(read_names(names, task.classes, y)),
                    about={GIVEN: given},
                    progress=tell,
                )
        with progress_bar(console, "laying out the vectors", shown=progress) as tell:
            result = study.run(tell)
            verdict = decide(result, metric=metric, guardrail=guardrail, zone=zone)
            result = further(study, result, verdict, seeds=seeds, curve=learning_curve, progress=tell)
        if folder is not None:
            save_findings(result, verdict, home)
    return Findings(verdict, of_verdict(result, verdict))


def _check_task(task: LabelTask, metric: str, plan: Plan, *, curve: bool) -> None:
    """Refuse what these examples cannot answer, before anything is encoded or fitted."""
    check_metric(task, metric, plan)
    if curve:
        check_curve(learner_kind(plan.learner), task, folds=plan.folds, seed=plan.seed)


def _known(
    examples: Examples, y: Any, groups: Any, by: Any
) -> tuple[Examples, list[str], NDArray[np.int64] | None, pl.DataFrame | None, dict[str, int]]:
    """The examples that have a label (and a text) with their groups and traits, and how many have not."""
    labels = read_labels(y)
    n, what = len(examples), "rows" if examples.texts is None else "texts"
    if len(labels) != n:
        raise InputError(f"There are {n} {what} but {len(labels)} labels.", hint="Give one label an example.")
    group = None if groups is None else read_groups(groups)
    if group is not None and len(group) != n:
        raise InputError(f"There are {n} {what} but {len(group)} groups.", hint="Give one group an example.")
    traits = read_by(by, n)
    texts = examples.texts
    kept = [i for i, label in enumerate(labels) if label is not None and (texts is None or texts[i] is not None)]
    unlabelled = sum(label is None for label in labels)
    dropped = {"no label": unlabelled, "no text": n - len(kept) - unlabelled}
    if not kept:
        raise InputError(
            f"None of the {n} examples has a label{'' if texts is None else ' and a text'}.", hint="Check the columns."
        )
    index = np.array(kept, np.int64)
    return (
        Examples(matrix=examples.matrix[index])
        if examples.matrix is not None
        else Examples(texts=[texts[i] for i in kept] if texts else None),
        [label for i in kept if (label := labels[i]) is not None],
        None if group is None else group[index],
        None if traits is None else traits[index],
        {reason: count for reason, count in dropped.items() if count},
    )


def _of_matrix(
    examples: Examples,
    labels: list[str],
    *,
    group: NDArray[np.int64] | None,
    dropped: Mapping[str, int],
    plan: Plan,
    folder: Path,
    encoder: str | Encoder | None,
    names: Any,
    y: Any,
    traits: pl.DataFrame | None,
    given: Sequence[str],
) -> Study:
    matrix = examples.matrix
    assert matrix is not None
    _, same = np.unique(matrix, axis=0, return_inverse=True)
    same = same.reshape(-1).astype(np.int64)
    # equal rows are kept together as equal texts are, or a model is tested on what it has seen
    task = LabelTask.of(labels, group=same if group is None else group, dropped=dropped)
    task = replace(task, same=same, traits=traits)
    vectors = None if names is None else _name_vectors(read_names(names, task.classes, y), encoder, matrix.shape[1])
    if names is None and encoder is not None:
        raise SettingError(
            "An encoder is of use with a matrix only for names, and none are given.",
            hint="Give names=, or texts instead of the matrix, or no encoder.",
        )
    about = {
        "name": task.name,
        "encoder": {
            "spec": "matrix",
            "reason": "the vectors were given",
            "dimension": int(matrix.shape[1]),
            "fingerprint": None,
        },
        GIVEN: list(given),
    }
    return Study(
        task,
        matrix,
        folder,
        names=vectors,
        remedies=plan.remedies,
        folds=plan.folds,
        budget=plan.budget,
        seed=plan.seed,
        workers=plan.workers,
        learner=plan.learner,
        baselines=plan.baselines,
        about=about,
    )


def _name_vectors(named: list[Any], encoder: str | Encoder | None, dimension: int) -> NDArray[np.float32]:
    if all(isinstance(name, str) for name in named):
        if encoder is None:
            raise SettingError(
                "The names are texts, and with a matrix nothing says how to encode them.",
                hint="Give encoder=, the one that made the matrix, or vectors as names, or texts as examples.",
            )
        opened = open_encoder(encoder, named) if isinstance(encoder, str) else encoder
        vectors = opened.encode(named)
    else:
        try:
            vectors = np.asarray(named, dtype=np.float32)
        except (TypeError, ValueError):
            raise InputError("The names are neither all texts nor all vectors of one length.") from None
    if vectors.ndim != 2 or vectors.shape[1] != dimension:
        raise InputError(
            f"The names' vectors have the shape {vectors.shape}, and the matrix has {dimension} columns.",
            hint="Names and examples must come from the same encoder.",
        )
    if not np.isfinite(vectors).all():
        raise InputError("The names' vectors hold values that are missing or infinite.")
    return vectors


def _as_texts(named: list[Any]) -> list[str]:
    wrong = [name for name in named if not isinstance(name, str)]
    if wrong:
        raise InputError(
            f"{len(wrong)} of {len(named)} names are no text (first: {wrong[0]!r}).",
            hint="Examples are texts, so give the names as texts too.",
        )
    return named
