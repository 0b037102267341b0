"""The benchmark of how well search ranks: its measures against trec_eval, and a quick run."""

from __future__ import annotations

import json

import pytest
import pytrec_eval
from bench.search_quality import FOLDS, folds, main
from bench.search_scores import judged_ndcg, ndcg
from hypothesis import given
from hypothesis import strategies as st


@given(
    st.dictionaries(st.sampled_from("abcdefghijkl"), st.integers(0, 3), min_size=1).filter(
        lambda g: max(g.values()) > 0
    ),
    st.permutations("abcdefghijklmn"),
)
def test_ndcg_is_that_of_trec_eval(grades, ranked):
    run = {item: float(len(ranked) - place) for place, item in enumerate(ranked)}
    judged = pytrec_eval.RelevanceEvaluator({"q": grades}, {"ndcg_cut.10"})
    assert ndcg(ranked, grades) == pytest.approx(judged.evaluate({"q": run})["q"]["ndcg_cut_10"])
    alone = {item: run[item] for item in grades}
    expected = judged.evaluate({"q": alone})["q"]["ndcg_cut_10"]
    assert judged_ndcg(run, grades) == pytest.approx(expected)


def test_each_query_is_in_one_fold_and_folds_are_even():
    drawn = folds(23)
    counts = [int((drawn == number).sum()) for number in range(FOLDS)]
    assert sum(counts) == 23
    assert max(counts) - min(counts) <= 1
    assert drawn.tolist() == folds(23).tolist()


def test_a_quick_run_prints_all_rankings(tmp_path, capsys):
    file = tmp_path / "quality.json"
    assert main(["--quick", "--json", str(file)]) == 0
    document = json.loads(file.read_text(encoding="utf-8"))
    assert {figure["name"] for figure in document["figures"]} == {"ndcg_at_10", "judged_ndcg_at_10"}
    (table,) = document["tables"]
    names = [row[1] for row in table["rows"]]
    assert names == ["BM25", "MiniLM", "rank fusion", "convex, chosen", "evenshelf", "evenshelf, weights learned"]
    assert all(0 <= row[2][1] <= row[2][0] <= row[2][2] <= 1 for row in table["rows"])
    assert "evenshelf" in capsys.readouterr().out


def test_files_of_ones_own_are_ranked(tmp_path):
    products, ratings = tmp_path / "p.jsonl", tmp_path / "r.csv"
    made = [{"id": str(n), "title": f"{'red' if n % 2 else 'blue'} lamp {n}"} for n in range(12)]
    products.write_text("\n".join(map(json.dumps, made)), encoding="utf-8")
    ratings.write_text(
        "query,docid,rating\nred lamp,1,3\nred lamp,2,0\nblue lamp,2,3\nblue lamp,3,0\n", encoding="utf-8"
    )
    file = tmp_path / "own.json"
    assert main(["--catalogue", str(products), "--judgements", str(ratings), "--json", str(file)]) == 0
    figures = {figure["name"]: figure for figure in json.loads(file.read_text(encoding="utf-8"))["figures"]}
    assert figures["judged_ndcg_at_10"]["value"] == 1.0
