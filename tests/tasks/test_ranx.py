"""Metrics of users who want several items, against the package ranx."""

from __future__ import annotations

import numpy as np
import pytest

from evenshelf.tasks.ranking_metrics import CUTS, METRICS, ranks_of, user_values

ranx = pytest.importorskip("ranx")
NAMES = {"recall_at": "recall", "hit_rate_at": "hit_rate", "ndcg_at": "ndcg"}


# numba says so of ranx's own code while it compiles it
@pytest.mark.filterwarnings("ignore:unsafe cast from")
@pytest.mark.parametrize("seed", range(5))
def test_they_are_those_of_ranx(seed: int) -> None:
    rng = np.random.default_rng(seed)
    users, items = 40, 60
    scores, wants = rng.standard_normal((users, items)), rng.random((users, items)) < rng.choice([0.02, 0.1, 0.6])
    user, item = np.nonzero(wants)
    asked, values = user_values(user, ranks_of(scores, user, item))
    truth = ranx.Qrels({str(u): {str(i): 1 for i in np.flatnonzero(wants[u])} for u in asked})
    run = ranx.Run({str(u): {str(i): float(scores[u, i]) for i in range(items)} for u in asked})
    names = {f"{ours}_{cut}": f"{theirs}@{cut}" for ours, theirs in NAMES.items() for cut in CUTS} | {"mrr": "mrr"}
    assert set(names) == set(METRICS)
    ranx.evaluate(truth, run, list(names.values()))
    for ours, theirs in names.items():
        expected = [run.scores[theirs][str(u)] for u in asked]
        np.testing.assert_allclose(values[ours], expected, err_msg=ours)
