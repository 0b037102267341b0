"""A bundle shows what was fitted, by its rules, with reasons that are sums; whatever learner it is of."""

from __future__ import annotations

import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from importlib import import_module
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from threadpoolctl import threadpool_limits

from evenshelf.bundles import Recommender
from evenshelf.errors import InputError, SettingError
from evenshelf.learners.ranking import lambdamart, sasrec
from evenshelf.learners.ranking.base import Evidence
from evenshelf.rankers.answering import answer
from evenshelf.rankers.base import Ranker
from evenshelf.rankers.blend import Blend
from evenshelf.rankers.buying_again import BuyingAgain
from evenshelf.rankers.candidates import of_one
from evenshelf.rankers.category_popularity import CategoryPopularity
from evenshelf.rankers.factors import Factors
from evenshelf.rankers.grounds import AGAIN, CATEGORY, POPULAR, TEXT
from evenshelf.rankers.neighbourhoods import Neighbourhoods
from evenshelf.remedies import parse
from tests.bundles.rankings import LEARNERS, bundle_of, evidence_of, fitted

REMEDY = "logit_adjust(tau=0.5) + mmr(lam=0.6)"


@pytest.fixture(scope="module", autouse=True)
def few_trees():
    with suppress(ImportError):  # a pool of threads that is not loaded yet cannot be limited
        import_module("lightgbm")
    with pytest.MonkeyPatch.context() as patch, threadpool_limits(1):
        patch.setattr(lambdamart, "TREES", 15)
        yield


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """Of a learner: what it was fitted on, the ranker, and the bundle as it was read again."""
    known: dict[tuple[str, str], tuple[Evidence, Ranker, Recommender]] = {}

    def of(name: str, spec: str = "none") -> tuple[Evidence, Ranker, Recommender]:
        if (name, spec) not in known:
            evidence = evidence_of()
            ranker = fitted(name, evidence)
            folder = tmp_path_factory.mktemp("bundle") / "of"
            bundle_of(ranker, evidence, name, spec).save(folder)
            known[name, spec] = evidence, ranker, Recommender.load(folder)
        return known[name, spec]

    return of


def steps(evidence: Evidence, user: int) -> list[str]:
    own = evidence.histories.of_users(np.array([user]))
    return [own.items[code] for code in own.item]


@pytest.mark.parametrize("name", LEARNERS)
@pytest.mark.parametrize("spec", ["none", REMEDY])
def test_a_bundle_shows_the_lists_of_the_ranker_that_was_fitted(made, name, spec):
    evidence, ranker, bundle = made(name, spec)
    histories = evidence.histories
    rules = bundle.rules(7)
    wanted = answer(ranker, parse(spec), histories, evidence.prior, rules, vectors=evidence.facts.vectors).lists
    shown = bundle.answered(histories, k=7, reasons=False)
    assert [one.items for one in shown] == [tuple(histories.items[code] for code in line) for line in wanted]
    np.testing.assert_array_equal(bundle.ranker.scores(histories), ranker.scores(histories))


