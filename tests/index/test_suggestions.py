"""What is completed: the likeliest first, and after any changes what would be completed of the items as they are."""

from __future__ import annotations

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evenshelf.index import SearchEngine
from evenshelf.index.completions import Completion, Completions
from evenshelf.index.suggestions import Suggester
from evenshelf.index.text.folding import fold
from evenshelf.index.text.words import words_of

_QUERIES = pl.DataFrame({"query": ["red lamp", "Lamps", "lamp", "gone"], "count": [5.0, 5.0, 2.0, 0.0]})
_TYPED = [
    "l",
    "r",
    "la",
    "lam",
    "lamp r",
    "red l",
    "b",
    "acme",
    "acme li",
    "li",
    "鞋",
    "b鞋",
    "lapm",
    "re",
    "g",
    "n",
    "x",
]
_rows = st.fixed_dictionaries(
    {
        "title": st.sampled_from(["Lamp red", "LAMP red", "Acme", "lighting", "red-lamp", "b鞋 red", "", "l" * 90]),
        "brand": st.sampled_from(["Acme", "ACME", "Bulb", "", None]),
        "category": st.sampled_from(["Lighting", "lighting", "Red", None]),
        "popularity": st.sampled_from([0.0, 1.0, 7.0, -3.0, float("nan"), None]),
    }
)
_schema = {
    "item_id": pl.String,
    "title": pl.String,
    "brand": pl.String,
    "category": pl.String,
    "popularity": pl.Float64,
}


def frame(rows):
    return pl.DataFrame([{"item_id": name, **row} for name, row in rows.items()], schema=_schema)


@pytest.fixture(scope="module")
def engine(tmp_path_factory):
    """Each example leaves items behind for the next one."""
    first = frame({f"i{n}": {"title": "Lamp red", "brand": "Acme", "category": None} for n in range(3)})
    path = tmp_path_factory.mktemp("suggested") / "index"
    with SearchEngine.build(path, first, encoder="tfidf", queries=_QUERIES) as built:
        yield built


@given(st.lists(st.dictionaries(st.sampled_from("abcdef"), st.none() | _rows, min_size=1, max_size=4), max_size=4))
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_after_changes_what_is_suggested_is_what_the_items_of_now_would_suggest(engine, monkeypatch, changes):
    monkeypatch.setattr("evenshelf.index.suggestions._APART", 4)
    # Not so many that all is made anew.
    monkeypatch.setattr("evenshelf.index.suggestions._TITLES", 10**9)
    kept = Suggester.of(engine._opened.view, engine._opened.queries)
    for change in changes:
        engine.put(frame({name: row for name, row in change.items() if row is not None}))
        engine.delete([name for name, row in change.items() if row is None and name in engine._opened.view.rows])
        view = engine._opened.view
        before, kept = kept, kept.after(view)
        anew = Suggester.of(view, engine._opened.queries)
        assert len(kept) == len(anew)
        for typed in _TYPED:
            for limit in (1, 3, 100):
                assert kept.complete(typed, limit) == anew.complete(typed, limit) == engine.suggest(typed, limit=limit)
        # Who holds the older ones is told the same as before.
        assert [before.complete(typed) for typed in _TYPED] == [
            Suggester.of(before.view, before.queries).complete(typed) for typed in _TYPED
        ]


_texts = st.lists(
    st.text(alphabet="ab c鞋-", min_size=1, max_size=8), max_size=12, unique_by=lambda text: fold(text).strip()
)


@given(_texts, st.text(alphabet="abc鞋", min_size=1, max_size=3), st.integers(1, 5), st.data())
def test_the_best_are_those_that_a_plain_look_at_all_finds(texts, typed, limit, data):
    folded = [text for text in (fold(text).strip() for text in texts) if text]
    scores = data.draw(st.lists(st.sampled_from([0.0, 1.0, 2.5, 4.0]), min_size=len(folded), max_size=len(folded)))
    gone = data.draw(st.lists(st.booleans(), min_size=len(folded), max_size=len(folded)))
    found = []
    for text, score, left_out in zip(folded, scores, gone, strict=True):
        places = [word.start for word in words_of(text) if text[word.start :].startswith(typed)]
        if places and not left_out:
            found.append((-score * (4.0 if 0 in places else 1.0), text))
    completions = Completions([Completion.of(text, score) for text, score in zip(folded, scores, strict=True)])
    assert completions.beginning(typed, limit, np.array(gone, bool)) == sorted(found)[:limit]


def test_many_that_begin_alike_hide_none_that_is_better(tmp_path):
    """The best key of a text may be far from its first one, and those that are gone may be the best."""
    texts = [f"lamp lamp lamp lamp {n:03}" for n in range(200)]
    completions = Completions([Completion.of(text, float(n)) for n, text in enumerate(texts)])
    gone = np.arange(200) >= 150
    assert [one.folded for one in completions.beginning("l", 5, gone)] == texts[149:144:-1]
    assert [one.folded for one in completions.with_words("lamp 0", 3, gone)] == texts[99:96:-1]
    assert completions.beginning("x", 5) == completions.with_words("lamp x", 5) == []


def test_a_column_that_is_no_text_suggests_nothing_and_harms_nothing(tmp_path):
    items = pl.DataFrame(
        {"item_id": ["a", "b"], "title": ["lamp", "lantern"], "brand": [1, 2], "popularity": ["x", "y"]}
    )
    with SearchEngine.build(tmp_path / "index", items, encoder="tfidf") as engine:
        assert [s.text for s in engine.suggest("la")] == ["lamp", "lantern"]
