"""The learned blend on some users of Amazon Beauty: texts bring the tail, and nothing hangs on the order of codes."""

from __future__ import annotations

import numpy as np
import pytest

from evenshelf.learners.ranking.base import Evidence, ItemFacts
from evenshelf.learners.ranking.item_texts import words_of
from evenshelf.learners.ranking.registry import ranking_learner
from evenshelf.remedies import parse
from evenshelf.tasks.histories import Histories
from evenshelf.tasks.ranking_metrics import cut_by_items, rank_of, ranking_metrics

pytestmark = pytest.mark.real


@pytest.fixture(scope="module")
def histories(real_data) -> Histories:
    """Of users drawn at random: in the file they are not in random order."""
    whole = Histories.read(real_data / "amazon_s3rec" / "gram_Beauty_user_sequence.txt.gz")
    users = np.random.default_rng(0).permutation(len(whole.users))[:2500]
    steps = [[whole.items[code] for code in whole.item[whole.start[u] : whole.start[u + 1]]] for u in users]
    return Histories.of(steps)


@pytest.fixture(scope="module")
def texts(histories, real_data):
    bench = pytest.importorskip("bench.recommend_data")
    said = bench.words_by_item(real_data / "amazon_s3rec" / "gram_Beauty_item_text_ids.txt.gz")
    return words_of([said[item] for item in histories.items])


def ranks(histories: Histories, facts: ItemFacts) -> np.ndarray:
    earlier, target = histories.without_last(1), histories.last(1)
    learner = ranking_learner("blend")
    setting = {**learner.default, "recount": False}
    fitted = learner.fit(Evidence(earlier, facts), parse("none"), setting=setting, seed=0)
    found = np.empty(len(target))
    for users, own in earlier.blocks(500):
        scores = fitted.scores(own)
        scores[own.weights().nonzero()] = -np.inf
        found[users] = rank_of(scores, target[users])
    return found


def test_texts_find_what_was_rarely_taken(histories, texts) -> None:
    pytest.importorskip("lightgbm")
    with_texts, without = ranks(histories, ItemFacts(words=texts)), ranks(histories, ItemFacts())
    counts = histories.without_last(2).counts
    rare = np.isin(cut_by_items(counts)[histories.last(1)], ["tail", "cold"])
    assert rare.sum() > 300
    assert ranking_metrics(with_texts)["ndcg_at_10"] > 1.2 * ranking_metrics(without)["ndcg_at_10"]
    assert ranking_metrics(with_texts, rare)["recall_at_10"] > 2 * ranking_metrics(without, rare)["recall_at_10"]


def test_the_file_has_the_artefact_and_drawn_codes_do_not(real_data) -> None:
    whole = Histories.read(real_data / "amazon_s3rec" / "gram_Beauty_user_sequence.txt.gz")
    wanted, last = whole.last(1), whole.last(2)
    ids = np.array(whole.items)
    assert (ids[wanted] > ids[last]).mean() == pytest.approx(0.71, abs=0.01)
    assert (wanted > last).mean() == pytest.approx(0.5, abs=0.02)
