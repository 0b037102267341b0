"""Catalogues and judgements from files: every format says the same, and what does not fit together is refused."""

from __future__ import annotations

import csv
import gzip
import json
import zipfile

import polars as pl
import pytest
from bench.search_data import LEAST, SearchData, from_files
from hypothesis import given
from hypothesis import strategies as st

from evenshelf.errors import InputError

PRODUCTS = [
    {"id": "1", "title": "Acme kettle", "short_description": "Boils", "supplier": "Acme", "price": 995},
    {
        "id": "2",
        "title": "Acme\u2028lamp",
        "attr_t_product_type": "Lamp",
        "attr_t_foot": "brass",
        "img_low": "http://x",
    },
    {"id": "3", "title": "扇子", "price": "n/a", "attr_t_foot": "wood"},
]


@pytest.fixture
def judgements(tmp_path):
    """Two queries, of which one has an answer."""
    path = tmp_path / "judgements.csv"
    path.write_text("query,docid,rating\nlamp,2,3\nlamp,1,0\nghost,1,0\n", encoding="utf-8")
    return path


def _write(folder, form):
    text = json.dumps(PRODUCTS)
    if form == "json":
        (folder / "p.json").write_text(text)
    elif form == "jsonl":
        lines = (json.dumps(product, ensure_ascii=False) for product in PRODUCTS)
        (folder / "p.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    elif form == "json.gz":
        (folder / "p.json.gz").write_bytes(gzip.compress(text.encode()))
    elif form == "json.zip":
        with zipfile.ZipFile(folder / "p.json.zip", "w") as archive:
            archive.writestr("inner.json", text)
    else:
        with (folder / "p.csv").open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, list(dict.fromkeys(key for product in PRODUCTS for key in product)))
            writer.writeheader()
            writer.writerows(PRODUCTS)
    return folder / f"p.{form}"


@pytest.mark.parametrize("form", ["json", "jsonl", "json.gz", "json.zip", "csv"])
def test_every_format_says_the_same(tmp_path, judgements, form):
    data = from_files(_write(tmp_path, form), judgements)
    shown = data.items.select("item_id", "title", "description", "brand", "category", "price")
    assert shown.rows() == [
        ("1", "Acme kettle", "Boils", "Acme", "", 995.0),
        ("2", "Acme\u2028lamp", "", "", "Lamp", None),
        ("3", "扇子", "", "", "", None),
    ]
    assert data.items["attributes"].to_list() == ["", "Lamp\nbrass", "wood"]
    assert "img_low" not in data.items.columns
    assert data.queries == ("lamp", "ghost")
    assert data.answerable() == ("lamp",)
    assert data.grades() == {"lamp": {"2": 3.0, "1": 0.0}, "ghost": {"1": 0.0}}


def test_a_rare_attribute_is_text_and_no_column(tmp_path, judgements):
    often, many = "attr_t_often", int(2 / LEAST)
    products = [{"id": str(i), "title": "t", often: "x"} for i in range(many)] + [
        {"id": "a", "title": "t", "rare": "y"}
    ]
    (tmp_path / "p.json").write_text(json.dumps(products))
    items = from_files(tmp_path / "p.json", judgements).items
    assert often in items.columns
    assert "rare" not in items.columns
    assert items["attributes"][-1] == "y"


@pytest.mark.parametrize(
    ("ratings", "says"),
    [
        ("query,docid,rating\nlamp,9,3\n", "not in the catalogue"),
        ("query,docid,rating\nlamp,2,3\nlamp,2,1\n", "two ratings"),
        ("query,docid,rating\nlamp,2,good\n", "not numbers"),
        ("query,docid,rating\nlamp,2,-1\n", "not numbers"),
        ("query,doc,rating\nlamp,2,1\n", "lacks docid"),
    ],
)
def test_judgements_that_do_not_fit_are_refused(tmp_path, ratings, says):
    path = tmp_path / "judgements.csv"
    path.write_text(ratings)
    with pytest.raises(InputError, match=says):
        from_files(_write(tmp_path, "json"), path)


@pytest.mark.parametrize(
    ("name", "content", "says"),
    [
        ("p.json", b"[1, 2]", "not a product"),
        ("p.json", b"[", "cannot be read"),
        ("p.json", b"[]", "no product"),
        ("p.json", b'[{"id": "1"}]', "no title"),
        ("p.json", b'[{"id": "1", "title": "a"}, {"id": "1", "title": "b"}]', "same id"),
        ("p.json.zip", b"PK", "cannot be read"),
        ("p.json", b"\xff", "cannot be read"),
    ],
)
def test_catalogues_that_cannot_be_used_are_refused(tmp_path, judgements, name, content, says):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(InputError, match=says):
        from_files(tmp_path / name, judgements)


@given(st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from("123"), st.integers(0, 3)), max_size=9))
def test_answerable_queries_are_those_with_a_grade_above_none(rows):
    last = {(query, item): grade for query, item, grade in rows}
    judged = pl.DataFrame(
        [(query, item, float(grade)) for (query, item), grade in last.items()],
        {"query": pl.String, "item_id": pl.String, "grade": pl.Float64},
        orient="row",
    )
    data = SearchData("made up", pl.DataFrame({"item_id": ["1", "2", "3"]}), ("a", "b", "c"), judged, pooled=True)
    assert data.answerable() == tuple(q for q in "abc" if any(g for (x, _), g in last.items() if x == q))
    assert {(q, i) for q, found in data.grades().items() for i in found} == set(last)
