"""Searches: what is found, counted, corrected, let go and refused."""

from __future__ import annotations

import datetime as dt
import io
import json
import math
import re
import threading

import numpy as np
import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from rich.console import Console

from evenshelf.errors import EvenshelfError, InputError, SettingError
from evenshelf.index import Ranking, SearchEngine
from evenshelf.index.documents import facets_of, layout_of
from evenshelf.index.filters import SYNTAX, Among, Between, describe, parse_filters
from evenshelf.index.lexical import MOST_VALUES
from evenshelf.index.query_vectors import WAITING
from evenshelf.index.terminal import results_report
from tests.index.conftest import TITLES


def ids(results):
    return [hit.item_id for hit in results.hits]


@pytest.mark.parametrize(
    ("query", "first"),
    [
        ("xps 13", "i0"),
        ("XPS13", "i0"),
        ("512gb ssd", "i0"),
        ("hp laser jet printer", "i3"),
        ("hiking boot", "i10"),
        ("cafe press", "i11"),
        ("runing shoes for women", "i9"),
        ("运动鞋", "i13"),
        ("華為 mate 40", "i15"),
        ("ＵＳＢ－Ｃ", "i17"),
        ("mobile phone mate40", "i15"),
    ],
)
def test_the_item_that_is_meant_comes_first(engine, query, first):
    assert ids(engine.search(query))[0] == first


def test_what_a_query_means_is_found_without_its_words(engine):
    found = engine.search("footwear for jogging", limit=3)
    assert {"i8", "i9"} & set(ids(found))


def test_a_mistyped_word_is_corrected_and_told(engine):
    results = engine.search("hp labtop", explain=True)
    assert results.corrected == "hp laptop"
    assert ids(results)[0] == "i2"
    why = results.hits[0].explanation
    assert why is not None
    assert "laptop is a correction of labtop" in why.notes
    assert engine.search("hp laptop").corrected is None


def test_a_slip_that_some_item_has_is_asked_about(tmp_path):
    titles = [f"iphone case {n}" for n in range(60)] + ["iphnoe case"]
    items = pl.DataFrame({"item_id": [f"i{n}" for n in range(61)], "title": titles})
    with SearchEngine.build(tmp_path / "index", items) as engine:
        results = engine.search("blue iphnoe case")
        assert (results.did_you_mean, results.corrected) == ("blue iphone case", None)
        assert engine.search("iphone case").did_you_mean is None


def test_synonyms_find_and_are_told(engine):
    results = engine.search("computer", ranking=Ranking(fusion="words"), explain=True)
    assert {"i0", "i6"} <= set(ids(results))
    (xps,) = [hit for hit in results.hits if hit.item_id == "i0"]
    assert xps.explanation is not None
    assert "laptop is a synonym of computer" in xps.explanation.notes


def test_what_was_taken_for_what_is_told_in_whole_words_as_they_were_typed(tmp_path):
    titles = [f"wireless batteries {n}" for n in range(60)] + ["batetries", "television set", "Bücherregale"]
    items = pl.DataFrame({"item_id": [f"i{n}" for n in range(len(titles))], "title": titles})
    lines = ["TV => television sets", "bookcases, Bücherregale"]
    with SearchEngine.build(tmp_path / "index", items, encoder="tfidf", language="english", synonyms=lines) as engine:

        def notes(query):
            (told,) = {hit.explanation.notes for hit in engine.search(query, explain=True, limit=1).hits}
            return told

        assert engine.search("Wireles  BATTERIES!").corrected == "wireless  BATTERIES!"
        assert "wireless is a correction of wireles" in notes("Wireles BATTERIES")
        assert engine.search("Wireless Batetries").did_you_mean == "Wireless batteries"
        assert "television sets is a synonym of tv" in notes("TV")
        assert "Bücherregale is a synonym of bookcases" in notes("bookcases")
        assert "no item has every word as it was typed" in " ".join(_shown(engine.search("wireles")).split())


def test_words_that_no_item_has_together_are_let_go_and_that_is_told(engine):
    results = engine.search("waterproof printer", ranking=Ranking(fusion="words"))
    assert results.relaxed
    assert {"i7", "i3", "i4"} == set(ids(results))
    assert not engine.search("waterproof backpack", ranking=Ranking(fusion="words")).relaxed


