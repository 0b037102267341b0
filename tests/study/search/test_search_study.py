"""A study of search: candidates of an index, folds of queries without leaks, the same whatever the workers."""

from __future__ import annotations

from dataclasses import replace
from io import StringIO

import numpy as np
import polars as pl
import pytest
from rich.console import Console

from evenshelf.errors import InputError, SettingError
from evenshelf.index import SearchEngine
from evenshelf.index.features import FEATURES
from evenshelf.index.shops import index_shop
from evenshelf.learners.search.asking import ask
from evenshelf.learners.search.base import Evidence, ItemSide, Pool
from evenshelf.learners.search.reading import training_pairs
from evenshelf.learners.search.texts import Texts
from evenshelf.remedies import parse
from evenshelf.shop import simulate
from evenshelf.study.further import further
from evenshelf.study.judges import judge_of
from evenshelf.study.metrics import save_findings
from evenshelf.study.results import load
from evenshelf.study.search.answering import answers
from evenshelf.study.search.prepare import SearchPlan, baselines_named, prepare
from evenshelf.study.search.stored import Exam, Known, known_arrays, known_of
from evenshelf.study.search.trials import beside, evidence_of
from evenshelf.study.terminal import StudyReport
from evenshelf.study.verdict import decide
from evenshelf.tasks.search import SearchTask
from evenshelf.tasks.search_lessons import taught_by_clicks
from evenshelf.tasks.search_measures import SEARCHES
from evenshelf.tasks.search_metrics import query_metrics

