"""The classifier is the head of a study by itself, and can be searched over, pickled and given names."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV

from evenshelf.errors import InputError, SettingError
from evenshelf.estimators import RemedyClassifier
from evenshelf.learners.heads import HEADS, fit_alone
from evenshelf.learners.paths import penalties
from evenshelf.remedies import catalogue, parse
from evenshelf.testing.learners import probabilities, skewed_sample

VECTORS, TARGET, CENTRES = skewed_sample()
WORDS = np.array(["cake", "jam", "salt", "tea"])
LABELS = WORDS[TARGET]
HONOURED = sorted(name for name, kind in catalogue().items() if not (kind.needs or HEADS.unsupported(kind())))


@pytest.mark.parametrize("spec", [*HONOURED, "name_prior + logit_adjust(tau=0.5)", "smote + focal"])
@pytest.mark.parametrize("penalty", [None, 1e-3])
def test_it_is_the_head_of_a_study(spec: str, penalty: float | None) -> None:
    model = RemedyClassifier(spec, penalty, CENTRES, random_state=4).fit(VECTORS, LABELS)
    scores = fit_alone(VECTORS, TARGET, 4, parse(spec), names=CENTRES, seed=4, penalty=penalty)(VECTORS)
    np.testing.assert_allclose(model.predict_proba(VECTORS), probabilities(scores), atol=1e-3)
    assert (model.predict(VECTORS) == WORDS[model.decision_function(VECTORS).argmax(axis=1)]).all()


def test_without_a_remedy_it_is_the_logistic_regression_of_scikit_learn() -> None:
    theirs = LogisticRegression(tol=1e-8, max_iter=2000).fit(VECTORS.astype(np.float64), LABELS)
    ours = RemedyClassifier("none").fit(VECTORS, LABELS)
    np.testing.assert_allclose(ours.predict_proba(VECTORS), theirs.predict_proba(VECTORS), atol=1e-3)


def test_vectors_far_from_zero_give_the_same() -> None:
    near = RemedyClassifier().fit(VECTORS, LABELS)
    moved = VECTORS.astype(np.float64) + 1e6
    far = RemedyClassifier().fit(moved, LABELS)
    np.testing.assert_allclose(far.predict_proba(moved), near.predict_proba(VECTORS), atol=1e-3)


def test_scores_of_two_classes_are_one_column() -> None:
    model = RemedyClassifier("logit_adjust").fit(VECTORS, TARGET > 1)
    scores = model.decision_function(VECTORS)
    assert scores.shape == (88,)
    assert model.classes_.dtype == bool
    assert ((scores > 0) == model.predict(VECTORS)).all()


def test_a_search_over_penalty_and_remedy_works() -> None:
    grid = {"penalty": penalties(4), "remedy": ["none", "balanced", parse("random_over"), "smote(k=2) + logit_adjust"]}
    two = np.where(TARGET > 1, "seldom", "often")
    search = GridSearchCV(RemedyClassifier(random_state=0), grid, scoring="f1_macro", cv=3, error_score="raise")
    search.fit(VECTORS, two)
    assert len(search.cv_results_["params"]) == 16
    assert set(search.predict(VECTORS)) == {"often", "seldom"}


def test_a_fitted_classifier_can_be_pickled_and_holds_no_training_row() -> None:
    X, y, names = skewed_sample((3000, 800, 20, 1))
    model = RemedyClassifier("smote + name_prior", names=names, random_state=0).fit(X, y)
    stored = pickle.dumps(model)
    assert len(stored) < 20_000 < X.nbytes
    assert (pickle.loads(stored).predict_proba(X) == model.predict_proba(X)).all()


def test_names_are_an_array_in_sorted_order_or_a_mapping() -> None:
    by_order = RemedyClassifier("name_prior", names=CENTRES).fit(VECTORS, LABELS)
    by_label = RemedyClassifier("name_prior", names=dict(zip(WORDS[::-1], CENTRES[::-1], strict=True)))
    assert (by_label.fit(VECTORS, LABELS).predict_proba(VECTORS) == by_order.predict_proba(VECTORS)).all()
    numbered = RemedyClassifier("name_prior", names={i: CENTRES[i].tolist() for i in range(4)})
    assert (numbered.fit(VECTORS, TARGET).predict_proba(VECTORS) == by_order.predict_proba(VECTORS)).all()


def test_a_class_may_be_known_by_its_name_alone() -> None:
    known = TARGET != 2
    names = dict(zip(WORDS, CENTRES, strict=True))
    model = RemedyClassifier("name_prior", names=names).fit(VECTORS[known], LABELS[known])
    assert model.classes_.tolist() == WORDS.tolist()
    assert (model.predict(CENTRES[2:3]) == ["salt"]).all()
    # a remedy that does not borrow from names would know nothing of it
    other = RemedyClassifier("balanced", names=names).fit(VECTORS[known], LABELS[known])
    assert other.classes_.tolist() == ["cake", "jam", "tea"]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (CENTRES[:3], r"has the shape \(3, 6\); 4 classes and 6 features need \(4, 6\)"),
        (CENTRES[:, :3], r"has the shape \(4, 3\)"),
        ({"tea": CENTRES[0]}, "names lacks 3 of 4 classes: 'cake', 'jam', 'salt'"),
        (dict.fromkeys([*WORDS, 7], CENTRES[0]), "7, which is of another type than the labels, such as 'cake'"),
        (dict.fromkeys(WORDS, CENTRES[0, :2]), r"have the shape \(2,\); X has 6 features"),
        (WORDS, "names is no matrix of numbers"),
        (np.full((4, 6), np.inf), "missing or infinite"),
    ],
    ids=range(7),
)
def test_names_that_do_not_fit_are_refused(names: Any, message: str) -> None:
    with pytest.raises(InputError, match=message):
        RemedyClassifier("name_prior", names=names).fit(VECTORS, LABELS)


def test_a_remedy_without_the_names_it_needs_is_refused() -> None:
    with pytest.raises(SettingError, match=r"have no names.*\n.*names=, a vector for each class"):
        RemedyClassifier("name_prior").fit(VECTORS, LABELS)


@pytest.mark.parametrize("penalty", [0.0, -1.0, np.inf, np.nan, "weak"])
def test_a_penalty_that_is_none_is_refused(penalty: Any) -> None:
    with pytest.raises(SettingError, match="a number above 0, or None"):
        RemedyClassifier(penalty=penalty).fit(VECTORS, LABELS)


def test_frames_and_their_columns_are_known() -> None:
    frame = pd.DataFrame(VECTORS, columns=list("abcdef"))
    model = RemedyClassifier().fit(frame, pd.Series(LABELS, dtype="category"))
    assert model.predict(frame).tolist() == RemedyClassifier().fit(VECTORS, LABELS).predict(VECTORS).tolist()
    with pytest.raises(ValueError, match="feature names"):
        model.predict(frame[list("fedcba")])


def test_it_does_not_predict_before_it_is_fitted() -> None:
    with pytest.raises(NotFittedError):
        RemedyClassifier().predict(VECTORS)


def test_equal_vectors_are_refused() -> None:
    with pytest.raises(InputError, match="All vectors are equal"):
        RemedyClassifier().fit(np.ones((6, 2)), [0, 0, 0, 1, 1, 1])


def test_class_means_need_no_names_and_know_no_class_by_its_name_alone() -> None:
    names = dict(zip([*WORDS, "zwieback"], [*CENTRES, -CENTRES[0]], strict=True))
    plain, named = (RemedyClassifier("class_mean", 1e-2, n).fit(VECTORS, LABELS) for n in (None, names))
    assert named.classes_.tolist() == plain.classes_.tolist() == WORDS.tolist()
    np.testing.assert_array_equal(plain.predict_proba(VECTORS), named.predict_proba(VECTORS))
    with pytest.raises(SettingError, match="needs names="):
        RemedyClassifier("text_smoothed").fit(VECTORS, LABELS)
    lent = RemedyClassifier("text_smoothed", 1.0, names).fit(VECTORS, LABELS)
    assert lent.classes_.tolist() == [*WORDS, "zwieback"]
    assert lent.notes_ == ("1 group has no row, and the mean of those with similar names",)
    assert lent.predict_proba(VECTORS)[:, 4].max() > 1e-6


def test_near_rows_are_asked_row_by_row_wherever_zero_is() -> None:
    model = RemedyClassifier("knn(share=1.0)").fit(VECTORS, LABELS)
    whole = model.predict_proba(VECTORS)
    np.testing.assert_allclose(np.concatenate([model.predict_proba(row[None]) for row in VECTORS]), whole, atol=1e-5)
    moved = VECTORS.astype(np.float64) + 1e6
    far = RemedyClassifier("knn(share=1.0)").fit(moved, LABELS)
    np.testing.assert_allclose(far.predict_proba(moved), whole, atol=1e-3)


def test_a_table_of_weights_is_read_by_label(tmp_path: Path) -> None:
    counts = {label: int((label == LABELS).sum()) for label in WORDS}
    file = tmp_path / "weights.json"
    file.write_text(json.dumps({label: 1 / count for label, count in counts.items()}))
    table, balanced = (
        RemedyClassifier(spec).fit(VECTORS, LABELS) for spec in (f"weight_table(file={str(file)!r})", "balanced")
    )
    np.testing.assert_allclose(table.predict_proba(VECTORS), balanced.predict_proba(VECTORS), atol=1e-5)
    assert table.notes_ == ()
    file.write_text(json.dumps({"cake": 2}))
    partly = RemedyClassifier(f"weight_table(file={str(file)!r})").fit(VECTORS, LABELS)
    assert partly.notes_ == ("3 classes have no weight in the table, weighed 1: 'jam', 'salt', 'tea'",)
