"""Tuning: it learns, is the same for the same seed, goes on after an interruption, and changes only what it may."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evenshelf.errors import InputError, SettingError
from evenshelf.learners.finetune import tuning
from evenshelf.learners.finetune.network import NOTHING, Network, token_rows
from evenshelf.learners.finetune.settings import FineTuning
from evenshelf.learners.finetune.tuning import Lessons, tune
from tests.learners.finetune.tiny import bert, gpt, titles


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return bert(tmp_path_factory.mktemp("models") / "bert")


@pytest.fixture(scope="module")
def decoder(tmp_path_factory):
    return gpt(tmp_path_factory.mktemp("models") / "gpt")


def settings(folder, **more):
    return FineTuning(**{"model": folder, "length": 8, "rate": 5e-3, "epochs": 6, "batch": 16, "dropout": 0.0, **more})


def right(tuned, rows, target):
    return float((tuned.head(tuned.encode(rows)).argmax(axis=1) == target).mean())


@pytest.mark.parametrize("more", [{}, {"scope": "layers", "layers": 1}, {"scope": "lora", "rank": 4, "rate": 3e-2}])
def test_it_learns(folder, more):
    texts, target = titles()
    rows = token_rows(texts, folder, 8)
    before = tune(Lessons.plain(rows, target), 3, settings(folder, scope="head", epochs=1, head_rate=1e-6))
    after = tune(Lessons.plain(rows, target), 3, settings(folder, epochs=16, **more))
    assert after.losses[-1] < 0.7 * before.losses[-1]
    new, expected = titles(seed=1)
    assert right(after, token_rows(new, folder, 8), expected) > 0.8


def test_a_decoder_learns_from_its_last_token(decoder):
    texts, target = titles()
    rows = token_rows(texts, decoder, 8)
    tuned = tune(Lessons.plain(rows, target), 3, settings(decoder, epochs=16))
    assert tuned.network.causal
    assert right(tuned, rows, target) > 0.9


@pytest.mark.parametrize("scope", ["full", "layers", "lora", "head"])
def test_only_what_may_change_changes(folder, scope):
    texts, target = titles()
    asked = settings(folder, scope=scope, layers=1, epochs=2)
    fresh = Network.opened(asked)
    before = {name: value.detach().clone() for name, value in fresh.module.named_parameters()}
    tuned = tune(Lessons.plain(token_rows(texts, folder, 8), target), 3, asked)
    allowed = set(fresh.changed())
    moved = {
        n
        for n, v in tuned.network.module.named_parameters()
        if "pooler" not in n and not bool((v.detach() == before[n]).all())
    }
    # of matrices of low rank one starts at zero and one from the draw, which is not that of `fresh`
    assert moved <= allowed
    assert bool(moved) == (scope != "head")
    assert scope != "layers" or all("layer.1." in name for name in moved)


def test_the_same_seed_gives_the_same_bits_and_another_does_not(folder):
    texts, target = titles()
    rows = token_rows(texts, folder, 8)
    one, two, other = (
        tune(Lessons.plain(rows, target), 3, settings(folder, dropout=0.1, epochs=2), seed=seed).encode(rows)
        for seed in (3, 3, 4)
    )
    np.testing.assert_array_equal(one, two)
    assert not np.array_equal(one, other)


def test_a_run_that_is_stopped_goes_on_to_the_same_bits(folder, tmp_path, monkeypatch):
    texts, target = titles()
    rows = token_rows(texts, folder, 8)
    asked = settings(folder, dropout=0.1, epochs=4)
    whole = tune(Lessons.plain(rows, target), 3, asked, seed=2)
    place, slopes, left = tmp_path / "run", tuning._slopes, [10]

    def stopping(*given, **more):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return slopes(*given, **more)

    monkeypatch.setattr(tuning, "_slopes", stopping)
    with pytest.raises(KeyboardInterrupt):
        tune(Lessons.plain(rows, target), 3, asked, seed=2, place=place)
    assert (place / "epoch.json").is_file()
    steps = []

    def counting(*given, **more):
        steps.append(1)
        return slopes(*given, **more)

    monkeypatch.setattr(tuning, "_slopes", counting)
    resumed = tune(Lessons.plain(rows, target), 3, asked, seed=2, place=place)
    assert len(steps) < 4 * -(-len(rows) // 16)
    np.testing.assert_array_equal(resumed.encode(rows), whole.encode(rows))
    np.testing.assert_array_equal(resumed.weights, whole.weights)
    assert resumed.losses == pytest.approx(whole.losses)
    assert not place.exists()


def test_steps_in_parts_are_the_same_steps(folder):
    texts, target = titles()
    rows = token_rows(texts, folder, 8)
    one, two = (tune(Lessons.plain(rows, target), 3, settings(folder, epochs=2, parts=n)).encode(rows) for n in (1, 4))
    np.testing.assert_allclose(one, two, atol=2e-3)


def test_weights_count_as_copies_do(folder):
    texts, target = titles((6, 4))
    rows = token_rows(texts, folder, 8)
    weight = np.where(target == 1, 2.0, 1.0).astype(np.float32)
    twice = np.concatenate([np.arange(10), np.flatnonzero(target == 1)])
    asked = settings(folder, epochs=3, batch=64)
    weighed = tune(Lessons.plain(rows, target, weight), 2, asked)
    copied = tune(Lessons.plain(rows[twice], target[twice]), 2, asked)
    np.testing.assert_allclose(weighed.encode(rows), copied.encode(rows), atol=2e-3)


def test_points_between_texts_lie_between_their_vectors(folder):
    """With all of the step taken, a point is the other text."""
    texts, target = titles()
    rows = token_rows(texts, folder, 8)
    rng = np.random.default_rng(0)
    other = rng.permutation(len(rows))
    plain = Lessons.plain(rows, target)
    there = replace(plain, first=other, second=np.arange(len(rows)), step=np.ones(len(rows), np.float32))
    asked = settings(folder, epochs=1, batch=64)
    np.testing.assert_allclose(tune(there, 3, asked).encode(rows), tune(plain, 3, asked).encode(rows), atol=2e-3)


def test_the_best_state_on_rows_held_out_is_given_back(folder):
    texts, target = titles()
    rows = token_rows(texts, folder, 8)
    seen = []

    def judge(scores):
        seen.append(scores.copy())
        return [0.1, 0.9, 0.5, 0.4, 0.3][len(seen) - 1]

    asked = settings(folder, epochs=5, patience=2)
    tuned = tune(Lessons.plain(rows, target), 3, asked, judge=judge, held=rows[:7])
    assert tuned.scores == (0.1, 0.9, 0.5, 0.4), "it ends two epochs after the best"
    np.testing.assert_allclose(tuned.head(tuned.encode(rows[:7])), seen[1], atol=1e-4)


def test_tokens_are_kept_exactly_and_nothing_stands_behind_them(folder):
    rows = token_rows(["red shoe", "", "red unknownword shoe lamp tea mug soft large cotton oak"], folder, 8)
    assert rows.shape == (3, 8)
    assert rows[0].tolist() == [3, 5, 7, 4, NOTHING, NOTHING, NOTHING, NOTHING]
    assert (rows[2] != NOTHING).all()
    assert (rows[1] != NOTHING).sum() == 2


def test_what_cannot_be_is_told_at_once(folder):
    with pytest.raises(SettingError, match=r"epochs=0.*batch=1"):
        FineTuning(epochs=0, batch=1)
    with pytest.raises(SettingError, match="has 2"):
        Network.opened(settings(folder, scope="layers", layers=3))
    with pytest.raises(InputError):
        token_rows(["red"], "/nowhere/there", 8)
