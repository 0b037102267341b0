"""The benchmark of worlds, without its studies."""

from __future__ import annotations

import pytest
from bench.worlds import REMEDIES, arguments

from evenshelf.learners.heads import HEADS
from evenshelf.remedies import remedy_set
from evenshelf.study.plan import settings


@pytest.mark.parametrize("words", [["--quick"], [], ["--encoder", "tfidf"]])
def test_every_remedy_can_be_tuned_with_the_budget(words):
    asked = arguments(words)
    assert {"language", "codes"} <= set(asked.worlds)
    for remedy in remedy_set(", ".join(REMEDIES)):
        assert settings(remedy, asked.budget, HEADS)
