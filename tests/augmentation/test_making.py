"""Texts are made once, an interruption loses no finished chunk, and what is refused is counted."""

from __future__ import annotations

import json
import random
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenshelf.augmentation import (
    Distinct,
    LabelKept,
    Length,
    MadeCache,
    Near,
    RuleMaker,
    Source,
    diversity,
    make_texts,
    sift,
)
from evenshelf.augmentation.written import Written, same_key
from evenshelf.encoders import open_encoder
from evenshelf.errors import InputError, SettingError

from .catalogue import LABELS, TITLES, ready

ASKED: list[str] = []
"""Texts that the maker below was asked for, in order."""


@dataclass(frozen=True)
class Numbered(RuleMaker):
    """Adds a number to a text; remembers what it was asked for, and may be interrupted."""

    stop: str = ""

    name: ClassVar[str] = "numbered"
    title: ClassVar[str] = "Numbered"
    paper: ClassVar[str] = "none"
    languages: ClassVar[str] = "any"
    chunk: ClassVar[int] = 2

    def one(self, source: Source, written: Written, rng: random.Random, number: int) -> str | None:
        if number == 0:
            ASKED.append(source.text)
        if source.text == self.stop:
            raise KeyboardInterrupt
        return f"{source.text} {number}"


@pytest.fixture
def asked() -> list[str]:
    ASKED.clear()
    return ASKED


def test_nothing_is_made_twice(tmp_path: Path, asked: list[str]) -> None:
    cache = MadeCache(tmp_path / "folder" / "made.db")
    told: list[int] = []
    made = make_texts(Numbered(), ["a", "b", "a", "c"], copies=2, cache=cache, tell=told.append)
    assert made.texts == (("a 0", "a 1"), ("b 0", "b 1"), ("a 0", "a 1"), ("c 0", "c 1"))
    assert sum(told) == 4
    assert asked == ["a", "b", "c"]
    again = make_texts(Numbered(), ["c", "d", "a"], copies=1, cache=MadeCache(cache.path))
    assert again.texts == (("c 0",), ("d 0",), ("a 0",))
    assert asked == ["a", "b", "c", "d"]
    make_texts(Numbered(), ["a"], copies=3, cache=cache)
    make_texts(Numbered(), ["a"], copies=1, seed=1, cache=cache)
    make_texts(Numbered(stop="z"), ["a"], copies=1, cache=cache)
    assert asked[4:] == ["a", "a", "a"], "more copies, another seed and another maker are made anew"
    assert make_texts(Numbered(), ["a"], copies=3, cache=cache).texts == (("a 0", "a 1", "a 2"),)
    assert len(asked) == 7


def test_an_interruption_keeps_all_chunks_that_were_finished(tmp_path: Path, asked: list[str]) -> None:
    cache = MadeCache(tmp_path / "made.db")
    maker, texts = Numbered(stop="d"), ["a", "b", "c", "d", "e"]
    with pytest.raises(KeyboardInterrupt):
        make_texts(maker, texts, cache=cache)
    sources = [Source(text) for text in texts]
    assert cache.get(maker, sources, 1, 0) == [["a 0"], ["b 0"], None, None, None]


@pytest.mark.parametrize("spec", ["eda", "slots", "typos", "crop"])
def test_a_cache_changes_nothing(spec: str, tmp_path: Path) -> None:
    cache = MadeCache(tmp_path / "made.db")
    bare = make_texts(ready(spec), TITLES, copies=2, labels=LABELS)
    assert make_texts(ready(spec), TITLES[:10], copies=1, labels=LABELS[:10], cache=cache).texts
    for _ in range(2):
        kept = make_texts(ready(spec), TITLES, copies=2, labels=LABELS, cache=cache)
        assert kept.texts == bare.texts
        assert kept.untreated == bare.untreated


def test_a_file_that_is_no_cache_is_told(tmp_path: Path) -> None:
    file = tmp_path / "made.db"
    file.write_text("this is no database, and long enough to be looked at " * 50)
    with pytest.raises(InputError, match="Delete the file"):
        make_texts(Numbered(), ["a"], cache=MadeCache(file))


