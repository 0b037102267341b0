"""A transformer reads backwards only, learns what follows what, and honours what it declares."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from scipy.sparse import csr_array

from evenshelf.errors import InputError, MissingExtraError, SettingError
from evenshelf.learners.heads import HEADS
from evenshelf.learners.ranking import sasrec
from evenshelf.learners.ranking.base import Evidence, ItemFacts
from evenshelf.learners.ranking.registry import ranking_learner
from evenshelf.learners.ranking.sasrec import SequenceRanker
from evenshelf.learners.ranking.sequence_network import Network
from evenshelf.learners.ranking.sequence_training import Entries
from evenshelf.learners.ranking.transformer import Shape, initial_weights
from evenshelf.learners.ranking.windows import Windows
from evenshelf.remedies import Prior, Remedy, catalogue, parse, remedy_set
from evenshelf.tasks.histories import Histories

torch = pytest.importorskip("torch")

ITEMS = 12
SMALL = Shape(width=8, layers=2, heads=2, most=6)


def rounds(users: int = 60, seed: int = 0) -> Histories:
    """Users go through a ring of items from where they start, some further than others; one item is never taken."""
    rng = np.random.default_rng(seed)
    first, length = rng.integers(0, ITEMS - 1, users), rng.integers(2, 9, users)
    start = np.concatenate([[0], np.cumsum(length)])
    item = np.concatenate([(at + np.arange(n)) % (ITEMS - 1) for at, n in zip(first, length, strict=True)])
    return Histories(tuple(f"i{n}" for n in range(ITEMS)), tuple(map(str, range(users))), start, item)


def evidence() -> Evidence:
    """The rings, with words: the item that was never taken has those of item 3."""
    words = np.eye(ITEMS, dtype=np.float32)
    words[-1] = words[3]
    return Evidence(rounds(), ItemFacts(words=csr_array(words)))


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sasrec, "SHAPE", SMALL)
    monkeypatch.setattr(sasrec, "LOOP", dataclasses.replace(sasrec.LOOP, rounds=2, steps=4, batch=16))


def fitted(spec: str = "none", seed: int = 0, known: Evidence | None = None, **setting: Any) -> SequenceRanker:
    learner = ranking_learner("sasrec")
    remedy = parse(spec)
    assert learner.unsupported(remedy) is None
    found = learner.fit(known or evidence(), remedy, setting={**learner.default, **setting}, seed=seed)
    assert isinstance(found, SequenceRanker)
    return found


def warms_up(kind: type[Remedy]) -> bool:
    loss = None if kind.needs else kind().loss(Prior(np.array([5, 2])))
    return loss is not None and loss.warm_up() is not None


def network(seed: int = 0, order: np.ndarray | None = None) -> Network:
    rng = np.random.default_rng(seed)
    items, text = (rng.standard_normal((ITEMS, n)).astype(np.float32) for n in (SMALL.width, 5))
    order = np.arange(ITEMS) if order is None else order
    weights = initial_weights(SMALL, items[order], {"text": 5}, rng)
    made = {name: torch.from_numpy(values) for name, values in weights.items()}
    return Network(SMALL, made, {"text": torch.from_numpy(text[order])})


def test_what_comes_later_is_not_read() -> None:
    one = Windows.of(np.array([0, 1, 2, 3, 4]), np.array([0, 5]), SMALL.most)
    two = Windows.of(np.array([0, 1, 2, 9, 8]), np.array([0, 5]), SMALL.most)
    first, second = (network().read(w, np.array([0])).numpy()[0] for w in (one, two))
    np.testing.assert_allclose(first[:3], second[:3], atol=1e-6)
    assert np.abs(first[3] - second[3]).max() > 1e-3


def test_scores_do_not_depend_on_who_is_read_beside_or_on_the_codes_of_items() -> None:
    made = rounds(20)
    item, start = made.item, made.start
    scores = network().scores(item, start, batch=20)
    np.testing.assert_allclose(network().scores(item, start, batch=1), scores, atol=1e-5)
    order = np.random.default_rng(1).permutation(ITEMS)
    np.testing.assert_allclose(network(order=order).scores(np.argsort(order)[item], start), scores[:, order], atol=1e-5)


def test_a_point_between_two_examples_is_that_part_of_what_is_known_at_each() -> None:
    made = rounds(20)
    windows = Windows.of(made.item, made.start, SMALL.most)
    rng = np.random.default_rng(0)
    first, second = rng.integers(0, len(windows.step), (2, 30))
    step = rng.random(30).astype(np.float32)
    entries = Entries(first, second, step, windows.target[first], np.ones(30, np.float32))
    alone = [
        network().points(windows, dataclasses.replace(entries, first=e, second=e, step=np.zeros_like(step)), 4).numpy()
        for e in (first, second)
    ]
    mixed = network().points(windows, entries, 4).numpy()
    np.testing.assert_allclose(mixed, (1 - step[:, None]) * alone[0] + step[:, None] * alone[1], atol=1e-5)


@pytest.mark.parametrize("negatives", [0, 1000])
def test_it_learns_what_follows_what(monkeypatch: pytest.MonkeyPatch, negatives: int) -> None:
    monkeypatch.setattr(sasrec, "SHAPE", dataclasses.replace(SMALL, width=32))
    monkeypatch.setattr(sasrec, "LOOP", dataclasses.replace(sasrec.LOOP, rounds=8, batch=16, rate=5e-3))
    found = fitted(negatives=negatives, dropout=0.2, text="none")
    asked = rounds(40, seed=7)
    scores = found.scores(asked)
    follows = (asked.last(1) + 1) % (ITEMS - 1)
    assert (scores.argmax(axis=1) == follows).mean() > 0.8
    np.testing.assert_allclose(np.exp(scores).sum(axis=1), 1.0, rtol=1e-4)


@pytest.mark.usefixtures("small")
def test_equal_seeds_give_equal_scores_and_other_seeds_others() -> None:
    one, two, other = (fitted(seed=seed).scores(rounds(9)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(one, two)
    assert np.abs(one - other).max() > 1e-3


@pytest.mark.usefixtures("small")
def test_who_has_no_history_gets_what_is_popular_and_old_steps_are_forgotten() -> None:
    found = fitted()
    steps = np.concatenate([np.arange(5), np.arange(11), np.arange(4, 11), np.arange(5, 11)])
    asked = Histories(rounds().items, ("a", "new", "long", "short"), np.array([0, 5, 5, 16 + 7, 29]), steps)
    scores = found.scores(asked)
    assert np.isfinite(scores).all()
    counts = rounds().counts
    np.testing.assert_array_equal(counts[np.argsort(-scores[1], kind="stable")], np.sort(counts)[::-1])
    assert found.bytes > ITEMS * SMALL.width * 4
    # six steps are read, the same of both
    np.testing.assert_allclose(scores[2], scores[3], atol=1e-6)
    nobody = asked.of_users(np.empty(0, np.int64))
    assert found.scores(nobody).shape == (0, ITEMS)


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    "spec",
    [
        "balanced",
        "inverse_propensity",
        "balanced_softmax",
        "focal",
        "weighted_ce",
        "random_over",
        "random_under",
        "square_root",
        "smote",
        "mixup",
        "remix",
        "sampled_softmax(negatives=5)",
        "sampled_softmax(logq=False)",
        "crop",
        "mask",
        "reorder",
        "substitute",
        "name_prior",
        "class_mean",
        "crop + balanced + sampled_softmax(negatives=5)",
    ],
)
def test_what_is_declared_is_honoured(spec: str) -> None:
    plain, changed = fitted(negatives=0), fitted(spec, negatives=0)
    assert np.isfinite(changed.scores(rounds())).all()
    assert np.abs(plain.scores(rounds()) - changed.scores(rounds())).max() > 1e-3


@pytest.mark.usefixtures("small")
def test_what_was_done_to_examples_is_told() -> None:
    assert fitted().notes == ()
    (copied, cropped) = fitted("random_over + crop(rate=1)").notes
    assert "copies added" in copied
    assert "pieces of" in cropped


@pytest.mark.usefixtures("small")
def test_a_loss_that_starts_from_a_plainer_one_is_trained_in_two_phases() -> None:
    spec = next(name for name, kind in catalogue().items() if warms_up(kind))
    assert fitted(spec).rounds[0] == 2 * fitted("focal").rounds[0]


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize(
    "spec",
    [
        "balanced(power=0)",
        "random_over(strength=0)",
        "mixup(alpha=0)",
        "crop(rate=0)",
        "focal(gamma=0)",
        "sampled_softmax(negatives=0)",
        "name_prior(scale=0)",
    ],
)
def test_at_its_neutral_value_a_remedy_changes_nothing(spec: str) -> None:
    plain, same = (fitted(one, negatives=0).scores(rounds()) for one in ("none", spec))
    np.testing.assert_allclose(plain, same, atol=1e-4)


@pytest.mark.parametrize("setting", [{"text": "fused"}, {"text": "none", "spec": "name_prior"}])
def test_what_was_never_taken_is_known_by_its_text(monkeypatch: pytest.MonkeyPatch, setting: dict[str, str]) -> None:
    monkeypatch.setattr(sasrec, "LOOP", dataclasses.replace(sasrec.LOOP, rounds=4, batch=16))
    asked = rounds(60, seed=7)
    asked = asked.of_users(np.flatnonzero(asked.last(1) == 2))
    told, bare = fitted(**setting), fitted(text="none")
    # it has the words of item 3, which comes after item 2
    place = [np.argsort(np.argsort(-one.scores(asked), axis=1), axis=1)[:, -1].mean() for one in (told, bare)]
    assert place[0] < place[1] - 2


@pytest.mark.usefixtures("small")
def test_few_histories_and_items_without_a_text_are_no_error_and_histories_of_a_step_are() -> None:
    few = Histories.of([["a", "b"], ["b", "a", "c"], ["c", "a"], ["a"]])
    for facts in (ItemFacts(), ItemFacts(words=csr_array((3, 4), dtype=np.float32))):
        for spec in ("none", "random_over", "substitute", "crop", "name_prior", "balanced_softmax"):
            assert np.isfinite(fitted(spec, known=Evidence(few, facts)).scores(few)).all()
        for text in ("fused", "initial", "none"):
            assert np.isfinite(fitted(known=Evidence(few, facts), text=text).scores(few)).all()
    with pytest.raises(InputError, match="No user has two steps"):
        fitted(known=Evidence(Histories.of([["a"], ["b"], ["a"]])))


@pytest.mark.usefixtures("small")
def test_what_cannot_be_honoured_is_refused() -> None:
    learner = ranking_learner("sasrec")
    assert "vectors that no history has" in str(learner.unsupported(parse("gan")))
    with pytest.raises(SettingError, match="vectors of its own"):
        learner.fit(evidence(), parse("gan"), setting=learner.default, seed=0)
    assert "stage retrieve" in str(learner.unsupported(parse("knn")))
    assert "stage calibrate" in str(learner.unsupported(parse("threshold_moving")))
    assert all(learner.unsupported(remedy) is None for remedy in remedy_set("lists"))
    assert learner.directed


def test_without_torch_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", None)
    with pytest.raises(MissingExtraError, match=r"evenshelf\[train\]"):
        fitted()


def test_to_list_the_learners_does_not_import_torch() -> None:
    script = "import sys; from evenshelf.learners.ranking import registry as r; "
    script += "sys.exit(2 if 'sasrec' not in r.ranking_learners() else 'torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", script], check=False).returncode == 0


@pytest.mark.parametrize(("spec", "stage"), [("crop", "augment"), ("sampled_softmax", "negatives")])
def test_what_is_for_lists_is_told_to_be_so_where_labels_are_given(spec: str, stage: str) -> None:
    assert HEADS.unsupported(parse(spec)) == f"linear heads cannot act at the stage {stage}"
    assert parse(spec) not in remedy_set("standard")
