"""Which encoder is chosen for which scripts."""

from __future__ import annotations

import pytest

from evenshelf.encoders import choose_encoder, open_encoder

from .conftest import CHINESE, ENGLISH


@pytest.mark.parametrize(
    ("texts", "spec", "said"),
    [
        (ENGLISH, "fused", "Latin"),
        (CHINESE, "tfidf", "Chinese"),
        (["кроссовки", "часы мужские"], "tfidf", "neither"),
        (["Stra\u00dfenschuhe gr\u00fcn", "chaussures \u00e9t\u00e9"], "fused", "Latin"),
        (["1001", "42-7"], "tfidf", "no letters"),
        ([], "minilm", "no texts"),
        ([""], "minilm", "no texts"),
    ],
)
def test_choice_by_script(texts: list[str], spec: str, said: str) -> None:
    choice = choose_encoder(texts)
    assert choice.spec == spec
    assert said in choice.reason
    assert choice.reason.endswith(".")
    assert open_encoder("auto", texts).name == spec


def test_a_few_chinese_titles_among_many_english_ones_change_nothing() -> None:
    assert choose_encoder([*ENGLISH * 3000, *CHINESE]).spec == "fused"