@pytest.mark.parametrize("name", LEARNERS)
def test_reasons_add_up_to_what_is_said_of_an_item_and_that_to_its_score(made, name):
    evidence, _, bundle = made(name, REMEDY)
    histories = evidence.histories.of_users(np.arange(12))
    for user, shown in enumerate(bundle.answered(histories, k=8)):
        own = histories.of_users(np.array([user]))
        wholes = np.array([one.reason.whole for one in shown.shown])
        scores = np.array([one.score for one in shown.shown])
        for one in shown.shown:
            amounts = [amount for _, amount in one.reason.parts]
            assert sum(amounts) + one.reason.rest == pytest.approx(one.reason.whole, abs=1e-6)
            if one.reason.kind != POPULAR:
                item, title, share = one.reason.because
                assert item in shown.history
                assert title == f"the {item}"
                assert share == pytest.approx(amounts[0] / sum(a for a in amounts if a > 0))
                assert dict(one.reason.parts)[item] == max(amounts)
            else:
                assert not any(amount > 0 for amount in amounts)
        codes = [histories.items.index(item) for item in shown.items]
        if isinstance(bundle.ranker, Neighbourhoods | Factors):
            # scores are logarithms of what is said over the most that is said of any, and a trace of what is popular
            popularity = bundle.ranker.popularity / bundle.ranker.popularity.sum()
            most = bundle.ranker.grounds(own, np.arange(len(histories.items))).whole.max()
            told = np.log(np.maximum(wholes, 0) / (most if most > 0 else 1.0) + 1e-6 * popularity[codes])
            np.testing.assert_allclose(told, scores, rtol=2e-3, atol=2e-3)
        elif isinstance(bundle.ranker, CategoryPopularity):
            np.testing.assert_allclose(np.log(wholes), scores, rtol=1e-4, atol=1e-4)
        elif isinstance(bundle.ranker, Blend):
            by_name = {source.name: source for source in bundle.ranker.sources}
            for code, one in zip(codes, shown.shown, strict=True):
                source = by_name[one.reason.source]
                said = source.scores(of_one(own.weights(source.decay)))[0, code]
                assert one.reason.whole == pytest.approx(float(said), abs=1e-5)
        elif not isinstance(bundle.ranker, BuyingAgain):
            np.testing.assert_allclose(wholes, scores, rtol=1e-4, atol=1e-4)


def test_texts_are_told_as_texts_and_popularity_as_such(made):
    evidence, _, bundle = made("text")
    found = bundle.recommend(steps(evidence, 0), k=3)
    assert {one.reason.kind for one in found.shown} == {TEXT}
    assert "text similar to the k" in found.shown[0].why
    found = made("popular_by_category")[2].recommend(steps(evidence, 0), k=3)
    assert {one.reason.kind for one in found.shown} == {CATEGORY}
    assert found.shown[0].why.startswith("popular in the category of the k")
    _, _, popular = made("popular")
    assert {one.why for one in popular.recommend(steps(evidence, 0)).shown} == {"popular"}


@pytest.mark.parametrize("name", LEARNERS)
def test_who_has_no_history_gets_what_is_popular_and_unknown_items_are_told(made, name):
    evidence, _, bundle = made(name)
    cold, strange = bundle.recommend_all([[], ["nope", "nope", "never"]], k=5)
    assert cold.items == strange.items
    assert (cold.unknown, strange.unknown) == ((), ("nope", "never"))
    assert {one.reason.kind for one in cold.shown} == {POPULAR}
    if name not in ("bpr", "recent"):  # these have an idea of their own of what is popular
        counts = [evidence.histories.counts[evidence.histories.items.index(item)] for item in cold.items]
        assert counts == sorted(evidence.histories.counts.tolist(), reverse=True)[:5]
    mixed = bundle.recommend([*steps(evidence, 1), "nope"], k=5)
    assert mixed.items == bundle.recommend(steps(evidence, 1), k=5).items
    assert (mixed.history, mixed.unknown) == (tuple(steps(evidence, 1)), ("nope",))


@given(user=st.integers(0, 79), data=st.data())
@settings(max_examples=40, deadline=None)
def test_what_must_not_be_shown_is_not_and_the_rest_keeps_its_order(made, user, data):
    evidence, _, bundle = made("item_knn")
    ids, own = list(evidence.histories.items), steps(evidence, user)
    allowed = data.draw(st.none() | st.sets(st.sampled_from(ids), min_size=20))
    exclude = data.draw(st.sets(st.sampled_from([*ids, "nope"]), max_size=6))
    category = data.draw(st.sampled_from([None, "k0", "k1"]))
    whole = bundle.recommend(own, k=len(ids), reasons=False).items
    assert set(whole) == set(ids) - set(own)
    left = [i for i in whole if (allowed is None or i in allowed) and i not in exclude and category in (None, i[:2])]
    may = [i for i in ids if (allowed is None or i in allowed) and i not in exclude and category in (None, i[:2])]
    if not may:
        with pytest.raises(InputError, match="no item that may be shown"):
            bundle.recommend(own, allowed=allowed, exclude=exclude, category=category)
        return
    found = bundle.recommend(own, k=4, allowed=allowed, exclude=exclude, category=category)
    assert list(found.items) == left[:4]
    assert [one.place for one in found.shown] == list(range(1, len(found.shown) + 1))


