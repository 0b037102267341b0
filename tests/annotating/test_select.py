"""Choosing rows of a shop: whom it asks about, what it suggests, what it says."""

from __future__ import annotations

import io

import polars as pl
import pytest
from rich.console import Console

from evenshelf.annotating import select, suspects
from evenshelf.annotating.strategies import STRATEGIES
from evenshelf.annotating.terminal import selection_report
from evenshelf.errors import InputError, SettingError
from evenshelf.shop import Shop


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_rows_are_unlabelled_and_suggestions_are_of_known_classes(shop: Shop, strategy: str) -> None:
    found = select(shop, n=15, strategy=strategy, encoder="tfidf", seed=1)
    items = shop.items()
    labelled = items.drop_nulls("category")
    assert found.rows.height == 15
    assert found.rows["item_id"].n_unique() == 15
    assert not set(found.rows["item_id"]) & set(labelled["item_id"])
    assert set(found.rows["suggestion"]) <= set(labelled["category"])
    assert (found.rows["suggestion"] != found.rows["second_suggestion"]).all()
    assert (found.rows["confidence"] >= found.rows["second_confidence"]).all()
    assert found.rows["why"].str.len_chars().min() > 0
    assert (found.labelled, found.classes) == (labelled.height, labelled["category"].n_unique())
    assert select(shop, n=15, strategy=strategy, encoder="tfidf", seed=1).rows.equals(found.rows)


def test_suggestions_are_better_than_guessing(shop: Shop) -> None:
    found = select(shop, n=60, strategy="random", encoder="tfidf")
    truth = dict(shop.items().select("item_id", "truth").iter_rows())
    right = sum(truth[i] == s for i, s in found.rows.select("item_id", "suggestion").iter_rows())
    assert right / found.rows.height > 0.7


def test_nothing_is_labelled_yet(shop: Shop) -> None:
    found = select(shop, "style", 10, new_target=True, encoder="tfidf")
    assert found.rows.height == 10
    assert found.rows["suggestion"].null_count() == 10
    assert any("nothing can be suggested" in note for note in found.notes)
    with pytest.raises(SettingError, match="needs labels of two classes"):
        select(shop, "style", 10, new_target=True, strategy="margin")


def test_a_title_is_not_asked_for_twice(shop: Shop) -> None:
    items = shop.items()
    copy = items.filter(pl.col("category").is_not_null()).head(5)
    other = items.filter(pl.col("category").is_null()).head(5)
    extra = pl.concat([copy, other]).with_columns(
        item_id="x" + pl.col("item_id"), title=pl.col("title").str.to_uppercase(), category=pl.lit(None, pl.String)
    )
    shop.commit({"items": pl.concat([items, extra])})
    found = select(shop, n=1000, encoder="tfidf")
    assert not any(i.startswith("x") for i in found.rows["item_id"])
    assert any("5 rows are left out because a nearly equal title is labelled" in note for note in found.notes)
    assert any("rows are left to choose from" in note for note in found.notes)
    again = select(shop, n=1000, encoder="tfidf", repeats=True)
    assert sum(i.startswith("x") for i in again.rows["item_id"]) == 10


def test_labelled_rows_can_be_checked(shop: Shop) -> None:
    found = select(shop, n=10, which="labelled", encoder="tfidf")
    labelled = shop.items().drop_nulls("category")
    assert set(found.rows["item_id"]) <= set(labelled["item_id"])
    assert found.rows["why"].str.starts_with("labelled ").all()


def test_settings_are_told_all_at_once(shop: Shop) -> None:
    with pytest.raises(SettingError, match=r"n is 0.*which is 'all'.*seed is -1"):
        select(shop, n=0, which="all", seed=-1)
    with pytest.raises(InputError, match="did you mean category"):
        select(shop, "categry")
    with pytest.raises(SettingError, match="cannot be labelled"):
        select(shop, "title")
    shop.commit({"items": shop.items().with_columns(size=pl.lit(3))})
    with pytest.raises(InputError, match="holds Int"):
        select(shop, "size")
    with pytest.raises(InputError, match="there are no rows without a label"):
        select(shop, "truth", encoder="tfidf")


