"""An encoder tuned to what is taken together: it goes there, rare items by their words; and nothing else moves it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from evenshelf.encoders import open_encoder
from evenshelf.errors import InputError, SettingError
from evenshelf.learners.model_store import borrowing
from evenshelf.learners.ranking.tuned import fitting
from evenshelf.learners.ranking.tuned.fitting import fit_taken, tuned_vectors
from evenshelf.learners.ranking.tuned.pairs import TakenTexts
from evenshelf.learners.ranking.tuned.settings import Contrast
from evenshelf.learners.towers.saving import save_bi_encoder
from evenshelf.tasks.histories import Histories

# who takes red things takes soft ones, and who takes blue things takes large ones; titles share no word
SIDES = (("red", "soft"), ("blue", "large"))
THINGS = ("shoe", "lamp", "tea", "mug")
NEVER = {"red oak": 0, "soft oak": 0, "blue oak": 1, "large oak": 1}


@pytest.fixture(scope="module")
def shop():
    """Histories, titles in the order of their codes; four items that nobody took are called by known words."""
    rng = np.random.default_rng(0)
    every = [[f"{word} {thing}" for word in side for thing in THINGS] for side in SIDES]
    steps = [list(rng.choice(every[user % 2], 4, replace=False)) for user in range(60)]
    flat = [str(item) for one in steps for item in one]
    made = Histories.of_steps([f"u{n}" for n in range(60)], [4] * 60, flat, items=list(NEVER))
    return made, list(made.items)


def settings_of(tiny, **changed):
    return Contrast(**{"model": tiny, "layers": 2, "rate": 5e-3, "epochs": 10, "batch": 6, "partners": 2, **changed})


def apart(encoder):
    """How much nearer items never taken are to those of their own side than to the other's."""
    vectors = encoder.encode(list(NEVER))
    cosine = vectors @ vectors.T
    side = np.array(list(NEVER.values()))
    words = [title.split()[0] for title in NEVER]
    same = np.array([[a != b for a in words] for b in words]) & (side[:, None] == side)
    return float(cosine[same].mean() - cosine[side[:, None] != side].mean())


def test_items_that_nobody_took_come_nearer_by_their_words(tiny, shop):
    taken = TakenTexts.of(*shop)
    tuned = fit_taken(taken, settings_of(tiny), seed=0)
    assert apart(tuned) > apart(open_encoder(f"bert:{tiny}")) + 0.3
    assert tuned.losses[-1] < tuned.losses[0]
    assert tuned.seconds > 0
    # the pairs teach it: those of users who take anything teach nothing of the kind
    rng = np.random.default_rng(1)
    mixed = [list(rng.choice(shop[1], 4, replace=False)) for _ in range(60)]
    made = Histories.of_steps([f"u{n}" for n in range(60)], [4] * 60, [str(i) for one in mixed for i in one])
    assert apart(fit_taken(TakenTexts.of(made, list(made.items)), settings_of(tiny), seed=0)) < 0.5 * apart(tuned)


def test_a_part_of_the_weights_as_they_were_is_mixed_back_in(tiny, shop):
    taken = TakenTexts.of(*shop)
    found = [apart(fit_taken(taken, settings_of(tiny, keep=keep), seed=0)) for keep in (0.0, 0.5, 1.0)]
    assert found[2] == pytest.approx(apart(open_encoder(f"bert:{tiny}")), abs=0.01)
    assert found[0] > found[1] > found[2]


def test_equal_seeds_give_equal_bits_and_others_do_not(tiny, shop):
    taken = TakenTexts.of(*shop)
    one, again, other = (fit_taken(taken, settings_of(tiny, epochs=1), seed=seed) for seed in (1, 1, 2))
    for name, values in one.weights.items():
        np.testing.assert_array_equal(values, again.weights[name])
    assert any((values != other.weights[name]).any() for name, values in one.weights.items())


def test_the_correction_for_frequent_texts_changes_what_is_learned(tiny):
    steps = [["red shoe", "red lamp"]] * 30 + [["blue tea", "blue mug"]] * 2 + [["soft oak", "large oak"]] * 2
    made = Histories.of(steps)
    taken = TakenTexts.of(made, list(made.items))
    plain, corrected = (
        fit_taken(taken, settings_of(tiny, debias=share, power=1.0), seed=0).losses for share in (0.0, 1.0)
    )
    assert plain != corrected


def test_one_tuning_is_kept_and_what_decides_it_makes_another(tiny, shop, tmp_path, monkeypatch):
    made, fit = [], fitting.fit_taken
    monkeypatch.setattr(fitting, "fit_taken", lambda *a, **more: made.append(1) or fit(*a, **more))
    taken, settings = TakenTexts.of(*shop), settings_of(tiny, epochs=1)
    with borrowing() as first:
        one = tuned_vectors(taken, settings, seed=0, folder=tmp_path)
    with borrowing() as second:
        np.testing.assert_array_equal(one, tuned_vectors(taken, settings, seed=0, folder=tmp_path))
    assert (len(made), first.seconds) == (1, 0.0)
    assert second.seconds > 0
    histories, titles = shop
    fewer = TakenTexts.of(histories.without_last(1), titles)
    for others in ((fewer, settings, 0), (taken, replace(settings, rate=1e-3), 0), (taken, settings, 1)):
        tuned_vectors(others[0], others[1], seed=others[2], folder=tmp_path)
    assert len(made) == 4
    assert np.allclose(np.linalg.norm(one, axis=1), 1.0, atol=1e-5)


def test_items_without_a_text_have_no_direction(tiny, shop, tmp_path):
    histories, titles = shop
    bare = ["" if "shoe" in title else title for title in titles]
    found = tuned_vectors(TakenTexts.of(histories, bare), settings_of(tiny, epochs=1), seed=0, folder=tmp_path)
    assert [bool(row.any()) for row in found] == [bool(title) for title in bare]


def test_it_is_kept_as_a_folder_that_any_encoder_spec_takes(tiny, shop, tmp_path):
    tuned = fit_taken(TakenTexts.of(*shop), settings_of(tiny), seed=0)
    lost = save_bi_encoder(tuned, tmp_path / "mine", list(NEVER))
    assert lost.mean > 0.9
    for spec in ("bert", "bert-int8", "hf"):
        assert apart(open_encoder(f"{spec}:{tmp_path / 'mine'}")) == pytest.approx(apart(tuned), abs=0.2)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"layers": 0}, "layers=0"),
        ({"rate": 0.0}, "rate=0"),
        ({"epochs": 0, "batch": 1}, "epochs=0 is below 1; batch=1 is below 2"),
        ({"partners": 0}, "partners=0"),
        ({"temperature": 0.0}, "temperature=0"),
        ({"power": 1.5}, r"power=1\.5"),
        ({"debias": -1.0}, "debias=-1"),
        ({"keep": 2.0}, "keep=2"),
        ({"model": ""}, "model is empty"),
    ],
)
def test_a_wrong_setting_is_told(changed, said):
    with pytest.raises(SettingError, match=said):
        Contrast(**changed)


def test_a_model_that_cannot_be_is_told(tiny, shop, tmp_path):
    taken = TakenTexts.of(*shop)
    with pytest.raises(SettingError, match="9 layers"):
        fit_taken(taken, settings_of(tiny, layers=9), seed=0)
    with pytest.raises(InputError, match="not the folder of a BERT"):
        fit_taken(taken, settings_of(str(tmp_path)), seed=0)
