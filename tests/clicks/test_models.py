"""Click models: what all of them promise, and their registry."""

from __future__ import annotations

import numpy as np
import pytest

from evenshelf.clicks import ClickLog, ClickModel, click_model, click_models, register
from evenshelf.clicks.models.position_based import PositionBased
from evenshelf.clicks.models.rates import ConstantRate
from evenshelf.errors import SettingError
from evenshelf.testing import check_click_model, click_model_checks


@pytest.mark.parametrize(
    "check", [check for name in sorted(click_models()) for check in click_model_checks(click_model(name))]
)
def test_every_model_keeps_its_promises(check) -> None:
    check()


def test_a_model_that_looks_at_the_click_itself_is_found_out() -> None:
    class Peeks(ConstantRate):
        name = "peeks"

        def probability(self, log: ClickLog) -> np.ndarray:
            return np.where(log.clicked, 0.9, 0.1)

    with pytest.raises(AssertionError, match="row 3"):
        check_click_model(Peeks)


def test_a_model_is_registered_once_and_near_names_are_offered() -> None:
    assert register(PositionBased) is PositionBased
    with pytest.raises(SettingError, match="already taken"):
        register(type("Other", (ClickModel,), {"name": "dbn"}))
    with pytest.raises(SettingError, match="did you mean position_based"):
        click_model("position_base")
