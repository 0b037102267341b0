"""The commands index and search: from a shop to answers with reasons, exit codes, JSON."""

from __future__ import annotations

import html
import json
import re
import shlex
from pathlib import Path

import polars as pl
import pytest

from evenshelf import cli
from evenshelf.index.documents import items_of
from evenshelf.shop import Shop

pytestmark = pytest.mark.usefixtures("cache_folder")


def run(*args: object) -> int:
    with pytest.raises(SystemExit) as caught:
        cli.main([str(arg) for arg in args])
    return int(caught.value.code or 0)


def told(capsys: pytest.CaptureFixture[str], *args: object) -> dict:
    capsys.readouterr()
    assert run(*args, "--json") == 0
    return json.loads(capsys.readouterr().out)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory, cache_folder: Path) -> Path:
    """Simulated, with its index."""
    folder = tmp_path_factory.mktemp("search") / "shop"
    assert run("simulate", folder, "--items", 200, "--events", 3000, "--pictures", 0) == 0
    assert run("index", folder) == 0
    return folder


def test_what_was_indexed_is_told(shop, capsys):
    document = told(capsys, "index", shop)
    assert (document["items"], document["built"], document["put"], document["deleted"]) == (200, False, 0, 0)
    assert document["index"]["searched"]["title"] == "title"
    assert {"category", "in_stock"} <= set(document["index"]["texts"])
    assert {"price", "popularity"} <= set(document["index"]["numbers"])


def test_changes_of_the_shop_alone_are_indexed_again(shop, capsys):
    opened = Shop.open(shop)
    items = opened.items()
    first = items["item_id"][0]
    new = items.head(1).with_columns(pl.lit("another").alias("item_id"), pl.lit("Quixotic zither").alias("title"))
    changed = items.slice(1).with_columns(
        pl.when(pl.col("item_id") == items["item_id"][1])
        .then(pl.lit("Obsidian lute"))
        .otherwise("title")
        .alias("title")
    )
    opened.commit({"items": pl.concat([changed, new])})
    document = told(capsys, "index", shop)
    assert (document["built"], document["put"], document["deleted"]) == (False, 2, 1)
    assert told(capsys, "search", shop, "zither")["hits"][0]["item_id"] == "another"
    assert told(capsys, "search", shop, "lute")["hits"][0]["item_id"] == items["item_id"][1]
    found = told(capsys, "search", shop, "", "--limit", 500)
    assert first not in {hit["item_id"] for hit in found["hits"]}
    opened.commit({"items": items})
    assert told(capsys, "index", shop)["deleted"] == 1


def test_many_small_changes_end_in_an_index_that_is_built_anew(shop, capsys):
    opened = Shop.open(shop)
    items = opened.items()
    built = []
    for turn in range(3):
        some = pl.int_range(pl.len()) < 30
        renamed = pl.when(some).then(pl.format("{} turn {}", "title", pl.lit(turn))).otherwise("title").alias("title")
        opened.commit({"items": items.with_columns(renamed)})
        document = told(capsys, "index", shop)
        built.append((document["built"], document["put"]))
    assert (True, 200) in built
    assert (False, 30) in built
    opened.commit({"items": items})
    told(capsys, "index", shop)
    assert not told(capsys, "index", shop)["built"]


def test_an_answer_is_explained_filtered_sorted_and_counted(shop, capsys):
    options = ["--filter", "price:5..200", "--facet", "category", "--facet", "price", "--explain"]
    found = told(capsys, "search", shop, "shoes", *options)
    assert found["hits"]
    for hit in found["hits"]:
        assert 5 <= hit["item"]["price"] <= 200
        assert sum(hit["explanation"]["parts"].values()) == pytest.approx(hit["score"], abs=1e-5)
    assert sum(found["facets"]["category"].values()) == found["total"]
    dear = told(capsys, "search", shop, "shoes", "--sort", "-price", "-n", 5)
    prices = [hit["item"]["price"] for hit in dear["hits"]]
    assert prices == sorted(prices, reverse=True)


def test_a_person_reads_titles_reasons_and_corrections(shop, capsys):
    capsys.readouterr()
    assert run("search", shop, "shooes", "--explain", "--facet", "category") == 0
    shown = capsys.readouterr().out
    assert "Searched for shoes" in shown
    assert "correction of shooes" in " ".join(shown.split())
    assert "cosine" in shown
    assert "category:" in shown
    assert run("search", shop, "鞋", "-n", 2) == 0
    assert "鞋" in capsys.readouterr().out


def test_what_is_typed_is_completed(shop, capsys):
    found = told(capsys, "search", shop, "sho", "--suggest")
    assert found["suggestions"]
    assert all("sho" in s["text"].lower() for s in found["suggestions"])
    capsys.readouterr()
    assert run("search", shop, "zzzz", "--suggest") == 0
    assert "Nothing" in capsys.readouterr().out


