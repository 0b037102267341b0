"""Judged queries and clicked lists of two electronics shops through ingest and the profile, by count."""

from __future__ import annotations

import json
import zipfile

import polars as pl
import pytest

from evenshelf.shop import Shop, ingest, profile, profile_log
from evenshelf.shop.profiling.advice import advice

pytestmark = pytest.mark.real


def test_judgements_of_electronics_are_taken_whole(balanced, real_data, tmp_path):
    folder = real_data / "chorus_electronics"
    with (tmp_path / "products.jsonl").open("w", encoding="utf-8") as out:
        for part in sorted(folder.glob("products_*.json.zip")):
            with zipfile.ZipFile(part) as packed:
                (name,) = packed.namelist()
                rows = json.loads(packed.read(name))
            out.writelines(
                json.dumps({key: row.get(key) for key in ("id", "title", "supplier", "price")}) + "\n" for row in rows
            )
    path = tmp_path / "shop"
    products = ingest(path, [tmp_path / "products.jsonl"], mapping={"brand": "supplier"})
    assert (products.rows, products.sources[0].quarantined) == (19_406, {})
    report = ingest(path, [folder / "rated_queries_dev.csv"], table="judgements")
    shop = Shop.open(path)
    assert balanced(shop, report)
    assert {role: column for role, (column, _) in report.sources[0].mapping.items()} == {
        "query": "query",
        "item_id": "docid",
        "grade": "rating",
    }
    judged = shop.read("judgements")
    assert judged.height == 1_957
    assert dict(judged["grade"].value_counts().iter_rows()) == {0: 1_089, 1: 111, 2: 62, 3: 695}
    assert judged.join(shop.items(), on="item_id", how="anti").height == 0
    pools = judged.group_by("query").agg(pl.len(), best=pl.col("grade").max(), grades=pl.col("grade").n_unique())
    assert (pools.height, pools["len"].min(), pools["len"].max()) == (74, 1, 60)
    assert pools.filter(best=0).height == 9
    found = profile(shop, "brand")
    about = found.judgements
    assert about is not None
    assert (about.rows, about.queries, about.without_relevant, about.unknown_items) == (1_957, 74, 9, 0)
    assert (about.fewest, about.median, about.most, about.catalogue) == (1, 22.5, 60, 19_406)
    assert about.of_one_grade == pools.filter(grades=1).height == 17
    told = " ".join(advice(found))
    assert "9 of 74 queries have no relevant item" in told
    assert "22.5 of 19,406 items are judged for a query" in told


def test_ranks_that_count_from_0_are_refused_and_those_from_1_are_kept(real_data, tmp_path):
    lists = pl.read_csv(real_data / "retrotech" / "sessions" / "dryer_sessions.gz")
    assert lists.height == 100_000
    told = {"item_id": "clicked_doc_id", "session_id": "sess_id"}
    for first, kept, refused in ((0, 95_000, {"impossible_position": 5_000}), (1, 100_000, {})):
        path = tmp_path / f"from-{first}"
        path.mkdir()
        rows = lists.with_columns(pl.col("rank").cast(pl.Int64) + first, pl.col("clicked").cast(pl.Int8))
        rows.write_csv(path / "dryer.csv")
        report = ingest(
            path / "shop", [path / "dryer.csv"], table="events", constants={"kind": "impression"}, mapping=told
        )
        assert (report.rows, report.sources[0].quarantined) == (kept, refused)
        assert report.warnings == {"events_without_user": kept, "events_without_time": kept}
    shown = Shop.open(path / "shop").read("events")
    assert shown["value"].sum() == lists["clicked"].sum() == 4_900
    found = profile_log(Shop.open(path / "shop"))
    # Each of the 20 documents was shown 5,000 times, once in each session: so even that it looks made up.
    assert (found.sessions, found.items, found.imbalance.gini, found.without_session) == (5_000, 20, 0, 0)
