"""Remedies in a study that ask training rows, class means, or a user's table: of training folds alone, and told."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from sklearn.neighbors import KNeighborsClassifier

from evenshelf.errors import SettingError
from evenshelf.learners import LearnerKind
from evenshelf.learners.vectors import prepare
from evenshelf.remedies import Stage, parse
from evenshelf.study.fits import fit_unit
from evenshelf.study.plan import Setting, Training, Unit
from tests.study.test_runner import assert_same, data, nobody, run

REMEDIES = ("knn(k=3)", "knn(k=3, share=0.5) + temperature", "class_mean", "text_smoothed + logit_adjust(tau=0.5)")


def random(*identity: object) -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.mark.parametrize("kind", ["search", "final"])
def test_a_fold_is_looked_up_in_the_other_folds_alone(kind: str) -> None:
    task, vectors, _ = data(rows=200)
    fold = task.split(4, 0)
    prepared = prepare(vectors, task.target, fold, task.same)
    remedy = parse("knn(k=1, share=1.0)")
    held_out = (0, 1) if kind == "search" else (0,)
    unit = Unit(kind, "m", held_out, (Training(parse("none"), (1e-4,), (("x", Setting(remedy, 1e-4)),)),))
    model = fit_unit(unit, prepared, None, random=random, start=None).models[0][0]  # type: ignore[arg-type]
    seen = ~np.isin(fold, held_out)
    theirs = KNeighborsClassifier(1).fit(vectors[seen], task.target[seen])
    for number in held_out:
        mine = np.flatnonzero(fold == number)
        scores = model.scores(number, remedy)[prepared.row_of[mine] - prepared.bounds[number + 1]]
        np.testing.assert_array_equal(scores.argmax(axis=1), theirs.predict(vectors[mine]))


def test_leading_axes_are_looked_up_in_leading_axes() -> None:
    task, vectors, _ = data(rows=200)
    vectors = vectors.copy()
    vectors[:, 3:] *= 0.3
    fold = task.split(4, 0)
    prepared = prepare(vectors, task.target, fold, task.same)
    remedy = parse("knn(k=1, share=1.0)")
    plan = (Training(parse("none"), (1e-4,), (("x", Setting(remedy, 1e-4)),)),)
    unit = Unit("search", "m", (0, 1), plan, axes=3)
    found = fit_unit(unit, prepared, None, random=random, start=None).models[0][0]  # type: ignore[arg-type]
    leading = prepared.leading(3)
    seen = leading.index((2, 3))
    theirs = KNeighborsClassifier(1).fit(leading.rows[seen, 1:], leading.target[seen])
    rows = leading.blocks((0,))[0]
    np.testing.assert_array_equal(found.scores(0, remedy).argmax(axis=1), theirs.predict(rows[:, 1:]))


def test_workers_and_an_interruption_do_not_change_a_bit(tmp_path: Path) -> None:
    task, vectors, names = data()
    one = run(tmp_path / "one", task, vectors, names, remedies=REMEDIES)
    two = run(tmp_path / "two", task, vectors, names, remedies=REMEDIES, workers=2)
    assert_same(one, two)
    for path in sorted((tmp_path / "one" / "trials").glob("*.npz"))[::2]:
        path.unlink()
    assert_same(run(tmp_path / "one", task, vectors, names, remedies=REMEDIES), one)


def test_class_means_need_no_names_and_a_neutral_memory_changes_nothing(tmp_path: Path) -> None:
    task, vectors, _ = data()
    found = run(tmp_path, task, vectors, None, remedies=("knn(share=0.0)", "class_mean", "text_smoothed"))
    assert "no names" in (found["text_smoothed"].not_applicable or "")
    none, idle, mean = (found[spec].tuned for spec in ("none", "knn(share=0.0)", "class_mean"))
    assert none is not None
    assert idle is not None
    assert mean is not None
    np.testing.assert_array_equal(none.p_true, idle.p_true)
    assert not np.array_equal(none.p_true, mean.p_true)


def test_a_learner_that_keeps_no_rows_says_so(tmp_path: Path) -> None:
    kind = LearnerKind("nobody", "learners of nothing", "-", (Stage.WEIGHT,), nobody)
    found = run(tmp_path, *data(), learner=kind, remedies=("knn", "class_mean"))
    assert "cannot act at the stage retrieve" in (found["knn"].not_applicable or "")
    assert "cannot act at the stage pool" in (found["class_mean"].not_applicable or "")


def test_a_table_is_bound_to_the_classes_of_the_task(tmp_path: Path) -> None:
    task, vectors, names = data()
    file = tmp_path / "weights.csv"
    spec = f"weight_table(file={str(file)!r})"
    file.write_text("class,weight\nclass 0,1\nclass 4,1\n")
    even = run(tmp_path / "study", task, vectors, names, remedies=("none", spec))
    assert even[spec].notes == ("3 classes have no weight in the table, weighed 1: 'class 1', 'class 2', 'class 3'",)
    assert even[spec].tuned is not None
    assert even["none"].tuned is not None
    np.testing.assert_array_equal(even[spec].tuned.p_true, even["none"].tuned.p_true)
    file.write_text("class,weight\nclass 0,1\nclass 4,500\n")
    heavy = run(tmp_path / "study", task, vectors, names, remedies=("none", spec))
    assert heavy[spec].tuned is not None
    rare = task.target == 4
    assert heavy[spec].tuned.p_true[rare].mean() > even[spec].tuned.p_true[rare].mean()
    kind = LearnerKind("nobody", "learners of nothing", "-", (Stage.WEIGHT,), nobody)
    other = run(tmp_path / "other", task, vectors, names, remedies=(spec,), learner=kind)
    assert other[spec].notes == even[spec].notes
    file.write_text("class,weight\nclass O,2\n")
    with pytest.raises(SettingError, match=r"'class O' \(row 2\) \(did you mean class"):
        run(tmp_path / "study", task, vectors, names, remedies=(spec,))
