"""Words that are named as reasons matter more than random ones."""

from __future__ import annotations

import numpy as np
import pytest

from evenshelf.errors import InputError, SettingError
from evenshelf.explain import faithfulness
from tests.catalogues import catalogue


def test_named_words_matter_more_than_random_ones(trained):
    bundle = trained()
    texts, _ = catalogue(seed=1)
    found = faithfulness(bundle, texts, ["occlusion", "exact"], most=2)
    for method in ("occlusion", "exact"):
        for words in (1, 2):
            for measure, sign in (("comprehensiveness", 1), ("margin", 1), ("sufficiency", -1)):
                mean, low, high = found.beyond_random(method, words, measure)
                assert sign * mean > 0
                assert min(sign * low, sign * high) > 0, (method, words, measure)
    first = {name: curve.margin[:, 0] for name, curve in found.curves.items()}
    assert (first["occlusion"] >= first["exact"] - 1e-4).all(), "it is the best single word by construction"
    told = found.to_dict()
    assert told["texts"] == len(texts) == len(first["random"])
    assert told["methods"]["exact"]["margin"][0] == pytest.approx(first["exact"].mean(), abs=1e-6)


def test_equal_seeds_give_equal_figures(trained):
    texts = catalogue(seed=2)[0][:20]
    once, again = (faithfulness(trained(), texts, most=1, seed=3).to_dict() for _ in "ab")
    assert once == again
    other = faithfulness(trained(), texts, most=1, seed=4).to_dict()
    assert other["methods"]["random"] != once["methods"]["random"]
    assert other["methods"]["occlusion"]["margin"] == once["methods"]["occlusion"]["margin"]


def test_texts_of_few_words_are_left_out(trained):
    texts = ["ruword", "ruword ha1word red 12"]
    found = faithfulness(trained(), texts, most=3)
    assert found.texts == 1
    assert np.isfinite(found.curves["random"].margin).all()
    with pytest.raises(InputError, match="more than 3 words"):
        faithfulness(trained(), texts[:1])
    with pytest.raises(SettingError, match="at least 1"):
        faithfulness(trained(), texts, most=0)
