"""LensKit is asked in its own environment, for lists without what users have; and is missed with a word on how."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from bench.lenskit_lists import INTERPRETER, LENGTH, SETTINGS, TITLES, Listed, asked, tuned
from bench.recommend_beauty import main
from bench.recommend_data import made_up

from bench import lenskit_lists

here = pytest.mark.skipif(not INTERPRETER.exists(), reason="LensKit is not installed: make lenskit")


@here
@pytest.mark.parametrize("model", TITLES)
def test_lists_hold_what_is_wanted_more_often_than_by_chance_and_nothing_of_the_history(model: str) -> None:
    shop = made_up(0)
    settings = SETTINGS[model][:2]
    found = asked(model, settings, shop.counted, shop.before, seed=1)
    assert len(found) == len(settings)
    had = shop.before.weights().toarray() > 0
    for one in found:
        assert one.lists.shape == (len(shop.target), LENGTH)
        line, place = np.nonzero(one.lists >= 0)
        assert not had[line, one.lists[line, place]].any()
        assert (one.places(shop.target) < 10).mean() > 3 * 10 / len(shop.before.items)
        assert one.bytes > 0
    (again,) = asked(model, settings[:1], shop.counted, shop.before, seed=1)
    np.testing.assert_array_equal(again.lists, found[0].lists)


@here
def test_the_setting_is_chosen_on_the_validation_step() -> None:
    shop = made_up(0)
    chosen = tuned("item_knn", shop, np.arange(40), seed=0)
    assert chosen.setting in SETTINGS["item_knn"]
    assert chosen.title == TITLES["item_knn"]
    assert len(chosen.listed.lists) == len(shop.target)


def test_places_are_those_on_the_list() -> None:
    listed = Listed(np.array([[4, 2, -1], [1, 0, 5], [3, -1, -1]]), 0.0, 0)
    np.testing.assert_array_equal(listed.places(np.array([2, 1, 0])), [1.0, 0.0, np.inf])


def test_without_its_environment_the_run_ends_with_how_to_make_it(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setattr(lenskit_lists, "INTERPRETER", lenskit_lists.ROOT / "nowhere" / "python")
    assert main(["--quick", "--json", str(tmp_path / "out.json")]) == 1
    said = "".join(capsys.readouterr())
    assert "make lenskit" in said
    assert "--without-lenskit" in said
    assert not (tmp_path / "out.json").exists()