def test_nothing_is_found_where_nothing_is_near(engine):
    results = engine.search("qqqqxxzz vvvvkk")
    assert (results.total, results.hits) == (0, ())
    assert "none is near to what they mean" in " ".join(_shown(results).split())
    assert "none is near" not in _shown(engine.search("?!", limit=0)), "nothing was asked that could be near"
    assert "No item has" not in _shown(engine.search("printer", filters=["price:>100000"])), "filters are told of"


def test_what_vectors_alone_found_is_told(engine):
    results = engine.search("laptoperish")
    assert results.total
    assert any("near to what they mean" in sentence for sentence in results.relaxed)
    assert not engine.search("laptop").relaxed
    assert not engine.search("", filters=["brand:HP"]).relaxed


def test_vectors_are_of_folded_titles_as_those_of_queries_are(tmp_path):
    titles = ["ＤＥＬＬ　ＸＰＳ－１３ 輕薄筆電", "dell xps-13 轻薄笔电", "garden hose 20 m"]
    items = pl.DataFrame({"item_id": ["wide", "plain", "other"], "title": titles})
    with SearchEngine.build(tmp_path / "index", items, encoder="tfidf") as engine:
        wide, plain = engine.vectors(["wide", "plain"])
        np.testing.assert_array_equal(wide, plain)
        engine.put(pl.DataFrame({"item_id": ["later"], "title": titles[:1]}))
        np.testing.assert_array_equal(engine.vectors(["later"])[0], plain)


def test_filters_that_leave_nothing_are_told_one_by_one(engine):
    results = engine.search("printer", filters=["brand:HP", "price:>100000"])
    assert results.total == 0
    assert results.without.keys() == {"price:>100000"}
    assert results.without["price:>100000"] == engine.search("printer", filters=["brand:HP"]).total


def test_every_score_is_the_sum_of_its_parts(engine):
    for ranking in (Ranking(), Ranking(fusion="rrf"), Ranking(fusion="words"), Ranking(fusion="vectors")):
        results = engine.search("hp laptop 15", explain=True, ranking=ranking, limit=20)
        assert results.hits
        for hit in results.hits:
            assert hit.explanation is not None
            assert math.isclose(sum(hit.explanation.parts.values()), hit.score, abs_tol=1e-5)
        scores = [hit.score for hit in results.hits]
        assert scores == sorted(scores, reverse=True)


def test_pages_put_together_are_the_whole_list(engine):
    whole = engine.search("hp laptop", limit=100)
    assert whole.total == len(whole.hits)
    pages = [i for at in range(0, whole.total + 3, 3) for i in ids(engine.search("hp laptop", offset=at, limit=3))]
    assert pages == ids(whole)
    # Beyond the candidates as well.
    few = Ranking(depth=2)
    whole = engine.search("", limit=100)
    assert ids(whole) == [i for at in range(0, 20, 6) for i in ids(engine.search("", offset=at, limit=6))]
    deep = engine.search("hp computer laptop printer 15", ranking=few, limit=100)
    assert deep.total == len(deep.hits) == len(set(ids(deep)))


def test_an_order_by_a_number_is_that_order_with_nothing_lost(engine, items):
    price = dict(items.select("item_id", "price").iter_rows())
    for sort, sign in (("price", 1), ("-price", -1)):
        results = engine.search("", sort=sort, limit=100)
        assert len(results.hits) == len(TITLES)
        prices = [price[i] for i in ids(results)]
        with_price = [p for p in prices if p is not None]
        assert with_price == sorted(with_price, key=lambda p: sign * p)
        assert prices[-1] is None
    sorted_query = engine.search("laptop", sort="-price", limit=50)
    assert set(ids(sorted_query)) == set(ids(engine.search("laptop", limit=50)))


def test_without_a_query_the_most_popular_come_first(engine, items):
    popularity = dict(items.select("item_id", "popularity").iter_rows())
    shown = [popularity[i] for i in ids(engine.search("", limit=100))]
    assert shown == sorted(shown, reverse=True)
    assert engine.search("  \t ").total == len(TITLES)


