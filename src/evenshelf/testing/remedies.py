"""What every remedy promises: at the stages it declares, on any data, without touching what it is given."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from evenshelf.learners.heads import STAGES, fit_alone
from evenshelf.learners.training import Training, training_rows
from evenshelf.learners.vectors import prepare
from evenshelf.remedies import Loss, Prior, Remedy, Rows, SetRows, Stage, parse
from evenshelf.testing import losses
from evenshelf.testing.calibration import (
    calibrates_any_scores,
    calibrates_each_row_by_itself,
    calibrates_what_was_too_sure,
    unseen_scores,
)
from evenshelf.testing.check import EXAMPLES, Check, gather, locked, run_all
from evenshelf.testing.declarations import declaration_checks
from evenshelf.testing.learners import probabilities, skewed_sample
from evenshelf.testing.losses import check_weights
from evenshelf.testing.set_remedies import fits_sets_of_any_kind, set_promises
from evenshelf.testing.strategies import Sample, labelled_vectors, priors

Floats = NDArray[np.float32]
Codes = NDArray[np.int64]

AMPLE = (120, 50, 20, 8, 2, 0)
"""Rows per group of data with something for every remedy to do."""


def remedy_checks(remedy: type[Remedy] | Remedy) -> list[Check]:
    """Checks of a kind of remedy, or of one remedy, such as a composition.

    Parameters
    ----------
    remedy
        A kind is also checked for its declaration, and at its defaults and the rest of its grid; a remedy at itself
        and the rest of its grid. A kind that needs something from its user is checked for its declaration only: give a
        remedy that has it as well.
    """
    one = remedy() if isinstance(remedy, type) else remedy
    if isinstance(remedy, type) and remedy.needs:
        return [*declaration_checks(remedy), *gather(one.spec, cannot_be_used_without_what_it_needs, of=one)]
    promises = [names_why_it_cannot_be_used, can_be_used_on_ordinary_data, changes_nothing_at_stages_it_does_not_name]
    if one.serves_sets:
        promises += [fits_sets_of_any_kind]
    if any(part.many_labels for part in one.parts):
        if Stage.WEIGHT in one.stages:
            promises += [gives_each_group_a_weight, never_weighs_a_rarer_group_less]
        declared = declaration_checks(remedy) if isinstance(remedy, type) else []
        return [*declared, *gather(one.spec, *promises, *set_promises(one), of=one)]
    if Stage.RESAMPLE in one.stages:
        promises += [
            makes_rows_from_training_rows,
            makes_the_same_rows_from_the_same_generator,
            draws_anew_from_another_generator,
            does_not_see_rows_outside_of_training,
            tells_what_was_done,
        ]
    if Stage.WEIGHT in one.stages:
        promises += [gives_each_group_a_weight, never_weighs_a_rarer_group_less]
    if Stage.LOSS in one.stages:
        promises += [has_a_sound_loss]
    if Stage.ADJUST in one.stages:
        promises += [adjusts_each_row_by_itself, never_favours_the_frequent]
    if Stage.CALIBRATE in one.stages:
        promises += [calibrates_each_row_by_itself, calibrates_any_scores, calibrates_what_was_too_sure]
    if Stage.POOL in one.stages:
        promises += [gives_each_group_a_centre]
    if _neutral(one) is not None and set(one.stages) <= set(STAGES):
        promises += [does_nothing_at_its_neutral_value]
    declared = declaration_checks(remedy) if isinstance(remedy, type) else []
    return [*declared, *gather(one.spec, *promises, of=one)]


def check_remedy(remedy: type[Remedy] | Remedy) -> None:
    """Run :func:`remedy_checks`; raise ``AssertionError`` (or a group of errors) if any fails."""
    run_all(remedy_checks(remedy))


def ample_sample() -> Sample:
    """Ordinary skewed data; see :data:`AMPLE`."""
    vectors, target, _ = skewed_sample(AMPLE)
    return Sample.of(vectors, target, len(AMPLE))


def names_why_it_cannot_be_used(remedy: Remedy) -> None:
    """With one group or none there is a reason, in words; and without names, if it lives on names."""

    @EXAMPLES
    @given(prior=priors(), variant=st.sampled_from(remedy.settings), has_names=st.booleans())
    def answers(prior: Prior, variant: Remedy, has_names: bool) -> None:
        reason = variant.not_applicable(prior, has_names=has_names)
        assert reason is None or (isinstance(reason, str) and reason.strip()), f"the reason is {reason!r}"

    answers()
    for counts in ([7], [0, 7, 0], [0, 0], []):
        prior = Prior(np.array(counts, np.int64))
        assert remedy.not_applicable(prior, has_names=True), f"{remedy} claims to work on groups of {counts} rows"
    if Stage.POOL in remedy.stages:
        assert remedy.not_applicable(Prior(np.array(AMPLE)), has_names=False), (
            f"{remedy} pools by names, and claims to work without any"
        )


def cannot_be_used_without_what_it_needs(remedy: Remedy) -> None:
    """At its defaults there is a reason, in words, whatever the data."""
    fields = {f.name for f in dataclasses.fields(remedy)}
    assert fields >= set(remedy.needs), f"needs has {set(remedy.needs) - fields}, which {remedy} has not"
    reason = remedy.not_applicable(Prior(np.array(AMPLE)), has_names=True)
    assert reason, f"{remedy} claims to work without {', '.join(remedy.needs)}"


def can_be_used_on_ordinary_data(remedy: Remedy) -> None:
    """There are data that it is for: several groups with names, or two."""
    reasons = [remedy.not_applicable(Prior(np.array(counts)), has_names=True) for counts in (AMPLE, (90, 10))]
    assert None in reasons, f"{remedy} is never of use: {reasons[0]}"


def changes_nothing_at_stages_it_does_not_name(remedy: Remedy) -> None:
    """Whatever it does not declare is neutral."""
    sample = ample_sample()
    scores, norms = np.zeros((2, len(AMPLE)), np.float32), np.ones(len(AMPLE), np.float32)
    for variant in remedy.settings:
        found = {
            Stage.RESAMPLE: variant.resample(sample.vectors, sample.target, sample.prior, np.random.default_rng(0)),
            Stage.WEIGHT: variant.weight(sample.prior),
            Stage.LOSS: variant.loss(sample.prior),
            Stage.CALIBRATE: variant.calibration(*unseen_scores(sample.prior, 0)),
            Stage.POOL: variant.centre(np.ones((len(AMPLE), 6), np.float32), sample.prior),
        }
        for stage, value in found.items():
            assert stage in remedy.stages or value is None, f"{variant} acts at {stage.value!r}, undeclared"
        if Stage.ADJUST not in remedy.stages:
            np.testing.assert_array_equal(variant.adjust(scores, sample.prior, norms), scores)


def makes_rows_from_training_rows(remedy: Remedy) -> None:
    """Indices, steps, weights and groups are what :class:`~evenshelf.remedies.Rows` says, on any data."""

    @EXAMPLES
    @given(sample=labelled_vectors(), variant=st.sampled_from(remedy.settings), seed=st.integers(0, 9))
    def holds(sample: Sample, variant: Remedy, seed: int) -> None:
        assume(not variant.not_applicable(sample.prior, has_names=True))
        made = variant.resample(sample.vectors, sample.target, sample.prior, np.random.default_rng(seed))
        if made is not None:
            check_rows(made, sample)

    holds()


def check_rows(made: Rows, sample: Sample) -> None:
    """Raise ``AssertionError`` unless the rows can be made from the sample's."""
    n = len(sample.target)
    assert len(made) > 0, "there is no row left"
    lengths = {f.name: len(getattr(made, f.name)) for f in dataclasses.fields(made) if f.name != "notes"}
    assert len(set(lengths.values())) == 1, f"fields differ in length: {lengths}"
    for field in ("first", "second", "target", "other"):
        kind = getattr(made, field).dtype.kind
        assert kind == "i", f"{field} holds {getattr(made, field).dtype}, not whole numbers"
    for field in ("step", "weight", "share"):
        assert np.isfinite(getattr(made, field)).all(), f"{field} is not finite: {getattr(made, field)}"
    for field in ("first", "second"):
        index = getattr(made, field)
        assert ((index >= 0) & (index < n)).all(), f"{field} points outside of the {n} rows: {index}"
    for field, least in (("step", -1), ("share", 0)):
        part = getattr(made, field)
        assert ((part >= least) & (part <= 1)).all(), f"{field} is outside [{least}, 1]: {part}"
    assert (made.weight > 0).all(), f"a row has no weight: {made.weight}"
    for field in ("target", "other"):
        group = getattr(made, field)
        assert ((group >= 0) & (group < len(sample.prior.counts))).all(), f"{field} names unknown groups: {group}"
        assert sample.prior.present[group].all(), f"{field} names groups without a row: {group}"
    made_of = set(zip(sample.target[made.first].tolist(), made.target.tolist(), strict=True))
    assert all(one == two for one, two in made_of), "a row has another group than the row that it is mainly made of"
    lost = np.setdiff1d(np.flatnonzero(sample.prior.present), np.concatenate([made.target, made.other]))
    assert not len(lost), f"groups {lost.tolist()} have lost all their rows"


