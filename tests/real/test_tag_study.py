"""Attributes of real products as sets of labels: what they are, and that rare values gain by remedies for sets."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest

from evenshelf.study import prepare
from evenshelf.study.verdict import decide
from evenshelf.tasks.tags import TagsTask

pytestmark = pytest.mark.real

ATTRIBUTES = ("baseColour", "season", "usage", "gender")
TOGETHER = "positive_weight + label_thresholds"


def test_attributes_are_the_values_of_their_columns(fashion_shop):
    task = TagsTask.from_shop(fashion_shop[0], ",".join(ATTRIBUTES))
    items = fashion_shop[0].items().with_columns(pl.col(ATTRIBUTES).replace("", None))
    counts = {
        f"{column}={value}": count
        for column in ATTRIBUTES
        for value, count in items[column].drop_nulls().value_counts().iter_rows()
    }
    assert dict(zip(task.classes, task.counts.tolist(), strict=True)) == counts
    assert task.things == items.filter(pl.any_horizontal(pl.col(ATTRIBUTES).is_not_null())).height
    assert 4 <= task.describe()["labels_per_text"] < 4.2
    assert task.counts.max() > 20_000
    assert task.counts.min() < 5


def test_remedies_for_sets_help_rare_values(fashion_shop, tmp_path):
    task = prepare.shop_task(fashion_shop[0], ",".join(ATTRIBUTES), kind="tags", sample=1500)
    plan = prepare.Plan(f"{TOGETHER}, smote", folds=3, budget=4, learner="binary_heads")
    result = prepare.prepare(task, prepare.Choice("minilm", "for the test"), tmp_path, plan).run()
    verdict = decide(result)
    assert verdict.informative
    assert verdict.recommended == TOGETHER, verdict.table()
    assert verdict[TOGETHER].tail_diff > 0.03, verdict.table()
    assert result["smote"].not_applicable
    sets = result["none"].tuned.sets
    assert 0.7 < sets["micro_f1"] < 0.95
    assert sets["lrap"] > 0.8
    assert sets["head_map"] > sets["tail_map"] > 0.3
    # the sets given are as large as those that are there, within reason
    kept = result.fold >= 0
    given_tags = (result[TOGETHER].tuned.predicted[kept] >= 0).sum()
    assert 0.8 < given_tags / (result.y[kept] >= 0).sum() < 1.5
    assert np.isfinite(verdict[TOGETHER]["ece"])
