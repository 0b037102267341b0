"""Models tuned to judged pairs: the network is the checkpoint's, training goes where judgements point, equal seeds give
equal bits, and what is served in 8 bits agrees."""

from __future__ import annotations

import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from evenshelf.encoders import encoder_kinds, open_encoder
from evenshelf.encoders.onnx_encoder import OnnxEncoder
from evenshelf.encoders.weights import minilm_folder, read_weights
from evenshelf.errors import InputError, SettingError
from evenshelf.learners.search.tuned.bi_encoder import fit_bi_encoder
from evenshelf.learners.search.tuned.cross_encoder import HEAD, PRODUCT, SHARPNESS, fit_cross_encoder
from evenshelf.learners.search.tuned.exported import ServedCrossEncoder, save_cross_encoder
from evenshelf.learners.towers.frozen import FrozenLayers, frozen_layers
from evenshelf.learners.towers.network import mean_of, padded, through, upper_weights
from evenshelf.learners.towers.saving import save_bi_encoder
from evenshelf.remedies import Prior, parse

torch = pytest.importorskip("torch")

TEXTS = ["red shoes", "a", "", "snow boots lined with fur", "phone " * 60, "电视 tv", "sofa"]


def prior_of(pairs):
    return Prior(np.bincount(pairs.item[pairs.grade > 0], minlength=len(pairs.items)))


def tuned(fit, pairs, folder=None, **changed):
    given = {"layers": 1, "epochs": 2, "rate": 1e-3, "remedy": parse("none"), "prior": prior_of(pairs), "seed": 0}
    if fit is fit_bi_encoder:
        given["keep"] = 0.0
    return fit(pairs, **{**given, **changed}, folder=folder)


def by_torch(folder, layers, texts):
    frozen = FrozenLayers(folder, frozen_layers(folder, layers).config.num_hidden_layers - layers)
    states, real = padded(frozen.states(texts))
    weights = upper_weights(read_weights(folder), frozen.config, layers)
    with torch.no_grad():
        read = through({n: torch.from_numpy(v) for n, v in weights.items()}, frozen.config, layers, states, real)
        return mean_of(read, real).numpy()


@pytest.mark.parametrize("layers", [1, 6])
def test_the_network_is_that_of_minilm(layers):
    vectors = open_encoder("minilm").encode(TEXTS)
    assert np.sum(by_torch(minilm_folder(), layers, TEXTS) * vectors, axis=1).min() > 0.9999


@settings(deadline=None, max_examples=15)
@example(layers=3, texts=["", "x " * 100])
@given(layers=st.integers(1, 3), texts=st.lists(st.text("abc 鞋子", max_size=30), min_size=1, max_size=5))
def test_the_network_is_that_of_any_checkpoint_wherever_it_is_cut(small, layers, texts):
    vectors = OnnxEncoder(small, "small").encode(texts)
    assert np.sum(by_torch(small, layers, texts) * vectors, axis=1).min() > 0.9999


def test_states_have_the_same_bits_alone_in_company_and_kept(small):
    frozen = FrozenLayers(small, 2)
    for text, known in zip(TEXTS, frozen.states(TEXTS), strict=True):
        for own in (FrozenLayers(small, 2).states([text])[0], frozen.states([text])[0]):
            np.testing.assert_array_equal(own, known)


def test_a_query_that_was_not_trained_on_comes_nearer_to_what_answers_it(pairs):
    asked = ["footwear for the winter", "a seat for my guests", "something I can call with"]
    one = open_encoder("minilm")
    two = tuned(fit_bi_encoder, pairs, epochs=4, rate=5e-5)
    before, after = (e.encode(asked) @ e.encode(pairs.items).T for e in (one, two))
    right, wrong = [0, 3, 6], [2, 5, 8]
    rows = np.arange(3)

    def margin(cosines):
        return cosines[rows, right] - cosines[rows, wrong]

    assert (margin(after) > margin(before)).all()
    assert two.losses[-1] < two.losses[0]


def test_a_cross_encoder_puts_what_answers_above_what_looks_alike(pairs):
    asked = ["footwear for the winter", "a seat for my guests", "something I can call with"]
    model = tuned(fit_cross_encoder, pairs, epochs=6, rate=1e-4, layers=2)
    right = model.scores(asked, [pairs.items[i] for i in (0, 3, 6)])
    wrong = model.scores(asked, [pairs.items[i] for i in (2, 5, 8)])
    assert (right > wrong).all()
    assert model.losses[-1] < model.losses[0]