def makes_the_same_rows_from_the_same_generator(remedy: Remedy) -> None:
    """Whatever it was asked between."""

    @EXAMPLES
    @given(
        sample=labelled_vectors(),
        between=labelled_vectors(),
        variant=st.sampled_from(remedy.settings),
        seed=st.integers(0, 2**32 - 1),
    )
    def holds(sample: Sample, between: Sample, variant: Remedy, seed: int) -> None:
        assume(not variant.not_applicable(sample.prior, has_names=True))
        _makes_the_same_rows(variant, sample, between, seed)

    # Small data can hide what is drawn from elsewhere: there is often one row to choose from.
    for variant in remedy.settings:
        _makes_the_same_rows(variant, ample_sample(), ample_sample(), 0)
    holds()


def _makes_the_same_rows(variant: Remedy, sample: Sample, between: Sample, seed: int) -> None:
    one = variant.resample(sample.vectors, sample.target, sample.prior, np.random.default_rng(seed))
    if not variant.not_applicable(between.prior, has_names=True):
        variant.resample(between.vectors, between.target, between.prior, np.random.default_rng(seed + 1))
    two = variant.resample(sample.vectors, sample.target, sample.prior, np.random.default_rng(seed))
    assert same_rows(one, two), f"{variant} made other rows from the same generator"


