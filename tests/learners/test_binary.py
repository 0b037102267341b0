"""One head a label: the optimum of scikit-learn's, weights, sets put together from pairs, made rows, sparse vectors."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.sparse import csr_array
from sklearn.linear_model import LogisticRegression

from evenshelf.errors import InputError, SettingError
from evenshelf.learners.binary import BINARY, fit_sets
from evenshelf.learners.paths import fit_path
from evenshelf.learners.sets import first_of_texts, of_sets
from evenshelf.learners.training import Training, training_part, training_rows
from evenshelf.learners.vectors import prepare, prepare_sparse
from evenshelf.remedies import parse
from evenshelf.testing.set_remedies import ample_sets

SAMPLE = ample_sets()
KNOWN = np.flatnonzero(SAMPLE.has.any(axis=0))


def by_scikit_learn(vectors, has, penalty, weight=None, positive=1.0):
    """Log odds of one label, with penalties as a mean over rows has them."""
    weights = np.ones(len(has)) if weight is None else weight
    total = weights.sum()
    each = weights * np.where(has, positive, 1.0)
    model = LogisticRegression(C=1 / (penalty * total), tol=1e-8, max_iter=5000)
    return model.fit(vectors, has, sample_weight=each).decision_function(vectors)


def standardised(vectors):
    centred = vectors.astype(np.float64) - vectors.mean(axis=0)
    return centred / np.sqrt((centred**2).sum(axis=1).mean())


@pytest.mark.parametrize("penalty", [1e-2, 1e-4])
@pytest.mark.parametrize("power", [0.0, 0.5])
def test_each_head_is_that_of_scikit_learn(penalty, power):
    remedy = parse(f"positive_weight(power={power})")
    scores = fit_sets(SAMPLE.vectors, SAMPLE.labels, remedy, penalty=penalty)(SAMPLE.vectors)
    rows = standardised(SAMPLE.vectors)
    weights = remedy.weight(SAMPLE.prior)
    for label in KNOWN:
        expected = by_scikit_learn(rows, SAMPLE.has[:, label], penalty, positive=weights[label])
        np.testing.assert_allclose(scores[:, label], expected, atol=0.02 * max(1.0, np.abs(expected).max()))


def test_the_usual_default_is_one_c_for_all():
    scores = fit_sets(SAMPLE.vectors, SAMPLE.labels, parse("none"))(SAMPLE.vectors)
    for label in KNOWN:
        model = LogisticRegression(C=1.0, tol=1e-8, max_iter=5000).fit(SAMPLE.vectors, SAMPLE.has[:, label])
        np.testing.assert_allclose(scores[:, label], model.decision_function(SAMPLE.vectors), atol=0.02)


def test_a_label_without_texts_is_never_given_and_one_of_all_texts_always():
    has = SAMPLE.has.copy()
    has[:, 0] = True
    scores = fit_sets(SAMPLE.vectors, csr_array(has), parse("none"), penalty=1e-3)(SAMPLE.vectors)
    assert (scores[:, ~has.any(axis=0)] < -1000).all()
    assert (scores[:, 0] > 0).all()


def pairs(fold=None):
    """Each label of a text as a row, texts repeated as an item for every second one."""
    text, label = np.nonzero(SAMPLE.has)
    copies = np.where(text % 2, 2, 1)
    text, label = np.repeat(text, copies), np.repeat(label, copies)
    folds = np.zeros(len(text), np.int64) if fold is None else fold[text]
    return text, label, folds


def test_pairs_are_put_together_as_texts():
    text, label, folds = pairs(np.arange(len(SAMPLE.has)) % 3)
    vectors = prepare(SAMPLE.vectors[text], label, folds, text, several=True)
    together = of_sets(vectors)
    kept = np.unique(text)
    assert len(together.count) == len(kept)
    for fold in range(3):
        rows = together.index((fold,))
        here = kept[kept % 3 == fold]
        np.testing.assert_array_equal(together.positive[rows].toarray() > 0, SAMPLE.has[here][:, KNOWN])
        np.testing.assert_array_equal(together.count[rows], np.where(here % 2, 2, 1))
        given = together.given((fold,))
        np.testing.assert_allclose(given, SAMPLE.vectors[here], atol=1e-5)
    np.testing.assert_allclose(together.rows[together.row_of], vectors.rows[vectors.row_of])
    first, number = first_of_texts(np.array([7, 7, 2, 9, 9]))
    np.testing.assert_array_equal(first, [0, 2, 3])
    np.testing.assert_array_equal(number, [0, 0, 1, 2, 2])
    assert len(first_of_texts(np.empty(0, np.int64))[0]) == 0


@pytest.mark.parametrize("spec", ["none", "asymmetric", "distribution_balanced", "balanced", "mlsmote(amount=0.0)"])
def test_texts_that_count_twice_are_texts_that_stand_there_twice(spec):
    text, label, folds = pairs()
    vectors = prepare(SAMPLE.vectors[text], label, folds, text, several=True)
    together = of_sets(vectors)
    training = Training.of(together, (0,), together.positive.shape[1], None)
    remedy = parse(spec)
    rows = training_rows(remedy, training, np.random.default_rng(0))
    merged = fit_path(training, [(training_part(remedy), rows, (1e-3,))], tolerance=1e-8, max_steps=500)[0][0]
    kept = np.unique(text)
    twice = np.repeat(kept, np.where(kept % 2, 2, 1))
    # a penalty is relative to the spread of the rows that were given, which are pairs on one side
    spread = [
        np.sqrt(((x - x.mean(axis=0)) ** 2).sum(axis=1).mean()) for x in (SAMPLE.vectors[text], SAMPLE.vectors[twice])
    ]
    penalty = 1e-3 * (spread[0] / spread[1]) ** 2
    whole = fit_sets(SAMPLE.vectors[twice], csr_array(SAMPLE.has[twice][:, KNOWN]), remedy, penalty=penalty)
    scores = np.asarray(together.rows @ merged.fit.weights)
    np.testing.assert_allclose(scores, whole(SAMPLE.vectors[kept]), atol=0.03)
    np.testing.assert_array_equal(training.prior.counts, SAMPLE.has[twice][:, KNOWN].sum(axis=0))
    assert training.prior.texts == len(twice)


def test_made_rows_are_learned_as_if_they_stood_there():
    remedy = parse("mlsmote(amount=3.0)")
    fitted = fit_sets(SAMPLE.vectors, SAMPLE.labels, remedy, penalty=1e-3, seed=4)
    centred = standardised(SAMPLE.vectors)
    prepared = prepare(SAMPLE.vectors, *([np.zeros(len(centred), np.int64)] * 2), np.arange(len(centred)))
    made = remedy.set_resample(prepared.rows[:, 1:], SAMPLE.labels, SAMPLE.prior, np.random.default_rng(4))
    step = made.step[:, None]
    rows = np.concatenate([centred, (1 - step) * centred[made.first] + step * centred[made.second]])
    has = np.concatenate([SAMPLE.has, made.labels.toarray().astype(bool)])
    scores = fitted(SAMPLE.vectors)
    for label in KNOWN:
        expected = by_scikit_learn(rows, has[:, label], 1e-3)[: len(centred)]
        np.testing.assert_allclose(scores[:, label], expected, atol=0.03 * max(1.0, np.abs(expected).max()))


def test_sparse_vectors_have_the_same_optimum():
    text, label, folds = pairs()
    sparse = prepare_sparse(csr_array(np.maximum(SAMPLE.vectors[text], 0)), label, folds, text, several=True)
    together = of_sets(sparse)
    training = Training.of(together, (0,), together.positive.shape[1], None)
    head = fit_path(training, [(parse("none"), None, (1e-3,))], tolerance=1e-9, max_steps=3000)[0][0]
    kept = np.unique(text)
    rows, weight = np.maximum(SAMPLE.vectors[kept], 0), np.where(kept % 2, 2.0, 1.0)
    scores = np.asarray(together.rows @ head.fit.weights)
    for column, label in enumerate(KNOWN):
        expected = by_scikit_learn(rows, SAMPLE.has[kept, label], 1e-3, weight=weight)
        np.testing.assert_allclose(scores[:, column], expected, atol=0.03 * max(1.0, np.abs(expected).max()))


def test_what_compares_labels_is_refused_and_so_are_wrong_lengths():
    for spec in ("focal", "smote", "temperature", "logit_adjust", "balanced + mixup"):
        with pytest.raises(SettingError, match=spec.split(" + ")[-1]):
            fit_sets(SAMPLE.vectors, SAMPLE.labels, parse(spec))
    assert "score of its own" in BINARY.unsupported(parse("smote"))
    assert BINARY.unsupported(parse("balanced + mlsmote + label_thresholds")) is None
    with pytest.raises(InputError, match="240 vectors but 3 sets"):
        fit_sets(SAMPLE.vectors, SAMPLE.labels[:3], parse("none"))


def test_a_mean_is_that_of_the_texts_that_have_the_label():
    rng = np.random.default_rng(4)
    has = rng.random((30, 4)) < 0.4
    has[:, 1] = False
    has[~has.any(axis=1), 0] = True
    sample = rng.normal(size=(30, 3)).astype(np.float32)
    lines, labels = np.nonzero(has)
    prepared = prepare(sample[lines], labels, np.zeros_like(lines), lines, several=True)
    training = Training.of(of_sets(prepared), (-1, 0), 4, None)
    rows = training.blocks[0][:, 1:]
    text = prepared.example[np.sort(np.unique(prepared.example, return_index=True)[1])]
    expected = np.stack([rows[has[text, g]].mean(axis=0) if has[:, g].any() else rows.mean(axis=0) for g in range(4)])
    np.testing.assert_allclose(training.means, expected - rows.mean(axis=0), atol=1e-5)
    assert not training.means[1].any(), "a label that no text has"