@pytest.mark.parametrize("fit", [fit_bi_encoder, fit_cross_encoder])
@pytest.mark.parametrize("remedy", ["none", "sampled_softmax(negatives=5,beta=1)"])
def test_equal_seeds_give_equal_bits_and_others_do_not(small, pairs, fit, remedy):
    one, again, other = (tuned(fit, pairs, small, remedy=parse(remedy), seed=seed) for seed in (1, 1, 2))
    for name, values in one.weights.items():
        np.testing.assert_array_equal(values, again.weights[name])
    if remedy != "none":
        assert any((values != other.weights[name]).any() for name, values in one.weights.items())


@pytest.mark.parametrize("fit", [fit_bi_encoder, fit_cross_encoder])
def test_a_remedy_changes_what_answers_compete_with(small, pairs, fit):
    plain, drawn, corrected = (
        tuned(fit, pairs, small, remedy=parse(spec)).losses
        for spec in (
            "none",
            "sampled_softmax(negatives=20,beta=1,logq=False)",
            "sampled_softmax(negatives=20,beta=1,logq=True)",
        )
    )
    assert len({plain, drawn, corrected}) == 3


def test_what_answers_a_query_by_its_twin_is_no_rival(small):
    """With two queries alike and all items answers to both, there is nothing to be told apart: no loss at all."""
    pairs = small_pairs(("red shoe", "RED shoe"), ("boot", "sandal"), [(0, 0, 1.0), (1, 1, 1.0)])
    assert tuned(fit_bi_encoder, pairs, small).losses == (0.0, 0.0)
    apart = small_pairs(("red shoe", "green hat"), ("boot", "sandal"), [(0, 0, 1.0), (1, 1, 1.0)])
    assert tuned(fit_bi_encoder, apart, small).losses[0] > 0


def test_a_cross_encoder_starts_at_the_cosine_and_corrects_it(small, pairs):
    queries = [query for query in pairs.queries for _ in pairs.items]
    items = list(pairs.items) * 3
    model = tuned(fit_cross_encoder, pairs, small)
    vectors = OnnxEncoder(small, "small")
    cosine = np.sum(vectors.encode(queries) * vectors.encode(items), axis=1)
    left = model.scores(queries, items) - model.corrections(queries, items)
    np.testing.assert_allclose(left, SHARPNESS * cosine, atol=0.05)
    still = tuned(fit_cross_encoder, pairs, small, rate=1e-12)
    np.testing.assert_allclose(still.corrections(queries, items), 0.0, atol=1e-6)
    assert np.abs(model.corrections(queries, items)).max() > 0.05


def test_a_query_without_a_rival_teaches_nothing(small):
    pairs = small_pairs(("red shoe", "green hat"), ("boot", "cap"), [(0, 0, 1.0), (1, 1, 1.0)])
    model = tuned(fit_cross_encoder, pairs, small)
    assert model.losses == (0.0, 0.0)
    assert all(np.isfinite(values).all() for values in model.weights.values())


def small_pairs(queries, items, rows):
    from evenshelf.learners.search.tuned.pairs import TrainingPairs

    query, item, grade = (np.array(column) for column in zip(*rows, strict=True))
    return TrainingPairs(queries, items, query, item, grade, np.ones(len(rows)))


def test_all_kept_is_the_encoder_as_it_was_and_none_kept_is_not(small, pairs):
    before = OnnxEncoder(small, "small").encode(TEXTS)
    kept, half, none = (tuned(fit_bi_encoder, pairs, small, keep=keep).encode(TEXTS) for keep in (1.0, 0.5, 0.0))
    np.testing.assert_allclose(kept, before, atol=2e-3)
    away = [np.abs(one - before).max() for one in (half, none)]
    assert 2e-3 < away[0] < away[1]


def test_only_the_last_layers_change(small, pairs):
    start = read_weights(small)
    model = tuned(fit_cross_encoder, pairs, small, layers=2)
    assert {name.split(".")[2] for name in model.weights if name not in (HEAD, PRODUCT)} == {"1", "2"}
    assert all((values != start[name]).any() for name, values in model.weights.items() if name in start)


def test_a_saved_encoder_is_opened_by_its_folder_and_8_bits_agree(tmp_path, pairs):
    model = tuned(fit_bi_encoder, pairs, rate=5e-5)
    lost = save_bi_encoder(model, tmp_path / "shop", pairs.items)
    served = open_encoder(f"bert-int8:{tmp_path / 'shop'}")
    cosine = np.sum(served.encode(pairs.items) * model.encode(pairs.items), axis=1)
    assert (lost.texts, lost.least) == (len(pairs.items), pytest.approx(cosine.min(), abs=1e-6))
    assert 0.97 < lost.least <= lost.mean < 0.99999
    exact = open_encoder(f"bert:{tmp_path / 'shop'}")
    np.testing.assert_allclose(exact.encode(pairs.items), model.encode(pairs.items), atol=2e-3)
    assert np.abs(exact.encode(pairs.items) - open_encoder("minilm").encode(pairs.items)).max() > 2e-3
    assert sorted(path.name for path in tmp_path.iterdir()) == ["shop"]


