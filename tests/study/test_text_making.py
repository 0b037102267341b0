"""Texts that are made in a study: out of one fold alone, no more than is needed, sifted, laid out, trained on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evenshelf.augmentation import MadeCache
from evenshelf.encoders import VectorCache, open_encoder
from evenshelf.errors import InputError, SettingError
from evenshelf.learners.variants import VariantRows, acting_on_rows, widened
from evenshelf.learners.vectors import prepare as lay_out
from evenshelf.learners.vectors import prepare_given
from evenshelf.remedies import parse
from evenshelf.study.made_rows import MADE_TEXTS, rows_of
from evenshelf.study.prepare import Plan, pick_encoder, prepare
from evenshelf.study.results import load
from evenshelf.study.text_making import TextMaking, copies_by_class, makers_of
from evenshelf.study.verdict import decide
from evenshelf.tasks.label import LabelTask
from tests.catalogues import catalogue

pytestmark = pytest.mark.usefixtures("cache_folder")

CROP = parse("augment_texts(maker='crop', copies=2)")
SLOTS = parse("augment_texts(maker='slots', copies=3)")


@pytest.fixture(scope="module")
def task() -> LabelTask:
    titles, labels = catalogue()
    return LabelTask.of(labels, titles)


@pytest.fixture
def making(task: LabelTask, tmp_path) -> TextMaking:
    encoder = open_encoder("tfidf", task.texts)
    return TextMaking(task, encoder, VectorCache(tmp_path / "vectors"), made=MadeCache(tmp_path / "made.db"))


def test_texts_of_a_fold_are_the_same_whatever_the_labels_of_others(task, making) -> None:
    fold = task.split(3, 0)
    maker, settings = next(iter(makers_of([SLOTS], 8).items()))
    one = making(maker, settings, fold, 0)
    other = fold == 1
    wrong = task.target.copy()
    wrong[other] = np.random.default_rng(0).permutation(wrong[other])
    two = replace(making, task=replace(task, target=wrong))(maker, settings, fold, 0)
    mine, theirs = (np.flatnonzero(~other[made.source]) for made in (one, two))
    assert len(mine)
    np.testing.assert_array_equal(one.source[mine], two.source[theirs])
    np.testing.assert_array_equal(one.given[mine], two.given[theirs])


def test_a_second_time_the_same_is_made_at_the_same_cost(task, making) -> None:
    fold = task.split(3, 0)
    maker, settings = next(iter(makers_of([CROP], 8).items()))
    one, two = (making(maker, settings, fold, 0) for _ in range(2))
    np.testing.assert_array_equal(one.given, two.given)
    assert one.facts["texts"] == len(one.source) > 0
    assert one.facts["shown"][0]["made"]
    assert two.seconds > 0
    assert one.facts.keys() == two.facts.keys()


def test_no_more_is_made_than_is_needed() -> None:
    target = np.repeat([0, 1, 2], [40, 10, 1])
    counts = np.array([40, 10, 1, 0])
    half, full = (copies_by_class([CROP.with_parameters(strength=s)], target, counts, 4) for s in (0.5, 1.0))
    assert half.tolist() == [0, 2, 4, 0]
    assert full.tolist() == [0, 4, 4, 0]
    assert copies_by_class([CROP.with_parameters(strength=0.0)], target, counts, 4).sum() == 0
    often = copies_by_class([CROP.with_parameters(strength=1.0)], np.repeat([0, 1], [100, 60]), np.array([1000, 60]), 4)
    assert often.tolist() == [0, 4], "texts that repeat count as often as they do"


def rows(seed: int = 0):
    rng = np.random.default_rng(seed)
    target = np.repeat([0, 1, 2], [30, 12, 6])
    fold = np.tile([0, 1, 2], 16)
    vectors = rng.normal(size=(48, 5)).astype(np.float32)
    source = np.repeat(np.arange(48), 2)
    given = vectors[source] + rng.normal(scale=0.1, size=(96, 5)).astype(np.float32)
    return vectors, target, fold, source, given


@pytest.mark.parametrize("spec", ["augment_texts(maker='crop')", "augment_texts(maker='crop', copied=True)"])
def test_made_rows_stand_in_the_fold_of_their_source_and_in_no_other(spec: str) -> None:
    vectors, target, fold, source, given = rows()
    laid = lay_out(vectors, target, fold, np.arange(48))
    number = np.tile([0, 1], 48)
    made = VariantRows.of(given, laid.row_of[source], number, laid, 1.0)
    order = np.lexsort((made.number, made.source))
    made = replace(made, rows=made.rows[order], source=made.source[order], number=made.number[order])
    wide = widened(laid, made, parse(spec), (0, 2), np.random.default_rng(0))
    assert not wide.index((1,)).size
    for held in (0, 2):
        old, new = laid.rows[laid.index((held,))], wide.rows[wide.index((held,))]
        assert (np.abs(new[:, None] - old[None]).sum(axis=2) == 0).any(axis=0).all()
    counts = np.bincount(wide.target, minlength=3)
    assert counts[0] == 20
    assert counts[1] > 8
    known = laid.rows[laid.index((0, 2))]
    strange = ~(np.abs(wide.rows[:, None] - known[None]).sum(axis=2) == 0).any(axis=1)
    assert strange.any() == ("copied" not in spec)


def test_vectors_as_they_are_given_come_back(making) -> None:
    vectors, target, fold, source, given = rows(1)
    for laid in (
        lay_out(vectors, target, fold, np.arange(48)),
        prepare_given(vectors, target, fold, np.arange(48), group=np.arange(48)),
    ):
        made = VariantRows.of(given, laid.row_of[source], np.tile([0, 1], 48), laid, 0.0)
        back = replace(laid, rows=made.rows, bounds=(0, 0, 96))
        np.testing.assert_allclose(back.given((0,)), given, atol=1e-5)


def test_to_all_else_made_texts_are_rows() -> None:
    assert acting_on_rows(parse("balanced + augment_texts(maker='eda')")).spec == "balanced"
    assert acting_on_rows(CROP).spec == "none"


@pytest.mark.parametrize("learner", ["heads", "tests/learners/own_learners.py:logistic"])
def test_a_study_trains_on_them_and_says_what_they_are_worth(task, tmp_path, learner) -> None:
    plan = Plan(
        "augment_texts(maker='crop') + balanced, balanced",
        folds=3,
        budget=4,
        learner=learner,
        baselines="none",
        workers=1,
    )
    study = prepare(task, pick_encoder(task.texts, "tfidf"), tmp_path / "s", plan, cache=VectorCache(tmp_path / "c"))
    found = study.run()
    made, copied = "augment_texts(maker='crop') + balanced", "augment_texts(maker='crop', copied=True) + balanced"
    for spec in (made, copied):
        assert found[spec].not_applicable is None
        assert found[spec].tuned is not None
    assert "added to" in " ".join(found[made].notes)
    (facts,) = found.meta[MADE_TEXTS]
    assert facts["maker"] == "crop"
    assert found[made].tuned.seconds >= facts["seconds"] > 0
    verdict = decide(found)
    (line,) = verdict.controls
    assert (line.spec, line.control) == (made, copied)
    assert line.diff == pytest.approx(verdict[made]["macro_f1"] - verdict[copied]["macro_f1"])
    again = replace(study, folder=tmp_path / "again", workers=2).run()
    np.testing.assert_array_equal(again[made].tuned.predicted, found[made].tuned.predicted)
    assert load(tmp_path / "s").meta["controls"] == {made: copied}


def test_without_texts_or_words_it_is_not_applicable(task, tmp_path) -> None:
    plan = Plan(
        "augment_texts(maker='views'), augment_texts(maker='crop')", folds=3, budget=2, baselines="none", workers=1
    )
    study = prepare(task, pick_encoder(task.texts, "tfidf"), tmp_path / "s", plan, cache=VectorCache(tmp_path / "c"))
    found = study.run()
    assert "descriptions" in (found["augment_texts(maker='views')"].not_applicable or "")
    bare = replace(study, making=None, folder=tmp_path / "bare").run()
    assert "no texts" in (bare["augment_texts(maker='crop')"].not_applicable or "")


def test_a_wrong_maker_is_told_before_the_work(task, tmp_path) -> None:
    with pytest.raises(SettingError, match="croop"):
        Plan("augment_texts(maker='croop')").check()
    with pytest.raises(InputError, match="marian"):
        Plan("augment_texts(maker='marian')").check()


def test_places_follow_the_content(task, making) -> None:
    fold = task.split(3, 0)
    laid = lay_out(making.cache.encode(making.encoder, task.texts), task.target, fold, task.same)
    maker, settings = next(iter(makers_of([CROP], 8).items()))
    found = rows_of(making(maker, settings, fold, 0), laid)
    assert (np.diff(found.source) >= 0).all()
    assert found.rows.shape == (len(found.source), laid.rows.shape[1])
    assert (laid.target[found.source] >= 0).all()