def draws_anew_from_another_generator(remedy: Remedy) -> None:
    """If it uses the generator at all, two seeds differ."""
    sample = ample_sample()
    for variant in remedy.settings:
        rng = np.random.default_rng(0)
        before = rng.bit_generator.state
        one = variant.resample(sample.vectors, sample.target, sample.prior, rng)
        if rng.bit_generator.state != before:
            two = variant.resample(sample.vectors, sample.target, sample.prior, np.random.default_rng(1))
            assert not same_rows(one, two), f"{variant} draws, but makes the same rows whatever the seed"


def does_not_see_rows_outside_of_training(remedy: Remedy) -> None:
    """Other validation rows, the same training rows made."""
    sample = ample_sample()
    fold = (np.arange(len(sample.target)) % 4 == 0).astype(np.int64)
    vectors = prepare(sample.vectors, sample.target, fold, np.arange(len(fold)))
    low, high = vectors.spans((1,))[0]
    rows, target = vectors.rows.copy(), vectors.target.copy()
    rows[low:high, 1:] *= -7.0
    target[low:high] = 0
    altered = dataclasses.replace(vectors, rows=rows, target=target)
    for variant in remedy.settings:
        one, two = (
            training_rows(variant, Training.of(v, (-1, 0), len(AMPLE), None), np.random.default_rng(0))
            for v in (vectors, altered)
        )
        assert same_rows(one, two), f"{variant} makes other training rows when validation rows change"


def tells_what_was_done(remedy: Remedy) -> None:
    """Notes are a sentence each, on a line, for a person to read."""

    @EXAMPLES
    @given(sample=labelled_vectors(), variant=st.sampled_from(remedy.settings))
    def holds(sample: Sample, variant: Remedy) -> None:
        assume(not variant.not_applicable(sample.prior, has_names=True))
        made = variant.resample(sample.vectors, sample.target, sample.prior, np.random.default_rng(0))
        if made is None:
            return
        assert isinstance(made.notes, tuple), f"notes is a {type(made.notes).__name__}, not a tuple"
        assert made.notes, f"{variant} does not tell what it did"
        for note in made.notes:
            assert note == note.strip(), f"a note has blanks around it: {note!r}"
            assert note.count(" ") >= 2, f"a note is not a sentence: {note!r}"
            assert note.isprintable(), f"a note is more than a line: {note!r}"

    holds()


