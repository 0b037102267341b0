"""Scores of rows by models that have not seen them."""

from __future__ import annotations

import numpy as np

from evenshelf.learners import Predict
from evenshelf.learners.cross_fitting import cross_fitted
from evenshelf.learners.heads import fit_alone
from evenshelf.learners.solver import ABSENT
from evenshelf.remedies import parse


def test_a_row_of_a_group_that_its_model_has_not_seen_is_left_out() -> None:
    rng = np.random.default_rng(0)
    vectors = rng.standard_normal((40, 6)).astype(np.float32)
    target = (vectors[:, 0] > 0).astype(np.int64)
    # the only row of group 2 is a copy of one of another group, with which it is held out
    vectors, target = np.concatenate([vectors, vectors[:1]]), np.append(target, 2)
    scores, groups, _ = cross_fitted(fit_alone, vectors, target, 3, parse("none"), names=None, seed=0, penalty=1e-2)
    assert set(groups) == {0, 1}
    assert (scores[np.arange(len(groups)), groups] > 0.5 * ABSENT).all()
    assert len(groups) == len(target) - 1


def test_rows_that_belong_together_are_never_on_both_sides_and_the_fit_is_told_of_them() -> None:
    rng = np.random.default_rng(0)
    vectors, target = rng.standard_normal((60, 4)).astype(np.float32), np.arange(60) % 3
    group = np.arange(60) // 6
    seen: list[set[int]] = []
    asked: list[np.ndarray] = []

    def noted(rows: np.ndarray, *given: object, group: np.ndarray, **more: object) -> Predict:
        seen.append(set(group))
        fitted = fit_alone(rows, *given, **more)  # type: ignore[arg-type]

        def predict(new: np.ndarray) -> np.ndarray:
            asked.append(new)
            return fitted(new)

        return predict

    _, of, _ = cross_fitted(noted, vectors, target, 3, parse("none"), names=None, seed=0, penalty=1e-2, group=group)
    assert len(of) == 60
    for told, new in zip(seen, asked, strict=True):
        unseen = {int(g) for g, row in zip(group, vectors, strict=True) if (row == new).all(axis=1).any()}
        assert unseen
        assert not unseen & told
