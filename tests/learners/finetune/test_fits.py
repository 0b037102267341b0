"""Learners on tuned models: what they promise under remedies, and what a study makes of them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evenshelf.errors import SettingError
from evenshelf.learners import LearnerKind, learner_kind
from evenshelf.learners.finetune import fits
from evenshelf.learners.finetune.fits import Decoupled, Given, lessons_of, texts_of
from evenshelf.learners.finetune.judging import judge_of
from evenshelf.learners.finetune.settings import FineTuning
from evenshelf.remedies import Prior, effective_loss, parse
from evenshelf.study.prepare import Plan, pick_encoder, prepare
from evenshelf.study.verdict import decide
from evenshelf.tasks.label import LabelTask
from evenshelf.tasks.label_metrics import macro_f1
from evenshelf.testing import learner_checks
from tests.learners.finetune.tiny import bert, titles

NAMES = ["shoe", "lamp", "tea"]


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    folder = bert(tmp_path_factory.mktemp("models") / "bert")
    return f"(model={folder!r}, length=8, rate=0.005, epochs=4, batch=16)"


@pytest.fixture(autouse=True)
def _cache(tmp_path, monkeypatch):
    monkeypatch.setenv("EVENSHELF_CACHE", str(tmp_path / "cache"))


def given(kind: LearnerKind):
    """Rows of a learner: made-up vectors near those of the classes, and what it reads."""
    texts, target = titles()
    assert kind.reads is not None
    rng = np.random.default_rng(0)
    centres = rng.normal(size=(3, 5))
    vectors = (centres[target] + 0.3 * rng.normal(size=(len(texts), 5))).astype(np.float32)
    names = np.hstack([centres.astype(np.float32), kind.reads(NAMES)])
    return np.hstack([vectors, kind.reads(texts)]), target, names


CHECKS = [check.name for check in learner_checks(learner_kind("heads"))]


@pytest.mark.parametrize("number", range(len(CHECKS)))
@pytest.mark.parametrize("name", ["finetune", "finetune_heads"])
def test_it_promises_what_every_learner_does(name, number, spec, monkeypatch):
    monkeypatch.setattr(fits, "PENALTY", 1e-3)  # at which what is pooled counts, so few rows there are
    larger = spec.replace("batch=16", "batch=44").replace("rate=0.005", "rate=0.02")
    learner_checks(learner_kind(name + larger))[number]()


@pytest.mark.parametrize("name", ["finetune", "finetune_heads"])
def test_it_is_calibrated_too_and_learns_what_is_plain_to_see(name, spec):
    kind = learner_kind(name + spec.replace("epochs=4", "epochs=12"))
    rows, target, names = given(kind)
    for remedy in ("none", "balanced + temperature"):
        predict = kind.fit(rows, target, 3, parse(remedy), names=names, seed=1)
        assert macro_f1(target, predict(rows).argmax(axis=1), 3) > 0.5
        assert predict(rows[:0]).shape == (0, 3)


def test_a_group_without_rows_is_never_predicted(spec):
    for name in ("finetune", "finetune_heads"):
        kind = learner_kind(name + spec)
        rows, target, _ = given(kind)
        scores = kind.fit(rows, target, 5, parse("balanced"))(rows)
        assert scores.argmax(axis=1).max() < 3


def test_what_makes_vectors_is_refused_where_texts_are_read(spec):
    assert "vectors that no text has" in str(learner_kind("finetune" + spec).unsupported(parse("gan")))
    assert learner_kind("finetune_heads" + spec).unsupported(parse("gan")) is None


def test_one_tuning_serves_all_remedies(spec, monkeypatch):
    kind = learner_kind("finetune_heads" + spec)
    rows, target, names = given(kind)
    tuned, tune = [], fits.tune

    def counting(*args, **more):
        tuned.append(1)
        return tune(*args, **more)

    monkeypatch.setattr(fits, "tune", counting)
    first = kind.fit(rows, target, 3, parse("none"), names=names, seed=1)(rows)
    for seed, remedy in enumerate(("balanced", "name_prior", "none")):
        last = kind.fit(rows, target, 3, parse(remedy), names=names, seed=seed)(rows)
    assert len(tuned) == 1
    np.testing.assert_array_equal(first, last, "what was read back is another model")
    kind.fit(rows[1:], target[1:], 3, parse("none"), names=names)
    assert len(tuned) == 2, "other rows have a model of their own"


def test_heads_may_see_the_frozen_vectors_beside_those_of_the_same_model(spec, monkeypatch):
    """Frozen vectors tell two classes apart that no text does; one model serves heads of both kinds."""
    texts, target = titles((20, 20), seed=3)
    texts = [text.replace("shoe", "red").replace("lamp", "red") for text in texts]
    alone, both = (learner_kind("finetune_heads" + spec.replace("batch=16", f"beside={b}")) for b in (False, True))
    frozen = np.eye(5, dtype=np.float32)[target]
    rows = np.hstack([frozen, alone.reads(texts)])
    tuned, tune = [], fits.tune
    monkeypatch.setattr(fits, "tune", lambda *args, **more: tuned.append(1) or tune(*args, **more))
    right = [
        (kind.fit(rows, target, 2, parse("balanced"))(rows).argmax(axis=1) == target).mean() for kind in (alone, both)
    ]
    assert right[1] == 1.0 > right[0]
    assert len(tuned) == 1
    with pytest.raises(SettingError, match="one head"):
        learner_kind("finetune(beside=True)")


def test_rows_that_a_remedy_makes_are_points_between_texts_of_the_frozen_vectors(spec):
    kind = learner_kind("finetune" + spec)
    rows, target, _ = given(kind)
    seen = Given.of(rows, target, None, kind.fit.settings, 0)
    prior, remedy = Prior(np.bincount(target)), parse("smote(k=2)")
    lessons = lessons_of(seen, remedy, prior, effective_loss(remedy, prior), np.random.default_rng(0))
    made = lessons.step != 0
    assert made.any()
    assert (target[lessons.first[made]] == target[lessons.second[made]]).all()
    weight = np.bincount(lessons.target, lessons.weight, 3)
    assert weight.max() / weight.min() == pytest.approx(1.0, abs=0.2), "classes are not as large as each other"
    weighed = lessons_of(seen, parse("balanced"), prior, effective_loss(parse("balanced"), prior), None)
    sums = np.bincount(weighed.target, weighed.weight, 3)
    np.testing.assert_allclose(sums / sums[0], 1.0, rtol=1e-4)


def test_a_class_of_one_row_is_compared_with_its_name(spec):
    kind = learner_kind("finetune_heads" + spec.replace("batch=16", "contrast=1.0"))
    rows, target, names = given(kind)
    keep = np.concatenate([np.flatnonzero(target < 2), np.flatnonzero(target == 2)[:1]])
    one = Given.of(rows[keep], target[keep], None, kind.fit.settings, 0)
    called = names[:, -8:]
    lessons = texts_of(one, called)
    assert len(lessons) == len(keep) + 1
    np.testing.assert_array_equal(lessons.rows[-1], called[2])
    assert np.bincount(lessons.target).min() == 2
    assert len(texts_of(one, None)) == len(keep)
    predict = kind.fit(rows, target, 3, parse("balanced"), names=names)
    assert macro_f1(target, predict(rows).argmax(axis=1), 3) > 0.5


@pytest.mark.parametrize("watch", ["macro_f1", "tail_f1"])
def test_what_is_watched_is_the_mean_over_the_classes_asked_for(watch):
    counts = np.array([100, 20, 14, 0])
    target = np.array([0, 0, 1, 2, 2])
    scores = np.eye(4, dtype=np.float32)[[0, 0, 0, 2, 3]]
    scores[:, 3] *= 100  # nobody has a row of it
    found = judge_of(target, counts, lambda given: given, watch)(scores)
    # the last row has no score above 0 for a class that has rows, so the first of them is said
    wanted = {"macro_f1": (2 * 2 / (2 + 4) + 0 + 2 * 1 / (2 + 1)) / 3, "tail_f1": 2 * 1 / (2 + 1)}
    assert found == pytest.approx(wanted[watch])


def test_what_would_do_nothing_is_refused():
    with pytest.raises(SettingError, match="no loss of the scores"):
        learner_kind("finetune(contrast=1)")
    with pytest.raises(SettingError, match="defers nothing"):
        learner_kind("finetune_heads(defer=0.5)")
    assert learner_kind("finetune_heads(defer=0.5, balance=1)").fit.settings.balance == 1.0


@pytest.mark.parametrize("remedy", ["none", "balanced", "random_over", "ldam"])
def test_what_is_deferred_is_all_of_a_remedy_but_never_the_last_epoch(spec, remedy):
    now, late, last = (
        learner_kind("finetune" + spec.replace("epochs=4", f"epochs=4, defer={share}")) for share in (0.0, 0.75, 0.99)
    )
    rows, target, _ = given(now)
    found = [kind.fit(rows, target, 3, parse(remedy), seed=1)(rows) for kind in (now, late, last)]
    nothing = now.fit(rows, target, 3, parse("none"), seed=1)(rows)
    assert np.array_equal(found[0], found[1]) == (remedy == "none")
    assert np.array_equal(nothing, found[1]) == (remedy == "none")
    np.testing.assert_array_equal(found[1], found[2])


def test_settings_are_typed_in_brackets():
    assert learner_kind("finetune(epochs=3)").fit.settings == FineTuning(epochs=3)
    assert learner_kind("finetune_heads( scope='lora', rank=4 )").name == "finetune_heads(scope='lora', rank=4)"
    with pytest.raises(SettingError, match="has no parameter 'epoch'"):
        learner_kind("finetune(epoch=3)")
    with pytest.raises(SettingError, match="given by name"):
        learner_kind("finetune(3)")
    with pytest.raises(SettingError, match="it has none"):
        learner_kind("heads(rate=1)")
    with pytest.raises(SettingError, match="where a whole number is needed"):
        learner_kind("finetune(epochs=2.5)")
    assert learner_kind("heads()").name == "heads"
    assert learner_kind("finetune(model='there:here')").fit.settings.model == "there:here"


def test_a_study_with_it_is_the_same_for_any_number_of_workers(spec, tmp_path):
    texts, target = titles((40, 24, 12))
    task = LabelTask.of([NAMES[code] for code in target], texts)
    plan = Plan("balanced, name_prior", folds=3, budget=2, workers=1, learner="finetune_heads" + spec, baselines="none")
    study = prepare(task, pick_encoder(texts, "tfidf"), tmp_path / "one", plan)
    one = study.run()
    two = prepare(task, pick_encoder(texts, "tfidf"), tmp_path / "two", replace(plan, workers=2)).run()
    for spec_ in ("none", "balanced", "name_prior"):
        np.testing.assert_array_equal(one[spec_].tuned.predicted, two[spec_].tuned.predicted)
    assert decide(one, replicates=100).comparisons
    assert 0 <= one.meta["leak"]["macro_f1_random"] <= 1
    with pytest.raises(SettingError, match="reads texts as well"):
        replace(study, read=None)
    assert isinstance(study.fitted.fit, Decoupled)


def test_made_texts_are_for_the_heads_alone(spec):
    kind = learner_kind(f"finetune_heads{spec}")
    rows, target, names = given(kind)
    plain = kind.fit(rows, target, 3, parse("none"), names=names)
    more = np.concatenate([rows[-4:], rows])
    made = np.arange(len(more)) < 4
    found = kind.fit(more, np.concatenate([np.zeros(4, np.int64), target]), 3, parse("none"), names=names, made=made)
    read = rows[:, 5:]
    np.testing.assert_array_equal(found.tuned.encode(read), plain.tuned.encode(read))
    assert found.borrowed > 0 == plain.borrowed
    assert not np.allclose(found(rows), plain(rows), atol=1e-3)