def test_how_well_search_answers_is_told_over_frequent_and_rare(shop, capsys):
    document = told(capsys, "search-quality", shop)
    assert document["task"] == "search"
    found = {(row["over"], row["part"], row["metric"]): row for row in document["metrics"]}
    assert found["all", "all", "judged_ndcg_at_10"]["value"] > 0.7
    assert found["all", "all", "zero_results"]["value"] < 0.2
    assert {("queries", "head"), ("queries", "tail"), ("script", "han"), ("script", "latin")} <= {k[:2] for k in found}
    for row in document["metrics"]:
        assert row["low"] - 1e-9 <= row["value"] <= row["high"] + 1e-9
    capsys.readouterr()
    assert run("search-quality", shop, "--target", "clicks") == 0
    assert "clicks" in capsys.readouterr().out
    assert run("search-quality", shop, "--target", "smells") == 2


@pytest.mark.parametrize(
    ("args", "code", "told_so"),
    [
        (("search", "{shop}", "x", "--filter", "prise:1"), 2, "price"),
        (("search", "{shop}", "x" * 2000), 3, "characters"),
        (("search", "{shop}/nothing", "x"), 3, "evenshelf index"),
        (("index", "{shop}", "--language", "klingon"), 2, "english"),
        (("index", "{shop}", "--synonyms", "{shop}/none.txt"), 3, "synonyms"),
        (("index", "{shop}/nothing"), 3, "shop"),
    ],
)
def test_what_cannot_be_done_is_one_error(shop, capsys, args, code, told_so):
    capsys.readouterr()
    assert run(*(arg.format(shop=shop) for arg in args)) == code
    assert told_so in capsys.readouterr().err


def test_synonyms_come_from_a_file(shop, capsys, tmp_path):
    file = tmp_path / "synonyms.txt"
    file.write_text("# ours\nplimsoll => shoe\n", encoding="utf-8")
    assert told(capsys, "index", shop, "--synonyms", file)["built"]
    found = told(capsys, "search", shop, "plimsoll", "--explain")
    assert "synonym of plimsoll" in " ".join(found["hits"][0]["explanation"]["notes"])
    file.write_text("lonely\n", encoding="utf-8")
    assert run("index", shop, "--synonyms", file) == 3
    assert "line 1" in capsys.readouterr().err


def test_what_sold_and_what_is_in_stock_give_way_to_no_column_of_the_items(shop):
    opened = Shop.open(shop)
    items = opened.items()
    usual = items_of(opened)
    opened.commit({"items": items.with_columns(popularity=pl.lit("high"), in_stock=pl.lit("perhaps"))})
    assert items_of(opened).select(usual.columns).equals(usual)
    opened.commit({"items": items})


@pytest.mark.parametrize(
    ("written", "read"),
    [(["True", " no", ""], [True, False, None]), (["yes", "perhaps", ""], ["yes", "perhaps", ""])],
)
def test_a_text_of_what_is_in_stock_is_yes_and_no_where_it_says_nothing_else(tmp_path, written, read):
    file = tmp_path / "items.csv"
    titles = ["red shoe", "blue shoe", "green shoe"]
    pl.DataFrame({"item_id": ["a", "b", "c"], "title": titles, "in_stock": written}).write_csv(file)
    assert run("ingest", tmp_path / "shop", file) == 0
    assert items_of(Shop.open(tmp_path / "shop"))["in_stock"].to_list() == read


def test_a_study_is_told_and_done_again_from_its_own_command(shop, capsys):
    asked = ["--task", "search", "--remedies", "none, knn", "--baselines", "none", "--folds", 3, "--budget", 1]
    document = told(capsys, "study", shop, *asked, "--learning-curve", "--workers", 1)
    (folder, page) = (Path(document["folder"]), Path(document["report"]).read_text(encoding="utf-8"))
    fair = document["fairness"]
    assert fair["gain"] + fair["loss"] + fair["same"] == fair["queries"] == document["verdict"]["classes"]
    assert json.loads((folder / "fairness.json").read_text(encoding="utf-8")) == fair
    assert {(v["trait"], v["value"]) for v in fair["values"]} >= {("queries", "head"), ("items", "tail")}
    assert "What would more queries bring?" in page
    assert "Study of search" in page
    again = told(capsys, "report", folder)
    assert again["verdict"] == document["verdict"]
    assert again["fairness"] == fair
    (block,) = re.findall(r"<pre>(evenshelf study .*?)</pre>", page, flags=re.DOTALL)
    typed = shlex.split(html.unescape(block).replace("\\\n", " "))
    repeated = told(capsys, *typed[1:], "--workers", 1, "--no-report")
    assert repeated["verdict"]["reasons"] == document["verdict"]["reasons"]
    for first, second in zip(document["verdict"]["comparisons"], repeated["verdict"]["comparisons"], strict=True):
        assert first | {"seconds": 0} == second | {"seconds": 0}, "CPU time alone is never the same"
    assert run("study", shop, *asked, "--sample", 10) == 2
