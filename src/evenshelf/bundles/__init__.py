"""Bundles: a fitted model in a folder, and what scores it at serving time.

>>> from evenshelf.bundles import Bundle, Recommender
>>> bundle = Bundle.load("myshop/bundles/category")  # doctest: +SKIP
>>> bundle.predict(["Nike men running shoes"])[0].label  # doctest: +SKIP
'Sports Shoes'
>>> Recommender.load("myshop/bundles/recommend-all").recommend(["i12"]).items[0]  # doctest: +SKIP
'i7'
"""

from __future__ import annotations

from evenshelf.bundles.bundle import Bundle
from evenshelf.bundles.conformal import Conformal, fit_conformal
from evenshelf.bundles.head import ServingHead
from evenshelf.bundles.manifest import Manifest
from evenshelf.bundles.prediction import Prediction
from evenshelf.bundles.ranking import Recommended, Recommender

__all__ = [
    "Bundle",
    "Conformal",
    "Manifest",
    "Prediction",
    "Recommended",
    "Recommender",
    "ServingHead",
    "fit_conformal",
]