def gives_each_group_a_weight(remedy: Remedy) -> None:
    """``[G]`` float32, finite and above zero, for any prior."""

    @EXAMPLES
    @given(prior=priors(), variant=st.sampled_from(remedy.settings))
    def holds(prior: Prior, variant: Remedy) -> None:
        weights = variant.weight(prior)
        if weights is not None:
            check_weights(weights, len(prior.counts))

    holds()


def never_weighs_a_rarer_group_less(remedy: Remedy) -> None:
    """Among groups with rows."""

    @EXAMPLES
    @given(prior=priors(min_present=2), variant=st.sampled_from(remedy.settings))
    def holds(prior: Prior, variant: Remedy) -> None:
        weights = variant.weight(prior)
        if weights is not None:
            _falls(weights[prior.present], prior.counts[prior.present], "weight")

    holds()


def has_a_sound_loss(remedy: Remedy) -> None:
    """Every check of a loss, at every setting, for several priors; class weights favour the rare."""
    for counts in ((5, 1), (30, 4, 1, 0), (10**9, 1, 1)):
        prior = Prior(locked(np.array(counts)))
        part = next(part for part in remedy.parts if Stage.LOSS in part.stages)
        for variant in part.settings:
            loss = variant.loss(prior)
            assert isinstance(loss, Loss), f"{variant} has the loss {loss!r}, not an evenshelf.remedies.Loss"
            weights = loss.class_weight()
            if weights is not None:
                _falls(weights[prior.present], prior.counts[prior.present], "class weight")
            losses.check_loss(loss, len(counts))


def adjusts_each_row_by_itself(remedy: Remedy) -> None:
    """Scores keep shape and type and stay finite; rows do not mind their company, or a constant added to all scores.

    A higher score of a group never becomes a lower one.
    """

    @EXAMPLES
    @given(prior=priors(min_present=2), variant=st.sampled_from(remedy.settings), data=st.data())
    def holds(prior: Prior, variant: Remedy, data: st.DataObject) -> None:
        assume(not variant.not_applicable(prior, has_names=True))
        groups = len(prior.counts)
        rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
        scale = data.draw(st.sampled_from([0.0, 1.0, 30.0, 1e4]))
        scores = locked((scale * rng.standard_normal((5, groups))).astype(np.float32))
        absent = ~prior.present if data.draw(st.booleans()) else np.zeros(groups, bool)
        norms = locked(np.where(absent, 0.0, rng.exponential(size=groups) + 0.01).astype(np.float32))
        adjusted = variant.adjust(scores, prior, norms)
        assert adjusted.shape == scores.shape, f"{variant} makes {adjusted.shape} of {scores.shape}"
        assert adjusted.dtype == np.float32, f"{variant} makes {adjusted.dtype} of float32"
        assert np.isfinite(adjusted).all(), f"{variant} makes scores that are not finite"
        alone = np.concatenate([variant.adjust(locked(scores[i : i + 1]), prior, norms) for i in range(5)])
        near = 1e-5 * max(1.0, float(np.abs(adjusted).max()))
        np.testing.assert_allclose(adjusted, alone, rtol=0, atol=near, err_msg=f"{variant}: row by row")
        shifted = probabilities(variant.adjust(locked(scores + np.float32(8.0)), prior, norms))
        np.testing.assert_allclose(
            shifted, probabilities(adjusted), atol=1e-4 + near, err_msg=f"{variant}: scores plus a constant"
        )
        group = data.draw(st.integers(0, groups - 1))
        higher = scores.copy()
        higher[:, group] += 0.5 + 0.1 * scale
        raised = variant.adjust(locked(higher), prior, norms)[:, group]
        assert (raised >= adjusted[:, group]).all(), f"{variant}: a higher score of group {group} became a lower one"

    holds()


def never_favours_the_frequent(remedy: Remedy) -> None:
    """Where groups score alike, and weights are longer for the frequent, rare ones gain: more, the stronger it is."""

    @EXAMPLES
    @given(prior=priors(min_present=2), variant=st.sampled_from(remedy.settings))
    def holds(prior: Prior, variant: Remedy) -> None:
        assume(not variant.not_applicable(prior, has_names=True))
        _falls(_even_scores(variant, prior)[prior.present], prior.counts[prior.present], "adjusted score")

    holds()
    neutral, kind = _neutral(remedy), type(remedy)
    if neutral is None or len(remedy.parts) > 1 or len(kind.neutral or {}) != 1:
        return
    ((parameter, zero),) = (kind.neutral or {}).items()
    prior = Prior(np.array([1000, 100, 10, 1]))
    values = sorted({zero, *kind.grid.get(parameter, ())}, key=lambda value: abs(value - zero))
    gains = []
    for value in values:
        scores = _even_scores(remedy.with_parameters(**{parameter: value}), prior)
        gains.append(float(scores[3] - scores[0]))
    assert np.isclose(gains[0], 0.0, atol=1e-5), f"{neutral} favours a group: {gains[0]}"
    assert (np.diff(gains) >= 0).all(), f"{parameter} of {values} gives the rarest group {gains}"