PLAN = SearchPlan(
    remedies="balanced, knn, doc_to_query(queries=20), logit_adjust(tau=0.2), mmr, unbiased_clicks, sampled_softmax",
    baselines=("usual", "words", "rrf"),
    folds=3,
    budget=2,
    workers=1,
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    return simulate(tmp_path_factory.mktemp("searched") / "shop", 120, language="en", seed=3)


@pytest.fixture(scope="module")
def engine(shop):
    with index_shop(shop, encoder="tfidf", tell=lambda *_: None).engine as built:
        yield built


@pytest.fixture(scope="module")
def task(shop):
    return SearchTask.from_shop(shop)


@pytest.fixture(scope="module")
def study(task, engine, tmp_path_factory):
    return prepare(task, engine, tmp_path_factory.mktemp("study") / "judged", PLAN)


@pytest.fixture(scope="module")
def result(study):
    return study.run()


def test_every_item_that_answers_is_a_row(result, task):
    answers = task.grade > 0
    wanted = sorted(zip(task.query[answers].tolist(), task.grade[answers].tolist(), strict=True))
    assert sorted(zip(result.y.tolist(), result.worth.tolist(), strict=True)) == wanted
    assert sorted(set(result.fold.tolist())) == [0, 1, 2]
    assert result.classes["class"].to_list() == list(task.queries)
    for query in np.unique(result.y):
        assert len(np.unique(result.fold[result.y == query])) == 1


def test_the_usual_ranking_is_that_of_the_index(result, task, engine):
    usual = result["usual"].tuned
    table = query_metrics(ask(engine, task), task)
    values = judge_of(result).values(usual, result.fold >= 0)
    assert values["ndcg_at_10"] == pytest.approx(np.nanmean(table["ndcg_at_10"]), abs=0.003), "but for ties"
    assert values["mrr"] == pytest.approx(np.nanmean(table["mrr"]), abs=0.005), "beyond 50 places it stops counting"
    assert values["recall_at_50"] == pytest.approx(np.nanmean(table["recall_at_50"]), abs=0.003)
    assert usual.sets["zero_results"] == pytest.approx(table["zero_results"].mean())
    assert usual.sets["judged_ndcg_at_10"] == pytest.approx(np.nanmean(table["judged_ndcg_at_10"]), abs=0.02)


def test_what_cannot_be_used_is_told(result):
    reasons = {r.spec: r.not_applicable for r in result.remedies if r.not_applicable is not None}
    assert "no clicks" in reasons["unbiased_clicks"]
    assert "negatives" in reasons["sampled_softmax"]
    assert {"none", "knn", "mmr", "usual", "popular"} <= {r.spec for r in result.remedies if r.tuned is not None}


def test_what_is_popular_can_be_studied_itself(study, tmp_path):
    plan = {"remedies": "none", "baselines": ("words",), "learner": "popular", "budget": 1}
    found = replace(study, folder=tmp_path / "popular", **plan).run()
    np.testing.assert_array_equal(found["none"].tuned.ranks, found["popular"].tuned.ranks)
    assert decide(found).measures is SEARCHES


def test_results_are_the_same_with_more_workers_and_read_from_disk(study, result, tmp_path):
    again = replace(study, folder=tmp_path / "again", workers=2).run()
    kept = load(study.folder)
    for other in (again, kept):
        assert other.meta["plan"] == result.meta["plan"]
        for one, two in zip(result.remedies, other.remedies, strict=True):
            assert one.spec == two.spec
            if one.tuned is not None:
                np.testing.assert_array_equal(one.tuned.ranks, two.tuned.ranks)
                assert one.tuned.settings == two.tuned.settings
        np.testing.assert_array_equal(result.worth, other.worth)


def test_what_is_asked_is_not_learned_from(study):
    for turn in study.turns().values():
        exam, choosing = turn.judging, turn.choosing
        assert not set(exam.learned) & set(exam.asked)
        assert set(exam.learned) | set(exam.asked) == set(range(len(study.task.queries)))
        assert not set(choosing.asked) & set(exam.asked)
        assert not set(choosing.learned) & set(exam.asked)
        evidence = evidence_of(study.known, exam, parse("none"))
        assert evidence.pool.queries.tolist() == [study.task.queries[q] for q in exam.learned]
    made = next(iter(study.known.made.values()))
    assert not set(made.queries.tolist()) & set(study.task.queries), "a made query may be one that is tested"


def test_judgements_of_a_fold_change_nothing_that_is_learned_for_it(study, result, tmp_path):
    """The grades of what is asked are for the test alone."""
    first = study.turns()[0].judging
    pool = study.known.pool
    grade = pool.grade.copy()
    own = np.isin(pool.query, first.asked) & (grade > 0)
    grade[own] *= 2.0
    other = replace(study, known=replace(study.known, pool=replace(pool, grade=grade)), folder=tmp_path / "other").run()
    rows = result.fold == 0
    for spec in ("none", "balanced", "usual"):
        np.testing.assert_array_equal(result[spec].default.ranks[rows], other[spec].default.ranks[rows])


def test_the_verdict_is_told_and_kept(result, study):
    verdict = decide(result, replicates=200)
    assert verdict.kind == SEARCHES.name
    assert verdict.metric == "ndcg_at_10"
    out = StringIO()
    Console(file=out, width=120).print(StudyReport(result, verdict))
    assert "NDCG@10" in out.getvalue()
    save_findings(result, verdict, study.folder)
    assert (study.folder / "verdict.json").is_file()


def test_other_seeds_and_fewer_queries(study, result):
    verdict = decide(result, replicates=200)
    asked = further(study, result, verdict, seeds=2, curve=True)
    assert asked.curve is not None
    assert {point.spec for point in asked.curve.points} >= {"none", "popular"}
    if verdict.best is not None and asked.seeds is not None:
        assert len(asked.seeds.seeds) == 2


def test_clicks_teach_and_judgements_test(shop, engine, tmp_path):
    task = taught_by_clicks(shop)
    assert task.describe()["tested_by"] == "judgements"
    plan = replace(PLAN, remedies="unbiased_clicks, popularity_debiased", baselines=())
    study = prepare(task, engine, tmp_path / "clicks", plan)
    assert study.known.taught_by_clicks
    lessons = task.lessons
    assert study.known.pool.clicked[:, 0].sum() == pytest.approx(lessons.shown.sum())
    assert (study.known.pool.clicked[:, 1] <= study.known.pool.clicked[:, 0]).all()
    assert (study.known.pool.clicked[:, 2] <= study.known.pool.clicked[:, 0] + 1e-4).all()
    evidence = evidence_of(study.known, study.turns()[0].judging, parse("none"))
    shown = evidence.pool.clicked[:, 0] > 0
    np.testing.assert_allclose(
        evidence.pool.grade[shown], (evidence.pool.clicked[:, 1] / np.maximum(evidence.pool.clicked[:, 0], 1))[shown]
    )
    assert np.isnan(evidence.pool.grade[~shown]).all()
    found = study.run()
    assert found["unbiased_clicks"].tuned is not None


def test_a_learning_curve_of_clicks_counts_the_queries_that_were_clicked_on(shop):
    task = taught_by_clicks(shop)
    told = {task.queries[q] for q in task.lessons.query[task.lessons.clicks > 0].tolist()}
    assert {query for query, taught in zip(task.queries, task.taught.tolist(), strict=True) if taught} == told
    assert task.taught.sum() != task.answerable.sum()
    judged = SearchTask.from_shop(shop)
    np.testing.assert_array_equal(judged.taught, judged.answerable)


def test_what_was_laid_out_is_read_again(study, tmp_path):
    for name, values in known_arrays(study.known).items():
        np.save(tmp_path / f"{name}.npy", values)
    back = known_of(tmp_path)
    assert not back.items.texts.buffer.flags.writeable, "it is not copied into each process"
    assert known_arrays(back).keys() == known_arrays(study.known).keys()
    for name, values in known_arrays(study.known).items():
        np.testing.assert_array_equal(values, known_arrays(back)[name])


def test_one_long_title_does_not_widen_the_others_on_disk(tmp_path):
    """A hundred thousand characters among a thousand titles of seven or eight letters."""
    titles = [*(f"title {n}" for n in range(1000)), "long " * 20_000]
    side = Texts.of(titles)
    items = ItemSide(side, side, np.zeros((len(titles), 2), np.float32), np.zeros(len(titles), np.int64))
    bucket = np.array(["tail"])
    for name, values in known_arrays(Known(crafted(), items, {}, bucket, bucket)).items():
        np.save(tmp_path / f"{name}.npy", values)
    assert known_of(tmp_path).items.titles.tolist() == titles
    size = sum(file.stat().st_size for file in tmp_path.glob("items--titles*"))
    told = sum(map(len, titles)) + 8 * (len(titles) + 1)
    assert told <= size < told + 1000, "but for the heads of files"


@pytest.mark.parametrize(
    ("wrong", "word"),
    [({"folds": 2}, "folds"), ({"workers": 0}, "workers"), ({"seed": -1}, "seed"), ({"learner": "heads"}, "heads")],
)
def test_settings_that_cannot_be_are_refused(wrong, word):
    with pytest.raises(SettingError, match=word):
        replace(PLAN, **wrong).check()


def test_baselines_are_named():
    assert baselines_named("none") == ()
    assert baselines_named("words, rrf") == ("words", "rrf")
    assert "lambdamart" in baselines_named("all")
    with pytest.raises(SettingError):
        baselines_named("nothing")


def crafted():
    """Three items for one query, the third of which no search finds; a second query like the first."""
    rows = np.zeros((6, len(FEATURES)), np.float32)
    return Pool(
        queries=np.array(["a", "b"]),
        vectors=np.array([[1.0, 0.0], [1.0, 0.0]], np.float32),
        count=np.ones(2, np.float32),
        start=np.array([0, 3, 6]),
        item=np.array([0, 1, 2, 0, 1, 3]),
        features=rows,
        found=np.array([True, True, False, True, True, True]),
        grade=np.array([1.0, np.nan, 1.0, 0.0, np.nan, 1.0], np.float32),
        clicked=np.zeros((6, 3), np.float32),
    )


def test_what_is_not_found_is_not_shown_and_neighbours_bring_what_answered_them():
    pool = crafted()
    titles = Texts.of(["i0", "i1", "i2", "i3", "i4"])
    items = ItemSide(titles, titles, np.eye(5, 2, dtype=np.float32), np.zeros(5, np.int64))
    known = Known(pool, items, {}, np.array(["head", "tail"]), np.array(["tail"] * 5))
    evidence = evidence_of(known, Exam(np.array([1]), np.array([0])), parse("knn"))
    assert evidence.items.count.tolist() == [0, 0, 0, 1, 0], "where nobody took anything, answers count"
    asked = pool.of(np.array([0]))
    scores = np.array([1.0, 2.0, 3.0], np.float32)
    plain, near = answers(scores, asked, [parse("none"), parse("knn(share=0.9)")], evidence, seed=0)
    assert plain.lists[0, :3].tolist() == [1, 0, -1]
    assert plain.rank.tolist() == [1.0, np.inf]
    assert near.lists[0, 0] == 3, "it answered a query like this one"


def test_judged_items_that_score_alike_do_not_come_as_the_usual_ranking_has_them():
    """The better half of two hundred pairs of items comes first in the pool; their scores are equal."""
    queries = 200
    item = np.arange(2 * queries)
    pool = Pool(
        queries=np.array([f"q{n}" for n in range(queries)]),
        vectors=np.zeros((queries, 2), np.float32),
        count=np.ones(queries, np.float32),
        start=np.arange(0, 2 * queries + 1, 2),
        item=item,
        features=np.zeros((2 * queries, len(FEATURES)), np.float32),
        found=np.ones(2 * queries, bool),
        grade=np.tile([1.0, 0.0], queries).astype(np.float32),
        clicked=np.zeros((2 * queries, 3), np.float32),
    )
    titles = Texts.of([f"i{n}" for n in item])
    items = ItemSide(titles, titles, np.zeros((len(item), 2), np.float32), np.ones(len(item), np.int64))
    (one,) = answers(np.zeros(len(item), np.float32), pool, [parse("none")], Evidence(pool, items), seed=0)
    told = beside(one, pool, items, np.array(["tail"] * len(item)), seed=0)
    first, second = 1.0, 1 / np.log2(3)
    assert told["judged_ndcg_at_10"] == pytest.approx((first + second) / 2, abs=0.05)
    assert told["judged_ndcg_at_10"] == pytest.approx(np.mean(1 / np.log2(one.rank + 2))), "as in the lists"


def test_a_query_that_finds_nothing_is_no_harm(tmp_path):
    items = pl.DataFrame({"item_id": ["a", "b", "c"], "title": ["red lamp", "blue chair", "green table"]})
    judged = {f"{colour} thing {n}": {"a": 1.0, "b": 0.0} for n, colour in enumerate(("red", "zzzz", "qqqq", "green"))}
    with SearchEngine.build(tmp_path / "index", items, encoder="tfidf") as engine:
        study = prepare(SearchTask.of(judged, ["a", "b", "c"]), engine, tmp_path / "study", replace(PLAN, baselines=()))
        result = study.run()
    assert np.isfinite(judge_of(result).values(result["none"].tuned, result.fold >= 0)["ndcg_at_10"])


@pytest.mark.parametrize("scale", [1.0, 3.0, 0.5])
def test_what_a_made_query_counts_does_not_hang_on_the_scale_of_grades(scale):
    """Its answer is as good as the best that was judged; that of a fold that is tested is not looked at."""
    pool = crafted()
    graded = replace(pool, grade=np.where(pool.query == 0, 100.0, scale).astype(np.float32) * pool.grade)
    side = Texts.of(["red lamp", "blue chair", "green table", "white shelf"])
    items = ItemSide(side, side, np.eye(4, 2, dtype=np.float32), np.ones(4, np.int64))
    made = replace(pool.of(np.array([0])), queries=np.array(["made"]))
    known = Known(graded, items, {"doc_to_query": made}, np.array(["head", "tail"]), np.array(["tail"] * 4))
    evidence = evidence_of(known, Exam(np.array([1]), np.array([0])), parse("none"))
    told = evidence.made["doc_to_query"]
    np.testing.assert_array_equal(told.grade, made.grade * np.float32(scale))
    pairs, _ = training_pairs(Evidence(evidence.pool.joined(told), items))
    gain = [pairs.gain[pairs.query == query].max() for query in (0, 1)]
    assert gain[1] == pytest.approx(gain[0] / 2), "one query as good as the other, its say shared by two answers"
    clicked = np.zeros((len(pool.item), 3), np.float32)
    clicked[3:, 0], clicked[5, 1] = 10, 2
    by_clicks = replace(known, pool=replace(graded, clicked=clicked))
    taught = evidence_of(by_clicks, Exam(np.array([1]), np.array([0])), parse("none"))
    np.testing.assert_array_equal(taught.made["doc_to_query"].grade, made.grade)


def test_made_queries_that_somebody_judged_are_left_out_however_they_are_written(tmp_path):
    items = pl.DataFrame({"item_id": ["a", "b", "c"], "title": ["Red Lamp", "Blue Chair", "Green Table"]})
    judged = {text: {"a": 1.0, "b": 0.0} for text in ("red lamp", "BLUE  CHAIR", "green table", "lamp")}
    with SearchEngine.build(tmp_path / "index", items, encoder="tfidf") as engine:
        plan = replace(PLAN, remedies="doc_to_query", baselines=())
        study = prepare(SearchTask.of(judged, ["a", "b", "c"]), engine, tmp_path / "study", plan)
        assert study.known.made == {}, "all that can be made was judged"


def test_what_is_not_found_takes_nothing_from_the_say_of_the_model():
    """Two items are found, and a neighbour brings a third; with two more that were judged the list is the same."""
    pool = crafted()
    titles = Texts.of([f"i{n}" for n in range(6)])
    items = ItemSide(titles, titles, np.eye(6, 2, dtype=np.float32), np.zeros(6, np.int64))
    known = Known(pool, items, {}, np.array(["head", "tail"]), np.array(["tail"] * 6))
    evidence = evidence_of(known, Exam(np.array([1]), np.array([0])), parse("knn"))
    alone = replace(
        pool.of(np.array([0])),
        start=np.array([0, 2]),
        **{name: getattr(pool, name)[:2] for name in ("item", "features", "found", "grade", "clicked")},
    )
    more = replace(
        alone,
        start=np.array([0, 4]),
        item=np.array([0, 1, 4, 5]),
        features=pool.features[:4],
        found=np.array([True, True, False, False]),
        grade=np.zeros(4, np.float32),
        clicked=pool.clicked[:4],
    )
    scores, remedy = np.array([2.0, 1.7, 2.0, 2.0], np.float32), [parse("knn(share=0.3)")]
    (few,), (many,) = (answers(scores[: len(p.item)], p, remedy, evidence, seed=0) for p in (alone, more))
    assert few.lists[0, :3].tolist() == [0, 3, 1]
    np.testing.assert_array_equal(few.lists, many.lists)


def test_a_query_of_which_nothing_is_known_shows_what_answered_its_neighbours():
    pool = crafted()
    titles = Texts.of(["i0", "i1", "i2", "i3"])
    items = ItemSide(titles, titles, np.eye(4, 2, dtype=np.float32), np.zeros(4, np.int64))
    known = Known(pool, items, {}, np.array(["head", "tail"]), np.array(["tail"] * 4))
    evidence = evidence_of(known, Exam(np.array([1]), np.array([0])), parse("knn"))
    empty = pool.of(np.array([0]))
    none = np.zeros(0, np.int64)
    empty = replace(
        empty,
        start=np.array([0, 0]),
        **{name: getattr(empty, name)[none] for name in ("item", "features", "found", "grade", "clicked")},
    )
    plain, near = answers(np.zeros(0, np.float32), empty, [parse("none"), parse("knn")], evidence, seed=0)
    assert plain.lists[0, :1].tolist() == [-1]
    assert near.lists[0, :2].tolist() == [3, -1]


def test_an_index_without_an_item_and_too_few_queries_are_told_before_it_is_asked(tmp_path):
    items = pl.DataFrame({"item_id": ["a", "b"], "title": ["red lamp", "blue chair"]})
    judged = {"red": {"a": 1.0}, "blue": {"b": 1.0}, "lamp": {"a": 1.0}}
    asked = []
    with SearchEngine.build(tmp_path / "index", items, encoder="tfidf") as engine:

        def prepared(task):
            return prepare(task, engine, tmp_path / "study", PLAN, progress=lambda *done: asked.append(done))

        with pytest.raises(InputError, match="does not have the item 'c'"):
            prepared(SearchTask.of(judged, ["a", "b", "c"]))
        with pytest.raises(SettingError, match="3 folds"):
            prepared(SearchTask.of({"red": {"a": 1.0}, "blue": {"b": 1.0}}, ["a", "b"]))
    assert asked == []


def test_nothing_to_learn_from_is_one_clear_error(tmp_path):
    items = pl.DataFrame({"item_id": ["a", "b"], "title": ["red lamp", "blue chair"]})
    judged = {"red": {"a": 1.0}, "blue": {"b": 0.0}, "chair": {"b": 0.0}}
    with SearchEngine.build(tmp_path / "index", items, encoder="tfidf") as engine, pytest.raises(InputError):
        prepare(SearchTask.of(judged, ["a", "b"]), engine, tmp_path / "study", replace(PLAN, baselines=())).run()
