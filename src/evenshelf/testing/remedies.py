"""What every remedy promises: at the stages it declares, on any data, without touching what it is given."""

from __future__ import annotations

import dataclasses

import numpy as np
from hypothesis import assume, given
from hypothesis import strategies as st
from numpy.typing import NDArray

from evenshelf.learners.heads import STAGES, fit_alone
from evenshelf.learners.training import Training, training_rows
from evenshelf.learners.vectors import prepare
from evenshelf.remedies import Prior, Remedy, Rows, SetRows, Stage, parse
from evenshelf.testing.adjusting import adjusts_each_row_by_itself, never_favours_the_frequent
from evenshelf.testing.augmenting import (
    draws_every_group_by_a_known_chance,
    makes_no_sequence_at_its_neutral_value,
    makes_sequences_of_known_groups,
    makes_the_same_sequences_from_the_same_generator,
    steps_of,
)
from evenshelf.testing.calibration import (
    calibrates_any_scores,
    calibrates_each_row_by_itself,
    calibrates_what_was_too_sure,
    unseen_scores,
)
from evenshelf.testing.check import EXAMPLES, Check, gather, run_all
from evenshelf.testing.declarations import declaration_checks, neutral_of
from evenshelf.testing.learners import probabilities, skewed_sample
from evenshelf.testing.pooling import gives_each_group_a_centre
from evenshelf.testing.reranking import ordinary_lists, rerank_promises
from evenshelf.testing.retrieval import (
    does_not_mind_groups_that_are_not_offered,
    does_not_predict_groups_without_a_row,
    keeps_the_same_memory_of_the_same_rows,
    retrieves_for_each_row_by_itself,
)
from evenshelf.testing.set_remedies import fits_sets_of_any_kind, set_promises
from evenshelf.testing.strategies import Sample, labelled_vectors, priors
from evenshelf.testing.variants import (
    made_of,
    names_what_makes_its_texts,
    picks_nothing_at_its_neutral_value,
    picks_some_of_what_was_made,
    picks_the_same_from_the_same_generator,
)
from evenshelf.testing.weighting import gives_each_group_a_weight, has_a_sound_loss, never_weighs_a_rarer_group_less

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
    promises += [does_not_mind_what_groups_are_called]
    if Stage.AUGMENT in one.stages:
        promises += [
            makes_sequences_of_known_groups,
            makes_the_same_sequences_from_the_same_generator,
            makes_no_sequence_at_its_neutral_value,
        ]
    if Stage.VARIANTS in one.stages:
        promises += [
            picks_some_of_what_was_made,
            picks_the_same_from_the_same_generator,
            names_what_makes_its_texts,
            picks_nothing_at_its_neutral_value,
        ]
    if Stage.NEGATIVES in one.stages:
        promises += [draws_every_group_by_a_known_chance]
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
    if Stage.RETRIEVE in one.stages:
        promises += [
            retrieves_for_each_row_by_itself,
            keeps_the_same_memory_of_the_same_rows,
            does_not_predict_groups_without_a_row,
            does_not_mind_groups_that_are_not_offered,
        ]
    if neutral_of(one) is not None and set(one.stages) <= set(STAGES):
        promises += [does_nothing_at_its_neutral_value]
    of_lists = rerank_promises(one) if Stage.RERANK in one.stages else []
    declared = declaration_checks(remedy) if isinstance(remedy, type) else []
    return [*declared, *gather(one.spec, *promises, *of_lists, of=one)]


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
    if remedy.reads_names:
        assert remedy.not_applicable(Prior(np.array(AMPLE)), has_names=False), (
            f"{remedy} reads names, and claims to work without any"
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
    ones, count = np.ones((len(AMPLE), 6), np.float32), np.ones(len(sample.target), np.float32)
    lists = ordinary_lists()
    for variant in remedy.settings:
        found = {
            Stage.VARIANTS: variant.pick(made_of(sample.target, 2), sample.prior, np.random.default_rng(0)),
            Stage.AUGMENT: steps_of([12] * 20, len(AMPLE), 0, 3).augment(variant, 0),
            Stage.NEGATIVES: variant.competitors(sample.prior),
            Stage.RESAMPLE: variant.resample(sample.vectors, sample.target, sample.prior, np.random.default_rng(0)),
            Stage.WEIGHT: variant.weight(sample.prior),
            Stage.LOSS: variant.loss(sample.prior),
            Stage.CALIBRATE: variant.calibration(*unseen_scores(sample.prior, 0)),
            Stage.POOL: variant.centre(ones, sample.prior, ones),
            Stage.RETRIEVE: variant.retrieve(sample.vectors, sample.target, count, sample.prior),
            Stage.RERANK: variant.rerank(lists.offered, lists.prior),
        }
        for stage, value in found.items():
            assert stage in remedy.stages or value is None, f"{variant} acts at {stage.value!r}, undeclared"
        if Stage.ADJUST not in remedy.stages:
            np.testing.assert_array_equal(variant.adjust(scores, sample.prior, norms), scores)


def does_not_mind_what_groups_are_called(remedy: Remedy) -> None:
    """Told the groups' names, it stays the remedy of its spec; what it cannot do for them is said in sentences."""
    for counts in (AMPLE, (90, 10)):
        prior = Prior(np.array(counts))
        bound = remedy.bound([f"group {number}" for number in range(len(counts))])
        assert bound.spec == remedy.spec, f"{remedy} told of the groups' names becomes {bound}"
        for note in bound.notes(prior):
            assert note == note.strip(), f"a note has blanks around it: {note!r}"
            assert note.count(" ") >= 2, f"a note is not a sentence: {note!r}"


def makes_rows_from_training_rows(remedy: Remedy) -> None:
    """Indices, steps, weights and groups are what :class:`~evenshelf.remedies.Rows` says, on any data."""

    @EXAMPLES
    @given(sample=labelled_vectors(), variant=st.sampled_from(remedy.settings), seed=st.integers(0, 9))
    def holds(sample: Sample, variant: Remedy, seed: int) -> None:
        assume(not variant.not_applicable(sample.prior, has_names=True))
        made = variant.resample(sample.vectors, sample.target, sample.prior, np.random.default_rng(seed))
        if made is not None:
            assert made.made is None or any(p.makes_vectors for p in variant.parts), (
                f"{variant} does not declare that it makes vectors"
            )
            check_rows(made, sample)

    holds()


def check_rows(made: Rows, sample: Sample) -> None:
    """Raise ``AssertionError`` unless the rows can be made from the sample's."""
    n = len(sample.target)
    assert len(made) > 0, "there is no row left"
    lengths = {name: len(column) for name, column in made.columns.items()}
    assert len(set(lengths.values())) == 1, f"fields differ in length: {lengths}"
    for field in ("first", "second", "target", "other"):
        kind = getattr(made, field).dtype.kind
        assert kind == "i", f"{field} holds {getattr(made, field).dtype}, not whole numbers"
    for field in ("step", "weight", "share"):
        assert np.isfinite(getattr(made, field)).all(), f"{field} is not finite: {getattr(made, field)}"
    extra = 0 if made.made is None else check_made_vectors(made, sample)
    for field in ("first", "second"):
        index = getattr(made, field)
        assert ((index >= 0) & (index < n + extra)).all(), f"{field} points outside of the {n} + {extra} rows: {index}"
    for field, least in (("step", -1), ("share", 0)):
        part = getattr(made, field)
        assert ((part >= least) & (part <= 1)).all(), f"{field} is outside [{least}, 1]: {part}"
    assert (made.weight > 0).all(), f"a row has no weight: {made.weight}"
    for field in ("target", "other"):
        group = getattr(made, field)
        assert ((group >= 0) & (group < len(sample.prior.counts))).all(), f"{field} names unknown groups: {group}"
        assert sample.prior.present[group].all(), f"{field} names groups without a row: {group}"
    of_given = made.first < n
    made_of = set(zip(sample.target[made.first[of_given]].tolist(), made.target[of_given].tolist(), strict=True))
    assert all(one == two for one, two in made_of), "a row has another group than the row that it is mainly made of"
    lost = np.setdiff1d(np.flatnonzero(sample.prior.present), np.concatenate([made.target, made.other]))
    assert not len(lost), f"groups {lost.tolist()} have lost all their rows"


def check_made_vectors(made: Rows, sample: Sample) -> int:
    """How many vectors the rows have of their own; ``AssertionError`` unless they are sound, each used by one row."""
    vectors, n = made.made, len(sample.target)
    assert isinstance(vectors, np.ndarray), f"made is a {type(vectors).__name__}"
    assert vectors.dtype == np.float32, f"made holds {vectors.dtype}, not float32"
    assert vectors.shape[1:] == sample.vectors.shape[1:], f"made is {vectors.shape}, rows are {sample.vectors.shape}"
    assert np.isfinite(vectors).all(), "made holds vectors that are not finite"
    own = (made.first >= n) | (made.second >= n)
    assert (made.first[own] == made.second[own]).all(), "a row lies between a vector of its own and another row"
    assert not made.share[own].any(), "a row with a vector of its own has a second group"
    used = np.sort(made.first[own]) - n
    assert np.array_equal(used, np.arange(len(vectors))), f"of {len(vectors)} vectors of its own it uses {used}"
    return len(vectors)


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


def does_nothing_at_its_neutral_value(remedy: Remedy) -> None:
    """Linear heads fitted under it are those fitted under ``none``; with a cold group, and with single rows."""
    neutral = neutral_of(remedy)
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
    columns = all(np.array_equal(column, two.columns[name]) for name, column in one.columns.items())
    vectors = one.made is two.made or (
        one.made is not None and two.made is not None and np.array_equal(one.made, two.made)
    )
    return one.notes == two.notes and columns and vectors
