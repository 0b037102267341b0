"""The last steps: linear heads on pretrained vectors, tuned and judged by a study of the training rows alone."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
from numpy.typing import NDArray

from evenshelf import LabelTask, Study
from evenshelf.encoders import VectorCache, open_encoder
from evenshelf.learners.heads import fit_alone
from evenshelf.remedies import parse
from evenshelf.study.prepare import pick_encoder
from evenshelf.study.results import StudyResult
from evenshelf.study.verdict import Verdict, decide
from evenshelf.study.winner import most_chosen

Codes = NDArray[np.int64]
Floats = NDArray[np.float32]

REMEDIES = "smote, balanced, logit_adjust, name_prior, name_prior + logit_adjust(tau=0.5)"
FOLDS, BUDGET = 3, 4


@dataclass(frozen=True, eq=False)
class Heads:
    """Heads that a study of the training rows has tuned.

    Attributes
    ----------
    task
        Its question: the training rows.
    vectors, names
        ``[n, d]`` of all titles and ``[C, d]`` of the classes of `task`.
    result, verdict
        Of the study.
    encoder
        Spec of the encoder, and why it.
    encoding_seconds
        CPU time of the vectors; next to none where they were cached.
    """

    task: LabelTask
    vectors: Floats
    names: Floats
    result: StudyResult
    verdict: Verdict
    encoder: tuple[str, str]
    encoding_seconds: float

    @property
    def best(self) -> str:
        """What the study recommends; where it recommends nothing, what it measured to be best."""
        rivals = [c for c in self.verdict.comparisons if c.spec != self.verdict.baseline]
        return self.verdict.recommended or max(rivals, key=lambda c: c["macro_f1"]).spec


def study_heads(task: LabelTask, given: Codes, encoder: str, seed: int, workers: int | None = None) -> Heads:
    """Encode all titles, and compare remedies on folds of the training rows."""
    assert task.texts is not None
    choice = pick_encoder(task.texts, encoder)
    of_training = part_of(task, given)
    began = time.process_time()
    opened, cache = open_encoder(choice.spec, task.texts), VectorCache()
    vectors, names = cache.encode(opened, task.texts), cache.encode(opened, of_training.class_texts)
    encoding = time.process_time() - began
    with TemporaryDirectory(prefix="evenshelf-example-") as folder:
        result = Study(
            of_training,
            vectors[given],
            Path(folder),
            names=names,
            remedies=REMEDIES,
            folds=FOLDS,
            budget=BUDGET,
            seed=seed,
            workers=workers,
        ).run()
    return Heads(of_training, vectors, names, result, decide(result), (choice.spec, choice.reason), encoding)


def answers_of(
    heads: Heads, spec: str, *, task: LabelTask, given: Codes, tested: Codes, seed: int
) -> tuple[Codes, float]:
    """Fit a remedy on all training rows at the settings that most folds chose, and ask it for the test rows.

    Returns
    -------
    ``[m]`` codes of `task`, and the CPU seconds of search and fits.
    """
    outcome = heads.result[spec].tuned
    assert outcome is not None
    setting, _ = most_chosen([dict(s) for s in outcome.settings if s])
    began = time.process_time()
    head = fit_alone(
        heads.vectors[given],
        heads.task.target,
        len(heads.task.classes),
        parse(setting["remedy"]).bound(heads.task.classes),
        names=heads.names,
        seed=seed,
        penalty=setting["penalty"],
    )
    code = np.array([task.classes.index(name) for name in heads.task.classes], np.int64)
    found = code[head(heads.vectors[tested]).argmax(axis=1)]
    return found, outcome.seconds + time.process_time() - began


def part_of(task: LabelTask, rows: Codes) -> LabelTask:
    """The question for some of its rows, in the title groups of all."""
    assert task.texts is not None
    return LabelTask.of(
        [task.classes[code] for code in task.target[rows]],
        [task.texts[row] for row in rows],
        group=task.group[rows],
        nouns=task.nouns,
    )
