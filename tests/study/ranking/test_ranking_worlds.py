"""Where titles are mere codes they bring nothing to recommendation, and the verdict says so."""

from __future__ import annotations

from pathlib import Path

import pytest

from evenshelf.learners.ranking.base import ItemFacts
from evenshelf.shop import Shop, simulate
from evenshelf.shop.simulation.settings import World
from evenshelf.study.ranking.prepare import item_facts
from evenshelf.study.ranking.study import RankingStudy
from evenshelf.study.verdict import Verdict, decide
from evenshelf.tasks.recommend import RecommendTask


def by_titles(folder: Path, world: World) -> Verdict:
    """What titles alone find, beside what is popular."""
    simulate(folder / "shop", items=600, users=2000, events=120_000, world=world, language="en", pictures=0)
    task = RecommendTask.from_shop(Shop.open(folder / "shop"), "click,cart,purchase", repeats=False)
    facts, _ = item_facts(task, None)
    study = RankingStudy(
        task,
        ItemFacts(words=facts.words),
        folder / "study",
        remedies="none, logit_adjust(tau=0.1)",
        baselines=(),
        budget=2,
        workers=1,
        learner="text",
    )
    return decide(study.run(), replicates=400)


@pytest.fixture(scope="module")
def verdicts(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Verdict]:
    worlds: tuple[World, ...] = ("codes", "language")
    return {world: by_titles(tmp_path_factory.mktemp(world), world) for world in worlds}


def test_codes_bring_nothing_and_the_verdict_says_so(verdicts: dict[str, Verdict]) -> None:
    found = verdicts["codes"]
    assert not found.informative
    assert found.recommended is None
    assert "nothing beats showing everyone what is popular" in found.headline


def test_titles_that_speak_find_more_than_codes(verdicts: dict[str, Verdict]) -> None:
    speaking, codes = verdicts["language"]["none"], verdicts["codes"]["none"]
    assert speaking["macro_ndcg_at_10"] > 2 * codes["macro_ndcg_at_10"]
    assert speaking["tail_ndcg_at_10"] > codes["tail_ndcg_at_10"]
