"""What words do to a margin, by each method."""

from __future__ import annotations

import numpy as np
import pytest

from evenshelf.errors import SettingError
from evenshelf.explain.margins import Margin, margin_of
from evenshelf.explain.places import Places
from evenshelf.explain.words import exact, gradients, method_of, occlusion

TEXTS = ["ruword ru1word haword blue running shoes", "soword ha2word red", "tieword"]


def asked(bundle, texts=TEXTS):
    places = [Places.of(text) for text in texts]
    return places, [margin_of(bundle, row) for row in bundle.probabilities(texts)]


def test_the_margin_is_the_difference_of_the_scores(trained):
    bundle = trained()
    vectors = bundle.encoder.encode(TEXTS)
    scores = bundle.head.scores(vectors)
    margin = Margin.of(bundle, 1, 3)
    np.testing.assert_allclose(margin(vectors), scores[:, 1] - scores[:, 3], atol=1e-4)
    chances = bundle.head.probabilities(vectors)
    np.testing.assert_allclose(margin(vectors), np.log(chances[:, 1] / chances[:, 3]), atol=1e-3)


def test_the_label_is_compared_with_its_runner_up(trained):
    bundle = trained()
    (row,) = bundle.probabilities(TEXTS[:1])
    order = np.argsort(-row)
    usual = margin_of(bundle, row)
    assert (usual.answer, usual.rival) == (order[0], order[1])
    other = margin_of(bundle, row, answer=bundle.classes[order[1]])
    assert (other.answer, other.rival) == (order[1], order[0])
    named = margin_of(bundle, row, rival=bundle.classes[order[3]])
    assert (named.answer, named.rival) == (order[0], order[3])
    with pytest.raises(SettingError, match="did you mean hats"):
        margin_of(bundle, row, rival="hat")
    with pytest.raises(SettingError, match="itself"):
        margin_of(bundle, row, rival=bundle.classes[order[0]])


def test_occlusion_is_what_the_text_without_the_word_says(trained):
    bundle = trained()
    places, margins = asked(bundle)
    for found, margin, said in zip(places, margins, occlusion(bundle, places, margins), strict=True):
        whole = margin(bundle.encoder.encode([found.text]))[0]
        assert said.margin == pytest.approx(whole, abs=1e-6)
        for place, word in enumerate(said.words):
            without = found.without([place])
            assert word.text not in without.split()
            assert word.value == pytest.approx(whole - margin(bundle.encoder.encode([without]))[0], abs=1e-5)
            assert word.probability == pytest.approx(bundle.probabilities([without])[0, margin.answer], abs=1e-5)
        assert said.rest + sum(word.value for word in said.words) == pytest.approx(said.margin, abs=1e-6)


def test_exact_parts_and_biases_are_the_whole_margin(trained):
    bundle = trained()
    places, margins = asked(bundle)
    for found, margin, said in zip(places, margins, exact(bundle, places, margins), strict=True):
        assert said.margin == pytest.approx(margin(bundle.encoder.encode([found.text]))[0], abs=1e-3)
        assert said.margin == pytest.approx(said.rest + sum(word.value for word in said.words), abs=1e-9)
        assert said.rest == pytest.approx(margin.offset, abs=1e-9), "these texts have nothing but words and blanks"
        assert said.strongest[0].value == max(word.value for word in said.words)


def test_exact_parts_are_refused_where_there_are_none(trained):
    bundle = trained(encoder="fused")
    with pytest.raises(SettingError, match="no sums over pieces"):
        exact(bundle, *asked(bundle))
    with pytest.raises(SettingError, match="did you mean exact"):
        method_of("exakt")


def test_gradients_sum_to_the_way_from_padding(trained):
    pytest.importorskip("torch")
    bundle = trained(encoder="fused")
    places, margins = asked(bundle)
    found = gradients(bundle, places, margins)
    for place, margin, said in zip(places, margins, found, strict=True):
        assert said.margin == pytest.approx(margin(bundle.encoder.encode([place.text]))[0], abs=1e-4)
        assert said.rest + sum(word.value for word in said.words) == pytest.approx(said.margin, abs=1e-6)
        assert said.error <= 0.02 * max(abs(said.margin - said.rest), 0.1) + 0.01
    again = gradients(bundle, places, margins)
    assert [word.value for word in again[0].words] == [word.value for word in found[0].words]


def test_gradients_need_a_language_model(trained):
    pytest.importorskip("torch")
    bundle = trained()
    with pytest.raises(SettingError, match="has no gradients"):
        gradients(bundle, *asked(bundle))


def test_the_word_that_the_label_was_made_of_speaks_for_it(trained):
    bundle = trained()
    places, margins = asked(bundle, ["ru1word ru3word black 77"])
    assert bundle.classes[margins[0].answer] == "running shoes"
    for method in (occlusion, exact):
        (said,) = method(bundle, places, margins)
        assert {word.text for word in said.strongest[:2]} == {"ru1word", "ru3word"}
