"""Tuning: it learns, is the same for the same seed, goes on after an interruption, and changes only what it may."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evenshelf.errors import InputError, SettingError
from evenshelf.learners.finetune import tuning
from evenshelf.learners.finetune.lessons import Lessons
from evenshelf.learners.finetune.network import NOTHING, Network, token_rows
from evenshelf.learners.finetune.settings import FineTuning
from evenshelf.learners.finetune.tuning import tune
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


@pytest.mark.parametrize(
    "more",
    [
        {},
        {"scope": "layers", "layers": 1},
        {"scope": "lora", "rank": 4, "rate": 3e-2},
        {"balance": 0.5},
        {"average": 0.5},
    ],
)
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


@pytest.mark.parametrize("more", [{}, {"average": 0.8, "soup": 0.2, "contrast": 0.5, "balance": 0.5}])
def test_a_run_that_is_stopped_goes_on_to_the_same_bits(folder, tmp_path, monkeypatch, more):
    texts, target = titles()
    rows = token_rows(texts, folder, 8)
    asked = settings(folder, dropout=0.1, epochs=4, **more)
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
    with pytest.raises(SettingError, match=r"contrast=2 .*balance=-1 .*soup=1 .*watch='auc'"):
        FineTuning(contrast=2, balance=-1, soup=1, watch="auc")
    with pytest.raises(SettingError, match="rows of a whole step"):
        FineTuning(contrast=0.5, parts=2)
    with pytest.raises(SettingError, match="has 2"):
        Network.opened(settings(folder, scope="layers", layers=3))
    with pytest.raises(InputError):
        token_rows(["red"], "/nowhere/there", 8)


def within(vectors, target):
    """Mean cosine of texts of a class, less that of others."""
    cosines, same = vectors @ vectors.T, target[:, None] == target
    return cosines[same].mean() - cosines[~same].mean()


def test_contrast_alone_brings_texts_of_a_class_together_and_its_head_is_their_mean(folder):
    texts, target = titles()
    rows = token_rows(texts, folder, 8)
    before = Network.opened(settings(folder)).encode(rows)
    tuned = tune(Lessons.plain(rows, target), 3, settings(folder, contrast=1.0, epochs=16))
    assert within(tuned.encode(rows), target) > within(before, target) + 0.2
    new, expected = titles(seed=1)
    assert right(tuned, token_rows(new, folder, 8), expected) > 0.8
    means = np.stack([tuned.encode(rows[target == code]).mean(axis=0) for code in range(3)], axis=1)
    np.testing.assert_allclose(tuned.weights / 20.0, means / np.linalg.norm(means, axis=0), atol=1e-4)
    assert not tuned.bias.any()


def test_a_soup_lies_between_the_model_as_it_was_and_as_it_was_tuned(folder):
    texts, target = titles()
    rows = token_rows(texts, folder, 8)
    start = {name: value.detach().clone() for name, value in Network.opened(settings(folder)).changed().items()}
    whole, mixed = (tune(Lessons.plain(rows, target), 3, settings(folder, epochs=2, soup=share)) for share in (0, 0.25))
    after, between = whole.network.changed(), mixed.network.changed()
    for name, value in start.items():
        np.testing.assert_allclose(
            between[name].detach(), 0.25 * value + 0.75 * after[name].detach(), atol=1e-6, err_msg=name
        )
    np.testing.assert_array_equal(whole.weights, mixed.weights)


def test_averages_are_those_of_the_last_steps(folder):
    """With all steps but the last left out it is the state as it is; with more, the mean of what was there then."""
    texts, target = titles()
    rows = token_rows(texts, folder, 8)
    lessons, steps = Lessons.plain(rows, target), -(-len(rows) // 16)
    last, one, two = (
        tune(lessons, 3, settings(folder, epochs=1, average=share)) for share in (0.0, 1 / steps, 2 / steps)
    )
    np.testing.assert_array_equal(last.weights, one.weights)
    assert not np.array_equal(one.weights, two.weights)
    # the last step is the smaller one of two, and the mean stands half of it behind
    name = max(last.network.changed(), key=lambda name: last.network.changed()[name].numel())
    apart = (last.network.changed()[name] - two.network.changed()[name]).detach().abs().max()
    assert 0 < float(apart) < 5e-3


def test_a_remedy_that_is_deferred_acts_in_the_last_epochs(folder):
    texts, target = titles()
    rows = token_rows(texts, folder, 8)
    weight = np.array([1.0, 5.0, 20.0], np.float32)[target]
    plain, weighed = Lessons.plain(rows, target), Lessons.plain(rows, target, weight)
    asked = settings(folder, epochs=4, defer=0.5)
    later = tune(weighed, 3, asked, before=plain)
    assert later.losses[:2] == pytest.approx(tune(plain, 3, settings(folder, epochs=4)).losses[:2])
    assert later.losses[2:] != pytest.approx(tune(plain, 3, settings(folder, epochs=4)).losses[2:], rel=1e-3)
    np.testing.assert_array_equal(
        tune(weighed, 3, settings(folder, epochs=2), before=plain).weights,
        tune(weighed, 3, settings(folder, epochs=2)).weights,
        err_msg="nothing is deferred by a share of 0",
    )


def test_who_only_looks_on_changes_nothing(folder):
    texts, target = titles()
    rows, seen = token_rows(texts, folder, 8), []
    asked = settings(folder, epochs=3, dropout=0.1)
    alone = tune(Lessons.plain(rows, target), 3, asked)
    watched = tune(
        Lessons.plain(rows, target),
        3,
        asked,
        judge=lambda scores: -float(len(seen)),
        held=rows[:5],
        judged=lambda epoch, score: seen.append((epoch, score)),
    )
    assert seen == [(0, 0.0), (1, -1.0), (2, -2.0)]
    np.testing.assert_array_equal(alone.encode(rows), watched.encode(rows))


def test_settings_that_came_later_are_told_only_where_they_are_not_usual():
    assert "contrast" not in repr(FineTuning())
    assert repr(FineTuning(balance=0.5)).endswith("half=False, balance=0.5)")
    assert eval(repr(FineTuning(soup=0.1))) == FineTuning(soup=0.1)
