"""Parts of a remedy one after another, from nothing to what the bundle says."""

from __future__ import annotations

import numpy as np
import pytest

from evenshelf.explain.margins import margin_of
from evenshelf.explain.refit import Refit
from evenshelf.explain.steps import RemedySteps

TEXTS = ["ruword ru1word so2word blue", "tiword red", "so1word 12 ha3word"]


def steps(bundle, shop, text):
    vectors = bundle.encoder.encode([text])
    margin = margin_of(bundle, bundle.head.probabilities(vectors)[0])
    return RemedySteps(Refit.of(bundle, shop)).reasons(vectors[0], margin), margin


@pytest.mark.parametrize("text", TEXTS)
def test_the_first_is_nothing_and_the_last_is_the_bundle(shop, trained, text):
    bundle = trained("name_prior + balanced + logit_adjust(tau=0.5) + vector_scaling")
    said, _ = steps(bundle, shop, text)
    assert [step.part.partition("(")[0] for step in said.steps] == [
        "nothing",
        "name_prior",
        "balanced",
        "logit_adjust",
        "vector_scaling",
    ]
    probabilities = dict(zip(bundle.classes, bundle.probabilities([text])[0], strict=True))
    for label, chance in said.steps[-1].probabilities.items():
        assert chance == pytest.approx(probabilities[label], abs=1e-3)
    plain = dict(zip(bundle.classes, trained("none").probabilities([text])[0], strict=True))
    for label, chance in said.steps[0].probabilities.items():
        assert chance == pytest.approx(plain[label], abs=1e-3)
    labels = [step.label for step in said.steps]
    assert said.changed == (labels[0] != labels[-1])
    assert set(labels[said.decided :]) == {labels[-1]}
    assert said.decided == 0 or labels[said.decided - 1] != labels[-1]


def test_each_step_says_what_it_added(shop, trained):
    bundle = trained()
    said, _ = steps(bundle, shop, TEXTS[0])
    for before, after in zip(said.steps, said.steps[1:], strict=False):
        for label, added in after.reasons["added"].items():
            assert after.scores[label] - before.scores[label] == pytest.approx(added, abs=1e-4)
    counts = {entry.name: entry.count for entry in bundle.manifest.classes}
    (adjusted,) = (step for step in said.steps if "adjust" in step.stages)
    labels = list(adjusted.scores)
    apart = adjusted.reasons["added"][labels[0]] - adjusted.reasons["added"][labels[1]]
    assert apart == pytest.approx(-0.5 * np.log(counts[labels[0]] / counts[labels[1]]), abs=1e-3)
    (weighed,) = (step for step in said.steps if "weight" in step.stages)
    weights = weighed.reasons["weight"]
    assert weights[labels[0]] / weights[labels[1]] == pytest.approx(counts[labels[1]] / counts[labels[0]], rel=1e-3)


def test_a_name_adds_to_the_class_whose_words_the_text_has(shop, trained):
    said, _ = steps(trained("name_prior"), shop, "leather belts ru1word")
    (named,) = (step for step in said.steps if "pool" in step.stages)
    names = named.reasons["names"]
    assert max(names, key=names.get) == "leather belts"


def test_rows_are_counted_after_resampling(shop, trained):
    bundle = trained("random_over")
    said, margin = steps(bundle, shop, TEXTS[0])
    counts = [entry.count for entry in bundle.manifest.classes]
    times = said.steps[1].reasons["rows"]
    for code in (margin.answer, margin.rival):
        assert times[bundle.classes[code]] == pytest.approx(max(counts) / counts[code], rel=0.02)


def test_doing_nothing_is_one_step(shop, trained):
    said, _ = steps(trained("none"), shop, TEXTS[0])
    assert len(said.steps) == 1
    assert (said.changed, said.decided) == (False, 0)