def test_facets_count_what_is_listed(engine):
    for query in ("laptop", "", "shoes 鞋", "hp 15"):
        results = engine.search(query, limit=100, facets=["brand", "path", "tags", "price", "in_stock"])
        brands = [hit.item.get("brand") for hit in results.hits]
        assert results.facets["brand"] == {b: brands.count(b) for b in set(brands) if b is not None}
        tags = [tag for hit in results.hits for tag in str(hit.item.get("tags") or "").split("|") if tag]
        assert results.facets["tags"] == {t: tags.count(t) for t in set(tags)}
        first = [str(hit.item["path"]).split("|")[0] for hit in results.hits if hit.item.get("path")]
        assert {c: n for c, n in results.facets["path"].items() if "|" not in c} == {
            c: first.count(c) for c in set(first)
        }
        prices = [hit.item["price"] for hit in results.hits if hit.item.get("price") is not None]
        assert results.ranges["price"] == (min(prices), max(prices))
        counts = list(results.facets["path"].values())
        assert counts == sorted(counts, reverse=True)


_VALUES = {
    "brand": ["HP", "Dell", "耐克", "nobody", "Targus"],
    "path": ["Computers", "Computers|Laptops", "鞋", "Laptops"],
    "tags": ["new", "sale", "other"],
    "in_stock": ["true", "false"],
    "colour": ["red", "blue"],
}
_among = st.builds(
    lambda column, picks, negated: Among(column, tuple(dict.fromkeys(picks)), negated),
    *(st.shared(st.sampled_from(sorted(_VALUES)), key="column"),),
    st.shared(st.sampled_from(sorted(_VALUES)), key="column").flatmap(
        lambda column: st.lists(st.sampled_from(_VALUES[column]), max_size=1 if column == "path" else 3)
    ),
    st.booleans(),
)
_bound = st.none() | st.sampled_from([0.0, 19.99, 49.0, 64.0, 129.0, 399.0, 5000.0])
_between = st.builds(Between, st.just("price"), _bound, _bound, st.booleans(), st.booleans(), st.booleans())


def _passes(condition, item):
    """A filter, once more, over one item as it was given."""
    value = item[condition.column]
    if isinstance(condition, Among):
        if condition.column == "tags":
            held = {part for part in (value or "").split("|") if part}
        elif condition.column == "path":
            parts = (value or "").split("|")
            held = {"|".join(parts[: n + 1]) for n in range(len(parts))} if value else set()
        elif isinstance(value, bool):
            held = {"true" if value else "false"}
        else:
            held = set() if value is None else {value}
        holds = bool(held & set(condition.values)) if condition.values else not held
    else:
        low, high = condition.low, condition.high
        holds = value is not None
        holds = holds and (low is None or (value >= low if condition.with_low else value > low))
        holds = holds and (high is None or (value <= high if condition.with_high else value < high))
    return holds != condition.negated


@given(st.lists(_among | _between, max_size=3), st.sampled_from(["", "laptop 15", "鞋", "hp", "jogging footwear"]))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=150)
def test_filters_pass_what_a_plain_scan_passes_in_both_legs(engine, items, conditions, query):
    layout = layout_of(items)
    # What is written is what is read again.
    texts = [describe(condition) for condition in conditions]
    filters = parse_filters(texts, layout)
    assert [describe(condition) for condition in filters] == texts
    passing = {item["item_id"] for item in items.iter_rows(named=True) if all(_passes(c, item) for c in filters)}
    assert set(engine._view.documents["item_id"].filter(pl.Series(engine._view.mask(filters)))) == passing
    for ranking in (Ranking(fusion="words"), Ranking(fusion="vectors"), Ranking()):
        free = engine.search(query, limit=100, ranking=ranking)
        held = engine.search(query, filters=texts, limit=100, ranking=ranking)
        assert set(ids(held)) <= passing
        if not query or ranking.fusion == "vectors":
            assert set(ids(held)) == passing & set(ids(free))
        assert held.total == len(held.hits)


