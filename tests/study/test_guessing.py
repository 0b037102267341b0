"""Answers made without looking: drawn often enough that luck does not decide, in memory that does not grow."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evenshelf.study import guessing
from evenshelf.tasks.label_metrics import macro_f1
from tests.study.factory import Plan, study

PLANS = (Plan("none", 0.9, 0.9, 0.9, 0.9),)


def drawn_scores(seeds: int) -> list[float]:
    made = study(plans=PLANS, rows=400, classes=40)
    y = made.y[made.fold >= 0]
    return [macro_f1(y, guessing.guesses(made, seed)["guess drawn"], 40) for seed in range(seeds)]


def test_many_draws_leave_little_to_luck(monkeypatch: pytest.MonkeyPatch) -> None:
    many = drawn_scores(30)
    monkeypatch.setattr(guessing, "DRAWS", 1)
    single = drawn_scores(30)
    assert np.std(many) < np.std(single) / 2
    assert np.mean(many) == pytest.approx(np.mean(single), abs=2 * np.std(single) / np.sqrt(30))


def test_drawn_answers_are_as_frequent_as_the_classes_outside_of_their_fold() -> None:
    made = study(plans=PLANS, rows=30_000, classes=4)
    rows = made.fold >= 0
    drawn = guessing.guesses(made, 0)["guess drawn"]
    for fold in np.unique(made.fold[rows]):
        share = np.bincount(made.y[made.fold != fold], minlength=4) / (made.fold != fold).sum()
        seen = np.bincount(drawn[made.fold[rows] == fold], minlength=4) / (made.fold[rows] == fold).sum()
        np.testing.assert_allclose(seen, share, atol=0.02)


def test_sets_are_guessed_block_by_block_with_the_same_result(monkeypatch: pytest.MonkeyPatch) -> None:
    made = study(plans=PLANS, rows=300, classes=6)
    # Two different labels for each text, both in one fold.
    y = np.stack([made.y, (made.y + 1) % 6], axis=1).reshape(-1)
    sets = replace(made, y=y, fold=np.repeat(made.fold, 2), example=np.repeat(np.arange(len(made.y)), 2))
    whole = guessing.guesses(sets, 0)
    monkeypatch.setattr(guessing, "_BLOCK", 40)
    for name, codes in guessing.guesses(sets, 0).items():
        np.testing.assert_array_equal(codes, whole[name])
        pairs = codes.reshape(-1, 2)
        assert (pairs[:, 0] != pairs[:, 1]).all()