@given(
    texts=st.lists(st.text("ab ", max_size=4), max_size=4),
    more=st.lists(st.lists(st.text("abAB ", max_size=6), max_size=4), min_size=4, max_size=4),
)
def test_every_variant_is_kept_or_counted(texts: list[str], more: list[list[str]]) -> None:
    sources, variants = [Source(text) for text in texts], more[: len(texts)]
    kept, refused = sift(sources, variants, [Distinct.beside(["bb"]), Length(0.5, 2.0)])
    assert sum(map(len, kept)) + sum(refused.values()) == sum(map(len, variants))
    flat = [same_key(text) for own in kept for text in own]
    assert len(set(flat)) == len(flat)
    assert "bb" not in flat
    for source, own, given_ in zip(sources, kept, variants, strict=True):
        assert [text for text in given_ if text in own][: len(own)] or not own
        assert same_key(source.text) not in map(same_key, own)
        assert all(0.5 <= len(text.strip()) / max(len(source.text.strip()), 1e-9) <= 2 for text in own)


def test_what_is_far_and_what_is_too_near_is_refused() -> None:
    texts = ["red running shoe", "black leather belt"]
    encoder = open_encoder("tfidf", [*texts, "blue running shoe", "garden hose"])
    variants = [["running shoe red", "garden hose", "red running shoes"], ["black leather belt!"]]
    sources = [Source(text) for text in texts]
    kept, refused = sift(sources, variants, [Near(encoder, 0.3)])
    assert kept == [["running shoe red", "red running shoes"], ["black leather belt!"]]
    assert refused == {"too far from its source": 1}
    cosine = encoder.encode(["red running shoe", "red running shoes"])
    high = float(cosine[0] @ cosine[1]) - 0.01
    kept, refused = sift(sources[:1], [["red running shoes"]], [Near(encoder, 0.0, high)])
    assert (kept, dict(refused)) == ([[]], {"too near to its source": 1})
    with pytest.raises(SettingError):
        Near(encoder, 0.5, 0.4)


def test_a_label_is_kept_by_scores_of_a_model_that_has_not_seen_the_source() -> None:
    seen = []

    def scores(texts: list[str], rows: np.ndarray) -> np.ndarray:
        seen.append((list(texts), rows.tolist()))
        return np.array([[text.count("a"), text.count("b"), 0.5] for text in texts])

    sources = [Source("a", "A"), Source("b", "B")]
    variants = [["aab", "abb"], ["b"]]
    kept, refused = sift(sources, variants, [LabelKept(scores, ("A", "B", "C"))])
    assert kept == [["aab"], ["b"]]
    assert refused == {"taken for another class": 1}
    assert seen == [(["aab", "abb", "b"], [0, 0, 1])]
    assert sift(sources, variants, [LabelKept(scores, ("A", "B", "C"), rank=2)])[1] == {}
    assert sift([], [], [LabelKept(scores, ("A",))])[0] == []
    with pytest.raises(InputError, match="no class"):
        sift([Source("a", None)], [["b"]], [LabelKept(scores, ("A",))])
    with pytest.raises(InputError, match="shape"):
        sift(sources, variants, [LabelKept(scores, ("A", "B"))])


def test_diversity_measures_what_it_says() -> None:
    report = diversity(
        ["red shoe", "blue hat", "big hat"],
        [["red shoe", "shoe red", "new shoe"], ["blue cap"], []],
        labels=["Shoes", "Hats", "Hats"],
        encoder=open_encoder("tfidf", ["red shoe", "blue hat"]),
    )
    whole = report.overall
    assert (whole.sources, whole.variants) == (3, 4)
    assert whole.identical == 0.25
    assert whole.repeated == 0
    assert whole.distinct_1 == 5 / 8
    assert whole.distinct_2 == 1
    assert whole.overlap == pytest.approx((1 + 1 / 3 + 1 / 3) / 3, abs=1e-6)
    assert whole.kept_words == pytest.approx((1 + 1 + 0.5 + 0.5) / 4)
    assert whole.new_words == 2 / 8
    assert whole.cosine is not None
    assert 0 < whole.cosine < 1
    assert set(report.by_bucket) == {"head", "tail"}
    assert report.by_bucket["head"].sources == 2
    assert json.loads(json.dumps(report.as_json()))["by_bucket"]["tail"]["variants"] == 3
    nothing = diversity(["a"], [[]]).overall
    assert (nothing.identical, nothing.overlap, nothing.cosine) == (None, None, None)
    with pytest.raises(InputError):
        diversity(["a"], [])
