"""Bundles: a fitted model in a folder, and what scores it at serving time.

>>> from evenshelf.bundles import Bundle
>>> bundle = Bundle.load("myshop/bundles/category")  # doctest: +SKIP
>>> bundle.predict(["Nike men running shoes"])[0].label  # doctest: +SKIP
'Sports Shoes'
"""

from __future__ import annotations

from evenshelf.bundles.bundle import Bundle
from evenshelf.bundles.conformal import Conformal, fit_conformal
from evenshelf.bundles.head import ServingHead
from evenshelf.bundles.manifest import Manifest
from evenshelf.bundles.prediction import Prediction

__all__ = ["Bundle", "Conformal", "Manifest", "Prediction", "ServingHead", "fit_conformal"]