def gives_each_group_a_centre(remedy: Remedy) -> None:
    """``[G, d]`` float32 and finite, for any prior and any names."""

    @EXAMPLES
    @given(
        prior=priors(min_present=2),
        variant=st.sampled_from(remedy.settings),
        seed=st.integers(0, 9),
        scale=st.sampled_from([0.0, 1e-6, 1.0, 1e6]),
    )
    def holds(prior: Prior, variant: Remedy, seed: int, scale: float) -> None:
        assume(not variant.not_applicable(prior, has_names=True))
        shape = (len(prior.counts), 4)
        names = locked((scale * np.random.default_rng(seed).standard_normal(shape)).astype(np.float32))
        centre = variant.centre(names, prior)
        if centre is not None:
            assert centre.shape == shape, f"{variant} makes {centre.shape} of names {shape}"
            assert centre.dtype == np.float32, f"{variant} makes {centre.dtype} of float32"
            assert np.isfinite(centre).all(), f"{variant} makes a centre that is not finite"

    holds()


def does_nothing_at_its_neutral_value(remedy: Remedy) -> None:
    """Linear heads fitted under it are those fitted under ``none``; with a cold group, and with single rows."""
    neutral = _neutral(remedy)
    assert neutral is not None, f"{remedy} has no neutral value"
    for counts in ((60, 20, 6, 2), (30, 1, 9, 0)):
        vectors, target, names = skewed_sample(counts)
        plain, same = (
            probabilities(fit_alone(vectors, target, len(counts), r, names=names, penalty=1e-3)(vectors))
            for r in (parse("none"), neutral)
        )
        far = float(np.abs(plain - same).max())
        assert far < 1e-5, f"{neutral} should do nothing on groups of {counts}, but moves a probability by {far:.3g}"


def same_rows(one: Rows | SetRows | None, two: Rows | SetRows | None) -> bool:
    """Whether two sets of rows, none of them with sets of labels, are equal to the bit."""
    if not isinstance(one, Rows) or not isinstance(two, Rows):
        return one is two
    names = [f.name for f in dataclasses.fields(one) if f.name != "notes"]
    return one.notes == two.notes and all(np.array_equal(getattr(one, n), getattr(two, n)) for n in names)


def _neutral(remedy: Remedy) -> Remedy | None:
    """The remedy with all its parts at their neutral values, if they have some."""
    parts: list[Remedy] = []
    for part in remedy.parts:
        if type(part).neutral is None:
            return None
        parts.append(part.with_parameters(**(type(part).neutral or {})))
    whole = parts[0]
    for part in parts[1:]:
        whole = whole + part
    return whole


def _even_scores(remedy: Remedy, prior: Prior) -> Floats:
    """``[G]`` adjusted score of each group in a row that scores it 1 and the others 0; norms grow with the counts."""
    counts = np.maximum(prior.counts, 1).astype(np.float64)
    norms = np.where(prior.present, 1.0 + np.log(counts), 0.0).astype(np.float32)
    return remedy.adjust(locked(np.eye(len(counts), dtype=np.float32)), prior, locked(norms)).diagonal()


def _falls(values: Floats, counts: Codes, what: str) -> None:
    """Raise ``AssertionError`` if a group with more rows has more than one with fewer."""
    order: Sequence[int] = np.lexsort((-values, counts)).tolist()
    sized, ordered = counts[order], values[order].astype(np.float64)
    rise = (np.diff(ordered) > 1e-5 * np.maximum(1e-30, np.abs(ordered[:-1]))) & (np.diff(sized) > 0)
    at = np.flatnonzero(rise)
    assert not len(at), (
        f"a group of {sized[at[0] + 1]} rows has the {what} {ordered[at[0] + 1]:.6g}, "
        f"one of {sized[at[0]]} rows only {ordered[at[0]]:.6g}"
    )
