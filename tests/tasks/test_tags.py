"""The task of tags: sets of labels as pairs, and what a shop's items and users give."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import f1_score
from sklearn.preprocessing import MultiLabelBinarizer

from evenshelf.errors import InputError
from evenshelf.shop import Shop, simulate
from evenshelf.shop.tagging.users import tag_users
from evenshelf.study.guessing import guesses
from evenshelf.study.prepare import shop_task
from evenshelf.study.results import load
from evenshelf.study.runner import Study
from evenshelf.study.verdict import decide
from evenshelf.study.wording import several_labels
from evenshelf.tasks.label_metrics import class_scores
from evenshelf.tasks.tag_sets import in_set, predicted_of_sets, runs
from evenshelf.tasks.tags import TITLES, TagsTask
from evenshelf.testing import check_task


@st.composite
def scored(draw):
    """Sets of labels and their scores, rows of one example equal."""
    classes = draw(st.integers(2, 7))
    sets = draw(st.lists(st.sets(st.integers(0, classes - 1), min_size=1), min_size=1, max_size=20))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    scores = rng.normal(size=(len(sets), classes)).round(1).astype(np.float32)  # ties are common
    example = np.repeat(np.arange(len(sets)) * 3, [len(s) for s in sets])
    target = np.array([label for s in sets for label in sorted(s)])
    return classes, sets, scores, target, example


@settings(max_examples=80)
@given(scored())
def test_pairs_count_as_scikit_learn_counts_sets(case):
    classes, sets, scores, target, example = case
    rows = scores[np.repeat(np.arange(len(sets)), [len(s) for s in sets])]
    predicted = predicted_of_sets(rows, target, example)
    best = [set(np.argsort(-line, kind="stable")[: len(s)].tolist()) for line, s in zip(scores, sets, strict=True)]
    for begin, end, wanted in zip(runs(example)[:-1], runs(example)[1:], best, strict=True):
        assert set(predicted[begin:end].tolist()) == wanted
    both = [MultiLabelBinarizer(classes=range(classes)).fit_transform(s) for s in (sets, best)]
    expected = f1_score(*both, average=None, zero_division=0)
    np.testing.assert_allclose(class_scores(target, predicted, classes).f1, expected)
    found = np.isin(target + classes * example, predicted + classes * example)
    np.testing.assert_array_equal(predicted[found], target[found], err_msg="a label that is found is its own")


def test_with_one_label_each_it_is_the_best_one():
    scores = np.random.default_rng(0).normal(size=(50, 6)).astype(np.float32)
    target, example = np.zeros(50, np.int64), np.arange(50)
    np.testing.assert_array_equal(predicted_of_sets(scores, target, example), scores.argmax(axis=1))
    share = np.linspace(0, 1, 50, dtype=np.float32)
    np.testing.assert_array_equal(in_set(share, example), share)
    np.testing.assert_array_equal(in_set(np.float32([0.3, 0.6, 0.5]), np.array([4, 4, 7])), np.float32([0.6, 1.0, 0.5]))


def test_a_task_of_sets_is_sound():
    texts = [f"text {word} {n}" for n, word in enumerate(["red", "blue", "green", "round"] * 10)]
    sets = [[t for t in ("red", "blue", "green") if t in text] + ["any"] * (n % 3 > 0) for n, text in enumerate(texts)]
    task = TagsTask.of_sets(sets, texts)
    assert task.dropped == {"no tags": sum(not s for s in sets)}
    assert task.classes[0] == "any"
    check_task(task, 3)
    fold = task.shuffled(3, 5)
    assert all(len(np.unique(fold[task.same == text])) == 1 for text in np.unique(task.same))
    with pytest.raises(InputError, match="3 texts but 1 sets"):
        TagsTask.of_sets([["a"]], ["x", "y", "z"])


def test_tags_of_rules_count_as_those_that_users_came_with(tmp_path):
    path = simulate(tmp_path / "shop", items=200, seed=5).path
    came_with = TagsTask.from_shop(Shop.open(path), "users.tags")
    tag_users(path, ["looker: view >= 3", "mobile: view >= 0"])
    task = TagsTask.from_shop(Shop.open(path), "users.tags")
    assert set(task.classes) - set(came_with.classes) == {"looker"}
    assert task.read_off == tuple(t for t in task.classes if t in {"looker", "mobile"})
    tag_users(path, ["looker: view >= 1 within 3 days"], remove=["mobile"])
    assert TagsTask.from_shop(Shop.open(path), "users.tags").read_off == ()
    assert task.describe()["content"] != came_with.describe()["content"], "a study of other tags is another one"
    assert task.counts[task.classes.index("mobile")] == len(np.unique(task.same)) or task.dropped


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    return simulate(tmp_path_factory.mktemp("tags") / "shop", items=400, seed=3)


def test_tags_of_items(shop):
    task = TagsTask.from_shop(shop)
    items = shop.items()
    pairs = items.select(tag=pl.col("tags").str.split("|").list.unique()).explode("tag").drop_nulls()
    counts = dict(pairs["tag"].value_counts().iter_rows())
    assert dict(zip(task.classes, task.counts.tolist(), strict=True)) == counts
    assert task.describe()["labels_per_text"] > 1
    with pytest.raises(InputError, match=r"no column 'tagz'.*did you mean tags\?"):
        TagsTask.from_shop(shop, "tagz")


def test_tags_of_users_are_foretold_from_the_earlier_half_of_the_log(shop):
    task = TagsTask.from_shop(shop, "users.tags")
    users = shop.read("users")
    assert set(task.classes) == {t for cell in users["tags"].drop_nulls() for t in cell.split("|")}
    events = shop.read("events")
    middle = events["time"].min() + (events["time"].max() - events["time"].min()) / 2
    early = events.filter(pl.col("time") <= middle).join(shop.items().select("item_id", "title"), on="item_id")
    titles = set(early["title"])
    assert all(part in titles for text in task.texts for part in text.split("; "))
    assert max(len(text.split("; ")) for text in task.texts) <= TITLES
    known = early.join(users, on="user_id")["user_id"].n_unique()
    assert sum(task.dropped.values()) == users.height - known
    by_device = TagsTask.from_shop(shop, "users.language")
    assert set(by_device.classes) == set(users["language"])
    with pytest.raises(InputError, match=r"no column 'users.tag'.*users.tags"):
        TagsTask.from_shop(shop, "users.tag")


def test_a_study_of_tags_scores_sets(shop, tmp_path):
    items = shop.items().filter(pl.col("tags").is_not_null())
    numbered = [f"{title} {n}" for n, title in enumerate(items["title"])]  # copies of a text count as one each
    task = TagsTask.of_sets(items["tags"].str.split("|").to_list(), numbered)
    rng = np.random.default_rng(0)
    names = rng.normal(size=(len(task.classes), 24)).astype(np.float32)
    vectors = rng.normal(scale=0.6, size=(int(task.same.max()) + 1, 24)).astype(np.float32)
    np.add.at(vectors, task.same, names[task.target])  # what a text says is the sum of its tags
    remedies = ["none", "balanced", "random_over", "logit_adjust", "temperature", "threshold_moving"]
    asked = {"remedies": remedies, "folds": 3, "budget": 2, "names": names}
    result = Study(task, vectors[task.same], tmp_path / "a", workers=1, **asked).run()
    again = Study(task, vectors[task.same], tmp_path / "b", workers=2, **asked).run()
    thresholds = result["threshold_moving"]
    assert "for examples with one label each" in thresholds.not_applicable
    result, again = (
        replace(found, remedies=tuple(r for r in found.remedies if r.tuned is not None)) for found in (result, again)
    )
    kept = result.fold >= 0
    truth, texts = result.y[kept], task.same[kept]
    for one, other in zip(result.remedies, again.remedies, strict=True):
        predicted = one.tuned.predicted[kept]
        np.testing.assert_array_equal(predicted, other.tuned.predicted[kept])
        sets = [
            pl.DataFrame({"t": texts, "c": codes}).group_by("t", maintain_order=True).agg("c")["c"].to_list()
            for codes in (truth, predicted)
        ]
        both = [MultiLabelBinarizer(classes=range(len(task.classes))).fit_transform(s) for s in sets]
        expected = f1_score(*both, average=None, zero_division=0)
        np.testing.assert_allclose(class_scores(truth, predicted, len(task.classes)).f1, expected)
        assert all(len(s) == len(set(s)) for s in sets[1]), "no tag is given twice to a text"
        assert expected[:20].mean() > 0.5
    np.testing.assert_array_equal(load(tmp_path / "a").example, task.same)
    for codes in guesses(result, 0).values():
        pairs = np.stack([texts, codes], axis=1)
        assert len(np.unique(pairs, axis=0)) == len(pairs), "no tag is guessed twice for a text"
    most = guesses(result, 0)["guess constant"]
    fold = result.fold[kept]
    wanted, given = [], []
    for text in np.unique(texts):
        tags = truth[texts == text]
        outside = task.target[result.fold != fold[texts == text][0]]
        frequent = np.argsort(-np.bincount(outside, minlength=len(task.classes)), kind="stable")
        wanted.append(set(tags.tolist()))
        given.append(set(frequent[: len(tags)].tolist()))
    both = [MultiLabelBinarizer(classes=range(len(task.classes))).fit_transform(s) for s in (wanted, given)]
    expected = f1_score(*both, average=None, zero_division=0)
    np.testing.assert_allclose(class_scores(truth, most, len(task.classes)).f1, expected)
    assert 0 < expected.mean() < 0.1
    verdict = decide(result)
    assert verdict.informative
    evaluated = np.bincount(truth, minlength=len(task.classes)) > 0
    constant = f1_score(*(b[:, evaluated] for b in both), average="macro", zero_division=0)
    (guessed,) = {s.guessed for s in verdict.guessing if s.metric == "macro_f1"}
    assert guessed >= constant - 1e-9, "the better one of the answers counts"


def test_users_come_in_one_order(shop):
    asked = [TagsTask.from_shop(Shop.open(shop.path), "users.tags") for _ in range(3)]
    assert len({task.describe()["content"] for task in asked}) == 1, (
        "or a study is never resumed, and differs each time"
    )
    assert len({task.texts for task in asked}) == 1


def test_a_sample_is_of_users_and_keeps_what_is_read_off(tmp_path):
    path = simulate(tmp_path / "shop", items=200, seed=5).path
    tag_users(path, ["looker: view >= 1"])
    whole = TagsTask.from_shop(Shop.open(path), "users.tags")
    assert len(whole.target) > whole.things > 50
    few = shop_task(Shop.open(path), "users.tags", kind="tags", sample=50, seed=2)
    assert few.things == 50 < len(few.target)
    assert few.read_off == tuple(tag for tag in few.classes if tag in whole.read_off) == ("looker",)
    assert few.dropped["not in the sample of 50 drawn with seed 2"] == whole.things - 50
    assert few.nouns == whole.nouns
    assert (few.nouns.thing, few.nouns.examples) == ("user", "pairs of user and tag")
    between = (whole.things + len(whole.target)) // 2
    all_of_it = shop_task(Shop.open(path), "users.tags", kind="tags", sample=between)
    assert all_of_it.dropped == whole.dropped, "there are fewer users than that, so nothing is drawn"


def test_items_are_counted_as_items_and_tags_by_title(tmp_path):
    """Items of one title are one text, which has the tags of all; what is drawn and left out are items."""
    made = Shop.create(tmp_path / "shop")
    titles = [f"thing {n // 4:03d} of {n // 4}" for n in range(240)] + ["bare", ""]
    tags = [["red", "blue", "big", "old"][n % 4] for n in range(120)] + ["red"] * 120 + [None, "red"]
    rows = {"item_id": [f"i{n}" for n in range(242)], "title": titles, "tags": tags}
    made.commit({"items": pl.DataFrame(rows)})
    task = TagsTask.from_shop(made)
    assert task.things == len(task.target) == 240
    assert task.dropped == {"no title": 1, "no tags": 1}
    assert task.describe()["labels_per_text"] == 2.5, "4 different tags on one half of the titles, one on the other"
    told = several_labels(task.describe()["labels_per_text"], task.nouns)
    assert told.startswith("Titles have 2.5 tags on average, those of equal titles together, ")
    few = shop_task(made, kind="tags", target="tags", sample=50, seed=1)
    assert few.things == len(few.target) == 50
    assert few.dropped == {**task.dropped, "not in the sample of 50 drawn with seed 1": 190}
    check_task(few, 2)


def test_an_item_is_drawn_with_all_its_tags():
    sets = [["red", "round"], ["red", "red"], ["blue", "round", "old"], ["red"], ["old", "blue"]] * 8
    texts = [f"text number {n // 2}" for n in range(40)]
    task = TagsTask.of_sets(sets, texts)
    assert task.things == 40
    drawn = task.drawn(13, 4)
    assert len(np.unique(task.thing[drawn])) == 13
    assert len(drawn) == np.isin(task.thing, task.thing[drawn]).sum()
    assert task.sampled(13, 4).sampled(5, 0).things == 5
    pairs = set(zip(task.texts, task.target.tolist(), strict=True))
    assert task.describe()["labels_per_text"] == round(len(pairs) / 20, 4)


def test_a_column_of_lists_holds_tags(tmp_path):
    made = Shop.create(tmp_path / "shop")
    lists = [["red", "round"], ["blue"], None, ["red"], ["blue", "round"]]
    rows = {"item_id": list("abcde"), "title": [f"thing {n}" for n in range(5)], "colours": lists}
    made.commit({"items": pl.DataFrame(rows)})
    task = TagsTask.from_shop(made, "colours")
    assert dict(zip(task.classes, task.counts.tolist(), strict=True)) == {"blue": 2, "red": 2, "round": 2}
    assert task.dropped == {"no tags": 1}


def test_several_columns_are_attributes(tmp_path):
    made = Shop.create(tmp_path / "shop")
    rows = {
        "item_id": list("abcdef"),
        "title": [f"thing {n}" for n in range(6)],
        "colour": ["red", "blue", " red ", None, "", "navy|red"],
        "size": [1, 2, None, 1, None, 2],
        "fits": [["men"], ["men", "women"], None, [], ["women"], ["men"]],
    }
    made.commit({"items": pl.DataFrame(rows)})
    task = TagsTask.from_shop(made, "colour, size,fits")
    sets = {text: set() for text in task.texts}
    for text, code in zip(task.texts, task.target, strict=True):
        sets[text].add(task.classes[code])
    assert sets == {
        "thing 0": {"colour=red", "size=1", "fits=men"},
        "thing 1": {"colour=blue", "size=2", "fits=men", "fits=women"},
        "thing 2": {"colour=red"},
        "thing 3": {"size=1"},
        "thing 4": {"fits=women"},
        "thing 5": {"colour=navy", "colour=red", "size=2", "fits=men"},
    }
    assert task.class_texts[task.classes.index("colour=navy")] == "colour navy"
    assert not task.dropped
    check_task(task, 2)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ("colour,sise", r"no column 'sise'.*did you mean size\?"),
        ("colour,", "empty name among its columns"),
        ("colour,size,colour", "names colour twice"),
        ("colour,users.tags", "columns of items and of users"),
        ("bare,void", "Columns bare, void are empty in all 3 rows"),
        ("bare", "Column 'bare' is empty in all 3 rows"),
    ],
)
def test_wrong_attributes_are_told(tmp_path, target, said):
    made = Shop.create(tmp_path / "shop")
    rows = {"item_id": list("abc"), "title": ["x", "y", "z"], "colour": ["red", "blue", "red"], "size": [1, 2, 3]}
    blank = {"bare": pl.Series([None] * 3, dtype=pl.String), "void": ["", " ", None]}
    made.commit({"items": pl.DataFrame(rows | blank)})
    with pytest.raises(InputError, match=said):
        TagsTask.from_shop(made, target)


def test_a_column_whose_name_has_a_comma_is_one_column(tmp_path):
    made = Shop.create(tmp_path / "shop")
    rows = {"item_id": list("abc"), "title": ["x", "y", "z"], "colour, main": ["red", "blue|red", "red"]}
    made.commit({"items": pl.DataFrame(rows)})
    assert TagsTask.from_shop(made, "colour, main").classes == ("red", "blue")


def test_attributes_of_users(shop):
    task = TagsTask.from_shop(shop, "users.language,users.tags")
    assert {name.partition("=")[0] for name in task.classes} == {"language", "tags"}
    assert task.nouns.thing == "user"
