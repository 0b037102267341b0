"""The benchmark of worlds, without its studies."""

from __future__ import annotations

import pytest
from bench.worlds import ADJUSTED, PRIOR, REMEDIES, arguments, size_row

from evenshelf.learners.heads import HEADS
from evenshelf.remedies import remedy_set
from evenshelf.study.plan import settings
from evenshelf.study.verdict import decide
from tests.study.factory import Plan, study


@pytest.mark.parametrize("words", [["--quick"], [], ["--encoder", "tfidf"]])
def test_every_remedy_can_be_tuned_with_the_budget(words):
    asked = arguments(words)
    assert {"language", "codes"} <= set(asked.worlds)
    for remedy in remedy_set(", ".join(REMEDIES)):
        assert settings(remedy, asked.budget, HEADS)


def test_a_size_is_told_by_the_median_and_the_range_of_its_shops():
    plans = [
        (Plan("none", 0.8, 0.2, 0.8, 0.2), Plan(PRIOR, 0.8, up, 0.8, up), Plan(ADJUSTED, 0.8, 0.2, 0.8, 0.2))
        for up in (0.2, 0.9, 0.5)
    ]
    verdicts = [decide(study(plans=some, rows=3000)) for some in plans]
    world, encoder, items, none, gain, _, recommended, no_better = size_row("language", "tfidf", 500, verdicts)
    assert (world, encoder, items, no_better) == ("language", "tfidf", 500, "0/3")
    gains = sorted(verdict[PRIOR].diff for verdict in verdicts)
    assert gain == [gains[1], gains[0], gains[2]]
    assert gains[0] < 0.1 < gains[1]
    assert none == sorted(verdict["none"]["macro_f1"] for verdict in verdicts)[1]
    assert recommended.startswith(f"{PRIOR} × 2")