def test_words_and_filters_find_what_a_scan_finds(engine, items):
    for query, word in (("laptop", "laptop"), ("printer", "printer"), ("cable", "cable")):
        having = {i for i, title in items.select("item_id", "title").iter_rows() if word in title.lower()}
        held = engine.search(query, filters=["price:..200"], limit=100, ranking=Ranking(fusion="words", enough=1))
        cheap = {i for i, p in items.select("item_id", "price").iter_rows() if p is not None and p <= 200}
        assert set(ids(held)) == having & cheap


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("brand", "has no colon.*Filters are written so"),
        ("brnad:HP", "did you mean brand"),
        ("title:x", "No column"),
        ("price:cheap", "'cheap' is no number.*'price'.*Write price:10..50"),
        ("price:1..x", "'x' is no number.*'price'.*Write price:10..50"),
        ("price:nan", "'nan' is no number"),
        ("price:2024-01-01", "'2024-01-01' is no number"),
        ("price:10...20", "'10...20' is no range of the column 'price'.*Write price:10..50"),
        ("price:10....20", "is no range"),
        ("price:10..20..30", "is no range"),
        ("price:1.5...9", "is no range"),
        ("price:..", "is no range"),
        ("price:>", "'>' is no number"),
        ("launched:1704067200", "'1704067200' is no date.*'launched'.*Write launched:2024, launched:2024-03"),
        ("launched:2024-13", "is no date"),
        ("launched:2024-02-30", "is no date"),
        ("launched:0000", "is no date"),
        ("launched:9999", "is no date"),
        ("launched:2024-1", "is no date"),
        ("launched:>soon", "'soon' is no date"),
        ("launched:2024...2025", "is no range of the column 'launched'"),
        ("in_stock:maybe", "'maybe' is neither yes nor no.*'in_stock'.*Write in_stock:true or in_stock:false"),
        ("in_stock:true|2", "'2' is neither yes nor no"),
    ],
)
def test_a_filter_that_cannot_be_read_is_one_error_that_says_what_to_write(engine, text, told):
    with pytest.raises(SettingError, match=re.compile(told, re.DOTALL)):
        engine.search("x", filters=[text])
    assert "brand:" in SYNTAX


def test_one_text_where_several_may_be_given_is_one(engine):
    for query in ("", "laptop"):
        one = engine.search(query, filters="brand:HP", facets="brand", limit=50)
        several = engine.search(query, filters=["brand:HP"], facets=["brand"], limit=50)
        assert (one.hits, one.facets) == (several.hits, several.facets)
    assert engine.scores("laptop", "i0") == engine.scores("laptop", ["i0"])
    assert engine.cosines("laptop", "i0") == engine.cosines("laptop", ["i0"])


@pytest.mark.parametrize("yes", ["true", "True", "yes", "YES", "1"])
@pytest.mark.parametrize("no", ["false", "False", "no", "0"])
def test_yes_and_no_are_written_in_several_ways(engine, items, yes, no):
    for written, told in ((yes, True), (no, False)):
        held = set(items.filter(pl.col("in_stock") == told)["item_id"])
        assert set(ids(engine.search("", filters=[f"in_stock:{written}"], limit=100))) == held
    both = engine.search("", filters=[f"in_stock:{yes}|{no}"], limit=100)
    assert both.total == items["in_stock"].count()


_MOMENTS = sorted(
    {
        dt.datetime(year, month, day, hour, minute, second, part, tzinfo=dt.UTC)
        for year, month, day in (
            (1969, 12, 31),
            (2023, 12, 31),
            (2024, 1, 1),
            (2024, 2, 29),
            (2024, 3, 1),
            (2025, 1, 1),
        )
        for hour, minute, second, part in ((0, 0, 0, 0), (0, 0, 0, 1), (10, 30, 0, 0), (23, 59, 59, 999_999))
    }
)
_named = st.builds(
    lambda moment, length: moment.replace(tzinfo=None).isoformat(timespec="microseconds")[:length],
    st.sampled_from(_MOMENTS) | st.datetimes(dt.datetime(1960, 1, 1), dt.datetime(2030, 1, 1)),
    st.sampled_from([4, 7, 10, 13, 16, 19, 26]),
)


@pytest.fixture(scope="module")
def dated(tmp_path_factory):
    frame = pl.DataFrame(
        {
            "item_id": [f"i{n}" for n in range(len(_MOMENTS) + 1)],
            "title": ["thing"] * (len(_MOMENTS) + 1),
            "launched": pl.Series([*_MOMENTS, None], dtype=pl.Datetime("us", "UTC")),
        }
    ).with_columns(day=pl.col("launched").dt.date(), local=pl.col("launched").dt.convert_time_zone("Europe/Berlin"))
    with SearchEngine.build(tmp_path_factory.mktemp("dated") / "index", frame, encoder="tfidf") as built:
        yield built


