"""MLSMOTE on data small enough to work out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array

from evenshelf.remedies import Prior, parse
from evenshelf.remedies.mlsmote import rare_labels

# On a line; label 0 is everywhere, label 1 on eight texts, label 2 on three, label 3 on one of these.
PLACES = np.array([0, 1, 2, 3, 4, 5, 6, 7, 20, 21, 24], np.float32)
HAS = np.zeros((11, 4), bool)
HAS[:, 0] = True
HAS[:8, 1] = True
HAS[8:, 2] = True
HAS[10, 3] = True
PRIOR = Prior(HAS.sum(axis=0), texts=11)


def made(spec, seed=0):
    return parse(spec).set_resample(PLACES[:, None], csr_array(HAS), PRIOR, np.random.default_rng(seed))


def test_a_label_is_rare_above_the_mean_imbalance():
    # imbalances are 1, 11/8, 11/3, 11: the mean is 4.26, so only label 3 is rare
    np.testing.assert_array_equal(rare_labels(PRIOR), [3])
    np.testing.assert_array_equal(rare_labels(Prior(np.array([8, 8, 2, 2, 0]))), [2, 3])
    assert len(rare_labels(Prior(np.array([5, 5])))) == 0
    assert len(rare_labels(Prior(np.array([0, 0])))) == 0


def test_a_label_of_one_text_repeats_it():
    rows = made("mlsmote(amount=3.0)")
    np.testing.assert_array_equal(rows.first, [10, 10, 10])
    np.testing.assert_array_equal(rows.second, [10, 10, 10])
    np.testing.assert_array_equal(rows.labels.toarray(), HAS[[10, 10, 10]])
    assert any("1 label of one text was repeated" in note for note in rows.notes)


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        # the neighbours of each of the three are the two others: three votes, of which more than 1.5 are needed
        ("ranking", [1, 0, 1, 0]),
        ("union", [1, 0, 1, 1]),
        ("intersection", [1, 0, 1, 0]),
    ],
)
def test_labels_come_from_the_text_and_its_neighbours(labels, expected):
    has = np.concatenate([HAS, HAS[:8], HAS[:8]])
    has[:, 3] &= False
    has[10, 3] = True
    places = np.concatenate([PLACES, PLACES[:8], PLACES[:8]])[:, None]
    prior = Prior(np.array([27, 24, 3, 30]), texts=27)  # as if label 3 were frequent: label 2 alone is rare
    spec = parse(f"mlsmote(k=2, labels='{labels}')")
    rows = spec.set_resample(places, csr_array(has), prior, np.random.default_rng(0))
    np.testing.assert_array_equal(np.sort(rows.first), [8, 9, 10])
    assert set(rows.second.tolist()) <= {8, 9, 10}
    assert (rows.first != rows.second).all()
    np.testing.assert_array_equal(rows.labels.toarray().astype(int), [expected] * 3)


def test_the_nearest_texts_with_the_label_are_used():
    prior = Prior(np.array([27, 24, 3, 30]), texts=27)
    for seed in range(5):
        rows = parse("mlsmote(k=1)").set_resample(PLACES[:, None], csr_array(HAS), prior, np.random.default_rng(seed))
        assert dict(zip(rows.first.tolist(), rows.second.tolist(), strict=True)) == {8: 9, 9: 8, 10: 9}


@pytest.mark.parametrize(("amount", "count"), [(0.5, 2), (1.0, 3), (2.5, 8), (10.0, 30)])
def test_so_many_are_made_for_each_text(amount, count):
    prior = Prior(np.array([27, 24, 3, 30]), texts=27)
    remedy = parse(f"mlsmote(amount={amount})")
    rows = remedy.set_resample(PLACES[:, None], csr_array(HAS), prior, np.random.default_rng(0))
    assert len(rows) == count


def test_nothing_is_made_where_no_label_is_rarer_than_the_mean():
    rows = parse("mlsmote").set_resample(
        PLACES[:, None], csr_array(HAS), Prior(np.array([5, 5, 5, 5])), np.random.default_rng(0)
    )
    assert len(rows) == 0
    assert rows.labels.shape == (0, 4)
    assert "no label is rarer" in rows.notes[0]
    assert made("mlsmote(amount=0.0)") is None
