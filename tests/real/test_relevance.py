"""Judged pairs of the Shopping Queries data: taken in whole, and read better as pairs than as one text."""

from __future__ import annotations

import numpy as np
import pytest

from evenshelf.shop import Shop, ingest
from evenshelf.study import prepare
from evenshelf.tasks.relevance import RelevanceTask

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def esci(real_data, tmp_path_factory):
    source = real_data / "esci_fraction" / "training_set_fraction.csv.gz"
    path = tmp_path_factory.mktemp("esci") / "shop"
    items = ingest(path, [source])
    judged = ingest(path, [source], table="judgements")
    assert items.sources[0].quarantined == {"duplicate_item_id": 3}
    assert judged.sources[0].quarantined == {"duplicate_key": 1}
    return Shop.open(path)


def test_labels_become_grades_and_are_kept(esci):
    judged = esci.read("judgements")
    pairs = judged.group_by("esci_label", "grade").len().sort("len", descending=True).rows()
    assert pairs == [
        ("exact", 1.0, 1546),
        ("substitute", 0.1, 687),
        ("irrelevant", 0.0, 336),
        ("complement", 0.01, 100),
    ]
    task = RelevanceTask.from_shop(esci, "esci_label")
    assert task.classes == ("exact", "substitute", "irrelevant", "complement")
    assert task.dropped == {}
    assert task.bucket.tolist() == ["head", "torso", "tail", "tail"]
    np.testing.assert_array_equal(task.target, RelevanceTask.from_shop(esci).target)
    assert 2600 < len(np.unique(task.group)) < len(task.target)


def test_pairs_are_read_better_than_one_text(esci, tmp_path):
    task = prepare.shop_task(esci, "esci_label", kind="relevance")
    assert prepare.pick_encoder(task.texts).spec == "pair:fused"
    scores = {}
    for spec in ("pair:tfidf", "tfidf"):
        plan = prepare.Plan("balanced", folds=3, budget=3, baselines=())
        result = prepare.prepare(task, prepare.Choice(spec, "for the test"), tmp_path / spec[:4], plan).run()
        outcome = result["balanced"].tuned
        tested = result.fold >= 0
        f1 = [
            2
            * ((outcome.predicted == c) & (result.y == c))[tested].sum()
            / ((outcome.predicted == c)[tested].sum() + (result.y == c)[tested].sum())
            for c in range(4)
        ]
        scores[spec] = np.mean(f1)
    assert scores["pair:tfidf"] > scores["tfidf"] + 0.03
