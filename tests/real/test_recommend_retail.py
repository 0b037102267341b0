"""A real retailer end to end: what customers buy again and what is new to them, held out by a moment in time."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from evenshelf.shop import Shop, ingest
from evenshelf.study.ranking.prepare import item_facts
from evenshelf.study.ranking.study import RankingStudy
from evenshelf.study.results import StudyResult
from evenshelf.study.verdict import decide
from evenshelf.tasks.recommend import RecommendTask, retaken


@pytest.fixture(scope="module")
def task(real_data: Path, tmp_path_factory: pytest.TempPathFactory) -> RecommendTask:
    path = tmp_path_factory.mktemp("retail") / "shop"
    source = real_data / "online_retail" / "online_retail.parquet"
    ingest(path, [source], table="events", constants={"kind": "purchase"}, session_gap=0)
    return RecommendTask.from_shop(Shop.open(path))


@pytest.fixture(scope="module")
def result(task: RecommendTask, tmp_path_factory: pytest.TempPathFactory) -> StudyResult:
    some = task.sampled(1500, 0)
    facts, _ = item_facts(some, None)
    return RankingStudy(
        some,
        facts,
        tmp_path_factory.mktemp("study"),
        remedies="none, logit_adjust(tau=0.05), fair_exposure(lam=0.1)",
        baselines=("popular", "again"),
        split="time",
        budget=2,
        learner="item_knn",
    ).run()


def test_histories_are_those_of_the_customers_and_baskets_are_invoices(task: RecommendTask) -> None:
    histories = task.histories
    assert 4_300 < len(histories.users) < 4_350
    assert 3_800 < len(histories.items) < 4_100
    assert 380_000 < len(histories.item) < 400_000
    assert 17_500 < len(np.unique(histories.baskets)) < 19_500
    assert task.repeats
    assert retaken(histories) > 0.3
    assert task.dropped["of nobody known"] > 130_000
    assert task.dropped["sent back"] > 0


def test_the_test_comes_after_all_that_is_known(task: RecommendTask) -> None:
    (sitting,) = task.sittings("time", folds=5, seed=0)
    for exam in (sitting.choosing, sitting.judging):
        assert exam.known.time is not None
        assert exam.asked.time is not None
        assert exam.asked.time.max() <= exam.known.time.max()
    assert sitting.choosing.known.time.max() < sitting.judging.known.time.max()  # type: ignore[union-attr]
    assert (sitting.judging.asked.lengths == 0).any(), "customers without a history are asked as well"


def test_what_was_had_is_found_again_and_popularity_alone_is_far_behind(result: StudyResult) -> None:
    verdict = decide(result)
    assert verdict.informative
    none, popular = verdict["none"], verdict["popular"]
    assert none["ndcg_at_10"] > 2 * popular["ndcg_at_10"]
    assert verdict["again"]["ndcg_at_10"] > 2 * popular["ndcg_at_10"]
    tuned = result["none"].tuned
    assert tuned is not None
    assert tuned.sets["rebought_recall_at_10"] > 0.25
    assert 0.0 < tuned.sets["new_recall_at_10"] < tuned.sets["rebought_recall_at_10"]
    assert verdict["logit_adjust(tau=0.05)"]["tail_ndcg_at_10"] >= none["tail_ndcg_at_10"]
