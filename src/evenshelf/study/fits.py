"""What a unit of a study fits: linear heads all together, any other learner once for each setting."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.errors import SettingError
from evenshelf.learners.bags import bag_rows, fit_bags
from evenshelf.learners.heads import HEADS
from evenshelf.learners.paths import Head
from evenshelf.learners.registry import Predict
from evenshelf.learners.retrieval import Memories
from evenshelf.learners.solver import MEMORY
from evenshelf.learners.training import Training
from evenshelf.learners.variants import VariantRows, acting_on_rows, widened
from evenshelf.learners.vectors import Vectors
from evenshelf.plurals import counted
from evenshelf.remedies import Calibrated, Prior, Remedy, Rows, SetRows, Stage, TextMaker, joined
from evenshelf.study.calibrating import Before, classes_of, cross_calibrated, fit_before
from evenshelf.study.plan import APPROACH_TOLERANCE, FINAL_TOLERANCE, SEARCH_TOLERANCE, Start, Unit

Floats = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Model:
    """One fit, and what it cost.

    Attributes
    ----------
    scores
        ``scores(fold, remedy)`` of the rows of a fold, ``[m, C]``, after what the remedy does to them.
    seconds
        CPU time, a share of what was made for several settings included.
    bytes
        Working memory, estimated from the arrays held.
    steps, converged
        Of the solver; ``None`` where the learner does not tell.
    head
        Of linear heads.
    told
        ``told(remedy)``: what it could not do for which classes.
    calibration_seconds
        CPU time of what a remedy that calibrates needs besides, for each that does.
    predict
        What was fitted, of learners other than linear heads.
    """

    scores: Callable[[int, Remedy], Floats]
    seconds: float
    bytes: int
    steps: int | None = None
    converged: bool | None = None
    head: Head | None = None
    told: Callable[[Remedy], tuple[str, ...]] = lambda remedy: ()
    calibration_seconds: float = 0.0
    predict: Predict | None = None

    @property
    def weights(self) -> Floats | None:
        """``[d + 1, C]``, of linear heads."""
        return None if self.head is None else self.head.fit.weights


@dataclass(frozen=True, eq=False)
class Fitted:
    """The fits of a unit.

    Attributes
    ----------
    models
        By training and penalty.
    notes
        What remedies said of the training rows, by the spec of what was trained.
    copied
        Of those by whose networks rows were made, whether they copy given ones; see
        :attr:`evenshelf.remedies.Rows.copied`.
    """

    models: list[list[Model]]
    notes: dict[str, list[str]]
    copied: dict[str, Mapping[str, Any]] = field(default_factory=dict)


def fit_unit(
    unit: Unit,
    vectors: Vectors,
    names: Floats | None,
    *,
    random: Callable[..., np.random.Generator],
    start: Callable[[Start], Floats],
    variants: Mapping[TextMaker, VariantRows] | None = None,
) -> Fitted:
    """Fit all trainings of a unit on the folds that are not held out.

    Parameters
    ----------
    vectors
        With a row for each text, where :attr:`~evenshelf.learners.vectors.Vectors.positive` has its labels.
    random
        Random numbers by what they are for: folds, and the spec of what is trained.
    start
        Reads the weights that a final fit starts from.
    variants
        Texts that were made out of training texts, by what made them.
    """
    fitted: dict[int, list[Model]] = {}
    notes: dict[str, list[str]] = {}
    copied: dict[str, Mapping[str, Any]] = {}
    for numbers, seen, seconds, note in _rows_of(unit, vectors, variants or {}, random):
        part = replace(unit, trainings=tuple(unit.trainings[number] for number in numbers))
        if unit.learner == HEADS or vectors.positive is not None:
            found = _heads(part, vectors, seen, names, random=random, start=start)
        else:
            found = _others(part, vectors, seen, names, random)
        notes |= found.notes
        copied |= found.copied
        if note:
            for number in numbers:
                spec = unit.trainings[number].remedy.spec
                notes[spec] = [note, *notes.get(spec, [])]
        for number, models in zip(numbers, found.models, strict=True):
            fitted[number] = [replace(model, seconds=model.seconds + seconds) for model in models]
    return Fitted([fitted[number] for number in range(len(unit.trainings))], notes, copied)


def _rows_of(
    unit: Unit, vectors: Vectors, variants: Mapping[TextMaker, VariantRows], random: Callable[..., np.random.Generator]
) -> Iterator[tuple[list[int], Vectors, float, str]]:
    """Trainings of a unit by the rows that they are fitted on, what it cost to make those, and a sentence on them."""
    folds = _folds(unit, vectors)
    alike: dict[str, list[int]] = {}
    for number, t in enumerate(unit.trainings):
        making = joined([part for part in t.remedy.parts if Stage.VARIANTS in part.stages])
        alike.setdefault(making.spec, []).append(number)
    for spec, numbers in alike.items():
        remedy = unit.trainings[numbers[0]].remedy
        maker = remedy.text_maker
        if maker is None:
            yield numbers, vectors, 0.0, ""
            continue
        made = variants[maker.made_alike]
        # made once for a study, so that each of its final fits bears a part; to copy costs nothing
        seconds = made.seconds / max(vectors.folds, 1) if unit.kind == "final" and not maker.copied else 0.0
        seen = widened(vectors, made, remedy, folds, random(folds, spec))
        given = len(vectors.index(folds))
        more = counted(len(seen.target) - given, *(("copy", "copies") if maker.copied else ("made text", "made texts")))
        yield numbers, seen, seconds, f"{more} added to {counted(given, 'text', 'texts')}"


def _folds(unit: Unit, vectors: Vectors) -> tuple[int, ...]:
    return tuple(fold for fold in range(-1, vectors.folds) if fold not in unit.held_out)


def _heads(
    unit: Unit,
    vectors: Vectors,
    seen: Vectors,
    names: Floats | None,
    *,
    random: Callable[..., np.random.Generator],
    start: Callable[[Start], Floats],
) -> Fitted:
    """Linear heads, fitted on the rows of `seen` and asked about those of `vectors`."""
    folds = _folds(unit, vectors)
    full = Training.of(seen, folds, classes_of(vectors), names)
    vectors = vectors.leading(unit.axes)
    training = full.leading(unit.axes)
    tasks, making = [], []
    for t in unit.trainings:
        began = time.process_time()
        bags = bag_rows(t.remedy, full, random(folds, t.remedy.spec))
        making.append(time.process_time() - began)
        tasks.append((t.remedy, bags, t.penalties))
    if unit.kind == "search":
        fitted = fit_bags(training, tasks, tolerance=SEARCH_TOLERANCE)
    else:
        starts = [None if t.start is None else start(t.start) for t in unit.trainings]
        fitted = fit_bags(training, tasks, tolerance=FINAL_TOLERANCE, approach=APPROACH_TOLERANCE, starts=starts)

    memories = Memories(training)
    befores = [
        fit_before(t, seen, names, folds, classes=classes_of(vectors), random=random, start=start)
        for t in unit.trainings
    ]

    def model(head: Head, before: Before | None, seconds: float, size: int) -> Model:
        calibrations: dict[str, Calibrated | None] = {}

        def calibration(remedy: Remedy) -> Calibrated | None:
            if Stage.CALIBRATE not in remedy.stages or unit.kind == "search":
                return None
            if before is None:
                raise SettingError(
                    f"{remedy} is fitted on rows that a model has not seen, and with sparse vectors none are kept.",
                    hint="Use an encoder with dense vectors, or leave the remedy out.",
                )
            if remedy.spec not in calibrations:
                calibrations[remedy.spec] = before.calibration(remedy, vectors)
            return calibrations[remedy.spec]

        def scores(fold: int, remedy: Remedy) -> Floats:
            rows = vectors.blocks((fold,))[0]
            found = memories.mixed(remedy, head.scores(rows, remedy), rows, fold)
            if Stage.CALIBRATE in remedy.stages and unit.kind == "search":
                return cross_calibrated(remedy, found, vectors, fold, prior=head.prior, rng=random("halves", fold))
            calibrated = calibration(remedy)
            return found if calibrated is None else calibrated(found)

        def told(remedy: Remedy) -> tuple[str, ...]:
            calibrated = calibration(remedy)
            notes = () if calibrated is None else calibrated.notes
            return (*remedy.notes(head.prior), *memories.notes(remedy), *notes)

        extra = 0.0 if before is None else before.seconds
        return Model(scores, seconds, size, head.fit.steps, head.fit.converged, head, told, extra)

    models = []
    for t, before, (_, bags, _), heads, made in zip(unit.trainings, befores, tasks, fitted, making, strict=True):
        size, share = _bytes(training, bags), made / len(t.users)
        if unit.kind == "search":
            models.append([model(head, None, share + head.fit.seconds, size) for head in heads])
        else:  # approaching its penalty by stronger ones is part of a final fit
            seconds = share + sum(h.fit.seconds for h in heads)
            models.append([model(head, before, seconds, size) for head in heads])
    # what is told of one bag holds for all
    firsts = [(t.remedy.spec, bags[0]) for t, (_, bags, _) in zip(unit.trainings, tasks, strict=True)]
    notes = {spec: list(rows.notes) for spec, rows in firsts if rows is not None}
    copied = {spec: rows.copied for spec, rows in firsts if isinstance(rows, Rows) and rows.copied is not None}
    return Fitted(models, notes, copied)


def _others(
    unit: Unit,
    vectors: Vectors,
    seen: Vectors,
    names: Floats | None,
    random: Callable[..., np.random.Generator],
) -> Fitted:
    folds = _folds(unit, vectors)
    index = seen.index(folds)
    copies = np.repeat(np.arange(len(index)), seen.count[index].astype(np.int64))
    given = np.ascontiguousarray(seen.given(folds)[copies])
    target = seen.target[index][copies]
    prior = Prior(np.bincount(target, minlength=classes_of(vectors)))
    more: dict[str, Any] = {}
    if unit.learner.grouped and seen.group is not None:
        more["group"] = seen.group[index][copies]
    if unit.learner.apart and seen.made is not None:
        more["made"] = seen.made[index][copies]
    models = []
    for t in unit.trainings:
        row = []
        for penalty in t.penalties:
            before = time.process_time()
            predict = unit.learner.fit(
                given,
                target,
                classes_of(vectors),
                acting_on_rows(t.remedy),
                names=names,
                seed=int(random(folds, t.remedy.spec).integers(2**31)),
                penalty=penalty,
                **more,
            )

            def scores(fold: int, remedy: Remedy, predict: Callable[[Floats], Floats] = predict) -> Floats:
                rows = vectors.given((fold,))  # fitted under the remedy, adjustments included
                return _checked(predict(rows), (len(rows), classes_of(vectors)), unit.learner.name, remedy)

            def told(remedy: Remedy) -> tuple[str, ...]:
                return remedy.notes(prior)

            # what was fitted for another remedy before costs this one as much
            spent = time.process_time() - before + float(getattr(predict, "borrowed", 0.0))
            row.append(Model(scores, spent, given.nbytes, told=told, predict=predict))
        models.append(row)
    return Fitted(models, {})


def _checked(scores: Any, shape: tuple[int, int], learner: str, remedy: Remedy) -> Floats:
    found = np.asarray(scores)
    if found.shape != shape or not np.isfinite(found).all():
        what = (
            f"scores of the shape {found.shape}, not {shape}" if found.shape != shape else "scores that are not finite"
        )
        raise SettingError(
            f"The learner {learner!r} gave {what}, under {remedy}.",
            hint="evenshelf.testing.check_learner finds out what else it does not keep to.",
        )
    return found.astype(np.float32, copy=False)


def _bytes(training: Training, bags: Sequence[Rows | SetRows | None]) -> int:
    """Working memory of one head: scores, slopes and residuals of its rows, and the memory of L-BFGS.

    The heads of several bags are fitted one after another in the memory of the largest; their weights are held.
    """
    width, classes = training.blocks[0].shape[1], len(training.prior.counts)
    largest = 0
    for rows in bags:
        own = len(rows.made) if isinstance(rows, Rows) and rows.made is not None else 0
        given = sum(block.shape[0] for block in training.blocks) + own
        made = 0 if rows is None else len(rows)
        largest = max(largest, 4 * classes * (3 * given + 2 * made) + 4 * width * own)
    return int(largest + 4 * classes * width * (2 * MEMORY + 4 + len(bags) - 1))