@given(st.permutations(range(5)), st.sampled_from(["item_knn", "als", "text"]))
@settings(max_examples=20, deadline=None)
def test_where_steps_do_not_fade_their_order_changes_nothing(order, name):
    evidence = evidence_of(40)
    bundle = bundle_of(fitted(name, evidence, decay=1.0), evidence, name)
    own = [item for item in evidence.histories.items if item.startswith("k1")][:5]
    one, two = bundle.recommend(own, k=5), bundle.recommend([own[n] for n in order], k=5)
    assert one.items == two.items
    assert [s.reason.because for s in one.shown] == [s.reason.because for s in two.shown]


def test_places_without_the_remedy_are_those_of_a_bundle_without_it(made):
    evidence, _, bundle = made("item_knn", REMEDY)
    _, _, plain = made("item_knn")
    moved = 0
    for user in range(10):
        without = plain.recommend(steps(evidence, user), k=36).items
        for one in bundle.recommend(steps(evidence, user), k=6).shown:
            assert without[one.moved.place - 1] == one.item
            assert (f"from place {one.moved.place} to {one.place}" in one.why) is (one.moved.place != one.place)
            moved += one.moved.place != one.place
    assert moved
    assert all(one.moved is None for one in plain.recommend(steps(evidence, 0)).shown)


@pytest.mark.parametrize("name", ["item_knn", "als", "text", "again", "blend"])
def test_where_items_are_bought_again_they_are_shown_and_told_as_such(name, tmp_path):
    evidence = evidence_of(repeats=True)
    ranker = fitted(name, evidence)
    bundle_of(ranker, evidence, name).save(tmp_path / "b")
    bundle = Recommender.load(tmp_path / "b")
    some = evidence.histories.of_users(np.arange(9))
    wanted = answer(ranker, parse("none"), some, evidence.prior, bundle.rules(36)).lists
    found = bundle.answered(some, k=36)
    assert [one.items for one in found] == [tuple(evidence.histories.items[code] for code in line) for line in wanted]
    for one in found:
        assert set(one.items) == set(evidence.histories.items)
        for shown in one.shown:
            assert sum(amount for _, amount in shown.reason.parts) + shown.reason.rest == pytest.approx(
                shown.reason.whole, abs=1e-6
            )
            if name != "blend":
                assert (shown.reason.kind == AGAIN) is (shown.item in one.history)
            if shown.reason.kind == AGAIN:
                assert np.exp(shown.score) == pytest.approx(shown.reason.whole, rel=1e-4)
                assert shown.reason.because[0] == shown.item
                assert shown.why == "you took it before"
    once = replace(bundle, manifest=bundle.manifest.model_copy(update={"repeats": False}))
    assert not set(once.answered(some, k=36)[0].items) & set(found[0].history)


def test_a_transformer_is_read_without_torch_and_tells_what_it_would_say_without_an_item(tmp_path, monkeypatch):
    pytest.importorskip("torch")
    monkeypatch.setattr(sasrec, "LOOP", replace(sasrec.LOOP, rounds=3, batch=16))
    monkeypatch.setattr(sasrec, "SHAPE", replace(sasrec.SHAPE, width=16, most=5))
    evidence = evidence_of()
    for text in ("fused", "initial"):
        ranker = fitted("sasrec", evidence, "name_prior" if text == "fused" else "none", text=text)
        bundle_of(ranker, evidence, "sasrec").save(tmp_path / "b")
        bundle = Recommender.load(tmp_path / "b")
        histories = evidence.histories.kept(evidence.histories.user > 3)  # of some nothing is known, others are long
        np.testing.assert_allclose(bundle.ranker.scores(histories), ranker.scores(histories), atol=2e-5)
    assert not np.allclose(np.ptp(bundle.ranker.scores(histories), axis=0), 0)
    own = steps(evidence, 7)
    assert len(own) >= 3
    for shown in bundle.recommend(own, k=3).shown:
        code = evidence.histories.items.index(shown.item)
        for item, amount in shown.reason.parts:
            left, _ = bundle.catalogue.histories([[one for one in own if one != item]], ["0"])
            assert shown.score - bundle.ranker.scores(left)[0, code] == pytest.approx(amount, abs=1e-5)
        assert sum(a for _, a in shown.reason.parts) + shown.reason.rest == pytest.approx(shown.score)


