"""All baselines on real titles: those that read them are better than guessing by far."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from evenshelf.baselines import baseline_kinds
from evenshelf.study import prepare
from evenshelf.study.verdict import decide

pytestmark = pytest.mark.real

ROWS = 300


def test_all_baselines_in_a_study_of_titles(fashion_shop, tmp_path):
    task = prepare.shop_task(fashion_shop[0], "category", sample=ROWS, seed=0)
    plan = prepare.Plan("none", folds=3, budget=2, baselines="all")
    made = prepare.prepare(task, prepare.Choice("minilm", "for the test"), tmp_path, plan)
    verdict = decide(made.run(), replicates=200)
    kinds = {b.spec for b in baseline_kinds().values() if not b.package or find_spec(b.package)}
    assert {c.spec for c in verdict.comparisons} == {"none", *kinds}
    guessed = min(sight.guessed for sight in verdict.guessing if sight.metric == "macro_f1")
    for spec in {"words + balanced", "words_unweighted", "zero_shot", "bilstm", "lightgbm"} & kinds:
        assert verdict[spec]["macro_f1"] > 3 * guessed, verdict.table()
        assert verdict[spec]["accuracy"] > 0.25, verdict.table()
