"""Sets hold the right class as often as they should, class by class; copies of titles do not make them surer."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import softmax
from scipy.stats import binom

from evenshelf.bundles.conformal import CROWD, OWN, RARE, SOURCES, cross_judged, enough_titles, fit_conformal
from evenshelf.errors import SettingError


def world(rng, counts, skill=2.0, wrong=0.0):
    """Probabilities of a model of some skill, far too sure of itself, and classes; a share of labels is wrong."""
    target = np.repeat(np.arange(len(counts)), counts)
    scores = rng.standard_normal((len(target), len(counts)))
    scores[np.arange(len(target)), target] += skill / (1 + target)
    p = softmax(3 * scores, axis=1).astype(np.float32)
    shuffled = rng.random(len(target)) < wrong
    target = np.where(shuffled, rng.integers(0, len(counts), len(target)), target)
    return p, target


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.3])
def test_each_class_is_covered_however_bad_the_model(alpha):
    """Over many draws, the mean coverage of each class is at least what was wanted, and not much more."""
    rng = np.random.default_rng(0)
    counts = np.array([400, 150, 2 * enough_titles(alpha), enough_titles(alpha)])
    hits, asked = np.zeros(4), np.zeros(4)
    for _ in range(150):
        p, y = world(rng, counts)
        found = fit_conformal(p, y, np.arange(len(y)), alpha=alpha, crowd=1.0)
        assert found.own.all()
        q, z = world(rng, np.full(4, 60))
        inside = found.sets(q)[np.arange(len(z)), z]
        hits += np.bincount(z, inside, 4)
        asked += np.bincount(z, minlength=4)
    # a draw shares its thresholds, so 60 titles count as one: the bound is that of 150 coverages of a Beta
    slack = 3 * np.sqrt(alpha / (counts + 1) / 150)
    low = binom.ppf(1e-4, asked.astype(int), 1 - alpha) / asked - slack
    assert (hits / asked >= low).all(), hits / asked
    assert (hits / asked <= 1 - alpha + 1 / (counts + 1) + 0.02).all(), hits / asked


@pytest.mark.parametrize("alpha", [0.05, 0.1, 0.25])
def test_a_threshold_is_the_quantile_of_the_textbooks(alpha):
    """Of n titles the one in the place floor(alpha (n + 1)) from below, counted from 1."""
    p, y = world(np.random.default_rng(9), np.array([333, 120, 41]))
    found = fit_conformal(p, y, np.arange(len(y)), alpha=alpha, crowd=1.0)
    for c, n in enumerate((333, 120, 41)):
        assert found.own[c]
        assert found.threshold[c] == np.sort(p[y == c, c])[int(np.floor(alpha * (n + 1) + 1e-9)) - 1]


def test_marginal_thresholds_would_leave_the_rare_class_uncovered():
    """What it is for: the same data, all classes sharing one threshold."""
    rng = np.random.default_rng(1)
    p, y = world(rng, np.array([2000, 40]))
    q, z = world(rng, np.array([2000, 2000]))
    own = fit_conformal(p, y, np.arange(len(y)), alpha=0.1, crowd=1.0)
    true = p[np.arange(len(y)), y]
    common = np.quantile(true, 0.1)
    rare = z == 1
    assert (q[rare, 1] >= common).mean() < 0.85
    assert (q[rare, 1] >= own.threshold[1]).mean() > 0.85


def test_rare_classes_are_covered_together():
    rng = np.random.default_rng(2)
    counts = np.array([300, *[6] * 20])
    rates = []
    for _ in range(60):
        p, y = world(rng, counts)
        found = fit_conformal(p, y, np.arange(len(y)), alpha=0.1)
        assert (found.source[1:] == SOURCES.index(RARE)).all()
        q, z = world(rng, counts)
        rates.append(found.sets(q)[np.arange(len(z)), z][z > 0].mean())
    assert 0.88 < np.mean(rates) < 0.93
    assert any("20 classes have fewer than 20" in note for note in found.notes(tuple("abcdefghijklmnopqrstu")))


def test_copies_of_titles_change_nothing():
    rng = np.random.default_rng(3)
    p, y = world(rng, np.array([120, 60]))
    group = np.arange(len(y))
    copies = rng.integers(1, 30, len(y))
    one = fit_conformal(p, y, group, alpha=0.1)
    many = fit_conformal(p.repeat(copies, axis=0), y.repeat(copies), group.repeat(copies), alpha=0.1)
    np.testing.assert_array_equal(one.titles, many.titles)
    np.testing.assert_array_equal(one.threshold, many.threshold)
    np.testing.assert_array_equal(one.source, many.source)


def test_a_class_of_one_title_in_many_copies_is_rare():
    p, y = world(np.random.default_rng(4), np.array([200, 200]))
    group = np.where(y == 1, 1_000_000, np.arange(len(y)))
    found = fit_conformal(p, y, group, alpha=0.1)
    assert found.titles.tolist() == [200, 1]
    assert found.own.tolist() == [True, False]


def test_groups_that_hold_near_copies_keep_their_coverage_for_a_new_group():
    """Ten near copies a title: taken for ten titles, a class of four titles would seem to have enough."""
    rng = np.random.default_rng(5)
    hits, naive = [], []
    for _ in range(200):
        centres = rng.random(25)
        values = np.repeat(centres, 10)
        p = np.stack([values, 1 - values], axis=1).astype(np.float32)
        zeros = np.zeros(250, np.int64)
        found = fit_conformal(p, zeros, np.repeat(np.arange(25), 10), alpha=0.1)
        new = rng.random(200)
        hits.append((new >= found.threshold[0]).mean())
        naive.append((new >= fit_conformal(p, zeros, np.arange(250), alpha=0.1).threshold[0]).mean())
    assert np.mean(hits) >= 0.9
    assert np.mean(naive) < np.mean(hits)


def test_a_class_that_no_title_tells_of_does_not_stand_in_every_set():
    """Its rows look like those of the largest class, so only a threshold of nothing would cover it."""
    rng = np.random.default_rng(6)
    p, y = world(rng, np.array([600, 300, 60]), skill=6.0)
    gift = np.flatnonzero(y == 2)
    p[gift] = p[rng.permutation(np.flatnonzero(y == 0))[: len(gift)]]
    classes = ("shoes", "hats", "gifts")
    kept, open_ = (fit_conformal(p, y, np.arange(len(y)), alpha=0.1, crowd=c) for c in (CROWD, 1.0))
    assert kept.crowding == (2,)
    assert "gifts" in " ".join(kept.notes(classes))
    assert kept.sets(p)[y == 0, 2].mean() < CROWD < open_.sets(p)[y == 0, 2].mean()
    np.testing.assert_array_equal(kept.threshold[:2], open_.threshold[:2])


@settings(max_examples=60)
@given(data=st.data())
def test_it_is_total_and_monotone(data):
    """Any rows, classes without a row included: thresholds in [0, 1]; a smaller alpha makes no set smaller."""
    classes = data.draw(st.integers(2, 5))
    rows = data.draw(st.integers(0, 60))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**20)))
    p = rng.dirichlet(np.full(classes, 0.3), rows).astype(np.float32).reshape(rows, classes)
    y = rng.integers(0, classes, rows)
    g = rng.integers(0, max(rows, 1), rows)
    loose, tight = (fit_conformal(p, y, g, alpha=a, crowd=1.0) for a in (0.4, 0.39))
    assert ((loose.threshold >= 0) & (loose.threshold <= 1)).all()
    assert len(loose.notes(tuple("abcde"[:classes]))) <= 3
    if (loose.source == tight.source).all():  # else other classes share the pooled threshold
        assert (tight.sets(p) >= loose.sets(p)).all()
    assert (loose.titles >= enough_titles(0.4)).tolist() == (loose.source == SOURCES.index(OWN)).tolist()


def test_without_enough_titles_nothing_is_excluded():
    found = fit_conformal(np.eye(3, dtype=np.float32), np.arange(3), np.arange(3), alpha=0.1)
    assert found.sets(np.eye(3, dtype=np.float32)).all()
    assert "every set holds all classes" in " ".join(found.notes(("a", "b", "c")))


def test_sets_are_judged_by_other_folds():
    rng = np.random.default_rng(7)
    p, y = world(rng, np.array([500, 200]))
    fold = np.arange(len(y)) % 5
    sets = cross_judged(p, y, np.arange(len(y)), fold, alpha=0.1)
    for number in range(5):
        mine = fold == number
        alone = fit_conformal(p[~mine], y[~mine], np.flatnonzero(~mine), alpha=0.1)
        np.testing.assert_array_equal(sets[mine], alone.sets(p[mine]))


@pytest.mark.parametrize("alpha", [0.0, 1.0, -1.0, float("nan")])
def test_an_alpha_that_is_no_frequency_is_refused(alpha):
    with pytest.raises(SettingError, match="between 0 and 1"):
        fit_conformal(np.eye(2, dtype=np.float32), np.arange(2), np.arange(2), alpha=alpha)
