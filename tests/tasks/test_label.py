"""The labelling task: made of lists or of a shop, with what it leaves out told, and refused with reasons."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from evenshelf.errors import InputError
from evenshelf.shop import Shop, ingest, simulate
from evenshelf.tasks import TaskKind, task_kinds
from evenshelf.tasks.folds import ALWAYS_TRAINING
from evenshelf.tasks.label import LabelTask
from evenshelf.testing import Check, check_task, task_checks, task_kind_checks
from evenshelf.testing.strategies import labels, texts

TITLES = [f"{thing} number {'abcdefghij'[i] * 6}" for thing in ("red shoe", "steel watch", "手提包") for i in range(10)]
SKEWED = LabelTask.of(["shoe"] * 14 + ["watch"] * 10 + ["bag"] * 5 + ["lone"], TITLES)


@pytest.mark.parametrize("check", task_checks(SKEWED, 4))
def test_label_task(check: Check) -> None:
    check()


@pytest.mark.parametrize("kind", task_kinds().values(), ids=lambda kind: kind.name)
def test_every_task(kind: TaskKind, tmp_path: Path) -> None:
    for check in task_kind_checks(kind, tmp_path / "shop"):
        check()


@settings(max_examples=40, deadline=None)
@given(names=labels(), data=st.data())
def test_any_labels_and_texts_make_a_sound_task(names: list[str], data: st.DataObject) -> None:
    drawn = data.draw(st.lists(texts(), min_size=len(names), max_size=len(names)))
    task = LabelTask.of(names, drawn)
    assume(len(np.unique(task.group)) >= 3)
    assert task.texts == tuple(drawn)
    for example, code in enumerate(task.target):
        assert task.classes[code] == names[example]
    for check in task_checks(task, 3):
        # groups that hold several classes cannot always be spread: the rarest class decides
        if check.name != "spreads_every_class":
            check()


def test_classes_are_in_the_order_of_their_counts_and_ties_in_that_of_their_names() -> None:
    task = LabelTask.of(["b", "c", "a", "c", "b", "z", "z", "z"])
    assert task.classes == ("z", "b", "c", "a")
    assert task.counts.tolist() == [3, 2, 2, 1]
    assert [task.classes[c] for c in task.target] == ["b", "c", "a", "c", "b", "z", "z", "z"]
    assert task.texts is None


def test_labels_and_texts_that_differ_by_a_character_that_cannot_be_seen_differ() -> None:
    task = LabelTask.of(["a", "a\x00", "a"], ["x", "x\x00", "x"], group=np.arange(3))
    assert task.classes == ("a", "a\x00")
    assert task.target.tolist() == [0, 1, 0]
    assert task.same[0] == task.same[2] != task.same[1]


def test_labels_of_any_type_are_compared_as_text() -> None:
    task = LabelTask.of([1, "1", None, 2.5, True])
    assert set(task.classes) == {"1", "None", "2.5", "True"}
    assert task.counts.max() == 2


def test_groups_given_are_kept_and_otherwise_near_equal_titles_are_one() -> None:
    titles = [
        "Red shoe for men, size 42",
        "red shoe for men size 42",
        "Steel watch with black dial",
        "手提包 棕色 真皮",
    ]
    near = LabelTask.of(["a", "a", "b", "b"], titles)
    assert near.group[0] == near.group[1]
    assert len(np.unique(near.group)) == 3
    assert len(np.unique(near.same)) == 4
    given_groups = LabelTask.of(["a", "a", "b", "b"], titles, group=np.array([5, 6, 7, 7]))
    assert given_groups.group.tolist() == [5, 6, 7, 7]


def test_class_texts_are_paths_in_words() -> None:
    task = LabelTask.of(["Apparel|Topwear|T-shirts", "home > kitchen", "a/b_c", "|", "鞋/运动鞋"])
    said = dict(zip(task.classes, task.class_texts, strict=True))
    assert said["Apparel|Topwear|T-shirts"] == "Apparel Topwear T-shirts"
    assert said["home > kitchen"].split() == ["home", "kitchen"]
    assert said["a/b_c"] == "a b c"
    assert said["|"] == "|"
    assert said["鞋/运动鞋"] == "鞋 运动鞋"


@pytest.mark.parametrize(
    ("names", "titles", "said"),
    [
        (["a", "b"], ["one"], "1 texts but 2 labels"),
        ([], [], "no examples"),
        (["a", "a"], ["one", "two"], "All 2 examples have the label 'a'"),
    ],
)
def test_what_cannot_be_a_task_is_refused(names, titles, said: str) -> None:
    with pytest.raises(InputError, match=said):
        LabelTask.of(names, titles)


def test_classes_that_are_not_evaluated_are_named_with_their_reason() -> None:
    task = SKEWED
    fold = task.split(4, 0)
    named = task.not_evaluated(fold)
    assert set(named) == {"lone"}
    assert named["lone"] == "too few different texts: 1 example, which cannot be split"
    everything = np.zeros(len(task.target), int)
    assert task.not_evaluated(everything) == {}
    assert set(task.not_evaluated(everything + ALWAYS_TRAINING)) == set(task.classes)


def test_what_was_dropped_is_told() -> None:
    task = LabelTask.of(["a", "b"], dropped={"no category": 3})
    assert task.describe()["dropped"] == {"no category": 3}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    folder = tmp_path_factory.mktemp("task") / "shop"
    simulate(folder, items=400, seed=3)
    return Shop.open(folder)


def test_a_shop_makes_a_task(shop: Shop) -> None:
    task = LabelTask.from_shop(shop)
    items = shop.items().drop_nulls(["category", "title"])
    assert len(task.target) == len(items)
    assert task.texts == tuple(items["title"].to_list())
    check_task(task, 3)


def test_a_missing_column_is_named_with_those_there_are(shop: Shop, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no column 'categroy' to learn \(did you mean category\?\)"):
        LabelTask.from_shop(shop, "categroy")
    with pytest.raises(InputError, match="no column 'words'"):
        LabelTask.from_shop(shop, text="words")


def test_a_label_that_is_no_value_is_left_out(tmp_path):
    file = tmp_path / "items.csv"
    lines = ["id,title,colour,width"]
    lines += [f"{k},shoe number {k},{'red' if k % 2 else ' red '},{'' if k == 3 else k % 3}" for k in range(20)]
    lines += [f"{k},hat number {k},,{k % 3}" for k in range(20, 25)]
    lines += [f"{k},coat number {k},blue,{k % 3}" for k in range(25, 32)]
    file.write_text("\n".join(lines), encoding="utf-8")
    ingest(tmp_path / "shop", [file])
    task = LabelTask.from_shop(Shop.open(tmp_path / "shop"), "colour")
    assert dict(zip(task.classes, task.counts.tolist(), strict=True)) == {"red": 20, "blue": 7}
    assert sum(task.dropped.values()) == 5
