"""A bundle of the task of relevance: it brings what reads a pair, and is loaded without naming it."""

from __future__ import annotations

import numpy as np
import pytest

from evenshelf.bundles import Bundle
from evenshelf.encoders.sides import pair_text
from evenshelf.errors import SettingError
from evenshelf.shop import Shop, ingest, simulate
from evenshelf.study.train import Wanted, train

pytestmark = pytest.mark.usefixtures("cache_folder")


@pytest.fixture(scope="module")
def few_judged(tmp_path_factory):
    """A shop with every thirtieth judgement of a simulated one."""
    folder = tmp_path_factory.mktemp("judged")
    made = simulate(folder / "made", items=300, language="en", seed=5)
    made.items().select("item_id", "title", "brand").write_csv(folder / "items.csv")
    judged = made.read("judgements").gather_every(30)
    judged.select("query", "item_id", "grade").write_csv(folder / "judged.csv")
    ingest(folder / "shop", [folder / "items.csv"])
    ingest(folder / "shop", [folder / "judged.csv"], table="judgements")
    return Shop.open(folder / "shop")


def test_a_bundle_reads_pairs_as_when_it_was_trained(few_judged, tmp_path):
    wanted = Wanted(task="relevance", remedy="balanced", encoder="pair:tfidf", penalty=1e-4)
    bundle, folder = train(few_judged, wanted, tmp_path / "bundle")
    assert folder == tmp_path / "bundle"
    loaded = Bundle.load(folder)
    assert loaded.encoder.name == "pair:tfidf"
    title = few_judged.items()["title"][0]
    texts = [pair_text("red shoe", title), pair_text("watch", title), title]
    np.testing.assert_array_equal(loaded.encoder.encode(texts), bundle.encoder.encode(texts))
    assert [p.label for p in loaded.predict(texts)] == [p.label for p in bundle.predict(texts)]
    assert {entry.name for entry in loaded.manifest.classes} == {"0", "1", "2", "3"}
    with pytest.raises(SettingError, match="trained on vectors of 'pair:tfidf', not of 'tfidf'"):
        Bundle.load(folder, encoder="tfidf")
    with pytest.raises(SettingError, match="not of 'pair:minilm'"):
        Bundle.load(folder, encoder="pair:minilm")
    assert Bundle.load(folder, encoder="pair:tfidf").encoder.fingerprint == bundle.encoder.fingerprint