def test_a_saved_cross_encoder_is_served_and_8_bits_agree(tmp_path, pairs):
    model = tuned(fit_cross_encoder, pairs, rate=5e-5)
    queries = [query for query in pairs.queries for _ in pairs.items]
    items = list(pairs.items) * 3
    lost = save_cross_encoder(model, tmp_path / "shop", queries, items)
    assert lost.least > 0.97
    exact = ServedCrossEncoder(tmp_path / "shop", int8=False).scores(queries, items)
    np.testing.assert_allclose(exact, model.scores(queries, items), atol=0.05)
    eight = ServedCrossEncoder(tmp_path / "shop")
    scores = eight.scores(queries, items)
    np.testing.assert_array_equal(eight.scores(queries[3:4], items[3:4]), scores[3:4])


def test_what_was_saved_is_served_without_torch(tmp_path, small, pairs):
    queries, items = [pairs.queries[0]] * 9, list(pairs.items)
    save_bi_encoder(tuned(fit_bi_encoder, pairs, small), tmp_path / "alone", items)
    save_cross_encoder(tuned(fit_cross_encoder, pairs, small), tmp_path / "together", queries, items)
    code = f"""
import sys
from pathlib import Path
from evenshelf.encoders import open_encoder
from evenshelf.learners.search.tuned.exported import ServedCrossEncoder
print(open_encoder("bert-int8:" + {str(tmp_path / "alone")!r}).encode({items!r}).shape)
print(ServedCrossEncoder(Path({str(tmp_path / "together")!r})).scores({queries!r}, {items!r}).shape)
print("torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:3] == ["(9, 32)", "(9,)", "False"]


def test_a_tuned_model_is_replaced_and_nothing_else_is(tmp_path, small, pairs):
    model = tuned(fit_bi_encoder, pairs, small)
    place = tmp_path / "mine"
    place.mkdir()
    save_bi_encoder(model, place, TEXTS)
    save_bi_encoder(tuned(fit_bi_encoder, pairs, small, seed=3, epochs=1), place, TEXTS)
    (place / "notes.txt").write_text("mine")
    with pytest.raises(InputError, match="something else"):
        save_bi_encoder(model, place, TEXTS)
    assert (place / "notes.txt").read_text() == "mine"
    with pytest.raises(InputError, match="no text"):
        save_bi_encoder(model, tmp_path / "other", [])
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]
    with pytest.raises(InputError, match="holds no cross-encoder"):
        ServedCrossEncoder(place)


def test_a_folder_that_is_no_such_model_is_told(tmp_path, small):
    with pytest.raises(InputError, match=r"lacks config\.json, model\.safetensors, tokenizer\.json"):
        open_encoder(f"bert:{tmp_path}")
    for name in ("config.json", "model.safetensors", "tokenizer.json"):
        (tmp_path / name).write_bytes((small / name).read_bytes())
    assert open_encoder(f"bert:{tmp_path}").dimension == open_encoder(f"bert:{small}").dimension
    (tmp_path / "1_Pooling").mkdir()
    (tmp_path / "1_Pooling" / "config.json").write_text(json.dumps({"pooling_mode_mean_tokens": False}))
    with pytest.raises(InputError, match="pools otherwise"):
        open_encoder(f"bert:{tmp_path}")
    assert {"bert", "bert-int8"} <= set(encoder_kinds())


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"layers": 0}, "0 layers"),
        ({"layers": 4}, "a model that has 3"),
        ({"epochs": 0}, "0 epochs"),
        ({"rate": 0.0}, "rate of 0"),
        ({"keep": 1.5}, r"share of 1\.5"),
        ({"remedy": parse("sampled_softmax"), "prior": Prior(np.ones(2, np.int64))}, "prior has 2 groups"),
    ],
)
def test_a_wrong_setting_is_told(small, pairs, changed, said):
    with pytest.raises(SettingError, match=said):
        tuned(fit_bi_encoder, pairs, small, **changed)


def test_progress_is_told_to_its_end(small, pairs):
    told = []
    tuned(fit_bi_encoder, pairs, small, epochs=3, tell=lambda done, of: told.append((done, of)))
    assert told == [(i + 1, len(told)) for i in range(len(told))]
    assert len(told) >= 3
