"""Learners that a user brings: the same as by hand, under remedies, known by their code."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.special import softmax
from sklearn.linear_model import LogisticRegression

from evenshelf.errors import SettingError
from evenshelf.learners import brought_fits, learner_kind
from evenshelf.learners.brought import Form
from evenshelf.learners.real_rows import held_out
from evenshelf.learners.torch_training import Loop
from evenshelf.remedies import Prior, Stage, parse
from evenshelf.study.plan import Setting, search_units
from evenshelf.testing import Check, learner_checks
from evenshelf.testing.learners import probabilities, skewed_sample
from tests.learners import own_learners

FILE = Path(own_learners.__file__)
NONE = parse("none")
MANY_FITS = {"fits_every_remedy_of_the_catalogue", "honours_every_stage_it_declares", "is_the_same_for_the_same_seed"}
"""Promises that ask for dozens of fits, and nothing of how well a module is trained."""


def source(name: str) -> str:
    return f"{FILE}:{name}"


@pytest.mark.parametrize(
    "check",
    [check for name in ("logistic", "svc", "Net", "kind") for check in learner_checks(learner_kind(source(name)))],
)
def test_what_is_brought_keeps_to_what_every_learner_promises(check: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    if check.name in MANY_FITS:
        monkeypatch.setattr(brought_fits, "Loop", partial(Loop, rounds=8))
    check()


def test_a_classifier_is_the_same_as_by_hand() -> None:
    vectors, target, _ = skewed_sample()
    hand = LogisticRegression(C=10.0).fit(vectors, target)
    for name in ("logistic", "MODEL"):
        scores = learner_kind(source(name)).fit(vectors, target, 4, NONE)(vectors)
        np.testing.assert_allclose(softmax(scores, axis=1), hand.predict_proba(vectors), atol=1e-5)
    weight = parse("balanced").weight(Prior(np.bincount(target)))
    assert weight is not None
    weighed = LogisticRegression(C=10.0).fit(vectors, target, sample_weight=weight[target])
    scores = learner_kind(source("logistic")).fit(vectors, target, 4, parse("balanced"))(vectors)
    np.testing.assert_allclose(softmax(scores, axis=1), weighed.predict_proba(vectors), atol=1e-5)


def test_a_module_is_the_same_as_a_plain_loop_by_hand() -> None:
    vectors, target, _ = skewed_sample((30, 12, 6, 4))
    loop = Loop()
    # one group: nothing is held out, and all rounds are done, each of so many steps on all rows
    scores = learner_kind(source("network")).fit(
        vectors,
        target,
        4,
        NONE,
        seed=5,
        group=np.zeros(len(target), np.int64),  # type: ignore[call-arg]
    )(vectors)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(5)
        module = own_learners.network(vectors.shape[1], 4)
        optimiser = torch.optim.Adam(module.parameters(), lr=loop.rate)
        rows, codes = torch.tensor(vectors), torch.tensor(target)
        for _ in range(loop.rounds * loop.steps):
            optimiser.zero_grad()
            torch.nn.functional.cross_entropy(module(rows), codes).backward()
            optimiser.step()
        by_hand = module(rows).detach().numpy()
    np.testing.assert_allclose(softmax(scores, axis=1), softmax(by_hand, axis=1), atol=5e-3)


def test_a_loss_of_a_remedy_is_what_a_module_is_trained_with() -> None:
    vectors, target, _ = skewed_sample((60, 20, 6, 3), spread=1.2)
    kind = learner_kind(source("Net"))
    assert Stage.LOSS in kind.stages
    plain, raised = (
        probabilities(kind.fit(vectors, target, 4, parse(spec))(vectors)).mean(axis=0)
        for spec in ("none", "balanced_softmax")
    )
    assert raised[3] > 1.5 * plain[3], "the rarest class is given no more room"


def test_rows_are_held_out_in_whole_groups_and_never_the_last_of_a_class() -> None:
    rng = np.random.default_rng(0)
    group = rng.integers(0, 60, 300)
    target = np.minimum(group % 7, 4)
    target[group == 3] = 5
    out = held_out(rng.standard_normal((300, 2)).astype(np.float32), target, group, 1)
    assert 0.05 < out.mean() < 0.25
    for number in np.unique(group):
        assert len(set(out[group == number])) == 1
    assert not out[target == 5].any(), "a class of one group can be held out only at the cost of not being learned"
    assert set(target[~out]) == set(target)


def test_stages_that_cannot_be_honoured_are_told() -> None:
    neighbours = learner_kind(source("neighbours"))
    assert "stage weight" in (neighbours.unsupported(parse("balanced")) or "")
    assert "stage loss" in (learner_kind(source("logistic")).unsupported(parse("focal")) or "")
    assert "weight vector" in (learner_kind(source("network")).unsupported(parse("tau_norm")) or "")
    assert neighbours.unsupported(parse("random_over + logit_adjust")) is None
    with pytest.raises(SettingError, match="cannot act at the stage weight"):
        neighbours.fit(*skewed_sample()[:2], 4, parse("balanced"))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nothing", "there is no 'nothing' in"),
        ("number", "makes a int, which is neither a classifier"),
        ("regression", "makes a LinearRegression, which is neither a classifier"),
        ("needs_three", "wants dimension, classes, depth"),
        ("raises", "raised KeyError: 'oops'"),
        ("narrow", r"gives the shape \(4, 2\) for 4 rows and 3 classes"),
        ("deaf", "raised RuntimeError: mat1 and mat2"),
    ],
)
def test_a_wrong_factory_is_told_what_is_wrong(name: str, said: str) -> None:
    with pytest.raises(SettingError, match=said):
        learner_kind(source(name))


@pytest.mark.parametrize(
    ("place", "said"),
    [("nowhere.py:make", "there is no such file"), ("a b:make", "neither a .py file"), ("os:", "does not say which")],
)
def test_a_wrong_place_is_told(place: str, said: str) -> None:
    with pytest.raises(SettingError, match=said):
        learner_kind(place)


def test_what_its_fit_raises_names_it() -> None:
    with pytest.raises(SettingError, match=r"own_learners.py:dummy' raised InvalidParameterError"):
        learner_kind(source("dummy")).fit(*skewed_sample()[:2], 4, NONE)


def test_other_code_is_another_learner(tmp_path: Path) -> None:
    def address(text: str) -> str:
        file = tmp_path / "own.py"
        file.write_text(text, encoding="utf-8")
        unit = search_units([("none", Setting(NONE, 1.0))], "dense", 3, learner=learner_kind(f"{file}:make"))[0]
        return unit.address(0)

    text = "from sklearn.linear_model import LogisticRegression\ndef make():\n    return LogisticRegression(C={})\n"
    one, same, other = (address(text.format(c)) for c in (1, 1, 2))
    assert one == same
    assert one != other


def test_a_learner_of_sets_stays_one(tmp_path: Path) -> None:
    file = tmp_path / "own.py"
    file.write_text("from evenshelf.learners.binary import BINARY\ndef make():\n    return BINARY\n", encoding="utf-8")
    assert learner_kind(f"{file}:make").sets
    assert learner_kind(f"{file}:make").unsupported(parse("asymmetric")) is None


def test_a_module_on_the_path_is_found_as_well() -> None:
    kind = learner_kind("tests.learners.own_learners:logistic")
    assert kind.title == "LogisticRegression classifiers"
    assert kind.stages == learner_kind(source("logistic")).stages


# of Keras itself, which hands tensors of torch to NumPy 2
@pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")
def test_a_model_of_keras_gives_probabilities(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    kind = learner_kind(source("keras_model"))
    assert kind.fit.form is Form.KERAS  # type: ignore[attr-defined]
    vectors, target, _ = skewed_sample(spread=0.1)
    one, two = (kind.fit(vectors, target, 5, parse("balanced"), seed=2)(vectors) for _ in range(2))
    np.testing.assert_array_equal(one, two)
    assert (one.argmax(axis=1) == target).mean() > 0.95
    assert probabilities(one)[:, 4].max() < 1e-6
