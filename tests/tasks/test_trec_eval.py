"""Metrics of users who want several items, against trec_eval."""

from __future__ import annotations

import numpy as np
import pytest
import pytrec_eval

from evenshelf.tasks.ranking_metrics import CUTS, METRICS, ranks_of, user_values

NAMES = {"recall_at": "recall", "hit_rate_at": "success", "ndcg_at": "ndcg_cut"}


@pytest.mark.parametrize("wanted", [0.02, 0.1, 0.6])
def test_they_are_those_of_trec_eval(wanted: float) -> None:
    rng = np.random.default_rng(0)
    users, items = 40, 60
    scores, wants = rng.standard_normal((users, items)), rng.random((users, items)) < wanted
    user, item = np.nonzero(wants)
    asked, values = user_values(user, ranks_of(scores, user, item))
    truth = {str(u): {str(i): 1 for i in np.flatnonzero(wants[u])} for u in asked}
    run = {str(u): {str(i): float(scores[u, i]) for i in range(items)} for u in asked}
    names = {f"{ours}_{cut}": f"{theirs}_{cut}" for ours, theirs in NAMES.items() for cut in CUTS}
    names["mrr"] = "recip_rank"
    assert set(names) == set(METRICS)
    cuts = ",".join(map(str, CUTS))
    measures = {*(f"{theirs}.{cuts}" for theirs in NAMES.values()), "recip_rank"}
    found = pytrec_eval.RelevanceEvaluator(truth, measures).evaluate(run)
    for ours, theirs in names.items():
        np.testing.assert_allclose(values[ours], [found[str(u)][theirs] for u in asked], rtol=1e-6, err_msg=ours)
