"""What every learner promises."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evenshelf.errors import SettingError
from evenshelf.learners.registry import FitScores, LearnerKind, Predict
from evenshelf.remedies import Prior, Remedy, Stage, catalogue, parse
from evenshelf.testing.check import Check, gather, locked, refusal, run_all

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]


@dataclass(frozen=True)
class _Subject:
    kind: LearnerKind

    @property
    def fit(self) -> FitScores:
        return self.kind.fit if self.kind.reads is None else self._reading

    @property
    def stages(self) -> frozenset[Stage]:
        return frozenset(self.kind.stages)

    def _reading(
        self,
        vectors: Floats,
        target: Codes,
        groups: int,
        remedy: Remedy,
        *,
        names: Floats | None = None,
        **more: Any,
    ) -> Predict:
        """Fit one that reads texts, on texts that say what the vectors are."""
        read = self._read
        named = None if names is None else read(names)
        predict = self.kind.fit(read(vectors), target, groups, remedy, names=named, **more)
        return lambda new: predict(read(new))

    def _read(self, vectors: Floats) -> Floats:
        assert self.kind.reads is not None
        return np.hstack([vectors, self.kind.reads(texts_of(vectors))])

    def chances(self, scores: Floats) -> NDArray[np.float64]:
        """What the scores say: of labels that compete, or of each by itself."""
        if not self.kind.sets:
            return probabilities(scores)
        return np.asarray(0.5 + 0.5 * np.tanh(0.5 * scores.astype(np.float64)))


def learner_checks(kind: LearnerKind) -> list[Check]:
    """Checks of a learner, which fit it on small data."""
    return gather(
        kind.name,
        offers_penalties_that_fall,
        learns_what_is_plain_to_see,
        gives_finite_scores_of_the_right_shape,
        is_the_same_for_the_same_seed,
        honours_every_stage_it_declares,
        refuses_every_stage_it_does_not_declare,
        never_predicts_a_group_without_rows,
        takes_two_rows_and_equal_columns,
        is_not_led_by_the_order_of_the_rows,
        fits_every_remedy_of_the_catalogue,
        fits_at_every_penalty,
        of=_Subject(kind),
    )


def check_learner(kind: LearnerKind) -> None:
    """Run :func:`learner_checks`; raise ``AssertionError`` (or a group of errors) if any fails."""
    run_all(learner_checks(kind))


def skewed_sample(counts: tuple[int, ...] = (60, 20, 6, 2), spread: float = 0.6) -> tuple[Floats, Codes, Floats]:
    """Vectors around one centre per group, their groups, and the centres (as names); protected against writing."""
    rng = np.random.default_rng(5)
    centres = rng.standard_normal((len(counts), 6))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    target = np.repeat(np.arange(len(counts)), counts)
    vectors = centres[target] + spread * rng.standard_normal((len(target), 6))
    order = rng.permutation(len(target))
    return locked(vectors[order].astype(np.float32)), locked(target[order]), locked(centres.astype(np.float32))


WORDS = ("red", "blue", "shoe", "lamp", "tea", "mug", "soft", "large", "cotton", "oak", "green", "steel")
"""A word for each half of each axis."""


def texts_of(vectors: Floats) -> list[str]:
    """What vectors of six axes are in words, those of the longest axes first."""
    order = np.argsort(-np.abs(vectors), axis=1, kind="stable")[:, :4]
    return [
        " ".join(WORDS[2 * axis + int(row[axis] > 0)] for axis in axes)
        for row, axes in zip(vectors, order, strict=True)
    ]


def probabilities(scores: Floats) -> NDArray[np.float64]:
    """Softmax of each row."""
    shifted = np.exp(scores.astype(np.float64) - scores.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True), np.float64)


def offers_penalties_that_fall(subject: _Subject) -> None:
    """At least one and at most as many as asked for, the strongest first, in every process the same."""
    for count in (1, 2, 4, 8):
        found = subject.kind.penalties(count)
        assert 1 <= len(found) <= count, f"{len(found)} penalties where {count} were asked for"
        assert all(np.isfinite(found)), f"penalties are {found}"
        assert all(after < before for before, after in pairwise(found)), f"{found} do not fall"
        assert found == subject.kind.penalties(count), "penalties differ from call to call"
        assert count == 1 or found[-1] == subject.kind.penalties(8)[-1], "the weakest penalty depends on the count"


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
    plain = subject.chances(subject.fit(vectors, target, 4, parse("none"), names=names)(vectors))
    for stage in subject.stages:
        for remedy in _acting_at(stage, subject):
            changed = subject.chances(subject.fit(vectors, target, 4, remedy, names=names)(vectors))
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
        one = kind()
        if subject.kind.unsupported(one) is None and not one.not_applicable(_prior(target, 4), has_names=True):
            scores = subject.fit(vectors, target, 4, one, names=names)(vectors)
            assert np.isfinite(scores).all(), f"{kind.name}: scores are not finite"


def fits_at_every_penalty(subject: _Subject) -> None:
    """Of those that it offers; the strongest and the weakest differ."""
    vectors, target, _ = skewed_sample()
    offered = subject.kind.penalties(4)
    fitted = [subject.fit(vectors, target, 4, parse("none"), penalty=penalty)(vectors) for penalty in offered]
    for penalty, scores in zip(offered, fitted, strict=True):
        assert np.isfinite(scores).all(), f"scores at the penalty {penalty:g} are not finite"
    moved = float(np.abs(probabilities(fitted[0]) - probabilities(fitted[-1])).max())
    assert len(offered) == 1 or moved > 1e-6, f"{len(offered)} penalties are offered, and change nothing"


def _prior(target: Codes, groups: int) -> Prior:
    return Prior(np.bincount(target, minlength=groups))


def _acting_at(stage: Stage, subject: _Subject) -> list[Remedy]:
    """Built-in remedies of this one stage, at their default, which is far from neutral."""
    ours = [k for k in catalogue().values() if k.__module__.startswith("evenshelf.")]
    kinds = [k for k in ours if k.stages == (stage,) and not k.needs]
    return [kind() for kind in kinds if subject.kind.unsupported(kind()) is None] if stage in subject.stages else []