def test_wrong_labels_are_found(shop: Shop) -> None:
    items = shop.items().with_row_index().with_columns(category=pl.col("truth"))
    wrong = [i for i, label in zip(items["index"], items["truth"], strict=True) if label == "hats"][:4]
    items = items.with_columns(
        category=pl.when(pl.col("index").is_in(wrong)).then(pl.lit("running shoes")).otherwise("category")
    ).drop("index")
    shop.commit({"items": items})
    told: list[str] = []
    found = suspects(shop, encoder="tfidf", progress=lambda what, done, total: told.append(what))
    bad = {items["item_id"][i] for i in wrong}
    assert len(bad & set(found.rows["item_id"])) >= 3
    assert len(bad & set(found.rows["item_id"].head(6))) >= 2
    assert found.rows["doubt"].is_sorted(descending=True)
    assert (found.rows["label"] != found.rows["suggestion"]).all()
    assert found.judged + found.not_judged == items.height
    assert found.classes["suspected"].sum() == found.rows.height
    assert found.classes["labels"].sum() == items.height
    assert "fitting folds" in told
    assert suspects(shop, encoder="tfidf").rows.equals(found.rows)


def test_one_class_cannot_be_doubted(shop: Shop) -> None:
    shop.commit({"items": shop.items().with_columns(category=pl.lit("hats"))})
    with pytest.raises(InputError, match="two are needed"):
        suspects(shop)


def test_what_is_suggested_for_a_conflict_was_not_learned_from_its_own_label(shop: Shop) -> None:
    items = shop.items()
    some = items.drop_nulls("category").head(6)
    classes = sorted(items["category"].drop_nulls().unique())
    wrong = {
        i: next(c for c in reversed(classes) if c != label) for i, label in some.select("item_id", "truth").iter_rows()
    }
    # the label that an item has is wrong, and annotators do not agree on it; one more has the same title and none
    flipped = items.with_columns(
        category=pl.when(pl.col("item_id").is_in(list(wrong)))
        .then(pl.col("item_id").replace_strict(wrong, default=None))
        .otherwise("category")
    )
    twins = flipped.filter(pl.col("item_id").is_in(list(wrong))).with_columns(
        item_id="x" + pl.col("item_id"), category=pl.lit(None, pl.String)
    )
    lonely = flipped.head(1).with_columns(
        item_id=pl.lit("lone"), title=pl.lit("zzyzx qqq"), category=pl.lit("only one"), truth=pl.lit("only one")
    )
    asked = [*wrong, *twins["item_id"], "lone"]
    votes = [
        {"item_id": i, "target": "category", "annotator": who, "label": label}
        for i in asked
        for who, label in (("ann", classes[0]), ("bob", classes[1]))
    ]
    shop.commit({"items": pl.concat([flipped, twins, lonely]), "annotations": pl.DataFrame(votes)})
    found = select(shop, n=100, which="conflicts", encoder="tfidf")
    assert sorted(found.rows["item_id"]) == sorted(asked), "every conflict is asked for"
    truth = dict(items.select("item_id", "truth").iter_rows())
    rows = {i: (s, c) for i, s, c in found.rows.select("item_id", "suggestion", "confidence").iter_rows()}
    judged = [i for i in asked if i != "lone"]
    right = sum(rows[i][0] == truth[i.removeprefix("x")] for i in judged)
    echoed = sum(rows[i][0] == wrong[i.removeprefix("x")] for i in judged)
    assert right > 0.6 * len(judged)
    assert echoed <= 0.2 * len(judged), "a model that learned from the row says what it has"
    assert rows["lone"][0] != "only one", "nothing else tells of that class"
    assert found.rows["confidence"].is_not_nan().all()


def test_words_for_one_row(shop: Shop) -> None:
    one = select(shop, n=1, encoder="tfidf")
    shown = plain(selection_report(one, []))
    assert shown.startswith("1 row of ")
    items = shop.items()
    shop.commit({"items": items.with_columns(category=pl.when(pl.col("item_id") != "0001").then("truth"))})
    left = select(shop, n=5, encoder="tfidf")
    assert "Only 1 row is left to choose from." in left.notes
    two = select(shop, n=1, which="unlabelled", encoder="tfidf")
    assert f"{two.labelled:,} are labelled" in plain(selection_report(two, []))


def plain(report: object) -> str:
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(report)
    return console.export_text()
