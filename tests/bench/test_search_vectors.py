"""``python -m bench.search_vectors`` on made-up vectors, and its parts."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest
from bench.own_vectors import STORES, Plain
from bench.render import markdown
from bench.search_vectors import ENVIRONMENT, FEW, SHARES, K, arguments, least, main, middle

from bench import vector_child, vector_data
from evenshelf.errors import InputError


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    path = tmp_path_factory.mktemp("vectors") / "vectors.json"
    assert main(["--quick", "--sizes", "1500", "3000", "--queries", "8", "--json", str(path)]) == 0
    return json.loads(path.read_text(encoding="utf-8"))


def test_every_store_stands_in_both_tables(report):
    stores, filters = report["tables"]
    at = {name: stores["columns"].index(name) for name in stores["columns"]}
    assert {(row[at["items"]], row[at["store"]]) for row in stores["rows"]} == {
        (items, store) for items in (1500, 3000) for store in ("evenshelf", "numpy")
    }
    assert all(row[at["recall_at_50"]] == row[at["recall_at_200"]] == 1.0 for row in stores["rows"])
    assert all((row[at["add_ms"]] is None) == (row[at["store"]] == "numpy") for row in stores["rows"])
    assert len(filters["rows"]) == 4 * len(SHARES)
    for table in report["tables"]:
        for language in ("en", "zh"):
            assert len(markdown(table["columns"], table["rows"], language).splitlines()) == len(table["rows"]) + 2
    assert all(math.isfinite(figure["value"]) for figure in report["figures"])


@pytest.mark.parametrize("share", [None, 0.0, 0.01, 0.5])
def test_least_is_that_of_all_cosines(share, tmp_path):
    vectors, queries = vector_data.made_up(700, 5, 0)
    np.save(tmp_path / "vectors.npy", vectors)
    mask = None if share is None else np.random.default_rng(0).random(700) < share
    cosines = np.sort(queries @ (vectors if mask is None else vectors[mask]).T, axis=1)[:, ::-1]
    found = least(tmp_path / "vectors.npy", queries, mask)
    for place, count in enumerate((FEW, K)):
        last = cosines[:, min(count, cosines.shape[1]) - 1] if cosines.shape[1] else -2.0
        np.testing.assert_allclose(found[:, place], last, atol=1e-6)


def test_beyond_the_titles_vectors_lie_between_near_ones(tmp_path, monkeypatch):
    vectors, _ = vector_data.made_up(400, 1, 0)
    monkeypatch.setattr(vector_data, "BLOCK", 300)
    vector_data.write(tmp_path / "v.npy", vectors, 1000, 0)
    found = np.load(tmp_path / "v.npy")
    np.testing.assert_array_equal(found[:400], vectors)
    np.testing.assert_allclose(np.linalg.norm(found, axis=1), 1.0, atol=1e-5)
    nearest = (found[400:] @ vectors.T).max(axis=1)
    assert nearest.mean() > 0.8
    assert nearest.max() < 1 - 1e-6, "none is a copy"


class Forgetful(Plain):
    """Does not look at the filter."""

    def ask(self, query, mask, allowed):
        return super().ask(query, None, None)


class Repeating(Plain):
    """Gives its best row twice."""

    def ask(self, query, mask, allowed):
        rows = super().ask(query, mask, allowed)
        return np.concatenate([rows[:1], rows])


@pytest.mark.parametrize(("store", "words"), [(Forgetful, "not allowed"), (Repeating, "twice")])
def test_a_store_that_answers_wrongly_ends_the_run(store, words, tmp_path):
    vectors, queries = vector_data.made_up(700, 25, 0)
    masks = np.random.default_rng(0).random((1, 700)) < 0.5
    for name, array in {"vectors": vectors, "queries": queries, "masks": masks}.items():
        np.save(tmp_path / f"{name}.npy", array)
    np.save(tmp_path / "least.npy", np.stack([least(tmp_path / "vectors.npy", queries, m) for m in (None, masks[0])]))
    vector_child.build(store(), tmp_path)
    with pytest.raises(SystemExit, match=words):
        vector_child.ask(store(), tmp_path)


def test_medians_are_of_each_number():
    runs = [{"a": one, "b": [{"c": 2 * one}]} for one in (3.0, 1.0, 2.0)]
    assert middle(runs) == {"a": 2.0, "b": [{"c": 4.0}]}


def test_arguments():
    assert arguments([]).sizes == (20_000, 100_000, 1_000_000)
    assert set(arguments(["--without-vectors"]).stores) == set(STORES) < set(arguments([]).stores)
    assert not arguments(["--quick"]).real


def test_stores_that_are_not_installed_are_asked_for(monkeypatch):
    monkeypatch.setattr("bench.search_vectors.ENVIRONMENT", ENVIRONMENT.with_name("nowhere"))
    with pytest.raises(InputError, match="not installed"):
        main(["--stores", "usearch"])
