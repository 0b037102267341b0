"""Learners that tune a language model: what every learner promises, that no test leaks, and studies with them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evenshelf.errors import InputError, SettingError
from evenshelf.learners.ranking import lambdamart, tuned_texts
from evenshelf.learners.ranking.base import Evidence
from evenshelf.learners.ranking.registry import ranking_learner
from evenshelf.learners.ranking.tuned import fitting
from evenshelf.learners.ranking.tuned.settings import Contrast
from evenshelf.learners.tunable import names_in
from evenshelf.remedies import parse
from evenshelf.study.ranking.prepare import RankingPlan, baselines_named, prepare
from evenshelf.study.ranking.stored import fact_arrays, facts_of
from evenshelf.study.ranking.winner import ranking_winner
from evenshelf.study.verdict import decide
from evenshelf.tasks.baskets import last_held
from evenshelf.tasks.recommend import RecommendTask
from evenshelf.testing import ranking_learner_checks
from evenshelf.testing.ranking_learners import histories_of_kinds

NAMES = ("text_tuned", "blend_tuned")
CHECKS = [check.name for check in ranking_learner_checks(ranking_learner("popular"))]


@pytest.fixture(autouse=True)
def _few_trees(monkeypatch):
    pytest.importorskip("lightgbm")
    monkeypatch.setattr(lambdamart, "TREES", 15)


@pytest.fixture(scope="module")
def brackets(tiny):
    return f"(model={tiny!r}, layers=1, epochs=1, batch=8, rate=0.005)"


@pytest.fixture
def tunings(monkeypatch):
    """What was tuned: its texts' counts, one line each time."""
    found, fit = [], fitting.fit_taken

    def counting(taken, settings, **more):
        found.append(taken)
        return fit(taken, settings, **more)

    monkeypatch.setattr(fitting, "fit_taken", counting)
    return found


@pytest.mark.parametrize("number", range(len(CHECKS)))
@pytest.mark.parametrize("name", NAMES)
def test_it_promises_what_every_learner_of_lists_does(name, number, brackets):
    ranking_learner_checks(ranking_learner(name + brackets))[number]()


def test_what_the_blend_is_tuned_on_has_no_last_basket_and_texts_have_all(brackets, tunings):
    evidence = histories_of_kinds()
    held = last_held(evidence.histories)
    for name, wanted in (("text_tuned", evidence.histories), ("blend_tuned", held.earlier)):
        learner = ranking_learner(name + brackets)
        learner.fitted(evidence, parse("none"), setting=learner.default, seed=0)
        counts = np.bincount(tunings[-1].place, wanted.counts, len(tunings[-1].texts))
        np.testing.assert_array_equal(tunings[-1].count, counts)
    assert len(tunings) == 2


def test_steps_that_are_not_known_change_nothing_of_what_is_tuned(brackets, tmp_path):
    """A study asks what comes after: two shops that differ in that alone have the same vectors."""
    evidence = histories_of_kinds()
    learner = ranking_learner("text_tuned" + brackets)
    titles, settings = evidence.facts.titles, learner.fit.settings
    known = evidence.histories.without_last(1)
    swapped = np.array(evidence.histories.item)
    ends = evidence.histories.start[1:] - 1
    swapped[ends] = np.roll(swapped[ends], 1)
    other = replace(evidence.histories, item=swapped).without_last(1)
    one, two = (
        tuned_texts.vectors_for(replace(evidence.facts, titles=titles), histories, settings, 0)
        for histories in (known, other)
    )
    np.testing.assert_array_equal(one, two)
    whole = tuned_texts.vectors_for(evidence.facts, evidence.histories, settings, 0)
    assert not np.array_equal(one, whole)


def test_tuned_vectors_speak_in_the_blend_and_frozen_ones_stay_beside_them(brackets):
    evidence = histories_of_kinds()
    plain, tuned = (
        learner.fitted(evidence, parse("none"), setting=learner.default, seed=0)
        for learner in map(ranking_learner, ("blend", "blend_tuned" + brackets))
    )
    names = {source.name.partition(",")[0] for source in tuned.sources}
    assert names - {source.name.partition(",")[0] for source in plain.sources} == {"tuned"}
    assert {"text", "vectors", "tuned"} <= names


def test_without_titles_it_is_said_before_and_by_the_fit(brackets):
    evidence = histories_of_kinds()
    for titles in (None, ("",) * len(evidence.histories.items)):
        bare = Evidence(evidence.histories, replace(evidence.facts, titles=titles))
        for name in NAMES:
            learner = ranking_learner(name + brackets)
            assert "titles" in str(learner.lacking(bare))
            with pytest.raises(InputError, match="titles"):
                learner.fit(bare, parse("none"), setting=learner.default, seed=0)


def test_settings_are_typed_in_brackets():
    assert ranking_learner("blend_tuned(epochs=2)").fit.settings == Contrast(epochs=2)
    assert ranking_learner("text_tuned( rate=1e-4, layers=2 )").name == "text_tuned(layers=2, rate=0.0001)"
    assert ranking_learner("text_tuned()").name == "text_tuned"
    assert baselines_named("near, blend_tuned(epochs=2, rate=1e-4),popular") == (
        "near",
        "blend_tuned(rate=0.0001, epochs=2)",
        "popular",
    )
    assert names_in("near(), popular", (), ranking_learner) == ("near", "popular")
    for spec, said in (
        ("blend_tuned(epoch=2)", "has no parameter 'epoch'"),
        ("near(decay=1.0)", "it has none"),
        ("blend_tuned(2)", "given by name"),
        ("blend_tuned(epochs=0)", "epochs=0 is below 1"),
        ("blend_tunde(epochs=1)", "blend_tuned"),
    ):
        with pytest.raises(SettingError, match=said):
            ranking_learner(spec)


def test_what_items_are_called_is_laid_out_and_read_again(tmp_path):
    facts = replace(histories_of_kinds().facts, titles=("", "Schuh für Große", "鞋子", "a\nb", ""))
    for name, values in fact_arrays(facts).items():
        np.save(tmp_path / f"{name}.npy", values)
    assert facts_of(tmp_path).titles == facts.titles


def test_a_study_with_it_tunes_once_a_fold_and_keeps_its_winner(brackets, tmp_path, tunings):
    evidence = histories_of_kinds()
    task = RecommendTask.of(evidence.histories, texts=evidence.facts.titles, repeats=False)
    learner = "blend_tuned" + brackets
    plan = RankingPlan("balanced, logit_adjust(tau=0.2)", learner=learner, baselines=(), budget=2, workers=1)
    result = prepare(task, tmp_path / "study", plan).run()
    assert len(tunings) == 2, "one where settings are chosen, one that is judged"
    # its cost is told of every remedy, whoever it was tuned for
    spent = [result[spec].tuned.seconds for spec in ("none", "balanced")]
    assert max(spent) < 3 * min(spent)
    assert decide(result, replicates=50).comparisons
    winner, _ = ranking_winner(tmp_path / "study")
    assert winner.learner.fit.settings == ranking_learner(learner).fit.settings


def test_any_number_of_workers_gives_the_same_study(brackets, tmp_path):
    evidence = histories_of_kinds()
    task = RecommendTask.of(evidence.histories, texts=evidence.facts.titles, repeats=False)
    plan = RankingPlan("text_smoothed", learner="text_tuned" + brackets, baselines=(), budget=2)
    one, two = (prepare(task, tmp_path / str(n), replace(plan, workers=n)).run() for n in (1, 2))
    for spec in ("none", "text_smoothed"):
        np.testing.assert_array_equal(one[spec].tuned.rank, two[spec].tuned.rank)
