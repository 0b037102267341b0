"""What the sampler returns: the types it was given, as many rows as others make, those a classifier is fitted on."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.sparse import csr_array
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.preprocessing import StandardScaler

from evenshelf.errors import InputError, SettingError
from evenshelf.estimators import RemedyClassifier, RemedySampler
from evenshelf.remedies import Stage, catalogue, parse
from evenshelf.testing.learners import skewed_sample

RESAMPLING = sorted(
    name
    for name, kind in catalogue().items()
    if kind.stages == (Stage.RESAMPLE,) and kind().bags == 1 and not kind.many_labels
)
VECTORS, TARGET, _ = skewed_sample()
LABELS = np.array(["tea", "cake", "jam", "salt"])[TARGET]


def test_every_remedy_that_only_resamples_is_tested() -> None:
    assert {"mixup", "random_over", "random_under", "smote"} <= set(RESAMPLING)


@pytest.mark.parametrize("name", RESAMPLING)
@pytest.mark.parametrize("counts", [(60, 20, 6, 2), (30, 1), (200, 1, 1)])
def test_every_remedy_gives_rows_of_every_class(name: str, counts: tuple[int, ...]) -> None:
    X, y, _ = skewed_sample(counts)
    for seed in range(5):
        sampler = RemedySampler(name, random_state=seed)
        X_more, y_more = sampler.fit_resample(X, y)
        assert X_more.dtype == np.float32
        assert len(X_more) == len(y_more) == len(sampler.sample_indices_)
        assert set(y_more) == set(y)
        again, labels = clone(sampler).fit_resample(X, y)
        assert (again == X_more).all()
        assert (labels == y_more).all()


@pytest.mark.parametrize(
    ("remedy", "theirs"),
    [
        ("random_over", "over_sampling.RandomOverSampler"),
        ("smote(k=3)", "over_sampling.SMOTE"),
        ("random_under", "under_sampling.RandomUnderSampler"),
    ],
)
def test_classes_are_as_large_as_imbalanced_learn_makes_them(remedy: str, theirs: str) -> None:
    imblearn = pytest.importorskip("imblearn")
    # so skewed that a synthetic row stands for several
    X, y, _ = skewed_sample((400, 130, 9, 4))
    package, kind = theirs.split(".")
    other = getattr(getattr(imblearn, package), kind)(random_state=0)
    if kind == "SMOTE":
        other.set_params(k_neighbors=3)
    assert Counter(RemedySampler(remedy, 0).fit_resample(X, y)[1]) == Counter(other.fit_resample(X, y)[1])


def test_smote_rows_lie_between_rows_of_their_class() -> None:
    X_more, y_more = RemedySampler("smote(k=1)", 0).fit_resample(VECTORS, LABELS)
    one, two = VECTORS[LABELS == "salt"].astype(np.float64)
    along = (X_more[y_more == "salt"] - one) @ (two - one) / ((two - one) @ (two - one))
    np.testing.assert_allclose(X_more[y_more == "salt"], one + along[:, None] * (two - one), atol=1e-6)
    assert ((along >= -1e-6) & (along <= 1 + 1e-6)).all()


def test_given_rows_come_first_and_untouched_and_indices_lead_to_them() -> None:
    sampler = RemedySampler("smote", 0)
    X_more, _ = sampler.fit_resample(VECTORS, LABELS)
    assert (X_more[: len(VECTORS)] == VECTORS).all()
    sampler = RemedySampler("random_over", 0)
    X_more, y_more = sampler.fit_resample(VECTORS, LABELS)
    assert (X_more == VECTORS[sampler.sample_indices_]).all()
    assert (y_more == LABELS[sampler.sample_indices_]).all()
    assert sampler.notes_[0].endswith("copies added to 88 rows")


def test_rows_that_are_made_of_no_given_row_have_no_index_and_lie_where_the_class_does() -> None:
    X = 1e-3 * VECTORS.astype(np.float64) + 70.0
    sampler = RemedySampler("gan", 0)
    X_more, y_more = sampler.fit_resample(X, LABELS)
    made = sampler.sample_indices_ < 0
    assert made.sum() > 50
    assert (X_more[~made] == X[sampler.sample_indices_[~made]]).all()
    for label in ("cake", "jam"):
        apart = X_more[made & (y_more == label)].mean(axis=0) - X[label == LABELS].mean(axis=0)
        assert np.abs(apart).max() < 1e-3


def test_a_remedy_of_several_samples_is_refused() -> None:
    with pytest.raises(SettingError, match=r"fits 8 heads on a sample each.*\n.*RemedyClassifier"):
        RemedySampler("balanced_bagging").fit_resample(VECTORS, LABELS)
    _, y_more = RemedySampler("balanced_bagging(bags=1, quantile=0.5)", 0).fit_resample(VECTORS, LABELS)
    assert set(Counter(y_more).values()) == {13}


def test_none_changes_nothing() -> None:
    X_same, y_same = RemedySampler("none").fit_resample(VECTORS, LABELS)
    assert (X_same == VECTORS).all()
    assert (y_same == LABELS).all()


@pytest.mark.parametrize(
    "labels",
    [
        LABELS,
        LABELS.astype(object),
        LABELS.tolist(),
        TARGET.astype(np.int8) - 2,
        pd.Series(LABELS, name="kind", index=range(100, 188)),
        pd.Series(LABELS, dtype="category"),
        pd.DataFrame({"kind": LABELS}),
        pl.Series("kind", LABELS.tolist()),
        TARGET > 0,
    ],
    ids=lambda y: f"{type(y).__name__}-{getattr(y, 'dtype', '')}",
)
@pytest.mark.parametrize("remedy", ["random_over", "mixup"])
def test_labels_keep_their_type(labels: Any, remedy: str) -> None:
    _, more = RemedySampler(remedy, 0).fit_resample(VECTORS, labels)
    assert type(more) is type(labels)
    if isinstance(labels, (np.ndarray, pd.Series, pl.Series)):
        assert more.dtype == labels.dtype
    if isinstance(labels, (pd.Series, pl.Series)):
        assert more.name == labels.name


@pytest.mark.parametrize("remedy", ["random_over", "smote", "gan"])
def test_frames_keep_their_columns_and_what_can_be_kept_of_their_types(remedy: str) -> None:
    frame = pd.DataFrame({"a": VECTORS[:, 0], "b": VECTORS[:, 1].astype(np.float64), "c": TARGET})
    expected, _ = RemedySampler(remedy, 0).fit_resample(frame.to_numpy(), LABELS)
    for given in (frame, frame.set_index(np.arange(88) + 7), pl.from_pandas(frame)):
        sampler = RemedySampler(remedy, 0)
        made, _ = sampler.fit_resample(given, LABELS)
        assert type(made) is type(given)
        assert list(made.columns) == ["a", "b", "c"]
        assert list(sampler.feature_names_in_) == ["a", "b", "c"]
        np.testing.assert_allclose(made.to_numpy(), expected, rtol=1e-6)
        types = [str(kind).lower() for kind in made.dtypes]
        # a point between two whole numbers is not whole
        assert types == ["float32", "float64", "int64" if remedy == "random_over" else "float64"]


def test_what_lies_far_from_zero_is_resolved() -> None:
    near, _ = RemedySampler("smote", 0).fit_resample(VECTORS.astype(np.float64), LABELS)
    far, _ = RemedySampler("smote", 0).fit_resample(VECTORS.astype(np.float64) + 1e7, LABELS)
    np.testing.assert_allclose(far - 1e7, near, atol=1e-6)


@pytest.mark.parametrize("remedy", ["mixup", "random_over", "random_under", "smote"])
def test_weighted_rows_are_those_that_a_classifier_is_fitted_on(remedy: str) -> None:
    """Logistic regression of scikit-learn on them finds the classifier of the same seed."""
    X, y, _ = skewed_sample((300, 60, 5, 1))
    X_more, y_more, weight = RemedySampler(remedy, 3).fit_resample(X, y, return_weights=True)
    theirs = LogisticRegression(tol=1e-9, max_iter=5000).fit(X_more.astype(np.float64), y_more, sample_weight=weight)
    ours = RemedyClassifier(remedy, random_state=3).fit(X, y)
    np.testing.assert_allclose(ours.predict_proba(X), theirs.predict_proba(X), atol=2e-3)


def test_it_works_in_pipelines_of_imbalanced_learn() -> None:
    pipeline = pytest.importorskip("imblearn.pipeline")
    model = pipeline.make_pipeline(StandardScaler(), RemedySampler(random_state=0), LogisticRegression())
    y = np.array(["often", "seldom"])[(TARGET > 1).astype(int)]
    model.fit(VECTORS, y)
    assert model.score(VECTORS, y) > 0.7
    search = GridSearchCV(model, {"remedysampler__remedy": ["none", "random_over", parse("smote(k=2)")]}, cv=3)
    search.fit(VECTORS, y)
    assert not np.isnan(search.cv_results_["mean_test_score"]).any()


@pytest.mark.parametrize("remedy", ["balanced", "smote + logit_adjust", "name_prior"])
def test_a_remedy_that_acts_elsewhere_is_refused(remedy: str) -> None:
    with pytest.raises(SettingError, match=r"where a sampler can do nothing.*\n.*RemedyClassifier"):
        RemedySampler(remedy).fit_resample(VECTORS, LABELS)


def test_a_remedy_for_sets_of_labels_is_refused() -> None:
    for estimator in (RemedySampler, RemedyClassifier):
        with pytest.raises(SettingError, match="mlsmote is for examples with sets of labels"):
            estimator("mlsmote").fit(VECTORS, LABELS)


@pytest.mark.parametrize(
    ("X", "y", "error", "message"),
    [
        (csr_array(VECTORS), LABELS, TypeError, "dense data is required"),
        (VECTORS, np.eye(4)[TARGET], InputError, "Multilabel.*\n.*argmax"),
        (VECTORS, ["tea"] * 88, InputError, "holds 1 class"),
        (VECTORS, np.array(["tea"] * 87 + [None], object), InputError, "cannot be sorted together: NoneType, str"),
        (VECTORS, LABELS[:5], ValueError, "inconsistent numbers of samples"),
        (np.where(VECTORS > 1, np.nan, VECTORS), LABELS, ValueError, "contains NaN"),
        (LABELS[:, None], LABELS, ValueError, "numeric|could not convert"),
    ],
)
def test_data_that_cannot_be_used_is_refused(X: Any, y: Any, error: type[Exception], message: str) -> None:
    for estimator in (RemedySampler("random_over"), RemedyClassifier()):
        with pytest.raises(error, match=message):
            estimator.fit(X, y)


def test_a_setting_that_is_not_valid_is_refused() -> None:
    for estimator in (RemedySampler, RemedyClassifier):
        with pytest.raises(SettingError, match="did you mean smote"):
            estimator("smot").fit(VECTORS, LABELS)
        with pytest.raises(SettingError, match="neither a spec nor a remedy"):
            estimator(3).fit(VECTORS, LABELS)


def test_rows_beyond_a_given_row_are_made_and_are_no_copies() -> None:
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.standard_normal((200, 4)), rng.standard_normal((20, 4)) + 2.5]).astype(np.float32)
    y = np.repeat([0, 1], [200, 20])
    made, _ = RemedySampler("svm_smote(out_step=1.0)", random_state=0).fit_resample(X, y)
    new = made[len(X) :]
    assert (new[:, None] == X).all(axis=2).any(axis=1).sum() <= 1
    rare = X[y == 1]
    assert ((new < rare.min(axis=0)) | (new > rare.max(axis=0))).any(), "none lies beyond the given rows"
