"""``python -m bench.faithfulness`` on a small simulated shop: methods and the peer on the same titles."""

from __future__ import annotations

import json

import numpy as np
import pytest
from bench.faithfulness import COLUMNS, FUSED, OURS, PARTS, arguments, held_out, looked_at, main
from bench.render import markdown

from bench import peer_reasons
from evenshelf.explain import faithfulness
from evenshelf.explain.margins import Margin
from evenshelf.explain.places import Places
from evenshelf.tasks.label import LabelTask
from tests.bundles.shops import make_shop
from tests.catalogues import catalogue

pytestmark = pytest.mark.usefixtures("cache_folder")


@pytest.fixture(scope="module")
def report(tmp_path_factory, cache_folder):
    path = tmp_path_factory.mktemp("faithfulness") / "faithfulness.json"
    assert main(["--quick", "--titles", "12", "--samples", "100", "--json", str(path)]) == 0
    return json.loads(path.read_text(encoding="utf-8"))


def test_all_methods_stand_beside_random_words(report):
    (table,) = report["tables"]
    assert tuple(table["columns"]) == COLUMNS
    rows = {row[2]: dict(zip(COLUMNS, row, strict=True)) for row in table["rows"]}
    assert list(rows) == [*OURS["tfidf"], peer_reasons.NAME, "random"]
    assert {row["texts"] for row in rows.values()} == {12}
    for name, row in rows.items():
        if name == "random":
            assert row["comprehensiveness_beyond"] is row["seconds_per_text"] is None
            continue
        value, low, high = row["comprehensiveness_beyond"]
        assert 0 < low <= value <= high
        assert row["sufficiency_beyond"][0] < 0
    assert len(markdown(table["columns"], table["rows"], "zh").splitlines()) == len(rows) + 2


def test_figures_are_those_of_the_table(report):
    (table,) = report["tables"]
    rows = {row[2]: dict(zip(COLUMNS, row, strict=True)) for row in table["rows"]}
    figures = {figure["name"].removesuffix("_simulated_tfidf"): figure for figure in report["figures"]}
    assert set(figures) == {"comprehensiveness_beyond_random", "sufficiency_beyond_random", "seconds_per_text"}
    for name, of, sign in (("comprehensiveness", "exact", 1), ("sufficiency", "exact", -1)):
        figure = figures[f"{name}_beyond_random"]
        ours, theirs = (sign * rows[who][f"{name}_beyond"][0] for who in (of, peer_reasons.NAME))
        assert (figure["value"], figure["peer_value"]) == (ours, theirs)
        assert figure["ratio"] == pytest.approx(ours / theirs)
    seconds = figures["seconds_per_text"]
    assert seconds["ratio"] == pytest.approx(seconds["peer_value"] / seconds["value"])


def test_titles_are_of_groups_that_were_not_trained_on():
    labels, texts = [], []
    for seed in range(3):
        more, of = catalogue(seed=seed)
        texts, labels = [*texts, *more], [*labels, *of]
    task = LabelTask.of(labels, texts)
    out = held_out(task, seed=1)
    assert 0 < out.mean() < 0.5
    assert not set(task.group[out]) & set(task.group[~out])
    asked = arguments(["--quick", "--titles", "5"])
    titles = looked_at(task, out, asked)
    assert len(titles) == len(set(titles)) == 5
    assert set(titles) <= {task.texts[row] for row in np.flatnonzero(out)}
    assert titles == looked_at(task, out, asked)
    assert all(len(Places.of(title).words) > 3 for title in titles)


def test_the_peer_finds_the_word_that_alone_decides():
    """Its weights belong to the words that they are told of, repeated ones and Chinese ones as well."""

    class Encoder:
        def encode(self, texts, **_):
            return np.array([[float("运动鞋" in text), 1.0] for text in texts], np.float32)

    class Head:
        def probabilities(self, vectors):
            chance = 0.1 + 0.8 * vectors[:, :1]
            return np.hstack([chance, 1 - chance]).astype(np.float32)

    class Bundle:
        encoder, head = Encoder(), Head()

    places = Places.of("红色 运动鞋 红色 Nike 42")
    margin = Margin(0, 1, np.array([1.0, 0.0]), 0.0)
    (found,) = peer_reasons.lime(300, 0)(Bundle(), [places], [margin])
    assert [word.text for word in found.words] == list(places.words)
    assert found.strongest[0].text == "运动鞋"
    assert found.strongest[0].value > 10 * abs(found.strongest[1].value)


def test_methods_of_ones_own_stand_beside_ours(tmp_path):
    from evenshelf.errors import SettingError
    from evenshelf.explain.words import exact
    from evenshelf.study.train import Wanted, train

    bundle, _ = train(make_shop(tmp_path / "shop"), Wanted(remedy="none", penalty=1e-4, encoder="tfidf"))
    texts = catalogue(seed=1)[0][:10]
    ours = faithfulness(bundle, texts, ["exact"], most=1)
    own = faithfulness(bundle, texts, {"mine": exact}, most=1)
    np.testing.assert_array_equal(ours.curves["exact"].margin, own.curves["mine"].margin)
    with pytest.raises(SettingError, match="otherwise"):
        faithfulness(bundle, texts, {"random": exact}, most=1)


def test_arguments():
    assert arguments([]).parts == PARTS
    assert arguments(["--fused"]).parts == (*PARTS, FUSED)
    assert arguments([]).samples == 5_000
    assert arguments(["--quick"]).rows < arguments([]).rows
