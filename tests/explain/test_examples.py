"""Training examples: the terms sum to the score under every kind of remedy, and are what the theorem says."""

from __future__ import annotations

import numpy as np
import pytest

from evenshelf.errors import InputError
from evenshelf.explain.examples import Examples
from evenshelf.explain.margins import margin_of
from evenshelf.explain.refit import Refit
from tests.bundles.shops import make_shop
from tests.explain.conftest import REMEDY

TEXT = "ruword ru1word so2word blue"


@pytest.mark.parametrize(
    "remedy",
    [
        "none",
        REMEDY,
        "random_over",
        "smote",
        "balanced_softmax",
        "tau_norm",
        "balanced_bagging(bags=3)",
        "ldam",
        "balanced_mixup",
        "gan",
    ],
)
def test_terms_sum_to_what_the_bundle_says(shop, trained, remedy):
    bundle = trained(remedy)
    refit = Refit.of(bundle, shop)
    assert refit.difference < 1e-4
    assert refit.notes == ()
    examples = Examples(refit)
    vectors = bundle.encoder.encode([TEXT])
    margin = margin_of(bundle, bundle.head.probabilities(vectors)[0])
    said = examples.reasons(vectors[0], margin, top=1000)
    terms = said.biases + said.names + said.made + said.answers + said.rivals + said.others + said.left
    assert said.margin == pytest.approx(terms, abs=1e-9)
    head = examples.represented.head
    raw = refit.raw(vectors, head)
    scores = refit.remedy.linear_form.adjust(raw, head.prior, head.norms)[0]
    assert said.margin == pytest.approx(float(scores[margin.answer] - scores[margin.rival]), abs=2e-3)
    assert said.margin == pytest.approx(said.served, abs=0.2), "the bundle's fit ended near its optimum"
    assert abs(said.left) < 0.01
    by_class = {bundle.classes[margin.answer]: said.answers, bundle.classes[margin.rival]: said.rivals}
    every = {id(e): e for e in (*said.supporting, *said.opposing)}.values()
    for label, total in by_class.items():
        assert sum(e.value for e in every if e.label == label) == pytest.approx(total, abs=1e-6)


def test_weights_are_the_rows_that_they_were_fitted_on(shop, trained):
    refit = Refit.of(trained(), shop)
    found = Examples(refit).represented
    rows = np.concatenate([block[:, 1:] for block in refit.training.blocks]).astype(np.float64)
    weights = found.centre + rows.T @ found.alpha
    np.testing.assert_allclose(weights, found.head.fit.weights[1:], atol=5e-3)
    own = found.alpha[np.arange(len(rows)), refit.training.target]
    assert (own >= -1e-6).all(), "an example draws its own class towards it"
    assert found.alpha.sum(axis=1) == pytest.approx(0.0, abs=1e-2), "as much as it pushes the others away"
    assert np.abs(found.centre).max() > 0, "names are pooled"


def test_examples_are_told_by_what_they_add_and_by_how_near_they_are(shop, trained):
    bundle = trained("none")
    refit = Refit.of(bundle, shop)
    examples = Examples(refit)
    vectors = bundle.encoder.encode([TEXT])
    margin = margin_of(bundle, bundle.head.probabilities(vectors)[0])
    said = examples.reasons(vectors[0], margin)
    assert said.supporting[0].value >= said.supporting[-1].value > 0 > said.opposing[0].value
    assert said.supporting[0].text in (refit.task.texts or ())
    nearest = said.nearest[0]
    assert [e.cosine for e in nearest] == sorted((e.cosine for e in nearest), reverse=True)
    own = bundle.encoder.encode([nearest[0].text])[0]
    assert nearest[0].cosine == pytest.approx(float(own @ vectors[0]), abs=1e-4)
    labels = [e.label for e in said.nearest[1]]
    assert set(labels) == {bundle.classes[margin.rival]}


def test_another_shop_is_refused_and_a_changed_one_noted(shop, trained, tmp_path):
    other = make_shop(tmp_path / "other")
    items = other.items()
    kept = items.filter(items["category"] != "ties")
    few = type(other).create(tmp_path / "few")
    few.commit({"items": kept.select("item_id", "title", "category")})
    with pytest.raises(InputError, match="other classes than the bundle"):
        Refit.of(trained(), few)
    fewer = type(other).create(tmp_path / "fewer")
    fewer.commit({"items": items.head(len(items) - 3).select("item_id", "title", "category")})
    assert "has changed" in Refit.of(trained(), fewer).notes[0]