def test_histories_are_in_the_folder_only_if_that_was_asked(tmp_path):
    evidence = evidence_of()
    ranker = fitted("item_knn", evidence)
    bundle_of(ranker, evidence, "item_knn").save(tmp_path / "without")
    assert not [f.name for f in (tmp_path / "without").iterdir() if f.name.startswith(("users", "histories"))]
    with pytest.raises(SettingError, match="no histories"):
        Recommender.load(tmp_path / "without").recommend_user("3")
    bundle_of(ranker, evidence, "item_knn", held=True).save(tmp_path / "with")
    bundle = Recommender.load(tmp_path / "with")
    found = bundle.recommend_user("3", k=5)
    assert (found.user, found.history) == ("3", tuple(steps(evidence, 3)))
    assert found.items == bundle.answered(evidence.histories.of_users(np.array([3])), k=5)[0].items
    with pytest.raises(InputError, match="no history of a user '3000'"):
        bundle.recommend_user("3000")


def test_a_remedy_of_all_lists_sees_all_who_are_asked_for(made):
    evidence, ranker, bundle = made("item_knn", "fair_exposure(lam=0.6)")
    rules = bundle.rules(5)
    wanted = answer(ranker, bundle.remedy, evidence.histories, evidence.prior, rules).lists
    shown = bundle.answered(evidence.histories, k=5, reasons=False)
    assert [one.items for one in shown] == [tuple(evidence.histories.items[c] for c in line) for line in wanted]


@pytest.mark.parametrize(
    ("asked", "error", "said"),
    [
        ({"items": "k0-1"}, InputError, "one text"),
        ({"k": 0}, SettingError, "at least one item"),
        ({"category": "k9"}, SettingError, "no category 'k9'"),
        ({"allowed": ["nope"]}, InputError, "no item that may be shown"),
    ],
)
def test_what_cannot_be_asked_is_told(made, asked, error, said):
    with pytest.raises(error, match=said) as caught:
        made("item_knn")[2].recommend(**asked)
    assert caught.value.hint


def test_serving_needs_neither_learners_nor_their_packages(tmp_path):
    evidence = evidence_of()
    bundle_of(fitted("blend", evidence), evidence, "blend", "logit_adjust").save(tmp_path / "b")
    program = (
        "import sys; from evenshelf.bundles import Recommender; "
        f"print(len(Recommender.load({str(tmp_path / 'b')!r}).recommend(['k0-1'], k=3).items)); "
        "print([m for m in ('torch', 'lightgbm', 'implicit', 'evenshelf.learners', 'evenshelf.study') "
        "if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:2] == ["3", "[]"]


def test_a_folder_of_something_else_is_not_replaced(made, tmp_path: Path):
    bundle = made("popular")[2]
    (tmp_path / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match=r"holds no bundle: mine\.txt"):
        bundle.save(tmp_path)
    bundle.save(tmp_path / "b")
    made("item_knn")[2].save(tmp_path / "b")
    assert Recommender.load(tmp_path / "b").manifest.ranker.kind == "neighbourhoods"
    (tmp_path / "b" / "mine.txt").write_text("mine")
    with pytest.raises(InputError, match=r"what is not of it: mine\.txt"):
        bundle.save(tmp_path / "b")
