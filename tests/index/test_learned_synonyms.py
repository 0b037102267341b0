"""Synonyms that titles and descriptions tell, and no others."""

from __future__ import annotations

import polars as pl
import pytest

from evenshelf.encoders import open_encoder
from evenshelf.index import SearchEngine
from evenshelf.index.learned_synonyms import learn_synonyms

BRANDS = ["Dell", "HP", "Asus", "Acer", "Apple", "Sony", "Lenovo", "Toshiba"]
TITLES = [f"{brand} notebook silver" for brand in BRANDS] + [f"{brand} printer" for brand in BRANDS]
DESCRIPTIONS = [f"A fine laptop by {b}, garden" for b in BRANDS] + [f"Made well. {b}" for b in BRANDS]


@pytest.fixture(scope="module")
def minilm():
    return open_encoder("minilm-int8")


def test_what_descriptions_call_otherwise_is_found_and_what_is_not_near_is_not(minilm):
    found = learn_synonyms(TITLES, DESCRIPTIONS, minilm, "english")
    assert {(one.word, one.other) for one in found} == {("laptop", "notebook"), ("notebook", "laptop")}
    assert all(one.items == len(BRANDS) for one in found)
    assert found == learn_synonyms(TITLES, DESCRIPTIONS, minilm, "english")


def test_nothing_is_learned_from_few_items_or_without_descriptions(minilm):
    assert learn_synonyms(TITLES[:2], DESCRIPTIONS[:2], minilm, "english") == []
    assert learn_synonyms(TITLES, [None] * len(TITLES), minilm, "english") == []
    assert learn_synonyms([], [], minilm, "english") == []


def test_what_was_learned_finds_and_is_told(tmp_path):
    titles = [*TITLES, "Medion notebook black"]
    items = pl.DataFrame(
        {
            "item_id": [f"i{n}" for n in range(len(titles))],
            "title": titles,
            "description": [*DESCRIPTIONS, None],
        }
    )
    with SearchEngine.build(tmp_path / "index", items) as engine:
        assert "laptop => notebook" in engine.manifest.learned_synonyms
        (hit,) = [h for h in engine.search("medion laptop", explain=True).hits if h.item["title"].startswith("Medion")]
        assert hit.explanation is not None
        assert "notebook is a synonym of laptop" in hit.explanation.notes
    with SearchEngine.open(tmp_path / "index") as again:
        assert again.search("medion laptop").hits[0].item["title"] == "Medion notebook black"
