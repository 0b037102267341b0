"""The gain of class names comes from what the names say: it goes with names that belong to others, or say nothing."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from bench.name_prior import derangement

from evenshelf.encoders import VectorCache, open_encoder
from evenshelf.shop import simulate
from evenshelf.shop.simulation.settings import World
from evenshelf.study.comparison import Comparison
from evenshelf.study.prepare import shop_task
from evenshelf.study.runner import Study
from evenshelf.study.verdict import decide
from evenshelf.tasks.label import LabelTask

Names = Callable[[LabelTask], list[str]]
LITTLE = 0.02
"""Macro-F1 that a gain may have by chance on so small a shop."""


@pytest.fixture(scope="module")
def gain(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Comparison]:
    """``name_prior`` beside doing nothing on a simulated shop, under any names."""

    @cache
    def task_of(world: World, items: int) -> LabelTask:
        shop = simulate(
            tmp_path_factory.mktemp(world) / "shop", items=items, world=world, language="en", events=200, pictures=0
        )
        return shop_task(shop, "category")

    def measured(names: Names, world: World = "language", items: int = 500, budget: int = 2) -> Comparison:
        task = task_of(world, items)
        assert task.texts is not None
        encoder, cache = open_encoder("tfidf", task.texts), VectorCache()
        result = Study(
            task,
            cache.encode(encoder, task.texts),
            tmp_path_factory.mktemp("study"),
            names=cache.encode(encoder, names(task)),
            remedies="name_prior",
            folds=3,
            budget=budget,
            workers=1,
        ).run()
        return decide(result)["name_prior"]

    return measured


def as_they_are(task: LabelTask) -> list[str]:
    return list(task.class_texts)


def test_names_gain_where_they_say_what_titles_say(gain: Callable[..., Comparison]) -> None:
    assert gain(as_they_are).low > LITTLE


@pytest.mark.parametrize("seed", range(3))
def test_names_of_other_classes_gain_nothing(gain: Callable[..., Comparison], seed: int) -> None:
    def shuffled(task: LabelTask) -> list[str]:
        return [task.class_texts[number] for number in derangement(len(task.classes), seed)]

    assert gain(shuffled).diff < LITTLE


def test_codes_gain_nothing(gain: Callable[..., Comparison]) -> None:
    assert gain(lambda task: [f"C{number:03d}" for number in range(len(task.classes))]).diff < LITTLE


def test_names_cost_nothing_where_every_class_has_many_examples(gain: Callable[..., Comparison]) -> None:
    """Vectors whose leading axes hold little made names seem better than they are, and the settings too strong."""
    assert gain(as_they_are, "flat", 2000, 4).diff > -LITTLE


def test_a_derangement_leaves_nothing_where_it_was() -> None:
    for size in (2, 3, 48):
        for seed in range(5):
            moved = derangement(size, seed)
            assert sorted(moved) == list(range(size))
            assert (moved != np.arange(size)).all()


def test_different_seeds_shuffle_differently() -> None:
    assert len({tuple(derangement(30, seed)) for seed in range(5)}) == 5
