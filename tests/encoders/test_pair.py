"""Pairs of texts: taken apart as they were put together, each side encoded once, and how they relate beside them."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evenshelf.bundles.portable import in_folder, portable_encoder
from evenshelf.encoders import (
    EncoderKind,
    VectorCache,
    check_restorable,
    choose_encoder,
    open_encoder,
    register,
    restore_encoder,
    wrapped_spec,
)
from evenshelf.encoders.base import unit_rows
from evenshelf.encoders.overlap import FEATURES, OverlapEncoder, shares
from evenshelf.encoders.pair import PairEncoder
from evenshelf.encoders.sides import SEPARATOR, pair_text, sides
from evenshelf.errors import SettingError
from evenshelf.testing import check_encoder

from .counting import CountingEncoder

QUERIES = ["red running shoe", "watch for men", "运动鞋 黑色"]
TITLES = ["Nike Men Air Max Running Shoes Red", "Titan Analog Watch", "耐克 运动鞋 黑色 42码"]
PAIRS = [pair_text(query, title) for query in QUERIES for title in TITLES]


def test_passes_the_suite_on_pairs() -> None:
    check_encoder(open_encoder("pair:tfidf", PAIRS), lambda: open_encoder("pair:tfidf", PAIRS[::-1]), PAIRS)


def test_passes_the_suite_on_texts_that_are_no_pairs() -> None:
    check_encoder(open_encoder("pair:fused", PAIRS), lambda: open_encoder("pair:fused", PAIRS), TITLES)


@given(st.text(), st.text())
def test_no_side_holds_the_separator(first: str, second: str) -> None:
    text = pair_text(first, second)
    assert text.count(SEPARATOR) == 1
    assert sides([text]) == ([" ".join(first.split())], [" ".join(second.split())])


def test_a_text_without_a_separator_is_a_title() -> None:
    assert sides(["shoe", "a\tb\tc", "\tshoe"]) == (["", "a", ""], ["shoe", "b\tc", "shoe"])


def test_a_row_holds_both_vectors_their_product_and_their_difference() -> None:
    inner = open_encoder("tfidf", [*QUERIES, *TITLES])
    rows = PairEncoder(inner).encode(PAIRS)
    query = np.repeat(inner.encode(QUERIES), 3, axis=0)
    title = np.tile(inner.encode(TITLES), (3, 1))
    blocks = np.split(rows[:, : 4 * inner.dimension], 4, axis=1)
    for block, wanted in zip(blocks, (query, title, query * title, np.abs(query - title)), strict=True):
        np.testing.assert_allclose(unit_rows(block), unit_rows(wanted), atol=1e-5)
    np.testing.assert_allclose(unit_rows(rows[:, 4 * inner.dimension :]), OverlapEncoder().encode(PAIRS), atol=1e-5)
    # no block drowns the others
    np.testing.assert_allclose(np.linalg.norm(blocks[0], axis=1), np.linalg.norm(blocks[1], axis=1), atol=1e-5)


def test_without_a_query_only_the_title_speaks() -> None:
    encoder = open_encoder("pair:tfidf", PAIRS)
    row, blank = encoder.encode(["Titan Analog Watch", "\tTitan Analog Watch"])
    inner = encoder.parts[1]
    np.testing.assert_allclose(row[inner.dimension : 2 * inner.dimension], inner.encode(["Titan Analog Watch"])[0])
    assert not row[: inner.dimension].any()
    assert not row[2 * inner.dimension :].any()
    np.testing.assert_array_equal(row, blank)


def test_each_side_reaches_the_model_once(tmp_path) -> None:
    inner, plain = CountingEncoder(), CountingEncoder()
    cache, done = VectorCache(tmp_path), []
    got = cache.encode(PairEncoder(inner), [*PAIRS, PAIRS[0]], done.append)
    assert sum(done) == len(PAIRS) + 1
    assert sorted(inner.asked) == sorted([*QUERIES, *TITLES])
    np.testing.assert_allclose(got, PairEncoder(plain).encode([*PAIRS, PAIRS[0]]), atol=1e-6)
    cache.encode(PairEncoder(inner), [pair_text(QUERIES[0], TITLES[1])])
    cache.encode(inner, TITLES)
    assert len(inner.asked) == len(QUERIES) + len(TITLES), "what a pair knows, others know as well"


@pytest.mark.parametrize("spec", ["pair:tfidf", "pair:fused", "pair:auto"])
def test_it_is_made_again_from_its_state(spec: str) -> None:
    encoder = open_encoder(spec, PAIRS)
    check_restorable(encoder)
    again = restore_encoder(encoder.name, encoder.state())
    assert again.fingerprint == encoder.fingerprint
    np.testing.assert_array_equal(again.encode(PAIRS), encoder.encode(PAIRS))


def test_what_is_inside_decides_what_can_be_kept_and_trusted() -> None:
    register(EncoderKind("fitted-once", "Counts.", lambda _a, _t: CountingEncoder(kind="fitted-once"), fitted=True))
    with pytest.raises(SettingError, match="'fitted-once' is fitted on the texts and cannot be made again"):
        check_restorable(open_encoder("pair:fitted-once", PAIRS))
    assert wrapped_spec("pair:hf:./bert?pool=cls") == "hf:./bert?pool=cls"
    assert portable_encoder("pair:hf:/home/me/models/my-bert?pool=cls") == "pair:hf:./my-bert?pool=cls"
    assert in_folder("pair:hf:./my-bert")
    assert not in_folder("pair:tfidf")


@pytest.mark.parametrize(
    ("spec", "said"), [("pair:pair:tfidf", "pairs of pairs"), ("pair:tfdif", "did you mean tfidf")]
)
def test_a_wrong_inner_encoder_is_refused(spec: str, said: str) -> None:
    with pytest.raises(SettingError, match=said):
        open_encoder(spec, PAIRS)


def test_texts_that_are_all_pairs_are_read_as_such() -> None:
    english = [pair_text("shoe", "Nike Air"), pair_text("watch", "Titan")]
    assert choose_encoder(english).spec == "pair:fused"
    assert choose_encoder([pair_text("鞋", "耐克 运动鞋")]).spec == "pair:tfidf"
    assert choose_encoder([*english, "Titan"]).spec == "fused"
    assert choose_encoder([*english, "\tTitan"]).spec == "fused"
    assert open_encoder("auto", english).name == "pair:fused"


WORDS = st.lists(st.sampled_from(["red", "shoe", "xps", "13", "运动鞋", "a"]), max_size=6).map(" ".join)


@given(WORDS, WORDS)
def test_shares_are_shares(first: str, second: str) -> None:
    found = shares(first, second)
    assert len(found) == FEATURES
    assert all(0 <= share <= 1 for share in found)
    lengths = np.linalg.norm(OverlapEncoder().encode([f"{first}\t{second}"]), axis=1)
    np.testing.assert_allclose(lengths, [1.0 if first else 0.0], atol=1e-6)


def test_shares_tell_what_is_there() -> None:
    whole, ahead, numbers, head, last, every, piece, digits = shares("Dell XPS 13", "Dell notebook charger for xps-13")[
        :8
    ]
    assert (whole, head, last, every, digits, numbers) == (1, 1, 1, 1, 1, 1)
    assert ahead == pytest.approx(1 / 3)
    assert piece == 0
    assert shares("XPS 13", "dell xps-13")[6] == 1
    assert shares("ＸＰＳ", "xps") == shares("xps", "xps"), "width and case are no difference"
    # n-grams stand in for stems
    assert shares("shoes", "running shoe")[0] == 0
    assert shares("shoes", "running shoe")[8] > shares("watch", "running shoe")[8]