@given(st.sampled_from(["", ">", ">=", "<", "<=", "..", "a..", "..b"]), _named, _named, st.booleans())
@settings(max_examples=200)
def test_a_date_means_the_whole_of_what_it_names(dated, sign, one, other, negated):
    """As iso writes it, a moment is in a year if it begins with the year, and so on; and what is later sorts later."""

    def passes(moment):
        if moment is None:
            return negated
        here, there = (moment.replace(tzinfo=None).isoformat(timespec="microseconds")[: len(x)] for x in (one, other))
        holds = {
            "": here == one,
            ">": here > one,
            ">=": here >= one,
            "<": here < one,
            "<=": here <= one,
            "..": here >= one and there <= other,
            "a..": here >= one,
            "..b": there <= other,
        }[sign]
        return holds != negated

    what = {"..": f"{one}..{other}", "a..": f"{one}..", "..b": f"..{other}"}.get(sign, f"{sign}{one}")
    expected = {f"i{n}" for n, moment in enumerate([*_MOMENTS, None]) if passes(moment)}
    for column in ("launched", "local"):
        written = f"{'-' if negated else ''}{column}:{what}"
        filters = parse_filters(written, dated.manifest.layout)
        assert parse_filters([describe(filters[0])], dated.manifest.layout) == filters
        for query in ("", "thing"):
            words = dated.search(query, filters=[written], limit=100, ranking=Ranking(fusion="words"))
            assert set(ids(words)) == expected
        assert set(dated._view.documents["item_id"].filter(pl.Series(dated._view.mask(filters)))) == expected


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("launched:2024", "launched:2024"),
        ("launched:2024-01..2024-12", "launched:2024"),
        ("launched:2024-03", "launched:2024-03"),
        ("-launched:2024-01-05..2024-02-01", "-launched:2024-01-05..2024-02-01"),
        ("launched:>2024-03", "launched:>=2024-04"),
        ("launched:<=2024-03", "launched:<2024-04"),
        ("launched:>=2024-03-01 10:30+02:00", "launched:>=2024-03-01T08:30"),
        ("launched:", "launched:"),
    ],
)
def test_dates_are_told_as_dates(dated, written, told):
    (condition,) = parse_filters([written], dated.manifest.layout)
    assert describe(condition) == told


def test_ranges_of_dates_are_dates(dated):
    results = dated.search("thing", facets=["launched", "day", "local"])
    assert results.ranges["launched"] == results.ranges["local"] == (_MOMENTS[0], _MOMENTS[-1])
    assert results.ranges["day"] == (_MOMENTS[0].date(), _MOMENTS[-1].date())
    assert results.to_dict()["ranges"]["day"] == ["1969-12-31", "2025-01-01"]
    none = dated.search("", filters=["launched:"], facets=["launched"])
    assert none.ranges == {"launched": None}


def test_values_that_are_left_out_are_counted_together(tmp_path):
    many = MOST_VALUES + 300
    brands = [f"b{n:04}" for n in range(many) for _ in range(1 + (n < 5))]
    frame = pl.DataFrame({"item_id": [f"i{n}" for n in range(len(brands))], "title": "thing", "brand": brands})
    with SearchEngine.build(tmp_path / "index", frame, encoder="tfidf") as engine:
        engine.put(frame.tail(3).with_columns(brand=pl.lit("b0000"), title=pl.lit("thing other")))
        for ranking in (Ranking(fusion="words"), Ranking()):
            results = engine.search("thing", facets=["brand"], ranking=ranking)
            counts = results.facets["brand"]
            assert len(counts) == MOST_VALUES
            assert list(counts.items())[:2] == [("b0000", 5), ("b0001", 2)]
            assert results.rest["brand"] == results.total - sum(counts.values()) > 0
        few = engine.search("thing", filters=["brand:b0001|b0007"], facets=["brand"])
        assert few.rest == {}
    shown = " ".join(_shown(results).split())
    assert f"and {MOST_VALUES - 8} more, and others that {results.rest['brand']} items have" in shown


def _shown(results):
    console = Console(width=200, file=io.StringIO())
    console.print(results_report(results))
    return console.file.getvalue()


