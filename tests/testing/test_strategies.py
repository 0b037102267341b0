"""The generators of nasty data do generate it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import Phase, find, given, settings
from hypothesis.errors import NoSuchExample

from evenshelf.testing.strategies import Sample, labelled_vectors, labels, priors, scored_rows, texts

FINDING = settings(max_examples=3000, deadline=None, database=None, phases=[Phase.generate])


@pytest.mark.parametrize(
    ("strategy", "wanted"),
    [
        (priors(), lambda p: len(p.counts) == 1),
        (priors(), lambda p: (p.counts == 0).any()),
        (priors(), lambda p: p.present.sum() > 2 and len(set(p.counts[p.present].tolist())) == 1),
        (priors(), lambda p: p.counts.max() >= 10**6 * max(1, p.counts[p.present].min())),
        (labelled_vectors(), lambda s: len(s.target) == 2),
        (labelled_vectors(), lambda s: s.prior.counts.max() == 1),
        (labelled_vectors(), lambda s: len(s.target) > 3 and not np.ptp(s.vectors, axis=0).any() and s.vectors.any()),
        (labelled_vectors(), lambda s: len(s.target) > 3 and len(np.unique(s.vectors, axis=0)) < len(s.target)),
        (labelled_vectors(), lambda s: 0 < np.abs(s.vectors).max() < 1e-9),
        (labelled_vectors(), lambda s: np.abs(s.vectors).max() > 1e9),
        (labelled_vectors(), lambda s: not s.prior.present.all()),
        (texts(), lambda t: t == ""),
        (texts(), lambda t: len(t) > 1000),
        (texts(), lambda t: any("\u4e00" <= c <= "\u9fa5" for c in t)),
        (texts(), lambda t: any(ord(c) < 32 for c in t)),
        (texts(), lambda t: "\U0001f60e" in t),
        (labels(), lambda names: min(names.count(n) for n in names) == 1 and len(names) > 5),
        (labels(), lambda names: "" in names),
    ],
)
def test_what_is_promised_can_be_drawn(strategy, wanted) -> None:
    try:
        find(strategy, wanted, settings=FINDING)
    except NoSuchExample:
        pytest.fail("never drawn")


@given(sample=labelled_vectors(min_present=2))
def test_samples_agree_with_themselves_and_cannot_be_written_to(sample: Sample) -> None:
    np.testing.assert_array_equal(np.bincount(sample.target, minlength=len(sample.prior.counts)), sample.prior.counts)
    assert sample.prior.present.sum() >= 2
    assert sample.vectors.dtype == np.float32
    assert np.isfinite(sample.vectors).all()
    for array in (sample.vectors, sample.target, sample.prior.counts):
        assert not array.flags.writeable


@given(names=labels(min_size=4, max_size=9), rows=scored_rows(3))
def test_sizes_are_kept(names: list[str], rows) -> None:
    assert 4 <= len(names) <= 9
    assert len(set(names)) >= 2
    scores, target, weight = rows
    assert scores.shape == (len(target), 3)
    assert (weight > 0).all()
