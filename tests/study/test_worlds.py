"""No remedy is flattered by its test bed: what wins where titles speak gives nothing where they are codes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from evenshelf.annotating.suspects import suspects
from evenshelf.encoders import VectorCache, open_encoder
from evenshelf.shop import Shop, simulate
from evenshelf.shop.simulation import truth
from evenshelf.shop.simulation.settings import World
from evenshelf.study.prepare import shop_task
from evenshelf.study.results import StudyResult
from evenshelf.study.runner import Study
from evenshelf.study.terminal import standing
from evenshelf.study.verdict import Verdict, decide
from evenshelf.study.wording import comparison_note
from tests.study.factory import Plan, study, with_remedies

ITEMS = 600
GUARDRAIL = 0.05
"""One per cent of the head of so small a shop is three items: too few to decide by."""
NOTHING_BEATS_GUESSING = "No remedy can be shown to help here: nothing beats guessing by class frequency."


@dataclass(frozen=True)
class Judged:
    shop: Shop
    result: StudyResult
    verdict: Verdict


def simulated(folder: Path, world: World) -> Shop:
    return simulate(folder, items=ITEMS, world=world, language="en", events=200, pictures=0)


@pytest.fixture(scope="module")
def judged(tmp_path_factory: pytest.TempPathFactory) -> Callable[[World], Judged]:
    """The same study in a world, done when a test first asks for it."""

    @cache
    def made(world: World) -> Judged:
        folder = tmp_path_factory.mktemp(world)
        shop = simulated(folder / "shop", world)
        task = shop_task(shop, "category")
        assert task.texts is not None
        encoder, vectors = open_encoder("tfidf", task.texts), VectorCache()
        result = Study(
            task,
            vectors.encode(encoder, task.texts),
            folder / "study",
            names=vectors.encode(encoder, task.class_texts),
            remedies="balanced, logit_adjust, name_prior",
            folds=3,
            budget=2,
            workers=1,
        ).run()
        return Judged(shop, result, decide(result, guardrail=GUARDRAIL))

    return made


def test_what_wins_in_language_gives_nothing_in_codes_and_the_verdict_says_so(
    judged: Callable[[World], Judged],
) -> None:
    words, codes = judged("language").verdict, judged("codes").verdict
    assert words.recommended is not None
    assert words.informative
    assert words[words.recommended].low > 0

    same = codes[words.recommended]
    assert same.low <= 0 or same.diff < codes.guardrail
    assert not codes.informative
    assert codes.recommended is None
    assert codes.headline == NOTHING_BEATS_GUESSING
    assert "not shown to tell anything of the class" in codes.reasons[0]
    assert "titles that are mere codes" in codes.reasons[0]
    assert all(sight.low <= 0 for sight in codes.guessing if sight.spec == "none")


def test_where_all_categories_are_equal_no_remedy_for_imbalance_is_recommended(
    judged: Callable[[World], Judged],
) -> None:
    flat = judged("flat").verdict
    assert flat.informative
    for spec in ("balanced", "logit_adjust"):
        assert not flat[spec].qualifies
        assert abs(flat[spec].diff) < 0.02
    assert flat.recommended in (None, "name_prior")  # names are knowledge, and help with few examples of each class


def test_rare_items_in_the_words_of_frequent_ones_are_harder(judged: Callable[[World], Judged]) -> None:
    clear, misleading = (judged(world).verdict["none"] for world in ("language", "misleading"))
    assert misleading["tail_f1"] < clear["tail_f1"]


def test_suspects_of_the_noisy_world_hold_the_wrong_labels(tmp_path: Path) -> None:
    noisy = simulated(tmp_path / "shop", "noisy")
    known = truth.read(noisy.path).items
    wrong = set(known.filter("wrong_label")["item_id"])
    found = suspects(noisy, encoder="tfidf").rows["item_id"]
    first = found.head(len(wrong) // 2)
    chance = len(wrong) / known.height
    assert sum(item in wrong for item in first) / len(first) > 4 * chance


def test_spreading_guesses_over_the_classes_is_no_gain() -> None:
    """Where nothing is known, drawn answers have a higher macro-F1 than a constant one, significantly so."""
    made = study(plans=(Plan("none", 0.9, 0.9, 0.9, 0.9), Plan("spread", 0.9, 0.9, 0.9, 0.9)), rows=6000, classes=12)
    rng = np.random.default_rng(3)
    base, spread = made.remedies
    assert base.tuned is not None
    assert spread.tuned is not None
    constant = np.zeros_like(base.tuned.predicted)
    drawn = rng.permutation(made.y).astype(np.int32)
    blind = with_remedies(
        made,
        replace(base, tuned=replace(base.tuned, predicted=constant)),
        replace(spread, tuned=replace(spread.tuned, predicted=drawn)),
    )
    found = decide(blind, guardrail=1.0)
    assert found["spread"].qualifies
    assert found.recommended is None
    assert found.headline == NOTHING_BEATS_GUESSING
    assert any("spreading the answers" in reason for reason in found.reasons)
    assert standing(found, found["spread"]) == "same"
    assert comparison_note(found["spread"], 1.0, informative=found.informative) == "another way of guessing"


def test_a_model_that_knows_a_little_beats_guessing() -> None:
    found = decide(study(plans=(Plan("none", 0.6, 0.0, 0.6, 0.0), Plan("other", 0.6, 0.0, 0.6, 0.0)), rows=2000))
    assert found.informative
    accuracy = next(sight for sight in found.guessing if (sight.spec, sight.metric) == ("none", "accuracy"))
    assert accuracy.diff == pytest.approx(found["none"]["accuracy"] - accuracy.guessed, abs=1e-6)
    assert accuracy.low > 0
    assert "guessing" not in found.headline