def test_ranges_are_told_so_that_they_can_be_read(engine, dated):
    shown = _shown(engine.search("", facets=["price", "launched"]))
    assert "price: 12 to 4999" in shown
    assert "launched: 2024-01-01 to 2024-12-01" in shown
    assert "launched: 1969-12-31 to 2025-01-01 23:59" in _shown(dated.search("", facets=["launched"]))


_NASTY = [
    "",
    "   ",
    "the of and",
    "!!! ??? ...",
    "\x00\x07laptop\x1b[31m",
    'title:"x" OR brand:* AND (NOT',
    "a" * 999,
    "laptop " * 140,
    "ラップトップ 笔记本 laptop ноутбук",
    "'; DROP TABLE batches; --",
    "💻 🖨️",
    '+-&&||!(){}[]^"~*?:\\/',
    "laptop\n\t\r\u2028hp",
    "\u202elaptop",
    "l\u0301a\u0301ptop",
    "00000000000000000000000000000000000000001",
    "1e999 gb",
]


@pytest.mark.parametrize("query", _NASTY)
def test_a_bad_query_gets_an_answer(engine, query):
    results = engine.search(query, explain=True, facets=["brand"])
    json.dumps(results.to_dict(), allow_nan=False)
    assert results.total >= len(results.hits)


@given(st.text(max_size=60))
@example("\ud7ff")
@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_gets_an_answer_and_the_same_one_twice(engine, query):
    first, again = engine.search(query, limit=5), engine.search(query, limit=5)
    assert (first.hits, first.total) == (again.hits, again.total)
    engine.suggest(query)


@pytest.mark.parametrize("query", ["x" * 10_000, "laptop \ud83d"])
def test_a_query_that_is_none_is_one_clear_error(engine, query):
    with pytest.raises(InputError, match="query"):
        engine.search(query)


@pytest.mark.parametrize(
    "wrong", [{"sort": "brand"}, {"sort": "-prise"}, {"limit": -1}, {"limit": 5000}, {"offset": -1}, {"facets": ["x"]}]
)
def test_a_request_that_makes_no_sense_is_refused(engine, wrong):
    with pytest.raises(EvenshelfError):
        engine.search("laptop", **wrong)


def test_only_stop_words_are_words_too(engine):
    assert engine.search("for").total > 0


def test_what_is_typed_is_completed(engine):
    texts = [s.text for s in engine.suggest("lap")]
    assert texts[0] == "laptop sleeve"
    assert "lap desk" in texts
    assert engine.suggest("跑")[0].text == "跑步鞋"
    assert engine.suggest("slee")[0].text == "laptop sleeve"
    assert engine.suggest("sleeve lap")[0].text == "laptop sleeve"
    assert engine.suggest("labtop")[0].text.lower().startswith("laptop")
    assert {"HP"} <= {s.text for s in engine.suggest("h")}
    assert engine.suggest("") == engine.suggest("zzzz") == []


def test_columns_are_filtered_by_as_they_are_compared(items):
    facets = facets_of(items, layout_of(items))
    assert facets["path"][0].to_list() == ["Computers", "Computers|Laptops"]
    assert facets["in_stock"].to_list()[:2] == ["false", "true"]
    assert facets["in_stock"][7] is None
    assert facets["launched"][0] == 1704067200.0


def test_words_alone_answer_while_the_vector_is_late_and_it_is_kept(items, tmp_path, monkeypatch):
    with SearchEngine.build(tmp_path / "index", items) as engine:
        encode, waiting = engine._generation.encoder.encode, threading.Event()

        def slow(texts, **options):
            waiting.wait(10)
            return encode(texts, **options)

        monkeypatch.setattr(engine._generation.encoder, "encode", slow)
        late = engine.search("hp printer", patience=0.001)
        assert late.late
        assert late.legs == ("words",)
        assert ids(late)[0] == "i3"
        waiting.set()
        in_time = engine.search("hp printer", patience=10)
        assert not in_time.late
        assert in_time.legs == ("words", "vectors")
        assert in_time.hits == engine.search("hp printer").hits


