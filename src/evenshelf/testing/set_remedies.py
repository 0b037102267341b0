"""What remedies promise where examples have sets of labels, each label with a score of its own."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray
from scipy.sparse import csr_array

from evenshelf.learners.binary import fit_sets
from evenshelf.remedies import Prior, Remedy, SetLoss, SetRows, Stage, parse
from evenshelf.testing.check import EXAMPLES, locked
from evenshelf.testing.strategies import labelled_vectors

Floats = NDArray[np.float32]
STEP = 0.03


@dataclass(frozen=True, eq=False)
class SetSample:
    """Vectors with sets of labels; arrays are protected against writing.

    Attributes
    ----------
    vectors
        ``[n, d]`` float32.
    has
        ``[n, G]`` whether a text has a label.
    """

    vectors: Floats
    has: NDArray[np.bool_]

    @property
    def labels(self) -> csr_array:
        """The labels as a remedy sees them."""
        return csr_array(self.has)

    @property
    def prior(self) -> Prior:
        """Of these texts."""
        return Prior(self.has.sum(axis=0).astype(np.int64), texts=len(self.has))


@st.composite
def labelled_sets(draw: st.DrawFn) -> SetSample:
    """Texts with one label and with many, labels that all texts have, that one has, that none has; equal vectors."""
    sample = draw(labelled_vectors())
    n, groups = len(sample.target), len(sample.prior.counts)
    has = sample.target[:, None] == np.arange(groups)
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    has |= (rng.random((n, groups)) < draw(st.sampled_from([0.0, 0.3, 0.9]))) & sample.prior.present
    if draw(st.booleans()):
        has[:, int(sample.prior.counts.argmax())] = True
    return SetSample(sample.vectors, locked(has))


def ample_sets() -> SetSample:
    """Ordinary data: eight labels from half of the texts to one, and one that no text has."""
    rng = np.random.default_rng(7)
    wanted = np.array([120, 60, 40, 20, 10, 6, 3, 1, 0])
    axes = rng.standard_normal((6, len(wanted)))
    vectors = rng.standard_normal((240, 6))
    scores = vectors @ axes + rng.standard_normal((240, len(wanted)))
    has = np.argsort(np.argsort(-scores, axis=0), axis=0) < wanted
    return SetSample(locked(vectors.astype(np.float32)), locked(has))


def set_promises(remedy: Remedy) -> list[Callable[[Remedy], None]]:
    """What a remedy for sets promises besides, by its stages."""
    promises: list[Callable[[Remedy], None]] = [is_neutral_for_sets_at_stages_it_does_not_name]
    if Stage.RESAMPLE in remedy.stages:
        promises += [makes_sets_from_training_rows]
    if Stage.LOSS in remedy.stages:
        promises += [has_a_sound_set_loss]
    if Stage.CALIBRATE in remedy.stages:
        promises += [calibrates_sets_row_by_row, orders_the_texts_of_a_row_as_before]
    if all(type(part).neutral is not None for part in remedy.parts):
        promises += [does_nothing_to_sets_at_its_neutral_value]
    return promises


def fits_sets_of_any_kind(remedy: Remedy) -> None:
    """Heads are fitted and give finite scores, whatever labels the texts have."""

    @EXAMPLES
    @given(sample=labelled_sets(), variant=st.sampled_from(remedy.settings), seed=st.integers(0, 9))
    def holds(sample: SetSample, variant: Remedy, seed: int) -> None:
        if variant.not_applicable(sample.prior, has_names=True) or not np.ptp(sample.vectors, axis=0).max() > 0:
            return
        names = locked(np.random.default_rng(1).standard_normal((sample.has.shape[1], sample.vectors.shape[1])))
        names = names.astype(np.float32)
        fitted = fit_sets(sample.vectors, sample.labels, variant, names=names, seed=seed, penalty=1e-2)
        scores = fitted(sample.vectors)
        assert scores.shape == sample.has.shape, f"{variant}: scores are {scores.shape}, not {sample.has.shape}"
        assert np.isfinite(scores).all(), f"{variant}: scores are not finite"

    holds()


def is_neutral_for_sets_at_stages_it_does_not_name(remedy: Remedy) -> None:
    """Whatever it does not declare is neutral, for sets as well."""
    sample = ample_sets()
    scores = locked(np.zeros(sample.has.shape, np.float32))
    count = locked(np.ones(len(scores), np.float32))
    for variant in remedy.settings:
        found = {
            Stage.RESAMPLE: variant.set_resample(sample.vectors, sample.labels, sample.prior, np.random.default_rng(0)),
            Stage.LOSS: variant.set_loss(sample.prior),
            Stage.CALIBRATE: variant.set_calibration(scores, sample.labels, count, sample.prior),
        }
        for stage, value in found.items():
            assert stage in remedy.stages or value is None, f"{variant} acts on sets at {stage.value!r}, undeclared"


def makes_sets_from_training_rows(remedy: Remedy) -> None:
    """Rows are what :class:`~evenshelf.remedies.SetRows` says: the same from one generator, others from another."""

    @EXAMPLES
    @given(sample=labelled_sets(), variant=st.sampled_from(remedy.settings), seed=st.integers(0, 9))
    def holds(sample: SetSample, variant: Remedy, seed: int) -> None:
        one, two = (_made(variant, sample, seed) for _ in range(2))
        if one is None or two is None:
            assert one is two
            return
        n, m = len(sample.vectors), len(one)
        for name in ("first", "second", "step", "weight"):
            np.testing.assert_array_equal(getattr(one, name), getattr(two, name), err_msg=f"{variant}: made again")
        assert one.labels.shape == (m, sample.has.shape[1]), f"{m} rows with labels of the shape {one.labels.shape}"
        assert (one.labels != two.labels).nnz == 0, f"{variant}: other labels when made again"
        for index in (one.first, one.second):
            assert ((index >= 0) & (index < n)).all(), f"rows outside of the {n} given ones: {index}"
        assert ((one.step >= 0) & (one.step <= 1)).all(), f"steps outside [0, 1]: {one.step}"
        assert (one.weight > 0).all(), f"a row has no weight: {one.weight}"
        made = one.labels.toarray().astype(bool)
        assert made.any(axis=1).all(), f"{variant} makes a text without any label"
        assert not made[:, ~sample.prior.present].any(), f"{variant} gives a label that no text has"
        assert one.notes, f"{variant} does not tell what it did"
        assert all(note.count(" ") >= 2 and note.isprintable() for note in one.notes), f"notes are {one.notes}"

    holds()
    for variant in remedy.settings:
        one, two = (_made(variant, ample_sets(), seed) for seed in (0, 1))
        if one is not None and two is not None:
            assert not np.array_equal(one.step, two.step), f"{variant} makes the same rows whatever the seed"


def _made(remedy: Remedy, sample: SetSample, seed: int) -> SetRows | None:
    return remedy.set_resample(sample.vectors, sample.labels, sample.prior, np.random.default_rng(seed))


def has_a_sound_set_loss(remedy: Remedy) -> None:
    """A finite value, its true gradient, a weighted sum over rows, a curvature that is not negative."""
    sample = ample_sets()
    groups = sample.has.shape[1]
    part = next(part for part in remedy.parts if Stage.LOSS in part.stages)

    @EXAMPLES
    @given(variant=st.sampled_from(part.settings), seed=st.integers(0, 2**16), scale=st.sampled_from([0.5, 2.0, 5.0]))
    def holds(variant: Remedy, seed: int, scale: float) -> None:
        loss = variant.set_loss(sample.prior)
        assert isinstance(loss, SetLoss), f"{variant} has the loss {loss!r}, not an evenshelf.remedies.SetLoss"
        rng = np.random.default_rng(seed)
        rows = rng.choice(len(sample.has), 3)
        scores = (scale * rng.standard_normal((3, groups))).astype(np.float32)
        weight = rng.uniform(0.5, 2.0, 3).astype(np.float32)
        positive = csr_array((sample.has[rows] * rng.uniform(0.5, 3.0, (3, groups))).astype(np.float32))
        value, gradient = loss.value_and_gradient(scores.copy(), positive, locked(weight))
        assert gradient.dtype == np.float32, f"{variant}: the gradient is {gradient.dtype}"
        for place in np.ndindex(*scores.shape):
            up, down = scores.copy(), scores.copy()
            up[place] += STEP
            down[place] -= STEP
            width = float(up[place]) - float(down[place])
            slope = (
                loss.value_and_gradient(up, positive, weight)[0] - loss.value_and_gradient(down, positive, weight)[0]
            ) / width
            allowed = 5e-3 * max(1.0, float(weight[place[0]]) * (1.0 + abs(slope)))
            assert abs(slope - gradient[place]) <= allowed, (
                f"{variant}: at {place} the gradient is {gradient[place]:.5g}, but the value changes by {slope:.5g}"
            )
        parts = [
            loss.value_and_gradient(scores[i : i + 1].copy(), positive[[i]], 2.0 * weight[i : i + 1])[0]
            + loss.value_and_gradient(scores[i : i + 1].copy(), 2.0 * positive[[i]], weight[i : i + 1])[0]
            for i in range(3)
        ]
        assert np.isclose(sum(parts), 3.0 * value, rtol=1e-3), f"{variant} is no weighted sum: {parts} and {value}"
        bent = loss.curvature(scores.copy(), positive, weight)
        assert np.isfinite(bent).all(), f"{variant}: the curvature is not finite"
        assert (bent >= 0).all(), f"{variant}: the curvature is negative"
        extreme = np.where(rng.random(scores.shape) < 0.5, -1e4, 1e4).astype(np.float32)
        value, gradient = loss.value_and_gradient(extreme, positive, weight)
        assert np.isfinite(value), f"{variant}: the value is {value} at extreme scores"
        assert np.isfinite(gradient).all(), f"{variant}: the gradient is not finite at extreme scores"

    holds()


def calibrates_sets_row_by_row(remedy: Remedy) -> None:
    """On few texts or none, with scores of any size: finite, the same for a row alone and through a pickle."""

    @EXAMPLES
    @given(
        sample=labelled_sets(),
        variant=st.sampled_from(remedy.settings),
        seed=st.integers(0, 9),
        scale=st.sampled_from([0.0, 1.0, 100.0, 1e4]),
        rows=st.sampled_from([0, 1, 2, 99]),
    )
    def holds(sample: SetSample, variant: Remedy, seed: int, scale: float, rows: int) -> None:
        rng = np.random.default_rng(seed)
        has = sample.has[:rows]
        scores = (scale * rng.standard_normal(has.shape)).astype(np.float32)
        scores[:, ~sample.prior.present] = -1e4
        count = locked(rng.integers(1, 4, len(has)).astype(np.float32))
        found = variant.set_calibration(locked(scores), csr_array(has), count, sample.prior)
        if found is None:
            return
        new = locked((scale * rng.standard_normal((4, has.shape[1]))).astype(np.float32))
        calibrated = found(new)
        assert calibrated.dtype == np.float32, f"{variant} makes {calibrated.dtype} of float32"
        assert calibrated.shape == new.shape, f"{variant} makes {calibrated.shape} of {new.shape}"
        assert np.isfinite(calibrated).all(), f"{variant} makes scores that are not finite"
        alone = np.concatenate([found(new[i : i + 1]) for i in range(len(new))])
        np.testing.assert_array_equal(calibrated, alone, err_msg=f"{variant}: row by row")
        again = pickle.loads(pickle.dumps(found))(new)  # noqa: S301 - made here
        np.testing.assert_array_equal(again, calibrated, err_msg=f"{variant}: through a pickle")

    holds()


def orders_the_texts_of_a_row_as_before(remedy: Remedy) -> None:
    """It moves cuts, of labels or of texts: a higher score of a label never becomes a lower one."""
    sample = ample_sets()
    rng = np.random.default_rng(0)
    scores = (2.0 * rng.standard_normal(sample.has.shape) + 2.0 * sample.has).astype(np.float32)
    found = remedy.set_calibration(scores, sample.labels, np.ones(len(scores), np.float32), sample.prior)
    if found is None:
        return
    for label in range(scores.shape[1]):
        higher = scores[:20].copy()
        higher[:, label] += 1.0
        raised, before = found(higher)[:, label], found(scores[:20])[:, label]
        assert (raised >= before).all(), f"{remedy}: a higher score of label {label} became a lower one"


def does_nothing_to_sets_at_its_neutral_value(remedy: Remedy) -> None:
    """Heads fitted under it are those fitted under ``none``: plain binary cross entropy."""
    parts = [part.with_parameters(**(type(part).neutral or {})) for part in remedy.parts]
    neutral = parts[0]
    for part in parts[1:]:
        neutral = neutral + part
    sample = ample_sets()
    plain, same = (
        fit_sets(sample.vectors, sample.labels, r, penalty=1e-3)(sample.vectors) for r in (parse("none"), neutral)
    )
    chances = [1.0 / (1.0 + np.exp(-np.clip(scores, -50, 50))) for scores in (plain, same)]
    far = float(np.abs(chances[0] - chances[1]).max())
    assert far < 1e-4, f"{neutral} should do nothing, but moves a probability by {far:.3g}"
