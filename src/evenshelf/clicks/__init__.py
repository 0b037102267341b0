"""Click logs and click models: how much places are looked at, and what clicks say of items once that is taken out.

>>> from evenshelf.clicks import ClickLog, compare_models, log_of_shop, position_bias
"""

from __future__ import annotations

from evenshelf.clicks.bias import PositionBias, position_bias
from evenshelf.clicks.comparing import Comparison, compare_models
from evenshelf.clicks.evidence import Attraction, Pairs
from evenshelf.clicks.grades import Weights, grades, inverse_propensity, weighted_rates
from evenshelf.clicks.harvesting import Harvest, harvest
from evenshelf.clicks.log import ClickLog
from evenshelf.clicks.models.base import ClickModel
from evenshelf.clicks.models.registry import click_model, click_models, register
from evenshelf.clicks.pooling import Pooled, pool
from evenshelf.clicks.shop_log import log_of_shop

__all__ = [
    "Attraction",
    "ClickLog",
    "ClickModel",
    "Comparison",
    "Harvest",
    "Pairs",
    "Pooled",
    "PositionBias",
    "Weights",
    "click_model",
    "click_models",
    "compare_models",
    "grades",
    "harvest",
    "inverse_propensity",
    "log_of_shop",
    "pool",
    "position_bias",
    "register",
    "weighted_rates",
]