def test_an_encoder_that_does_not_keep_up_is_not_waited_for(items, tmp_path, monkeypatch):
    with SearchEngine.build(tmp_path / "index", items) as engine:
        encoder, asked, waiting = engine._generation.encoder, [], threading.Event()
        encode = encoder.encode

        def slow(texts, **options):
            asked.extend(texts)
            waiting.wait(300)
            return encode(texts, **options)

        monkeypatch.setattr(encoder, "encode", slow)
        for n in [*range(WAITING + 10), *range(10)]:
            assert engine.search(f"hp printer {n}", patience=0.0).late
        # However much patience: nobody waits for what is not even on its way.
        assert engine.search("canon printer", patience=60).late
        waiting.set()
        in_time = [engine.search(f"hp printer {n}", patience=20) for n in range(WAITING)]
        assert not any(results.late for results in in_time)
        assert sorted(asked) == sorted({f"hp printer {n}" for n in range(WAITING)})
        assert not engine.search("canon printer", patience=20).late


_ODD = [
    "Sony ",
    " a b",
    "A|B",
    "2024-01-01T00:00:00Z",
    "true",
    "12",
    "1.5",
    "x:y",
    "a\0b",
    "a.b",
    "=x",
    'it\'s "q" \\',
    "-x",
]


def test_odd_values_and_names_of_columns_are_filtered_by_and_counted(tmp_path):
    values = [*_ODD, "", None]
    frame = pl.DataFrame(
        {
            "item_id": [f"i{n}" for n in range(len(values))],
            "title": [f"thing {n}" for n in range(len(values))],
            "maker.x": values,
            "7": values,
            "size": [-0.0, 0.0, float("nan"), float("inf"), *[None] * (len(values) - 4)],
        }
    )
    with SearchEngine.build(tmp_path / "index", frame, encoder="tfidf") as engine:
        for fusion in ("words", "vectors"):
            ranking = Ranking(fusion=fusion)
            for column in ("maker.x", "7"):
                for n, value in enumerate(_ODD):
                    written = value.replace("|", "\\|")
                    results = engine.search("thing", filters=[f"{column}:{written}"], ranking=ranking)
                    assert ids(results) == [f"i{n}"]
                none = engine.search("thing", filters=[f"{column}:"], ranking=ranking)
                assert set(ids(none)) == {f"i{len(_ODD)}", f"i{len(_ODD) + 1}"}
                facets = engine.search("thing", facets=[column], ranking=ranking, limit=100).facets[column]
                assert facets == {value.strip(): 1 for value in _ODD}
            assert set(ids(engine.search("thing", filters=["size:>=0"], ranking=ranking))) == {"i0", "i1"}
        for n in range(4):
            results = engine.search(f"thing {n}", limit=100)
            json.dumps(results.to_dict(), allow_nan=False)


@pytest.mark.parametrize("popularity", ["high", -5.0, float("nan")])
def test_a_popularity_that_counts_nothing_counts_for_nothing(items, tmp_path, popularity):
    odd = items.with_columns(popularity=pl.lit(popularity))
    with SearchEngine.build(tmp_path / "index", odd, encoder="tfidf") as engine:
        for query in ("laptop", ""):
            results = engine.search(query, explain=True)
            assert results.hits
            assert all(math.isfinite(hit.score) for hit in results.hits)


@pytest.mark.parametrize("asked", [2, 3, 5, 9, 40])
def test_no_more_words_are_let_go_than_it_takes(tmp_path, asked):
    words = [f"{a}{b}lo" for a in "bdfgklmn" for b in ("ari", "ebu", "oni", "utu", "idu")]
    # Each item has one word more than the one before.
    titles = [" ".join(words[: n + 1]) for n in range(len(words))]
    frame = pl.DataFrame({"item_id": [f"i{n}" for n in range(len(words))], "title": titles})
    with SearchEngine.build(tmp_path / "index", frame, encoder="tfidf") as engine:
        for enough in (1, 2, 5, 17, 40):
            results = engine.search(" ".join(words[:asked]), ranking=Ranking(fusion="words", enough=enough))
            assert results.total == max(enough, len(words) - asked + 1)


def test_parts_of_words_are_told_apart_from_words(engine):
    (told,) = engine.search("鞋柜", ranking=Ranking(fusion="words")).relaxed
    assert "only parts" in told
    assert engine.search("鞋柜", ranking=Ranking(fusion="words")).total > 0
