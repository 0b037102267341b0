"""A tuned model distilled into a table of token vectors, with heads on it, fitted on all data and judged out of fold.

What a table loses is told by titles that neither it nor its model has seen: for each fold a model is tuned without it
and distilled without it, and no other title that is nearly equal to one of the fold is learned from either.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.encoders.checkpoint import Checkpoint
from evenshelf.encoders.distilling import Distilled, distil
from evenshelf.encoders.onnx_encoder import OnnxEncoder
from evenshelf.encoders.token_rows import TokenRowsEncoder
from evenshelf.errors import SettingError
from evenshelf.learners import LearnerKind
from evenshelf.learners.bundling import CrossFitted, check_bundled, fit_on
from evenshelf.learners.finetune.exported import checkpoint_of
from evenshelf.learners.finetune.fits import TunedHeads
from evenshelf.learners.heads import LoneHead
from evenshelf.learners.language_models import penalty_of_heads
from evenshelf.learners.paths import Head
from evenshelf.learners.vectors import Vectors, prepare
from evenshelf.plurals import counted
from evenshelf.remedies import Remedy
from evenshelf.shop import title_groups
from evenshelf.study.judged import chosen_penalty, macro_and_tail
from evenshelf.study.serving_cost import Cost, bytes_of, cost_of
from evenshelf.study.train_tuned import MODEL, Fitted, tuned_without
from evenshelf.tasks.label import LabelTask

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]

STATIC = "static"
FORMS = (STATIC,)
"""What a tuned model can be distilled into."""
TABLE = "static:./distilled"
"""What a bundle calls the table that it holds."""
MOST = 30_000
"""Titles without a label that are learned from at most; of more, some are drawn."""


@dataclass(frozen=True, eq=False)
class Frozen:
    """What heads on a frozen encoder say, to be compared with.

    Attributes
    ----------
    name
        Of the encoder.
    scores
        ``[u, C]`` of the merged rows that are in a fold, by heads fitted without the fold.
    """

    name: str
    scores: Floats


@dataclass(frozen=True)
class Loss:
    """What is lost, on titles that neither the table nor its model has seen.

    Attributes
    ----------
    cosine, least
        Between vectors of the model in 8 bits and of the table: mean, and the fifth of a hundred.
    same
        Share of titles that have the same label by both.
    macro_f1, tail_f1
        By ``distilled``, ``tuned`` (in 8 bits) and ``frozen``.
    """

    cosine: float
    least: float
    same: float
    macro_f1: Mapping[str, float]
    tail_f1: Mapping[str, float]

    def told(self, titles: int, encoder: str) -> str:
        """As a sentence."""
        macro, tail = self.macro_f1, self.tail_f1
        return (
            f"on {counted(titles, 'text', 'texts')} that neither had seen, the cosine of its vectors to those of the "
            f"tuned model in 8 bits is {self.cosine:.3f} in the mean and {self.least:.3f} for the worst twentieth, and "
            f"{self.same:.1%} keep their label; macro-F1 is {macro['distilled']:.3f} (tail {tail['distilled']:.3f}), "
            f"of the tuned model {macro['tuned']:.3f} ({tail['tuned']:.3f}), of heads on the frozen {encoder} "
            f"{macro['frozen']:.3f} ({tail['frozen']:.3f})"
        )


@dataclass(frozen=True, eq=False)
class _Texts:
    """What tables learn from: distinct texts of the task, then those without a label, and which of them are alike."""

    texts: tuple[str, ...]
    group: Codes
    own: int

    @classmethod
    def of(cls, task: LabelTask, further: Sequence[str], seed: int) -> _Texts:
        assert task.texts is not None
        own = list(dict.fromkeys(task.texts))
        others = sorted(set(further).difference(own))
        if len(others) > MOST:
            drawn = np.sort(np.random.default_rng(seed).permutation(len(others))[:MOST])
            others = [others[place] for place in drawn]
        texts = (*own, *others)
        return cls(texts, title_groups(texts), len(own))

    def unlike(self, held: set[str]) -> NDArray[np.bool_]:
        """``[n]`` which are not alike any of these texts of the task."""
        there = np.array([text in held for text in self.texts], bool)
        return ~np.isin(self.group, self.group[there])


def fit_distilled(
    task: LabelTask,
    learner: LearnerKind,
    remedy: Remedy,
    prepared: Vectors,
    names: Floats,
    *,
    fold: NDArray[np.integer],
    frozen: Frozen,
    further: Sequence[str] = (),
    penalty: float | None = None,
    seed: int = 0,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> tuple[Fitted, float | None]:
    """Tune and distil a model on all rows, and one without each fold; the first table and its head are served.

    Parameters
    ----------
    prepared, names
        As :func:`~evenshelf.study.train_tuned.laid_out` and :func:`~evenshelf.study.train_tuned.rows_for` give them.
    fold
        ``[n]`` of the examples of the task.
    frozen
        What else could be served.
    further
        Texts without a label.
    penalty
        Of heads on tables; by default the best of those tried on the first fold.
    seed
        Of models, heads, and the draw of texts without a label.
    progress
        Called with the number of models done and in all.

    Returns
    -------
    What a bundle keeps, and the penalty.

    Raises
    ------
    SettingError
        If the remedy, or the architecture of the model, cannot be kept in a bundle.
    """
    check_bundled(remedy)
    numbers = [number for number in range(prepared.folds) if prepared.spans((number,))]
    strength = penalty_of_heads(1)[0]
    tuned = partial(tuned_without, learner, remedy, prepared, names, penalty=strength, seed=seed)
    work = _Work(task, remedy, prepared, fold, _Texts.of(task, further, seed), tuned, seed)
    folds: list[_Fold] = []
    progress(0, len(numbers) + 1)
    for number in numbers:
        found = work.without(number, penalty)
        folds.append(found)
        penalty = found.penalty
        progress(len(folds), len(numbers) + 1)
    served = work.whole(penalty)
    progress(len(numbers) + 1, len(numbers) + 1)
    index = prepared.index(tuple(numbers))
    loss = _loss(folds, frozen, task, prepared, index)
    notes = list(served.notes)
    if loss is not None:
        notes.insert(-1, loss.told(int(prepared.count[index].sum()), frozen.name))
    none = np.empty((0, len(task.classes)), np.float32)
    scores = np.concatenate([none, *(one.scores for one in folds)])
    measured = {"distilled": {**served.measured, "out_of_fold": None if loss is None else _rounded(loss)}}
    cross_fitted = CrossFitted(served.head, scores, index, tuple(notes))
    return Fitted(cross_fitted, served.encoder, served.rows, served.vectors, measured), penalty


@dataclass(frozen=True, eq=False)
class _Work:
    """What tables and heads are fitted on; `tuned` gives the model that was tuned without some folds."""

    task: LabelTask
    remedy: Remedy
    prepared: Vectors
    fold: NDArray[np.integer]
    learned: _Texts
    tuned: Callable[[tuple[int, ...]], TunedHeads]
    seed: int

    def without(self, number: int, penalty: float | None) -> _Fold:
        """Fit without a fold, and ask about it; without a penalty the best of those tried there is taken."""
        first = np.empty(len(self.prepared.target), np.int64)
        first[self.prepared.row_of] = np.arange(len(self.prepared.row_of))
        texts = self._texts
        held = [texts[row] for row in first[self.prepared.index((number,))]]
        seen = self.learned.unlike(set(held))
        with TemporaryDirectory(prefix="evenshelf-distil-") as graphs:  # of a model that is needed but once
            teacher = _Teacher.of(self.tuned((number,)), Path(graphs))
            learned = [text for text, mine in zip(self.learned.texts, seen, strict=True) if mine]
            student = teacher.distilled(learned, asked=texts)
            taught = teacher.encoder.encode(held)
        rows, called = self._seen_by(student.encoder)
        if penalty is None:
            penalty = chosen_penalty(rows, self.task, self.remedy, called, self.seed)
        others = tuple(other for other in range(-1, rows.folds) if other != number)
        head, _ = self._head(rows, called, others, penalty)
        scores = np.concatenate([head.scores(block, self.remedy) for block in rows.blocks((number,))])
        cosines = student.found.cosines(taught, student.encoder.encode(held))
        return _Fold(scores, teacher.heads.head(taught), cosines, penalty)

    def whole(self, penalty: float | None) -> _Served:
        """Fit on all, and measure what it costs."""
        learned = self.learned.texts
        with TemporaryDirectory(prefix="evenshelf-distil-") as graphs:
            teacher = _Teacher.of(self.tuned(()), Path(graphs))
            student = teacher.distilled(learned)
            large = cost_of(teacher.encoder.encode, teacher.heads.head, learned)
        rows, called = self._seen_by(student.encoder)
        fitted, notes = self._head(rows, called, tuple(range(-1, rows.folds)), penalty)
        head = LoneHead(fitted, self.remedy, rows.mean, rows.axes, rows.scale)
        small = cost_of(student.encoder.encode, head, learned)
        table, rest = student.found.table.numbers, len(learned) - self.learned.own
        sizes = {"tuned": bytes_of(teacher.encoder), "distilled": bytes_of(student.encoder)}
        made = (
            f"the tuned model is distilled into {len(table):,} token vectors of {table.shape[1]} numbers in 8 bits, "
            f"learned from what it says of {counted(len(learned), 'text', 'texts')}, {rest:,} of them without a label; "
            f"{sizes['distilled']:,} bytes are served instead of {sizes['tuned']:,}"
        )
        measured = {
            "texts": len(learned),
            "without_label": rest,
            "bytes": sizes,
            "ms_alone": {"tuned": round(large.alone, 4), "distilled": round(small.alone, 4)},
            "ms_together": {"tuned": round(large.together, 4), "distilled": round(small.together, 4)},
        }
        vectors = student.encoder.encode(self._texts)
        return _Served(head, student.encoder, rows, vectors, (*notes, made, _told_of(small, large)), measured)

    @property
    def _texts(self) -> list[str]:
        assert self.task.texts is not None
        return list(self.task.texts)

    def _seen_by(self, encoder: TokenRowsEncoder) -> tuple[Vectors, Floats]:
        """Rows of the examples by fold, and ``[C, d]`` of the classes."""
        rows = prepare(encoder.encode(self._texts), self.task.target, self.fold, self.task.same)
        return rows, encoder.encode(list(self.task.class_texts))

    def _head(
        self, rows: Vectors, called: Floats, folds: tuple[int, ...], penalty: float | None
    ) -> tuple[Head, tuple[str, ...]]:
        classes = len(self.task.classes)
        return fit_on(rows, folds, classes, self.remedy, names=called, penalty=penalty, seed=self.seed)


@dataclass(frozen=True, eq=False)
class _Served:
    """What is kept, and what is told of it; the last note is of times."""

    head: LoneHead
    encoder: TokenRowsEncoder
    rows: Vectors
    vectors: Floats
    notes: tuple[str, ...]
    measured: Mapping[str, Any]


@dataclass(frozen=True, eq=False)
class _Student:
    found: Distilled
    encoder: TokenRowsEncoder


@dataclass(frozen=True, eq=False)
class _Teacher:
    """A tuned model as it would be served: in 8 bits."""

    heads: TunedHeads
    source: Checkpoint
    encoder: OnnxEncoder

    @classmethod
    def of(cls, heads: TunedHeads, graphs: Path) -> _Teacher:
        source = checkpoint_of(heads.tuned, heads.settings)
        return cls(heads, source, OnnxEncoder(source, MODEL, int8=True, graphs=graphs))

    def distilled(self, texts: Sequence[str], asked: Sequence[str] | None = None) -> _Student:
        found = distil(self.encoder, self.source, texts, self.encoder.encode(texts), asked=asked)
        return _Student(found, TokenRowsEncoder(found.table, TABLE))


@dataclass(frozen=True, eq=False)
class _Fold:
    """Of the rows of a fold: scores by the table and by its model, and cosines of both; and the penalty of its head."""

    scores: Floats
    tuned: Floats
    cosines: NDArray[np.float64]
    penalty: float | None


def _loss(folds: Sequence[_Fold], frozen: Frozen, task: LabelTask, prepared: Vectors, index: Codes) -> Loss | None:
    """``None`` where no row is in a fold."""
    if not folds:
        return None
    count = prepared.count[index].astype(np.int64)
    truth = np.repeat(prepared.target[index], count)
    said = {
        "distilled": np.concatenate([one.scores for one in folds]),
        "tuned": np.concatenate([one.tuned for one in folds]),
        "frozen": frozen.scores,
    }
    labels = {name: np.repeat(scores.argmax(axis=1), count) for name, scores in said.items()}
    worth = {name: macro_and_tail(truth, label, task) for name, label in labels.items()}
    macro, of_tail = ({name: both[part] for name, both in worth.items()} for part in (0, 1))
    cosines = np.repeat(np.concatenate([one.cosines for one in folds]), count)
    same = float((labels["distilled"] == labels["tuned"]).mean())
    return Loss(float(cosines.mean()), float(np.quantile(cosines, 0.05)), same, macro, of_tail)


def _told_of(small: Cost, large: Cost) -> str:
    return (
        f"where it was made, a text by itself took {small.alone:.2f} ms and many together {small.together:.3f} ms "
        f"each; of the tuned model in 8 bits {large.alone:.2f} ms and {large.together:.3f} ms"
    )


def _rounded(loss: Loss) -> dict[str, Any]:
    """JSON-able; what is not known is ``None``."""
    return {
        "cosine": round(loss.cosine, 4),
        "cosine_of_the_worst_twentieth": round(loss.least, 4),
        "same_label": round(loss.same, 4),
        "macro_f1": _each(loss.macro_f1),
        "tail_f1": _each(loss.tail_f1),
    }


def _each(values: Mapping[str, float]) -> dict[str, float | None]:
    return {name: round(value, 4) if np.isfinite(value) else None for name, value in values.items()}


def check_form(form: str | None, *, tuned: bool, remedy: Remedy) -> None:
    """Raise a :class:`SettingError` if what is asked for cannot be distilled.

    Parameters
    ----------
    form
        What to distil into; ``None`` if nothing is distilled.
    tuned
        Whether a model is tuned.
    remedy
        Under which heads are fitted.
    """
    if form is None:
        return
    if form not in FORMS:
        raise SettingError(f"Nothing is distilled into {form!r}.", hint=f"There is: {', '.join(FORMS)}.")
    if not tuned:
        raise SettingError(
            "Only a tuned model can be distilled, and here none is tuned.",
            hint="Add --learner finetune_heads; static vectors of a frozen model are: --encoder fast.",
        )
    if remedy.text_maker is not None:
        raise SettingError(
            f"{remedy} trains on texts that are made, which are not distilled yet.", hint="Name another remedy."
        )
