"""Click logs of a real shop's searches: what click models make of them."""

from __future__ import annotations

import gzip
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from evenshelf.clicks import ClickLog, click_model, compare_models, harvest
from evenshelf.clicks.cells import Cells
from evenshelf.clicks.models.position_based import PositionBased

pytestmark = pytest.mark.real

NAMES = {"list": "sess_id", "item": "clicked_doc_id"}


@pytest.fixture(scope="module")
def log(real_data: Path) -> ClickLog:
    """The sessions of all queries."""
    folder = real_data / "retrotech" / "sessions"
    frames = [pl.read_csv(gzip.decompress(file.read_bytes())) for file in sorted(folder.iterdir())]
    return ClickLog.of_frame(pl.concat(frames), names=NAMES, first=0)


@pytest.fixture(scope="module")
def some(log: ClickLog) -> ClickLog:
    """Every fifth list: enough for what is slower."""
    return log.of_lists(np.arange(0, log.lists, 5))


def test_all_sessions_are_lists_without_a_repeated_rank(log: ClickLog) -> None:
    assert (len(log), log.lists, len(log.queries)) == (1_775_000, 65_000, 13)
    assert not log.left_out
    assert set(log.lengths.tolist()) <= set(range(15, 31))


def test_held_out_bits_of_the_models_that_count_cells(log: ClickLog) -> None:
    rest, held = log.split()
    known = {"position_based": 0.146, "rank_rate": 0.157, "document_rate": 0.160, "constant": 0.187}
    for name, bits in known.items():
        assert click_model(name).fit(rest).bits(held) == pytest.approx(bits, abs=0.001), name


def test_examination_by_the_model_is_that_of_items_that_were_shown_at_several_ranks(log: ClickLog) -> None:
    """It is .54 at rank 2 and .08 at rank 10. EM that is stopped early gives more: it has a lower likelihood."""
    model = PositionBased.fit(log)
    np.testing.assert_allclose(model.examination[[1, 2, 5, 9]], [0.54, 0.38, 0.18, 0.08], atol=0.01)
    second = harvest(Cells.of(log))
    assert second.pairs > 250
    np.testing.assert_allclose(second.examination[:10], model.examination[:10], atol=0.02)


def test_the_position_based_model_predicts_better_than_the_network_and_the_cascade_worse_than_ranks(
    some: ClickLog,
) -> None:
    found = compare_models(some)
    order = [one.model.name for one in found.models]
    assert order[:2] == ["position_based", "dbn"]
    assert order.index("rank_rate") < order.index("cascade")
    assert found.use.model.name == "position_based"
    assert found.models[1].low > 0
