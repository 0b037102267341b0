"""What every learner promises; and the built-in linear heads in the form that the checks drive."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from evenshelf.errors import SettingError
from evenshelf.learners.heads import STAGES, Training, fit_path, training_part, training_rows
from evenshelf.learners.vectors import prepare
from evenshelf.remedies import Prior, Remedy, Stage, catalogue, parse
from evenshelf.testing.check import Check, gather, locked, refusal, run_all

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]

Predict = Callable[[Floats], Floats]
"""``[m, d]`` vectors to ``[m, G]`` scores."""


class FitScores(Protocol):
    """A learner as the checks see it."""

    def __call__(
        self, vectors: Floats, target: Codes, groups: int, remedy: Remedy, *, names: Floats | None = None, seed: int = 0
    ) -> Predict:
        """Fit under a remedy.

        Parameters
        ----------
        vectors
            ``[n, d]`` float32.
        target
            ``[n]`` group codes.
        groups
            How many groups there are, those without a row included.
        remedy
            What to fit under.
        names
            ``[groups, d]`` vectors of the groups' names, or ``None``.
        seed
            Source of all randomness.

        Returns
        -------
        What gives ``[m, groups]`` scores for vectors ``[m, d]``.

        Raises
        ------
        SettingError
            If the remedy acts at a stage that the learner cannot honour.
        """


def fit_heads(
    vectors: Floats,
    target: Codes,
    groups: int,
    remedy: Remedy,
    *,
    names: Floats | None = None,
    seed: int = 0,
    penalty: float | None = 1e-3,
) -> Predict:
    """The built-in linear heads, fitted tightly; see :class:`FitScores`. `penalty` ``None`` means C = 1.

    Raises
    ------
    SettingError
        If the remedy acts at a stage that heads cannot honour.
    """
    foreign = set(remedy.stages) - set(STAGES)
    if foreign:
        raise SettingError(f"{remedy} acts at {', '.join(sorted(foreign))}, which linear heads cannot honour.")
    fold = np.zeros(len(target), np.int64)
    prepared = prepare(vectors, target, fold, np.arange(len(target)))
    training = Training.of(prepared, (-1, 0), groups, names)
    rows = training_rows(remedy, training, np.random.default_rng(seed))
    part = training_part(remedy)
    head = fit_path(training, [(part, rows, (penalty,))], tolerance=1e-8, max_steps=500)[0][0]

    def predict(new: Floats) -> Floats:
        turned = prepared.turn((new - prepared.mean) / np.float32(prepared.scale))
        return head.scores(np.concatenate([np.ones((len(new), 1), np.float32), turned], axis=1), remedy)

    return predict


@dataclass(frozen=True)
class _Subject:
    fit: FitScores
    stages: frozenset[Stage]


def learner_checks(fit: FitScores, stages: Collection[Stage], name: str | None = None) -> list[Check]:
    """Checks of a learner.

    Parameters
    ----------
    fit
        Fits it on small data; :func:`fit_heads` is an example.
    stages
        The remedy stages that it honours; at any other it must raise :class:`~evenshelf.errors.SettingError`.
    name
        What to call it; by default the name of `fit`.
    """
    return gather(
        name or str(getattr(fit, "__name__", type(fit).__name__)),
        learns_what_is_plain_to_see,
        gives_finite_scores_of_the_right_shape,
        is_the_same_for_the_same_seed,
        honours_every_stage_it_declares,
        refuses_every_stage_it_does_not_declare,
        never_predicts_a_group_without_rows,
        takes_two_rows_and_equal_columns,
        is_not_led_by_the_order_of_the_rows,
        fits_every_remedy_of_the_catalogue,
        of=_Subject(fit, frozenset(stages)),
    )


def check_learner(fit: FitScores, stages: Collection[Stage]) -> None:
    """Run :func:`learner_checks`; raise ``AssertionError`` (or a group of errors) if any fails."""
    run_all(learner_checks(fit, stages))


def skewed_sample(counts: tuple[int, ...] = (60, 20, 6, 2), spread: float = 0.6) -> tuple[Floats, Codes, Floats]:
    """Vectors around one centre per group, their groups, and the centres (as names); protected against writing."""
    rng = np.random.default_rng(5)
    centres = rng.standard_normal((len(counts), 6))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    target = np.repeat(np.arange(len(counts)), counts)
    vectors = centres[target] + spread * rng.standard_normal((len(target), 6))
    order = rng.permutation(len(target))
    return locked(vectors[order].astype(np.float32)), locked(target[order]), locked(centres.astype(np.float32))


def probabilities(scores: Floats) -> NDArray[np.float64]:
    """Softmax of each row."""
    shifted = np.exp(scores.astype(np.float64) - scores.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True), np.float64)


def learns_what_is_plain_to_see(subject: _Subject) -> None:
    """Groups far apart are told apart."""
    vectors, target, _ = skewed_sample(spread=0.02)
    guess = subject.fit(vectors, target, 4, parse("none"))(vectors).argmax(axis=1)
    right = float((guess == target).mean())
    assert right > 0.95, f"only {right:.0%} of training rows in well separated groups are right"


def gives_finite_scores_of_the_right_shape(subject: _Subject) -> None:
    """``[m, G]`` float32, also for one new row."""
    vectors, target, _ = skewed_sample()
    predict = subject.fit(vectors, target, 4, parse("none"))
    for rows in (vectors, vectors[:1]):
        scores = predict(rows)
        assert scores.shape == (len(rows), 4), f"scores are {scores.shape}, not {(len(rows), 4)}"
        assert scores.dtype == np.float32, f"scores are {scores.dtype}, not float32"
        assert np.isfinite(scores).all(), "scores are not finite"


def is_the_same_for_the_same_seed(subject: _Subject) -> None:
    """To the bit, also under a remedy that draws."""
    vectors, target, _ = skewed_sample()
    for remedy in (parse("none"), *_acting_at(Stage.RESAMPLE, subject)):
        one, two = (subject.fit(vectors, target, 4, remedy, seed=3)(vectors) for _ in range(2))
        np.testing.assert_array_equal(one, two, err_msg=f"under {remedy}")


def honours_every_stage_it_declares(subject: _Subject) -> None:
    """A remedy is never silently ignored: strong ones change the scores."""
    vectors, target, names = skewed_sample()
    plain = probabilities(subject.fit(vectors, target, 4, parse("none"), names=names)(vectors))
    for stage in subject.stages:
        for remedy in _acting_at(stage, subject):
            changed = probabilities(subject.fit(vectors, target, 4, remedy, names=names)(vectors))
            moved = float(np.abs(changed - plain).max())
            assert moved > 1e-3, f"{remedy} (stage {stage.value}) changes nothing: is the stage honoured?"


def refuses_every_stage_it_does_not_declare(subject: _Subject) -> None:
    """With a :class:`SettingError` that names the remedy or the stage."""
    vectors, target, names = skewed_sample()
    for kind in catalogue().values():
        foreign = set(kind.stages) - subject.stages
        if not foreign:
            continue
        said = refusal(SettingError, partial(subject.fit, vectors, target, 4, kind(), names=names))
        stages = " and ".join(stage.value for stage in foreign)
        assert said is not None, f"{kind.name} acts at {stages}, which is not declared, and was silently ignored"
        assert any(re.search(rf"\b{word}\b", said) for word in (kind.name, *foreign)), (
            f"the error names neither {kind.name!r} nor its stage {stages!r}: {said}"
        )


def never_predicts_a_group_without_rows(subject: _Subject) -> None:
    """Not without a name that says what it is."""
    vectors, target, _ = skewed_sample((30, 0, 10, 0))
    chance = probabilities(subject.fit(vectors, target, 4, parse("none"))(vectors))[:, [1, 3]].max()
    assert chance < 1e-6, f"a group that was never seen gets a probability of {chance:.2g}"


def takes_two_rows_and_equal_columns(subject: _Subject) -> None:
    """The smallest data there are, and a column that says nothing."""
    vectors = locked(np.array([[1.0, 0.0, 1.0], [1.0, 1.0, 0.0]], np.float32))
    scores = subject.fit(vectors, locked(np.array([0, 1])), 2, parse("none"))(vectors)
    assert np.isfinite(scores).all(), f"scores are {scores}"
    assert scores.argmax(axis=1).tolist() == [0, 1], f"two rows of two groups are not told apart: {scores}"


def is_not_led_by_the_order_of_the_rows(subject: _Subject) -> None:
    """Up to what iteration and rounding leave."""
    vectors, target, _ = skewed_sample()
    plain = subject.fit(vectors, target, 4, parse("none"))(vectors)
    turned = subject.fit(locked(vectors[::-1]), locked(target[::-1]), 4, parse("none"))(vectors)
    np.testing.assert_allclose(probabilities(turned), probabilities(plain), atol=5e-3)


def fits_every_remedy_of_the_catalogue(subject: _Subject) -> None:
    """Those whose stages it honours; other packages' included."""
    vectors, target, names = skewed_sample((40, 12, 1, 0))
    for kind in catalogue().values():
        if set(kind.stages) <= subject.stages and not kind().not_applicable(_prior(target, 4), has_names=True):
            scores = subject.fit(vectors, target, 4, kind(), names=names)(vectors)
            assert np.isfinite(scores).all(), f"{kind.name}: scores are not finite"


def _prior(target: Codes, groups: int) -> Prior:
    return Prior(np.bincount(target, minlength=groups))


def _acting_at(stage: Stage, subject: _Subject) -> list[Remedy]:
    """Built-in remedies of this one stage, at their default, which is far from neutral."""
    kinds = [k for k in catalogue().values() if k.stages == (stage,) and k.__module__.startswith("evenshelf.")]
    return [kind() for kind in kinds] if stage in subject.stages else []
